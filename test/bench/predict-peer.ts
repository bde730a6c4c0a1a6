/** onnxruntime-node (288 MB): no dependency of the project, so it is looked for beside it, and fetched once when nobody has it. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

export interface Tensor {
  data: ArrayLike<number>;
}

export interface Session {
  run(feeds: Record<string, Tensor>, outputs?: string[]): Promise<Record<string, Tensor>>;
}

export interface OnnxRuntime {
  InferenceSession: { create(file: Uint8Array, options?: object): Promise<Session> };
  Tensor: new (type: "float32", data: Float32Array, dims: number[]) => Tensor;
}

const PEER = "onnxruntime-node@1.30.0";
const project = join(import.meta.dirname, "../..");
const cache = join(project, ".cartwake/bench-peers");

/** `BENCH_PEERS`: a folder whose `node_modules` has it; else the project's own, else the one where it was fetched to. */
function load(): OnnxRuntime | null {
  for (const folder of [process.env.BENCH_PEERS, project, cache]) {
    if (!folder) continue;
    try {
      return createRequire(join(resolve(folder), "package.json"))("onnxruntime-node") as OnnxRuntime;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND")) throw error;
    }
  }
  return null;
}

export function onnxRuntime(): OnnxRuntime {
  const found = load();
  if (found) return found;
  process.stderr.write(`bench: fetching ${PEER} into ${cache} (288 MB, once)\n`);
  mkdirSync(cache, { recursive: true });
  // its script would only fetch what needs a graphics card
  const options = ["--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--prefix", cache];
  const npm = spawnSync("npm", ["install", ...options, PEER], { stdio: ["ignore", "ignore", "inherit"] });
  const fetched = npm.status === 0 ? load() : null;
  if (!fetched) throw new Error(`\`npm install ${PEER}\` failed; put it into a folder and name that in BENCH_PEERS`);
  return fetched;
}
