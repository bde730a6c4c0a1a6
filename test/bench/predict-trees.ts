/** 200 trees of depth 6: ours beside onnxruntime-node, on the same rows. */
import { MODEL_FORMAT, type Model } from "../../shared/model/model.ts";
import { compile } from "../../shared/model/scorer.ts";
import { onnxFile } from "../support/onnx.ts";
import { random } from "../support/random.ts";
import { randomForest } from "../support/random-model.ts";
import type { OnnxRuntime, Session } from "./predict-peer.ts";

export const TREES = 200;
export const DEPTH = 6;
const FEATURES = 40;
const ROWS = 1_000;
export const BATCH = 100;
const MISSING = 0.05;
/** As close as 32-bit sums of the peer allow. */
const MAX_DIFFERENCE = 1e-6;

/** Complete trees, the most that a depth can hold, with values as boosting leaves them. */
export function largeModel(features = Array.from({ length: FEATURES }, (_, i) => `f${i}`)): Model {
  const forest = randomForest(random(1), {
    width: features.length,
    trees: TREES,
    depth: DEPTH,
    leaves: 0,
    single: true,
  });
  const single = (list: number[], scale: number): number[] => list.map((value) => Math.fround(value * scale));
  return {
    format: MODEL_FORMAT,
    algorithm: "trees",
    features,
    base: 0,
    forest: { ...forest, threshold: single(forest.threshold, 1), value: single(forest.value, 0.25) },
    forestWeight: 1,
    linear: null,
    linearWeight: 0,
    calibration: { kind: "none" },
  };
}

function onnxOf({ forest, features }: Model): Uint8Array {
  const { roots, feature, threshold, left, right, missing, value } = forest!;
  const treeOf = feature.map((_, node) => roots.findLastIndex((root) => root <= node));
  const ids = feature.map((_, node) => node - roots[treeOf[node]!]!);
  const leaves = feature.flatMap((asked, node) => (asked < 0 ? [node] : []));
  const child = (list: number[]): number[] => list.map((next, node) => (next < 0 ? 0 : ids[node]! + next - node));
  return onnxFile(
    {
      nodes_nodeids: ids,
      nodes_treeids: treeOf,
      nodes_featureids: feature.map((asked) => Math.max(0, asked)),
      nodes_truenodeids: child(left),
      nodes_falsenodeids: child(right),
      nodes_values: { floats: threshold },
      nodes_modes: feature.map((asked) => (asked < 0 ? "LEAF" : "BRANCH_LEQ")),
      nodes_missing_value_tracks_true: missing,
      class_ids: leaves.map(() => 0),
      class_nodeids: leaves.map((node) => ids[node]!),
      class_treeids: leaves.map((node) => treeOf[node]!),
      class_weights: { floats: leaves.map((node) => value[node]!) },
      classlabels_int64s: [0, 1],
      post_transform: "LOGISTIC",
    },
    { columns: features.length },
  );
}

/** A way to score every row, and the probabilities it gives. */
export interface Way {
  name: string;
  one(): Promise<ArrayLike<number>>;
  batch(): Promise<ArrayLike<number>>;
}

export interface TreesResult {
  /** Microseconds a row, by name; one of each round. */
  one: Record<string, number[]>;
  batch: Record<string, number[]>;
  maxDifference: number;
}

function rowsOf(): Float64Array {
  const by = random(2);
  return Float64Array.from({ length: ROWS * FEATURES }, () => {
    return by.chance(MISSING) ? Number.NaN : Math.fround(by.unit() * 4 - 2);
  });
}

/** Rows and tensors are made before: only the scoring is measured. */
export async function contenders(runtime: OnnxRuntime | null): Promise<Way[]> {
  const model = largeModel();
  const rows = rowsOf();
  const ways = [ours(model, rows), plain(model, rows)];
  if (!runtime) return ways;
  const file = onnxOf(model);
  const oneThread = { intraOpNumThreads: 1, interOpNumThreads: 1 };
  ways.push(peer("onnxruntime, one thread", runtime, await runtime.InferenceSession.create(file, oneThread), rows));
  ways.push(peer("onnxruntime, as it comes", runtime, await runtime.InferenceSession.create(file), rows));
  return ways;
}

