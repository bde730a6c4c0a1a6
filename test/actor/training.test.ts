/**
 * Training runs on the real workflow engine, D1 and R2; only the sleeps between looks are skipped. A killed process is the
 * system test's.
 */
import { applyD1Migrations, type D1Migration, introspectWorkflowInstance } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { storeStub } from "../../objects/stubs.ts";
import { modelRow } from "../../shared/db/models.ts";
import { beginRun, endRun, lastRun, latestDrift, type RunRow, runRow } from "../../shared/db/training.ts";
import { artefactKey } from "../../shared/model/rollout.ts";
import type { ModelMetrics } from "../../shared/model/views.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { runSchedule } from "../../workers/jobs/cron.ts";
import { watchDrift } from "../../workers/training/drift.ts";
import { putFile, sweepRuns } from "../../workers/training/files.ts";
import { move } from "../../workers/training/models.ts";
import { runTrainingSchedule } from "../../workers/training/schedule.ts";
import { startTraining } from "../../workers/training/start.ts";
import { type ExampleOptions, insertExamples } from "../support/examples.ts";
import { env, newStore, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));

const CARTS = 1000;
const now = (): number => Date.now();
/** Old enough that every outcome is known. */
const past = () => ({ from: now() - 100 * DAY_MS, to: now() - 31 * DAY_MS });
/** Carts that will have closed by the time that a run looks. */
const later = () => ({ from: now() + HOUR_MS, to: now() + 2 * HOUR_MS });

async function storeWith(...examples: Omit<ExampleOptions, "storeId">[]): Promise<string> {
  const { id } = await newStore();
  for (const [i, given] of examples.entries())
    await insertExamples(env.DB, { storeId: id, prefix: `p${i}-`, ...given });
  return id;
}

type Introspector = Awaited<ReturnType<typeof introspectWorkflowInstance>>;
type Modifier = Parameters<Parameters<Introspector["modify"]>[0]>[0];

let last: Introspector | null = null;
afterEach(async () => {
  await last?.dispose();
  last = null;
});

/** The arms of a canary hang on its run's name: the same names give the same tests. */
let runs = 0;
const nextRun = (): string => `run_test${++runs}`;

const untilRun = (storeId: string, runId: string, status: string) =>
  vi.waitFor(async () => expect((await runRow(env.DB, storeId, runId))?.status).toBe(status), {
    timeout: 60_000,
    interval: 100,
  });

/** One run to its end, or with `sleeps` to its first. `instance` names it for the engine; the model hangs on `runId` alone. */
async function train(
  storeId: string,
  {
    runId = nextRun(),
    instance = runId,
    sleeps = false,
    change,
  }: { runId?: string; instance?: string; sleeps?: boolean; change?: (m: Modifier) => Promise<void> },
) {
  expect(await beginRun(env.DB, storeId, { id: runId, trigger: "hand", now: now() })).toBe(true);
  last = await introspectWorkflowInstance(env.TRAINING, instance);
  await last.modify(async (modifier) => {
    if (!sleeps) await modifier.disableSleeps();
    await modifier.disableRetryDelays();
    await change?.(modifier);
  });
  await env.TRAINING.create({ id: instance, params: { storeId, runId, trigger: "hand" } });
  if (sleeps) await untilRun(storeId, runId, "waiting");
  else await last.waitForStatus("complete");
  const run = await runRow(env.DB, storeId, runId);
  const model = run?.version ? await modelRow(env.DB, storeId, run.version) : null;
  return { run: run!, model, serving: await storeStub(env, storeId).serving() };
}

const bytesOf = async (storeId: string, version: string): Promise<Uint8Array> =>
  new Uint8Array(await (await env.ARTEFACTS.get(artefactKey(storeId, version)))!.arrayBuffer());
const leftOf = async (storeId: string): Promise<string[]> =>
  (await env.ARTEFACTS.list({ prefix: `runs/${storeId}/` })).objects.map(({ key }) => key);
const auditOf = async (storeId: string): Promise<string[]> => {
  const rows = env.DB.prepare("SELECT action FROM audit_log WHERE store_id = ? AND actor_kind = 'system' ORDER BY at");
  return (await rows.bind(storeId).all<{ action: string }>()).results.map(({ action }) => action);
};

