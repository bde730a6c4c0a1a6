/** What a cart tells about campaigns: whom it counts from when, and what was bought. */
import { describe, expect, it } from "vitest";
import { deltaOf } from "../../objects/cart/metrics.ts";
import type { CartState } from "../../objects/cart/state.ts";
import type { Delta, Purchase } from "../../shared/events/messages.ts";
import { shopperIdOf } from "../../shared/ids.ts";
import { isHeldOut } from "../../shared/measure/assign.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { canonical } from "../support/canonical.ts";
import {
  abandoned,
  add,
  CartLife,
  campaign,
  event,
  identified,
  ordered,
  rules,
  SENT,
  T0,
} from "../support/cart-life.ts";
import { batches, randomEvents } from "../support/cart-random.ts";
import { random } from "../support/random.ts";

const STEP = campaign().steps[0]!;
const halved = campaign({ holdout: 0.5, steps: [STEP, { ...STEP, id: "second", delayMinutes: 60 }] });

/** Notes what a cart's commands tell. */
class Told extends CartLife {
  deltas: Delta[] = [];

  override run(...args: Parameters<CartLife["run"]>): ReturnType<CartLife["run"]> {
    const before: CartState = this.state;
    const decision = super.run(...args);
    if (this.deltas) this.deltas.push(deltaOf(before, this.state, 0));
    return decision;
  }

  get exposures() {
    return this.deltas.flatMap((d) => d.exposures ?? []);
  }

  /** As the store keeps them: the last word on each. */
  get purchases(): Map<string, Purchase> {
    const kept = new Map<string, Purchase>();
    for (const purchase of this.deltas.flatMap((d) => d.purchases ?? [])) {
      if (purchase.void) kept.delete(purchase.orderId);
      else kept.set(purchase.orderId, purchase);
    }
    return kept;
  }
}

const emailIn = (arm: "treated" | "held_out"): string => {
  for (let i = 0; ; i++) {
    const email = `person-${i}@example.com`;
    if (isHeldOut("st_test", "cmp", shopperIdOf("st_test", email), 0.5) === (arm === "held_out")) return email;
  }
};

describe("exposure", () => {
  it.each(["treated", "held_out"] as const)("a %s shopper counts from the first message that is due, once", (arm) => {
    const cart = new Told(rules({ campaigns: [halved] }));
    const email = emailIn(arm);
    cart.receive(add(T0), identified(T0 + 1, email));
    const at = cart.abandonAt;
    cart.wake(at);
    const wanted = {
      campaignId: "cmp",
      campaignVersion: 1,
      stepId: STEP.id,
      variantId: "a",
      probability: 1,
      holdout: 0.5,
      shopperId: shopperIdOf("st_test", email),
      arm,
      at,
      windowMs: 72 * HOUR_MS,
    };
    expect(cart.exposures).toEqual([wanted]);
    // Handed over again, postponed by quiet hours, handed over anew: the same exposure.
    const first = cart.state.process.effects[0]!;
    cart.wake(at + MINUTE_MS);
    cart.run({ type: "hold", now: at + MINUTE_MS, effectId: first.id, reason: "quiet_hours", until: at + HOUR_MS });
    cart.wake(at + HOUR_MS + MINUTE_MS);
    expect(cart.state.process.effects[0]!.exposure).toMatchObject({ at, arm });
    expect(cart.exposures).toEqual([wanted, { ...wanted, stepId: "second", at: at + HOUR_MS + MINUTE_MS }]);
  });

  it("nobody counts whom no message was due to", () => {
    const nameless = new Told(rules({ campaigns: [halved] }));
    nameless.receive(add(T0));
    nameless.wake(nameless.abandonAt);
    const buyer = new Told(rules({ campaigns: [halved] }));
    buyer.receive(add(T0), identified(T0 + 1), ordered(T0 + 2));
    buyer.wake(T0 + HOUR_MS);
    expect([nameless.exposures, buyer.exposures]).toEqual([[], []]);
  });

  it("a shadow says so, and every planned variant with which probability it was chosen", () => {
    const variants = [
      { id: "a", templateId: "default", weight: 3 },
      { id: "b", templateId: "default", weight: 1 },
    ];
    const cart = new Told(rules({ campaigns: [campaign({ holdout: 0.5, steps: [{ ...STEP, variants }] })] }));
    cart.receive(add(T0), identified(T0 + 1, emailIn("held_out")));
    const { notes } = cart.wake(cart.abandonAt);
    const chosen = cart.effect.variantId;
    const probability = chosen === "a" ? 0.75 : 0.25;
    expect(cart.effect.probability).toBe(probability);
    expect(cart.exposures).toMatchObject([{ variantId: chosen, probability, arm: "held_out" }]);
    const texts = notes.map((n) => n.text).join("\n");
    expect(texts).toContain(`variant “${chosen}”, by a probability of ${probability.toFixed(3)}`);
    expect(texts).toContain("as a shadow: the shopper is held out");
  });

  it("the same shopper gets the same variant in every cart and on every device", () => {
    const variants = ["a", "b", "c", "d"].map((id) => ({ id, templateId: "default", weight: 1 }));
    const given = rules({ campaigns: [campaign({ steps: [{ ...STEP, variants }] })] });
    const chosen = Array.from({ length: 12 }, (_, i) => {
      const cart = new Told(given, `cart-${i}`);
      cart.receive(add(T0, { visitorId: `device-${i}` }), identified(T0 + 1, "ada@example.com"));
      cart.wake(cart.abandonAt);
      return cart.effect.variantId;
    });
    expect(new Set(chosen).size).toBe(1);
  });
});

