/** The feature vector: its names, its bounds, and that it depends on what is known and on nothing else. */
import { describe, expect, it } from "vitest";
import { before, fold } from "../../objects/cart/fold.ts";
import { emptyFacts } from "../../objects/cart/state.ts";
import { STRANGER } from "../../objects/shopper/decide.ts";
import { historyOf, remember, takeBack, united } from "../../objects/shopper/past.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import {
  EMPTY_CART,
  FEATURE_NAMES,
  FEATURES,
  type FeatureName,
  featuresAt,
  MAX_PRICES,
} from "../../shared/model/features.ts";
import { localTime } from "../../shared/model/local-time.ts";
import { predictorOf, reasonsOf } from "../../shared/model/prediction.ts";
import { prior } from "../../shared/model/prior.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { add, event, mug, T0 } from "../support/cart-life.ts";
import { randomEvents } from "../support/cart-random.ts";
import { random } from "../support/random.ts";

const moment = (now: number) => ({ now, history: null, timeZone: "UTC" });
const vectorOf = (events: CartEvent[], now: number): Record<FeatureName, number> => {
  const vector = featuresAt(fold(emptyFacts(), events), moment(now));
  return Object.fromEntries(FEATURE_NAMES.map((name, i) => [name, vector[i]!])) as Record<FeatureName, number>;
};

