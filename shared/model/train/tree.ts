/** One regression tree on gradients and hessians, grown best leaf first from histograms. */
import type { Random } from "../../random.ts";
import { free } from "../free.ts";
import type { Forest } from "../model.ts";
import type { Binned } from "./bins.ts";

export interface TreeOptions {
  maxDepth: number;
  maxLeaves: number;
  /** Of a leaf: Σ p(1 − p) of its rows at least. */
  minChildHessian: number;
  /** Ridge and lasso on the leaves' values. */
  l2: number;
  l1: number;
  /** A split below this gain is not made. */
  minGain: number;
  /** Share of the features that a tree may look at. */
  columnShare: number;
  /** Share of those that a single split may look at. */
  nodeColumnShare: number;
  /** A leaf's value is drawn to its parent's as if the parent had this much hessian in it; 0: not at all. */
  smoothing: number;
  learningRate: number;
}

/** The tree being grown, in bins: what the rows are sent down while training. */
export interface BinTree {
  feature: number[];
  bin: number[];
  left: number[];
  right: number[];
  missing: number[];
  value: number[];
}

interface Split {
  gain: number;
  feature: number;
  bin: number;
  missingLeft: boolean;
  leftG: number;
  leftH: number;
}

interface Leaf {
  node: number;
  begin: number;
  end: number;
  depth: number;
  g: number;
  h: number;
  /** Unshrunk, for smoothing its children. */
  weight: number;
  histogram: Float64Array | null;
  split: Split | null;
}

const threshold = (g: number, l1: number): number => (g > l1 ? g - l1 : g < -l1 ? g + l1 : 0);

/** Grows trees on one set of binned rows; its buffers are used again for every tree. */
export class TreeGrower {
  readonly #binned: Binned;
  readonly #options: TreeOptions;
  readonly #usable: Int32Array;
  readonly #free: Float64Array[] = [];
  readonly #spare: Int32Array;
  readonly #orderedG: Float64Array;
  readonly #orderedH: Float64Array;

  /** `usable`: the features that may be looked at; `null` or absent: all. */
  constructor(binned: Binned, options: TreeOptions, usable?: Int32Array | null) {
    const rows = binned.columns[0]?.length ?? 0;
    this.#binned = binned;
    this.#usable = usable ?? Int32Array.from(binned.columns, (_, feature) => feature);
    this.#options = options;
    this.#spare = new Int32Array(rows);
    this.#orderedG = new Float64Array(rows);
    this.#orderedH = new Float64Array(rows);
  }

