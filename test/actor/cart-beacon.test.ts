import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { add, event, identified, mug, ordered } from "../support/cart-life.ts";
import {
  env,
  eventually,
  failure,
  HeldQueues,
  newCart,
  rowsOf,
  setClock,
  T0,
  unique,
  writesDuring,
} from "./support.ts";

const queues = new HeldQueues();
beforeAll(() => queues.hold());
afterAll(() => queues.release());
beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

describe("law 1: nothing acknowledged is lost, nothing counts twice", () => {
  it("a duplicate beacon changes nothing but the count of duplicates", async () => {
    const { cart, beacon, store } = await newCart();
    const mugAdded = add(T0);
    expect(await beacon(mugAdded)).toEqual({ accepted: 1, duplicates: 0, rejected: [] });
    expect(await beacon(mugAdded)).toEqual({ accepted: 0, duplicates: 1, rejected: [] });
    const view = await cart.view();
    expect(view).toMatchObject({ ok: true, value: { itemCount: 1, total: { amount: "12.50" } } });
    expect(await store.usage()).toMatchObject({ events: { accepted: 0 } }); // nothing was delivered yet
  });

  it("act, evict, act: the cart knows all it knew", async () => {
    const { cart, stub, beacon } = await newCart();
    const first = add(T0);
    await beacon(first, identified(T0));
    const before = await cart.view();
    await evictDurableObject(stub);
    expect(await cart.view()).toEqual(before);
    expect(await beacon(first, add(T0 + 1))).toEqual({ accepted: 1, duplicates: 1, rejected: [] });
    expect(await cart.view()).toMatchObject({ value: { itemCount: 2, shopper: { email: "ada@example.com" } } });
    await evictDurableObject(stub);
    expect(await cart.view()).toMatchObject({ value: { itemCount: 2, version: 2 } });
  });

  it("memory that went wrong does not survive an eviction: storage wins", async () => {
    const { cart, stub, rules } = await newCart();
    const seen = event("cart_updated", T0, { items: [mug({ quantity: 2 })] });
    await runInDurableObject(stub, (instance) => {
      instance.beacon([seen], rules);
      seen.items![0]!.quantity = 99; // called from inside, the cart's memory shares this object
    });
    expect(await cart.view()).toMatchObject({ value: { itemCount: 99 } });
    await evictDurableObject(stub);
    expect(await cart.view()).toMatchObject({ value: { itemCount: 2 } });
  });

  it("a beacon that cannot be committed is not remembered either", async () => {
    const { cart, stub, beacon } = await newCart();
    await beacon(add(T0));
    const next = add(T0 + 1);
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON log BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    });
    expect(await failure(() => beacon(next))).toMatch(/disk full/);
    await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("DROP TRIGGER full"));
    expect(await cart.view()).toMatchObject({ value: { itemCount: 1 } });
    expect(await beacon(next)).toMatchObject({ accepted: 1, duplicates: 0 });
  });

  it("an event from the cart's own future happened now", async () => {
    const { cart, beacon } = await newCart();
    await beacon(add(T0 + MINUTE_MS));
    const timeline = await cart.timeline();
    expect(timeline).toMatchObject({ value: { items: [{ at: new Date(T0).toISOString() }] } });
  });

  it("a cart nobody wrote to does not exist", async () => {
    const { cart } = await newCart();
    expect(await cart.view()).toEqual({ ok: false, reason: "not_found" });
    expect(await cart.timeline()).toEqual({ ok: false, reason: "not_found" });
    expect(await cart.explain()).toEqual({ ok: false, reason: "not_found" });
    expect(await cart.claim("x", "outbox", false)).toEqual({ ok: false, reason: "unknown_effect" });
    expect(await cart.restore(1, T0)).toEqual({ ok: false, reason: "not_found" });
  });
});

