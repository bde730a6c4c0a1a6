/** A small client of the public API for the commands: JSON, problems as errors, retries where they are safe. */
import { messageOf, sleep } from "./command.ts";

/** An answer outside 2xx. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(method: string, path: string, status: number, body: unknown) {
    const problem = (body ?? {}) as { code?: string; detail?: string };
    super(`${method} ${path} answered ${status} ${problem.code ?? ""} ${problem.detail ?? ""}`.trim());
    this.name = "ApiError";
    this.status = status;
    this.code = problem.code ?? "";
  }
}

export interface CallOptions {
  method?: string;
  body?: unknown;
  token?: string | undefined;
  timeoutMs?: number;
}

/** One call; the parsed body of a 2xx, an `ApiError` otherwise. */
export async function call<T = Record<string, unknown>>(
  base: string,
  path: string,
  options: CallOptions = {},
): Promise<T> {
  const { method = options.body === undefined ? "GET" : "POST", body, token, timeoutMs = 15_000 } = options;
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  let parsed: unknown = null;
  try {
    parsed = text === "" ? null : JSON.parse(text);
  } catch {
    parsed = { detail: text.slice(0, 200) };
  }
  if (!response.ok) throw new ApiError(method, path, response.status, parsed);
  return parsed as T;
}

interface Session {
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
}

/** A merchant's session that renews itself shortly before its access token ends, and after a 401. */
export class Merchant {
  readonly #base: string;
  readonly #email: string;
  readonly #password: string;
  #token: { value: string; refresh: string; until: number } | null = null;
  #renewal: Promise<void> | null = null;

  constructor(base: string, email: string, password: string) {
    this.#base = base;
    this.#email = email;
    this.#password = password;
  }

  use(session: Session): void {
    const { accessToken, refreshToken, expiresIn } = session;
    this.#token = { value: accessToken, refresh: refreshToken, until: Date.now() + expiresIn * 1000 - 30_000 };
  }

  async call<T = Record<string, unknown>>(path: string, options: CallOptions = {}): Promise<T> {
    try {
      return await call<T>(this.#base, path, { ...options, token: await this.token() });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      if (this.#token) this.#token.until = 0;
      return call<T>(this.#base, path, { ...options, token: await this.token() });
    }
  }

  /** A valid access token; calls that find it spent at the same time share one renewal. */
  async token(): Promise<string> {
    if (this.#token === null || Date.now() >= this.#token.until) {
      this.#renewal ??= this.#renew().finally(() => {
        this.#renewal = null;
      });
      await this.#renewal;
    }
    return this.#token!.value;
  }

  async #renew(): Promise<void> {
    if (this.#token) {
      try {
        return this.use(
          await call<Session>(this.#base, "/auth/refresh", { body: { refreshToken: this.#token.refresh } }),
        );
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.#token = null;
      }
    }
    const body = { email: this.#email, password: this.#password };
    this.use(await call<Session>(this.#base, "/auth/login", { body }));
  }
}

/** Repeats a call that failed by the network, a 5xx or a 429, up to `attempts` times with growing pauses. */
export async function persist<T>(attempts: number, run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      const final = error instanceof ApiError && error.status < 500 && error.status !== 429;
      if (final || attempt >= attempts) throw error instanceof ApiError ? error : new Error(messageOf(error));
      await sleep(200 * 2 ** attempt);
    }
  }
}
