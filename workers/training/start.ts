/** The beginning of a training run: its row first, then the workflow that it tells of. */
import { newId } from "../../shared/ids.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import type { TrainingParams } from "./workflow.ts";

/** A store has one run at a time: `running` when there is one. */
export async function startTraining(
  env: Env,
  storeId: string,
  trigger: TrainingParams["trigger"],
): Promise<Result<{ runId: string }, "running">> {
  const runId = newId("run");
  const now = Date.now();
  const { meta } = await env.DB.prepare(
    `INSERT INTO training_runs (store_id, id, trigger, status, step, started_at, updated_at)
     SELECT ?1, ?2, ?3, 'running', 'collect', ?4, ?4
      WHERE NOT EXISTS (SELECT 1 FROM training_runs WHERE store_id = ?1 AND ended_at IS NULL)`,
  )
    .bind(storeId, runId, trigger, now)
    .run();
  if (meta.changes === 0) return no("running");
  await env.TRAINING.create({ id: runId, params: { storeId, runId, trigger } });
  return ok({ runId });
}
