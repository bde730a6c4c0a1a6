/** One request to the API; every failure comes out as a `Problem`. */
export interface ProblemField {
  field: string;
  message: string;
}

/** A `application/problem+json` answer, or our own for a server that could not be reached (`OFFLINE`, status 0). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly requestId: string | null;
  readonly fields: ProblemField[];
  /** Seconds to wait before the next try, from `Retry-After`. */
  readonly retryAfter: number | null;

  constructor(from: {
    status: number;
    code: string;
    title: string;
    detail?: string;
    requestId?: string;
    fields?: ProblemField[];
    retryAfter?: number | null;
  }) {
    super(from.detail || from.title);
    this.status = from.status;
    this.code = from.code;
    this.title = from.title;
    this.requestId = from.requestId ?? null;
    this.fields = from.fields ?? [];
    this.retryAfter = from.retryAfter ?? null;
  }
}

export interface Sending {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  /** Sent as it is, instead of a body. */
  file?: { content: Blob; type: string };
  /** The version that was read: a change that somebody made since then is refused as a conflict, not overwritten. */
  ifMatch?: number | undefined;
  token?: string | null;
}

export async function send<T>(path: string, sending: Sending = {}): Promise<T> {
  const text = await exchange(path, sending, (response) => response.text());
  return (text === "" ? null : JSON.parse(text)) as T;
}

/** The answer as a file, for the reader to keep. */
export const sendForFile = (path: string, token: string | null): Promise<Blob> =>
  exchange(path, { token }, (response) => response.blob());

async function exchange<T>(path: string, sending: Sending, read: (response: Response) => Promise<T>): Promise<T> {
  const { method = "GET", body, file, token, ifMatch } = sending;
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (file) headers["content-type"] = file.type;
  if (ifMatch !== undefined) headers["if-match"] = `"${ifMatch}"`;
  if (token) headers.authorization = `Bearer ${token}`;
  try {
    const response = await fetch(path, {
      method,
      headers,
      body: file?.content ?? (body === undefined ? null : JSON.stringify(body)),
      credentials: "same-origin",
    });
    if (response.ok) return await read(response);
    throw toProblem(response.status, await response.text(), response.headers.get("retry-after"));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem({
      status: 0,
      code: "OFFLINE",
      title: "Cartwake cannot be reached",
      detail: "Check the connection and try again.",
    });
  }
}

/** Reads a problem document; a proxy's HTML or an empty body still becomes a sentence. */
export function toProblem(status: number, text: string, retryAfter: string | null = null): Problem {
  const body = parseObject(text);
  const string = (key: string) => (typeof body[key] === "string" ? (body[key] as string) : undefined);
  const fields = Array.isArray(body.errors)
    ? body.errors.filter(
        (error): error is ProblemField => typeof error?.field === "string" && typeof error?.message === "string",
      )
    : [];
  return new Problem({
    status,
    code: string("code") ?? "UNEXPECTED",
    title: string("title") ?? `The server answered ${status}`,
    detail: string("detail") ?? string("title") ?? "Try again in a moment.",
    requestId: string("requestId"),
    fields,
    retryAfter: retryAfter && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : null,
  });
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
