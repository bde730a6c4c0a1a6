import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Limiter } from "../../objects/limiter/limiter.ts";
import { type Client, limiterName, limiterStub } from "../../objects/stubs.ts";
import type { LimitRule } from "../../shared/policy/limits.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { env, setClock, T0, unique } from "./support.ts";

beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

const api: LimitRule = { name: "api", limit: 10, windowMs: MINUTE_MS };
const auth: LimitRule = { name: "auth", limit: 3, windowMs: MINUTE_MS, blockMs: 15 * MINUTE_MS };
/** Longer than counts may stay unwritten; plain timers run on the real clock. */
const SAVED_MS = 1_300;
const saved = (): Promise<void> => scheduler.wait(SAVED_MS);

function newLimiter() {
  const subject = unique("usr");
  const stub = (): DurableObjectStub<Limiter> => env.LIMITER.getByName(limiterName(subject));
  const client = (): Client<Limiter> => limiterStub(env, subject);
  const passes = async (rule: LimitRule, times: number): Promise<number> => {
    const replies = await Promise.all(Array.from({ length: times }, () => client().admit({ rule })));
    return replies.filter((reply) => reply.allowed).length;
  };
  return { stub, client, passes };
}

interface Stored {
  tables: string[];
  windows: number;
  revoked: number;
  cutoff: number;
  alarm: number | null;
}

const stored = (stub: DurableObjectStub<Limiter>): Promise<Stored> =>
  runInDurableObject(stub, async (_, { storage }) => {
    const { sql } = storage;
    const tables = sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_*'")
      .toArray()
      .map(({ name }) => name);
    const count = (table: string): number =>
      tables.includes(table) ? sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n : 0;
    return {
      tables,
      windows: count("windows"),
      revoked: count("revoked"),
      cutoff: count("cutoff"),
      alarm: await storage.getAlarm(),
    };
  });

/** Rows written while `work` runs. */
async function rowsDuring(stub: DurableObjectStub<Limiter>, work: () => Promise<unknown>): Promise<number> {
  let rows = 0;
  const restore = await runInDurableObject(stub, (_, { storage: { sql } }) => {
    const { exec } = sql;
    sql.exec = ((...args: Parameters<typeof exec>) => {
      const cursor = exec.apply(sql, args);
      rows += cursor.rowsWritten;
      return cursor;
    }) as typeof exec;
    return () => {
      sql.exec = exec;
    };
  });
  await work();
  await runInDurableObject(stub, () => restore());
  return rows;
}

describe("windows", () => {
  it("of fifty callers at once exactly the limit pass, and again when the window has passed", async () => {
    const { passes } = newLimiter();
    expect(await passes(api, 50)).toBe(10);
    setClock(T0 + MINUTE_MS - 1);
    expect(await passes(api, 50)).toBe(0);
    setClock(T0 + MINUTE_MS);
    expect(await passes(api, 50)).toBe(10);
  });

  it("rules of one subject, and subjects, count apart", async () => {
    const { passes, client } = newLimiter();
    expect(await passes(api, 20)).toBe(10);
    expect(await passes({ ...api, name: "global" }, 20)).toBe(10);
    expect(await newLimiter().passes(api, 20)).toBe(10);
    expect(await client().admit({ rule: api })).toEqual({
      allowed: false,
      limit: 10,
      remaining: 0,
      resetAt: T0 + MINUTE_MS,
      retryAfterMs: MINUTE_MS,
      revoked: false,
    });
  });

  it("a call costs no row: a second's calls are written together", async () => {
    const { stub, client, passes } = newLimiter();
    await client().admit({ rule: api });
    expect((await stored(stub())).tables).toEqual([]);
    await saved();
    expect(await stored(stub())).toMatchObject({ windows: 1 });
    const wide = { ...api, limit: 1000 };
    let calledMs = 0;
    const rows = await rowsDuring(stub(), async () => {
      const began = performance.now();
      for (let i = 0; i < 4; i++) await passes(wide, 25);
      calledMs = performance.now() - began;
      await saved();
    });
    expect(rows).toBeGreaterThanOrEqual(1);
    expect(rows).toBeLessThanOrEqual(1 + Math.floor(calledMs / SECOND_MS));
  });

  it("act, evict, act: what was written still counts, to the millisecond", async () => {
    const { stub, passes } = newLimiter();
    expect(await passes(api, 7)).toBe(7);
    await saved();
    await evictDurableObject(stub());
    setClock(T0 + MINUTE_MS - 1);
    expect(await passes(api, 50)).toBe(3);
    setClock(T0 + MINUTE_MS);
    expect(await passes(api, 50)).toBe(7);
  });
});

