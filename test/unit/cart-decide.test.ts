import { describe, expect, it } from "vitest";
import { isTerminal, nextWake, timersOf } from "../../objects/cart/timers.ts";
import { EVENT_TYPES } from "../../shared/events/types.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import {
  abandoned,
  add,
  CartLife,
  campaign,
  DAYS,
  event,
  identified,
  messaged,
  mug,
  ordered,
  rules,
  SENT,
  T0,
} from "../support/cart-life.ts";

const life = (...args: ConstructorParameters<typeof CartLife>): CartLife => new CartLife(...args);
const codes = (notes: { code: string }[]): string[] => notes.map((n) => n.code);

describe("receive", () => {
  it("counts an event once, however often it comes", () => {
    const cart = life();
    const mugAdded = add(T0);
    expect(cart.receive(mugAdded).received).toEqual({ accepted: 1, duplicates: 0, rejected: [] });
    expect(cart.receive(mugAdded).received).toEqual({ accepted: 0, duplicates: 1, rejected: [] });
    expect(cart.receive(add(T0 + 1), mugAdded).received).toEqual({ accepted: 1, duplicates: 1, rejected: [] });
    expect(cart.state.facts.items).toEqual([mug({ quantity: 2 })]);
    expect(cart.state.usage).toEqual({ accepted: 2, duplicates: 2, rejected: 0 });
  });

  it("counts an event once that comes twice in one beacon", () => {
    const cart = life();
    const mugAdded = add(T0);
    expect(cart.receive(mugAdded, mugAdded).received).toEqual({ accepted: 1, duplicates: 1, rejected: [] });
  });

  it("refuses an add in a second currency instead of adding it up", () => {
    const cart = life();
    cart.receive(add(T0));
    const { received } = cart.receive(add(T0 + 1, { currency: "USD" }));
    expect(received).toMatchObject({ accepted: 0, rejected: [{ code: "CONFLICT" }] });
    expect(cart.state.facts).toMatchObject({ totalMinor: 1_250, currency: "EUR" });
  });

  it("takes another currency once the cart is empty, or bought", () => {
    const emptied = life();
    emptied.receive(add(T0), event("product_removed_from_cart", T0 + 1), add(T0 + 2, { currency: "USD" }));
    expect(emptied.state.facts).toMatchObject({ totalMinor: 1_250, currency: "USD" });
    const bought = life();
    bought.receive(add(T0), ordered(T0 + 1), add(T0 + 2, { currency: "USD" }));
    expect(bought.state.facts).toMatchObject({ totalMinor: 1_250, currency: "USD", generation: 2 });
  });

  it("lets a snapshot change the currency as a whole", () => {
    const cart = life();
    cart.receive(add(T0), event("cart_updated", T0 + 1, { items: [mug({ priceMinor: 900 })], currency: "USD" }));
    expect(cart.state.facts).toMatchObject({ totalMinor: 900, currency: "USD" });
  });

  it("refuses what would make the window grow for ever, and takes other carts' share no further", () => {
    const cart = life();
    const items = Array.from({ length: 500 }, (_, i) => mug({ productId: `p${i}` }));
    const flood = Array.from({ length: 50 }, (_, i) => event("cart_updated", T0 + i, { items }));
    const { received } = cart.receive(...flood);
    expect(received?.accepted).toBe(39);
    expect(received?.rejected.every((r) => r.code === "TOO_MANY_REQUESTS")).toBe(true);
    expect(cart.state.weight).toBeLessThanOrEqual(20_000);
  });

  it("keeps a line's picture when a later description lacks it", () => {
    const cart = life();
    cart.receive(add(T0, { item: mug({ imageUrl: "https://shop.example/mug.png" }) }), add(T0 + 1));
    expect(cart.state.facts.items[0]).toMatchObject({ quantity: 2, imageUrl: "https://shop.example/mug.png" });
  });

  it("removes pieces, or the whole line when no quantity was named", () => {
    const cart = life();
    cart.receive(add(T0, { item: mug({ quantity: 5 }) }));
    cart.receive(event("product_removed_from_cart", T0 + 1, { item: mug({ quantity: 2 }) }));
    expect(cart.state.facts.items[0]?.quantity).toBe(3);
    cart.receive(event("product_removed_from_cart", T0 + 2, { wholeLine: true }));
    expect(cart.state.facts).toMatchObject({ items: [], totalMinor: 0 });
  });
});

