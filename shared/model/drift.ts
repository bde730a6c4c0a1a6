/**
 * Does a model still see what it was fitted on? Pure.
 *
 * Distributions are compared over the quantile bins of the reference and one more for missing values:
 *
 * - population stability index, PSI = Σ (q − p) · ln(q / p); by custom 0.1 is a move and 0.25 a drift;
 * - Kullback–Leibler divergence, KL = Σ q · ln(q / p), in nats.
 *
 * PSI grows when there are few rows, without any drift: it is then close to χ² with (bins − 1) degrees of freedom times
 * (1/n + 1/m) (B. Yurdakul, J. Naranjo, "Statistical properties of the population stability index", J. Risk Model Validation
 * 14 (2020) 89–100). So a move must be both large by custom and beyond chance. Rows of one shopper resemble each other, so
 * n and m are effective sizes (`effectiveRows`), as if a shopper's rows were all the same.
 */
import type { DriftFeature, DriftView } from "./views.ts";

const BINS = 10;
/** Half a row a bin, so that an empty one has a logarithm (Jeffreys). */
const SMOOTHING = 0.5;
/**
 * What chance exceeds once in 100,000: with forty features looked at daily, about once in seven years by any of them, were
 * they independent, and even then only what is large by custom too is told.
 */
const Z = 4.265;
export const PSI = { moved: 0.1, drifted: 0.25 };
/** How much more, or less, of the rows may miss a value. */
const MISSING = { moved: 0.05, drifted: 0.2 };
/** How far the mean prediction may be from the share of purchases: absolute, or as a part of it where that is rare. */
const GAP = { moved: { absolute: 0.02, relative: 0.2 }, drifted: { absolute: 0.05, relative: 0.4 } };
/** Fewer effective rows say nothing. */
export const MIN_DRIFT_ROWS = 200;

/** `shares` of the bins `(−∞, edges[0]], (edges[0], edges[1]], …, (last, ∞)`, then of missing values. */
export interface Histogram {
  edges: number[];
  shares: number[];
}

/** What a model was fitted on, kept with it. `score` is of rows that it was not fitted on. */
export interface Reference {
  features: { feature: string; histogram: Histogram }[];
  /** Effective rows behind the features, and behind the score. */
  rows: number;
  score: Histogram;
  scoreRows: number;
}

export type DriftStatus = DriftFeature["status"];

/** Recent rows as the model sees them, each column by the feature's name. */
export interface DriftRows {
  features: readonly string[];
  columns: readonly ArrayLike<number>[];
  /** The model's probability of each row. */
  scores: ArrayLike<number>;
  groups: ArrayLike<number>;
}

/** Rows whose outcome is known, positive or not. */
export interface OutcomeRows {
  scores: ArrayLike<number>;
  labels: ArrayLike<number>;
  groups: ArrayLike<number>;
}

/** (Σ n)² / Σ n² over groups of n rows: L. Kish's effective size when the rows of a group are all alike. */
export function effectiveRows(groups: ArrayLike<number>): number {
  const sizes = new Map<number, number>();
  for (let i = 0; i < groups.length; i++) sizes.set(groups[i]!, (sizes.get(groups[i]!) ?? 0) + 1);
  let squares = 0;
  for (const size of sizes.values()) squares += size * size;
  return squares === 0 ? 0 : groups.length ** 2 / squares;
}

/** Equally filled bins as far as the values allow; equal values share one. */
export function histogramOf(values: ArrayLike<number>): Histogram {
  const known = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();
  const edges = new Set<number>();
  for (let bin = 1; bin < BINS && known.length > 0; bin++)
    edges.add(known[Math.min(known.length - 1, Math.floor((bin * known.length) / BINS))]!);
  const sorted = [...edges];
  return { edges: sorted, shares: sharesOf(sorted, values) };
}

