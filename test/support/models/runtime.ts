/** Adds to the predictions of each ONNX fixture what onnxruntime-node answers. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onnxRuntime } from "../../bench/predict-peer.ts";

const runtime = onnxRuntime();
for (const name of readdirSync(import.meta.dirname).filter((name) => name.endsWith(".onnx"))) {
  const path = join(import.meta.dirname, name.replace(".onnx", ".predictions.json"));
  if (name.startsWith("onnx-refused")) continue;
  const { rows, library } = JSON.parse(readFileSync(path, "utf8")) as { rows: (number | null)[][]; library: number[] };
  const session = await runtime.InferenceSession.create(readFileSync(join(import.meta.dirname, name)));
  const values = Float32Array.from(rows.flat(), (value) => value ?? Number.NaN);
  const { probabilities } = await session.run({ X: new runtime.Tensor("float32", values, [rows.length, rows[0]!.length]) });
  const second = rows.map((_, row) => probabilities!.data[2 * row + 1]!);
  writeFileSync(path, `${JSON.stringify({ rows, library, runtime: second })}\n`);
}