describe("snapshots and deltas", () => {
  it("a snapshot states the whole truth, and deltas older than it are history", () => {
    const cart = life();
    cart.receive(event("cart_updated", T0 + 10, { items: [mug({ quantity: 3 })] }));
    cart.receive(add(T0 + 5));
    expect(cart.state.facts.items).toEqual([mug({ quantity: 3 })]);
  });

  it("deltas newer than a snapshot apply on top, even when they came first", () => {
    const cart = life();
    cart.receive(add(T0 + 20));
    cart.receive(event("cart_updated", T0 + 10, { items: [mug({ quantity: 3 })] }));
    expect(cart.state.facts.items).toEqual([mug({ quantity: 4 })]);
  });

  it("an older revision that claims a later time is not the truth", () => {
    const cart = life();
    cart.receive(event("cart_updated", T0, { items: [mug({ quantity: 7 })], revision: 5 }));
    cart.receive(event("cart_updated", T0 + 1, { items: [], revision: 4 }));
    expect(cart.state.facts.items).toEqual([mug({ quantity: 7 })]);
    cart.receive(event("cart_updated", T0 + 2, { items: [mug()], revision: 6 }));
    expect(cart.state.facts.items).toEqual([mug()]);
  });

  it("breaks ties of time by the event's id", () => {
    const a = event("cart_updated", T0, { id: "a", items: [mug({ quantity: 1 })] });
    const b = event("cart_updated", T0, { id: "b", items: [mug({ quantity: 2 })] });
    for (const order of [
      [a, b],
      [b, a],
    ]) {
      const cart = life();
      cart.receive(...order);
      expect(cart.state.facts.items[0]?.quantity).toBe(2);
    }
  });

  it("adds up lines that a snapshot names twice", () => {
    const cart = life();
    cart.receive(event("cart_updated", T0, { items: [mug(), mug({ quantity: 2 })] }));
    expect(cart.state.facts.items).toEqual([mug({ quantity: 3 })]);
  });
});

