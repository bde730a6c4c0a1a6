import { describe, expect, it } from "vitest";
import { incremental, MIN_BUYERS, MIN_SHOPPERS, type Tally } from "../../shared/measure/incremental.ts";
import { differenceInterval, type Moments, meanInterval, proportionInterval } from "../../shared/measure/interval.ts";
import { random } from "../support/random.ts";

const Z = 1.959963984540054;
const moments = (values: readonly number[]): Moments => ({
  n: values.length,
  sum: values.reduce((s, v) => s + v, 0),
  squares: values.reduce((s, v) => s + v ** 2, 0),
  cubes: values.reduce((s, v) => s + v ** 3, 0),
});

describe("the interval of a proportion", () => {
  it.each([
    // R. G. Newcombe, Statist. Med. 17 (1998), 857–872, table I: method 3
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("of %i among %i is the published one", (successes, n, low, high) => {
    const interval = proportionInterval(successes, n);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });
});

describe("the interval of a difference", () => {
  it.each([
    // R. G. Newcombe, Statist. Med. 17 (1998), 873–890, table II: method 10
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [10, 10, 0, 10, 0.6075, 1],
  ])("of %i/%i and %i/%i is the published one", (a, m, b, n, low, high) => {
    const interval = differenceInterval([{ weight: 1, a: proportionInterval(a, m), b: proportionInterval(b, n) }]);
    expect(interval.estimate).toBeCloseTo(a / m - b / n, 10);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  it("turns round when the arms are exchanged, and grows with the weight", () => {
    const [a, b] = [proportionInterval(30, 100), proportionInterval(3, 50)];
    const forth = differenceInterval([{ weight: 1, a, b }]);
    const back = differenceInterval([{ weight: 1, a: b, b: a }]);
    expect([-back.high, -back.estimate, -back.low]).toEqual([forth.low, forth.estimate, forth.high]);
    expect(differenceInterval([{ weight: 7, a, b }]).high).toBeCloseTo(7 * forth.high, 10);
  });
});

describe("the interval of a mean", () => {
  it("of values without skewness is the normal one", () => {
    const { estimate, low, high } = meanInterval(moments([-2, -1, 0, 1, 2]));
    expect(estimate).toBe(0);
    expect(high).toBeCloseTo(Z * Math.sqrt(2.5 / 5), 10);
    expect(low).toBeCloseTo(-high, 10);
  });

  it("of equal values, and of one, has no width", () => {
    expect(meanInterval(moments([0.1, 0.1, 0.1]))).toEqual({
      estimate: expect.closeTo(0.1),
      low: expect.closeTo(0.1),
      high: expect.closeTo(0.1),
    });
    expect(meanInterval(moments([7]))).toEqual({ estimate: 7, low: 7, high: 7 });
    expect(meanInterval(moments([0, 0]))).toEqual({ estimate: 0, low: 0, high: 0 });
  });

  it("has limits whose transformed statistic is the normal quantile, and leans towards the long tail", () => {
    const dice = random(5);
    for (let round = 0; round < 200; round++) {
      const values = Array.from({ length: 20 + dice.below(500) }, () =>
        dice.chance(0.2) ? 1_000 * dice.unit() ** 4 : 0,
      );
      const sums = moments(values);
      const { estimate: mean, low, high } = meanInterval(sums);
      const n = values.length;
      const deviation = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / (n - 1));
      const skewness = values.reduce((s, v) => s + (v - mean) ** 3, 0) / n / deviation ** 3;
      const transformed = (limit: number): number => {
        const t = (Math.sqrt(n) * (mean - limit)) / deviation;
        return (
          t +
          (skewness * t ** 2) / (3 * Math.sqrt(n)) +
          (skewness ** 2 * t ** 3) / (27 * n) +
          skewness / (6 * Math.sqrt(n))
        );
      };
      expect(transformed(low)).toBeCloseTo(Z, 5);
      expect(transformed(high)).toBeCloseTo(-Z, 5);
      expect(high - mean).toBeGreaterThan(mean - low);
    }
  });
});

describe("what a campaign caused", () => {
  const tally = (arm: Tally["arm"], holdout: number, shoppers: number, buyers: number, minor = 1_000): Tally => ({
    arm,
    holdout,
    buyers,
    revenue: moments(Array.from({ length: shoppers }, (_, i) => (i < buyers ? minor : 0))),
  });

  it("is the difference per shopper, times the treated", () => {
    const effect = incremental([tally("treated", 0.2, 400, 80), tally("held_out", 0.2, 100, 10)])!;
    expect(effect).toMatchObject({ treated: 400, heldOut: 100 });
    expect(effect.conversion.estimate).toBeCloseTo(0.1, 10);
    expect(effect.buyers.estimate).toBeCloseTo(40, 10);
    expect(effect.revenuePerShopper.estimate).toBeCloseTo(100, 10);
    expect(effect.revenue.estimate).toBeCloseTo(40_000, 10);
    expect(effect.revenue.low).toBeCloseTo(400 * effect.revenuePerShopper.low, 6);
  });

  it("compares shoppers of one holdout with one another only", () => {
    // No effect in either period; added up, the treated would seem to buy twice as much.
    const effect = incremental([
      tally("treated", 0.5, 100, 10),
      tally("held_out", 0.5, 100, 10),
      tally("treated", 0.1, 900, 270),
      tally("held_out", 0.1, 100, 30),
    ])!;
    expect(effect.buyers.estimate).toBeCloseTo(0, 10);
    expect(effect.revenue.estimate).toBeCloseTo(0, 6);
    expect(effect.treated).toBe(1_000);
  });

  it("leaves out a period in which an arm is too small, and says nothing when all are", () => {
    const enough = [tally("treated", 0.2, 400, 80), tally("held_out", 0.2, 100, 10)];
    const few = [tally("treated", 0.01, 400, 80), tally("held_out", 0.01, 4, 3)];
    expect(incremental([...few, ...enough])).toEqual(incremental(enough));
    expect(incremental(few)).toBeNull();
    expect(incremental([tally("treated", 0, 400, 80)])).toBeNull();
    expect(incremental([])).toBeNull();
  });

  it("needs so many shoppers and buyers in each arm, and no more", () => {
    const with_ = (shoppers: number, buyers: number) =>
      incremental([tally("treated", 0.2, 400, 80), tally("held_out", 0.2, shoppers, buyers)]);
    expect(with_(MIN_SHOPPERS, MIN_BUYERS)).not.toBeNull();
    expect(with_(MIN_SHOPPERS - 1, MIN_BUYERS)).toBeNull();
    expect(with_(MIN_SHOPPERS, MIN_BUYERS - 1)).toBeNull();
  });
});
