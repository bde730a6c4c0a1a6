/**
 * `node test/support/training-memory.ts ROWS`: the steps of a training run in this process, one after another, and what V8 held
 * at most in each: the JavaScript heap and what lies behind ArrayBuffers, garbage that is not yet collected counted in. workerd
 * bounds neither here; the platform gives an isolate 128 MB. Another thread asks the inspector, which answers while a step
 * computes. The last line on stdout is `[{ step, heapMB, buffersMB, peakMB, cpuMs, samples }, …]`.
 *
 * D1 is SQLite with the same tables, its answers sent through JSON text as D1 sends them; R2 is a folder. Neither keeps anything
 * in V8.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { Session } from "node:inspector/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import * as z from "zod";
import { DAY_MS } from "../../shared/time.ts";
import type { Env } from "../../workers/env.ts";
import { MAX_ROWS, type PageRead, type Plan, partRows, readPage } from "../../workers/training/collect.ts";
import { evaluate } from "../../workers/training/evaluate.ts";
import { finishFit, fitPiece, MAX_PIECES } from "../../workers/training/fit.ts";
import { insertExamples } from "./examples.ts";

const MIGRATIONS = join(import.meta.dirname, "../../migrations");
const RUN = { storeId: "st_memory", runId: "run_00000000000000000001" };
const SAMPLE_MS = 5;
/** What the watching thread writes: the highest sum, and its parts then, and how often it has looked. */
const PEAK = { sum: 0, heap: 1, buffers: 2, samples: 3 } as const;

interface StepMemory {
  step: string;
  heapMB: number;
  buffersMB: number;
  peakMB: number;
  cpuMs: number;
  samples: number;
}

/** As much of D1 as training asks of it. */
function d1(path: string) {
  const db = new DatabaseSync(path);
  for (const file of readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql")))
    db.exec(readFileSync(join(MIGRATIONS, file), "utf8"));
  const asSent = <T>(rows: unknown): T => JSON.parse(JSON.stringify(rows)) as T;
  return {
    prepare: (sql: string) => ({
      bind(...values: unknown[]) {
        const statement = db.prepare(sql);
        const bound = Object.fromEntries(values.map((value, i) => [`?${i + 1}`, value as SQLInputValue]));
        const given = /\?\d/.test(sql) ? [bound] : (values as SQLInputValue[]);
        return {
          run: async () => ({ meta: { changes: Number(statement.run(...(given as [])).changes) } }),
          all: async () => asSent({ results: statement.all(...(given as [])) }),
          first: async () => asSent(statement.get(...(given as [])) ?? null),
        };
      },
    }),
  };
}

/** As much of R2. */
function r2(folder: string) {
  const pathOf = (key: string): string => join(folder, key);
  return {
    async put(key: string, bytes: Uint8Array) {
      mkdirSync(dirname(pathOf(key)), { recursive: true });
      writeFileSync(pathOf(key), bytes);
    },
    async get(key: string) {
      if (!existsSync(pathOf(key))) return null;
      return { arrayBuffer: async () => wholeOf(pathOf(key)) };
    },
    delete: async (key: string) => rmSync(pathOf(key), { force: true }),
  };
}

/** Not `readFileSync`, whose buffer would have to be copied. */
function wholeOf(path: string): ArrayBuffer {
  const bytes = new Uint8Array(statSync(path).size);
  const file = openSync(path, "r");
  try {
    for (let at = 0; at < bytes.length; ) at += readSync(file, bytes, { offset: at });
  } finally {
    closeSync(file);
  }
  return bytes.buffer;
}

const usage = z.object({ usedSize: z.number(), backingStorageSize: z.number() });

/** The watching thread. */
async function watch(peak: Float64Array): Promise<never> {
  const session = new Session();
  session.connectToMainThread();
  // An unanswered question alone does not keep a thread alive.
  setInterval(() => {}, 1_000);
  for (;;) {
    const used = usage.parse(await session.post("Runtime.getHeapUsage"));
    const sum = used.usedSize + used.backingStorageSize;
    peak[PEAK.samples]!++;
    if (sum > peak[PEAK.sum]!) peak.set([sum, used.usedSize, used.backingStorageSize]);
    await new Promise((done) => setTimeout(done, SAMPLE_MS));
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;

async function steps(rows: number, folder: string, peak: Float64Array): Promise<StepMemory[]> {
  const db = d1(join(folder, "d1.sqlite"));
  const env = { DB: db, ARTEFACTS: r2(folder) } as unknown as Env;
  const now = Date.now();
  const { storeId } = RUN;
  const carts = Math.ceil(rows / 2.45);
  await insertExamples(db, { storeId, carts, seed: 1, from: now - 90 * DAY_MS, to: now - 32 * DAY_MS });
  const query = { closedAfter: 0, closedUntil: now, atAfter: 0, atUntil: now, share: 1000 };
  const plan: Plan = { query, servedUntil: null, production: null };
  const said: StepMemory[] = [];
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    global.gc?.();
    peak.fill(0);
    const cpu = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(cpu);
    // One more look, of what a short step leaves.
    const before = peak[PEAK.samples]!;
    while (peak[PEAK.samples]! < before + 2) await new Promise((done) => setTimeout(done, 1));
    const [sum, heap, buffers, samples] = peak as unknown as [number, number, number, number];
    said.push({
      step: name,
      heapMB: megabytes(heap),
      buffersMB: megabytes(buffers),
      peakMB: megabytes(sum),
      cpuMs: Math.round((user + system) / 1000),
      samples,
    });
    return result;
  };
  let read: PageRead = { rows: 0, oldest: 0, next: null };
  let page = 0;
  do {
    const before = read;
    read = await step(`read ${page}`, () => readPage(env, RUN, plan, page, before));
    page++;
  } while (read.next);
  const parts = await step("part", () => partRows(env, RUN, plan, page, 0));
  if (typeof parts === "string") throw new Error(parts);
  console.error(`${read.rows} of at most ${MAX_ROWS} rows read, ${parts.train} to fit on, ${parts.test} to test on`);
  let piece = 0;
  while ((await step(`fit ${piece}`, () => fitPiece(env, RUN, piece, 1))).more && piece < MAX_PIECES) piece++;
  await step("finish", () => finishFit(env, RUN, "model_1", piece));
  await step("evaluate", () => evaluate(env, RUN, "model_1", plan, 1));
  return said;
}

if (isMainThread) {
  const folder = mkdtempSync(join(tmpdir(), "cartwake-memory-"));
  const peak = new Float64Array(new SharedArrayBuffer(4 * 8));
  const watcher = new Worker(import.meta.filename, { workerData: peak });
  watcher.once("error", (error) => {
    console.error(error);
    process.exit(1);
  });
  try {
    const said = await steps(Number(process.argv[2]), folder, peak);
    process.stdout.write(`${JSON.stringify(said)}\n`);
  } finally {
    await watcher.terminate();
    rmSync(folder, { recursive: true, force: true });
  }
} else await watch(workerData as Float64Array);
