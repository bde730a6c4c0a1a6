import { describe, expect, it } from "vitest";
import { pickVariant } from "../../shared/measure/assign.ts";
import { bestProbabilities, FLOOR, floorOf, shares, type Trials } from "../../shared/measure/bandit.ts";
import { type Random, random } from "../support/random.ts";

const trials = (successes: number, failures: number): Trials => ({ successes, failures });

/**
 * P(B > A) of two Beta posteriors, exactly: Σ_{i<αB} B(αA + i, βA + βB) / ((βB + i) · B(1 + i, βB) · B(αA, βA)), for whole αB
 * (J. D. Cook, "Exact calculation of Beta inequalities", 2005).
 */
function exact(a: Trials, b: Trials): number {
  const log = (n: number): number =>
    Array.from({ length: n - 1 }, (_, i) => Math.log(i + 1)).reduce((s, l) => s + l, 0); // ln Γ(n)
  const beta = (x: number, y: number): number => log(x) + log(y) - log(x + y);
  const [alphaA, betaA, alphaB, betaB] = [1 + a.successes, 1 + a.failures, 1 + b.successes, 1 + b.failures];
  let sum = 0;
  for (let i = 0; i < alphaB; i++)
    sum += Math.exp(beta(alphaA + i, betaA + betaB) - Math.log(betaB + i) - beta(1 + i, betaB) - beta(alphaA, betaA));
  return sum;
}

const someArms = (dice: Random, count = 2 + dice.below(5)): Trials[] =>
  Array.from({ length: count }, () => {
    const n = dice.below(2) === 0 ? dice.below(20) : dice.below(3_000);
    const successes = Math.round(n * dice.unit() ** 2);
    return trials(successes, n - successes);
  });

describe("the probability to be the best", () => {
  it.each([
    [trials(0, 0), trials(0, 0)],
    [trials(1, 0), trials(0, 0)],
    [trials(10, 90), trials(20, 80)],
    [trials(50, 950), trials(60, 940)],
    [trials(0, 0), trials(50, 950)],
    [trials(3, 1), trials(200, 1_800)],
  ])("of two arms is the exact one (%j, %j)", (a, b) => {
    const [first, second] = bestProbabilities([a, b]);
    expect(second).toBeCloseTo(exact(a, b), 3);
    expect(first! + second!).toBeCloseTo(1, 10);
  });

  it("of arms that are alike is alike", () => {
    for (const p of bestProbabilities(Array.from({ length: 20 }, () => trials(7, 100)))) expect(p).toBeCloseTo(0.05, 6);
  });

  it("goes on where an arm has no chance, or a hundred thousand trials", () => {
    const [worst, best] = bestProbabilities([trials(1_000, 99_000), trials(3_000, 97_000)]);
    expect([worst, best]).toEqual([expect.closeTo(0, 10), expect.closeTo(1, 10)]);
    const close = bestProbabilities([trials(5_000, 95_000), trials(5_000, 95_000), trials(0, 0)]);
    expect(close[0]).toBeCloseTo(close[1]!, 6);
    expect(close[2]).toBeGreaterThan(0.9); // knowing nothing of it, it probably converts more than a twentieth
  });

  it("does not depend on the order of the arms, and grows with successes", () => {
    const dice = random(11);
    for (let round = 0; round < 40; round++) {
      const arms = someArms(dice);
      const p = bestProbabilities(arms);
      bestProbabilities(arms.toReversed())
        .toReversed()
        .forEach((q, i) => void expect(q).toBeCloseTo(p[i]!, 8));
      const k = dice.below(arms.length);
      const better = arms.map((arm, i) => (i === k ? trials(arm.successes + 5, arm.failures) : arm));
      expect(bestProbabilities(better)[k]!).toBeGreaterThanOrEqual(p[k]! - 1e-6);
    }
  });
});

describe("the shares", () => {
  it("sum to 1, leave no arm below its floor, and are the same for the same counts", () => {
    const dice = random(3);
    for (let round = 0; round < 60; round++) {
      const arms = someArms(dice, 1 + dice.below(20));
      const given = shares(arms);
      expect(given.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 10);
      for (const p of given) expect(p).toBeGreaterThanOrEqual(floorOf(arms.length) - 1e-12);
      expect(shares(structuredClone(arms))).toEqual(given);
    }
    expect(floorOf(2)).toBe(FLOOR);
    expect(floorOf(20)).toBe(0.025);
  });
});

