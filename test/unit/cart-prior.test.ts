/** The prior model: made of nothing but simulated visits, sane for any cart, and honest about what it is. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { fold } from "../../objects/cart/fold.ts";
import { emptyFacts } from "../../objects/cart/state.ts";
import type { CartEvent, EventType } from "../../shared/events/types.ts";
import { checkModel } from "../../shared/model/check.ts";
import { FEATURE_NAMES } from "../../shared/model/features.ts";
import type { ShopperHistory } from "../../shared/model/history.ts";
import { figures, measure } from "../../shared/model/metrics.ts";
import { PRIOR_CARD, PRIOR_MODEL, prior } from "../../shared/model/prior.ts";
import { SHORT_DIGEST } from "../../shared/model/prior-model.ts";
import { compile } from "../../shared/model/scorer.ts";
import { PRIOR_VERSION } from "../../shared/model/serving.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import { digestOf, fitPrior, SHORT } from "../prior/fitting.ts";
import { type Census, type Row, simulate } from "../prior/rows.ts";
import { byHand, jdata, type RealRows, rees46, retailRocket } from "../prior/transfer.ts";
import { add, event, identified, mug, T0 } from "../support/cart-life.ts";
import { random } from "../support/random.ts";

const NAMES: readonly string[] = FEATURE_NAMES;
const scorer = compile(PRIOR_MODEL);
const places = PRIOR_MODEL.features.map((name) => NAMES.indexOf(name));
const scored = (features: readonly number[]): number => scorer.probability(places.map((place) => features[place]!));

describe("the prior's making", () => {
  it("is repeated by the same code: where this fails, `npm run prior` makes it anew", () => {
    expect(digestOf(fitPrior(SHORT))).toBe(SHORT_DIGEST);
  });

  it("is small enough to be parsed wherever a cart wakes, and sound", () => {
    const file = readFileSync(join(import.meta.dirname, "../../shared/model/prior-model.ts"));
    expect(file.length).toBeLessThanOrEqual(30_000);
    expect(checkModel(PRIOR_MODEL)).toBeNull();
    expect(places).not.toContain(-1);
  });

  it("its card says that no shop's data is in it, and its figures have intervals", () => {
    expect(PRIOR_CARD).toMatchObject({ revision: "prior-2", fittedOn: expect.stringContaining("no shop's data") });
    expect(PRIOR_CARD.purchases).toBeLessThan(PRIOR_CARD.examples);
    const { rocAuc, logLoss, ece } = PRIOR_CARD.metrics;
    for (const { low, value, high } of [rocAuc, logLoss, ece])
      expect([low, value, high]).toEqual([low, value, high].sort());
    expect(rocAuc.high - rocAuc.low).toBeGreaterThan(0);
    expect(PRIOR_CARD.notFor.length).toBeGreaterThan(0);
  });
});

describe("on simulated shoppers of shops that it was not fitted on", () => {
  let rows: Row[];
  let census: Census;
  beforeAll(() => {
    ({ rows, census } = simulate(99, 15_000));
  });
  const at = (...moments: string[]) => {
    const some = rows.filter(({ moment }) => moments.includes(moment));
    return figures({
      probabilities: Float64Array.from(some, ({ features }) => scored(features)),
      labels: Uint8Array.from(some, ({ label }) => label),
    });
  };

  it("their carts end as published averages say", () => {
    const { carts, bought, mobile, visitors, checkouts, paymentTries, paymentFailures } = census;
    const desktop = (bought - mobile[1]) / (carts - mobile[0]);
    expect(carts / visitors).toBeGreaterThan(0.06);
    expect(carts / visitors).toBeLessThan(0.14);
    expect(bought / carts).toBeGreaterThan(0.26);
    expect(bought / carts).toBeLessThan(0.34);
    expect(mobile[1] / mobile[0]).toBeLessThan(desktop - 0.03);
    // Of the shops that tell of their checkout.
    expect(checkouts.bought / checkouts.begun).toBeGreaterThan(0.45);
    expect(checkouts.bought / checkouts.begun).toBeLessThan(0.65);
    expect(paymentFailures / paymentTries).toBeGreaterThan(0.05);
    expect(paymentFailures / paymentTries).toBeLessThan(0.12);
  });

  it("its probabilities are what happens", () => {
    const metrics = measure(
      {
        probabilities: Float64Array.from(rows, ({ features }) => scored(features)),
        labels: Uint8Array.from(rows, ({ label }) => label),
        groups: Float64Array.from(rows, ({ shopper }) => shopper),
      },
      { resamples: 0, seed: 1 },
    );
    expect(rows.length).toBeGreaterThan(10_000);
    expect(metrics.ece.value).toBeLessThanOrEqual(0.02);
  });

  it("the first addition tells as little as in real shops, and more is known later", () => {
    const first = at("add").rocAuc;
    expect(first).toBeGreaterThan(0.58);
    expect(first).toBeLessThan(0.71);
    expect(at("add+1", "add+3").rocAuc).toBeGreaterThan(first + 0.05);
    expect(at("idle").rocAuc).toBeGreaterThan(first + 0.1);
  });
});

const minutes = (n: number): number => T0 + n * MINUTE_MS;
const told = (type: EventType, at: number, over: Partial<CartEvent> = {}): CartEvent => event(type, minutes(at), over);
const past = (carts: number, purchases: number): ShopperHistory => ({
  ...{ shopperId: "v_1", carts, purchases, adds: 2 * carts, messages: 0, answered: 0 },
  ...{ lastCartAt: carts > 0 ? T0 - 9 * DAY_MS : null, lastBought: carts > 0 ? purchases > 0 : null },
  lastPurchaseAt: purchases > 0 ? T0 - 9 * DAY_MS : null,
});

/** Of these events, as long after the last one, of this shopper. */
function predicted(events: CartEvent[], idleMinutes = 0, history: ShopperHistory | null = null) {
  const facts = fold(emptyFacts(), events);
  return prior(facts, { now: facts.lastReceivedAt + idleMinutes * MINUTE_MS, history, timeZone: "UTC" });
}
const chance = (...given: Parameters<typeof predicted>): number => predicted(...given).purchaseProbability;

