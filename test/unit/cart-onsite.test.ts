/** Offers on the page: carried by the beacon's reply until they were shown, and in one hand with the queued messages. */
import { describe, expect, it } from "vitest";
import type { EventType } from "../../shared/events/types.ts";
import { isHeldOut } from "../../shared/measure/assign.ts";
import type { Campaign } from "../../shared/policy/rules.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { add, CartLife, campaign, event, identified, ordered, rules, T0 } from "../support/cart-life.ts";

const onsite = (over: Partial<Campaign> = {}): Campaign =>
  campaign({
    id: "exit",
    trigger: "exit_intent",
    steps: [{ ...campaign().steps[0]!, id: "offer", channel: "onsite" }],
    ...over,
  });
const exit = (at: number) => event("exit_intent_detected", at, { intent: "exit" });
const life = (...campaigns: Campaign[]): CartLife => new CartLife(rules({ campaigns }));

/** A cart with an offer out; its delivery's id. */
function offered(cart: CartLife): string {
  cart.receive(add(T0), identified(T0));
  const { offers } = cart.receive(exit(T0 + 1_000));
  expect(offers).toHaveLength(1);
  return offers![0]!.deliveryId;
}
const tell = (cart: CartLife, type: EventType, deliveryId: string, at: number) =>
  cart.receive(event(type, at, { deliveryId }));
const offerIds = (decision: { offers?: { deliveryId: string }[] }) => (decision.offers ?? []).map((o) => o.deliveryId);

