/** D1's training runs, their examples and drift reports. Every statement names its store. */

import type { DriftReport } from "../model/drift.ts";
import { FEATURE_NAMES, FEATURE_VERSION } from "../model/features.ts";
import type { DriftView, TrainingRunView } from "../model/views.ts";
import { iso, isoOrNull } from "../time.ts";

export type RunStatus = TrainingRunView["status"];
export type RunStep = TrainingRunView["step"];
export type Trigger = TrainingRunView["trigger"];

export interface RunRow {
  store_id: string;
  id: string;
  trigger: Trigger;
  status: RunStatus;
  step: RunStep;
  progress: number;
  version: string | null;
  reason: string | null;
  started_at: number;
  updated_at: number;
  ended_at: number | null;
}

export const runView = (row: RunRow): TrainingRunView => ({
  id: row.id,
  trigger: row.trigger,
  status: row.status,
  step: row.step,
  progress: row.progress,
  version: row.version,
  reason: row.reason,
  startedAt: iso(row.started_at),
  endedAt: isoOrNull(row.ended_at),
});

/** The row is the store's lock: false while a run of it has not ended. */
export async function beginRun(
  db: D1Database,
  storeId: string,
  { id, trigger, now }: { id: string; trigger: Trigger; now: number },
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `INSERT INTO training_runs (store_id, id, trigger, status, step, progress, started_at, updated_at)
       SELECT ?1, ?2, ?3, 'running', 'collect', 0, ?4, ?4
       WHERE NOT EXISTS (SELECT 1 FROM training_runs WHERE store_id = ?1 AND ended_at IS NULL)`,
    )
    .bind(storeId, id, trigger, now)
    .run();
  return meta.changes > 0;
}

export interface RunPatch {
  status?: RunStatus;
  step?: RunStep;
  progress?: number;
  version?: string;
}

/** How far a run is. One that has ended stays as it ended: false. */
export async function noteRun(
  db: D1Database,
  storeId: string,
  id: string,
  patch: RunPatch,
  now: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE training_runs SET status = coalesce(?3, status), step = coalesce(?4, step), progress = coalesce(?5, progress),
         version = coalesce(?6, version), updated_at = ?7
       WHERE store_id = ?1 AND id = ?2 AND ended_at IS NULL`,
    )
    .bind(storeId, id, patch.status ?? null, patch.step ?? null, patch.progress ?? null, patch.version ?? null, now)
    .run();
  return meta.changes > 0;
}

/** Ends a run that waits for its model's trial, and no other: false where it is at work just now. */
export async function endWaitingRun(
  db: D1Database,
  storeId: string,
  id: string,
  reason: string,
  now: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE training_runs SET status = 'rejected', reason = ?3, progress = 1, ended_at = ?4, updated_at = ?4
       WHERE store_id = ?1 AND id = ?2 AND ended_at IS NULL AND status = 'waiting'`,
    )
    .bind(storeId, id, reason, now)
    .run();
  return meta.changes > 0;
}

/** The first word counts: a step that runs again says the same. */
export async function endRun(
  db: D1Database,
  storeId: string,
  id: string,
  { status, reason }: { status: RunStatus; reason: string },
  now: number,
): Promise<void> {
  await db
    .prepare(
      `UPDATE training_runs SET status = ?3, reason = ?4, progress = 1, ended_at = ?5, updated_at = ?5
       WHERE store_id = ?1 AND id = ?2 AND ended_at IS NULL`,
    )
    .bind(storeId, id, status, reason.slice(0, 500), now)
    .run();
}

export const runRow = (db: D1Database, storeId: string, id: string): Promise<RunRow | null> =>
  db.prepare("SELECT * FROM training_runs WHERE store_id = ? AND id = ?").bind(storeId, id).first<RunRow>();

/** The store's run that has not ended. */
export const openRun = (db: D1Database, storeId: string): Promise<RunRow | null> =>
  db
    .prepare("SELECT * FROM training_runs WHERE store_id = ? AND ended_at IS NULL ORDER BY started_at LIMIT 1")
    .bind(storeId)
    .first<RunRow>();

/** Newest first, after the place where the last page ended. */
export async function runRows(
  db: D1Database,
  storeId: string,
  limit: number,
  after?: { time: number; id: string },
): Promise<RunRow[]> {
  const { results } = await db
    .prepare(
      `SELECT * FROM training_runs WHERE store_id = ?1 AND (?2 IS NULL OR (started_at, id) < (?2, ?3))
       ORDER BY started_at DESC, id DESC LIMIT ?4`,
    )
    .bind(storeId, after?.time ?? null, after?.id ?? null, limit)
    .all<RunRow>();
  return results;
}

/** The store's last run of a kind. */
export const lastRun = (db: D1Database, storeId: string, trigger: Trigger): Promise<RunRow | null> =>
  db
    .prepare("SELECT * FROM training_runs WHERE store_id = ? AND trigger = ? ORDER BY started_at DESC LIMIT 1")
    .bind(storeId, trigger)
    .first<RunRow>();