describe("a run", () => {
  it("makes a model that is better than the prior, tries it and promotes it; then drift is watched, and retrains", {
    timeout: 180_000,
  }, async () => {
    const storeId = await storeWith({ carts: CARTS, seed: 1, ...past() }, { carts: 2000, seed: 2, ...later() });
    const runId = nextRun();
    const { run, model, serving } = await train(storeId, { runId });
    expect(run, run.reason!).toMatchObject({ status: "promoted", step: "decide", progress: 1 });
    expect(serving).toMatchObject({ production: run.version, canary: null, shadow: null, previous: null });
    expect(model).toMatchObject({ stage: "production", kind: "trained", run_id: runId });
    const metrics = JSON.parse(model!.metrics) as ModelMetrics;
    const baseline = JSON.parse(model!.baseline) as ModelMetrics;
    expect(metrics.rows).toBe(baseline.rows);
    expect(metrics.logLoss.value).toBeLessThan(baseline.logLoss.value);
    expect(metrics.rocAuc.low).toBeGreaterThan(0.6);
    expect(model!.window_to).toBeLessThan(now() - 31 * DAY_MS);
    expect(await leftOf(storeId)).toEqual([]);
    expect(await auditOf(storeId)).toEqual(["model.shadowed", "model.canaried", "model.promoted"]);

    expect(metrics.importance!.slice(0, 3).map(({ feature }) => feature)).toContain("idleMinutes");
    expect(metrics.importance!.length).toBeGreaterThan(10);

    // Once more with the same seed in another store, through steps that fail: the same bytes.
    const other = await storeWith();
    await copyExamples(storeId, other);
    const again = await train(other, {
      runId,
      instance: unique("again"),
      sleeps: true,
      change: async (modifier) => {
        for (const name of ["part", "fit 0", "fit 1", "finish", "register"])
          await modifier.mockStepError({ name }, new Error("broken off"), 1);
      },
    });
    expect(again.run).toMatchObject({ status: "waiting", step: "shadow" });
    expect(again.serving).toMatchObject({ production: null, shadow: again.run.version });
    expect(await bytesOf(other, again.run.version!)).toEqual(await bytesOf(storeId, run.version!));
    await isOvertaken(other, again.run);

    // A week as before is no drift, one of other carts is; a run begins, and no second one.
    const week = (at: number) => ({ from: at - 6 * DAY_MS, to: at - 2 * DAY_MS, openMs: DAY_MS });
    const calm = now() + 30 * DAY_MS;
    await insertExamples(env.DB, { storeId, carts: 900, seed: 3, prefix: "calm", ...week(calm) });
    expect((await watchDrift(env, storeId, calm))!.status).toBe("stable");
    const wild = now() + 60 * DAY_MS;
    await insertExamples(env.DB, { storeId, carts: 900, seed: 4, prefix: "wild", ...week(wild) });
    await env.DB.prepare(
      `UPDATE training_examples SET moments = (
         SELECT json_group_array(json_set(value, '$.features[2]', 9, '$.features[5]', NULL)) FROM json_each(moments))
       WHERE store_id = ? AND closed_at > ?`,
    )
      .bind(storeId, wild - 7 * DAY_MS)
      .run();
    const seen = (await watchDrift(env, storeId, wild))!;
    expect(seen).toMatchObject({ status: "drifted", version: run.version });
    expect(
      seen.features
        .slice(0, 2)
        .map(({ feature }) => feature)
        .sort(),
    ).toEqual(["categories", "priceRatio"]);
    const drifted = (await lastRun(env.DB, storeId, "drift"))!;
    expect(drifted.ended_at).toBeNull();
    await watchDrift(env, storeId, wild + DAY_MS);
    expect((await lastRun(env.DB, storeId, "drift"))!.id).toBe(drifted.id);
    const told = (await latestDrift(env.DB, storeId))!;
    expect(told.history.map(({ worst }) => worst > 0.25)).toEqual([false, true, true]);
    expect(await startTraining(env, storeId, "hand")).toEqual({ ok: false, reason: "running" });
    await endRun(env.DB, storeId, drifted.id, { status: "rejected", reason: "test" }, now());
  });

  it("rolls back by itself a canary that does worse than what it was to replace", async () => {
    const turned = { carts: 1500, seed: 6, law: -1, ...later() };
    const storeId = await storeWith({ carts: CARTS, seed: 5, ...past() }, turned);
    const { run, model, serving } = await train(storeId, {
      change: (modifier) => modifier.mockStepResult({ name: "look at shadow 1" }, { pass: true, reason: "as it was" }),
    });
    expect(run, run.reason!).toMatchObject({ status: "rolled_back" });
    expect(run.reason).toMatch(/^as the canary, log loss .* worse than production's$|^the canary predicted/);
    expect(model!.stage).toBe("rejected");
    expect(serving).toMatchObject({ production: null, canary: null, shadow: null });
    expect(await auditOf(storeId)).toEqual(["model.shadowed", "model.canaried", "model.rolled_back"]);
  });

  it("ends at the first gate where nothing can be learned, and in the shadow where the shop has changed", {
    timeout: 120_000,
  }, async () => {
    const turned = { carts: 800, seed: 14, law: -1, ...later() };
    const changed = await train(await storeWith({ carts: CARTS, seed: 5, ...past() }, turned), {});
    expect(changed.run).toMatchObject({ status: "rolled_back" });
    expect(changed.run.reason).toMatch(/^in the shadow, log loss .* worse than production's$/);
    expect(changed.serving).toMatchObject({ production: null, canary: null, shadow: null });

    const noise = await storeWith({ carts: CARTS, seed: 7, law: 0, ...past() });
    const chance = await train(noise, {});
    // It beats the prior, which knows nothing of this shop either, by its base rate alone: it ranks like chance.
    expect(chance.run).toMatchObject({ status: "rejected", reason: "ranks carts no better than chance" });
    expect(chance.serving.production).toBeNull();
    expect(chance.model!.stage).toBe("rejected");
  });

  it("says how much is missing where there are too few outcomes", async () => {
    const none = await train(await storeWith(), {});
    expect(none.run).toMatchObject({ status: "too_few", version: null });
    expect(none.run.reason).toContain("500 more examples, 50 more purchases, 50 more carts that were not bought");
    // Their outcomes are not known yet: only purchases are.
    const young = await storeWith({ carts: 600, seed: 8, from: now() - 20 * DAY_MS, to: now() - 10 * DAY_MS });
    expect((await train(young, {})).run.status).toBe("too_few");
  });

  it("that fails for good says so, and leaves nothing behind", async () => {
    const storeId = await storeWith({ carts: CARTS, seed: 9, ...past() });
    const { run } = await train(storeId, {
      change: (modifier) => modifier.mockStepError({ name: "finish" }, new Error("out of order")),
    });
    expect(run).toMatchObject({ status: "failed", reason: "out of order" });
    expect(await leftOf(storeId)).toEqual([]);
    expect(await beginRun(env.DB, storeId, { id: unique("run"), trigger: "hand", now: now() })).toBe(true);
  });
});

const copyExamples = async (from: string, to: string): Promise<void> => {
  await env.DB.prepare(
    `INSERT INTO training_examples (store_id, closed_at, cart_id, incarnation, generation, shopper, moments)
     SELECT ?2, closed_at, cart_id, incarnation, generation, shopper, moments
     FROM training_examples WHERE store_id = ?1 AND closed_at < ?3`,
  )
    .bind(from, to, now())
    .run();
};

/** A run that tries its model makes way for one that is begun by hand, and what is left of it changes nothing more. */
async function isOvertaken(storeId: string, old: RunRow): Promise<void> {
  await env.DB.prepare("DELETE FROM training_examples WHERE store_id = ?").bind(storeId).run();
  expect(await startTraining(env, storeId, "schedule")).toEqual({ ok: false, reason: "running" });
  const anew = await startTraining(env, storeId, "hand");
  expect(anew.ok).toBe(true);
  const reason = "a new run was begun by hand while its model was tried";
  expect(await runRow(env.DB, storeId, old.id)).toMatchObject({ status: "rejected", reason });
  expect(await storeStub(env, storeId).serving()).toMatchObject({ production: null, shadow: null });
  expect(await modelRow(env.DB, storeId, old.version!)).toMatchObject({ stage: "rejected" });
  if (anew.ok) await untilRun(storeId, anew.value.runId, "too_few");

  const run = { storeId, runId: old.id };
  expect(await move(env, run, old.version!, { to: "shadow" }), "by hand").toBe(true);
  const late = await env.TRAINING.create({ id: unique("late"), params: { ...run, trigger: "hand" } });
  await vi.waitFor(async () => expect((await late.status()).status).toBe("complete"), { timeout: 10_000 });
  expect((await storeStub(env, storeId).serving()).shadow).toBe(old.version);
  expect(await runRow(env.DB, storeId, old.id)).toMatchObject({ status: "rejected", reason });
}

describe("the schedule", () => {
  const HOUR = Math.ceil(Date.UTC(2031, 0, 1) / HOUR_MS);

  /** Hours of a week in which a run was begun; each ends at once. */
  async function hoursWithRuns(storeId: string): Promise<number[]> {
    const hours: number[] = [];
    for (let hour = HOUR; hour < HOUR + 7 * 24; hour++) {
      await runTrainingSchedule(env, hour * HOUR_MS + MINUTE_MS);
      const run = await lastRun(env.DB, storeId, "schedule");
      if (!run || run.ended_at !== null) continue;
      hours.push(hour);
      await endRun(env.DB, storeId, run.id, { status: "rejected", reason: "test" }, hour * HOUR_MS);
      await env.DB.prepare("UPDATE training_runs SET started_at = ? WHERE id = ?")
        .bind(hour * HOUR_MS, run.id)
        .run();
    }
    return hours;
  }

  it("begins one run a week in the store's own hour, and none without new outcomes", async () => {
    const busy = await storeWith({ carts: 400, seed: 10, from: now() - 20 * DAY_MS, to: now() - 10 * DAY_MS });
    const quiet = await storeWith({ carts: 20, seed: 11, ...past() });
    for (const id of [busy, quiet])
      await env.DB.prepare(
        "INSERT INTO stores (id, name, url, currency, timezone, created_at) VALUES (?, 'Shop', 'https://shop.example', 'EUR', 'UTC', 0)",
      )
        .bind(id)
        .run();
    expect(await hoursWithRuns(busy)).toHaveLength(1);
    expect(await lastRun(env.DB, quiet, "schedule")).toBeNull();
  });

  it("takes up a run whose workflow was never created, and ends one whose workflow ended without a word", async () => {
    const storeId = await storeWith();
    const lost = unique("run");
    await beginRun(env.DB, storeId, { id: lost, trigger: "hand", now: now() - HOUR_MS });
    last = await introspectWorkflowInstance(env.TRAINING, lost);
    await runTrainingSchedule(env, now());
    await last.waitForStatus("complete");
    expect(await runRow(env.DB, storeId, lost)).toMatchObject({ status: "too_few" });

    await env.DB.prepare("UPDATE training_runs SET status = 'running', ended_at = NULL, updated_at = 0 WHERE id = ?")
      .bind(lost)
      .run();
    await runTrainingSchedule(env, now());
    expect(await runRow(env.DB, storeId, lost)).toMatchObject({ status: "failed", reason: "it ended without a word" });
  });

  it("clears away what a run left that died before it could", async () => {
    const run = { storeId: await storeWith(), runId: nextRun() };
    await putFile(env, run, "train", new Uint8Array(8));
    expect(await sweepRuns(env, now() - DAY_MS)).toBe(0);
    expect(await leftOf(run.storeId)).toHaveLength(1);
    await sweepRuns(env, now() + DAY_MS);
    expect(await leftOf(run.storeId)).toEqual([]);
  });

  it("forgets examples that are older than 400 days, of every store", async () => {
    const storeId = await storeWith(
      { carts: 10, seed: 12, from: now() - 500 * DAY_MS, to: now() - 410 * DAY_MS },
      { carts: 10, seed: 13, ...past() },
    );
    await env.DB.prepare(
      "INSERT INTO stores (id, name, url, currency, timezone, created_at) VALUES (?, 'Shop', 'https://shop.example', 'EUR', 'UTC', 0)",
    )
      .bind(storeId)
      .run();
    const midnight = now() - (now() % DAY_MS);
    await runSchedule("*/5 * * * *", env, midnight + DAY_MS + MINUTE_MS);
    const { results } = await env.DB.prepare(
      "SELECT DISTINCT substr(cart_id, 1, 3) AS part FROM training_examples WHERE store_id = ?",
    )
      .bind(storeId)
      .all();
    expect(results).toEqual([{ part: "p1-" }]);
  });
});
