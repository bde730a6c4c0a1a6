/** The end of a cart, and what long lives and changed minds must not break. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { add, event, identified, mug, ordered } from "../support/cart-life.ts";
import { cartOf, env, eventually, HeldQueues, newCart, rowsOf, setClock, T0, type TestCart } from "./support.ts";

const queues = new HeldQueues();
beforeAll(() => queues.hold());
afterAll(() => {
  queues.release();
  vi.useRealTimers();
});
beforeEach(() => {
  queues.broken = false;
  setClock(T0);
});

async function ring(cart: TestCart, at: number): Promise<void> {
  setClock(at);
  await runDurableObjectAlarm(cart.stub);
}

/** Everything the cart has said so far reaches its store. */
async function deliver(cart: TestCart): Promise<void> {
  await eventually(() => expect(queues.events.some((n) => n.cartId === cart.id)).toBe(true));
  await cart.store.apply(queues.take(cart.id));
}

describe("law 1: a cart that is done is counted before it goes", () => {
  it("an expired cart is counted once, although its store kept it for less long than it lived", async () => {
    const cart = await newCart({ expireAfterDays: 30, retentionDays: 90 });
    await cart.beacon(add(T0));
    await deliver(cart);
    await ring(cart, T0 + 31 * DAY_MS);
    await deliver(cart);
    const counted = await cart.store.usage();
    setClock(T0 + 100 * DAY_MS); // the store's own trim
    await runInDurableObject(env.STORE.getByName(cart.storeId), (store) => store.alarm());
    await evictDurableObject(cart.stub);
    await ring(cart, T0 + 122 * DAY_MS);
    await deliver(cart);
    expect(await rowsOf(cart.stub)).toEqual({ log: 0, snapshots: 0, alarm: null });
    expect(await cart.store.usage()).toMatchObject({ events: counted.events, carts: 1 });
    expect((await cart.store.realtime()).expiredCarts).toBe(1);
  });

  it("it does not go while the store has not counted it", async () => {
    const cart = await newCart({ retentionDays: 1 });
    queues.broken = true;
    await cart.beacon(add(T0), ordered(T0));
    await ring(cart, T0 + DAY_MS + MINUTE_MS);
    expect(await cart.cart.view()).toMatchObject({ ok: true, value: { status: "purchased" } });
    queues.broken = false;
    await ring(cart, T0 + DAY_MS + 10 * MINUTE_MS);
    await deliver(cart);
    await ring(cart, T0 + DAY_MS + 20 * MINUTE_MS);
    expect(await cart.cart.view()).toEqual({ ok: false, reason: "not_found" });
    await deliver(cart); // its farewell
    expect(await cart.store.usage()).toMatchObject({ events: { accepted: 2 }, orders: 1, carts: 1 });
  });

  it("an echo of its news after the farewell is not counted again, and nobody nudges the dead", async () => {
    const cart = await newCart({ retentionDays: 1 });
    await cart.beacon(add(T0), ordered(T0));
    await eventually(() => expect(queues.events.some((n) => n.cartId === cart.id)).toBe(true));
    const news = queues.take(cart.id);
    await cart.store.apply(news);
    await ring(cart, T0 + DAY_MS + SECOND_MS);
    await deliver(cart);
    await cart.store.apply(news);
    expect(await cart.store.usage()).toMatchObject({ events: { accepted: 2 }, carts: 1 });
    setClock(T0 + 2 * DAY_MS);
    await runInDurableObject(env.STORE.getByName(cart.storeId), (store) => store.alarm());
    expect(await cart.cart.nudge()).toBe(false);
    expect(await rowsOf(cart.stub)).toEqual({ log: 0, snapshots: 0, alarm: null });
  });
});

describe("law 7: a merchant's change of mind", () => {
  it("a delay made longer while the cart waits moves the alarm, and does not spin", async () => {
    const cart = await newCart({ abandonAfterMinutes: 30 });
    await cart.beacon(add(T0), identified(T0));
    await deliver(cart);
    await cart.store.patchSettings({ abandonAfterMinutes: 120 }, null);
    await ring(cart, T0 + 31 * MINUTE_MS);
    const { alarm } = await rowsOf(cart.stub);
    expect(alarm).toBeGreaterThan(T0 + 119 * MINUTE_MS);
    await ring(cart, T0 + 121 * MINUTE_MS + 30 * SECOND_MS);
    expect(await cart.cart.view()).toMatchObject({ value: { status: "abandoned" } });
    expect(await cart.cart.explain()).toMatchObject({ value: { consistent: true } });
  });
});

describe("law 10: a very large cart", () => {
  const lines = Array.from({ length: 499 }, (_, i) => mug({ productId: `p${i}` }));
  const whole = (at: number) => event("cart_updated", at, { items: lines, currency: "EUR" });

  it("is compacted by what it holds, and never locks its own order out", async () => {
    const cart = await newCart();
    for (let i = 0; i < 64; i++) {
      setClock(T0 + i * SECOND_MS);
      await cart.beacon(whole(T0 + i * SECOND_MS));
      if (i % 8 === 7) await deliver(cart);
    }
    setClock(T0 + MINUTE_MS + 5 * SECOND_MS);
    expect(await cart.beacon(ordered(T0 + MINUTE_MS + 5 * SECOND_MS))).toMatchObject({ accepted: 1 });
    await deliver(cart);
    await ring(cart, T0 + 6 * MINUTE_MS);
    expect((await rowsOf(cart.stub)).log).toBeLessThan(40);
    expect(await cart.beacon(whole(T0 + 6 * MINUTE_MS))).toMatchObject({ accepted: 1 });
    expect(await cart.cart.view()).toMatchObject({ value: { generation: 2, itemCount: 499 } });
  });
});

describe("recovery links", () => {
  it("one of an earlier cart of the same name opens nothing", async () => {
    const cart = await newCart({ retentionDays: 1 });
    await cart.beacon(add(T0), ordered(T0));
    await deliver(cart);
    await ring(cart, T0 + DAY_MS + SECOND_MS);
    setClock(T0 + 2 * DAY_MS);
    const reborn = cartOf(cart.storeId, cart.store, cart.rules, cart.id);
    await reborn.beacon(add(T0 + 2 * DAY_MS));
    expect(await reborn.cart.restore(1, T0 + MINUTE_MS)).toEqual({ ok: false, reason: "closed" });
    expect(await reborn.cart.restore(1, T0 + 2 * DAY_MS)).toMatchObject({ ok: true });
  });
});
