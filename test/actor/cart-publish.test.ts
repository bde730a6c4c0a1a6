import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { MAX_LOG_ROWS } from "../../objects/cart/storage.ts";
import type { CartNews } from "../../shared/events/messages.ts";
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { add, event, identified, mug, ordered } from "../support/cart-life.ts";
import {
  cartOf,
  env,
  failure,
  HeldQueues,
  newCart,
  rowsOf,
  setClock,
  T0,
  type TestCart,
  writesDuring,
} from "./support.ts";

const queues = new HeldQueues();
const { CART } = env;
beforeAll(() => queues.hold());
afterAll(() => queues.release());
beforeEach(() => setClock(T0));
afterEach(() => {
  queues.broken = false;
  env.CART = CART;
  vi.useRealTimers();
});

/** Waits for the news about a cart and takes them. */
async function told(cart: TestCart, upTo: number) {
  await vi.waitFor(() => expect(queues.events.filter((n) => n.cartId === cart.id).at(-1)?.summary.version).toBe(upTo));
  return queues.take(cart.id);
}

async function ring(cart: TestCart, at: number): Promise<void> {
  setClock(at);
  await runDurableObjectAlarm(cart.stub);
}

describe("law 1: what the queue forgets is told again", () => {
  it("once the lease is over, and the store counts it once", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    const lost = await told(cart, 1);
    await evictDurableObject(cart.stub); // as a restart: the message is gone, the cart's memory too
    await ring(cart, T0 + 5 * MINUTE_MS);
    const again = await told(cart, 1);
    expect(again.map((n) => n.entries)).toEqual(lost.map((n) => n.entries));
    await cart.store.apply(again);
    await cart.store.apply(lost); // it was not lost after all
    await cart.store.apply(again);
    expect(await cart.store.usage()).toMatchObject({ events: { accepted: 2 }, carts: 1 });
    await ring(cart, T0 + 10 * MINUTE_MS);
    expect(queues.take(cart.id)).toEqual([]); // confirmed: nothing is told again
  });

  it("as soon as the lease is over, not a lease later", async () => {
    const cart = await newCart();
    const { EVENTS } = env;
    const send = async (body: CartNews): Promise<void> => {
      setClock(T0 + 40); // sending takes a moment
      await EVENTS.send(body);
    };
    env.EVENTS = { send } as unknown as typeof EVENTS;
    await cart.beacon(add(T0));
    await told(cart, 1);
    env.EVENTS = EVENTS;
    await ring(cart, T0 + 5 * MINUTE_MS);
    const { alarm } = await rowsOf(cart.stub);
    expect(alarm).toBeLessThanOrEqual(T0 + 5 * MINUTE_MS + SECOND_MS);
    await ring(cart, T0 + 5 * MINUTE_MS + SECOND_MS);
    expect(await told(cart, 1)).toHaveLength(1);
  });

  it("a queue that is down costs nothing but time", async () => {
    const cart = await newCart();
    queues.broken = true;
    await cart.beacon(add(T0));
    await cart.beacon(event("cart_viewed", T0));
    queues.broken = false;
    await ring(cart, T0 + 5 * MINUTE_MS);
    const news = await told(cart, 2);
    expect(news.flatMap((n) => n.entries.map((e) => e.seq))).toEqual([1, 2]);
  });

  it("news that overtook each other leave no gap in the counts", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0));
    const first = await told(cart, 1);
    await cart.beacon(add(T0 + 1));
    const second = await told(cart, 2);
    await cart.store.apply(second);
    expect(await cart.store.seen(cart.id, T0)).toBe(0);
    await cart.store.apply(first);
    await ring(cart, T0 + 5 * MINUTE_MS + SECOND_MS);
    await cart.store.apply(await told(cart, 2));
    expect(await cart.store.usage()).toMatchObject({ events: { accepted: 2 }, carts: 1 });
  });

  it("a cart that forgot itself and came back is counted although its first news were lost", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0));
    await cart.beacon(ordered(T0));
    await cart.store.apply(await told(cart, 2));
    setClock(T0 + 91 * DAY_MS);
    await failure(() => runDurableObjectAlarm(cart.stub));
    await cart.beacon(add(T0 + 91 * DAY_MS));
    await told(cart, 1); // lost
    await ring(cart, T0 + 91 * DAY_MS + 5 * MINUTE_MS);
    await cart.store.apply(await told(cart, 1));
    expect(await cart.store.usage()).toMatchObject({ events: { accepted: 3 }, carts: 2, orders: 1 });
  });
});

