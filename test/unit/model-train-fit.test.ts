/** Logistic regression, calibration, and training as a whole. */
import { describe, expect, it } from "vitest";
import { figures } from "../../shared/model/metrics.ts";
import type { Dataset } from "../../shared/model/model.ts";
import { BOOST_DEFAULTS } from "../../shared/model/train/boost.ts";
import { calibrated, fitIsotonic, fitPlatt } from "../../shared/model/train/calibrate.ts";
import { fitLogistic, linearScores } from "../../shared/model/train/logistic.ts";
import {
  beginTraining,
  decodeTraining,
  encodeTraining,
  TRAINING_DEFAULTS,
  Trainer,
  type TrainingOptions,
} from "../../shared/model/train/train.ts";
import { random } from "../../shared/random.ts";

const everyRow = (rows: number): Int32Array => Int32Array.from({ length: rows }, (_, row) => row);
const sigmoid = (score: number): number => 1 / (1 + Math.exp(-score));

/** Shoppers of three rows each; the chance depends on a step, a product of two features, and on whether a third is known. */
function madeUp(rows: number, seed: number): Dataset {
  const draw = random(seed);
  const column = (missing = 0): Float64Array =>
    Float64Array.from({ length: rows }, () =>
      draw.unit() < missing ? Number.NaN : Math.round(draw.unit() * 100) / 10,
    );
  const columns = [column(), column(), column(0.3), column()];
  const labels = Uint8Array.from({ length: rows }, (_, row) => {
    const [a, b, c] = columns.map((own) => own[row]!) as [number, number, number];
    const score = -2 + (a > 6 ? 1.5 : 0) + (a > 3 && b > 5 ? 1.2 : 0) + (Number.isNaN(c) ? 1 : 0) + 0.1 * b;
    return draw.unit() < sigmoid(score) ? 1 : 0;
  });
  const groups = Float64Array.from({ length: rows }, (_, row) => Math.floor(row / 3));
  return { features: ["a", "b", "c", "noise"], columns, labels, groups, times: new Float64Array(rows) };
}

const QUICK: TrainingOptions = {
  ...TRAINING_DEFAULTS,
  folds: 3,
  boost: [{ ...BOOST_DEFAULTS, rounds: 40, learningRate: 0.15, maxDepth: 4 }],
  bags: 2,
};

function train(data: Dataset, options = QUICK, seed = 1) {
  const trainer = new Trainer(data, beginTraining(options, seed));
  while (trainer.advance(1_000));
  return trainer.finish();
}

describe("logistic regression", () => {
  it("on one 0/1 feature is the log-odds of its two cells", () => {
    // 20 rows without it, 5 positive; 30 with it, 24 positive.
    const x = Float64Array.from({ length: 50 }, (_, row) => (row < 20 ? 0 : 1));
    const labels = Uint8Array.from(x, (value, row) => (value === 0 ? (row < 5 ? 1 : 0) : row < 44 ? 1 : 0));
    const linear = fitLogistic({ columns: [x], labels }, everyRow(50), { l2: 0 });
    const [without, withIt] = linearScores(linear, [Float64Array.of(0, 1)], 2);
    expect(without).toBeCloseTo(Math.log(5 / 15), 8);
    expect(withIt).toBeCloseTo(Math.log(24 / 6), 8);
  });

  it("with a penalty ends where the slope of loss and penalty is nothing, and a missing value moves nothing", () => {
    const { columns, labels } = madeUp(600, 2);
    const l2 = 7;
    const linear = fitLogistic({ columns, labels }, everyRow(600), { l2 });
    const scores = linearScores(linear, columns, 600);
    linear.weight.forEach((weight, feature) => {
      let slope = -l2 * weight;
      scores.forEach((score, row) => {
        const value = columns[feature]![row]!;
        const standard = Number.isNaN(value) ? 0 : (value - linear.mean[feature]!) / linear.scale[feature]!;
        slope += (labels[row]! - sigmoid(score)) * standard;
      });
      expect(slope).toBeCloseTo(0, 5);
    });
    const unknown = linear.weight.map(() => Float64Array.of(Number.NaN));
    expect(linearScores(linear, unknown, 1)[0]).toBe(linear.intercept);
  });

  it("stays finite where labels part cleanly, a column is constant, empty, or there is one label only", () => {
    const columns = [Float64Array.of(1, 2, 3, 4), Float64Array.of(5, 5, 5, 5), new Float64Array(4).fill(Number.NaN)];
    for (const labels of [Uint8Array.of(0, 0, 1, 1), Uint8Array.of(1, 1, 1, 1)]) {
      const linear = fitLogistic({ columns, labels }, everyRow(4), { l2: 1 });
      for (const figure of [linear.intercept, ...linear.weight, ...linear.scale])
        expect(Number.isFinite(figure)).toBe(true);
      expect(linear.weight.slice(1)).toEqual([0, 0]);
    }
  });
});

