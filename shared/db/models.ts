/** The registry's rows. What serves is the word of the store's actor; a row's stage is a copy for those in service. */
import { type Move, moved, type Refusal, stageOf, stagesAfter } from "../model/registry.ts";
import { ARTEFACT_PREFIX, artefactKey } from "../model/rollout.ts";
import type { Serving, ServingState } from "../model/serving.ts";
import type { ModelMetrics, ModelStage, ModelView } from "../model/views.ts";
import { no, ok, type Result } from "../result.ts";
import { iso, isoOrNull } from "../time.ts";

/** A store keeps so many versions; archived and rejected ones make room, the oldest first. */
export const MAX_MODELS = 200;

/** What a version is made with. `reference`: per feature the distribution it was fitted on, for drift. */
export interface NewModel {
  version: string;
  kind: "trained" | "imported";
  algorithm: ModelView["algorithm"];
  name: string;
  stage: ModelStage;
  trees: number;
  features: readonly string[];
  metrics: ModelMetrics | null;
  baseline: ModelMetrics | null;
  reference: unknown;
  windowFrom: number | null;
  windowTo: number | null;
  examples: number;
  bytes: number;
  sha256: string;
  runId: string | null;
  note: string | null;
  createdAt: number;
  createdBy: string | null;
}

export interface ModelRow {
  version: string;
  kind: NewModel["kind"];
  algorithm: NewModel["algorithm"];
  name: string;
  stage: ModelStage;
  trees: number;
  features: string;
  metrics: string;
  baseline: string;
  reference: string;
  window_from: number | null;
  window_to: number | null;
  examples: number;
  bytes: number;
  sha256: string;
  run_id: string | null;
  note: string | null;
  created_at: number;
  created_by: string | null;
  staged_at: number;
}

/** False when there is one of this version already: it is left as it is. */
export async function insertModel(db: D1Database, storeId: string, model: NewModel): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `INSERT INTO models (store_id, version, kind, algorithm, name, stage, trees, features, metrics, baseline, reference, window_from,
         window_to, examples, bytes, sha256, run_id, note, created_at, created_by, staged_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?19)
       ON CONFLICT (store_id, version) DO NOTHING`,
    )
    .bind(
      storeId,
      model.version,
      model.kind,
      model.algorithm,
      model.name,
      model.stage,
      model.trees,
      JSON.stringify(model.features),
      JSON.stringify(model.metrics),
      JSON.stringify(model.baseline),
      JSON.stringify(model.reference ?? null),
      model.windowFrom,
      model.windowTo,
      model.examples,
      model.bytes,
      model.sha256,
      model.runId,
      model.note,
      model.createdAt,
      model.createdBy,
    )
    .run();
  return meta.changes > 0;
}

export const modelRow = (db: D1Database, storeId: string, version: string): Promise<ModelRow | null> =>
  db.prepare("SELECT * FROM models WHERE store_id = ? AND version = ?").bind(storeId, version).first<ModelRow>();

/** Without the distributions: they are long, and of no use to a list. */
export type ListedModel = Omit<ModelRow, "reference">;
const LISTED =
  "version, kind, algorithm, name, stage, trees, features, metrics, baseline, window_from, window_to, examples, bytes, sha256, run_id, note, created_at, created_by, staged_at";

/** Newest first, after the place where the last page ended. */
export async function modelRows(
  db: D1Database,
  storeId: string,
  limit: number,
  after?: { time: number; id: string },
): Promise<ListedModel[]> {
  const { results } = await db
    .prepare(
      `SELECT ${LISTED} FROM models WHERE store_id = ?1 AND (?2 IS NULL OR (created_at, version) < (?2, ?3))
       ORDER BY created_at DESC, version DESC LIMIT ?4`,
    )
    .bind(storeId, after?.time ?? null, after?.id ?? null, limit)
    .all<ListedModel>();
  return results;
}

export function modelView(row: ListedModel, serving: Serving): ModelView {
  const stage = stageOf(serving, row.version, row.stage);
  return {
    version: row.version,
    stage,
    kind: row.kind,
    algorithm: row.algorithm,
    name: row.name,
    trees: row.trees,
    features: JSON.parse(row.features) as string[],
    metrics: JSON.parse(row.metrics) as ModelMetrics | null,
    baseline: JSON.parse(row.baseline) as ModelMetrics | null,
    window: { from: isoOrNull(row.window_from), to: isoOrNull(row.window_to) },
    examples: row.examples,
    share: stage === "canary" ? (serving.canary?.share ?? null) : null,
    bytes: row.bytes,
    sha256: row.sha256,
    note: row.note,
    createdAt: iso(row.created_at),
    createdBy: row.created_by,
    stagedAt: iso(row.staged_at),
  };
}

