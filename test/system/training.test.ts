/**
 * Training in the built Worker: how much a step computes and how large the runtime grows, and that a run whose process was
 * killed goes on and makes the same model. `npm run test:training` fits 50,000 rows, and measures what each step holds in memory;
 * `npm test` fits some 2,000.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { FEATURE_NAMES } from "../../shared/model/features.ts";
import type { ModelView, TrainingRunView } from "../../shared/model/views.ts";
import { cpuOf, rssOf, runtimeOf } from "../bench/processes.ts";
import { insertExamples } from "../support/examples.ts";
import { Merchant, until } from "../support/merchant.ts";
import { withDatabase } from "../support/state-database.ts";
import { type System, startSystem } from "../support/system.ts";

/** That are fitted on, at least. */
const ROWS = Number(process.env.CARTWAKE_TRAINING_ROWS ?? 2_000);
const IS_LONG = ROWS >= 20_000;
const DAY_MS = 86_400_000;
/** Seven tenths of what is collected are fitted on: the newest rows are the test, and no shopper is in both. */
const COLLECTED = Math.ceil(ROWS / 0.68);
/** Carts of the made-up shop have two and a half rows each, on average. */
const CARTS = Math.ceil(COLLECTED / 2.45);
/** What a step may compute in production (30 s), and by how much more another machine may be slower. */
const STEP_CPU_MS = 15_000;
/** What the platform gives an isolate. */
const ISOLATE_MB = 128;
/** V8 grows its heap as far as it may before it collects: here it may as far as there is room beside the ArrayBuffers. */
const HEAP = ["--max-old-space-size=40", "--max-semi-space-size=2", "--expose-gc"];
const stepsMemory = z.array(z.looseObject({ step: z.string(), peakMB: z.number() }));
const RUN = "run_00000000000000000001";

let folder: string;
let merchant: Merchant;
let system: System | null = null;

/** A store with examples, and a run of it that nobody has begun: its row is there, its workflow is not. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cartwake-training-"));
  const state = join(folder, "first");
  const started = await startSystem({ state });
  merchant = await Merchant.register(started.url);
  // It outlives access tokens, and the server.
  const scopes = ["models:write", "analytics:read"];
  merchant.credential = (await merchant.call<{ key: string }>("POST", "/v1/api-keys", { scopes })).body.key;
  await started.stop();
  const now = Date.now();
  const { storeId } = merchant.account;
  await withDatabase(state, async (db) => {
    await insertExamples(db, { storeId, carts: CARTS, seed: 1, from: now - 90 * DAY_MS, to: now - 32 * DAY_MS });
    await db
      .prepare(
        "INSERT INTO training_runs (store_id, id, trigger, status, step, started_at, updated_at) VALUES (?, ?, 'hand', 'running', 'collect', ?, 0)",
      )
      .bind(storeId, RUN, now)
      .run();
  });
  cpSync(state, join(folder, "second"), { recursive: true });
}, 300_000);
afterAll(async () => {
  await system?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Who asks for a run while there is one is refused, and wakes that one if it is silent. */
async function ask(): Promise<void> {
  const asked = await merchant.call("POST", "/v1/models/train");
  expect(asked.status, asked.text).toBe(409);
}

interface StepLine {
  step: string;
  ms: number;
}

const stepsIn = (logs: string): StepLine[] =>
  [...logs.matchAll(/"event":"training_step".*?"step":"([^"]+)","ms":(\d+)/g)].map(([, step, ms]) => ({
    step: step!,
    ms: Number(ms),
  }));

async function begin(name: string): Promise<System> {
  const started = await startSystem({ state: join(folder, name) });
  merchant = Object.assign(new Merchant(started.url, merchant.account), { credential: merchant.credential });
  return started;
}

/** Until there is a model, whatever the gates say of it; and its file. */
async function untilMade(): Promise<{ model: ModelView; artefact: Uint8Array }> {
  const run = await until(
    "the model is registered",
    async () => {
      const seen = await merchant.get<TrainingRunView>(`/v1/models/runs/${RUN}`);
      return (seen.status === "waiting" || seen.endedAt !== null) && seen;
    },
    { within: 300_000, every: 200 },
  );
  if (run.version === null) throw new Error(`no model: ${run.status}, ${run.reason}`);
  const model = await merchant.get<ModelView>(`/v1/models/${run.version}`);
  const file = await fetch(`${merchant.url}/v1/models/${run.version}/artefact`, {
    headers: { authorization: `Bearer ${merchant.credential}` },
  });
  expect(file.status).toBe(200);
  return { model, artefact: new Uint8Array(await file.arrayBuffer()) };
}

