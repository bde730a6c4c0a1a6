import { describe, expect, it } from "vitest";
import { judgeCanary, judgeShadow, LAST_LOOK, pairedLogLoss, rarerBy } from "../../shared/model/gates.ts";
import { canaryWeek, type Outcome, type Quality, shadowWeek, Week, type World } from "../support/rollout-week.ts";

const WEEKS = 200;
const GOOD: Quality = { noise: 0.5 };
const FAIR: Quality = { noise: 1.2 };
/** Fitted on shuffled labels: it knows nothing of the cart and is sure of itself. */
const NOISE: Quality = { noise: 50, boldness: 60 };
const BOLD: Quality = { noise: 0.5, boldness: 3 };
const SHIFTED: Quality = { noise: 0.5, shift: 1.2 };

const shops = { small: { cartsADay: 150 }, medium: { cartsADay: 600 }, rare: { cartsADay: 2000, centre: -3.5 } };

function count(week: (seed: number, world: World) => Outcome, world: World): { passed: number; days: number } {
  const outcomes = Array.from({ length: WEEKS }, (_, seed) => week(seed, world));
  const longest = Math.max(...outcomes.map(({ days }) => days));
  return { passed: outcomes.filter(({ pass }) => pass).length, days: longest };
}

describe("known answers", () => {
  it("log losses in pairs, their error over shoppers", () => {
    const rows = {
      labels: [1, 0, 1, 0],
      groups: [1, 1, 2, 2],
      candidate: [0.8, 0.2, 0.5, 0.5],
      production: [0.5, 0.5, 0.5, 0.5],
    };
    const gain = Math.log(0.5) - Math.log(0.8);
    const { difference, error } = pairedLogLoss(rows);
    expect(difference).toBeCloseTo(gain / 2, 12);
    // Two shoppers, whose sums are ± gain around the mean: √(2 · gain² · 2/1) / 4.
    expect(error).toBeCloseTo(Math.abs(gain) / 2, 12);
  });

  it("two shares of purchases, pooled", () => {
    expect(rarerBy({ carts: 100, bought: 10 }, { carts: 100, bought: 20 })).toBeCloseTo(1.9803, 3);
    expect(rarerBy({ carts: 3, bought: 0 }, { carts: 1000, bought: 900 })).toBe(0);
  });

  it("too few shoppers speak neither for nor against, and a stage without any ends in time", () => {
    const few = new Week(1, { shop: shops.small, candidate: NOISE, production: GOOD });
    few.carts(20, "all");
    expect(judgeShadow(pairedLogLoss(few.rows), 1)).toBe("wait");
    const none = { rows: new Week(1, { shop: shops.small, candidate: GOOD, production: GOOD }).rows };
    expect(judgeShadow(pairedLogLoss(none.rows), LAST_LOOK)).toMatchObject({ pass: true });
    const arms = { canary: { carts: 0, bought: 0 }, production: { carts: 0, bought: 0 } };
    expect(judgeCanary({ ...none, ...arms }, LAST_LOOK - 1)).toBe("wait");
    expect(judgeCanary({ ...none, ...arms }, LAST_LOOK)).toMatchObject({ pass: true });
  });
});

describe(`${WEEKS} simulated weeks of a canary`, () => {
  it.each([
    ["knows nothing", { candidate: NOISE, production: FAIR }],
    ["is much too bold", { candidate: BOLD, production: GOOD }],
    ["promises too much", { candidate: SHIFTED, production: FAIR }],
    ["spoils purchases", { candidate: GOOD, production: FAIR, harm: 1.2 }],
  ])("one that %s is rolled back by itself", (name, models) => {
    const seen = count(canaryWeek, { shop: shops.medium, ...models });
    console.log(
      `gates: canary that ${name}: rolled back in ${WEEKS - seen.passed} of ${WEEKS} weeks, within ${seen.days} days`,
    );
    expect(seen.passed).toBeLessThanOrEqual(WEEKS * 0.02);
    expect(seen.days).toBeLessThanOrEqual(7);
  });

  it.each(Object.entries(shops))("a better one is promoted: a %s store", (name, shop) => {
    const seen = count(canaryWeek, { shop, candidate: GOOD, production: FAIR });
    console.log(`gates: better canary in a ${name} store: promoted in ${seen.passed} of ${WEEKS} weeks`);
    expect(seen.passed).toBeGreaterThanOrEqual(WEEKS * 0.97);
  });

  it("one that is as good is hardly ever called worse", () => {
    const seen = count(canaryWeek, { shop: shops.medium, candidate: FAIR, production: FAIR });
    console.log(`gates: equal canary: rolled back in ${WEEKS - seen.passed} of ${WEEKS} weeks`);
    expect(WEEKS - seen.passed).toBeLessThanOrEqual(WEEKS * 0.12);
  });
});

describe(`${WEEKS} simulated weeks in the shadow`, () => {
  it("what knows nothing goes no further, what is better does", () => {
    const worse = count(shadowWeek, { shop: shops.small, candidate: NOISE, production: FAIR });
    const better = count(shadowWeek, { shop: shops.small, candidate: GOOD, production: FAIR });
    const equal = count(shadowWeek, { shop: shops.small, candidate: FAIR, production: FAIR });
    console.log(
      `gates: shadow passes ${worse.passed} worse, ${better.passed} better, ${equal.passed} equal of ${WEEKS}`,
    );
    expect(worse.passed).toBe(0);
    expect(better.passed).toBeGreaterThanOrEqual(WEEKS * 0.98);
    expect(equal.passed).toBeGreaterThanOrEqual(WEEKS * 0.88);
  });
});
