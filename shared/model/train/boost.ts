/**
 * Gradient-boosted trees with logistic loss (Friedman 2001; second order, as in Chen & Guestrin 2016), in rounds that can be
 * interrupted. Our own: `ydf-training`, the one library that trains such trees in WebAssembly, takes a CSV text and no options,
 * seed or groups, and cannot stop and go on, which a Worker's CPU limit asks for.
 */
import { random } from "../../random.ts";
import { free } from "../free.ts";
import { type Forest, MODEL_FORMAT, type Model } from "../model.ts";
import type { Binned } from "./bins.ts";
import { addTree, type BinTree, emptyForest, plant, TreeGrower, type TreeOptions } from "./tree.ts";

export interface BoostOptions extends TreeOptions {
  /** Trees at most. */
  rounds: number;
  /** Of the training rows, drawn anew for each tree. */
  rowShare: number;
  /** Ends when the validation rows' log loss has not improved for so many trees; 0: never. */
  patience: number;
}

export const BOOST_DEFAULTS: BoostOptions = {
  rounds: 200,
  learningRate: 0.05,
  maxDepth: 6,
  maxLeaves: 31,
  minChildHessian: 8,
  l2: 20,
  l1: 0,
  minGain: 0,
  columnShare: 1,
  nodeColumnShare: 0.3,
  smoothing: 10,
  rowShare: 0.7,
  patience: 30,
};

/** What is trained on: bins of all rows, and which of them train and which tell when to stop. */
export interface BoostData {
  binned: Binned;
  labels: Uint8Array;
  train: Int32Array;
  validation: Int32Array;
  /** How much each row's loss counts in training; `null`: all alike. */
  weights: Float64Array | null;
  /** The features that trees may look at; `null` or absent: all. */
  usable?: Int32Array | null;
}

/** Where boosting stands. Plain data: JSON carries it exactly, and going on from it gives the same trees as never stopping. */
export interface BoostState {
  options: BoostOptions;
  seed: number;
  base: number;
  trees: BinTree[];
  /** Of the validation rows, after each tree. */
  losses: number[];
  done: boolean;
}

export function beginBoosting(data: BoostData, options: BoostOptions, seed: number): BoostState {
  let positives = 0;
  for (const row of data.train) positives += data.labels[row]!;
  // Half a row of each kind more: finite where all have one label.
  const share = (positives + 0.5) / (data.train.length + 1);
  return { options, seed, base: Math.log(share / (1 - share)), trees: [], losses: [], done: data.train.length === 0 };
}

/** Boosting under way: the scores of all rows live here and are derived again from the state's trees. */
export class Boosting {
  readonly state: BoostState;
  readonly #data: BoostData;
  readonly #grower: TreeGrower;
  readonly #scores: Float64Array;
  readonly #gradient: Float64Array;
  readonly #hessian: Float64Array;

  constructor(data: BoostData, state: BoostState) {
    this.state = state;
    this.#data = data;
    this.#grower = new TreeGrower(data.binned, state.options, data.usable);
    const rows = data.labels.length;
    this.#scores = new Float64Array(rows).fill(state.base);
    this.#gradient = new Float64Array(rows);
    this.#hessian = new Float64Array(rows);
    for (const tree of state.trees) addTree(tree, data.binned, this.#scores);
  }

  free(): void {
    this.#grower.free();
    for (const own of [this.#scores, this.#gradient, this.#hessian]) free(own);
  }

  /** At most so many more trees; `false` once there is nothing left to do. */
  advance(rounds: number): boolean {
    const { state } = this;
    for (let i = 0; i < rounds && !state.done; i++) this.#round();
    return !state.done;
  }

  #round(): void {
    const { state } = this;
    const { options, trees, losses } = state;
    const { binned, labels, validation, weights } = this.#data;
    const draw = random(state.seed, trees.length);
    const rows = this.#sampled(draw.unit);
    for (const row of rows) {
      const p = 1 / (1 + Math.exp(-this.#scores[row]!));
      const weight = weights ? weights[row]! : 1;
      this.#gradient[row] = weight * (p - labels[row]!);
      this.#hessian[row] = weight * Math.max(p * (1 - p), 1e-12);
    }
    const tree = this.#grower.grow(rows, this.#gradient, this.#hessian, draw);
    trees.push(tree);
    addTree(tree, binned, this.#scores);
    if (validation.length > 0) losses.push(logLossOf(this.#scores, labels, validation));
    const stale = options.patience > 0 && losses.length - bestRound(state) >= options.patience;
    state.done = stale || trees.length >= options.rounds;
  }

  #sampled(unit: () => number): Int32Array {
    const { train } = this.#data;
    const { rowShare } = this.state.options;
    if (rowShare >= 1) return train.slice();
    const kept = train.filter(() => unit() < rowShare);
    return kept.length > 0 ? kept : train.slice();
  }
}

/** How many trees gave the validation rows the least log loss; all of them where nothing was validated. */
export function bestRound({ losses, trees }: Pick<BoostState, "losses" | "trees">): number {
  if (losses.length === 0) return trees.length;
  let best = 0;
  for (let i = 1; i < losses.length; i++) if (losses[i]! < losses[best]!) best = i;
  return best + 1;
}

/** Mean log loss of log-odds, in nats. */
export function logLossOf(scores: Float64Array, labels: Uint8Array, rows: Int32Array): number {
  let sum = 0;
  for (const row of rows) {
    const score = labels[row] === 1 ? scores[row]! : -scores[row]!;
    // log(1 + exp(−score)) without overflow.
    sum += score > 0 ? Math.log1p(Math.exp(-score)) : Math.log1p(Math.exp(score)) - score;
  }
  return sum / rows.length;
}

/** Log-odds of all rows after the first `rounds` trees. */
export function scoresAfter(state: BoostState, binned: Binned, rounds: number, rows: number): Float64Array {
  const scores = new Float64Array(rows).fill(state.base);
  for (const tree of state.trees.slice(0, rounds)) addTree(tree, binned, scores);
  return scores;
}

/** The mean of several boosted forests in log-odds, as one forest. Of each the first `rounds` trees. */
export function forestOf(states: readonly BoostState[], edges: readonly Float64Array[], rounds: number): Forest {
  const forest = emptyForest();
  for (const state of states)
    for (const tree of state.trees.slice(0, rounds)) plant(forest, tree, edges, 1 / states.length);
  return forest;
}

export function finishBoosting(state: BoostState, edges: readonly Float64Array[], features: string[]): Model {
  return {
    format: MODEL_FORMAT,
    algorithm: "trees",
    features,
    base: state.base,
    forest: forestOf([state], edges, bestRound(state)),
    forestWeight: 1,
    linear: null,
    linearWeight: 0,
    calibration: { kind: "none" },
  };
}
