/** The fixtures in models/: files of other libraries, the rows that they were asked, and their answers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Attributes } from "./onnx.ts";

const folder = join(import.meta.dirname, "models");

export const modelFile = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
export const modelText = (name: string): string => readFileSync(join(folder, name), "utf8");

export interface Predictions {
  rows: number[][];
  /** Probabilities by the library that made the file. */
  library?: number[];
  /** Probabilities by onnxruntime-node. */
  runtime?: number[];
}

export function predictionsOf(name: string): Predictions {
  const { rows, ...answers } = JSON.parse(modelText(`${name}.predictions.json`)) as Predictions & {
    rows: (number | null)[][];
  };
  return { rows: rows.map((row) => row.map((value) => value ?? Number.NaN)), ...answers };
}

/** One tree of one split, `x0 <= 0.5`, with −0.3 and 0.4 for the log-odds of the second class. */
export const STUMP: Attributes = {
  nodes_nodeids: [0, 1, 2],
  nodes_treeids: [0, 0, 0],
  nodes_featureids: [0, 0, 0],
  nodes_truenodeids: [1, 0, 0],
  nodes_falsenodeids: [2, 0, 0],
  nodes_values: { floats: [0.5, 0, 0] },
  nodes_modes: ["BRANCH_LEQ", "LEAF", "LEAF"],
  nodes_missing_value_tracks_true: [1, 0, 0],
  classlabels_int64s: [0, 1],
  class_ids: [0, 0],
  class_nodeids: [1, 2],
  class_treeids: [0, 0],
  class_weights: { floats: [-0.3, 0.4] },
  post_transform: "LOGISTIC",
};
