/**
 * A model as bytes, what the registry keeps: `CWM1`, the length of the header (32 bits), the header as JSON, then of the
 * forest the roots, features, thresholds, children, missing directions and values, each as little-endian numbers, which
 * is how every machine that runs Workers holds them. Equal models give equal bytes.
 */
import * as z from "zod";
import { AppError } from "../errors.ts";
import { checkModel, MAX_FOREST_NODES, MAX_POINTS, MAX_TREES } from "./check.ts";
import { type Forest, MODEL_FORMAT, type Model } from "./model.ts";
import { MAX_FEATURES } from "./walk.ts";

export const MAX_MODEL_BYTES = 16 * 1024 * 1024;

const MAGIC = "CWM1";
const PREFIX_BYTES = 8;
const BYTES_A_ROOT = 4;
/** threshold 8, value 8, left 4, right 4, feature 2, missing 1 */
const BYTES_A_NODE = 27;

/** Looked at as a whole: a schema of its elements would collect an issue of each of a million wrong ones. */
const numbers = z.custom<number[]>(
  (list) => Array.isArray(list) && list.length <= MAX_POINTS && list.every((value) => typeof value === "number"),
);
const texts = z.custom<string[]>(
  (list) => Array.isArray(list) && list.length <= MAX_FEATURES && list.every((value) => typeof value === "string"),
);
const header = z.strictObject({
  format: z.literal(MODEL_FORMAT),
  algorithm: z.enum(["trees", "logistic", "blend"]),
  features: texts,
  base: z.number(),
  forest: z
    .strictObject({
      trees: z.number().int().min(0).max(MAX_TREES),
      nodes: z.number().int().min(0).max(MAX_FOREST_NODES),
      single: z.boolean(),
    })
    .nullable(),
  forestWeight: z.number(),
  linear: z.strictObject({ intercept: z.number(), weight: numbers, mean: numbers, scale: numbers }).nullable(),
  linearWeight: z.number(),
  calibration: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("none") }),
    z.strictObject({ kind: z.literal("platt"), a: z.number(), b: z.number() }),
    z.strictObject({ kind: z.literal("isotonic"), score: numbers, logit: numbers }),
  ]),
});
type Header = z.infer<typeof header>;

/** A model that is not sound is a `RangeError`: nobody could read it back. */
export function encodeModel(model: Model): Uint8Array {
  const reason = checkModel(model);
  if (reason) throw new RangeError(`the model cannot be kept: ${reason}`);
  const { forest } = model;
  // zod builds the object in the order of the schema, so the text does not hang on how the model was put together
  const head = new TextEncoder().encode(
    JSON.stringify(
      header.parse({
        ...model,
        forest: forest && { trees: forest.roots.length, nodes: forest.feature.length, single: forest.single },
      }),
    ),
  );
  const bytes = new Uint8Array(PREFIX_BYTES + head.length + forestBytes(forest?.roots.length, forest?.feature.length));
  bytes.set(new TextEncoder().encode(MAGIC));
  new DataView(bytes.buffer).setUint32(4, head.length, true);
  bytes.set(head, PREFIX_BYTES);
  if (forest) writeForest(bytes, PREFIX_BYTES + head.length, forest);
  return bytes;
}

/** Bytes of any origin; `VALIDATION_ERROR` when they are no sound model. */
export function decodeModel(bytes: Uint8Array): Model {
  const { head, at } = readHeader(bytes);
  const expected = at + forestBytes(head.forest?.trees, head.forest?.nodes);
  if (bytes.length !== expected) throw unsound(`it has ${bytes.length} bytes where its header says ${expected}`);
  const model: Model = { ...head, forest: head.forest && readForest(bytes, at, head.forest) };
  const reason = checkModel(model);
  if (reason) throw unsound(reason);
  return model;
}

export const isEncodedModel = (bytes: Uint8Array): boolean =>
  bytes.length >= PREFIX_BYTES && String.fromCharCode(...bytes.subarray(0, 4)) === MAGIC;

const unsound = (reason: string): AppError => new AppError("VALIDATION_ERROR", `The model cannot be read: ${reason}.`);

const forestBytes = (trees = 0, nodes = 0): number => trees * BYTES_A_ROOT + nodes * BYTES_A_NODE;

function readHeader(bytes: Uint8Array): { head: Header; at: number } {
  if (bytes.length > MAX_MODEL_BYTES) throw unsound(`it has more than ${MAX_MODEL_BYTES} bytes`);
  if (!isEncodedModel(bytes)) throw unsound("it does not begin as a model does");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  const at = PREFIX_BYTES + length;
  if (at > bytes.length) throw unsound("its header is cut off");
  let json: unknown;
  try {
    json = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(PREFIX_BYTES, at)),
    );
  } catch {
    throw unsound("its header is not JSON");
  }
  const parsed = header.safeParse(json);
  if (!parsed.success)
    throw unsound(`its header has a wrong field, ${parsed.error.issues[0]!.path.join(".") || "all"}`);
  return { head: parsed.data, at };
}

/** What a leaf does not use is written as nothing, so that equal models give equal bytes. */
function writeForest(bytes: Uint8Array, at: number, forest: Forest): void {
  const used = (list: number[], unused: number): number[] =>
    list.map((value, node) => (forest.feature[node]! < 0 ? unused : value));
  for (const part of [
    Int32Array.from(forest.roots),
    Int16Array.from(forest.feature),
    Float64Array.from(used(forest.threshold, 0)),
    Int32Array.from(used(forest.left, -1)),
    Int32Array.from(used(forest.right, -1)),
    Uint8Array.from(used(forest.missing, 0)),
    Float64Array.from(forest.value),
  ]) {
    bytes.set(new Uint8Array(part.buffer), at);
    at += part.byteLength;
  }
}

function readForest(bytes: Uint8Array, at: number, { trees, nodes, single }: NonNullable<Header["forest"]>): Forest {
  /** Copied: numbers begin where their size does not divide. */
  const take = (size: number): ArrayBuffer => {
    const part = new Uint8Array(bytes.subarray(at, at + size));
    at += size;
    return part.buffer;
  };
  return {
    roots: Array.from(new Int32Array(take(4 * trees))),
    feature: Array.from(new Int16Array(take(2 * nodes))),
    threshold: Array.from(new Float64Array(take(8 * nodes))),
    left: Array.from(new Int32Array(take(4 * nodes))),
    right: Array.from(new Int32Array(take(4 * nodes))),
    missing: Array.from(new Uint8Array(take(nodes))),
    value: Array.from(new Float64Array(take(8 * nodes))),
    single,
  };
}