const FILLED = [told("page_viewed", 0), told("product_viewed", 1), add(minutes(2))];
const AT_CHECKOUT = [...FILLED, told("checkout_started", 3)];
const STAGES: EventType[] = [
  "checkout_contact_info_submitted",
  "checkout_address_info_submitted",
  "checkout_shipping_info_submitted",
  "payment_info_submitted",
];
const PAYING = [...AT_CHECKOUT, ...STAGES.map((type, i) => told(type, 3.5 + i / 2))];

describe("what moves it", () => {
  it("each step of the checkout raises the odds", () => {
    const along = STAGES.map((_, i) => chance(PAYING.slice(0, AT_CHECKOUT.length + i + 1)));
    const all = [chance(FILLED.slice(0, 2)), chance(FILLED), chance(AT_CHECKOUT), ...along];
    expect(all).toEqual([...all].sort((a, b) => a - b));
    expect(all[0]).toBeLessThan(0.1);
    expect(all.at(-1)).toBeGreaterThan(0.85);
  });

  it("time lowers them, and never to nothing", () => {
    const idle = [0, 2, 15, 600, 3 * 1440, 300 * 1440].map((minutes) => chance(FILLED, minutes));
    expect(idle).toEqual([...idle].sort((a, b) => b - a));
    expect(idle[2]).toBeLessThan(idle[0]! / 2);
    expect(idle.at(-1)).toBeGreaterThan(0.001);
    expect(chance(PAYING, 60)).toBeLessThan(chance(PAYING) / 2);
  });

  it("a removal, a failed payment and the way out lower them", () => {
    const second = add(minutes(2.5), { item: mug({ productId: "plate" }) });
    const removed = told("product_removed_from_cart", 3, { item: mug({ productId: "plate" }) });
    expect(chance([...FILLED, second, removed])).toBeLessThan(chance([...FILLED, second]));
    expect(chance([...FILLED, told("product_removed_from_cart", 3)])).toBeLessThan(chance(FILLED) / 2);
    expect(chance([...PAYING, told("payment_failed", 6)])).toBeLessThan(chance(PAYING) - 0.05);
    const again = PAYING.slice(0, -1);
    expect(chance([...again, told("payment_failed", 6)])).toBeLessThan(chance(again));
    expect(chance([...FILLED, told("exit_intent_detected", 3, { intent: "exit" })])).toBeLessThan(chance(FILLED));
  });

  it("a known address and earlier purchases raise them, a phone lowers them", () => {
    expect(chance([...FILLED, identified(minutes(2.1))])).toBeGreaterThan(chance(FILLED));
    const histories = [past(0, 0), past(3, 1), past(3, 3)].map((history) => chance(FILLED, 0, history));
    expect(histories).toEqual([...histories].sort((a, b) => a - b));
    expect(histories[2]! - histories[0]!).toBeGreaterThan(0.15);
    expect(chance(FILLED, 0, past(3, 0))).toBeLessThan(chance(FILLED, 0, past(3, 1)));
    const on = (device: "mobile" | "desktop"): number => chance(FILLED.map((e) => ({ ...e, device })));
    expect(on("mobile")).toBeLessThan(on("desktop"));
  });

  it("reasons are told, of features that it was fitted on", () => {
    for (const events of [FILLED.slice(0, 1), FILLED, AT_CHECKOUT, PAYING]) {
      const { reasons, model } = predicted(events);
      expect(model).toBe(PRIOR_VERSION);
      expect(reasons).toHaveLength(4);
      expect(reasons.every(({ feature, effect }) => PRIOR_MODEL.features.includes(feature) && effect !== 0)).toBe(true);
    }
    expect(predicted(FILLED, 600).reasons[0]).toMatchObject({ feature: "idleMinutes", value: 600 });
    expect(predicted(PAYING).reasons[0]).toMatchObject({ feature: "checkoutStage", value: 5 });
  });
});