describe(`training on ${ROWS} rows of ${FEATURE_NAMES.length} features`, () => {
  let whole: Uint8Array;

  test("each step computes for less than a Worker may", { timeout: 600_000 }, async () => {
    system = await begin("first");
    await merchant.get("/v1/models");
    const runtime = runtimeOf(system.pid());
    const before = { cpu: cpuOf(runtime), rss: rssOf(runtime) };
    let seen = 0;
    let cpu = before.cpu;
    let peak = before.rss;
    const rows: { step: string; "wall ms": number; "cpu ms": number; "rss MB": number }[] = [];
    const watch = setInterval(() => {
      const [cpuNow, rss] = [cpuOf(runtime), rssOf(runtime)];
      peak = Math.max(peak, rss);
      const steps = stepsIn(system!.logs());
      for (const { step, ms } of steps.slice(seen))
        rows.push({
          step,
          "wall ms": ms,
          "cpu ms": Math.round((cpuNow - cpu) / (steps.length - seen)),
          "rss MB": Math.round(rss / 2 ** 20),
        });
      if (steps.length > seen) cpu = cpuNow;
      seen = steps.length;
    }, 20);
    await ask();
    const { model, artefact } = await untilMade();
    clearInterval(watch);
    whole = artefact;
    console.table(rows);
    console.log(
      `training: ${model.examples} rows fitted, ${model.metrics!.rows} tested, ${model.trees} trees, ${model.bytes} bytes; ` +
        `${Math.round(cpuOf(runtime) - before.cpu)} ms of CPU in all, the runtime grew from ${Math.round(before.rss / 2 ** 20)} to ${Math.round(peak / 2 ** 20)} MB`,
    );
    expect(model).toMatchObject({ kind: "trained", stage: expect.stringMatching(/^(shadow|rejected)$/) });
    expect(model.examples).toBeGreaterThanOrEqual(ROWS);
    expect(model.metrics!.logLoss.value).toBeLessThan(model.baseline!.logLoss.value);
    for (const row of rows) expect(row["cpu ms"], row.step).toBeLessThan(STEP_CPU_MS);
    await system.stop();
  });

  if (IS_LONG)
    test("each step holds less than an isolate may", { timeout: 900_000 }, () => {
      const script = resolve(import.meta.dirname, "../support/training-memory.ts");
      const args = [...HEAP, script, String(COLLECTED)];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      expect(status, stderr).toBe(0);
      const steps = stepsMemory.parse(JSON.parse(stdout.trim().split("\n").at(-1)!));
      console.log(`memory: ${stderr.trim()}`);
      console.table(steps);
      expect(steps.map(({ step }) => step)).toEqual(expect.arrayContaining(["read 0", "part", "fit 0", "finish"]));
      for (const { step, peakMB } of steps) expect(peakMB, step).toBeLessThan(ISOLATE_MB);
    });

  test("a run that was killed goes on after its last step and makes the same model, byte for byte", {
    timeout: 600_000,
  }, async () => {
    system = await begin("second");
    await ask();
    await until("a piece is fitted", async () => stepsIn(system!.logs()).some(({ step }) => step === "fit 1"), {
      within: 300_000,
      every: 50,
    });
    await system.kill9();
    const done = stepsIn(system.logs()).map(({ step }) => step);
    expect(done).not.toContain("finish");
    await system.restart();
    const halfway = await merchant.get<TrainingRunView>(`/v1/models/runs/${RUN}`);
    expect(halfway).toMatchObject({ status: "running", step: "train" });
    // The cron wakes it, which runs soon after the start: by then the run has been silent for half a minute.
    await until(
      "it goes on",
      async () => system!.logs().includes('"event":"training_woken"') && stepsIn(system!.logs()).length > done.length,
      { within: 120_000, every: 500 },
    );
    const { artefact } = await untilMade();
    const steps = stepsIn(system.logs()).map(({ step }) => step);
    expect(steps.filter((step) => step === "fit 0")).toHaveLength(1);
    // The step that was killed may have been done all but for the word of it.
    expect(steps.length - new Set(steps).size).toBeLessThanOrEqual(1);
    expect(Buffer.from(artefact).equals(Buffer.from(whole))).toBe(true);
  });
});
