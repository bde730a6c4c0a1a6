/** Health when something is ill. The rest, on the running system: test/system/observability.test.ts. */
import { applyD1Migrations, type D1Migration, runInDurableObject } from "cloudflare:test";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { breakerStub, meterStub } from "../../objects/stubs.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../../workers/env.ts";
import { health } from "../../workers/gateway/routes/health.ts";
import { env, eventually, setClock, T0, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));
afterAll(() => void vi.useRealTimers());

/** A first call starts every actor, which on a busy machine takes longer than health waits. */
beforeAll(async () => void (await ask()));

let now = T0;
/** Results are kept for a moment: each test looks later. */
beforeEach(() => {
  now += MINUTE_MS;
  setClock(now);
});

interface Answer {
  code: number;
  status: string;
  services: Record<string, { status: string; detail?: string; classes?: Record<string, { status: string }> }>;
}

/** A queue that delivers probes at once, or loses them. */
let loses = false;
const sent: unknown[] = [];
const EVENTS = {
  send: async (body: { probe: number }) => {
    sent.push(body);
    if (!loses) await meterStub(env).probeArrived(body.probe);
  },
} as unknown as Env["EVENTS"];

async function ask(over: Partial<Env> = {}): Promise<Answer> {
  const response = await health({ env: { ...env, EVENTS, ...over } });
  return { code: response.status, ...(await response.json<Omit<Answer, "code">>()) };
}

const failing = { getByName: () => new Proxy({}, { get: () => () => Promise.reject(new Error("secret inside")) }) };
/** When those that hang were asked; the clock of the tests stands. */
const askedAt: number[] = [];
const hang = (): Promise<never> => {
  askedAt.push(performance.now());
  return new Promise(() => undefined);
};
const hanging = { getByName: () => new Proxy({}, { get: () => hang }) };

const ill = (answer: Answer): string[] =>
  Object.entries(answer.services)
    .filter(([, s]) => s.status !== "healthy")
    .map(([name, { status }]) => `${name} ${status}`)
    .sort();

describe("health", () => {
  it("is well when all answer", async () => {
    expect(await ask()).toMatchObject({ code: 200, status: "healthy" });
  });

  it("is unhealthy without D1, and tells nobody why", async () => {
    const prepare = () => ({ first: () => Promise.reject(new Error("secret inside")) });
    const answer = await ask({ DB: { prepare } as unknown as D1Database });
    expect(answer).toMatchObject({ code: 503, status: "unhealthy" });
    expect(ill(answer)).toEqual(["databases unhealthy"]);
    expect(JSON.stringify(answer)).not.toContain("secret inside");
  });

  it.each([
    ["CART", "Cart", ["actors unhealthy", "ingestion unhealthy"]],
    ["STORE", "Store", ["actors unhealthy", "ingestion unhealthy"]],
    ["SHOPPER", "Shopper", ["actors unhealthy", "intervention unhealthy"]],
    ["KEYRING", "Keyring", ["actors unhealthy"]],
  ])("is unhealthy when %s fails", async (binding, name, parts) => {
    const answer = await ask({ [binding]: failing } as unknown as Partial<Env>);
    expect(answer).toMatchObject({ code: 503, status: "unhealthy" });
    expect(ill(answer)).toEqual(parts);
    expect(answer.services.actors?.classes?.[name]?.status).toBe("unhealthy");
  });

  it.each([
    ["ROOM", ["actors degraded"]],
    ["BREAKER", ["actors degraded", "intervention degraded"]],
    ["METER", ["actors degraded", "intervention degraded", "providers degraded", "queues degraded"]],
  ])("is degraded, and ready, when %s fails", async (binding, parts) => {
    const answer = await ask({ [binding]: failing } as unknown as Partial<Env>);
    expect(answer).toMatchObject({ code: 200, status: "degraded" });
    expect(ill(answer)).toEqual(parts);
  });

  it("waits two seconds for what hangs, all at once", async () => {
    askedAt.length = 0;
    const answer = await ask({ CART: hanging, STORE: hanging, ROOM: hanging } as unknown as Partial<Env>);
    expect(askedAt.length).toBeGreaterThanOrEqual(3);
    // One after another, each would be asked when the one before was given up.
    expect(askedAt.at(-1)! - askedAt[0]!).toBeLessThan(2_000);
    expect(answer).toMatchObject({ code: 503 });
    expect(answer.services.actors?.classes?.Cart).toMatchObject({
      status: "unhealthy",
      detail: "no answer within 2 s",
    });
  });

  it("is degraded while a provider's circuit is open", async () => {
    const store = unique("st");
    for (let i = 0; i < 5; i++) await breakerStub(env, store, "smtp").report("failure");
    await eventually(async () => {
      now += 10 * SECOND_MS;
      setClock(now);
      const answer = await ask();
      expect(answer).toMatchObject({ code: 200, status: "degraded" });
      expect(answer.services.providers).toMatchObject({ status: "degraded", detail: "smtp: 1 open" });
      expect(JSON.stringify(answer)).not.toContain(store);
    });
    now += 30 * MINUTE_MS;
    setClock(now);
    await ask();
  });

  it("is degraded when a probe of the queue does not come out", async () => {
    now += 2 * MINUTE_MS;
    setClock(now);
    loses = true;
    expect((await ask()).services.queues).toMatchObject({ status: "healthy" });
    expect(sent.at(-1)).toEqual({ probe: now });
    now += 40 * SECOND_MS;
    setClock(now);
    const answer = await ask();
    expect(answer.services.queues).toMatchObject({ status: "degraded" });
    expect(answer.services.queues?.detail).toMatch(/sent 40 s ago has not come out/);
    loses = false;
  });

  it("is asked again only after some seconds", async () => {
    const DB = { prepare: vi.fn((sql: string) => env.DB.prepare(sql)) };
    for (let i = 0; i < 20; i++) await ask({ DB: DB as unknown as D1Database });
    expect(DB.prepare).toHaveBeenCalledTimes(1);
  });

  it("never tells an old result, though somebody else is asking at this moment", async () => {
    expect(await ask()).toMatchObject({ status: "healthy" });
    now += 10 * MINUTE_MS;
    setClock(now);
    const [first, second] = await Promise.all([
      ask({ SHOPPER: failing } as unknown as Partial<Env>),
      ask({ SHOPPER: failing } as unknown as Partial<Env>),
    ]);
    expect([first.status, second.status]).toEqual(["unhealthy", "unhealthy"]);
  });

  it("leaves no row of a cart behind", async () => {
    await ask();
    const tables = await runInDurableObject(env.CART.getByName("~/health"), (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
    );
    expect(tables).toEqual([]);
  });
});
