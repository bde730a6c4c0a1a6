/**
 * Fits the prior on simulated shoppers with the product's own trainer. Three worlds, no shop or shopper in two of them: one to
 * fit on, one to choose by and calibrate on, one that tells how good it is. Pure: the same options give the same model.
 */
import { createHash } from "node:crypto";
import { FEATURE_NAMES, type FeatureName } from "../../shared/model/features.ts";
import { measure } from "../../shared/model/metrics.ts";
import { type Calibration, type Dataset, MODEL_FORMAT, type Model } from "../../shared/model/model.ts";
import { compile } from "../../shared/model/scorer.ts";
import { binColumns } from "../../shared/model/train/bins.ts";
import {
  BOOST_DEFAULTS,
  Boosting,
  type BoostOptions,
  beginBoosting,
  finishBoosting,
  logLossOf,
} from "../../shared/model/train/boost.ts";
import { calibrated, fitPlatt } from "../../shared/model/train/calibrate.ts";
import { fitLogistic } from "../../shared/model/train/logistic.ts";
import type { ModelMetrics } from "../../shared/model/views.ts";
import { random } from "../../shared/random.ts";
import { datasetOf, type Row, simulate } from "./rows.ts";

/**
 * What it may look at: what means the same in every shop. How much is looked at, how fast and at what time is not in it: in
 * one kind of shop who looks around is about to buy, in another about to leave, and time of day is nothing the simulator knows.
 */
const SEEN: ReadonlySet<string> = new Set<FeatureName>([
  ...(["lines", "removes", "cartViews", "eventsAfterAdd", "minutesSinceFirstAdd", "minutesSinceLastAdd"] as const),
  ...(["idleMinutes", "visits", "checkoutStage", "checkoutStarts", "couponsHeld", "paymentFailures"] as const),
  ...(["exitIntents", "hesitations", "offersDismissed", "messageClicks", "identified", "mobile"] as const),
  ...(["priorCarts", "priorPurchases", "priorPurchaseRate"] as const),
]);
export const NAMES: readonly string[] = FEATURE_NAMES.filter((name) => SEEN.has(name));

export interface FitOptions {
  seed: number;
  /** In each of the three worlds. */
  shoppers: number;
  /** Of the intervals. */
  resamples: number;
}

export const FIT: FitOptions = { seed: 1, shoppers: 80_000, resamples: 200 };

/** A fit so small that a test can repeat it: it tells whether the artefact is what this code would make. */
export const SHORT: FitOptions = { seed: 1, shoppers: 1_500, resamples: 0 };
export const digestOf = (fitted: Fitted): string => createHash("sha256").update(JSON.stringify(fitted)).digest("hex");

/** A candidate is taken over a simpler one only if it is better by this (nats). */
const WORTH_IT = 0.003;

const trees = (maxDepth: number, rounds: number): BoostOptions => ({
  ...BOOST_DEFAULTS,
  ...{ maxDepth, rounds, maxLeaves: 2 ** maxDepth, learningRate: 0.15, minChildHessian: 40 },
  ...{ columnShare: 1, rowShare: 1, patience: 0 },
});

/** From the simplest on. All fit into the room that an artefact may take in every isolate's start. */
const CANDIDATES: readonly { name: string; fit: (data: Dataset) => Model }[] = [
  { name: "logistic", fit: logistic },
  { name: "trees of depth 1", fit: (data) => boosted(data, trees(1, 150)) },
  { name: "trees of depth 2", fit: (data) => boosted(data, trees(2, 110)) },
  { name: "trees of depth 3", fit: (data) => boosted(data, trees(3, 45)) },
];

export interface Fitted {
  model: Model;
  figures: {
    /** Fitted on. */
    examples: number;
    shoppers: number;
    purchases: number;
    /** Log loss where the candidates were compared, in nats. */
    compared: Record<string, number>;
    /** On the third world. */
    metrics: ModelMetrics;
    /** There, ROC-AUC at some moments. */
    rocAuc: Record<string, number>;
  };
}

