import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { limiterStub, storeStub } from "../../objects/stubs.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../../workers/env.ts";
import * as limits from "../../workers/gateway/limits.ts";
import { Refusals } from "../../workers/gateway/refusals.ts";
import { env, failure, newStore, setClock, T0, unique } from "./support.ts";

beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

/** The environment with limits of its own, and every actor call on the way counted. */
function meteredEnv(rateLimits: string): { env: Env; calls: () => { limiter: number; store: number } } {
  const calls = { limiter: 0, store: 0 };
  const metered = <N extends object>(namespace: N, key: keyof typeof calls): N =>
    new Proxy(namespace, {
      get(target, name) {
        if (name === "getByName") calls[key] += 1;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  return {
    env: {
      ...env,
      RATE_LIMITS: rateLimits,
      LIMITER: metered(env.LIMITER, "limiter"),
      STORE: metered(env.STORE, "store"),
    },
    calls: () => ({ ...calls }),
  };
}

const broken = (): Env["LIMITER"] =>
  ({
    getByName: () => {
      const unreachable = () => Promise.reject(new Error("unreachable"));
      return { admit: unreachable, takeBack: unreachable };
    },
  }) as unknown as Env["LIMITER"];

let host = 0;
/** A request from an address that no other test has. */
const from = (address = `198.51.${Math.floor(++host / 250)}.${host % 250}`): Request =>
  new Request("https://cartwake.example/x", { headers: { "cf-connecting-ip": address } });

const caller = async (over: { apiPerMinute: number } | null = null) => ({
  id: unique("usr"),
  storeId: (await newStore({ rateLimits: over })).id,
});

describe("callers", () => {
  it("are limited by who they are, in one actor call a request", async () => {
    const { env, calls } = meteredEnv("api=3");
    const [one, other] = [await caller(), await caller()];
    const seen = [];
    for (let i = 0; i < 3; i++) seen.push(await limits.limitCaller(env, one));
    expect(seen.map((v) => [v.allowed, v.remaining])).toEqual([
      [true, 2],
      [true, 1],
      [true, 0],
    ]);
    expect(calls()).toEqual({ limiter: 3, store: 1 });
    expect(await limits.limitCaller(env, one)).toMatchObject({ allowed: false, limit: 3 });
    expect(await limits.limitCaller(env, other)).toMatchObject({ allowed: true });
  });

  it("have their store's own limit, and a changed one counts at once here and soon elsewhere", async () => {
    const { env } = meteredEnv("api=3");
    const one = await caller({ apiPerMinute: 1 });
    expect(await limits.limitCaller(env, one)).toMatchObject({ allowed: true, limit: 1 });
    expect(await limits.limitCaller(env, one)).toMatchObject({ allowed: false });
    await storeStub(env, one.storeId).patchSettings({ rateLimits: { apiPerMinute: 5 } }, null);
    expect(await limits.limitCaller(env, one)).toMatchObject({ allowed: false, limit: 1 });
    limits.forgetOverride(one.storeId);
    expect(await limits.limitCaller(env, one)).toMatchObject({ allowed: true, limit: 5, remaining: 3 });
    await storeStub(env, one.storeId).patchSettings({ rateLimits: null }, null);
    setClock(T0 + 30 * SECOND_MS);
    expect(await limits.limitCaller(env, one)).toMatchObject({ allowed: true, limit: 3 });
  });

  it("with a revoked token are refused, whatever this isolate remembers", async () => {
    const { env } = meteredEnv("api=2");
    const one = await caller();
    const token = { jti: unique("tok"), sessionId: null, issuedAt: T0 - 1 };
    expect(await limits.limitCaller(env, one, token)).toMatchObject({ allowed: true });
    await limiterStub(env, one.id).revoke(token.jti, T0 + 15 * MINUTE_MS);
    const revoked = await limits.limitCaller(env, one, token);
    expect(revoked).toMatchObject({ allowed: false, revoked: true });
    expect(limits.refusalOf(revoked)).toMatchObject({ code: "UNAUTHORIZED" });
    // Others of the same person go on, until the limit; then neither passes, and after it the revoked one still does not.
    expect(await limits.limitCaller(env, one, { jti: "tok_x", sessionId: null, issuedAt: T0 })).toMatchObject({
      allowed: true,
    });
    expect(await limits.limitCaller(env, one)).toMatchObject({ allowed: false, revoked: false });
    expect((await limits.limitCaller(env, one, token)).allowed).toBe(false);
    setClock(T0 + MINUTE_MS);
    expect(await limits.limitCaller(env, one, token)).toMatchObject({ allowed: false, revoked: true });
  });
});

describe("addresses", () => {
  it("without credentials share the global limit of their network; who has none shares one window", async () => {
    const { env } = meteredEnv("global=2");
    for (let i = 0; i < 2; i++) expect((await limits.limitAddress(env, from("2001:db8:5::1"))).allowed).toBe(true);
    expect((await limits.limitAddress(env, from("2001:db8:5::2"))).allowed).toBe(false);
    expect((await limits.limitAddress(env, from("2001:db8:5:1::2"))).allowed).toBe(true);
    const nowhere = new Request("https://cartwake.example/");
    expect((await limits.limitAddress(env, nowhere)).allowed).toBe(true);
    expect((await limits.limitAddress(env, nowhere)).remaining).toBe(0);
  });

  it("a flood of a refused address costs no actor call until it may come again", async () => {
    const { env, calls } = meteredEnv("global=5");
    const request = from();
    for (let i = 0; i < 6; i++) await limits.limitAddress(env, request);
    const before = calls().limiter;
    setClock(T0 + 10 * SECOND_MS);
    for (let i = 0; i < 500; i++)
      expect(await limits.limitAddress(env, request)).toMatchObject({ allowed: false, retryAfterMs: 50 * SECOND_MS });
    expect(calls().limiter).toBe(before);
    setClock(T0 + MINUTE_MS);
    expect((await limits.limitAddress(env, request)).allowed).toBe(true);
    expect(calls().limiter).toBe(before + 1);
  });
});

describe("attempts to log in", () => {
  it("of one account at one address are blocked for a quarter of an hour, however the account is written", async () => {
    const { env } = meteredEnv("auth=3");
    const request = from();
    for (const account of ["ada@shop.example", " ADA@shop.example", "Ada@Shop.example "])
      expect((await limits.limitAuthAttempt(env, request, account)).allowed).toBe(true);
    const refused = await limits.limitAuthAttempt(env, request, "ada@shop.example");
    expect(refused).toMatchObject({ allowed: false, retryAfterMs: 15 * MINUTE_MS });
    expect((await limits.limitAuthAttempt(env, request, "bob@shop.example")).allowed).toBe(true);
    expect((await limits.limitAuthAttempt(env, request, null)).allowed).toBe(true);
    expect((await limits.limitAuthAttempt(env, from(), "ada@shop.example")).allowed).toBe(true);
    setClock(T0 + 15 * MINUTE_MS - 1);
    expect((await limits.limitAuthAttempt(env, request, "ada@shop.example")).allowed).toBe(false);
    setClock(T0 + 15 * MINUTE_MS);
    expect((await limits.limitAuthAttempt(env, request, "ada@shop.example")).allowed).toBe(true);
  });

  it("failures of one address count over all accounts, successes do not", async () => {
    const { env } = meteredEnv("auth=3");
    const request = from();
    for (let i = 0; i < 20; i++) {
      expect((await limits.limitAuthFailures(env, request))?.allowed).toBe(true);
      await limits.forgiveAuthFailure(env, request);
    }
    for (let i = 0; i < 3; i++) expect((await limits.limitAuthFailures(env, request))?.allowed).toBe(true);
    expect(await limits.limitAuthFailures(env, request)).toMatchObject({
      allowed: false,
      retryAfterMs: 15 * MINUTE_MS,
    });
    expect((await limits.limitAddress(env, request)).allowed).toBe(true);
  });

  it("without an edge in front nobody is shut out for what others did", async () => {
    const { env } = meteredEnv("auth=1 global=1");
    const nowhere = new Request("https://cartwake.example/auth/login");
    for (let i = 0; i < 5; i++) {
      expect(await limits.limitAuthFailures(env, nowhere)).toBeNull();
      expect(await limits.limitStranger(env, nowhere)).toBeNull();
    }
    expect((await limits.limitStranger(env, from("203.0.113.77")))?.allowed).toBe(true);
    expect((await limits.limitStranger(env, from("203.0.113.77")))?.allowed).toBe(false);
  });

  it("a hundred attempts at once get no more guesses than the limit", async () => {
    const { env } = meteredEnv("auth=3");
    const request = from();
    const all = await Promise.all(Array.from({ length: 100 }, () => limits.limitAuthFailures(env, request)));
    expect(all.filter((verdict) => verdict?.allowed)).toHaveLength(3);
  });
});

describe("when the limiter cannot be reached", () => {
  it("addresses and secret keys pass uncounted; tokens, which may be revoked, and log-ins do not", async () => {
    const one = await caller();
    const down: Env = { ...env, LIMITER: broken() };
    expect(await limits.limitAddress(down, from())).toMatchObject({ allowed: true, limit: 1000, remaining: 1000 });
    expect(await limits.limitCaller(down, one)).toMatchObject({ allowed: true, limit: 600 });
    const token = { jti: "tok_1", sessionId: null, issuedAt: T0 };
    expect(await failure(() => limits.limitCaller(down, one, token))).toContain("SERVICE_UNAVAILABLE");
    expect(await failure(() => limits.limitAuthAttempt(down, from(), "a@b.example"))).toContain("SERVICE_UNAVAILABLE");
    expect(await failure(() => limits.limitAuthFailures(down, from()))).toContain("SERVICE_UNAVAILABLE");
    await limits.forgiveAuthFailure(down, from());
  });

  it("a store that cannot be reached leaves the configured limit", async () => {
    const STORE = {
      getByName: () => ({ settings: () => Promise.reject(new Error("unreachable")) }),
    } as unknown as Env["STORE"];
    const verdict = await limits.limitCaller({ ...env, STORE }, { id: unique("usr"), storeId: unique("st") });
    expect(verdict).toMatchObject({ allowed: true, limit: 600 });
  });
});

describe("answers", () => {
  const verdict = { allowed: true, limit: 600, remaining: 599, resetAt: T0 + 59_001, retryAfterMs: 0 };

  it("say the limit, what is left, and when in unix seconds; a refusal also when to come again", () => {
    expect(limits.limitHeaders(verdict)).toEqual({
      "x-ratelimit-limit": "600",
      "x-ratelimit-remaining": "599",
      "x-ratelimit-reset": String(T0 / 1000 + 60),
    });
    const refused = { ...verdict, allowed: false, remaining: 0, retryAfterMs: 1_001 };
    expect(limits.limitHeaders(refused)).toMatchObject({ "x-ratelimit-remaining": "0", "retry-after": "2" });
    expect(limits.limitHeaders({ ...refused, retryAfterMs: 3 })).toMatchObject({ "retry-after": "1" });
    expect(limits.refusalOf(verdict)).toBeNull();
    expect(limits.refusalOf(refused)).toMatchObject({
      code: "TOO_MANY_REQUESTS",
      detail: "At most 600 such requests a minute are allowed. Try again in 2 seconds.",
    });
  });

  it("law 10: what an isolate remembers is bounded, the oldest goes first", () => {
    const refusals = new Refusals();
    const refused = { ...verdict, allowed: false, retryAfterMs: MINUTE_MS };
    for (let i = 0; i < 6_000; i++) refusals.remember(`key ${i}`, refused, T0);
    expect(refusals.size).toBe(5_000);
    expect([refusals.find("key 0", T0), refusals.find("key 5999", T0)?.allowed]).toEqual([null, false]);
    expect(refusals.find("key 5999", T0 + MINUTE_MS)).toBeNull();
    expect(refusals.size).toBe(4_999);
  });
});
