/** From a score to a probability: fitted on scores of rows that the model was not fitted on. */
import type { Calibration } from "../model.ts";
import { fitLogistic } from "./logistic.ts";

/** Fewer rows in a step of the isotonic curve say too little about its height. */
const STEP_ROWS = 50;

/** The calibrated log-odds of a score. */
export function calibrated(calibration: Calibration, score: number): number {
  if (calibration.kind === "none") return score;
  if (calibration.kind === "platt") return calibration.a * score + calibration.b;
  const { score: points, logit } = calibration;
  const last = points.length - 1;
  if (score <= points[0]!) return logit[0]!;
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
}

/** Slope and offset in log-odds by maximum likelihood (Platt 1999), barely penalised. */
export function fitPlatt(scores: Float64Array, labels: Uint8Array, rows: Int32Array): Calibration {
  const { intercept, weight, mean, scale } = fitLogistic({ columns: [scores], labels }, rows, { l2: 1e-3 });
  const a = weight[0]! / scale[0]!;
  return { kind: "platt", a, b: intercept - a * mean[0]! };
}

/** Shares that never fall as the score rises, by pool-adjacent-violators (Ayer et al. 1955), joined by lines in log-odds. */
export function fitIsotonic(scores: Float64Array, labels: Uint8Array, rows: Int32Array): Calibration {
  const pools = pool(steps(scores, labels, rows));
  return {
    kind: "isotonic",
    score: pools.map(({ sum, rows: count }) => sum / count),
    logit: pools.map(({ positives, rows: count }) => Math.log((positives + 0.5) / (count - positives + 0.5))),
  };
}

interface Pool {
  /** Of the scores. */
  sum: number;
  rows: number;
  positives: number;
}

/** Ascending runs of at least `STEP_ROWS` rows; equal scores are never parted. */
function steps(scores: Float64Array, labels: Uint8Array, rows: Int32Array): Pool[] {
  const order = Int32Array.from(rows).sort((a, b) => scores[a]! - scores[b]! || a - b);
  const found: Pool[] = [];
  let open: Pool = { sum: 0, rows: 0, positives: 0 };
  for (let i = 0; i < order.length; i++) {
    const score = scores[order[i]!]!;
    open.sum += score;
    open.rows++;
    open.positives += labels[order[i]!]!;
    const ends = i + 1 === order.length || scores[order[i + 1]!]! > score;
    if (!ends || (open.rows < STEP_ROWS && i + 1 < order.length)) continue;
    found.push(open);
    open = { sum: 0, rows: 0, positives: 0 };
  }
  return found;
}

/** Joins neighbours until the shares rise strictly. */
export function pool(pools: readonly Pool[]): Pool[] {
  const done: Pool[] = [];
  for (const next of pools) {
    let own = { ...next };
    for (let last = done.at(-1); last && last.positives * own.rows >= own.positives * last.rows; last = done.at(-1)) {
      done.pop();
      own = { sum: last.sum + own.sum, rows: last.rows + own.rows, positives: last.positives + own.positives };
    }
    done.push(own);
  }
  return done;
}