  free(): void {
    for (const own of [...this.#free, this.#spare, this.#orderedG, this.#orderedH]) free(own);
  }

  /** `rows` (row numbers, in any order) is reordered. Leaves carry the learning rate. */
  grow(rows: Int32Array, gradient: Float64Array, hessian: Float64Array, random: Random): BinTree {
    const { maxLeaves, maxDepth } = this.#options;
    const tree: BinTree = { feature: [], bin: [], left: [], right: [], missing: [], value: [] };
    const columns = sample(this.#usable, this.#options.columnShare, random);
    let g = 0;
    let h = 0;
    for (const row of rows) {
      g += gradient[row]!;
      h += hessian[row]!;
    }
    const root = this.#leaf(tree, 0, rows.length, 0, g, h, null);
    const counts: number[] = [rows.length];
    if (maxDepth > 0 && maxLeaves > 1) {
      root.histogram = this.#build(rows, root, columns, gradient, hessian);
      root.split = this.#best(root, columns, random);
    }
    const open = [root];
    for (let leaves = 1; leaves < maxLeaves; leaves++) {
      const leaf = takeBest(open);
      if (!leaf) break;
      const [left, right] = this.#divide(tree, rows, leaf);
      counts[left.node] = left.end - left.begin;
      counts[right.node] = right.end - right.begin;
      if (left.depth < maxDepth) this.#open(leaf, left, right, rows, columns, gradient, hessian, random);
      if (leaf.histogram) this.#free.push(leaf.histogram);
      leaf.histogram = null;
      for (const child of [left, right]) {
        if (child.split) open.push(child);
        else if (child.histogram) this.#free.push(child.histogram);
      }
    }
    for (const leaf of open) if (leaf.histogram) this.#free.push(leaf.histogram);
    meanValues(tree, counts);
    return tree;
  }

  #leaf(tree: BinTree, begin: number, end: number, depth: number, g: number, h: number, parent: number | null): Leaf {
    const { l1, l2, smoothing, learningRate } = this.#options;
    const node = tree.feature.length;
    let weight = -threshold(g, l1) / (h + l2);
    if (parent !== null && smoothing > 0) weight = (weight * h + parent * smoothing) / (h + smoothing);
    tree.feature.push(-1);
    tree.bin.push(0);
    tree.left.push(-1);
    tree.right.push(-1);
    tree.missing.push(0);
    tree.value.push(weight * learningRate);
    return { node, begin, end, depth, g, h, weight, histogram: null, split: null };
  }

  /** Sends the leaf's rows to two new leaves, keeping their order. */
  #divide(tree: BinTree, rows: Int32Array, leaf: Leaf): [Leaf, Leaf] {
    const { feature, bin, missingLeft, leftG, leftH } = leaf.split!;
    const column = this.#binned.columns[feature]!;
    const missingBin = this.#binned.edges[feature]!.length;
    let kept = leaf.begin;
    let moved = 0;
    for (let i = leaf.begin; i < leaf.end; i++) {
      const row = rows[i]!;
      const own = column[row]!;
      if (own <= bin || (missingLeft && own === missingBin)) rows[kept++] = row;
      else this.#spare[moved++] = row;
    }
    rows.set(this.#spare.subarray(0, moved), kept);
    const depth = leaf.depth + 1;
    const left = this.#leaf(tree, leaf.begin, kept, depth, leftG, leftH, leaf.weight);
    const right = this.#leaf(tree, kept, leaf.end, depth, leaf.g - leftG, leaf.h - leftH, leaf.weight);
    tree.feature[leaf.node] = feature;
    tree.bin[leaf.node] = bin;
    tree.left[leaf.node] = left.node;
    tree.right[leaf.node] = right.node;
    tree.missing[leaf.node] = missingLeft ? 1 : 0;
    return [left, right];
  }

  /** Histograms of both children: the smaller one's counted, the larger one's what is left of the parent's. */
  #open(
    parent: Leaf,
    left: Leaf,
    right: Leaf,
    rows: Int32Array,
    columns: Int32Array,
    gradient: Float64Array,
    hessian: Float64Array,
    random: Random,
  ): void {
    const [small, large] = left.end - left.begin <= right.end - right.begin ? [left, right] : [right, left];
    const splittable = 2 * this.#options.minChildHessian;
    if (large.h < splittable && small.h < splittable) return;
    small.histogram = this.#build(rows, small, columns, gradient, hessian);
    large.histogram = parent.histogram!;
    parent.histogram = null;
    for (const feature of columns) {
      const begin = this.#binned.offsets[feature]! * 2;
      const end = begin + (this.#binned.edges[feature]!.length + 1) * 2;
      for (let i = begin; i < end; i++) large.histogram[i]! -= small.histogram[i]!;
    }
    left.split = this.#best(left, columns, random);
    right.split = this.#best(right, columns, random);
  }

  #build(
    rows: Int32Array,
    leaf: Leaf,
    columns: Int32Array,
    gradient: Float64Array,
    hessian: Float64Array,
  ): Float64Array {
    const histogram = this.#free.pop()?.fill(0) ?? new Float64Array(this.#binned.total * 2);
    const [g, h] = [this.#orderedG, this.#orderedH];
    const count = leaf.end - leaf.begin;
    const own = rows.subarray(leaf.begin, leaf.end);
    for (let i = 0; i < count; i++) {
      const row = own[i]!;
      g[i] = gradient[row]!;
      h[i] = hessian[row]!;
    }
    for (const feature of columns) {
      const column = this.#binned.columns[feature]!;
      const offset = this.#binned.offsets[feature]! * 2;
      for (let i = 0; i < count; i++) {
        const at = offset + column[own[i]!]! * 2;
        histogram[at]! += g[i]!;
        histogram[at + 1]! += h[i]!;
      }
    }
    return histogram;
  }

  #best(leaf: Leaf, columns: Int32Array, random: Random): Split | null {
    const { nodeColumnShare, minChildHessian, minGain } = this.#options;
    if (leaf.h < 2 * minChildHessian) return null;
    const looked = sample(columns, nodeColumnShare, random);
    let best: Split | null = null;
    for (const feature of looked) {
      const found = this.#bestOf(leaf, feature, best?.gain ?? minGain);
      if (found) best = found;
    }
    return best;
  }

  /** The feature's best split, if it gains more than `least`. Both ways for missing values are tried. */
  #bestOf(leaf: Leaf, feature: number, least: number): Split | null {
    const { l1, l2, minChildHessian } = this.#options;
    const histogram = leaf.histogram!;
    const offset = this.#binned.offsets[feature]! * 2;
    const bins = this.#binned.edges[feature]!.length;
    const missingG = histogram[offset + bins * 2]!;
    const missingH = histogram[offset + bins * 2 + 1]!;
    // What subtracting histograms leaves of nothing is not zero.
    const anyMissing = missingH > 1e-9;
    const whole = threshold(leaf.g, l1);
    const parent = (whole * whole) / (leaf.h + l2);
    let best: Split | null = null;
    let most = least;
    let g = 0;
    let h = 0;
    for (let bin = 0; bin < (anyMissing ? bins : bins - 1); bin++) {
      g += histogram[offset + bin * 2]!;
      h += histogram[offset + bin * 2 + 1]!;
      for (let way = 0; way < (anyMissing ? 2 : 1); way++) {
        const leftG = way === 1 ? g + missingG : g;
        const leftH = way === 1 ? h + missingH : h;
        const rightH = leaf.h - leftH;
        if (leftH < minChildHessian || rightH < minChildHessian) continue;
        const left = threshold(leftG, l1);
        const right = threshold(leaf.g - leftG, l1);
        const gain = ((left * left) / (leftH + l2) + (right * right) / (rightH + l2) - parent) / 2;
        if (gain <= most) continue;
        most = gain;
        // Where no row was missing, a missing one goes with the many.
        const missingLeft = anyMissing ? way === 1 : leftH >= rightH;
        best = { gain, feature, bin, missingLeft, leftG, leftH };
      }
    }
    return best;
  }
}

