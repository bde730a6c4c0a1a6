/**
 * From examples to a model, in pieces that can be interrupted: candidates are compared by grouped cross-validation on log loss,
 * the best boosted trees are fitted again on all rows, blended with logistic regression in log-odds as far as that helps, and
 * calibrated on out-of-fold scores. The same data, options and seed give the same model, byte for byte, in however many pieces.
 */
import { random } from "../../random.ts";
import { free } from "../free.ts";
import { type Calibration, type Dataset, MODEL_FORMAT, type Model } from "../model.ts";
import { type Binned, binColumns } from "./bins.ts";
import {
  BOOST_DEFAULTS,
  type BoostData,
  Boosting,
  type BoostOptions,
  type BoostState,
  beginBoosting,
  forestOf,
  logLossOf,
  scoresAfter,
} from "./boost.ts";
import { calibrated, fitIsotonic, fitPlatt } from "./calibrate.ts";
import { fitLogistic, linearScores } from "./logistic.ts";
import { foldsOf, rowsOf } from "./split.ts";

export interface TrainingOptions {
  /** Parts of the cross-validation; no shopper is in two. */
  folds: number;
  /** Boosted trees to compare. */
  boost: BoostOptions[];
  /** Ridge penalties to compare for logistic regression. */
  l2: number[];
  /** Features that trees do not look at: what only a sum of weights needs, such as logarithms and 0/1 for each kind. */
  linearOnly: readonly string[];
  /** With fewer rows of either label only logistic regression is fitted. */
  minForTrees: number;
  /**
   * A shopper's n rows count as n^(1 − this) rows do for the trees: they are alike, and a few shoppers have very many.
   * 0: each row counts the same; 1: each shopper does.
   */
  shopperPower: number;
  /** Bins of a feature's values at most, up to 255: fewer are faster, and blunt to noise. */
  maxBins: number;
  /** Forests fitted on all rows, each by a seed of its own, and averaged. */
  bags: number;
}

export const TRAINING_DEFAULTS: TrainingOptions = {
  folds: 5,
  boost: [BOOST_DEFAULTS],
  l2: [3, 100],
  linearOnly: [],
  minForTrees: 150,
  shopperPower: 0.25,
  maxBins: 127,
  bags: 1,
};

/** The best of what was compared so far. */
interface Chosen<T> {
  with: T;
  /** Mean log loss of the out-of-fold scores. */
  loss: number;
  /** Out-of-fold log-odds of every row. */
  scores: number[];
}

/** Where training stands. Plain data that JSON carries exactly; it grows to some megabytes. */
export interface TrainingState {
  options: TrainingOptions;
  seed: number;
  stage: "linear" | "compare" | "refit" | "done";
  linear: Chosen<{ l2: number }> | null;
  /** The candidate being compared, and its folds so far. */
  candidate: number;
  folds: BoostState[];
  trees: Chosen<{ candidate: number; rounds: number }> | null;
  bags: BoostState[];
}

export interface TrainingReport {
  algorithm: Model["algorithm"];
  /** Out-of-fold log loss of each, in nats; `null` where it was not fitted. */
  logLoss: { logistic: number; trees: number | null; blend: number };
  /** Rounds of boosting that cross-validation chose. */
  rounds: number;
  l2: number;
  treeShare: number;
  calibration: Calibration["kind"];
  /** Out-of-fold log-odds of every row, calibrated by folds that the row is not in. */
  scores: Float64Array;
}

export function beginTraining(options: TrainingOptions, seed: number): TrainingState {
  return { options, seed, stage: "linear", linear: null, candidate: 0, folds: [], trees: null, bags: [] };
}

export const encodeTraining = (state: TrainingState): Uint8Array => new TextEncoder().encode(JSON.stringify(state));
export const decodeTraining = (bytes: Uint8Array): TrainingState =>
  JSON.parse(new TextDecoder().decode(bytes)) as TrainingState;

/** Training under way. What it derives of the data is rebuilt from it; only `state` must be kept between pieces. */
export class Trainer {
  readonly state: TrainingState;
  readonly #data: Dataset;
  readonly #folds: Uint8Array;
  #binned: Binned | null = null;
  #weights: Float64Array | null = null;
  #boosting: Boosting | null = null;

  constructor(data: Dataset, state: TrainingState) {
    this.state = state;
    this.#data = data;
    this.#folds = foldsOf(data.groups, state.options.folds, state.seed);
  }

  /** Fits about so many trees (one logistic comparison counts as nothing); `false` once all is fitted. */
  advance(trees: number): boolean {
    const { state } = this;
    if (state.stage === "linear") this.#compareLinear();
    for (let left = trees; left > 0 && state.stage !== "done"; ) {
      const boosting = this.#current();
      const before = boosting.state.trees.length;
      const more = boosting.advance(left);
      left -= boosting.state.trees.length - before;
      if (!more) this.#next();
    }
    return state.stage !== "done";
  }

