/** The meter: sums that survive, gauges that do not lie for long, and what a reading costs. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Meter } from "../../objects/meter/meter.ts";
import { breakerStub, lobbyRoom, meterStub } from "../../objects/stubs.ts";
import { type MetricsBatch, seriesKey } from "../../shared/metrics.ts";
import { MINUTE_MS } from "../../shared/time.ts";
import { env, eventually, setClock, T0, unique } from "./support.ts";

beforeEach(() => setClock(T0));
afterAll(() => void vi.useRealTimers());

/** The one meter of this file; each test looks at labels of its own. */
const stub = (): DurableObjectStub<Meter> => env.METER.getByName("meter");

const batch = (queue: string, n: number, seq = 1, isolate = unique("iso")): MetricsBatch => ({
  isolate,
  seq,
  counts: [[seriesKey("cartwake_queue_retries_total", { queue }), n]],
  histograms: [],
});

/** The value of the first line that begins so. */
async function line(start: string): Promise<number> {
  const text = await meterStub(env).expose();
  const found = text.split("\n").find((l) => l.startsWith(start));
  return Number(found?.split(" ").at(-1));
}
const retries = (queue: string) => line(`cartwake_queue_retries_total{queue="${queue}"}`);

/** Rows that a piece of work makes the meter write, with the writing behind it. */
async function rowsDuring(work: () => Promise<unknown>): Promise<number> {
  let rows = 0;
  const restore = await runInDurableObject(stub(), (_, { storage: { sql } }) => {
    const exec = sql.exec;
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
  await new Promise((resolve) => setTimeout(resolve, 2_300));
  await runInDurableObject(stub(), () => restore());
  return rows;
}

describe("sums", () => {
  it("are those of all isolates", async () => {
    const queue = unique("q");
    await Promise.all(Array.from({ length: 20 }, (_, i) => meterStub(env).add(batch(queue, i))));
    expect(await retries(queue)).toBe(190);
  });

  it("hold a batch once, however often and late it comes", async () => {
    const queue = unique("q");
    const isolate = unique("iso");
    for (const seq of [1, 1, 2, 1, 2, 3, 2]) await meterStub(env).add(batch(queue, 10, seq, isolate));
    expect(await retries(queue)).toBe(30);
  });

  it("survive an eviction once they were written, and so does what was already added", async () => {
    const queue = unique("q");
    const isolate = unique("iso");
    await rowsDuring(() => meterStub(env).add(batch(queue, 5, 1, isolate)));
    await evictDurableObject(stub());
    expect(await retries(queue)).toBe(5);
    await meterStub(env).add(batch(queue, 5, 1, isolate));
    expect(await retries(queue)).toBe(5);
  });

  it("cost one row for all that comes within two seconds, and reading costs none", async () => {
    const queue = unique("q");
    let addedMs = 0;
    const rows = await rowsDuring(async () => {
      const began = performance.now();
      await Promise.all(Array.from({ length: 200 }, () => meterStub(env).add(batch(queue, 1))));
      addedMs = performance.now() - began;
    });
    expect(rows).toBeGreaterThanOrEqual(1);
    expect(rows).toBeLessThanOrEqual(1 + Math.floor(addedMs / 2_000));
    const read = () => Promise.all([meterStub(env).expose(), meterStub(env).vitals()]);
    expect(await rowsDuring(read)).toBe(0);
  });

  it("take nothing that the table does not have", async () => {
    await meterStub(env).add({ ...batch("x", 1), counts: [[JSON.stringify(["evil_total", "a"]), 1]] });
    expect(await meterStub(env).expose()).not.toContain("evil_total");
  });
});

describe("breakers", () => {
  const open = (provider: string, state: string) => line(`cartwake_breakers{provider="${provider}",state="${state}"}`);
  const moved = (provider: string, to: string) =>
    line(`cartwake_breaker_transitions_total{provider="${provider}",to="${to}"}`);

  it("are counted while they are not closed, over all stores, and their changes for ever", async () => {
    const provider = unique("p");
    const stores = [unique("st"), unique("st")];
    for (const store of stores) for (let i = 0; i < 5; i++) await breakerStub(env, store, provider).report("failure");
    await eventually(async () => expect(await open(provider, "open")).toBe(2));
    const breaker = () => breakerStub(env, stores[0]!, provider);
    setClock((await breaker().state()).until);
    const { probe } = await breaker().enter();
    await eventually(async () => expect(await open(provider, "half_open")).toBe(1));
    await breaker().report("success", probe);
    await eventually(async () => expect(await open(provider, "open")).toBe(1));
    expect(await open(provider, "half_open")).toBeNaN();
    expect([await moved(provider, "open"), await moved(provider, "closed")]).toEqual([2, 1]);
    expect((await meterStub(env).vitals()).breakers).toContainEqual({ provider, state: "open", count: 1 });
  });

  it("are forgotten when nobody asked them for long", async () => {
    const provider = unique("p");
    const store = unique("st");
    for (let i = 0; i < 5; i++) await breakerStub(env, store, provider).report("failure");
    await eventually(async () => expect(await open(provider, "open")).toBe(1));
    setClock(T0 + 20 * MINUTE_MS);
    expect(await open(provider, "open")).toBeNaN();
  });
});

describe("sockets", () => {
  const sockets = () => line("cartwake_sockets_open");

  it("are counted as they come and go, and a room that lost them is asked", async () => {
    const room = () => lobbyRoom(env, 3);
    const join = async () => {
      const { webSocket } = await room().fetch("http://room/", { headers: { upgrade: "websocket" } });
      webSocket!.accept();
      return webSocket!;
    };
    const [a, b] = [await join(), await join()];
    await eventually(async () => expect(await sockets()).toBe(2));
    a.close(1000);
    await eventually(async () => expect(await sockets()).toBe(1));
    // What a killed process leaves behind: a report, and a room without sockets.
    await meterStub(env).report("room:~/lobby-9", {
      gauges: [["cartwake_sockets_open", {}, 7]],
      expiresAt: T0 + 60 * MINUTE_MS,
    });
    expect(await sockets()).toBe(8);
    setClock(T0 + 6 * MINUTE_MS);
    await eventually(async () => expect(await sockets()).toBe(1));
    b.close(1000);
    await eventually(async () => expect(await sockets()).toBe(0));
  });
});

describe("the probe of the queue", () => {
  it("is due at most once a minute, and the last arrival is remembered", async () => {
    setClock(T0 + 100 * MINUTE_MS);
    const asked = await Promise.all(Array.from({ length: 10 }, () => meterStub(env).probeDue()));
    expect(asked.filter((at) => at !== null)).toEqual([T0 + 100 * MINUTE_MS]);
    setClock(T0 + 100 * MINUTE_MS + 40);
    await meterStub(env).probeArrived(T0 + 100 * MINUTE_MS);
    await meterStub(env).probeArrived(T0 + 99 * MINUTE_MS);
    expect((await meterStub(env).vitals()).probe).toEqual({
      sentAt: T0 + 100 * MINUTE_MS,
      arrived: { sentAt: T0 + 100 * MINUTE_MS, at: T0 + 100 * MINUTE_MS + 40 },
    });
    setClock(T0 + 101 * MINUTE_MS);
    expect(await meterStub(env).probeDue()).toBe(T0 + 101 * MINUTE_MS);
  });
});