describe("an offer", () => {
  it("comes with the reply to the beacon that told of the moment, at once", () => {
    const cart = life(onsite());
    offered(cart);
    expect(cart.effect).toMatchObject({ status: "sent", channel: "onsite", provider: "onsite", sentAt: T0 + 1_000 });
  });

  it("is the same one with every reply, also to a duplicate, until it was shown", () => {
    const cart = life(onsite());
    const id = offered(cart);
    const viewed = event("product_viewed", T0 + 2_000);
    expect(offerIds(cart.receive(viewed))).toEqual([id]);
    expect(offerIds(cart.receive(viewed))).toEqual([id]);
    expect(offerIds(tell(cart, "offer_shown", id, T0 + 3_000))).toEqual([]);
    expect(cart.effect.status).toBe("opened");
    expect(offerIds(cart.receive(event("product_viewed", T0 + 4_000)))).toEqual([]);
  });

  it("is not repeated for ever to a page that does not draw it", () => {
    const cart = life(onsite());
    offered(cart);
    expect(offerIds(cart.receive(event("product_viewed", T0 + 31 * MINUTE_MS)))).toEqual([]);
  });

  it("is not for an empty cart, nor for one that was bought", () => {
    const cart = life(onsite());
    cart.receive(exit(T0));
    expect(cart.state.process.effects).toEqual([]);
    const bought = life(onsite());
    offered(bought);
    expect(offerIds(bought.receive(ordered(T0 + 2_000)))).toEqual([]);
  });

  it("once accepted cancels what was queued, in the same transaction", () => {
    const mail = campaign({ id: "mail", trigger: "time_based" });
    const cart = life(onsite(), mail);
    const id = offered(cart);
    expect(cart.state.process.effects.map((e) => e.status)).toEqual(["scheduled", "sent"]);
    const { notes } = tell(cart, "offer_accepted", id, T0 + 3_000);
    expect(cart.state.process.effects.map((e) => e.status)).toEqual(["cancelled", "clicked"]);
    expect(notes.map((n) => n.code)).toEqual(["clicked", "cancelled"]);
    expect(cart.claim(T0 + HOUR_MS, false, "g1.mail.reminder").rejection).toBe("already_cancelled");
  });

  it("does not take back a message that was already claimed", () => {
    const cart = life(onsite(), campaign({ id: "mail", trigger: "time_based" }));
    const id = offered(cart);
    cart.wake(T0 + 2_000);
    cart.claim(T0 + 2_000, false, "g1.mail.reminder");
    tell(cart, "offer_accepted", id, T0 + 3_000);
    expect(cart.state.process.effects.map((e) => e.status)).toEqual(["claimed", "clicked"]);
  });

  it("once dismissed leaves the shopper in peace for a day, but for a failed payment", () => {
    const failed = onsite({ id: "failed", trigger: "payment_failed" });
    const drop = onsite({ id: "drop", trigger: "price_drop" });
    const cart = life(onsite(), failed, drop);
    const id = offered(cart);
    tell(cart, "offer_shown", id, T0 + 2_000);
    tell(cart, "offer_dismissed", id, T0 + 3_000);
    expect(cart.effect.history.at(-1)).toMatchObject({ status: "opened", reason: "dismissed" });
    const cheaper = (at: number) => event("product_viewed", at, { item: { ...add(T0).item!, priceMinor: 900 } });
    expect(offerIds(cart.receive(cheaper(T0 + 4_000)))).toEqual([]);
    expect(offerIds(cart.receive(event("payment_failed", T0 + 5_000)))).toHaveLength(1);
    tell(cart, "offer_shown", cart.state.process.effects[2]!.deliveryId, T0 + 6_000);
    expect(offerIds(cart.receive(event("cart_viewed", T0 + DAY_MS + HOUR_MS)))).toHaveLength(1);
  });

  it("about a moment that has passed is not made any more", () => {
    const cart = life(onsite(), onsite({ id: "hesitation", trigger: "checkout_hesitation" }));
    const id = offered(cart);
    cart.receive(event("exit_intent_detected", T0 + 2_000, { intent: "hesitation" }));
    tell(cart, "offer_shown", id, T0 + 3_000);
    tell(cart, "offer_dismissed", id, T0 + 4_000);
    expect(offerIds(cart.receive(event("cart_viewed", T0 + DAY_MS + HOUR_MS)))).toEqual([]);
    expect(cart.effect).toMatchObject({ status: "cancelled" });
    expect(cart.effect.history.at(-1)?.reason).toBe("moment_passed");
  });

  it("is measured like a message: the held out see none, and an order after one that was shown is recovered", () => {
    const cart = life(onsite({ holdout: 0.5 }));
    const email = ["a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com"];
    const arms = email.map((address) => {
      const one = life(onsite({ holdout: 0.5 }));
      one.receive(add(T0), identified(T0, address));
      const shown = offerIds(one.receive(exit(T0 + 1))).length === 1;
      expect(one.effect.exposure?.arm).toBe(shown ? "treated" : "held_out");
      expect(shown).toBe(!isHeldOut("st_test", "exit", one.effect.exposure!.shopperId, 0.5));
      return shown;
    });
    expect(new Set(arms).size).toBe(2);
    expect(cart.state.process.effects).toEqual([]);
    const seen = life(onsite());
    const id = offered(seen);
    tell(seen, "offer_shown", id, T0 + 2_000);
    seen.receive(ordered(T0 + 3_000));
    expect(seen.state.process.closed.at(-1)?.attribution).toMatchObject({ deliveryId: id, model: "last_open" });
    const unseen = life(onsite());
    offered(unseen);
    unseen.receive(ordered(T0 + 3_000));
    expect(unseen.status).toBe("purchased");
  });

  it("waits on the page through a return, and needs no alarm", () => {
    const back = campaign({ id: "back", steps: [{ ...campaign().steps[0]!, channel: "onsite" }] });
    const cart = life(back);
    cart.receive(add(T0), identified(T0));
    const left = cart.abandonAt;
    cart.wake(left);
    expect(cart.status).toBe("abandoned");
    const decision = cart.receive(event("page_viewed", left + HOUR_MS), event("cart_viewed", left + HOUR_MS));
    expect(offerIds(decision)).toHaveLength(1);
    expect(cart.status).toBe("active");
  });
});