  /** From 0 to 1, by the trees that are fitted of those that may be. */
  get progress(): number {
    const { state } = this;
    const { folds, boost, bags } = state.options;
    if (state.stage === "done") return 1;
    const done = (states: BoostState[]): number =>
      states.reduce((sum, { done, trees, options }) => sum + (done ? 1 : trees.length / options.rounds), 0);
    const pieces = folds * boost.length + bags;
    const before = state.stage === "refit" ? folds * boost.length : folds * state.candidate;
    return (before + done(state.stage === "refit" ? state.bags : state.folds)) / pieces;
  }

  #compareLinear(): void {
    const { state } = this;
    const { options } = state;
    const rows = this.#data.labels.length;
    const room = new Float64Array(rows * this.#data.columns.length);
    for (const l2 of options.l2) {
      const scores = new Float64Array(rows);
      for (let fold = 0; fold < options.folds; fold++) {
        const linear = fitLogistic(this.#data, rowsOf(this.#folds, fold, false), { l2 }, room);
        const all = linearScores(linear, this.#data.columns, rows);
        for (const row of rowsOf(this.#folds, fold, true)) scores[row] = all[row]!;
      }
      const loss = logLossOf(scores, this.#data.labels, everyRow(rows));
      if (!state.linear || loss < state.linear.loss) state.linear = { with: { l2 }, loss, scores: [...scores] };
    }
    free(room);
    const positives = this.#data.labels.reduce((sum, label) => sum + label, 0);
    const few = Math.min(positives, rows - positives) < options.minForTrees;
    state.stage = few || options.boost.length === 0 ? "done" : "compare";
  }

  /** The boosting that is under way, begun or resumed. */
  #current(): Boosting {
    const { state } = this;
    if (this.#boosting) return this.#boosting;
    const { options, stage } = state;
    const refit = stage === "refit";
    const list = refit ? state.bags : state.folds;
    const open = list.at(-1);
    const fold = open && !open.done ? list.length - 1 : list.length;
    this.#weights ??= weightsOf(this.#data.groups, options.shopperPower);
    const data: BoostData = {
      binned: this.#bins(),
      labels: this.#data.labels,
      train: refit ? everyRow(this.#data.labels.length) : rowsOf(this.#folds, fold, false),
      validation: refit ? NONE : rowsOf(this.#folds, fold, true),
      weights: this.#weights,
      usable: Int32Array.from(this.#data.features.keys()).filter(
        (feature) => !options.linearOnly.includes(this.#data.features[feature]!),
      ),
    };
    if (fold === list.length) {
      const seed = random(state.seed, refit ? 1 : 0, fold).below(2 ** 32);
      list.push(beginBoosting(data, this.#optionsNow(), seed));
    }
    this.#boosting = new Boosting(data, list[fold]!);
    return this.#boosting;
  }

  #optionsNow(): BoostOptions {
    const { options, stage, candidate, trees } = this.state;
    if (stage === "compare") return options.boost[candidate]!;
    // As many trees as suited the folds, and nothing is left to validate on.
    return { ...options.boost[trees!.with.candidate]!, rounds: trees!.with.rounds, patience: 0 };
  }

  /** What follows the boosting that has just ended. */
  #next(): void {
    const { state } = this;
    const { options } = state;
    this.#boosting = null;
    if (state.stage === "refit") {
      if (state.bags.length === options.bags) state.stage = "done";
      return;
    }
    if (state.folds.length < options.folds) return;
    this.#judge();
    state.folds = [];
    state.candidate++;
    if (state.candidate === options.boost.length) state.stage = "refit";
  }

  /** Keeps the candidate if it is the best so far, at the number of rounds that suits all folds. */
  #judge(): void {
    const { state } = this;
    const rows = this.#data.labels.length;
    const parts = state.folds.map((_, fold) => rowsOf(this.#folds, fold, true));
    const rounds = commonRounds(
      state.folds,
      parts.map(({ length }) => length),
    );
    const scores = new Float64Array(rows);
    state.folds.forEach((fold, at) => {
      const all = scoresAfter(fold, this.#bins(), rounds, rows);
      for (const row of parts[at]!) scores[row] = all[row]!;
    });
    const loss = logLossOf(scores, this.#data.labels, everyRow(rows));
    if (!state.trees || loss < state.trees.loss)
      state.trees = { with: { candidate: state.candidate, rounds }, loss, scores: [...scores] };
  }

  /** Gives back what it derived of the data; it can be asked nothing more. */
  free(): void {
    for (const column of this.#binned?.columns ?? []) free(column);
    this.#boosting?.free();
  }

  /** The model, and how it was chosen. Only once `advance` has answered `false`. */
  finish(): { model: Model; report: TrainingReport } {
    const { state } = this;
    if (state.stage !== "done") throw new Error("training has not ended");
    const { labels, columns, features } = this.#data;
    const rows = everyRow(labels.length);
    const linear = state.linear!;
    const logistic = Float64Array.from(linear.scores);
    const boosted = state.trees ? Float64Array.from(state.trees.scores) : null;
    const treeShare = boosted ? bestShare(boosted, logistic, labels, rows) : 0;
    const blended = logistic.map((score, row) => (boosted ? treeShare * boosted[row]! : 0) + (1 - treeShare) * score);
    const { calibration, scores } = this.#calibrate(blended);
    const model: Model = {
      format: MODEL_FORMAT,
      algorithm: treeShare === 0 ? "logistic" : treeShare === 1 ? "trees" : "blend",
      features,
      base: treeShare * (state.bags[0]?.base ?? 0),
      forest: treeShare > 0 ? forestOf(state.bags, this.#bins().edges, state.trees!.with.rounds) : null,
      forestWeight: treeShare,
      linear: treeShare < 1 ? fitLogistic({ columns, labels }, rows, linear.with) : null,
      linearWeight: 1 - treeShare,
      calibration,
    };
    const report: TrainingReport = {
      algorithm: model.algorithm,
      logLoss: { logistic: linear.loss, trees: state.trees?.loss ?? null, blend: logLossOf(blended, labels, rows) },
      rounds: state.trees?.with.rounds ?? 0,
      l2: linear.with.l2,
      treeShare,
      calibration: calibration.kind,
      scores,
    };
    return { model, report };
  }

  #bins(): Binned {
    this.#binned ??= binColumns(this.#data.columns, this.state.options.maxBins);
    return this.#binned;
  }

  /** The kind whose curves, each fitted on the other folds, give the least log loss. */
  #calibrate(scores: Float64Array): { calibration: Calibration; scores: Float64Array } {
    const { labels } = this.#data;
    const rows = everyRow(labels.length);
    let best: { fit: typeof fitPlatt; loss: number; scores: Float64Array } | null = null;
    for (const fit of [fitPlatt, fitIsotonic]) {
      const out = new Float64Array(labels.length);
      for (let fold = 0; fold < this.state.options.folds; fold++) {
        const curve = fit(scores, labels, rowsOf(this.#folds, fold, false));
        for (const row of rowsOf(this.#folds, fold, true)) out[row] = calibrated(curve, scores[row]!);
      }
      const loss = logLossOf(out, labels, rows);
      if (!best || loss < best.loss) best = { fit, loss, scores: out };
    }
    return { calibration: best!.fit(scores, labels, rows), scores: best!.scores };
  }
}

const NONE = new Int32Array(0);
const everyRow = (rows: number): Int32Array => Int32Array.from({ length: rows }, (_, row) => row);

/** Weights of rows, 1 in the mean. */
function weightsOf(groups: Float64Array, power: number): Float64Array | null {
  if (power === 0) return null;
  const rows = new Map<number, number>();
  for (const group of groups) rows.set(group, (rows.get(group) ?? 0) + 1);
  const weights = groups.map((group) => rows.get(group)! ** -power);
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return weights.map((weight) => weight / mean);
}

/** The number of trees with the least log loss over all folds; a fold that stopped earlier counts with its last. */
function commonRounds(folds: readonly BoostState[], rows: readonly number[]): number {
  let best = { rounds: 1, loss: Number.POSITIVE_INFINITY };
  const most = Math.max(...folds.map(({ losses }) => losses.length));
  for (let round = 1; round <= most; round++) {
    let loss = 0;
    folds.forEach(({ losses }, fold) => {
      loss += rows[fold]! * (losses[Math.min(round, losses.length) - 1] ?? 0);
    });
    if (loss < best.loss) best = { rounds: round, loss };
  }
  return best.rounds;
}

/** Of the trees in the blend, in tenths: the share with the least log loss. */
function bestShare(trees: Float64Array, linear: Float64Array, labels: Uint8Array, rows: Int32Array): number {
  let best = { share: 0, loss: Number.POSITIVE_INFINITY };
  for (let tenth = 0; tenth <= 10; tenth++) {
    const share = tenth / 10;
    const loss = logLossOf(
      linear.map((score, row) => share * trees[row]! + (1 - share) * score),
      labels,
      rows,
    );
    if (loss < best.loss) best = { share, loss };
  }
  return best.share;
}