describe("abandonment", () => {
  it("comes when the cart was idle for the store's time, and not a moment earlier", () => {
    const cart = life();
    cart.receive(add(T0));
    const due = cart.abandonAt;
    expect(due).toBeGreaterThanOrEqual(T0 + 30 * MINUTE_MS);
    expect(due).toBeLessThan(T0 + 30 * MINUTE_MS + 10 * SECOND_MS);
    expect(cart.wake(due - 1)).toMatchObject({ rejection: "not_due" });
    expect(cart.status).toBe("active");
    expect(codes(cart.wake(due).notes)).toContain("abandoned");
    expect(cart.status).toBe("abandoned");
    expect(cart.state.process).toMatchObject({ abandonedAt: due, abandonments: 1 });
  });

  it("never comes for an empty cart", () => {
    const cart = life();
    cart.receive(event("page_viewed", T0), identified(T0 + 1));
    expect(timersOf(cart.state).map((t) => t.name)).toEqual(["expire"]);
    expect(cart.wake(T0 + DAYS(1))).toMatchObject({ rejection: "not_due" });
  });

  it("never comes for a bought cart", () => {
    const cart = life();
    cart.receive(add(T0), ordered(T0 + 1));
    expect(timersOf(cart.state).map((t) => t.name)).toEqual(["forget"]);
    expect(cart.wake(T0 + DAYS(1))).toMatchObject({ rejection: "not_due" });
  });

  it.each([
    "page_viewed",
    "exit_intent_detected",
    "offer_shown",
    "offer_dismissed",
    "consent_updated",
    "push_subscribed",
    "order_cancelled",
    "order_refunded",
  ] as const)("is not postponed by %s: a sign of the page, not of the cart", (type) => {
    const cart = life();
    cart.receive(add(T0));
    const due = cart.abandonAt;
    cart.receive(event(type, T0 + 20 * MINUTE_MS));
    expect(cart.abandonAt).toBe(due);
  });

  it.each(
    EVENT_TYPES.filter(
      (t) =>
        !/^(page_viewed|exit_|offer_(shown|dis)|consent_|push_|order_|checkout_completed|product_removed|cart_updated)/.test(
          t,
        ),
    ),
  )("is postponed by %s: the shopper is at it", (type) => {
    const cart = life();
    cart.receive(add(T0));
    cart.receive(event(type, T0 + 20 * MINUTE_MS));
    expect(cart.abandonAt).toBeGreaterThanOrEqual(T0 + 50 * MINUTE_MS);
  });

  it("leaves a checkout at the payment provider a longer leash", () => {
    const cart = life();
    cart.receive(add(T0), event("payment_info_submitted", T0 + 1));
    expect(cart.wake(T0 + 59 * MINUTE_MS)).toMatchObject({ rejection: "not_due" });
    expect(cart.abandonAt).toBeGreaterThan(T0 + HOUR_MS);
    cart.receive(event("payment_failed", T0 + 2));
    expect(cart.abandonAt).toBeLessThan(T0 + 31 * MINUTE_MS);
  });

  it("is judged by our clock, not by the shopper's", () => {
    const cart = life();
    cart.receiveAt(T0, add(T0 - DAYS(3)));
    expect(cart.abandonAt).toBeGreaterThanOrEqual(T0 + 30 * MINUTE_MS);
  });

  it("without a campaign that wants the cart plans nothing", () => {
    const picky = campaign({ conditions: { "total.amount": { $gte: 100 } } });
    const cart = life(rules({ campaigns: [picky] }));
    cart.receive(add(T0));
    expect(codes(cart.wake(cart.abandonAt).notes)).toEqual(["abandoned", "campaign_skipped", "no_campaign"]);
    expect(cart.state.process.effects).toEqual([]);
  });

  it("enters the first campaign that holds and plans each of its steps once", () => {
    const step = (id: string, delayMinutes: number) => ({ ...campaign().steps[0]!, id, delayMinutes });
    const picky = campaign({ id: "vip", conditions: { "total.amount": { $gte: 100 } } });
    const steps = [step("now", 0), step("later", 60), { ...step("never", 90), conditions: { itemCount: { $gt: 9 } } }];
    const cart = life(rules({ campaigns: [picky, campaign({ steps })] }));
    const due = abandoned(cart);
    expect(cart.state.process.effects.map((e) => [e.id, e.dispatches])).toEqual([
      ["g1.cmp.now", 1],
      ["g1.cmp.later", 0],
      ["g1.cmp.never", 0],
    ]);
    expect(cart.state.process.effects[1]?.dueAt).toBe(due + HOUR_MS);
    cart.claim(due, false, "g1.cmp.now");
    cart.settle(due, SENT, "g1.cmp.now");
    cart.wake(due + 90 * MINUTE_MS);
    expect(cart.effect).toMatchObject({ id: "g1.cmp.never", status: "cancelled" });
    expect(cart.effect.history.at(-1)?.reason).toBe("conditions");
  });
});