describe("blocks", () => {
  it("act, evict, act at once: neither attempts nor a block are forgotten", async () => {
    const { stub, passes } = newLimiter();
    expect(await passes(auth, 2)).toBe(2);
    await evictDurableObject(stub());
    expect(await passes(auth, 2)).toBe(1);
    await evictDurableObject(stub());
    setClock(T0 + 15 * MINUTE_MS - 1);
    expect(await passes(auth, 5)).toBe(0);
    setClock(T0 + 15 * MINUTE_MS);
    expect(await passes(auth, 2)).toBe(2);
  });

  it("attempts during a block cost no row", async () => {
    const { stub, passes } = newLimiter();
    await passes(auth, 4);
    const rows = await rowsDuring(stub(), async () => {
      expect(await passes(auth, 50)).toBe(0);
      await saved();
    });
    expect(rows).toBe(0);
  });

  it("an attempt that is taken back does not count, not even after an eviction", async () => {
    const { stub, client, passes } = newLimiter();
    for (let i = 0; i < 20; i++) {
      expect((await client().admit({ rule: auth })).allowed).toBe(true);
      await client().takeBack(auth);
    }
    await evictDurableObject(stub());
    expect(await passes(auth, 3)).toBe(3);
  });

  it("nothing to take back is no error", async () => {
    const { client, passes } = newLimiter();
    await client().takeBack(auth);
    expect(await passes(auth, 3)).toBe(3);
  });
});

describe("revocation", () => {
  const until = T0 + 15 * MINUTE_MS;
  const ask = (client: Client<Limiter>, jti: string, issuedAt = T0 - MINUTE_MS) =>
    client.admit({ rule: api, token: { jti, sessionId: null, issuedAt } });

  it("one token is void, the others of the subject are not; an eviction changes nothing", async () => {
    const { stub, client } = newLimiter();
    await client().revoke("tok_a", until);
    for (const _ of ["before", "after"]) {
      expect(await ask(client(), "tok_a")).toMatchObject({ allowed: false, revoked: true });
      expect(await ask(client(), "tok_b")).toMatchObject({ allowed: true, revoked: false });
      await evictDurableObject(stub());
    }
  });

  it("a session is void with every token of it, whenever it was issued; the user's other sessions are not", async () => {
    const { stub, client } = newLimiter();
    await client().revoke("fam_a", until);
    await evictDurableObject(stub());
    const of = (sessionId: string | null, issuedAt: number) =>
      client().admit({ rule: api, token: { jti: unique("tok"), sessionId, issuedAt } });
    for (const issuedAt of [T0 - 1, T0 + MINUTE_MS]) expect((await of("fam_a", issuedAt)).revoked).toBe(true);
    for (const other of ["fam_b", null]) expect((await of(other, T0 - 1)).allowed).toBe(true);
  });

  it("a void token uses up none of its owner's calls", async () => {
    const { client } = newLimiter();
    await client().revoke("tok_a", until);
    for (let i = 0; i < 50; i++) await ask(client(), "tok_a");
    expect(await ask(client(), "tok_b")).toMatchObject({ allowed: true, remaining: 9 });
  });

  it("log out everywhere: the token of a millisecond before is void, the login of the same second works", async () => {
    const { stub, client } = newLimiter();
    await client().revokeAll(T0 + 200, until);
    await evictDurableObject(stub());
    for (const issuedAt of [T0 - MINUTE_MS, T0 + 199, T0 + 200])
      expect((await ask(client(), unique("tok"), issuedAt)).revoked).toBe(true);
    expect(await ask(client(), "tok_new", T0 + 201)).toMatchObject({ allowed: true, revoked: false });
  });

  it("an earlier log out everywhere that arrives late takes nothing back", async () => {
    const { client } = newLimiter();
    await client().revokeAll(T0, until);
    await client().revokeAll(T0 - MINUTE_MS, until - MINUTE_MS);
    expect((await ask(client(), "tok_a", T0 - 1)).revoked).toBe(true);
  });

  it("law 10: too many single tokens become all tokens, and none of them lives again", async () => {
    const { stub, client } = newLimiter();
    await client().revoke("tok_first", until);
    await runInDurableObject(stub(), (limiter) => {
      for (let i = 0; i < 1_500; i++) limiter.revoke(`tok_${i}`, until);
    });
    expect(await stored(stub())).toMatchObject({ revoked: 1_000, cutoff: 1 });
    for (const jti of ["tok_first", "tok_0", "tok_1499", "tok_unknown"])
      expect((await ask(client(), jti, T0 - 1)).revoked).toBe(true);
    expect((await ask(client(), "tok_later", T0 + 1)).revoked).toBe(false);
  });
});