function sharesOf(edges: readonly number[], values: ArrayLike<number>): number[] {
  const counts = new Array<number>(edges.length + 2).fill(0);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    let bin = edges.length + 1;
    if (!Number.isNaN(value)) {
      bin = 0;
      while (bin < edges.length && value > edges[bin]!) bin++;
    }
    counts[bin]!++;
  }
  return counts.map((count) => (values.length === 0 ? 0 : count / values.length));
}

export function referenceOf(
  fitted: { features: readonly string[]; columns: readonly ArrayLike<number>[]; groups: ArrayLike<number> },
  held: { scores: ArrayLike<number>; groups: ArrayLike<number> },
): Reference {
  return {
    features: fitted.features.map((feature, i) => ({ feature, histogram: histogramOf(fitted.columns[i]!) })),
    rows: effectiveRows(fitted.groups),
    score: histogramOf(held.scores),
    scoreRows: effectiveRows(held.groups),
  };
}

/** χ²'s quantile at the normal quantile `z`: E. B. Wilson, M. M. Hilferty, PNAS 17 (1931) 684–688. */
function chiSquare(freedom: number, z: number): number {
  const part = 2 / (9 * freedom);
  return freedom * (1 - part + z * Math.sqrt(part)) ** 3;
}

/** How far `values` are from the reference's histogram; `rows` and `recentRows` are effective sizes. */
export function compareTo(
  feature: string,
  { edges, shares }: Histogram,
  rows: number,
  values: ArrayLike<number>,
  recentRows: number,
): DriftFeature {
  const recent = sharesOf(edges, values);
  const bins = shares.length;
  const smooth = (share: number, n: number): number => (share * n + SMOOTHING) / (n + SMOOTHING * bins);
  let psi = 0;
  let kl = 0;
  let filled = 0;
  for (let bin = 0; bin < bins; bin++) {
    const p = smooth(shares[bin]!, rows);
    const q = smooth(recent[bin]!, recentRows);
    psi += (q - p) * Math.log(q / p);
    kl += q * Math.log(q / p);
    if (shares[bin]! > 0 || recent[bin]! > 0) filled++;
  }
  const chance = filled < 2 ? 0 : chiSquare(filled - 1, Z) * (1 / rows + 1 / recentRows);
  const missing = recent[bins - 1]!;
  const missingBefore = shares[bins - 1]!;
  const byShape = psi > chance ? levelOf(psi, PSI.moved, PSI.drifted) : "stable";
  const status = worse(byShape, missingStatus(missingBefore, rows, missing, recentRows));
  return { feature, psi, kl: Math.max(0, kl), missing, missingBefore, status };
}

const levelOf = (size: number, moved: number, drifted: number): DriftStatus =>
  size > drifted ? "drifted" : size > moved ? "moved" : "stable";

const ORDER: DriftStatus[] = ["stable", "moved", "drifted"];
const worse = (a: DriftStatus, b: DriftStatus): DriftStatus => (ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b);

function missingStatus(before: number, rows: number, now: number, recentRows: number): DriftStatus {
  const pooled = (before * rows + now * recentRows) / (rows + recentRows);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / rows + 1 / recentRows));
  const gap = Math.abs(now - before);
  return gap > Z * error ? levelOf(gap, MISSING.moved, MISSING.drifted) : "stable";
}

export interface MeanGap {
  predicted: number;
  observed: number;
  /** predicted − observed, with its 95% interval and standard error, rows of a shopper being dependent. */
  gap: number;
  low: number;
  high: number;
  error: number;
}

/** `null` of no rows. The error is that of a ratio of sums over groups, linearised (W. G. Cochran, Sampling Techniques, 1977, §6). */
export function meanGap({ scores, labels, groups }: OutcomeRows): MeanGap | null {
  const n = labels.length;
  if (n === 0) return null;
  let predicted = 0;
  let observed = 0;
  for (let i = 0; i < n; i++) {
    predicted += scores[i]! / n;
    observed += labels[i]! / n;
  }
  const gap = predicted - observed;
  const error = clusterError((i) => scores[i]! - labels[i]! - gap, groups);
  return { predicted, observed, gap, low: gap - 1.96 * error, high: gap + 1.96 * error, error };
}

