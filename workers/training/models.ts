/** Models as training meets them: the one that serves, the one that is new, and the registry's moves in its own name. */
import { storeStub } from "../../objects/stubs.ts";
import { modelRow, moveModel, type ServingStore } from "../../shared/db/models.ts";
import { newId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { decodeModel } from "../../shared/model/codec.ts";
import { PRIOR_MODEL } from "../../shared/model/prior.ts";
import type { Move } from "../../shared/model/registry.ts";
import { artefactKey } from "../../shared/model/rollout.ts";
import { compile, type Scorer } from "../../shared/model/scorer.ts";
import type { ServingState } from "../../shared/model/serving.ts";
import { callActor } from "../../shared/retry.ts";
import type { Env } from "../env.ts";
import type { RunId } from "./files.ts";

/** What a run makes. */
export const versionOf = (runId: string): string => runId.replace(/^run_/, "model_");

/** `null` is the prior. Throws where the artefact is gone or unreadable. */
export async function scorerOf(env: Env, storeId: string, version: string | null): Promise<Scorer> {
  if (version === null) return compile(PRIOR_MODEL);
  const found = await env.ARTEFACTS.get(artefactKey(storeId, version));
  if (!found) throw new Error(`the artefact of ${version} is gone`);
  return compile(decodeModel(new Uint8Array(await found.arrayBuffer())));
}

/** What scores carts now: the prior does while production's artefact cannot be had. */
export async function servingScorer(env: Env, storeId: string, version: string | null): Promise<Scorer> {
  try {
    return await scorerOf(env, storeId, version);
  } catch (error) {
    log("error", "production_unreadable", { storeId, version, error });
    return scorerOf(env, storeId, null);
  }
}

const servingStore = (env: Env, storeId: string): ServingStore => ({
  serving: () => callActor("the store", () => storeStub(env, storeId).serving()),
  // Not repeated: the second call of one that went through would be refused, as if somebody else had changed it.
  serve: (serving, expected) => storeStub(env, storeId).serve(serving, expected),
});

export const servingOf = (env: Env, storeId: string): Promise<ServingState> => servingStore(env, storeId).serving();

/** As the audit log calls what a run does. */
const ACTIONS: Record<Move["to"], string> = {
  staging: "model.staged",
  archived: "model.staged",
  rejected: "model.staged",
  shadow: "model.shadowed",
  canary: "model.canaried",
  production: "model.promoted",
  rollback: "model.rolled_back",
};

/** Tries of a move that somebody else's came between. */
const TRIES = 3;

/**
 * Moves the run's version. `true` also where it is there already: a step that runs again finds its own work. False where the move
 * is not allowed any more: somebody decided otherwise meanwhile.
 */
export async function move(env: Env, run: RunId, version: string, to: Move): Promise<boolean> {
  const { storeId } = run;
  for (let tried = 1; ; tried++) {
    const row = await modelRow(env.DB, storeId, version);
    if (!row) return false;
    const now = Date.now();
    const done = await moveModel(env.DB, servingStore(env, storeId), storeId, { version, stored: row.stage }, to, now);
    if (done.ok) {
      await audit(env, run, ACTIONS[to.to], version, done.value, now);
      return true;
    }
    if (done.reason !== "version" || tried === TRIES) return done.reason === "already";
  }
}

/** Out of the shadow, or of the canary's place. In production it is somebody's decision, and stays. */
export async function withdraw(env: Env, run: RunId, version: string): Promise<boolean> {
  const { shadow, canary } = await servingOf(env, run.storeId);
  if (shadow !== version && canary?.version !== version) return false;
  return move(env, run, version, { to: "rollback" });
}

async function audit(
  env: Env,
  { storeId, runId }: RunId,
  action: string,
  version: string,
  { before, after }: { before: ServingState; after: ServingState },
  now: number,
): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO audit_log (id, store_id, at, actor_kind, actor_id, action, object_kind, object_id, before, after)
     VALUES (?, ?, ?, 'system', ?, ?, 'model', ?, ?, ?)`,
  )
    .bind(newId("aud"), storeId, now, runId, action, version, JSON.stringify(before), JSON.stringify(after))
    .run();
}