describe("what the sender has in hand", () => {
  /** Left, counted so far, and handed to the sender. */
  async function handedOver(): Promise<{ cart: TestCart; effectId: string }> {
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    await cart.store.apply(await told(cart, 1));
    await ring(cart, T0 + 31 * MINUTE_MS);
    const [command] = queues.takeCommands(cart.id);
    return { cart, effectId: command!.effectId };
  }

  it("is told with its answer: one message for the hand-over, the claim and the outcome", async () => {
    const { cart, effectId } = await handedOver();
    expect(await cart.cart.claim(effectId, "outbox", true)).toMatchObject({ ok: true });
    expect(queues.take(cart.id)).toEqual([]);
    await cart.cart.settle(effectId, { kind: "sent", provider: "outbox" });
    const news = await told(cart, 4);
    expect(news.map(({ entries }) => entries.map(({ seq }) => seq))).toEqual([[2, 3, 4]]);
    expect(news[0]!.deliveries).toMatchObject([{ status: "sent" }]);
  });

  it("is told without it once the lease is over", async () => {
    const { cart } = await handedOver();
    expect(queues.take(cart.id)).toEqual([]);
    await ring(cart, T0 + 37 * MINUTE_MS);
    const news = await told(cart, 3); // it was handed over once more
    expect(news.flatMap(({ entries }) => entries.map(({ seq }) => seq))).toEqual([2, 3]);
    expect(news.at(-1)!.summary.status).toBe("abandoned");
  });

  it("does not wait with what the queue lost before", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    await told(cart, 1); // lost
    await evictDurableObject(cart.stub);
    await ring(cart, T0 + 31 * MINUTE_MS);
    const news = await told(cart, 2);
    expect(news.flatMap(({ entries }) => entries.map(({ seq }) => seq))).toEqual([1, 2]);
  });

  it("goes to somebody whom the arbiter knows with this browser, once the store has counted that", async () => {
    const { cart, effectId } = await handedOver();
    const isIntroduced = async () => {
      const prospect = await cart.cart.prospect(effectId);
      return prospect.ok && prospect.value.isIntroduced;
    };
    expect(await isIntroduced()).toBe(true);
    await cart.beacon(identified(T0 + 31 * MINUTE_MS, "eve@example.com"));
    expect(await isIntroduced()).toBe(false);
    await evictDurableObject(cart.stub);
    expect(await isIntroduced()).toBe(false); // nobody has asked the store since
  });
});

