/** Models trained elsewhere. */
import { AppError } from "../../errors.ts";
import { no, ok, type Result } from "../../result.ts";
import { checkModel } from "../check.ts";
import { decodeModel, isEncodedModel, MAX_MODEL_BYTES } from "../codec.ts";
import { type Forest, MODEL_FORMAT, type Model } from "../model.ts";
import { MAX_FEATURES } from "../walk.ts";
import { ImportError } from "./grow.ts";
import { importLightgbm } from "./lightgbm.ts";
import { importOnnx } from "./onnx.ts";
import { importXgboost } from "./xgboost.ts";

export const IMPORT_FORMATS = ["xgboost", "lightgbm", "onnx", "cartwake"] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** What a file tells: log-odds = base + forestWeight · Σ leaves, and p = 1 / (1 + exp(−log-odds)). */
export interface Imported {
  forest: Forest;
  base: number;
  forestWeight: number;
  /** Columns of the vectors that it takes; `null` when the file does not say. */
  width: number | null;
  names: string[] | null;
}

export interface ImportOptions {
  /** Told from the file's first bytes when not given. */
  format?: ImportFormat;
  /** Names of the columns, in the order it was trained with; else the file's own, else `f0`, `f1`, … */
  features?: readonly string[];
}

/**
 * A model from a file of any origin: XGBoost's JSON, LightGBM's text, an ONNX `TreeEnsembleClassifier`, or one of ours. What
 * cannot be told exactly as a sum of log-odds is refused; the reason is a sentence for whoever sent it.
 */
export function importModel(bytes: Uint8Array, options: ImportOptions = {}): Result<Model> {
  if (bytes.length > MAX_MODEL_BYTES) return no(`the file has more than ${MAX_MODEL_BYTES} bytes`);
  try {
    const format = options.format ?? formatOf(bytes);
    const model = format === "cartwake" ? renamed(decodeModel(bytes), options.features) : read(format, bytes, options);
    const reason = checkModel(model);
    return reason ? no(reason) : ok(model);
  } catch (error) {
    if (error instanceof ImportError) return no(error.message);
    if (error instanceof AppError) return no(error.detail);
    throw error;
  }
}

function formatOf(bytes: Uint8Array): ImportFormat {
  if (isEncodedModel(bytes)) return "cartwake";
  const start = String.fromCharCode(...bytes.subarray(0, 64)).trimStart();
  if (start.startsWith("{")) return "xgboost";
  return start.startsWith("tree\n") || start.startsWith("tree\r\n") ? "lightgbm" : "onnx";
}

const READERS = { xgboost: importXgboost, lightgbm: importLightgbm, onnx: importOnnx };

function read(format: keyof typeof READERS, bytes: Uint8Array, { features }: ImportOptions): Model {
  const { forest, base, forestWeight, width, names } = READERS[format](bytes);
  if (forest.roots.length === 0) throw new ImportError("it has no tree");
  const columns = width ?? features?.length ?? 1 + forest.feature.reduce((most, feature) => Math.max(most, feature), 0);
  if (columns > MAX_FEATURES) throw new ImportError(`it takes more than ${MAX_FEATURES} features`);
  return renamed(
    {
      format: MODEL_FORMAT,
      algorithm: "trees",
      features: names ?? Array.from({ length: columns }, (_, column) => `f${column}`),
      base,
      forest,
      forestWeight,
      linear: null,
      linearWeight: 0,
      calibration: { kind: "none" },
    },
    features,
  );
}

function renamed(model: Model, features: readonly string[] | undefined): Model {
  if (!features) return model;
  if (features.length !== model.features.length)
    throw new ImportError(`it takes ${model.features.length} features, and ${features.length} names are given`);
  return { ...model, features: [...features] };
}