describe("sweeping", () => {
  const SWEEP_MS = 15 * MINUTE_MS;

  it("what has expired is deleted, what has not is kept, and at last the actor is empty", async () => {
    const { stub, client, passes } = newLimiter();
    await client().revoke("tok_short", T0 + MINUTE_MS);
    await client().revoke("tok_long", T0 + 40 * MINUTE_MS);
    await client().revokeAll(T0 - MINUTE_MS, T0 + MINUTE_MS);
    await passes(auth, 4);
    await passes(api, 5);
    await saved();
    expect(await stored(stub())).toMatchObject({ windows: 2, revoked: 2, cutoff: 1, alarm: T0 + SWEEP_MS });

    setClock(T0 + SWEEP_MS);
    expect(await runDurableObjectAlarm(stub())).toBe(true);
    expect(await stored(stub())).toMatchObject({ windows: 0, revoked: 1, cutoff: 0, alarm: T0 + 40 * MINUTE_MS });
    expect(
      (await client().admit({ rule: api, token: { jti: "tok_long", sessionId: null, issuedAt: T0 } })).revoked,
    ).toBe(true);

    setClock(T0 + 40 * MINUTE_MS);
    expect(await runDurableObjectAlarm(stub())).toBe(true);
    expect(await stored(stub())).toMatchObject({ tables: [], alarm: null });
  });

  it("an actor that emptied itself counts again", async () => {
    const { stub, passes } = newLimiter();
    await passes(auth, 3);
    setClock(T0 + SWEEP_MS);
    await runDurableObjectAlarm(stub());
    expect((await stored(stub())).tables).toEqual([]);
    expect(await passes(auth, 3)).toBe(3);
    await evictDurableObject(stub());
    expect(await passes(auth, 1)).toBe(0);
  });

  it("a subject that stays active wakes once a quarter of an hour and loses no count", async () => {
    const { stub, passes } = newLimiter();
    const rule = { ...api, windowMs: 20 * MINUTE_MS };
    expect(await passes(rule, 4)).toBe(4);
    await saved();
    setClock(T0 + SWEEP_MS + SECOND_MS);
    await runDurableObjectAlarm(stub());
    expect((await stored(stub())).alarm).toBe(T0 + 2 * SWEEP_MS + SECOND_MS);
    expect(await passes(rule, 50)).toBe(6);
  });
});

describe("names", () => {
  it("ids are read in them, addresses and accounts are not", () => {
    expect(limiterName("usr_1a2b")).toBe("limiter/usr_1a2b");
    for (const subject of ["address 203.0.113.7", "203.0.113.7", "owner@example.com", "", "x".repeat(65), "~x"]) {
      const name = limiterName(subject);
      expect(name).toMatch(/^limiter\/~[\w-]{43}$/);
      if (subject !== "") expect(name).not.toContain(subject);
    }
  });
});
