/** Random models and rows, and the plainest way to score them. */
import { type Calibration, type Forest, type Linear, MODEL_FORMAT, type Model } from "../../shared/model/model.ts";
import type { Random } from "./random.ts";

export interface ModelShape {
  width: number;
  trees: number;
  depth: number;
  /** The chance that a node above that depth is a leaf all the same. */
  leaves?: number;
  single?: boolean;
  linear?: boolean;
  calibration?: Calibration["kind"];
}

/** Thresholds and values come from a coarse grid, so that they are often equal. */
const grid = (random: Random): number => (random.below(33) - 16) / 8;

export function randomForest(
  random: Random,
  { width, trees, depth, leaves = 0.2, single = false }: ModelShape,
): Forest {
  const forest: Forest = { roots: [], feature: [], threshold: [], left: [], right: [], missing: [], value: [], single };
  const grow = (level: number): number => {
    const node = forest.feature.length;
    const leaf = level === depth || random.chance(leaves);
    forest.feature.push(leaf ? -1 : random.below(width));
    forest.threshold.push(leaf ? 0 : random.chance(0.5) ? grid(random) : random.unit() * 4 - 2);
    forest.missing.push(leaf ? 0 : random.below(2));
    forest.value.push(random.unit() * 0.4 - 0.2);
    forest.left.push(-1);
    forest.right.push(-1);
    if (!leaf) {
      forest.left[node] = grow(level + 1);
      forest.right[node] = grow(level + 1);
    }
    return node;
  };
  for (let tree = 0; tree < trees; tree++) forest.roots.push(grow(0));
  return forest;
}

export function randomModel(random: Random, shape: ModelShape): Model {
  const { width, linear = false, calibration = "none" } = shape;
  const list = (of: () => number): number[] => Array.from({ length: width }, of);
  const part: Linear = {
    intercept: random.unit() - 0.5,
    weight: list(() => random.unit() - 0.5),
    mean: list(() => random.unit() * 2),
    scale: list(() => 0.1 + random.unit()),
  };
  return {
    format: MODEL_FORMAT,
    algorithm: linear ? "blend" : "trees",
    features: Array.from({ length: width }, (_, i) => `f${i}`),
    base: random.unit() - 0.5,
    forest: randomForest(random, shape),
    forestWeight: linear ? 0.6 : 1,
    linear: linear ? part : null,
    linearWeight: linear ? 0.4 : 0,
    calibration: randomCalibration(random, calibration),
  };
}

function randomCalibration(random: Random, kind: Calibration["kind"]): Calibration {
  if (kind === "none") return { kind };
  if (kind === "platt") return { kind, a: 0.5 + random.unit(), b: random.unit() - 0.5 };
  let score = -2;
  let logit = -3;
  const points = Array.from({ length: 9 }, () => {
    score += 0.1 + random.unit();
    logit += random.chance(0.3) ? 0 : random.unit();
    return { score, logit };
  });
  return { kind, score: points.map((p) => p.score), logit: points.map((p) => p.logit) };
}

export const randomRow = (random: Random, width: number, missing = 0.2): number[] =>
  Array.from({ length: width }, () => {
    if (random.chance(missing)) return Number.NaN;
    return random.chance(0.05) ? random.pick([1e300, -1e300, 0, -0]) : grid(random);
  });

/** Log-odds before calibration, by recursion over what model.ts says. */
export function plainScore(model: Model, row: readonly number[]): number {
  const { forest, linear } = model;
  const leaf = (tree: Forest, node: number): number => {
    const feature = tree.feature[node]!;
    if (feature < 0) return tree.value[node]!;
    const x = tree.single ? Math.fround(row[feature]!) : row[feature]!;
    const left = Number.isNaN(x) ? tree.missing[node] === 1 : x <= tree.threshold[node]!;
    return leaf(tree, left ? tree.left[node]! : tree.right[node]!);
  };
  const trees = forest ? forest.roots.reduce((sum, root) => sum + leaf(forest, root), 0) : 0;
  const line = linear
    ? row.reduce(
        (sum, x, i) => sum + (Number.isNaN(x) ? 0 : (linear.weight[i]! * (x - linear.mean[i]!)) / linear.scale[i]!),
        linear.intercept,
      )
    : 0;
  return model.base + model.forestWeight * trees + model.linearWeight * line;
}