export function fitPrior({ seed, shoppers, resamples }: FitOptions): Fitted {
  const [fit, choose, judge] = [0, 1, 2].map((world) => simulate(3 * seed + world, shoppers).rows);
  const data = datasetOf(withGaps(fit!, seed), NAMES);
  const other = datasetOf(withGaps(choose!, seed + 1), NAMES);
  const every = Int32Array.from(other.labels, (_, row) => row);
  const compared: Record<string, number> = {};
  let best: { model: Model; loss: number } | null = null;
  for (const { name, fit: fitted } of CANDIDATES) {
    const model = rounded(fitted(data));
    const scores = logits(model, other);
    const calibration = heldAtEnds(fitPlatt(scores, other.labels, every), scores);
    const loss = logLossOf(
      scores.map((score) => calibrated(calibration, score)),
      other.labels,
      every,
    );
    compared[name] = short(loss);
    if (!best || loss < best.loss - WORTH_IT) best = { model: { ...model, calibration }, loss };
  }
  const { model } = best!;
  return { model, figures: { ...figuresOf(model, judge!, resamples), ...sizeOf(data), compared } };
}

const sizeOf = ({ labels, groups }: Dataset) => ({
  examples: labels.length,
  shoppers: new Set(groups).size,
  purchases: labels.reduce((sum, label) => sum + label, 0),
});

function figuresOf(model: Model, rows: readonly Row[], resamples: number) {
  const metricsOf = (some: readonly Row[], draws: number): ModelMetrics => {
    const data = datasetOf(some, NAMES);
    const probabilities = logits(model, data).map((logit) => 1 / (1 + Math.exp(-logit)));
    return measure({ probabilities, labels: data.labels, groups: data.groups }, { resamples: draws, seed: 1 });
  };
  const moments = ["empty", "add", "add+1", "add+3", "checkout", "idle", "left"] as const;
  const at = (moment: string): Row[] => rows.filter((row) => row.moment === moment);
  return {
    metrics: shortened(metricsOf(rows, resamples)),
    rocAuc: Object.fromEntries(moments.map((moment) => [moment, short(metricsOf(at(moment), 0).rocAuc.value)])),
  };
}

/**
 * Storefronts tell less than the simulator knows, and who asks for a prediction by hand tells what they like: of some rows
 * features are taken away at random, so that a missing one counts as the average of what it might have been.
 */
function withGaps(rows: readonly Row[], seed: number): Row[] {
  const { unit } = random(seed, 5);
  return rows.map((row) =>
    unit() < 0.15 ? { ...row, features: row.features.map((value) => (unit() < 0.5 ? Number.NaN : value)) } : row,
  );
}

function logistic(data: Dataset): Model {
  const every = Int32Array.from(data.labels, (_, row) => row);
  return {
    ...{ format: MODEL_FORMAT, algorithm: "logistic", features: data.features, base: 0 },
    ...{ forest: null, forestWeight: 0, linear: fitLogistic(data, every, { l2: 10 }), linearWeight: 1 },
    calibration: { kind: "none" },
  };
}

function boosted(data: Dataset, options: BoostOptions): Model {
  const binned = binColumns(data.columns, 64);
  const train = Int32Array.from(data.labels, (_, row) => row);
  const all = { binned, labels: data.labels, train, validation: new Int32Array(0), weights: null, usable: null };
  const boosting = new Boosting(all, beginBoosting(all, options, 1));
  boosting.advance(options.rounds);
  return finishBoosting(boosting.state, binned.edges, data.features);
}

/** The line of Platt's curve, held where the scores end: nothing out there is surer than what was seen. */
function heldAtEnds(platt: Calibration, scores: Float64Array): Calibration {
  const ends = [scores.reduce((a, b) => Math.min(a, b)), scores.reduce((a, b) => Math.max(a, b))];
  return { kind: "isotonic", score: ends.map(short), logit: ends.map((end) => short(calibrated(platt, end))) };
}

/** Uncalibrated or calibrated log-odds of each row, as the model says. */
export function logits(model: Model, { columns, labels }: Dataset): Float64Array {
  const scorer = compile(model);
  const vector = new Float64Array(columns.length);
  return Float64Array.from(labels, (_, row) => {
    for (let i = 0; i < columns.length; i++) vector[i] = columns[i]![row]!;
    const probability = scorer.probability(vector);
    return Math.log(probability / (1 - probability));
  });
}

const short = (value: number): number => Math.round(value * 1e4) / 1e4;

/** Four digits say all there is, and half as many bytes. A threshold is between two values: it keeps seven. */
function rounded(model: Model): Model {
  const { forest } = model;
  if (!forest) return model;
  const threshold = forest.threshold.map((value) => (value > 1e9 ? 1e9 : Number(value.toPrecision(7))));
  return { ...model, base: short(model.base), forest: { ...forest, value: forest.value.map(short), threshold } };
}

const shortened = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value, (_, part) => (typeof part === "number" ? short(part) : part))) as T;