describe("a campaign of three variants", () => {
  const RATES = [0.04, 0.05, 0.08];
  const BEST = Math.max(...RATES);
  const ROUNDS = 40;
  const SHOPPERS = 250;

  /** What happened in each round, given who decides the weights. Outcomes are known a round late, as a window is long. */
  function play(seed: number, weights: (known: Trials[]) => number[]) {
    const dice = random(seed);
    const known = RATES.map(() => trials(0, 0));
    let late = RATES.map(() => trials(0, 0));
    let regret = 0;
    const rounds: { logged: number[]; got: number[] }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const variants = weights(known).map((weight, i) => ({ id: String(i), weight }));
      const now = RATES.map(() => trials(0, 0));
      const got = RATES.map(() => 0);
      for (let i = 0; i < SHOPPERS; i++) {
        const chosen = pickVariant(variants, `st/cmp/step/sh_${seed}_${round}_${i}`);
        const arm = Number(chosen.id);
        expect(chosen.probability).toBeCloseTo(variants[arm]!.weight, 9);
        got[arm]! += 1;
        regret += BEST - RATES[arm]!;
        if (dice.chance(RATES[arm]!)) now[arm]!.successes += 1;
        else now[arm]!.failures += 1;
      }
      late.forEach((trial, arm) => {
        known[arm]!.successes += trial.successes;
        known[arm]!.failures += trial.failures;
      });
      late = now;
      rounds.push({ logged: variants.map((v) => v.weight), got });
    }
    return { regret, rounds };
  }

  const SEEDS = Array.from({ length: 24 }, (_, i) => i + 1);
  const equal = RATES.map(() => 1 / RATES.length);
  const games = SEEDS.map((seed) => ({ bandit: play(seed, shares), fixed: play(seed, () => equal) }));

  it("loses fewer orders by Thompson sampling than by fixed weights", () => {
    const mean = (of: (game: (typeof games)[number]) => number): number =>
      games.reduce((sum, game) => sum + of(game), 0) / games.length;
    const [bandit, fixed] = [mean((g) => g.bandit.regret), mean((g) => g.fixed.regret)];
    const better = games.filter((g) => g.bandit.regret < g.fixed.regret).length;
    process.stdout.write(
      `  regret over ${ROUNDS * SHOPPERS} shoppers, ${SEEDS.length} seeds: Thompson ${bandit.toFixed(0)} orders, fixed weights ${fixed.toFixed(0)}; better in ${better} of ${SEEDS.length}\n`,
    );
    expect(bandit).toBeLessThan(0.6 * fixed);
    expect(better).toBeGreaterThanOrEqual(SEEDS.length - 1);
  });

  it("gives each variant to as many shoppers as its logged probabilities say, and never starves one", () => {
    const rounds = games.flatMap((g) => g.bandit.rounds);
    const least = Math.min(...rounds.flatMap((r) => r.logged));
    expect(least).toBeGreaterThanOrEqual(FLOOR - 1e-12);
    const bins = new Map<number, { expected: number; variance: number; got: number }>();
    for (const { logged, got } of rounds)
      logged.forEach((p, arm) => {
        const key = Math.min(9, Math.floor(10 * p));
        const bin = bins.get(key) ?? { expected: 0, variance: 0, got: 0 };
        bin.expected += p * SHOPPERS;
        bin.variance += p * (1 - p) * SHOPPERS;
        bin.got += got[arm]!;
        bins.set(key, bin);
      });
    const worst = Math.max(...[...bins.values()].map((b) => Math.abs(b.got - b.expected) / Math.sqrt(b.variance)));
    const bottom = bins.get(0)!;
    process.stdout.write(
      `  logged against realised in ${bins.size} bins: at most ${worst.toFixed(1)} standard errors apart; least share logged ${least.toFixed(3)}; below a tenth ${(bottom.got / bottom.expected).toFixed(3)} of what was logged\n`,
    );
    expect(bins.size).toBeGreaterThan(5);
    expect(worst).toBeLessThan(4);
    expect(bottom.got / bottom.expected).toBeGreaterThan(0.95);
  });
});
