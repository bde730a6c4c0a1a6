import { describe, expect, it } from "vitest";
import type { Model } from "../../shared/model/model.ts";
import { compile } from "../../shared/model/scorer.ts";
import { MAX_FEATURES } from "../../shared/model/walk.ts";
import { type Random, random } from "../support/random.ts";
import { type ModelShape, plainScore, randomModel, randomRow } from "../support/random-model.ts";

const logistic = (logit: number): number => 1 / (1 + Math.exp(-logit));
const logOdds = (probability: number): number => Math.log(probability / (1 - probability));

const shape = (seed: Random): ModelShape => ({
  width: 1 + seed.below(40),
  trees: seed.below(30),
  depth: seed.below(9),
  leaves: seed.pick([0, 0.2, 0.5]),
  single: seed.chance(0.5),
});

describe("a compiled model", () => {
  it("scores as the plain walk does, whatever the trees and the rows", () => {
    for (let round = 0; round < 200; round++) {
      const seed = random(round);
      const model = randomModel(seed, shape(seed));
      const scorer = compile(model);
      for (let row = 0; row < 20; row++) {
        const vector = randomRow(seed, model.features.length);
        expect(scorer.probability(vector), `seed ${round}`).toBe(logistic(plainScore(model, vector)));
      }
    }
  });

  it("gives bit-equal probabilities one at a time, with reasons and in a batch", () => {
    for (let round = 0; round < 60; round++) {
      const seed = random(1_000 + round);
      const linear = seed.chance(0.5);
      const calibration = seed.pick(["none", "platt", "isotonic"] as const);
      const model = randomModel(seed, { ...shape(seed), linear, calibration });
      const scorer = compile(model);
      const width = model.features.length;
      const rows = Array.from({ length: 13 }, () => randomRow(seed, width));
      const out = new Float64Array(20).fill(-1);
      scorer.batch(Float64Array.from(rows.flat()), rows.length, out);
      rows.forEach((row, i) => {
        const one = scorer.probability(row);
        expect(out[i]).toBe(one);
        expect(scorer.probability(Float64Array.from(row))).toBe(one);
        expect(scorer.explain(row, new Float64Array(width))).toBe(one);
        expect(one).toBeGreaterThanOrEqual(0);
        expect(one).toBeLessThanOrEqual(1);
      });
      expect([...out.subarray(rows.length)]).toEqual(Array(20 - rows.length).fill(-1));
    }
  });

  it("sends a value equal to the threshold left, and a missing one where the node says", () => {
    const model = randomModel(random(1), { width: 2, trees: 0, depth: 0 });
    model.base = 0;
    model.forest = {
      roots: [0],
      feature: [0, -1, 1, -1, -1],
      threshold: [2, 0, -1, 0, 0],
      left: [1, -1, 3, -1, -1],
      right: [2, -1, 4, -1, -1],
      missing: [0, 0, 1, 0, 0],
      value: [0, 1, 0, 2, 3],
      single: false,
    };
    const score = (row: number[]): number => logOdds(compile(model).probability(row));
    expect(score([2, 0])).toBeCloseTo(1, 9);
    expect(score([2.0000001, -1])).toBeCloseTo(2, 9);
    expect(score([Number.POSITIVE_INFINITY, 0])).toBeCloseTo(3, 9);
    expect(score([Number.NEGATIVE_INFINITY, 0])).toBeCloseTo(1, 9);
    expect(score([Number.NaN, 5])).toBeCloseTo(3, 9);
    expect(score([Number.NaN, Number.NaN])).toBeCloseTo(2, 9);
    model.forest.single = true;
    expect(score([2.0000001, -1]), "rounded to 32 bits it is 2").toBeCloseTo(1, 9);
  });

  it("walks trees as deep as a list", () => {
    const model = randomModel(random(3), { width: 1, trees: 0, depth: 0 });
    const depth = 200;
    const size = 2 * depth + 1;
    const inner = (node: number): boolean => node % 2 === 0 && node < size - 1;
    const list = (of: (node: number) => number): number[] => Array.from({ length: size }, (_, node) => of(node));
    model.base = 0;
    model.forest = {
      roots: [0],
      feature: list((node) => (inner(node) ? 0 : -1)),
      threshold: list((node) => node / 2),
      left: list((node) => (inner(node) ? node + 1 : -1)),
      right: list((node) => (inner(node) ? node + 2 : -1)),
      missing: list(() => 0),
      value: list((node) => node / 100),
      single: false,
    };
    const scorer = compile(model);
    for (const x of [-1, 0, 0.5, 77, 199, 200, 1e9, Number.NaN])
      expect(scorer.probability([x])).toBe(logistic(plainScore(model, [x])));
  });

  it("takes as many features as a forest may have, and says when they are more", () => {
    const wide = randomModel(random(4), { width: MAX_FEATURES, trees: 8, depth: 8, leaves: 0 });
    const row = randomRow(random(5), MAX_FEATURES);
    expect(compile(wide).probability(row)).toBe(logistic(plainScore(wide, row)));
    expect(() => compile(randomModel(random(4), { width: MAX_FEATURES + 1, trees: 1, depth: 1 }))).toThrow(RangeError);
  });

  it("never answers what is no number, however large the values", () => {
    for (let round = 0; round < 50; round++) {
      const seed = random(2_000 + round);
      const model = randomModel(seed, { ...shape(seed), linear: true });
      const row = model.features.map(() =>
        seed.pick([1.7e308, -1.7e308, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
      );
      const probability = compile(model).probability(row);
      expect(probability >= 0 && probability <= 1).toBe(true);
    }
  });
});

describe("reasons", () => {
  const nothingKnown = (model: Model): number =>
    model.base +
    model.forestWeight * model.forest!.roots.reduce((sum, root) => sum + model.forest!.value[root]!, 0) +
    (model.linear ? model.linearWeight * model.linear.intercept : 0);

  it("sum to the log-odds less those of a cart of which nothing is known", () => {
    for (let round = 0; round < 100; round++) {
      const seed = random(3_000 + round);
      const model = randomModel(seed, { ...shape(seed), linear: seed.chance(0.5) });
      const scorer = compile(model);
      const vector = randomRow(seed, model.features.length).map((x) => Math.max(-10, Math.min(10, x)));
      const effects = new Float64Array(model.features.length).fill(7);
      scorer.explain(vector, effects);
      const sum = effects.reduce((total, effect) => total + effect, 0);
      expect(nothingKnown(model) + sum, `seed ${round}`).toBeCloseTo(plainScore(model, vector), 9);
    }
  });

  it("sum to the calibrated log-odds, where the calibration rises", () => {
    for (let round = 0; round < 100; round++) {
      const seed = random(4_000 + round);
      const calibration = seed.pick(["platt", "isotonic"] as const);
      const model = randomModel(seed, { ...shape(seed), linear: true, calibration });
      const scorer = compile(model);
      const vector = randomRow(seed, model.features.length).map((x) => Math.max(-3, Math.min(3, x)));
      const effects = new Float64Array(model.features.length);
      const logit = logOdds(scorer.explain(vector, effects));
      const sum = effects.reduce((total, effect) => total + effect, 0);
      // a model that answers what this one answers when nothing is known
      const unknown = compile({ ...model, base: nothingKnown(model), forest: null, linear: null });
      const start = logOdds(unknown.probability(vector));
      if (Math.abs(logit - start) > 1e-6) expect(start + sum, `seed ${round}`).toBeCloseTo(logit, 6);
    }
  });

  it("belong to the features that the row's path asked", () => {
    const model = randomModel(random(1), { width: 3, trees: 0, depth: 0 });
    model.forest = {
      roots: [0],
      feature: [2, -1, 0, -1, -1],
      threshold: [0, 0, 0, 0, 0],
      left: [1, -1, 3, -1, -1],
      right: [2, -1, 4, -1, -1],
      missing: [0, 0, 1, 0, 0],
      value: [0.1, -0.4, 0.6, 0.2, 0.9],
      single: false,
    };
    const effects = new Float64Array(3);
    compile(model).explain([1, 5, 1], effects);
    expect(effects[2]).toBeCloseTo(0.5, 12);
    expect(effects[0]).toBeCloseTo(0.3, 12);
    expect(effects[1]).toBe(0);
    compile(model).explain([Number.NaN, 5, Number.NaN], effects);
    expect([...effects].map((effect) => effect.toFixed(9))).toEqual(["-0.400000000", "0.000000000", "0.500000000"]);
  });

  it("of the linear part are weight times distance from the mean, and nothing for a missing value", () => {
    const model = randomModel(random(1), { width: 2, trees: 0, depth: 0, linear: true });
    model.linear = { intercept: 0.5, weight: [2, -1], mean: [1, 4], scale: [4, 2] };
    model.linearWeight = 0.5;
    const effects = new Float64Array(2);
    compile(model).explain([3, Number.NaN], effects);
    expect([...effects]).toEqual([0.5, 0]);
    compile(model).explain([1, 0], effects);
    expect([...effects]).toEqual([0, 1]);
  });

  it("keep their size where the calibration is flat", () => {
    const model = randomModel(random(6), { width: 4, trees: 5, depth: 3, leaves: 0 });
    model.calibration = { kind: "isotonic", score: [-100, 100], logit: [0.2, 0.2] };
    const effects = new Float64Array(4);
    const vector = [1, -1, 2, -2];
    expect(compile(model).explain(vector, effects)).toBe(logistic(0.2));
    expect(effects.reduce((sum, effect) => sum + effect, nothingKnown(model))).toBeCloseTo(
      plainScore(model, vector),
      9,
    );
    expect(effects.some((effect) => Math.abs(effect) > 0.01)).toBe(true);
  });
});

describe("a calibration", () => {
  it("is the logistic of a line (Platt), or a line between points, constant beyond them (isotonic)", () => {
    const model = randomModel(random(1), { width: 1, trees: 0, depth: 0 });
    const answer = (base: number, calibration: Model["calibration"]): number =>
      logOdds(compile({ ...model, base, calibration }).probability([0]));
    expect(answer(2, { kind: "platt", a: 1.5, b: -0.25 })).toBeCloseTo(2.75, 12);
    const isotonic = { kind: "isotonic" as const, score: [-1, 0, 2], logit: [-2, 0.5, 1] };
    expect([-9, -1, -0.5, 0, 1, 2, 9].map((score) => answer(score, isotonic).toFixed(9))).toEqual(
      [-2, -2, -0.75, 0.5, 0.75, 1, 1].map((logit) => logit.toFixed(9)),
    );
    expect(answer(5, { kind: "isotonic", score: [0], logit: [0.3] })).toBeCloseTo(0.3, 12);
  });
});