describe("law 10: everything is bounded", () => {
  it("a long log is folded away without a change in totals, dedup or the cart", async () => {
    const cart = await newCart();
    const first = add(T0);
    await cart.beacon(first, identified(T0));
    for (let i = 1; i < MAX_LOG_ROWS + 60; i++) {
      setClock(T0 + i * SECOND_MS);
      await cart.beacon(event("product_viewed", T0 + i * SECOND_MS, { item: mug({ productId: `p${i % 7}` }) }));
    }
    const rows = MAX_LOG_ROWS + 60;
    await ring(cart, T0 + 10 * MINUTE_MS);
    await cart.store.apply(await told(cart, rows));
    const before = await cart.cart.view();
    await ring(cart, T0 + 20 * MINUTE_MS); // confirmed now: the older part goes
    expect((await rowsOf(cart.stub)).log).toBeLessThanOrEqual(MAX_LOG_ROWS / 2);
    setClock(T0 + 10 * MINUTE_MS);
    const settled = { prediction: expect.anything(), timers: expect.anything() };
    expect(await cart.cart.view()).toEqual({ ok: true, value: { ...(before.ok ? before.value : {}), ...settled } });
    await evictDurableObject(cart.stub);
    expect(await cart.cart.view()).toEqual({ ok: true, value: { ...(before.ok ? before.value : {}), ...settled } });
    expect(await cart.beacon(first)).toEqual({ accepted: 0, duplicates: 1, rejected: [] });
    expect(await cart.store.usage()).toMatchObject({ events: { accepted: rows + 1 }, carts: 1 });
    expect(await cart.cart.timeline()).toMatchObject({ value: { complete: false } });
    expect(await cart.cart.explain()).toEqual({ ok: false, reason: "compacted" });
  });

  it("a finished cart deletes itself after its retention, and its name may be used again", async () => {
    const cart = await newCart({ retentionDays: 1 });
    await cart.beacon(add(T0));
    await cart.beacon(ordered(T0));
    await cart.store.apply(await told(cart, 2));
    await ring(cart, T0 + DAY_MS - 1);
    expect(await cart.cart.view()).toMatchObject({ value: { status: "purchased" } });
    setClock(T0 + DAY_MS + SECOND_MS);
    await failure(() => runDurableObjectAlarm(cart.stub));
    expect(await cart.cart.view()).toEqual({ ok: false, reason: "not_found" });
    expect(await rowsOf(cart.stub)).toEqual({ log: 0, snapshots: 0, alarm: null });
    expect(await cart.beacon(add(T0 + DAY_MS))).toMatchObject({ accepted: 1 });
  });

  it("a beacon that comes while a cart forgets itself is not lost with it", async () => {
    const cart = await newCart({ retentionDays: 1 });
    queues.broken = true; // so that there is something left to tell at the end
    await cart.beacon(add(T0));
    await cart.beacon(ordered(T0));
    queues.broken = false;
    setClock(T0 + DAY_MS + SECOND_MS);
    const real = env.EVENTS;
    env.EVENTS = {
      send: async (body: unknown) => {
        env.EVENTS = real;
        await cart.beacon(add(T0 + DAY_MS));
        await real.send(body as never);
      },
    } as unknown as typeof real;
    await failure(() => runDurableObjectAlarm(cart.stub));
    env.EVENTS = real;
    expect(await cart.cart.view()).toMatchObject({ ok: true, value: { generation: 2, itemCount: 1 } });
  });
});

describe("what was written by other versions", () => {
  it("a snapshot that lacks what we know today still loads", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0));
    await ring(cart, T0 + 31 * MINUTE_MS);
    await runInDurableObject(cart.stub, (_, { storage }) => {
      const row = storage.sql.exec<{ entry: string }>("SELECT entry FROM log WHERE seq = 0").one();
      const { process, base, ...snapshot } = JSON.parse(row.entry);
      for (const name of ["abandonments", "linksRevokedAt", "closed"]) delete process[name];
      for (const name of ["truthAt", "clicks", "views"]) delete base[name];
      storage.sql.exec("UPDATE log SET entry = ? WHERE seq = 0", JSON.stringify({ ...snapshot, process, base }));
    });
    await evictDurableObject(cart.stub);
    expect(await cart.cart.view()).toMatchObject({ ok: true, value: { status: "abandoned" } });
    setClock(T0 + 32 * MINUTE_MS);
    await cart.beacon(add(T0 + 32 * MINUTE_MS), event("message_clicked", T0, { deliveryId: "x" }));
    queues.take(cart.id);
    await ring(cart, T0 + 63 * MINUTE_MS);
    const news = await told(cart, 4);
    expect(news.flatMap((n) => n.entries).at(-1)?.delta.abandoned).toBe(1);
  });

  it("asking about a cart, known or not, writes nothing", async () => {
    const cart = await newCart();
    expect(await writesDuring(cart.stub, () => cart.cart.view())).toEqual({ rows: 0, alarms: [] });
    expect(await rowsOf(cart.stub)).toEqual({ log: 0, snapshots: 0, alarm: null });
    await cart.beacon(add(T0));
    await evictDurableObject(cart.stub);
    expect(await writesDuring(cart.stub, () => cart.cart.view())).toEqual({ rows: 0, alarms: [] });
  });
});

describe("law 9: tenants never meet", () => {
  it("carts of the same name in two stores are two carts", async () => {
    const [mine, other] = [await newCart(), await newCart()];
    const twin = cartOf(other.storeId, other.store, other.rules, mine.id);
    await mine.beacon(add(T0));
    expect(await twin.cart.view()).toEqual({ ok: false, reason: "not_found" });
    await twin.beacon(add(T0), add(T0));
    expect(await mine.cart.view()).toMatchObject({ value: { itemCount: 1 } });
  });
});
