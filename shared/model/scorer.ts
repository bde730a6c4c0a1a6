/** A model made ready to score: what the cart calls in its own transaction. */
import type { Calibration, Linear, Model } from "./model.ts";
import { ForestWalk } from "./walk.ts";

export interface Scorer {
  readonly features: readonly string[];
  /** Probability of a purchase. `NaN` is a missing value. */
  probability(vector: ArrayLike<number>): number;
  /**
   * The probability, and in `effects` (as long as `features`) by how much each feature moved the calibrated log-odds, against a
   * cart of which nothing is known.
   */
  explain(vector: ArrayLike<number>, effects: Float64Array): number;
  /** Probabilities of `count` rows, one after another in `rows`, into `out`: bit-equal to `probability` of each. */
  batch(rows: Float64Array, count: number, out: Float64Array): void;
}

interface Part {
  /** What it scores a cart of which nothing is known. */
  readonly start: number;
  score(vector: ArrayLike<number>): number;
  /** The same score; adds to `effects` what each feature moved it from `start`, times `weight`. */
  explain(vector: ArrayLike<number>, weight: number, effects: Float64Array): number;
}

/** Below it a calibration's bend is rounding, not slope. */
const SMALLEST_MOVE = 1e-9;

/**
 * The model must be sound (`checkModel`); a forest too large to walk is a `RangeError`. A scorer holds scratch memory: it
 * serves one call at a time, which is all there is in an isolate.
 *
 * Contributions: along a row's path through a tree, each split's change of the mean belongs to the feature it asked (Saabas
 * 2014, "Interpreting random forests"); of the linear part, `weight · (x − mean) / scale`. A calibration that bends the score
 * scales them all by one factor, so that they sum to the calibrated log-odds less those of a cart of which nothing is known.
 * Where a flat stretch of it makes both equal they would all be nothing: there they are the score's own log-odds.
 */
export function compile(model: Model): Scorer {
  const { features, base, forestWeight, linearWeight } = model;
  const width = features.length;
  const forest: Part = model.forest ? new ForestWalk(model.forest, width) : NOTHING;
  const linear: Part = model.linear ? line(model.linear) : NOTHING;
  const calibrate = calibrator(model.calibration);
  const join = (trees: number, line: number): number => base + forestWeight * trees + linearWeight * line;
  const start = join(forest.start, linear.start);
  const calibratedStart = calibrate(start);
  const probability = (vector: ArrayLike<number>): number =>
    logistic(calibrate(join(forest.score(vector), linear.score(vector))));
  return {
    features,
    probability,
    explain(vector, effects) {
      effects.fill(0);
      const trees = forest.explain(vector, forestWeight, effects);
      const score = join(trees, linear.explain(vector, linearWeight, effects));
      const logit = calibrate(score);
      const moved = score - start;
      const bend = Math.abs(moved) > SMALLEST_MOVE ? (logit - calibratedStart) / moved : 1;
      if (bend !== 0) for (let i = 0; i < width; i++) effects[i]! *= bend;
      return logistic(logit);
    },
    batch(rows, count, out) {
      for (let row = 0, at = 0; row < count; row++, at += width) out[row] = probability(rows.subarray(at, at + width));
    },
  };
}

const logistic = (logit: number): number => 1 / (1 + Math.exp(-logit));

const NOTHING: Part = { start: 0, score: () => 0, explain: () => 0 };

/** A value beyond it counts as it: no sum of terms overflows into what is no number. */
const FARTHEST = 1e12;

function line({ intercept, weight, mean, scale }: Linear): Part {
  const slope = Float64Array.from(weight, (w, i) => w / scale[i]!);
  const centre = Float64Array.from(mean);
  const term = (x: number, i: number): number =>
    Number.isNaN(x) ? 0 : slope[i]! * (Math.max(-FARTHEST, Math.min(FARTHEST, x)) - centre[i]!);
  return {
    start: intercept,
    score(vector) {
      let sum = intercept;
      for (let i = 0; i < slope.length; i++) sum += term(vector[i]!, i);
      return sum;
    },
    explain(vector, factor, effects) {
      let sum = intercept;
      for (let i = 0; i < slope.length; i++) {
        const moved = term(vector[i]!, i);
        effects[i]! += factor * moved;
        sum += moved;
      }
      return sum;
    },
  };
}

function calibrator(calibration: Calibration): (score: number) => number {
  if (calibration.kind === "none") return (score) => score;
  if (calibration.kind === "platt") {
    const { a, b } = calibration;
    return (score) => a * score + b;
  }
  const score = Float64Array.from(calibration.score);
  const logit = Float64Array.from(calibration.logit);
  const last = score.length - 1;
  return (at) => {
    if (!(at > score[0]!)) return logit[0]!;
    if (at >= score[last]!) return logit[last]!;
    let low = 0;
    let high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (score[middle]! <= at) low = middle;
      else high = middle;
    }
    const share = (at - score[low]!) / (score[high]! - score[low]!);
    return logit[low]! + share * (logit[high]! - logit[low]!);
  };
}
