/** Writes an ONNX file of one `TreeEnsembleClassifier`: protobuf by hand, as far as these files need it. */

const varint = (value: number): Uint8Array => {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
};
const join = (parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const bytes = (field: number, value: Uint8Array): Uint8Array =>
  join([varint(field * 8 + 2), varint(value.length), value]);
const message = (field: number, parts: Uint8Array[]): Uint8Array => bytes(field, join(parts));
const text = (field: number, value: string): Uint8Array => bytes(field, new TextEncoder().encode(value));
const integer = (field: number, value: number): Uint8Array => join([varint(field * 8), varint(value)]);
const littleEndian = (values: Float32Array | Float64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** A tensor of 64-bit numbers; 32-bit ones are plain attributes. */
export interface Doubles {
  doubles: number[];
}

/** Lists of integers, of floats (`{ floats }`), of 64-bit floats, of texts, or one text. */
export type Attributes = Record<string, number[] | { floats: number[] } | Doubles | string[] | string>;

const FLOAT = 1;
const DOUBLE = 11;

function attribute(name: string, value: Attributes[string]): Uint8Array {
  if (typeof value === "string") return message(5, [text(1, name), text(4, value), integer(20, 3)]);
  if ("floats" in value)
    return message(5, [text(1, name), bytes(7, littleEndian(Float32Array.from(value.floats))), integer(20, 6)]);
  if ("doubles" in value) {
    const content = bytes(9, littleEndian(Float64Array.from(value.doubles)));
    const tensor = [integer(1, value.doubles.length), integer(2, DOUBLE), content];
    return message(5, [text(1, name), message(5, tensor), integer(20, 4)]);
  }
  if (typeof value[0] === "string")
    return message(5, [text(1, name), ...value.map((item) => text(9, `${item}`)), integer(20, 8)]);
  return message(5, [text(1, name), message(8, (value as number[]).map(varint)), integer(20, 7)]);
}

function tensor(field: number, name: string, type: number, columns: number[]): Uint8Array {
  const rows = message(1, [text(2, "N")]);
  const shape = message(2, [rows, ...columns.map((size) => message(1, [integer(1, size)]))]);
  return message(field, [text(1, name), message(2, [message(1, [integer(1, type), shape])])]);
}

export interface OnnxNode {
  type: string;
  inputs: string[];
  outputs: string[];
}

/** `before` and `after`: nodes around the trees, which take `trees_in` and give `label` and `probabilities`. */
export function onnxFile(
  attributes: Attributes,
  {
    columns,
    before = [],
    after = [],
    type = "TreeEnsembleClassifier",
  }: {
    columns: number;
    before?: OnnxNode[];
    after?: OnnxNode[];
    type?: string;
  },
): Uint8Array {
  const double = "nodes_values_as_tensor" in attributes;
  const node = (of: OnnxNode, parts: Uint8Array[] = []): Uint8Array =>
    message(1, [
      ...of.inputs.map((name) => text(1, name)),
      ...of.outputs.map((name) => text(2, name)),
      text(4, of.type),
      ...parts,
      text(7, "ai.onnx.ml"),
    ]);
  const trees = { type, inputs: [before.length > 0 ? "trees_in" : "X"], outputs: ["label", "probabilities"] };
  const graph = message(7, [
    ...before.map((each) => node(each)),
    node(
      trees,
      Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    ),
    ...after.map((each) => node(each)),
    text(2, "trees"),
    tensor(11, "X", double ? DOUBLE : FLOAT, [columns]),
    tensor(12, "label", 7, []),
    tensor(12, "probabilities", FLOAT, [2]),
  ]);
  const operators = (domain: string, version: number): Uint8Array => message(8, [text(1, domain), integer(2, version)]);
  return join([integer(1, 8), graph, operators("", 15), operators("ai.onnx.ml", double ? 3 : 1)]);
}
