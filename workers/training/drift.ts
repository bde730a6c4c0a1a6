/** The daily look whether a store's own model still sees what it was fitted on. */
import { storeStub } from "../../objects/stubs.ts";
import { modelRow } from "../../shared/db/models.ts";
import { addDrift, countExamples, type ExampleQuery, examplePage, lastRun } from "../../shared/db/training.ts";
import { log } from "../../shared/log.ts";
import { type DriftReport, driftReport, type Reference } from "../../shared/model/drift.ts";
import type { Dataset } from "../../shared/model/model.ts";
import { scoreColumns } from "../../shared/model/score-rows.ts";
import { callActor } from "../../shared/retry.ts";
import { DAY_MS, iso } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { columnsOf } from "./collect.ts";
import { scorerOf, servingOf } from "./models.ts";
import { startTraining } from "./start.ts";

const WINDOW_MS = 7 * DAY_MS;
/** D1 answers so many in one piece. */
const MAX_ROWS = 5_000;
const MAX_COUNTED = 200_000;
/** Between two runs that drift began. */
const AGAIN_MS = 7 * DAY_MS;
const EVER = Number.MAX_SAFE_INTEGER;

/** `null`: the store has no model of its own, or one without a reference (imported). */
export async function watchDrift(env: Env, storeId: string, now: number): Promise<DriftReport | null> {
  const { production } = await servingOf(env, storeId);
  const row = production === null ? null : await modelRow(env.DB, storeId, production);
  const reference = row && (JSON.parse(row.reference) as Reference | null);
  if (!row || !reference) return null;
  const settings = await callActor("the store", () => storeStub(env, storeId).settings());
  if (!settings.ok) return null;
  const scorer = await scorerOf(env, storeId, row.version);
  const scored = async (all: Omit<ExampleQuery, "share">): Promise<Dataset & { scores: Float64Array }> => {
    // Some of the shoppers where there are too many: the newest ends alone would be those that expired.
    const { rows } = await countExamples(env.DB, storeId, { ...all, share: 1000 }, MAX_COUNTED);
    const query = { ...all, share: Math.max(1, Math.min(1000, Math.floor((1000 * MAX_ROWS) / Math.max(1, rows)))) };
    const data = columnsOf(await examplePage(env.DB, storeId, query, MAX_ROWS, null));
    return { ...data, scores: scoreColumns(scorer, data.features, data.columns, data.labels.length) };
  };
  const recent = await scored({ closedUntil: now, closedAfter: now - WINDOW_MS, atAfter: 0, atUntil: EVER });
  // The last week of moments whose outcome is known whatever it is: of younger ones only the purchases are.
  const known = Math.floor(now - settings.value.expireAfterDays * DAY_MS);
  const week = { closedAfter: known - WINDOW_MS, atAfter: known - WINDOW_MS, atUntil: known };
  const outcomes = await scored({ closedUntil: now, ...week });
  const window = { from: iso(now - WINDOW_MS), to: iso(now) };
  const report = driftReport({ version: row.version, at: iso(now), window }, reference, recent, outcomes);
  await addDrift(env.DB, storeId, report, now);
  log("info", "drift_watched", { storeId, version: row.version, status: report.status, alarms: report.alarms.length });
  if (report.status === "drifted") await retrain(env, storeId, now);
  return report;
}

async function retrain(env: Env, storeId: string, now: number): Promise<void> {
  const last = await lastRun(env.DB, storeId, "drift");
  if (last && last.started_at > now - AGAIN_MS) return;
  const started = await startTraining(env, storeId, "drift");
  log("warn", "drift_retrains", { storeId, runId: started.ok ? started.value.runId : null });
}
