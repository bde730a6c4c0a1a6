/** Training examples: what was known at a moment of a cart, read back from its log, and nothing that came later. */
import { describe, expect, it } from "vitest";
import { decide } from "../../objects/cart/decide.ts";
import { endingsOf, examplesOf } from "../../objects/cart/examples.ts";
import { Past } from "../../objects/cart/past.ts";
import { emptyFacts } from "../../objects/cart/state.ts";
import type { Actors } from "../../objects/stubs.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import { MOMENTS } from "../../shared/model/example.ts";
import { FEATURE_NAMES, FEATURE_VERSION, type FeatureName } from "../../shared/model/features.ts";
import type { ShopperHistory } from "../../shared/model/history.ts";
import { PRIOR_VERSION } from "../../shared/model/serving.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import { add, event, mug, ordered, rules, T0 } from "../support/cart-life.ts";
import { randomEvent } from "../support/cart-random.ts";
import { CartShell } from "../support/cart-shell.ts";
import { random } from "../support/random.ts";

const known = (features: readonly (number | null)[], name: FeatureName): number | null | undefined =>
  features[FEATURE_NAMES.indexOf(name)];

/** A cart that is filled, looked at, left, and perhaps bought. */
function lived(bought: boolean): CartShell {
  const shell = new CartShell(rules(), "c-1");
  shell.receive(T0, [event("product_viewed", T0)]);
  shell.receive(T0 + MINUTE_MS, [add(T0 + MINUTE_MS)]);
  shell.receive(T0 + 2 * MINUTE_MS, [event("product_viewed", T0 + 2 * MINUTE_MS)]);
  shell.receive(T0 + 3 * MINUTE_MS, [event("checkout_started", T0 + 3 * MINUTE_MS)]);
  for (let i = 0; i < 5 && shell.state.process.status === "active"; i++) shell.wake(shell.alarm!);
  if (bought) shell.receive(T0 + DAY_MS, [ordered(T0 + DAY_MS)]);
  else shell.wake(T0 + 40 * DAY_MS);
  return shell;
}