describe("what a beacon costs", () => {
  it("the first beacon: the table, one row of the log and the alarm, and the cart says so", async () => {
    const { id, stub, beacon } = await newCart();
    await runInDurableObject(stub, () => undefined);
    const seen = await writesDuring(stub, () => beacon(add(T0), identified(T0), event("page_viewed", T0)));
    expect(seen.rows).toBe(3); // two of the table's, one of the log's
    expect(seen.alarms).toHaveLength(1);
    await eventually(() => expect(queues.events.some((n) => n.cartId === id)).toBe(true));
    const [news] = queues.take(id);
    expect(news?.entries).toMatchObject([{ seq: 1, delta: { rows: seen.rows + seen.alarms.length, carts: 1 } }]);
  });

  it("every further one: one row, however many events it carries, and no alarm", async () => {
    const { stub, beacon } = await newCart();
    await beacon(add(T0));
    const seen = await writesDuring(stub, async () => {
      for (let i = 1; i <= 20; i++) {
        setClock(T0 + i * SECOND_MS);
        const now = T0 + i * SECOND_MS;
        await beacon(...Array.from({ length: 5 }, (_, k) => event("page_viewed", now - k)), event("cart_viewed", now));
      }
    });
    expect(seen).toEqual({ rows: 20, alarms: [] });
    expect(await rowsOf(stub)).toMatchObject({ log: 21, snapshots: 0 });
  });

  it("a transition costs a snapshot as well, and the cart says so", async () => {
    const { id, stub, beacon } = await newCart();
    await beacon(add(T0));
    await eventually(() => expect(queues.take(id)).toHaveLength(1));
    const seen = await writesDuring(stub, () => beacon(ordered(T0)));
    await eventually(() => expect(queues.events.some((n) => n.cartId === id)).toBe(true));
    const [news] = queues.take(id);
    expect(news?.entries.at(-1)?.delta.rows).toBe(seen.rows + seen.alarms.length);
    expect(seen.rows).toBe(2);
  });
});

describe("law 7: the one alarm", () => {
  it("is moved earlier at once and later never", async () => {
    const { stub, beacon, rules } = await newCart();
    await beacon(add(T0));
    const { alarm } = await rowsOf(stub);
    setClock(T0 + MINUTE_MS);
    const later = await writesDuring(stub, () => beacon(add(T0 + MINUTE_MS)));
    expect(later.alarms).toEqual([]);
    expect((await rowsOf(stub)).alarm).toBe(alarm);
    // A store that now abandons after a second: the alarm must come before the one that is set.
    const { cart } = { cart: env.CART.get(stub.id) };
    const hasty = { ...rules, version: rules.version + 1, abandonAfterMs: SECOND_MS };
    const earlier = await writesDuring(stub, () => cart.beacon([add(T0 + MINUTE_MS)], hasty) as Promise<unknown>);
    expect(earlier.alarms).toHaveLength(1);
    expect(earlier.alarms[0]).toBeLessThan(T0 + MINUTE_MS + 2 * SECOND_MS);
  });

  it("that rings with nothing due is armed again for what comes next", async () => {
    const { id, cart, stub, beacon } = await newCart();
    await beacon(add(T0));
    setClock(T0 + 5 * MINUTE_MS); // the lease
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await cart.view()).toMatchObject({ value: { status: "active" } });
    const { alarm } = await rowsOf(stub);
    expect(alarm).toBeGreaterThan(T0 + 5 * MINUTE_MS);
    queues.take(id);
  });

  it("survives an eviction: the actor knows when it is armed for", async () => {
    const { stub, beacon } = await newCart();
    await beacon(add(T0));
    await evictDurableObject(stub);
    const seen = await writesDuring(stub, () => beacon(event("cart_viewed", T0)));
    expect(seen.alarms).toEqual([]);
  });
});

describe("the surface", () => {
  const PUBLIC = [
    "advise",
    "alarm",
    "beacon",
    "brief",
    "claim",
    "constructor",
    "contents",
    "explain",
    "hold",
    "nudge",
    "prediction",
    "prospect",
    "report",
    "restore",
    "revokeLinks",
    "settle",
    "simulate",
    "timeline",
    "view",
  ];

  it("is exactly what the header says", async () => {
    const { stub, beacon } = await newCart();
    await beacon(add(T0));
    const names = await runInDurableObject(stub, (instance) =>
      Object.getOwnPropertyNames(Object.getPrototypeOf(instance)).sort(),
    );
    expect(names).toEqual(PUBLIC);
  });

  it("nothing private can be called from afar", async () => {
    const { stub, beacon } = await newCart();
    await beacon(add(T0));
    const remote = stub as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    for (const name of ["#run", "run", "#commit", "commit", "state", "storage", "ctx", "env"])
      expect(await failure(() => remote[name]!()), name).toMatch(/does not implement/);
  });

  it("a cart is addressed by its name, and by nothing else", async () => {
    const anonymous = env.CART.get(env.CART.newUniqueId());
    const storeless = env.CART.getByName(unique("nostore"));
    for (const cart of [anonymous, storeless])
      expect(await failure(() => cart.view() as Promise<unknown>)).toMatch(/by its name/);
  });
});