describe("purchases", () => {
  it("are told with whom they are owed to, and again when money goes back", () => {
    const cart = new Told();
    const at = abandoned(cart);
    cart.claim(at);
    cart.settle(at, SENT);
    cart.receive(ordered(at + 1, "o1"));
    const bought = {
      orderId: "o1",
      shopperId: shopperIdOf("st_test", "ada@example.com"),
      at: at + 1,
      minor: 1_250,
      currency: "EUR",
      credit: { campaignId: "cmp", model: "last_touch" },
    };
    expect([...cart.purchases.values()]).toEqual([bought]);
    cart.receive(event("order_refunded", at + 2, { order: { id: "o1", totalMinor: 250, currency: "EUR" } }));
    expect([...cart.purchases.values()]).toEqual([{ ...bought, minor: 1_000 }]);
    const words = cart.deltas.flatMap((d) => d.purchases ?? []).length;
    cart.receive(event("page_viewed", at + 3));
    expect(cart.deltas.flatMap((d) => d.purchases ?? [])).toHaveLength(words); // nothing new, nothing told
    cart.receive(event("order_cancelled", at + 4, { order: { id: "o1", totalMinor: 0, currency: "EUR" } }));
    expect(cart.purchases.size).toBe(0);
  });

  it("of a measured cart are the measured shopper's, whatever address the checkout was given", () => {
    const cart = new Told();
    const at = abandoned(cart);
    cart.receive(identified(at + 1, "gift@example.com"), ordered(at + 2));
    expect(cart.purchases.get("o1")?.shopperId).toBe(shopperIdOf("st_test", "ada@example.com"));
    cart.receive(add(at + HOUR_MS), ordered(at + 2 * HOUR_MS, "o2")); // the next one was never measured
    expect(cart.purchases.get("o2")?.shopperId).toBe(shopperIdOf("st_test", "gift@example.com"));
  });

  it("of a stranger are told once it is known who it was", () => {
    const cart = new Told();
    cart.receive(add(T0), ordered(T0 + 1));
    expect(cart.purchases.size).toBe(0);
    cart.receive(identified(T0 + 2, "late@example.com"));
    expect(cart.purchases.get("o1")?.shopperId).toBe(shopperIdOf("st_test", "late@example.com"));
  });

  it("of a stranger who was measured are told, or an offer on the page would never have caused one", () => {
    const steps = [{ ...STEP, channel: "onsite" as const }];
    const cart = new Told(rules({ campaigns: [campaign({ trigger: "exit_intent", holdout: 0.5, steps })] }));
    const stranger = { visitorId: "browser-1" };
    cart.receive(add(T0, stranger), event("exit_intent_detected", T0 + 1, { ...stranger, intent: "exit" }));
    const [{ shopperId } = { shopperId: "" }] = cart.exposures;
    expect(shopperId).toBe("v_browser-1");
    cart.receive(event("coupon_applied", T0 + 2, { code: "TEN" }), ordered(T0 + 3));
    cart.receive(identified(T0 + 4)); // the confirmation's address changes nothing
    expect([...cart.purchases.values()]).toMatchObject([{ orderId: "o1", shopperId, coupons: ["TEN"] }]);
  });

  it("law 2: do not depend on the order in which a cart learns of them", () => {
    for (let seed = 0; seed < 200; seed++) {
      const chance = random(seed + 77);
      const events = randomEvents(chance, 3 + chance.below(20), T0);
      const ending = (given: (typeof events)[]): unknown => {
        const cart = new Told();
        for (const batch of given) cart.run({ type: "receive", now: T0 + 24 * HOUR_MS, events: batch });
        const kept = [...cart.purchases.values()].map(({ credit: _, ...purchase }) => purchase);
        return canonical(kept.sort((a, b) => (a.orderId < b.orderId ? -1 : 1)));
      };
      const wanted = ending([events]);
      for (let i = 0; i < 4; i++)
        expect(ending(batches(chance, chance.shuffle(events))), `seed ${seed}`).toEqual(wanted);
    }
  });
});