describe("features", () => {
  it("have different names, a unit and a doc each, and one place each in the vector", () => {
    expect(new Set(FEATURE_NAMES).size).toBe(FEATURES.length);
    expect(FEATURES.every(({ unit, doc }) => unit.length > 0 && doc.length > 5)).toBe(true);
    expect(featuresAt(EMPTY_CART, moment(0))).toHaveLength(FEATURES.length);
    expect(FEATURES.length).toBeGreaterThanOrEqual(40);
  });

  it("of any cart are finite or missing, and none is negative but the price ratio", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const events = randomEvents(random(seed), 30, T0).sort((a, b) => (before(a, b) ? -1 : 1));
      for (const [name, value] of Object.entries(vectorOf(events, T0 + 2 * DAY_MS)))
        if (!Number.isNaN(value)) {
          expect(Number.isFinite(value), name).toBe(true);
          if (name !== "priceRatio") expect(value, `seed ${seed}: ${name}`).toBeGreaterThanOrEqual(0);
        }
    }
  });

  it("tell what happened", () => {
    const at = (minutes: number): number => T0 + minutes * MINUTE_MS;
    const plate = mug({ productId: "plate", priceMinor: 5_000, category: "table" });
    const vector = vectorOf(
      [
        event("product_viewed", at(0), { sessionId: "s1" }),
        event("product_viewed", at(1), { item: plate }),
        add(at(2), { item: plate }),
        event("product_viewed", at(4), { item: plate }),
        event("exit_intent_detected", at(5)),
        event("coupon_applied", at(6), { code: "SAVE" }),
        event("checkout_started", at(60), { sessionId: "s2" }),
      ],
      at(70),
    );
    expect(vector).toMatchObject({
      lines: 1,
      quantity: 1,
      productViews: 3,
      uniqueProducts: 2,
      repeatViews: 1,
      cartItemViews: 1,
      adds: 1,
      removes: 0,
      viewsPerAdd: 3,
      events: 7,
      eventsAfterAdd: 4,
      minutesToAdd: 2,
      minutesSinceFirst: 70,
      minutesSinceLastAdd: 68,
      idleMinutes: 10,
      longestGapMinutes: 54,
      lastGapMinutes: 54,
      visits: 2,
      checkoutStage: 1,
      couponTries: 1,
      couponsHeld: 1,
      exitIntents: 1,
      hesitations: 0,
      priceRank: 1,
      topLineShare: 1,
      hour: 11 + 10 / 60,
      ordersBefore: 0,
    });
    expect(vector.priceRatio).toBeCloseTo(Math.log(5_000 / 3_125), 9);
    expect(vector.meanGapMinutes).toBeCloseTo(10, 9);
    expect(vector.priorCarts).toBeNaN();
  });

  it("no currency is in them: prices ten times as high give the same vector", () => {
    const shop = (factor: number): CartEvent[] => [
      event("product_viewed", T0, { id: "a", item: mug({ productId: "x", priceMinor: 300 * factor }) }),
      add(T0 + 1, { id: "b", item: mug({ priceMinor: 1_250 * factor }) }),
      add(T0 + 2, { id: "c", item: mug({ productId: "y", priceMinor: 90 * factor }) }),
    ];
    const [one, ten] = [vectorOf(shop(1), T0 + 5), vectorOf(shop(10), T0 + 5)];
    for (const name of FEATURE_NAMES) expect(Math.fround(ten[name]), name).toBe(Math.fround(one[name]));
  });

  it("a flood of prices is bounded", () => {
    const events = Array.from({ length: 200 }, (_, i) =>
      event("product_viewed", T0 + i, { item: mug({ productId: `p${i}`, priceMinor: 1 + i }) }),
    );
    expect(fold(emptyFacts(), events).trail.prices).toHaveLength(MAX_PRICES);
  });

  it("hour and weekday are the shopper's, in any zone, on the days the clocks change too", () => {
    const clock = (now: number, timeZone: string) =>
      new Intl.DateTimeFormat("en-GB", {
        timeZone,
        weekday: "short",
        hour: "2-digit",
        minute: "2-digit",
        hourCycle: "h23",
      })
        .format(now)
        .replace(",", "");
    const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    for (const zone of ["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "UTC"])
      for (let hour = 0; hour < 400; hour += 1) {
        const now = Date.UTC(2031, 2, 20) + hour * HOUR_MS + 7 * MINUTE_MS;
        const { hour: at, weekday } = localTime(now, zone);
        const minutes = Math.round(at * 60);
        const shown = `${days[weekday]} ${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
        expect(shown, `${zone} ${new Date(now).toISOString()}`).toBe(clock(now, zone));
      }
    expect(localTime(0, "Nowhere/At_All")).toEqual({ hour: 0, weekday: 4 });
  });
});

describe("predictions", () => {
  it("the prior thinks better of a checkout than of an idle cart, and says why", () => {
    const going = fold(emptyFacts(), [add(T0), event("checkout_started", T0 + 1)]);
    const hot = prior(going, moment(T0 + 2));
    const cold = prior(going, moment(T0 + 90 * MINUTE_MS));
    expect(hot.purchaseProbability).toBeGreaterThan(cold.purchaseProbability);
    expect(hot.reasons[0]?.feature).toMatch(/^checkout/);
    expect(cold.reasons[0]?.feature).toBe("idleMinutes");
    expect(cold.reasons[0]?.effect).toBeLessThan(0);
  });

  it("reasons are the strongest first, four at most, and never of what is not known", () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const vector = [1, 2, 3, Number.NaN, 5, 6];
    const effects = Float64Array.from([0.1, -0.9, 0.3, 5, 0.001, 0.2]);
    expect(reasonsOf(names, vector, effects).map(({ feature }) => feature)).toEqual(["b", "c", "f", "a"]);
  });

  it("a model takes its features by name, in its own order, and misses what nobody knows", () => {
    let asked: number[] = [];
    const scorer = {
      features: ["adds", "unheardOf", "lines"],
      probability: () => 0.25,
      batch: () => {},
      explain: (vector: ArrayLike<number>) => {
        asked = [...Array.from(vector)];
        return 0.25;
      },
    };
    const { model } = predictorOf(scorer, "m_1")(fold(emptyFacts(), [add(T0), add(T0 + 1)]), moment(T0 + 2));
    expect(model).toBe("m_1");
    expect(asked).toEqual([2, Number.NaN, 1]);
  });
});

describe("a shopper's past", () => {
  const cart = (cartId: string, at: number, bought: boolean) => ({ cartId, part: "1/1", at, bought, adds: 2 });

  it("is what became of their carts, told twice or in any order", () => {
    const told = [cart("a", T0, false), cart("b", T0 + DAY_MS, true), cart("a", T0, false), cart("c", T0 + 9, false)];
    const past = told.reduce(remember, []);
    expect(past).toEqual([...told].reverse().reduce(remember, []));
    expect(historyOf(past, "v_1", STRANGER, "c")).toEqual({
      shopperId: "v_1",
      carts: 2,
      purchases: 1,
      adds: 4,
      lastCartAt: T0 + DAY_MS,
      lastBought: true,
      lastPurchaseAt: T0 + DAY_MS,
      messages: 0,
      answered: 0,
    });
  });

  it("a cart left and then bought was bought, unless the order was none", () => {
    const left = remember([], cart("a", T0, false));
    const bought = remember(left, cart("a", T0 + 5, true));
    expect(bought).toEqual([cart("a", T0 + 5, true)]);
    expect(remember(bought, cart("a", T0 + 9, false))).toBe(bought);
    expect(takeBack(bought, cart("a", T0 + 5, true))).toEqual([]);
    expect(takeBack([], cart("a", T0, true))).toEqual([]);
  });

  it("is bounded, and two pasts of one person are one", () => {
    const many = Array.from({ length: 80 }, (_, i) => cart(`c${i}`, T0 + i, i % 2 === 0));
    const past = many.reduce(remember, []);
    expect(past).toHaveLength(50);
    expect(past[0]?.cartId).toBe("c30");
    expect(united([cart("a", T0, false)], [cart("a", T0, true), cart("b", T0 - 1, false)])).toEqual([
      cart("b", T0 - 1, false),
      cart("a", T0, true),
    ]);
  });
});