describe("returning", () => {
  it("is not recovering: the cart is merely active, and unsent steps wait until it is left again", () => {
    const cart = life();
    abandoned(cart);
    const { notes } = cart.receive(event("cart_viewed", T0 + HOUR_MS));
    expect(codes(notes)).toEqual(["returned"]);
    expect(cart.state.process).toMatchObject({ status: "active", abandonedAt: null, recoveredAt: null });
    expect(cart.effect).toMatchObject({ status: "scheduled", dueAt: null });
    const again = cart.abandonAt;
    expect(codes(cart.wake(again).notes)).toEqual(["abandoned", "dispatched"]);
    expect(cart.state.process.abandonments).toBe(2);
    expect(cart.state.process.effects).toHaveLength(1);
  });

  it("is not what a page view, a consent or a refund tells", () => {
    const cart = life();
    abandoned(cart);
    cart.receive(event("page_viewed", T0 + HOUR_MS), event("consent_updated", T0 + HOUR_MS + 1));
    expect(cart.status).toBe("abandoned");
  });

  it("after a message it is still not recovering without an order", () => {
    const cart = life();
    messaged(cart);
    cart.receive(event("cart_viewed", T0 + HOUR_MS));
    expect(cart.status).toBe("active");
    expect(cart.state.process.closed).toEqual([]);
  });
});

describe("expiry and retention", () => {
  it("expires an idle cart and cancels what was planned", () => {
    const cart = life();
    cart.receive(add(T0));
    const slow = cart.wake(cart.abandonAt); // no address: the message waits
    expect(codes(slow.notes)).toContain("no_address");
    const due = T0 + DAYS(30);
    expect(cart.wake(due - 1)).toMatchObject({ rejection: "not_due" });
    expect(codes(cart.wake(due).notes)).toEqual(["expired", "cancelled"]);
    expect(cart.status).toBe("expired");
    expect(isTerminal(cart.state)).toBe(true);
  });

  it("an expired cart comes back with its shopper", () => {
    const cart = life();
    cart.receive(add(T0));
    cart.wake(T0 + DAYS(31));
    expect(cart.status).toBe("expired");
    cart.receive(add(T0 + DAYS(32)));
    expect(cart.status).toBe("active");
  });

  it("an expired cart does not come back for a page view: nobody is written to because of it", () => {
    const cart = life();
    cart.receive(add(T0), identified(T0 + 1));
    cart.wake(T0 + DAYS(31)); // the alarm came so late that the cart was never abandoned
    cart.receive(event("page_viewed", T0 + DAYS(32)));
    expect(cart.status).toBe("expired");
    expect(cart.wake(T0 + DAYS(33)).dispatch).toEqual([]);
  });

  it("forgets a finished cart after the retention, and no other", () => {
    const cart = life();
    cart.receive(add(T0), ordered(T0 + 1));
    const due = nextWake(cart.state)!;
    expect(due).toBe(T0 + 1 + DAYS(90));
    expect(cart.wake(due - 1).forget).toBeUndefined();
    expect(cart.wake(due).forget).toBe(true);
    const open = life();
    open.receive(add(T0));
    expect(open.wake(T0 + DAYS(1000)).forget).toBeUndefined();
  });

  it("an expired cart is forgotten a retention after it expired", () => {
    const cart = life();
    cart.receive(add(T0));
    cart.wake(T0 + DAYS(40));
    expect(nextWake(cart.state)).toBe(T0 + DAYS(130));
    expect(cart.wake(T0 + DAYS(130)).forget).toBe(true);
  });
});

describe("links", () => {
  it("are revoked from now on", () => {
    const cart = life();
    messaged(cart);
    const { notes } = cart.run({ type: "revoke_links", now: T0 + HOUR_MS });
    expect(codes(notes)).toEqual(["links_revoked"]);
    expect(cart.state.process.linksRevokedAt).toBe(T0 + HOUR_MS);
  });
});

it("a decision touches nothing of the state it was given", () => {
  const cart = life();
  abandoned(cart);
  const before = cart.state;
  const frozen = JSON.stringify(before);
  cart.claim(before.process.abandonedAt! + 1);
  cart.settle(before.process.abandonedAt! + 2, SENT);
  cart.receive(ordered(T0 + HOUR_MS), add(T0 + 2 * HOUR_MS));
  expect(JSON.stringify(before)).toBe(frozen);
});
