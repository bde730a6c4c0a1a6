/** Why carts were lost: what is counted, from the index as carts' news leave it. */
import { applyD1Migrations, createMessageBatch, type D1Migration } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { CartNews } from "../../shared/events/messages.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { consumeEvents } from "../../workers/ingest/consumer.ts";
import { figuresOf, mondayOf } from "../../workers/scoring/figures.ts";
import { add, event, identified, ordered } from "../support/cart-life.ts";
import { cartOf, env, HeldQueues, newStore, setClock, T0, type TestCart } from "./support.ts";

const queues = new HeldQueues();
beforeAll(async () => {
  await applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS);
  queues.hold();
});
afterAll(() => {
  queues.release();
  vi.useRealTimers();
});

async function consume(cart: TestCart): Promise<void> {
  const messages = queues
    .take(cart.id)
    .map((body, i) => ({ id: `${i}`, timestamp: new Date(T0), attempts: 1, body: body as CartNews }));
  await consumeEvents(createMessageBatch<CartNews>("events", messages), env);
}

describe("the figures of a week", () => {
  it("a cart that was left and won back was left, and is not lost", async () => {
    setClock(T0);
    const { id: storeId, store, rules } = await newStore();
    const left = async (name: string): Promise<TestCart> => {
      setClock(T0);
      const cart = cartOf(storeId, store, rules, `${storeId}-${name}`);
      await cart.beacon(add(T0), identified(T0 + 1, `${name}@example.com`));
      setClock(T0 + HOUR_MS);
      await cart.cart.nudge();
      return cart;
    };
    const lost = await left("ada");
    const won = await left("bob");
    const [command] = queues.takeCommands(won.id);
    const claimed = await won.cart.claim(command!.effectId, "outbox", false);
    expect(claimed.ok).toBe(true);
    await won.cart.settle(command!.effectId, { kind: "sent", provider: "outbox" });
    const later = T0 + HOUR_MS + 5 * MINUTE_MS;
    setClock(later);
    await won.beacon(event("cart_viewed", later), ordered(later + 1));
    for (const cart of [lost, won]) await consume(cart);
    const figures = await figuresOf(env, storeId, mondayOf(T0), "EUR");
    expect(figures).toMatchObject({ left: 2, lost: 1, recovered: 1, boughtAfterAll: 0, lostPercent: 50 });
    expect(figures.lostValue).toEqual({ amount: "12.50", currency: "EUR" });
  });
});
