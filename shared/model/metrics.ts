/** How good probabilities are, against what happened. Intervals by resampling whole shoppers: a shopper's rows are alike. */
import { random } from "../random.ts";
import type { Estimate, ModelMetrics } from "./views.ts";

export interface Scored {
  /** Of label 1, strictly between 0 and 1. */
  probabilities: Float64Array;
  labels: Uint8Array;
  /** Whose row it is. */
  groups: Float64Array;
}

export interface MeasureOptions {
  /** Of the bootstrap; 0 gives intervals without width. */
  resamples: number;
  seed: number;
}

const BINS = 10;
const LIFT_SHARES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
const MEASURES = ["rocAuc", "prAuc", "logLoss", "brier", "ece"] as const;
type Figures = Record<(typeof MEASURES)[number], number>;

export function measure(scored: Scored, { resamples, seed }: MeasureOptions): ModelMetrics {
  const ranked = rank(scored);
  const ones = new Float64Array(ranked.labels.length).fill(1);
  const figures = figuresOf(ranked, ones);
  const spread = bootstrap(ranked, resamples, seed);
  const estimates = Object.fromEntries(
    MEASURES.map((name) => [name, estimate(figures[name], spread[name], name === "logLoss" ? Infinity : 1)]),
  ) as Record<keyof Figures, Estimate>;
  const positives = scored.labels.reduce((sum, label) => sum + label, 0);
  return {
    rows: scored.labels.length,
    positives,
    shoppers: ranked.shoppers,
    ...estimates,
    calibration: binsOf(ranked, ones)
      .filter(({ weight }) => weight > 0)
      .map(({ weight, predicted, observed }) => ({
        predicted: predicted / weight,
        observed: observed / weight,
        rows: weight,
      })),
    lift: lift(ranked, positives),
  };
}

/** The figures alone, without intervals. */
export const figures = (scored: Omit<Scored, "groups">): Figures => {
  const groups = new Float64Array(scored.labels.length);
  return figuresOf(rank({ ...scored, groups }), new Float64Array(scored.labels.length).fill(1));
};

/** Rows from the least to the greatest probability. */
interface Ranked {
  probabilities: Float64Array;
  labels: Uint8Array;
  /** Each row's shopper, from 0. */
  shopper: Int32Array;
  shoppers: number;
  logLoss: Float64Array;
}

function rank({ probabilities, labels, groups }: Scored): Ranked {
  const order = Int32Array.from(probabilities, (_, row) => row).sort(
    (a, b) => probabilities[a]! - probabilities[b]! || a - b,
  );
  const numbers = new Map<number, number>();
  const shopper = Int32Array.from(order, (row) => {
    const group = groups[row]!;
    if (!numbers.has(group)) numbers.set(group, numbers.size);
    return numbers.get(group)!;
  });
  const sorted = Float64Array.from(order, (row) => probabilities[row]!);
  const own = Uint8Array.from(order, (row) => labels[row]!);
  const logLoss = sorted.map((p, i) => -Math.log(Math.min(1 - 1e-15, Math.max(1e-15, own[i] === 1 ? p : 1 - p))));
  return { probabilities: sorted, labels: own, shopper, shoppers: numbers.size, logLoss };
}

function figuresOf(ranked: Ranked, weights: Float64Array): Figures {
  const { probabilities, labels, logLoss } = ranked;
  let total = 0;
  let loss = 0;
  let squares = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!;
    total += weight;
    loss += weight * logLoss[i]!;
    squares += weight * (probabilities[i]! - labels[i]!) ** 2;
  }
  const ece = binsOf(ranked, weights).reduce((sum, bin) => sum + Math.abs(bin.predicted - bin.observed), 0);
  const per = (sum: number): number => (total > 0 ? sum / total : 0);
  return { ...areas(ranked, weights), logLoss: per(loss), brier: per(squares), ece: per(ece) };
}

/**
 * ROC-AUC as the share of pairs in the right order, a tie counting half (0.5 where a label is absent); PR-AUC as average precision,
 * Σ (recall − recall before) · precision over distinct probabilities.
 */
