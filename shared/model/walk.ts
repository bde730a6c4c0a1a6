/** A forest laid out for walking, and the walk. */
import type { Forest } from "./model.ts";

/** A slot is twice the feature, one more where a missing value goes right; it shares 32 bits with a node's number. */
const SLOT_BITS = 11;
const SLOT_MASK = 2 ** SLOT_BITS - 1;
export const MAX_FEATURES = 2 ** (SLOT_BITS - 1);
export const MAX_NODES = 2 ** (32 - SLOT_BITS) - 2;

/**
 * Walks four trees side by side and without a branch: each step reads a node, compares, and adds the outcome to the number
 * of the left child. A branch on the outcome would be mispredicted every second time, and one tree alone would wait for
 * memory at each step: the plain walk takes five times as long. `Number(x > y)` compiles to no branch, `x > y ? 1 : 0` to one.
 */
export class ForestWalk {
  /** The sum of the roots' values. */
  readonly start: number;
  readonly #single: boolean;
  readonly #width: number;
  /** Of a node: the number of its left child (the right one follows it), then, in the low bits, its slot. */
  readonly #links: Int32Array;
  /** A row goes right where its slot is greater. Of a leaf: infinity, and it is its own left child, so that a row stays. */
  readonly #threshold: Float64Array;
  readonly #value: Float64Array;
  /** A multiple of four: the last ones may be empty trees. */
  readonly #roots: Int32Array;
  /** Of each four trees: the steps after which every row has come to a leaf. */
  readonly #depths: Int32Array;
  readonly #slots: Float64Array;
  readonly #moved: Float64Array;

  /** `forest` must be sound (`checkModel`): children come after their parents. */
  constructor(forest: Forest, width: number) {
    const size = forest.feature.length + 1; // node 0 is the empty tree
    if (width > MAX_FEATURES || size > MAX_NODES + 1)
      throw new RangeError(`a forest has at most ${MAX_FEATURES} features and ${MAX_NODES} nodes`);
    const blocks = Math.ceil(forest.roots.length / 4);
    this.#single = forest.single;
    this.#width = width;
    this.#links = new Int32Array(size);
    this.#threshold = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
    this.#value = new Float64Array(size);
    this.#roots = new Int32Array(4 * blocks);
    this.#depths = new Int32Array(blocks);
    this.#slots = new Float64Array(2 * width);
    this.#moved = new Float64Array(2 * width);
    let start = 0;
    let free = 1;
    forest.roots.forEach((root, tree) => {
      start += forest.value[root]!;
      this.#roots[tree] = free;
      const placed = this.#place(forest, root, free);
      free = placed.free;
      this.#depths[tree >> 2] = Math.max(this.#depths[tree >> 2]!, placed.depth);
    });
    this.start = start;
  }

  /** Lays a tree out level by level, so that siblings are neighbours. */
  #place(forest: Forest, root: number, at: number): { free: number; depth: number } {
    let level = [root];
    let free = at + 1;
    let depth = -1;
    for (; level.length > 0; depth++) {
      const next: number[] = [];
      for (const node of level) {
        const feature = forest.feature[node]!;
        this.#value[at] = forest.value[node]!;
        if (feature < 0) this.#links[at] = at << SLOT_BITS;
        else {
          this.#links[at] = (free << SLOT_BITS) | (2 * feature + (forest.missing[node] === 1 ? 0 : 1));
          this.#threshold[at] = forest.threshold[node]!;
          next.push(forest.left[node]!, forest.right[node]!);
          free += 2;
        }
        at++;
      }
      level = next;
    }
    return { free, depth };
  }

  /** Each feature twice: a missing value as the one that goes left at every split, and as the one that goes right. */
  #load(vector: ArrayLike<number>): void {
    const slots = this.#slots;
    for (let i = 0, slot = 0; i < this.#width; i++, slot += 2) {
      const x = this.#single ? Math.fround(vector[i]!) : vector[i]!;
      const missing = Number.isNaN(x);
      slots[slot] = missing ? Number.NEGATIVE_INFINITY : x;
      slots[slot + 1] = missing ? Number.POSITIVE_INFINITY : x;
    }
  }

  /** The sum of the leaves that a row comes to, tree by tree. */
  score(vector: ArrayLike<number>): number {
    this.#load(vector);
    const slots = this.#slots;
    const links = this.#links;
    const threshold = this.#threshold;
    const value = this.#value;
    const roots = this.#roots;
    const depths = this.#depths;
    let sum = 0;
    for (let block = 0, tree = 0; block < depths.length; block++, tree += 4) {
      let a = roots[tree]!;
      let b = roots[tree + 1]!;
      let c = roots[tree + 2]!;
      let d = roots[tree + 3]!;
      for (let step = depths[block]!; step > 0; step--) {
        const la = links[a]!;
        const lb = links[b]!;
        const lc = links[c]!;
        const ld = links[d]!;
        a = (la >>> SLOT_BITS) + Number(slots[la & SLOT_MASK]! > threshold[a]!);
        b = (lb >>> SLOT_BITS) + Number(slots[lb & SLOT_MASK]! > threshold[b]!);
        c = (lc >>> SLOT_BITS) + Number(slots[lc & SLOT_MASK]! > threshold[c]!);
        d = (ld >>> SLOT_BITS) + Number(slots[ld & SLOT_MASK]! > threshold[d]!);
      }
      sum += value[a]!;
      sum += value[b]!;
      sum += value[c]!;
      sum += value[d]!;
    }
    return sum;
  }

  /** The same sum; adds to `effects` what each feature moved it from `start`, times `weight`. */
  explain(vector: ArrayLike<number>, weight: number, effects: Float64Array): number {
    this.#load(vector);
    const slots = this.#slots;
    const links = this.#links;
    const threshold = this.#threshold;
    const value = this.#value;
    const roots = this.#roots;
    const depths = this.#depths;
    const moved = this.#moved.fill(0);
    let sum = 0;
    for (let block = 0, tree = 0; block < depths.length; block++, tree += 4) {
      let a = roots[tree]!;
      let b = roots[tree + 1]!;
      let c = roots[tree + 2]!;
      let d = roots[tree + 3]!;
      for (let step = depths[block]!; step > 0; step--) {
        const la = links[a]!;
        const lb = links[b]!;
        const lc = links[c]!;
        const ld = links[d]!;
        const a2 = (la >>> SLOT_BITS) + Number(slots[la & SLOT_MASK]! > threshold[a]!);
        const b2 = (lb >>> SLOT_BITS) + Number(slots[lb & SLOT_MASK]! > threshold[b]!);
        const c2 = (lc >>> SLOT_BITS) + Number(slots[lc & SLOT_MASK]! > threshold[c]!);
        const d2 = (ld >>> SLOT_BITS) + Number(slots[ld & SLOT_MASK]! > threshold[d]!);
        // a row that stays at its leaf moves slot 0 by nothing
        moved[la & SLOT_MASK]! += value[a2]! - value[a]!;
        moved[lb & SLOT_MASK]! += value[b2]! - value[b]!;
        moved[lc & SLOT_MASK]! += value[c2]! - value[c]!;
        moved[ld & SLOT_MASK]! += value[d2]! - value[d]!;
        a = a2;
        b = b2;
        c = c2;
        d = d2;
      }
      sum += value[a]!;
      sum += value[b]!;
      sum += value[c]!;
      sum += value[d]!;
    }
    for (let i = 0; i < this.#width; i++) effects[i]! += weight * (moved[2 * i]! + moved[2 * i + 1]!);
    return sum;
  }
}
