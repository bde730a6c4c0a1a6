/** Beginning a run, and waking those of which nothing is heard. */
import {
  beginRun,
  endRun,
  endWaitingRun,
  openRun,
  type RunRow,
  silentRuns,
  type Trigger,
} from "../../shared/db/training.ts";
import { newId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { GATES } from "../../shared/model/gates.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { versionOf, withdraw } from "./models.ts";

/** A run at work says something with every step, one that waits with every look. */
const SILENT_MS = 30 * SECOND_MS;
const SLACK_MS = 5 * MINUTE_MS;
/** Runs that one sweep wakes. */
const MAX_WOKEN = 20;

/**
 * Begins a run; `running`: the store has one. That one is woken if it is silent. One that has made its model and tries it, for up to
 * two weeks, stands in nobody's way who asks by hand: it ends, and its model leaves the trial. The clock and drift wait for it.
 */
export async function startTraining(
  env: Env,
  storeId: string,
  trigger: Trigger,
): Promise<Result<{ runId: string }, "running">> {
  const run = { id: newId("run"), trigger, now: Date.now() };
  if (!(await beginRun(env.DB, storeId, run))) {
    const open = await openRun(env.DB, storeId);
    if (open && isSilent(open, run.now)) await wake(env, open, run.now);
    const isFree = open && trigger === "hand" && (await endTrial(env, open, run.now));
    if (!isFree || !(await beginRun(env.DB, storeId, run))) return no("running");
  }
  await create(env, storeId, run.id, trigger);
  return ok({ runId: run.id });
}

/**
 * False while the run is at work. The model leaves the trial first: where the second half fails the run finds that at its next
 * look, and ends by itself. Its workflow learns of its end when it next wakes, and does nothing more.
 */
async function endTrial(env: Env, { store_id: storeId, id: runId, status }: RunRow, now: number): Promise<boolean> {
  if (status !== "waiting") return false;
  await withdraw(env, { storeId, runId }, versionOf(runId));
  return endWaitingRun(env.DB, storeId, runId, "a new run was begun by hand while its model was tried", now);
}

/** Where it fails the row stays, and the sweep begins the run. */
async function create(env: Env, storeId: string, runId: string, trigger: Trigger): Promise<void> {
  try {
    await env.TRAINING.create({ id: runId, params: { storeId, runId, trigger } });
  } catch (error) {
    log("error", "training_not_begun", { storeId, runId, error });
  }
}

const isSilent = ({ status, updated_at }: RunRow, now: number): boolean =>
  updated_at < now - (status === "waiting" ? GATES.lookMs + SLACK_MS : SILENT_MS);

export async function wakeSilentRuns(env: Env, now: number): Promise<void> {
  const heard = { running: now - SILENT_MS, waiting: now - GATES.lookMs - SLACK_MS };
  for (const run of await silentRuns(env.DB, heard, MAX_WOKEN)) await wake(env, run, now);
}

/**
 * A workflow goes on by itself where the platform keeps it, and does not after its process died under `npm run serve`: there an
 * event makes it go on, after the last step that ended. To one that is at work the event means nothing.
 */
async function wake(env: Env, { store_id: storeId, id: runId, trigger }: RunRow, now: number): Promise<void> {
  try {
    const instance = await env.TRAINING.get(runId).catch(() => null);
    if (!instance) {
      // Its creation failed, or died with who asked for it.
      await create(env, storeId, runId, trigger);
    } else {
      const { status } = await instance.status();
      if (status === "complete" || status === "errored" || status === "terminated")
        await endRun(env.DB, storeId, runId, { status: "failed", reason: "it ended without a word" }, now);
      else await instance.sendEvent({ type: "wake", payload: null });
    }
    log("warn", "training_woken", { storeId, runId, isThere: instance !== null });
  } catch (error) {
    log("error", "training_wake_failed", { storeId, runId, error });
  }
}