/** The standard error of a mean whose residuals these are, by groups of rows that depend on each other. */
export function clusterError(residual: (row: number) => number, groups: ArrayLike<number>): number {
  const sums = new Map<number, number>();
  for (let i = 0; i < groups.length; i++) sums.set(groups[i]!, (sums.get(groups[i]!) ?? 0) + residual(i));
  let squares = 0;
  for (const sum of sums.values()) squares += sum * sum;
  const clusters = sums.size;
  // With one cluster nothing is known of how clusters differ.
  if (clusters < 2) return Number.POSITIVE_INFINITY;
  return Math.sqrt((squares * clusters) / (clusters - 1)) / groups.length;
}

function gapStatus({ gap, error, predicted, observed }: MeanGap): DriftStatus {
  if (Math.abs(gap) <= Z * error) return "stable";
  const rate = Math.max(predicted, observed);
  const limit = ({ absolute, relative }: { absolute: number; relative: number }): number =>
    Math.min(absolute, relative * rate);
  return levelOf(Math.abs(gap), limit(GAP.moved), limit(GAP.drifted));
}

export type DriftReport = Omit<DriftView, "history">;

/**
 * The report of a version as of `at` (ISO). `outcomes` are rows old enough that every outcome of theirs is known. Too few rows of
 * either kind say nothing about that kind; too few of both are `unknown`.
 */
export function driftReport(
  head: Pick<DriftReport, "version" | "at" | "window">,
  reference: Reference,
  recent: DriftRows,
  outcomes: OutcomeRows,
): DriftReport {
  const size = effectiveRows(recent.groups);
  const gap = effectiveRows(outcomes.groups) >= MIN_DRIFT_ROWS ? meanGap(outcomes) : null;
  const enough = size >= MIN_DRIFT_ROWS;
  const features = enough ? featuresIn(reference, recent, size) : [];
  const score = enough ? compareTo("score", reference.score, reference.scoreRows, recent.scores, size) : null;
  const alarms = [
    ...(score && score.status !== "stable" ? [alarmOf(score)] : []),
    ...features.filter(({ status }) => status !== "stable").map(alarmOf),
    ...(gap && gapStatus(gap) !== "stable"
      ? [`calibration: ${percent(gap.predicted)} predicted, ${percent(gap.observed)} bought`]
      : []),
  ];
  const statuses = [...features, ...(score ? [score] : [])].map(({ status }) => status);
  const status = [...statuses, ...(gap ? [gapStatus(gap)] : [])].reduce(worse, "stable");
  return {
    ...head,
    rows: recent.groups.length,
    status: enough || gap ? status : "unknown",
    score,
    calibration: gap && {
      predicted: gap.predicted,
      observed: gap.observed,
      gap: gap.gap,
      low: gap.low,
      high: gap.high,
    },
    features,
    alarms,
  };
}

/** The most moved first. A feature of the model that the rows no longer have is missing in all of them. */
function featuresIn(reference: Reference, recent: DriftRows, size: number): DriftFeature[] {
  const absent = new Float64Array(recent.groups.length).fill(Number.NaN);
  return reference.features
    .map(({ feature, histogram }) => {
      const column = recent.columns[recent.features.indexOf(feature)] ?? absent;
      return compareTo(feature, histogram, reference.rows, column, size);
    })
    .sort((a, b) => b.psi - a.psi);
}

const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;
const alarmOf = ({ feature, status, psi, missing, missingBefore }: DriftFeature): string =>
  `${feature} ${status}: PSI ${psi.toFixed(2)}${
    Math.abs(missing - missingBefore) > MISSING.moved
      ? `, missing in ${percent(missing)} of the rows, before in ${percent(missingBefore)}`
      : ""
  }`;
