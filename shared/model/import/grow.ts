/** Trees of a foreign file, made into a forest. */
import { MAX_FOREST_NODES } from "../check.ts";
import type { Forest } from "../model.ts";

/** Why a file cannot be taken; the message is shown to whoever sent it. */
export class ImportError extends Error {}

/** A node as its file tells it: a leaf, or a split of `x <= threshold` to `left`, else to `right`. */
export type SourceNode =
  /** `cover`: how many rows came to it, or a weight like it. */
  | { leaf: true; value: number; cover: number }
  | { leaf: false; feature: number; threshold: number; left: number; right: number; missingLeft: boolean };

export interface SourceTree {
  /** For messages. */
  name: string;
  root: number;
  /** How many nodes it must have, where the file says so. */
  size?: number;
  /** Throws for a node that the file has not. */
  read(node: number): SourceNode;
}

export const emptyForest = (single: boolean): Forest => ({
  roots: [],
  feature: [],
  threshold: [],
  left: [],
  right: [],
  missing: [],
  value: [],
  single,
});

/**
 * Appends a tree, each node before its children. An inner node's value is the mean of its leaves by cover: what the
 * exporters' own contributions are told from.
 */
export function growTree(forest: Forest, { name, root, size, read }: SourceTree): void {
  const first = forest.feature.length;
  const seen = new Set<number>();
  const cover: number[] = [];
  /** Of the file's node: where its number is to be written. */
  const open: { node: number; link: number[]; at: number }[] = [
    { node: root, link: forest.roots, at: forest.roots.length },
  ];
  for (let next = open.pop(); next; next = open.pop()) {
    if (seen.has(next.node)) throw new ImportError(`${name} comes twice to its node ${next.node}`);
    seen.add(next.node);
    const at = forest.feature.length;
    if (at >= MAX_FOREST_NODES) throw new ImportError(`its trees have more than ${MAX_FOREST_NODES} nodes`);
    next.link[next.at] = at;
    const source = read(next.node);
    forest.feature.push(source.leaf ? -1 : source.feature);
    forest.threshold.push(source.leaf ? 0 : source.threshold);
    forest.left.push(-1);
    forest.right.push(-1);
    forest.missing.push(!source.leaf && source.missingLeft ? 1 : 0);
    forest.value.push(source.leaf ? source.value : 0);
    cover.push(source.leaf ? source.cover : 0);
    if (source.leaf) continue;
    open.push({ node: source.right, link: forest.right, at });
    open.push({ node: source.left, link: forest.left, at });
  }
  if (size !== undefined && seen.size !== size)
    throw new ImportError(`${name} has ${size} nodes, and ${seen.size} of them follow from its first`);
  meanValues(forest, first, cover);
}

function meanValues(forest: Forest, first: number, cover: number[]): void {
  for (let node = forest.feature.length - 1; node >= first; node--) {
    if (forest.feature[node] === -1) continue;
    const left = forest.left[node]!;
    const right = forest.right[node]!;
    const ofLeft = cover[left - first]!;
    const ofRight = cover[right - first]!;
    const both = ofLeft + ofRight;
    const share = both > 0 ? ofLeft / both : 0.5;
    forest.value[node] = share * forest.value[left]! + (1 - share) * forest.value[right]!;
    cover[node - first] = both;
  }
}

/** The greatest 32-bit float below one: `x < t` of such floats is `x <= below(t)`. */
export function belowSingle(value: number): number {
  const single = new Float32Array([value]);
  const bits = new Int32Array(single.buffer);
  if (single[0] === 0) bits[0] = 0x80000001 | 0;
  else bits[0]! += single[0]! > 0 ? -1 : 1;
  return single[0]!;
}

/** The same of 64-bit floats. */
export function belowDouble(value: number): number {
  const double = new Float64Array([value]);
  const bits = new BigInt64Array(double.buffer);
  if (value === 0) return -Number.MIN_VALUE;
  bits[0]! += value > 0 ? -1n : 1n;
  return double[0]!;
}

export const logOdds = (probability: number): number => Math.log(probability / (1 - probability));
