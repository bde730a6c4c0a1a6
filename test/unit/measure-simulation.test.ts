/**
 * Experiments whose truth is known. `CARTWAKE_MEASURE_RUNS=20000` makes the figures finer: by 1,000 runs a coverage is known to
 * within 1.4 points.
 */
import { describe, expect, it } from "vitest";
import { type Incremental, incremental, type Tally } from "../../shared/measure/incremental.ts";
import type { Interval, Moments } from "../../shared/measure/interval.ts";
import { expectedRevenue, experiment, type Shop } from "../support/experiment.ts";

const RUNS = Number(process.env.CARTWAKE_MEASURE_RUNS ?? 1_000);
const TIMEOUT = 60_000 + RUNS * 100;

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
const covers = ({ low, high }: Interval, truth: number): boolean => low <= truth && truth <= high;
const share = <T>(list: readonly T[], is: (item: T) => boolean): number => list.filter(is).length / list.length;
const report = (text: string): void => void process.stdout.write(`  ${text}\n`);

function effectsOf(make: (run: number) => Tally[]): { tallies: Tally[]; effect: Incremental }[] {
  return Array.from({ length: RUNS }, (_, run) => {
    const tallies = make(run);
    const effect = incremental(tallies);
    if (!effect) throw new Error(`run ${run} has too little data`);
    return { tallies, effect };
  });
}

/** The textbook's symmetric interval, to see what skewness does to it. */
function welch([treated, heldOut]: Tally[]): Interval {
  const of = ({ n, sum, squares }: Moments) => ({ mean: sum / n, error: (squares - sum ** 2 / n) / (n - 1) / n });
  const [a, b] = [of(treated!.revenue), of(heldOut!.revenue)];
  const half = 1.96 * Math.sqrt(a.error + b.error);
  return { estimate: a.mean - b.mean, low: a.mean - b.mean - half, high: a.mean - b.mean + half };
}

describe("A/A: messages that do nothing", () => {
  const shop: Shop = { conversion: 0.08, lift: 1 };

  it.each([
    [3_000, 0.1],
    [3_000, 0.2],
    [1_200, 0.5],
  ])(
    "of %i shoppers with a holdout of %d the intervals cover zero in 93 to 97 of a hundred runs",
    (shoppers, holdout) => {
      const runs = effectsOf((run) => experiment(run, shoppers, holdout, shop));
      const revenue = share(runs, ({ effect }) => covers(effect.revenue, 0));
      const buyers = share(runs, ({ effect }) => covers(effect.buyers, 0));
      const textbook = share(runs, ({ tallies }) => covers(welch(tallies), 0));
      report(
        `A/A, ${RUNS} runs, ${shoppers} shoppers, holdout ${holdout}: zero covered by revenue ${percent(revenue)}, by conversion ${percent(buyers)} (Welch: ${percent(textbook)})`,
      );
      for (const coverage of [revenue, buyers]) {
        expect(coverage).toBeGreaterThanOrEqual(0.93);
        expect(coverage).toBeLessThanOrEqual(0.97);
      }
      // The reason for the skewness correction: with a small held-out arm the textbook's interval is too short.
      if (holdout === 0.1) expect(textbook).toBeLessThan(0.93);
    },
    TIMEOUT,
  );

  it(
    "a holdout that changed with the season is no effect",
    () => {
      const busy: Shop = { conversion: 0.16, lift: 1 };
      const runs = effectsOf((run) => [
        ...experiment(run, 1_500, 0.5, shop),
        ...experiment(run + RUNS, 1_500, 0.2, busy),
      ]);
      const coverage = share(runs, ({ effect }) => covers(effect.revenue, 0));
      const pooled = share(runs, ({ tallies: [a, b, c, d] }) => covers(welch([plus(a!, c!), plus(b!, d!)]), 0));
      report(
        `A/A, a changed holdout: zero covered in ${percent(coverage)} (added up without regard: ${percent(pooled)})`,
      );
      expect(coverage).toBeGreaterThanOrEqual(0.93);
      expect(coverage).toBeLessThanOrEqual(0.97);
      expect(pooled).toBeLessThan(0.9);
    },
    TIMEOUT,
  );
});

describe("a planted effect", () => {
  it(
    "is found, without bias, and is within the interval as often as promised",
    () => {
      const shop: Shop = { conversion: 0.08, lift: 1.4 };
      const truth = expectedRevenue(shop, shop.lift) - expectedRevenue(shop);
      const runs = effectsOf((run) => experiment(run, 8_000, 0.4, shop));
      const coverage = share(runs, ({ effect }) => covers(effect.revenuePerShopper, truth));
      const power = share(runs, ({ effect }) => effect.revenuePerShopper.low > 0);
      const powerOfBuyers = share(runs, ({ effect }) => effect.buyers.low > 0);
      const mean = runs.reduce((sum, { effect }) => sum + effect.revenuePerShopper.estimate, 0) / runs.length;
      report(
        `planted +40% buyers, 8,000 shoppers, holdout 0.4: found by revenue in ${percent(power)}, by conversion in ${percent(powerOfBuyers)}; truth ${truth.toFixed(1)}, mean estimate ${mean.toFixed(1)}, covered ${percent(coverage)}`,
      );
      expect(Math.abs(mean / truth - 1)).toBeLessThan(0.03);
      expect(coverage).toBeGreaterThanOrEqual(0.93);
      expect(coverage).toBeLessThanOrEqual(0.97);
      expect(power).toBeGreaterThan(0.8);
      expect(powerOfBuyers).toBeGreaterThan(0.95);
    },
    TIMEOUT,
  );
});

function plus(a: Tally, b: Tally): Tally {
  const sum = (key: keyof Moments): number => a.revenue[key] + b.revenue[key];
  return {
    ...a,
    buyers: a.buyers + b.buyers,
    revenue: { n: sum("n"), sum: sum("sum"), squares: sum("squares"), cubes: sum("cubes") },
  };
}