describe("training examples", () => {
  it("no leakage: what comes later changes nothing that was known at a moment", () => {
    let compared = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const chance = random(seed);
      const shell = new CartShell(rules(), `c-${seed}`);
      let now = T0;
      const first = event("product_added_to_cart", now);
      shell.receive(now, [first]);
      for (let i = 0; i < 25; i++) {
        now += chance.below(20) * MINUTE_MS;
        shell.receive(now, [randomEvent(chance, now)]);
        if (shell.alarm !== null && chance.chance(0.1)) shell.wake(shell.alarm);
      }
      const whole = shell.log();
      for (const length of [3, 9, 17]) {
        const early = examplesOf(shell.state, whole.slice(0, length), 1);
        const late = new Map(examplesOf(shell.state, whole, 1).map((example) => [example.moment, example]));
        for (const example of early) {
          expect(late.get(example.moment), `seed ${seed}, ${example.moment}`).toEqual(example);
          compared += 1;
        }
      }
    }
    expect(compared).toBeGreaterThan(1_000);
  });

  it("an order makes them positive, an expiry negative, and the row of the order is none", () => {
    for (const bought of [true, false]) {
      const shell = lived(bought);
      const examples = examplesOf(shell.state, shell.log(), 1);
      expect(examples.map(({ moment }) => moment)).toEqual(["add", "add+1", "add+2", "checkout", "left"]);
      expect(examples.map(({ label }) => label)).toEqual(examples.map(() => (bought ? 1 : 0)));
      expect(examples.every(({ at }) => at < T0 + DAY_MS)).toBe(true);
      expect(examples.every(({ moment }) => MOMENTS.includes(moment))).toBe(true);
      expect(examples.every(({ featureVersion }) => featureVersion === FEATURE_VERSION)).toBe(true);
      expect(examples.every(({ features }) => features.length === FEATURE_NAMES.length)).toBe(true);
      expect(examples.every(({ probability, model }) => probability > 0 && model === PRIOR_VERSION)).toBe(true);
    }
  });

  it("the vector of a moment holds that moment's counts", () => {
    const shell = lived(true);
    const byMoment = new Map(examplesOf(shell.state, shell.log(), 1).map((e) => [e.moment, e.features]));
    const left = byMoment.get("left");
    if (left) expect(known(left, "idleMinutes")).toBeGreaterThan(29);
    for (const [moment, features] of byMoment) {
      expect(known(features, "adds"), moment).toBe(1);
      expect(known(features, "productViews"), moment).toBe(moment === "add" ? 1 : 2);
      expect(known(features, "priorCarts"), moment).toBe(null);
    }
  });

  it("an order later than the cart's life is none of its outcome", () => {
    const shell = new CartShell(rules({ expireAfterMs: DAY_MS }), "c-2");
    shell.receive(T0, [add(T0)]);
    shell.receive(T0 + 2 * DAY_MS, [ordered(T0 + 2 * DAY_MS)]);
    expect(examplesOf(shell.state, shell.log(), 1).map(({ label }) => label)).toEqual([0]);
  });

  it("each generation has its own", () => {
    const shell = new CartShell(rules(), "c-3");
    shell.receive(T0, [add(T0)]);
    shell.receive(T0 + MINUTE_MS, [ordered(T0 + MINUTE_MS)]);
    shell.receive(T0 + DAY_MS, [add(T0 + DAY_MS, { item: mug({ productId: "plate" }) })]);
    const first = examplesOf(shell.state, shell.log(), 1);
    const second = examplesOf(shell.state, shell.log(), 2);
    expect(first.map(({ at, label }) => [at, label])).toEqual([[T0, 1]]);
    expect(second.map(({ at, label }) => [at, label])).toEqual([[T0 + DAY_MS, 0]]);
    expect(known(second[0]!.features, "ordersBefore")).toBe(1);
    expect(known(second[0]!.features, "adds")).toBe(1);
  });

  it("are made of nothing but numbers: no address, no name, no product", () => {
    const shell = lived(false);
    for (const { features } of examplesOf(shell.state, shell.log(), 1))
      expect(features.every((value) => value === null || Number.isFinite(value))).toBe(true);
  });

  it("the ends that a log tells: left, expired; left, bought; void when the order was another's echo", () => {
    const ends = (shell: CartShell): string[] =>
      shell.log().flatMap(({ entry }) => (entry.delta.ends ?? []).map(({ how }) => how));
    expect(ends(lived(false))).toEqual(["left", "expired"]);
    expect(ends(lived(true))).toEqual(["left", "bought"]);
    const shell = new CartShell(rules(), "c-4");
    const at = (minutes: number): number => T0 + minutes * MINUTE_MS;
    const tell = (minutes: number, told: CartEvent): unknown => shell.receive(at(minutes), [told]);
    tell(0, add(at(0)));
    tell(20, ordered(at(20)));
    tell(21, add(at(21)));
    tell(30, ordered(at(30))); // the echo of the order before, it seems
    tell(31, add(at(31)));
    expect(ends(shell)).toEqual(["bought", "bought"]);
    // The order was placed before all of that: both were echoes long after it, and the second closed nothing.
    tell(32, ordered(at(1)));
    expect(ends(shell)).toEqual(["bought", "bought", "void"]);
  });

  it("news of an end carries the examples only once the outcome is known", () => {
    const shell = lived(true);
    const ends = shell.log().flatMap(({ entry }) => entry.delta.ends ?? []);
    const endings = endingsOf(ends, shell.state, () => shell.log());
    expect(endings.map(({ how, examples }) => [how, examples.length > 0])).toEqual([
      ["left", false],
      ["bought", true],
    ]);
    expect(endings.every(({ adds }) => adds === 1)).toBe(true);
  });

  it("a cart that expired, was taken up and expired again teaches each of its moments once", () => {
    const shell = lived(false);
    const again = T0 + 41 * DAY_MS;
    for (let i = 0; i < 4; i++) shell.receive(again + i, [event("cart_viewed", again + i)]);
    for (let i = 0; i < 5 && shell.state.process.status === "active"; i++) shell.wake(shell.alarm!);
    shell.wake(again + 40 * DAY_MS);
    const ends = shell.log().flatMap(({ entry }) => entry.delta.ends ?? []);
    expect(ends.map(({ how }) => how)).toEqual(["left", "expired", "left", "expired"]);
    const endings = endingsOf(ends, shell.state, () => shell.log());
    const [, first, , second] = endings.map(({ examples }) => examples.map(({ moment }) => moment));
    expect(first).toEqual(["add", "add+1", "add+2", "checkout", "left"]);
    expect(second).toEqual(["add+3", "add+5"]);
  });

  it("what the cart was told of its shopper is known from then on", () => {
    const history: ShopperHistory = {
      shopperId: "v_1",
      carts: 3,
      purchases: 1,
      adds: 5,
      lastCartAt: T0 - DAY_MS,
      lastBought: false,
      lastPurchaseAt: T0 - 9 * DAY_MS,
      messages: 2,
      answered: 1,
    };
    const row = (seq: number, at: number, more: object) => {
      const { receivedAt: _, ...told } = seq === 1 ? add(at) : event("cart_viewed", at);
      return { seq, at, entry: { events: [told], delta: {}, ...more } };
    };
    const state = { ...new CartShell(rules(), "c-5").state, base: emptyFacts() };
    const [before, after] = examplesOf(state, [row(1, T0, {}), row(2, T0 + MINUTE_MS, { history })], 1);
    expect(known(before!.features, "priorCarts")).toBe(null);
    expect(known(after!.features, "priorCarts")).toBe(3);
    expect(known(after!.features, "lastCartBought")).toBe(0);
    expect(known(after!.features, "daysSinceLastPurchase")).toBeCloseTo(9, 2);
  });

  it("a shopper who could not be asked for their past is asked with the next beacon", async () => {
    let asked = 0;
    const history = { shopperId: "v_1", carts: 1 } as ShopperHistory;
    const shopper = { past: async () => (++asked === 1 ? Promise.reject(new Error("overloaded")) : { history }) };
    const env = { SHOPPER: { getByName: () => shopper } } as unknown as Actors;
    const work: Promise<unknown>[] = [];
    const past = new Past(env, { storeId: "st_test", cartId: "c-7" }, (promise) => void work.push(promise));
    const { state } = lived(false);
    past.ask(state);
    past.ask(state); // under way: not asked twice
    await Promise.all(work);
    expect([asked, past.heard]).toEqual([1, null]);
    past.ask(state);
    await Promise.all(work);
    expect([asked, past.heard]).toMatchObject([2, { carts: 1 }]);
  });

  it("the history that comes with a beacon is what the prediction of that beacon saw", () => {
    const shell = new CartShell(rules(), "c-6");
    const history = { shopperId: "v_1", carts: 1 } as ShopperHistory;
    const seen: (ShopperHistory | null)[] = [];
    const decision = decide(
      shell.state,
      { type: "receive", now: T0, events: [add(T0)], history },
      rules(),
      (_, moment) => {
        seen.push(moment.history);
        return { purchaseProbability: 0.5, model: "m", reasons: [], at: moment.now };
      },
    );
    expect(seen).toEqual([history]);
    expect(decision.state.history).toEqual(history);
  });
});