describe("far from anything simulated", () => {
  it("it is never sure, whatever it is told", () => {
    const { below, chance: happens } = random(7);
    const odd = [0, 1, 2, 30, 1e3, 1e6, 1e15, Number.MAX_VALUE, -1, 0.5, Number.NaN];
    for (let i = 0; i < 5_000; i++) {
      const rare = happens(0.5);
      const probability = scored(
        FEATURE_NAMES.map(() => (rare && happens(0.7) ? Number.NaN : odd[below(odd.length)]!)),
      );
      expect(probability).toBeGreaterThan(0.0005);
      expect(probability).toBeLessThan(0.9995);
    }
  });

  it("of a cart of which nothing is told it says about the average", () => {
    const probability = scored(FEATURE_NAMES.map(() => Number.NaN));
    expect(probability).toBeGreaterThan(0.15);
    expect(probability).toBeLessThan(0.5);
  });

  it("a regular's five hundred carts count no more than a few", () => {
    expect(chance(FILLED, 0, past(500, 400))).toBeLessThan(0.9);
    expect(chance([told("page_viewed", 0)], 0, past(500, 400))).toBeLessThan(0.5);
  });
});

const DATA = resolve(import.meta.dirname, "../../../shared/data");

/** Where they are read: `prior.ts`, at the card. */
describe.skipIf(!existsSync(DATA))("on real clickstreams (skipped where they are not there)", () => {
  it.each([
    ["REES46", rees46, 60],
    ["JData", jdata, 300],
    ["RetailRocket", retailRocket, 15_000],
  ] as const)(
    "%s: it ranks carts better than weights set by hand",
    (_, read: (folder: string) => RealRows, shoppers) => {
      const { features, labels, groups } = read(DATA);
      expect(new Set(groups).size).toBeGreaterThanOrEqual(shoppers);
      const measured = (score: (features: readonly number[]) => number) =>
        figures({ probabilities: Float64Array.from(features, score), labels: Uint8Array.from(labels) });
      const [fitted, hand] = [measured(scored), measured(byHand)];
      expect(fitted.rocAuc).toBeGreaterThan(hand.rocAuc);
      expect(fitted.rocAuc).toBeGreaterThan(0.53);
      expect(fitted.logLoss).toBeLessThan(hand.logLoss);
    },
  );
});
