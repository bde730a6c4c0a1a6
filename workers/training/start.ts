/** The beginning of a training run: its row first, which is the store's lock, then the workflow that it tells of. */
import { beginRun } from "../../shared/db/training.ts";
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
  if (!(await beginRun(env.DB, storeId, { id: runId, trigger, now: Date.now() }))) return no("running");
  await env.TRAINING.create({ id: runId, params: { storeId, runId, trigger } });
  return ok({ runId });
}
