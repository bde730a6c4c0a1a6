import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CartView, DeliveryView } from "../../shared/views.ts";
import { Load, PRICE_MINOR, type SentCart } from "../support/load.ts";
import { Merchant, until } from "../support/merchant.ts";
import { unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

const ROUNDS = Number(process.env.CARTWAKE_KILL_ROUNDS ?? 3);
const WORKERS = 6;
const IDLE_MS = 900;
const SLEEPERS = 3;
/** What the sender had claimed when it died is handed over again after half a minute, twice if killed twice. */
const SETTLE_MS = 200_000;

let system: System;
let merchant: Merchant;
let load: Load;

beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url);
  await merchant.useSecretKey();
  await new Merchant(system.url, merchant.account).settings({ abandonAfterMinutes: IDLE_MS / 60_000 });
  load = new Load(merchant, WORKERS);
});
afterAll(() => system?.stop());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const random = (from: number, to: number): number => Math.round(from + Math.random() * (to - from));

/** `work` on every item, eight at a time. */
async function each<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return results;
}

/** Load, kill -9 at a random moment, some time without a server, restart. Carts left before it must wake after it. */
async function round(number: number) {
  const before = load.carts.length;
  load.start(number);
  const loadMs = random(600, 2500);
  await pause(loadMs);
  const sleepers = await Promise.all(
    Array.from({ length: SLEEPERS }, (_, i) => load.sleeper(`r${number}-sleeper-${i}`)),
  );
  await system.kill9();
  const killed = Date.now();
  await load.stop();
  await pause(IDLE_MS + 300);
  const restarting = Date.now();
  await system.restart();
  const up = Date.now();
  const views = await each(sleepers, ({ id }) =>
    until(`${id} woke`, async () => {
      const cart = await merchant.cart(id);
      return cart.abandonedAt !== null && cart;
    }),
  );
  const slowest = Math.max(...views.map((v) => Date.parse(v.abandonedAt!)));
  // Not before its time: that is counted from when it was last heard of.
  for (const view of views)
    expect(Date.parse(view.abandonedAt!)).toBeGreaterThanOrEqual(Date.parse(view.lastActivityAt) + IDLE_MS);
  const sent = load.carts.slice(before).flatMap((c) => c.beacons);
  const count = (acknowledged: boolean) =>
    sent.filter((b) => b.acknowledged === acknowledged).reduce((sum, b) => sum + b.events.length, 0);
  return {
    round: number,
    "load ms": loadMs,
    carts: load.carts.length - before,
    beacons: sent.length,
    "events acknowledged": count(true),
    "events unanswered": count(false),
    "down ms": up - killed,
    "restart ms": up - restarting,
    "overdue carts woken": views.length,
    "woken after ms": slowest - restarting,
  };
}

/** The cart holds each of its events exactly once. */
async function checkCart(sent: SentCart): Promise<CartView> {
  const events = sent.beacons.flatMap((b) => b.events);
  const adds = events.filter((e) => e.type === "product_added_to_cart");
  const wanted = adds.map((e) => (e.data.item as { productId: string }).productId).sort();
  // An event sent again after the mail is a return: the cart is left once more, and its one mail is out already.
  const wantedStatus = sent.orderId ? /^(purchased|recovered)$/ : /^(recovering|abandoned)$/;
  const cart = await until(`${sent.id} is ${wantedStatus}`, async () => {
    const seen = await merchant.cart(sent.id);
    return wantedStatus.test(seen.status) && seen;
  });
  const [timeline, explained] = [await merchant.timeline(sent.id), await merchant.explain(sent.id)];
  expect(cart.items.map((i) => i.productId).sort(), sent.id).toEqual(wanted);
  expect(
    cart.items.every((i) => i.quantity === 1),
    sent.id,
  ).toBe(true);
  expect(cart.total?.amount, sent.id).toBe(((adds.length * PRICE_MINOR) / 100).toFixed(2));
  const codes = (list: string[]) => [...list].sort();
  expect(codes(timeline.items.filter((i) => i.kind === "event").map((i) => i.code)), sent.id).toEqual(
    codes(events.map((e) => e.type)),
  );
  expect(explained.consistent, sent.id).toBe(true);
  return cart;
}

