/** Logistic regression with a ridge penalty, by Newton's method: the model for few data, and the trees' companion. */
import { free } from "../free.ts";
import type { Dataset, Linear } from "../model.ts";

export interface LogisticOptions {
  /** Penalty ½ · l2 · Σ weight² of the standardised features, beside the sum of log losses; the intercept is free. */
  l2: number;
}

const STEPS = 50;
const CLOSE = 1e-7;

/** Mean and standard deviation of the known values; a constant column counts as scale 1, its weight then is 0. */
export function standardise(columns: Dataset["columns"], rows: Int32Array): Pick<Linear, "mean" | "scale"> {
  const mean: number[] = [];
  const scale: number[] = [];
  for (const column of columns) {
    let known = 0;
    let sum = 0;
    for (const row of rows) {
      const value = column[row]!;
      if (Number.isNaN(value)) continue;
      known++;
      sum += value;
    }
    const middle = known > 0 ? sum / known : 0;
    let squares = 0;
    for (const row of rows) {
      const value = column[row]!;
      if (!Number.isNaN(value)) squares += (value - middle) ** 2;
    }
    const deviation = Math.sqrt(squares / Math.max(1, known));
    mean.push(middle);
    scale.push(deviation > 1e-12 * Math.max(1, Math.abs(middle)) ? deviation : 1);
  }
  return { mean, scale };
}

/** The log-odds that `Linear` gives each of all rows. */
export function linearScores(linear: Linear, columns: Dataset["columns"], rows: number): Float64Array {
  const scores = new Float64Array(rows).fill(linear.intercept);
  columns.forEach((column, feature) => {
    const weight = linear.weight[feature]!;
    if (weight === 0) return;
    const mean = linear.mean[feature]!;
    const scale = linear.scale[feature]!;
    for (let row = 0; row < rows; row++) {
      const value = column[row]!;
      if (!Number.isNaN(value)) scores[row]! += (weight * (value - mean)) / scale;
    }
  });
  return scores;
}

/** `given`: columns × rows numbers that are overwritten, for who fits often: the standardised columns are as large as the data. */
export function fitLogistic(
  { columns, labels }: Pick<Dataset, "columns" | "labels">,
  rows: Int32Array,
  { l2 }: LogisticOptions,
  given?: Float64Array,
): Linear {
  const room = given ?? new Float64Array(columns.length * rows.length);
  const { mean, scale } = standardise(columns, rows);
  const standard = columns.map((column, feature) => {
    const own = room.subarray(feature * rows.length, (feature + 1) * rows.length);
    for (let i = 0; i < own.length; i++) {
      const value = column[rows[i]!]!;
      own[i] = Number.isNaN(value) ? 0 : (value - mean[feature]!) / scale[feature]!;
    }
    return own;
  });
  const own = Uint8Array.from(rows, (row) => labels[row]!);
  const weights = newton(standard, own, l2);
  if (!given) free(room);
  return { intercept: weights[0]!, weight: [...weights.subarray(1)], mean, scale };
}

/** Intercept and weights that minimise the penalised log loss. A step that makes it worse is halved. */
function newton(columns: Float64Array[], labels: Uint8Array, l2: number): Float64Array {
  const size = columns.length + 1;
  const rows = labels.length;
  // Half a row of each kind more: finite where all rows have one label.
  const positives = labels.reduce((sum, label) => sum + label, 0.5);
  let weights = new Float64Array(size);
  weights[0] = Math.log(positives / (rows + 1 - positives));
  let scores = scoresOf(columns, weights, rows);
  let loss = penalised(scores, labels, weights, l2);
  for (let step = 0; step < STEPS; step++) {
    const direction = solve(...system(columns, labels, scores, weights, l2));
    let moved = false;
    for (let share = 1; share > 1e-6 && !moved; share /= 2) {
      const next = weights.map((weight, i) => weight + share * direction[i]!);
      const nextScores = scoresOf(columns, next, rows);
      const nextLoss = penalised(nextScores, labels, next, l2);
      if (!(nextLoss <= loss)) continue;
      moved = true;
      [weights, scores, loss] = [next, nextScores, nextLoss];
    }
    if (!moved || direction.every((by) => Math.abs(by) < CLOSE)) break;
  }
  return weights;
}

function scoresOf(columns: Float64Array[], weights: Float64Array, rows: number): Float64Array {
  const scores = new Float64Array(rows).fill(weights[0]!);
  columns.forEach((column, feature) => {
    const weight = weights[feature + 1]!;
    for (let row = 0; row < rows; row++) scores[row]! += weight * column[row]!;
  });
  return scores;
}

function penalised(scores: Float64Array, labels: Uint8Array, weights: Float64Array, l2: number): number {
  let loss = 0;
  for (let row = 0; row < scores.length; row++) {
    const score = labels[row] === 1 ? scores[row]! : -scores[row]!;
    loss += score > 0 ? Math.log1p(Math.exp(-score)) : Math.log1p(Math.exp(score)) - score;
  }
  for (let i = 1; i < weights.length; i++) loss += (l2 * weights[i]! ** 2) / 2;
  return loss;
}

/** Hessian (lower triangle, row by row) and negative gradient of the penalised loss. */
function system(
  columns: Float64Array[],
  labels: Uint8Array,
  scores: Float64Array,
  weights: Float64Array,
  l2: number,
): [hessian: Float64Array[], downhill: Float64Array] {
  const size = weights.length;
  const rows = labels.length;
  const spread = new Float64Array(rows);
  const rest = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const p = 1 / (1 + Math.exp(-scores[row]!));
    spread[row] = p * (1 - p);
    rest[row] = labels[row]! - p;
  }
  const all = [new Float64Array(rows).fill(1), ...columns];
  const hessian: Float64Array[] = [];
  const downhill = new Float64Array(size);
  const weighted = new Float64Array(rows);
  for (let i = 0; i < size; i++) {
    const own = all[i]!;
    let slope = 0;
    for (let row = 0; row < rows; row++) {
      weighted[row] = own[row]! * spread[row]!;
      slope += own[row]! * rest[row]!;
    }
    const line = new Float64Array(i + 1);
    for (let j = 0; j <= i; j++) line[j] = dot(weighted, all[j]!);
    // A little on the diagonal: a constant column without a penalty would leave the system singular.
    line[i]! += (i > 0 ? l2 : 0) + 1e-9;
    hessian.push(line);
    downhill[i] = slope - (i > 0 ? l2 * weights[i]! : 0);
  }
  return [hessian, downhill];
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Solves `A x = b` for a symmetric positive definite A given as its lower triangle (Cholesky, in place). */
function solve(lower: Float64Array[], right: Float64Array): Float64Array {
  const size = right.length;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = lower[i]![j]!;
      for (let k = 0; k < j; k++) sum -= lower[i]![k]! * lower[j]![k]!;
      lower[i]![j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / lower[j]![j]!;
    }
  }
  const x = right.slice();
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i]! -= lower[i]![k]! * x[k]!;
    x[i]! /= lower[i]![i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i]! -= lower[k]![i]! * x[k]!;
    x[i]! /= lower[i]![i]!;
  }
  return x;
}
