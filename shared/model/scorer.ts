/** A model made ready to score: what the cart calls in its own transaction. */
import type { Calibration, Forest, Linear, Model } from "./model.ts";

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

export function compile(model: Model): Scorer {
  const { features, base, forest, forestWeight, linear, linearWeight } = model;
  const width = features.length;
  const calibrate = calibrator(model.calibration);
  const score = (vector: ArrayLike<number>): number =>
    base +
    (forest ? forestWeight * leaves(forest, vector) : 0) +
    (linear ? linearWeight * linearScore(linear, vector) : 0);
  const unknown =
    base +
    (forest ? forestWeight * forest.roots.reduce((sum, root) => sum + forest.value[root]!, 0) : 0) +
    (linear ? linearWeight * linear.intercept : 0);
  return {
    features,
    probability: (vector) => logistic(calibrate(score(vector))),
    explain(vector, effects) {
      effects.fill(0);
      if (forest) pathEffects(forest, vector, forestWeight, effects);
      if (linear) for (let i = 0; i < width; i++) effects[i]! += linearWeight * linearTerm(linear, i, vector[i]!);
      const raw = score(vector);
      const logit = calibrate(raw);
      const moved = raw - unknown;
      const factor = Math.abs(moved) < 1e-12 ? 1 : (logit - calibrate(unknown)) / moved;
      for (let i = 0; i < width; i++) effects[i]! *= factor;
      return logistic(logit);
    },
    batch(rows, count, out) {
      for (let row = 0; row < count; row++)
        out[row] = logistic(calibrate(score(rows.subarray(row * width, (row + 1) * width))));
    },
  };
}

const logistic = (logit: number): number => 1 / (1 + Math.exp(-logit));

function next(forest: Forest, node: number, vector: ArrayLike<number>): number {
  const raw = vector[forest.feature[node]!]!;
  const x = forest.single ? Math.fround(raw) : raw;
  const goesLeft = Number.isNaN(x) ? forest.missing[node] === 1 : x <= forest.threshold[node]!;
  return goesLeft ? forest.left[node]! : forest.right[node]!;
}

function leaves(forest: Forest, vector: ArrayLike<number>): number {
  let sum = 0;
  for (const root of forest.roots) {
    let node = root;
    while (forest.feature[node]! >= 0) node = next(forest, node, vector);
    sum += forest.value[node]!;
  }
  return sum;
}

/** Saabas 2014: along the path of a row, each split's change of the mean belongs to the feature it asked. */
function pathEffects(forest: Forest, vector: ArrayLike<number>, weight: number, effects: Float64Array): void {
  for (const root of forest.roots) {
    let node = root;
    while (forest.feature[node]! >= 0) {
      const child = next(forest, node, vector);
      effects[forest.feature[node]!]! += weight * (forest.value[child]! - forest.value[node]!);
      node = child;
    }
  }
}

const linearTerm = ({ weight, mean, scale }: Linear, i: number, x: number): number =>
  Number.isNaN(x) ? 0 : (weight[i]! * (x - mean[i]!)) / scale[i]!;

function linearScore(linear: Linear, vector: ArrayLike<number>): number {
  let sum = linear.intercept;
  for (let i = 0; i < linear.weight.length; i++) sum += linearTerm(linear, i, vector[i]!);
  return sum;
}

function calibrator(calibration: Calibration): (score: number) => number {
  if (calibration.kind === "none") return (score) => score;
  if (calibration.kind === "platt") return (score) => calibration.a * score + calibration.b;
  const { score: points, logit } = calibration;
  return (score) => {
    if (!(score > points[0]!)) return logit[0]!;
    const last = points.length - 1;
    if (score >= points[last]!) return logit[last]!;
    let low = 0;
    let high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (points[middle]! <= score) low = middle;
      else high = middle;
    }
    const share = (score - points[low]!) / (points[high]! - points[low]!);
    return logit[low]! + share * (logit[high]! - logit[low]!);
  };
}
