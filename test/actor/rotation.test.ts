import { applyD1Migrations, type D1Migration, runDurableObjectAlarm } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { keyringStub } from "../../objects/stubs.ts";
import { keyIdOf } from "../../shared/auth/tokens.ts";
import { configChanged } from "../../shared/config.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { SessionView } from "../../shared/views.ts";
import { env, setClock, T0 } from "./support.ts";

/*
 * The whole Worker under requests while its keys change: its own gateway and its cache of keys, its own keyring and alarm.
 * Only the clock is moved by hand. One isolate is seen here; that others know a new key in time follows from the minute
 * they keep what was published and the five minutes that a key is published before it signs.
 */

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));
vi.setConfig({ testTimeout: 60_000 });
beforeEach(() => configure("jwt"));
afterEach(() => {
  vi.useRealTimers();
});

function configure(TOKEN_FORMAT: string): void {
  Object.assign(env, { TOKEN_FORMAT });
  configChanged();
}

const worker = (exports as unknown as { default: { fetch(request: Request): Promise<Response> } }).default;

const call = (method: string, path: string, init: { token?: string; body?: unknown } = {}): Promise<Response> =>
  worker.fetch(
    new Request(`https://cartwake.example${path}`, {
      method,
      headers: {
        "content-type": "application/json",
        ...(init.token ? { authorization: `Bearer ${init.token}` } : {}),
      },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    }),
  );

async function register(): Promise<SessionView> {
  const response = await call("POST", "/auth/register", {
    body: {
      email: `${crypto.randomUUID()}@merchant.example`,
      password: "correct horse battery",
      store: { name: "Kiln", url: "https://shop.example/", currency: "EUR", timezone: "UTC" },
    },
  });
  expect(response.status).toBe(201);
  return response.json();
}

/** A client that asks again and again, and takes a new token as often as `refreshMs` of its clock. */
class Client {
  readonly kids = new Set<string>();
  requests = 0;
  refused: string[] = [];
  readonly #refreshMs: number;
  #session: SessionView;
  #refreshedAt = Date.now();

  constructor(session: SessionView, refreshMs: number) {
    this.#session = session;
    this.#refreshMs = refreshMs;
  }

  async ask(): Promise<void> {
    if (Date.now() - this.#refreshedAt > this.#refreshMs) await this.#refresh();
    const token = this.#session.accessToken;
    this.kids.add(keyIdOf(token)!);
    const response = await call("GET", "/auth/me", { token });
    await response.body?.cancel();
    this.#count(response, "/auth/me");
  }

  async #refresh(): Promise<void> {
    const response = await call("POST", "/auth/refresh", { body: { refreshToken: this.#session.refreshToken } });
    this.#count(response, "/auth/refresh");
    this.#session = await response.json();
    this.#refreshedAt = Date.now();
  }

  #count(response: Response, path: string): void {
    this.requests += 1;
    if (response.status !== 200) this.refused.push(`${new Date().toISOString()} ${path} ${response.status}`);
  }
}

/** The clock goes on in steps; the keyring's alarm rings as it would, while half of the clients ask: the others ask then. */
async function pass(from: number, to: number, stepMs: number, clients: Client[] = []): Promise<void> {
  const ask = (half: number) => Promise.all(clients.filter((_, i) => i % 2 === half).map((client) => client.ask()));
  for (let at = from; at <= to; at += stepMs) {
    const meanwhile = ask(0);
    setClock(at);
    await runDurableObjectAlarm(env.KEYRING.getByName("keyring"));
    await Promise.all([meanwhile, ask(1)]);
  }
}

const seenBy = (clients: Client[]) => ({
  requests: clients.reduce((sum, client) => sum + client.requests, 0),
  refused: clients.flatMap((client) => client.refused),
  kids: new Set(clients.flatMap((client) => [...client.kids])),
});

describe.each(["jwt", "paseto"])("under load, with %s", (format) => {
  it("a rotation loses no request", async () => {
    configure(format);
    const born = T0 + (format === "jwt" ? 0 : 100 * DAY_MS);
    setClock(born);
    await keyringStub(env).jwks();
    const rotation = born + 30 * DAY_MS;
    setClock(rotation - MINUTE_MS);
    const sessions = await Promise.all(Array.from({ length: 8 }, register));
    const clients = sessions.map((session, i) => new Client(session, (i + 1) * MINUTE_MS));
    await pass(rotation - MINUTE_MS, rotation + 21 * MINUTE_MS, MINUTE_MS, clients);
    const seen = seenBy(clients);
    expect(seen.refused).toEqual([]);
    expect(seen.kids.size).toBe(2);
    expect(seen.requests).toBeGreaterThan(200);
  });
});

describe("under load", () => {
  it("a change of format loses no request", async () => {
    const start = T0 + 200 * DAY_MS;
    await pass(start - HOUR_MS, start - HOUR_MS, 1); // a rotation that is due by then is over
    setClock(start);
    const sessions = await Promise.all(Array.from({ length: 8 }, register));
    const clients = sessions.map((session) => new Client(session, 30 * SECOND_MS));
    await pass(start, start + 2 * MINUTE_MS, 40 * SECOND_MS, clients);
    configure("paseto");
    await pass(start + 2 * MINUTE_MS, start + 17 * MINUTE_MS, 40 * SECOND_MS, clients);
    const seen = seenBy(clients);
    expect(seen.refused).toEqual([]);
    expect(seen.kids.size).toBe(2);
    expect(seen.requests).toBeGreaterThan(200);
  });

  it("a flood of made-up key ids becomes no flood of calls, and hinders nobody", async () => {
    setClock(T0 + 300 * DAY_MS);
    const { accessToken } = await register();
    const ring = env.KEYRING;
    let calls = 0;
    Object.assign(env, {
      KEYRING: {
        getByName: (name: string) => {
          calls += 1;
          return ring.getByName(name);
        },
      },
    });
    try {
      setClock(T0 + 300 * DAY_MS + 10 * SECOND_MS);
      const [, ...rest] = accessToken.split(".");
      const forged = (n: number) =>
        [btoa(JSON.stringify({ alg: "ES256", kid: `key_${String(n).padStart(20, "0")}`, typ: "at+jwt" })), ...rest]
          .join(".")
          .replaceAll("=", "");
      const statuses = await Promise.all(
        Array.from({ length: 200 }, async (_, n) => {
          const response = await call("GET", "/auth/me", { token: n % 10 ? forged(n) : accessToken });
          await response.body?.cancel();
          return response.status;
        }),
      );
      expect(statuses.filter((status) => status === 200)).toHaveLength(20);
      expect(statuses.filter((status) => status === 401)).toHaveLength(180);
      expect(calls).toBe(1);
    } finally {
      Object.assign(env, { KEYRING: ring });
    }
  });
});
