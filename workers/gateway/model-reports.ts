/** What training and the drift watch wrote down, as the API tells it. */
import type { DriftView, TrainingRunView } from "../../shared/model/views.ts";
import { iso, isoOrNull } from "../../shared/time.ts";

export interface RunRow {
  id: string;
  trigger: TrainingRunView["trigger"];
  status: TrainingRunView["status"];
  step: TrainingRunView["step"];
  progress: number;
  version: string | null;
  reason: string | null;
  started_at: number;
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

export const runRow = (db: D1Database, storeId: string, id: string): Promise<RunRow | null> =>
  db.prepare("SELECT * FROM training_runs WHERE store_id = ? AND id = ?").bind(storeId, id).first<RunRow>();

/** Reports that the history is told from. */
const MAX_REPORTS = 60;

type Report = Omit<DriftView, "history">;

/** The latest report about a version, with the course of those before it. */
export async function driftOf(db: D1Database, storeId: string, version: string): Promise<DriftView> {
  const { results } = await db
    .prepare("SELECT at, report FROM drift_reports WHERE store_id = ? AND version = ? ORDER BY at DESC LIMIT ?")
    .bind(storeId, version, MAX_REPORTS)
    .all<{ at: number; report: string }>();
  const reports = results.map(({ at, report }) => ({ at, report: JSON.parse(report) as Report }));
  const latest = reports[0];
  return {
    ...(latest?.report ?? nothingYet(version)),
    history: reports.reverse().map(({ at, report }) => ({
      at: iso(at),
      score: report.score?.psi ?? 0,
      worst: report.features[0]?.psi ?? 0,
      gap: report.calibration?.gap ?? null,
    })),
  };
}

const nothingYet = (version: string): Report => ({
  version,
  at: null,
  window: { from: null, to: null },
  rows: 0,
  status: "unknown",
  score: null,
  calibration: null,
  features: [],
  alarms: [],
});