/** Removes and answers the open leaf whose split gains most; the older one of two alike. */
function takeBest(open: Leaf[]): Leaf | null {
  let best = -1;
  for (let i = 0; i < open.length; i++) {
    const gain = open[i]!.split?.gain;
    if (gain !== undefined && (best < 0 || gain > open[best]!.split!.gain)) best = i;
  }
  return best < 0 ? null : open.splice(best, 1)[0]!;
}

/** `share` of the features, at least one, ascending. */
function sample(features: Int32Array, share: number, random: Random): Int32Array {
  if (share >= 1) return features;
  const count = Math.max(1, Math.round(features.length * share));
  return random.shuffle(features.slice()).slice(0, count).sort();
}

/** An inner node's value becomes the mean of its rows' leaves: what contributions are told from. */
function meanValues(tree: BinTree, counts: number[]): void {
  for (let node = tree.feature.length - 1; node >= 0; node--) {
    if (tree.feature[node]! < 0) continue;
    const left = tree.left[node]!;
    const right = tree.right[node]!;
    const rows = counts[left]! + counts[right]!;
    tree.value[node] = (counts[left]! * tree.value[left]! + counts[right]! * tree.value[right]!) / rows;
  }
}

/** Adds the tree's leaves to the scores of the given rows. */
export function addTree(tree: BinTree, binned: Binned, scores: Float64Array): void {
  const { feature, bin, left, right, missing, value } = tree;
  for (let row = 0; row < scores.length; row++) {
    let node = 0;
    for (let at = feature[node]!; at >= 0; at = feature[node]!) {
      const own = binned.columns[at]![row]!;
      const toLeft = own === binned.edges[at]!.length ? missing[node] === 1 : own <= bin[node]!;
      node = toLeft ? left[node]! : right[node]!;
    }
    scores[row]! += value[node]!;
  }
}

export const emptyForest = (): Forest => ({
  roots: [],
  feature: [],
  threshold: [],
  left: [],
  right: [],
  missing: [],
  value: [],
  single: false,
});

/** Appends the tree with real thresholds; `weight` scales its values. */
export function plant(forest: Forest, tree: BinTree, edges: readonly Float64Array[], weight: number): void {
  const root = forest.feature.length;
  forest.roots.push(root);
  for (let node = 0; node < tree.feature.length; node++) {
    const feature = tree.feature[node]!;
    const inner = feature >= 0;
    forest.feature.push(feature);
    forest.threshold.push(inner ? edges[feature]![tree.bin[node]!]! : 0);
    forest.left.push(inner ? root + tree.left[node]! : -1);
    forest.right.push(inner ? root + tree.right[node]! : -1);
    forest.missing.push(tree.missing[node]!);
    forest.value.push(tree.value[node]! * weight);
  }
}