describe("calibration", () => {
  const draw = random(4);
  const truth = Float64Array.from({ length: 20_000 }, () => draw.unit() * 6 - 3);
  const labels = Uint8Array.from(truth, (score) => (draw.unit() < sigmoid(score) ? 1 : 0));
  const rows = everyRow(truth.length);

  it("by Platt finds the slope and the offset of a score that is too steep and off", () => {
    const curve = fitPlatt(
      truth.map((score) => 2 * score + 1),
      labels,
      rows,
    );
    if (curve.kind !== "platt") throw new Error("not a Platt curve");
    expect(curve.a).toBeCloseTo(0.5, 1);
    expect(curve.b).toBeCloseTo(-0.5, 1);
  });

  it("by isotonic regression bends back what Platt cannot", () => {
    const bent = truth.map((score) => score ** 3);
    const curve = fitIsotonic(bent, labels, rows);
    if (curve.kind !== "isotonic") throw new Error("not an isotonic curve");
    for (let i = 1; i < curve.score.length; i++) {
      expect(curve.score[i]!).toBeGreaterThan(curve.score[i - 1]!);
      expect(curve.logit[i]!).toBeGreaterThan(curve.logit[i - 1]!);
    }
    const ece = (shape: typeof curve | ReturnType<typeof fitPlatt>): number =>
      figures({ probabilities: bent.map((score) => sigmoid(calibrated(shape, score))), labels }).ece;
    expect(ece(curve)).toBeLessThan(0.01);
    expect(ece(fitPlatt(bent, labels, rows))).toBeGreaterThan(0.02);
  });

  it("pools neighbours that violate the order, and joins the pools by lines", () => {
    // Steps of 50 rows with 10, 30, 20 and 40 positives: the second and third become one of 50 in 100.
    const shares = [10, 30, 20, 40];
    const scores = Float64Array.from({ length: 200 }, (_, row) => Math.floor(row / 50));
    const own = Uint8Array.from(scores, (step, row) => (row % 50 < shares[step]! ? 1 : 0));
    const curve = fitIsotonic(scores, own, everyRow(200));
    // Each step has half a row of the common share, ½, besides.
    const logit = (positives: number, count: number): number =>
      Math.log((positives + 0.25) / (count - positives + 0.25));
    expect(curve).toEqual({ kind: "isotonic", score: [0, 1.5, 3], logit: [logit(10, 50), 0, logit(40, 50)] });
    expect(calibrated(curve, 0.75)).toBeCloseTo(logit(10, 50) / 2, 12);
    expect(calibrated(curve, -9)).toBe(logit(10, 50));
    expect(calibrated(curve, 9)).toBe(logit(40, 50));
  });
});

describe("training", () => {
  const data = madeUp(3_000, 1);

  it("gives byte-equal models for equal seeds, others for other seeds", () => {
    const once = JSON.stringify(train(data).model);
    expect(JSON.stringify(train(data).model)).toBe(once);
    expect(JSON.stringify(train(data, QUICK, 2).model)).not.toBe(once);
  });

  it.each([1, 7, 64])(
    "in pieces of %i trees, its state written and read between, is the same as in one go",
    (trees) => {
      const whole = train(data);
      let bytes = encodeTraining(beginTraining(QUICK, 1));
      let progress = -1;
      for (let more = true; more; ) {
        const trainer = new Trainer(data, decodeTraining(bytes));
        more = trainer.advance(trees);
        bytes = encodeTraining(trainer.state);
        expect(trainer.progress).toBeGreaterThanOrEqual(progress);
        progress = trainer.progress;
      }
      expect(progress).toBe(1);
      const pieces = new Trainer(data, decodeTraining(bytes)).finish();
      expect(JSON.stringify(pieces.model)).toBe(JSON.stringify(whole.model));
      expect(pieces.report).toEqual(whole.report);
    },
  );

  it("prefers trees where effects are steps and products, and its out-of-fold scores are calibrated", () => {
    const { model, report } = train(madeUp(6_000, 3));
    expect(model.algorithm).not.toBe("logistic");
    expect(report.logLoss.trees!).toBeLessThan(report.logLoss.logistic - 0.02);
    expect(report.logLoss.blend).toBeLessThanOrEqual(report.logLoss.trees!);
  });

  it("falls back to logistic regression for few rows", () => {
    const { model, report } = train(madeUp(240, 1));
    expect(model.algorithm).toBe("logistic");
    expect(model.forest).toBeNull();
    expect(report.logLoss.trees).toBeNull();
  });

  it("finds nothing in shuffled labels: a score of 0.5", () => {
    const draw = random(9);
    const shuffled = { ...data, labels: draw.shuffle(data.labels.slice()) };
    const { report } = train(shuffled);
    const { rocAuc } = figures({ probabilities: report.scores.map(sigmoid), labels: shuffled.labels });
    // 3,000 rows: the standard error is about 0.011.
    expect(Math.abs(rocAuc - 0.5)).toBeLessThan(0.04);
  });

  it("never parts a shopper, even one who has all rows: then there is nothing to learn from", () => {
    const own = { ...madeUp(300, 1), groups: new Float64Array(300) };
    const { report } = train(own, { ...QUICK, minForTrees: 0 });
    expect(report.scores.filter((score) => !Number.isFinite(score))).toHaveLength(0);
    // Out of fold, all that is known is nothing: no score differs from another.
    expect(new Set(report.scores).size).toBe(1);
  });

  it("survives a single label and rows without any value", () => {
    const rows = 60;
    const empty: Dataset = {
      features: ["a"],
      columns: [new Float64Array(rows).fill(Number.NaN)],
      labels: new Uint8Array(rows),
      groups: Float64Array.from(everyRow(rows)),
      times: new Float64Array(rows),
    };
    const { model, report } = train(empty);
    expect(model.algorithm).toBe("logistic");
    for (const score of report.scores) expect(Number.isFinite(score)).toBe(true);
    expect(JSON.stringify(model)).not.toContain("null,null");
  });
});