function ours(model: Model, rows: Float64Array): Way {
  const scorer = compile(model);
  const vectors = Array.from({ length: ROWS }, (_, row) => rows.subarray(row * FEATURES, (row + 1) * FEATURES));
  const batches = Array.from({ length: ROWS / BATCH }, (_, i) => i * BATCH);
  const out = new Float64Array(ROWS);
  return {
    name: "cartwake",
    async one() {
      for (let row = 0; row < ROWS; row++) out[row] = scorer.probability(vectors[row]!);
      return out;
    },
    async batch() {
      for (const from of batches)
        scorer.batch(
          rows.subarray(from * FEATURES, (from + BATCH) * FEATURES),
          BATCH,
          out.subarray(from, from + BATCH),
        );
      return out;
    },
  };
}

/** The plain walk over typed arrays: what the layout is worth. */
function plain(model: Model, rows: Float64Array): Way {
  const forest = model.forest!;
  const [roots, feature, left, right] = [forest.roots, forest.feature, forest.left, forest.right].map((list) =>
    Int32Array.from(list),
  ) as [Int32Array, Int32Array, Int32Array, Int32Array];
  const threshold = Float64Array.from(forest.threshold);
  const value = Float64Array.from(forest.value);
  const missing = Uint8Array.from(forest.missing);
  const out = new Float64Array(ROWS);
  const all = async (): Promise<Float64Array> => {
    for (let row = 0; row < ROWS; row++) {
      let sum = 0;
      for (let tree = 0; tree < roots.length; tree++) {
        let node = roots[tree]!;
        while (feature[node]! >= 0) {
          const x = rows[row * FEATURES + feature[node]!]!;
          const goesLeft = Number.isNaN(x) ? missing[node] === 1 : x <= threshold[node]!;
          node = goesLeft ? left[node]! : right[node]!;
        }
        sum += value[node]!;
      }
      out[row] = 1 / (1 + Math.exp(-sum));
    }
    return out;
  };
  return { name: "plain typed arrays", one: all, batch: all };
}

function peer(name: string, runtime: OnnxRuntime, session: Session, rows: Float64Array): Way {
  const single = Float32Array.from(rows);
  const tensors = (size: number) =>
    Array.from({ length: ROWS / size }, (_, i) => ({
      X: new runtime.Tensor("float32", single.subarray(i * size * FEATURES, (i + 1) * size * FEATURES), [
        size,
        FEATURES,
      ]),
    }));
  const score = async (feeds: ReturnType<typeof tensors>, size: number): Promise<Float64Array> => {
    const out = new Float64Array(ROWS);
    for (const [i, feed] of feeds.entries()) {
      const { data } = (await session.run(feed, ["probabilities"])).probabilities!;
      for (let row = 0; row < size; row++) out[i * size + row] = data[2 * row + 1]!;
    }
    return out;
  };
  const [ones, batches] = [tensors(1), tensors(BATCH)];
  return { name, one: () => score(ones, 1), batch: () => score(batches, BATCH) };
}

/** Interleaved: each round gives every way some time, in turn, first one row at a time and then in batches. */
export async function raceTrees(
  ways: Way[],
  rounds: number,
  secondsEach: number,
  step: () => void,
): Promise<TreesResult> {
  const maxDifference = await compare(ways);
  const result: TreesResult = { one: {}, batch: {}, maxDifference };
  for (let round = 0; round < rounds; round++)
    for (const way of round % 2 ? ways.toReversed() : ways)
      for (const kind of ["one", "batch"] as const) {
        result[kind][way.name] ??= [];
        result[kind][way.name]!.push(await microseconds(() => way[kind](), secondsEach));
        step();
      }
  return result;
}

/** All say the same of every row, before anything is measured; it warms them, too. */
async function compare(ways: Way[]): Promise<number> {
  const answers = await Promise.all(ways.flatMap((way) => [way.one(), way.batch()]));
  const lists = answers.map((list) => Array.from(list));
  const reference = lists[0]!;
  const difference = Math.max(...lists.flatMap((list) => list.map((value, row) => Math.abs(value - reference[row]!))));
  if (!(difference <= MAX_DIFFERENCE)) throw new Error(`the predictions are ${difference} apart`);
  return difference;
}

/** Of a row, over as many passes as fit into the time. */
export async function microseconds(pass: () => Promise<unknown>, seconds: number): Promise<number> {
  const from = performance.now();
  let passes = 0;
  let now = from;
  for (; now < from + seconds * 1000; now = performance.now()) {
    await pass();
    passes += 1;
  }
  return ((now - from) * 1000) / (passes * ROWS);
}
