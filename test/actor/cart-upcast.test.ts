/** Carts that the release before triggers and channels left on the disk: its own rows, to the letter. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { find } from "../../objects/cart/ledger.ts";
import type { LogEntry } from "../../objects/cart/schema.ts";
import { emptyState } from "../../objects/cart/state.ts";
import { CartStorage } from "../../objects/cart/storage.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { ordered, SENT } from "../support/cart-life.ts";
import carts from "../support/carts-before-triggers.json";
import { cartOf, eventually, HeldQueues, newStore, setClock, type TestCart } from "./support.ts";

const queues = new HeldQueues();
beforeAll(() => queues.hold());
afterAll(() => {
  queues.release();
  vi.useRealTimers();
});

interface Disk {
  rows: { seq: number; at: number; entry: unknown }[];
  snapshot: { seq: number; process: { effects: { id: string; dueAt: number | null }[] } };
}

/** A cart whose actor wakes up with these rows. */
async function woken({ rows, snapshot }: Disk, now: number): Promise<TestCart> {
  setClock(now);
  const { id, store, rules } = await newStore();
  const cart = cartOf(id, store, rules);
  await runInDurableObject(cart.stub, async (_, { storage }) => {
    const disk = new CartStorage(storage);
    for (const { seq, at, entry } of rows) disk.append(seq, at, entry as LogEntry, null);
    if (rows.length === 0) disk.append(snapshot.seq, now, { delta: {} }, null);
    storage.sql.exec("INSERT INTO log (seq, at, entry) VALUES (0, 0, ?)", JSON.stringify(snapshot));
    await storage.setAlarm(now + HOUR_MS);
  });
  await evictDurableObject(cart.stub);
  return cart;
}

const dueAt = ({ snapshot }: Disk, effectId: string): number =>
  snapshot.process.effects.find((e) => e.id === effectId)!.dueAt!;

describe("a cart of an older release", () => {
  it("goes on with its journey: what it had planned is sent, and an order is owed to it", async () => {
    const now = dueAt(carts.left, "g1.cmp.second");
    const cart = await woken(carts.left, now);
    await runDurableObjectAlarm(cart.stub);
    expect(queues.takeCommands(cart.id)).toMatchObject([{ effectId: "g1.cmp.second" }]);
    expect(await cart.cart.prospect("g1.cmp.second")).toMatchObject({ ok: true, value: { channels: ["email"] } });
    expect(await cart.cart.claim("g1.cmp.second", "outbox", false)).toMatchObject({
      ok: true,
      value: { channel: "email", templateId: "default", coupon: null, generation: 1 },
    });
    expect(await cart.cart.settle("g1.cmp.second", SENT)).toEqual({ ok: true, value: "sent" });
    await cart.beacon(ordered(now + MINUTE_MS, "o1", { id: "order-of-now" }));
    const view = await cart.cart.view();
    expect(view).toMatchObject({
      ok: true,
      value: { status: "recovered", attribution: { campaignId: "cmp", model: "last_touch" } },
    });
  });

  it("an order of then, and one of now", async () => {
    const now = dueAt(carts.again, "g2.cmp.reminder");
    const cart = await woken(carts.again, now);
    await runDurableObjectAlarm(cart.stub);
    expect(queues.takeCommands(cart.id)).toMatchObject([{ effectId: "g2.cmp.reminder" }]);
    expect(await cart.beacon(ordered(now, "o2", { id: "order-of-now" }))).toMatchObject({ accepted: 1 });
    await eventually(() => expect(queues.events.some((n) => n.cartId === cart.id)).toBe(true));
    const purchases = queues.take(cart.id).flatMap((news) => news.entries.flatMap((e) => e.delta.purchases ?? []));
    expect(purchases.map((p) => p.orderId)).toEqual(["o2"]);
  });

  it("is loaded with all that today's code asks of it", async () => {
    const cart = await woken(carts.left, dueAt(carts.left, "g1.cmp.second"));
    await runInDurableObject(cart.stub, (_, { storage }) => {
      const { state } = new CartStorage(storage).load("st", "left")!;
      const empty = emptyState("st", "left", state.rules);
      expect(Object.keys(state.facts).sort()).toEqual(Object.keys(empty.facts).sort());
      expect(Object.keys(state.process).sort()).toEqual(Object.keys(empty.process).sort());
      expect(state.process.journeys).toMatchObject([{ generation: 1, campaign: { id: "cmp" }, exit: null }]);
      expect(find(state.process, "g1.cmp.reminder")).toMatchObject({
        trigger: "cart_abandoned",
        channels: ["email"],
        priority: -1000,
        credit: "last",
        windowMs: 72 * HOUR_MS,
        fallbackMs: null,
      });
    });
  });
});
