/** From a score to a probability: fitted on scores of rows that the model was not fitted on. */
import type { Calibration } from "../model.ts";
import { fitLogistic } from "./logistic.ts";

/** A step of the isotonic curve has at least so many rows, and at most so many steps share all rows. */
const STEP_ROWS = 50;
const STEPS = 200;

/** Rows of the common share that each step counts as having besides, so that no probability is 0 or 1. */
const PRIOR_ROWS = 0.5;

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
    logit: pools.map(({ positives, rows: count }) => Math.log(positives / (count - positives))),
  };
}

interface Pool {
  /** Of the scores. */
  sum: number;
  rows: number;
  positives: number;
}

/** Ascending runs of rows; equal scores are never parted. */
function steps(scores: Float64Array, labels: Uint8Array, rows: Int32Array): Pool[] {
  const order = Int32Array.from(rows).sort((a, b) => scores[a]! - scores[b]! || a - b);
  const least = Math.max(STEP_ROWS, order.length / STEPS);
  // Half a row of each kind more: the common share, too, is never 0 or 1.
  const share = order.reduce((sum, row) => sum + labels[row]!, 0.5) / (order.length + 1);
  const found: Pool[] = [];
  const empty = (): Pool => ({ sum: 0, rows: PRIOR_ROWS, positives: PRIOR_ROWS * share });
  let open = empty();
  for (let i = 0; i < order.length; i++) {
    const score = scores[order[i]!]!;
    // The prior's rows have the score of the first: a sum of equal scores is exactly a multiple of it.
    open.sum += open.rows === PRIOR_ROWS ? score * (1 + PRIOR_ROWS) : score;
    open.rows++;
    open.positives += labels[order[i]!]!;
    const ends = i + 1 === order.length || scores[order[i + 1]!]! > score;
    if (!ends || (open.rows < least && i + 1 < order.length)) continue;
    found.push(open);
    open = empty();
  }
  return found;
}

/** Joins neighbours until the shares rise strictly. */
function pool(pools: readonly Pool[]): Pool[] {
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