/** Open runs of all stores of which nothing was heard since: those at work, and those that wait. For the cron alone. */
export async function silentRuns(
  db: D1Database,
  heard: { running: number; waiting: number },
  limit: number,
): Promise<RunRow[]> {
  const { results } = await db
    .prepare(
      `SELECT * FROM training_runs WHERE ended_at IS NULL AND updated_at < CASE status WHEN 'waiting' THEN ?2 ELSE ?1 END
       ORDER BY updated_at LIMIT ?3`,
    )
    .bind(heard.running, heard.waiting, limit)
    .all<RunRow>();
  return results;
}

/** Where a page ended: the table's own order. */
export interface ExampleCursor {
  closedAt: number;
  cartId: string;
  incarnation: number;
  generation: number;
  moment: string;
}

/** Of rows whose features this code knows. All times in ms; `shopper` a number that tells one shopper's rows from another's. */
export interface ExampleRow extends ExampleCursor {
  at: number;
  shopper: number;
  label: number;
  /** In the order of `FEATURE_NAMES`; `NaN` is missing. */
  vector: Float64Array;
}

export interface ExampleQuery {
  /** Rows that were closed later than this, and not later than that. */
  closedAfter: number;
  closedUntil: number;
  /** Of moments later than this, and not later than that. */
  atAfter: number;
  atUntil: number;
  /** Thousandths of the shoppers. */
  share: number;
}

const WHERE = `store_id = ?1 AND closed_at > ?2 AND closed_at <= ?3 AND at > ?4 AND at <= ?5 AND feature_version = ?6 AND shopper % 1000 < ?7`;
const bound = (storeId: string, query: ExampleQuery): (string | number)[] => [
  storeId,
  query.closedAfter,
  query.closedUntil,
  query.atAfter,
  query.atUntil,
  FEATURE_VERSION,
  query.share,
];

/** How many there are of either label; counts the newest `most` and stops. */
export async function countExamples(
  db: D1Database,
  storeId: string,
  query: ExampleQuery,
  most: number,
): Promise<{ rows: number; positives: number }> {
  const counted = await db
    .prepare(
      `SELECT count(*) AS rows, coalesce(sum(label), 0) AS positives
       FROM (SELECT label FROM training_moments WHERE ${WHERE} ORDER BY closed_at DESC LIMIT ?8)`,
    )
    .bind(...bound(storeId, query), most)
    .first<{ rows: number; positives: number }>();
  return counted ?? { rows: 0, positives: 0 };
}

const ORDER = "closed_at, cart_id, incarnation, generation, moment";

/** The newest first. */
export async function examplePage(
  db: D1Database,
  storeId: string,
  query: ExampleQuery,
  limit: number,
  after: ExampleCursor | null,
): Promise<ExampleRow[]> {
  const from = after
    ? [after.closedAt, after.cartId, after.incarnation, after.generation, after.moment]
    : [query.closedUntil + 1, "", 0, 0, ""];
  const { results } = await db
    .prepare(
      `SELECT closed_at AS closedAt, cart_id AS cartId, incarnation, generation, moment, at, shopper, label, features
       FROM training_moments WHERE ${WHERE} AND (${ORDER}) < (?8, ?9, ?10, ?11, ?12)
       ORDER BY ${ORDER.replaceAll(",", " DESC,")} DESC LIMIT ?13`,
    )
    .bind(...bound(storeId, query), ...from, limit)
    .all<Omit<ExampleRow, "vector"> & { features: string }>();
  return results.map(({ features, ...row }) => ({ ...row, vector: vectorOf(features) }));
}

/** A list that was shorter then has no values for what came later: they are missing. */
function vectorOf(json: string): Float64Array {
  const values = JSON.parse(json) as (number | null)[];
  return Float64Array.from(FEATURE_NAMES, (_, i) => values[i] ?? Number.NaN);
}

export async function addDrift(db: D1Database, storeId: string, report: DriftReport, now: number): Promise<void> {
  await db
    .prepare(
      `INSERT INTO drift_reports (store_id, at, version, status, report) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (store_id, at) DO UPDATE SET version = excluded.version, status = excluded.status, report = excluded.report`,
    )
    .bind(storeId, now, report.version, report.status, JSON.stringify(report))
    .run();
}

const MAX_HISTORY = 90;

/** The newest report of a version (of any, when none is named), with what came before it; `null` when there is none. */
export async function latestDrift(db: D1Database, storeId: string, version?: string): Promise<DriftView | null> {
  const { results } = await db
    .prepare(
      `SELECT report FROM drift_reports WHERE store_id = ?1 AND version = coalesce(?2,
         (SELECT version FROM drift_reports WHERE store_id = ?1 ORDER BY at DESC LIMIT 1))
       ORDER BY at DESC LIMIT ?3`,
    )
    .bind(storeId, version ?? null, MAX_HISTORY)
    .all<{ report: string }>();
  const reports = results.map(({ report }) => JSON.parse(report) as DriftReport);
  const newest = reports[0];
  if (!newest) return null;
  const history = reports.reverse().flatMap(({ at, score, features, calibration }) =>
    at === null || score === null
      ? []
      : [
          {
            at,
            score: score.psi,
            worst: Math.max(0, ...features.map(({ psi }) => psi)),
            gap: calibration?.gap ?? null,
          },
        ],
  );
  return { ...newest, history };
}