/** The store's actor, as far as the registry speaks to it. */
export interface ServingStore {
  serving(): Promise<ServingState>;
  serve(serving: Serving, expected: number): Promise<Result<ServingState, "version">>;
}

/**
 * Moves a version to another stage: the actor's word first, then the copies in the rows. `version` as a reason: somebody
 * changed what serves meanwhile. `stored`: the stage that the version's row says; `expected`: the version of what serves that
 * the caller saw, or `null`.
 */
export async function moveModel(
  db: D1Database,
  store: ServingStore,
  storeId: string,
  { version, stored }: { version: string; stored: ModelStage },
  move: Move,
  now: number,
  expected: number | null = null,
): Promise<Result<{ before: ServingState; after: ServingState }, Refusal | "version">> {
  const before = await store.serving();
  if (expected !== null && expected !== before.version) return no("version");
  const next = moved(before, version, stored, move);
  if (!next.ok) return next;
  // Out of service before and after: the actor has nothing to say.
  const served = sameServing(before, next.value) ? ok(before) : await store.serve(next.value, before.version);
  if (!served.ok) return no("version");
  const stages = [...stagesAfter(before, served.value, version, move)];
  if (stages.length > 0)
    await db.batch(
      stages.map(([touched, stage]) =>
        db
          .prepare("UPDATE models SET stage = ?, staged_at = ? WHERE store_id = ? AND version = ?")
          .bind(stage, now, storeId, touched),
      ),
    );
  return ok({ before, after: served.value });
}

const sameServing = (a: Serving, b: Serving): boolean =>
  a.production === b.production &&
  a.shadow === b.shadow &&
  a.previous === b.previous &&
  a.canary?.version === b.canary?.version &&
  a.canary?.share === b.canary?.share;

/**
 * Makes room for one more version: false when the store has as many as it may and none of them can go. Rows first: an
 * artefact that is left behind is swept.
 */
export async function makeRoom(db: D1Database, bucket: R2Bucket, storeId: string, serving: Serving): Promise<boolean> {
  const count = await db
    .prepare("SELECT count(*) AS n FROM models WHERE store_id = ?")
    .bind(storeId)
    .first<number>("n");
  if ((count ?? 0) < MAX_MODELS) return true;
  const kept = [serving.production, serving.previous, serving.canary?.version, serving.shadow].filter((v) => v != null);
  const oldest = await db
    .prepare(
      `DELETE FROM models WHERE (store_id, version) IN (SELECT store_id, version FROM models
         WHERE store_id = ?1 AND stage NOT IN ('staging') AND version NOT IN (SELECT value FROM json_each(?2))
         ORDER BY created_at, version LIMIT 1) RETURNING version`,
    )
    .bind(storeId, JSON.stringify(kept))
    .first<string>("version");
  if (oldest === null) return false;
  await bucket.delete(artefactKey(storeId, oldest));
  return true;
}

/** One call of the bucket lists at most so many. */
const SWEPT = 1_000;
const MAX_PAGES = 50;

/**
 * Deletes artefacts older than `before` (ms) that no row names: their import or registration ended between the two writes.
 * Returns how many. Reads the whole registry's part of the bucket, so it runs once a week.
 */
export async function sweepArtefacts(db: D1Database, bucket: R2Bucket, before: number): Promise<number> {
  let swept = 0;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const listed = await bucket.list({ prefix: ARTEFACT_PREFIX, limit: SWEPT, cursor });
    const old = listed.objects.filter(({ uploaded }) => uploaded.getTime() < before).map(({ key }) => key);
    const orphans = await unnamed(db, old);
    if (orphans.length > 0) await bucket.delete(orphans);
    swept += orphans.length;
    if (!listed.truncated) break;
    cursor = listed.cursor;
  }
  return swept;
}

/** Of these keys (`models/store/version`), those without a row. */
async function unnamed(db: D1Database, keys: string[]): Promise<string[]> {
  if (keys.length === 0) return [];
  const named = keys.map((key) => [key, ...key.split("/").slice(1)]);
  const { results } = await db
    .prepare(
      `SELECT j.value ->> '$[0]' AS key FROM json_each(?) AS j WHERE NOT EXISTS
         (SELECT 1 FROM models WHERE store_id = j.value ->> '$[1]' AND version = j.value ->> '$[2]')`,
    )
    .bind(JSON.stringify(named))
    .all<{ key: string }>();
  return results.map(({ key }) => key);
}
