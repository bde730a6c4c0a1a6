/** Whether a model is sound, which a scorer relies on: a forest with a circle would hold a cart for ever. */
import { type Calibration, type Forest, type Linear, MODEL_FORMAT, type Model } from "./model.ts";
import { MAX_FEATURES } from "./walk.ts";

export const MAX_TREES = 2_000;
export const MAX_FOREST_NODES = 200_000;
/** Steps of the longest path: together with the trees it bounds what a prediction costs. */
export const MAX_DEPTH = 256;
export const MAX_POINTS = 10_000;

/** Any number but a threshold: sums and products of them stay finite. */
const MAX_NUMBER = 1e12;
const MIN_SCALE = 1e-12;

/** What is wrong with the model; `null` when nothing is. Its types are trusted, nothing else. */
export function checkModel(model: Model): string | null {
  const { features, algorithm, forest, linear } = model;
  if (model.format !== MODEL_FORMAT) return `its format is ${model.format}, not ${MODEL_FORMAT}`;
  if (features.length === 0 || features.length > MAX_FEATURES) return `it has no feature or more than ${MAX_FEATURES}`;
  if (features.some((name) => name.length === 0 || name.length > 200)) return "a feature's name is empty or too long";
  if (new Set(features).size < features.length) return "two features have the same name";
  if (!sane(model.base) || !sane(model.forestWeight) || !sane(model.linearWeight)) return "a weight is no usual number";
  if (algorithm !== "logistic" && !forest) return "its trees are missing";
  if (algorithm !== "trees" && !linear) return "its linear part is missing";
  return (
    (forest && checkForest(forest, features.length)) ??
    (linear && checkLinear(linear, features.length)) ??
    checkCalibration(model.calibration)
  );
}

const sane = (value: number): boolean => Math.abs(value) <= MAX_NUMBER;

function checkForest(forest: Forest, width: number): string | null {
  const { roots, feature, threshold, left, right, missing, value } = forest;
  const size = feature.length;
  if (roots.length > MAX_TREES) return `it has more than ${MAX_TREES} trees`;
  if (size > MAX_FOREST_NODES) return `its trees have more than ${MAX_FOREST_NODES} nodes`;
  if ([threshold, left, right, missing, value].some((list) => list.length !== size))
    return "its trees' arrays are of different lengths";
  /** Steps from its root; −1: nothing leads there yet. */
  const depth = new Int16Array(size).fill(-1);
  for (const root of roots) {
    if (!isNode(root, size)) return `a tree begins at ${root}, which is no node`;
    if (depth[root] !== -1) return `two trees begin at node ${root}`;
    depth[root] = 0;
  }
  for (let node = 0; node < size; node++) {
    const steps = depth[node]!;
    if (steps < 0) return `no tree leads to node ${node}`;
    if (steps > MAX_DEPTH) return `a tree is deeper than ${MAX_DEPTH}`;
    if (!sane(value[node]!)) return `the value of node ${node} is no usual number`;
    if (feature[node] === -1) continue;
    if (!isNode(feature[node]!, width)) return `node ${node} asks for feature ${feature[node]}, which there is not`;
    if (!Number.isFinite(threshold[node]!)) return `the threshold of node ${node} is not finite`;
    if (missing[node] !== 0 && missing[node] !== 1) return `node ${node} does not say where a missing value goes`;
    for (const child of [left[node]!, right[node]!]) {
      if (!isNode(child, size) || child <= node) return `a child of node ${node} is ${child}, which does not follow it`;
      if (depth[child] !== -1) return `two ways lead to node ${child}`;
      depth[child] = steps + 1;
    }
  }
  return null;
}

const isNode = (node: number, size: number): boolean => Number.isInteger(node) && node >= 0 && node < size;

function checkLinear({ intercept, weight, mean, scale }: Linear, width: number): string | null {
  if ([weight, mean, scale].some((list) => list.length !== width))
    return "its linear part is of another length than its features";
  if (!sane(intercept) || ![weight, mean, scale].every((list) => list.every(sane)))
    return "a number of its linear part is no usual one";
  return scale.every((value) => value >= MIN_SCALE) ? null : "a scale is not positive";
}

function checkCalibration(calibration: Calibration): string | null {
  if (calibration.kind === "none") return null;
  if (calibration.kind === "platt")
    return sane(calibration.a) && sane(calibration.b) ? null : "its calibration is no usual number";
  const { score, logit } = calibration;
  if (score.length === 0 || score.length > MAX_POINTS || logit.length !== score.length)
    return `its calibration has no point, more than ${MAX_POINTS}, or a point without its log-odds`;
  if (!score.every(sane) || !logit.every(sane)) return "a point of its calibration is no usual number";
  for (let i = 1; i < score.length; i++)
    if (score[i]! <= score[i - 1]! || logit[i]! < logit[i - 1]!) return "its calibration does not rise";
  return null;
}