const FINAL = ["sent", "clicked", "unknown", "cancelled", "suppressed", "failed", "raced"];

/** At most one mail per delivery and per step of a cart, none after an acknowledged order, none in limbo. */
async function checkMails(deliveries: DeliveryView[]): Promise<Record<string, number>> {
  const ofCart = new Map(load.carts.map((c) => [c.id, c]));
  const steps = new Set<string>();
  const tally: Record<string, number> = {};
  const full = await each(deliveries, (d) => merchant.delivery(d.id));
  for (const delivery of full) {
    tally[delivery.status] = (tally[delivery.status] ?? 0) + 1;
    expect(FINAL, delivery.id).toContain(delivery.status);
    const step = `${delivery.cartId}/${delivery.stepId}`;
    expect(steps.has(step), `a second delivery of ${step}`).toBe(false);
    steps.add(step);
    const statuses = delivery.statusHistory.map((s) => s.status);
    for (const once of ["claimed", "sent"] as const)
      expect(statuses.filter((s) => s === once).length, `${delivery.id} ${once}`).toBeLessThanOrEqual(1);
    const { orderedAt } = ofCart.get(delivery.cartId)!;
    const claimed = delivery.statusHistory.find((s) => s.status === "claimed");
    if (orderedAt !== null && claimed)
      expect(Date.parse(claimed.at), `${delivery.id} claimed after the order`).toBeLessThanOrEqual(orderedAt);
    if (delivery.status === "sent") expect(delivery.html, delivery.id).toContain(delivery.recoveryUrl!);
    if (delivery.status === "cancelled") expect(delivery.html, delivery.id).toBeNull();
  }
  return tally;
}

describe("kill -9 under load", () => {
  test(`${ROUNDS} rounds: nothing acknowledged is lost, nothing counts twice, time goes on`, {
    timeout: ROUNDS * 60_000 + 4 * SETTLE_MS,
  }, async () => {
    const rows = [];
    for (let number = 1; number <= ROUNDS; number++) rows.push(await round(number));
    console.table(rows);
    const unanswered = load.events((b) => !b.acknowledged).length;
    const resent = await load.resend();
    const all = load.events().length;
    console.log(`kill: ${all} events, ${unanswered} unanswered, of which ${resent.duplicates} had been committed`);

    const usage = await until(
      "the store has counted everything",
      async () => {
        const counted = await merchant.usage();
        return counted.events.accepted >= all && counted.events.duplicates >= resent.duplicates && counted;
      },
      { within: SETTLE_MS, every: 500 },
    );
    const orders = load.carts.filter((c) => c.orderId !== null);
    expect(usage).toMatchObject({
      events: { accepted: all, duplicates: resent.duplicates, rejected: 0 },
      carts: load.carts.length,
      orders: orders.length,
    });
    const settled = await until(
      "no delivery is in limbo",
      async () => {
        const deliveries = await merchant.deliveries();
        const left = load.carts.filter((c) => c.orderId === null).length;
        const done = deliveries.filter((d) => FINAL.includes(d.status));
        return done.length === deliveries.length && deliveries.length >= left && deliveries;
      },
      { within: SETTLE_MS, every: 500 },
    );
    console.log("kill: deliveries", await checkMails(settled));
    await each(load.carts, checkCart);

    const listed = await merchant.carts();
    expect(listed.map((c) => c.id).sort()).toEqual(load.carts.map((c) => c.id).sort());
    const after = await until("the counters rest", async () => {
      const counted = await merchant.usage();
      const mails = (await merchant.deliveries()).filter((d) => d.sentAt !== null).length;
      return counted.messages === mails && counted;
    });
    expect(after.events).toEqual(usage.events);
    const revenue = (await merchant.rollups()).reduce((sum, b) => sum + (b.revenue?.EUR ?? 0), 0);
    expect(revenue).toBe(orders.length * PRICE_MINOR);
    expect(unexpectedIn(system.logs())).toEqual([]);
  });
});