function areas({ probabilities, labels }: Ranked, weights: Float64Array): Pick<Figures, "rocAuc" | "prAuc"> {
  let above = 0;
  let positivesAbove = 0;
  let pairs = 0;
  let precisions = 0;
  for (let i = weights.length - 1; i >= 0; ) {
    let tied = 0;
    let positives = 0;
    const probability = probabilities[i]!;
    for (; i >= 0 && probabilities[i] === probability; i--) {
      tied += weights[i]!;
      positives += weights[i]! * labels[i]!;
    }
    // Negatives here, against positives ranked above them, and half of those beside them.
    pairs += (tied - positives) * (positivesAbove + positives / 2);
    above += tied;
    positivesAbove += positives;
    if (positives > 0) precisions += (positives * positivesAbove) / above;
  }
  const negatives = above - positivesAbove;
  return {
    rocAuc: positivesAbove > 0 && negatives > 0 ? pairs / (positivesAbove * negatives) : 0.5,
    prAuc: positivesAbove > 0 ? precisions / positivesAbove : 0,
  };
}

/** Sums over bins of equally many rows by rank. */
function binsOf({ probabilities, labels }: Ranked, weights: Float64Array) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const bins = Array.from({ length: BINS }, () => ({ weight: 0, predicted: 0, observed: 0 }));
  let before = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!;
    if (weight === 0) continue;
    const bin = bins[Math.min(BINS - 1, Math.floor((BINS * (before + weight / 2)) / total))]!;
    bin.weight += weight;
    bin.predicted += weight * probabilities[i]!;
    bin.observed += weight * labels[i]!;
    before += weight;
  }
  return bins;
}

/** Of the rows ranked likeliest; among equals, purchases are spread evenly. */
function lift({ probabilities, labels }: Ranked, positives: number): ModelMetrics["lift"] {
  const rows = labels.length;
  const points: [rows: number, captured: number][] = [[0, 0]];
  let captured = 0;
  for (let i = rows - 1; i >= 0; i--) {
    captured += labels[i]!;
    if (i === 0 || probabilities[i - 1] !== probabilities[i]) points.push([rows - i, captured]);
  }
  let at = 1;
  return LIFT_SHARES.filter(() => positives > 0).map((share) => {
    const reach = share * rows;
    while (at < points.length - 1 && points[at]![0] < reach) at++;
    const [from, had] = points[at - 1]!;
    const [to, has] = points[at]!;
    return { share, captured: (had + ((has - had) * (reach - from)) / (to - from)) / positives };
  });
}

function bootstrap(ranked: Ranked, resamples: number, seed: number): Record<keyof Figures, number[]> {
  const spread: Record<keyof Figures, number[]> = { rocAuc: [], prAuc: [], logLoss: [], brier: [], ece: [] };
  const drawn = new Float64Array(ranked.shoppers);
  const weights = new Float64Array(ranked.labels.length);
  for (let resample = 0; resample < resamples; resample++) {
    const { below } = random(seed, resample);
    drawn.fill(0);
    for (let i = 0; i < ranked.shoppers; i++) drawn[below(ranked.shoppers)]!++;
    for (let i = 0; i < weights.length; i++) weights[i] = drawn[ranked.shopper[i]!]!;
    const found = figuresOf(ranked, weights);
    for (const name of MEASURES) spread[name].push(found[name]);
  }
  return spread;
}

/**
 * The 95% interval is the basic bootstrap's (Davison & Hinkley 1997, §5.2): as far from the figure as the resamples, mirrored, are.
 * An expected calibration error of a resample is too high by what resampling adds; the mirror takes that away.
 */
function estimate(value: number, resampled: number[], most: number): Estimate {
  if (resampled.length === 0) return { value, low: value, high: value };
  const sorted = Float64Array.from(resampled).sort();
  const quantile = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  const bounded = (figure: number): number => Math.min(most, Math.max(0, figure));
  return {
    value,
    low: Math.min(value, bounded(2 * value - quantile(0.975))),
    high: Math.max(value, bounded(2 * value - quantile(0.025))),
  };
}