describe("an order is credited", () => {
  const goal = (attribution: "last" | "first") => ({ attributionHours: 72, attribution });
  function sentTwice(attribution: "last" | "first") {
    const cart = new Told(
      rules({ campaigns: [campaign({ goal: goal(attribution), steps: [STEP, { ...STEP, id: "second" }] })] }),
    );
    const at = abandoned(cart);
    const [first, second] = cart.state.process.effects;
    for (const { id } of [first!, second!]) {
      cart.claim(at, false, id);
      cart.settle(at, SENT, id);
    }
    const report = (deliveryId: string, status: "opened" | "clicked", when: number) =>
      cart.run({ type: "report", now: when, deliveryId, status });
    return { cart, at, first: first!.deliveryId, second: second!.deliveryId, report };
  }

  it.each([
    ["last", "second"],
    ["first", "first"],
  ] as const)("to the %s of several messages sent, opened or clicked", (rule, which) => {
    for (const kind of ["touch", "open", "click"] as const) {
      const life = sentTwice(rule);
      if (kind !== "touch") {
        life.report(life.first, kind === "open" ? "opened" : "clicked", life.at + 1);
        life.report(life.second, kind === "open" ? "opened" : "clicked", life.at + 2);
      }
      life.cart.receive(ordered(life.at + 3));
      const attribution = life.cart.state.process.closed[0]?.attribution;
      expect(attribution).toMatchObject({ deliveryId: life[which], model: `${rule}_${kind}` });
    }
  });

  it("to a click before an open, and to an open before what was merely sent", () => {
    const opened = sentTwice("last");
    opened.report(opened.first, "opened", opened.at + 1);
    opened.cart.receive(ordered(opened.at + 2));
    expect(opened.cart.state.process.closed[0]?.attribution).toMatchObject({
      deliveryId: opened.first,
      model: "last_open",
    });
    const clicked = sentTwice("last");
    clicked.report(clicked.first, "clicked", clicked.at + 1);
    clicked.report(clicked.second, "opened", clicked.at + 2);
    clicked.cart.receive(ordered(clicked.at + 3));
    expect(clicked.cart.state.process.closed[0]?.attribution).toMatchObject({
      deliveryId: clicked.first,
      model: "last_click",
    });
  });
});
