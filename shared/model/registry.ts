/**
 * The stages of models: which move is allowed, and what serves after it. Pure.
 *
 * `Serving` says what production, canary and shadow are; a row's own stage says what its version is out of service. The
 * row's is a copy while the version serves: a reader asks `stageOf`, so that a copy left behind by a crash misleads nobody.
 */
import { no, ok, type Result } from "../result.ts";
import { PRIOR_VERSION, type Serving } from "./serving.ts";
import type { ModelStage } from "./views.ts";

/** Where a version is to go. `rollback` takes it out of service, and out of production back to what was before. */
export type Move =
  | { to: "staging" | "archived" | "rejected" | "shadow" | "production" | "rollback" }
  | { to: "canary"; share: number };

/**
 * `already`: it is there. `in_production`: nothing would be left to serve; roll it back or promote another. `other_canary`:
 * carts have another one. `not_serving`: there is nothing to roll back. `prior`: it has no stages but production.
 */
export type Refusal = "already" | "in_production" | "other_canary" | "not_serving" | "prior";

const idOf = (version: string): string | null => (version === PRIOR_VERSION ? null : version);

/** What a version serves as; `null`: it does not. */
export function servesAs(serving: Serving, version: string): "production" | "canary" | "shadow" | null {
  const id = idOf(version);
  if (serving.production === id) return "production";
  if (id === null) return null;
  if (serving.canary?.version === id) return "canary";
  return serving.shadow === id ? "shadow" : null;
}

/** The stage of a version whose row says `stored`. */
export function stageOf(serving: Serving, version: string, stored: ModelStage): ModelStage {
  const serves = servesAs(serving, version);
  if (serves) return serves;
  return stored === "production" || stored === "canary" || stored === "shadow" ? "archived" : stored;
}

/** What serves after a move, or why it is not allowed. `stored`: the stage of the version's row. */
export function moved(serving: Serving, version: string, stored: ModelStage, move: Move): Result<Serving, Refusal> {
  const stage = stageOf(serving, version, stored);
  if (move.to === "production") return stage === "production" ? no("already") : ok(promoted(serving, version));
  if (move.to === "rollback") return rolledBack(serving, version);
  if (version === PRIOR_VERSION) return no("prior");
  if (stage === "production") return no("in_production");
  if (move.to === "canary") {
    const { canary } = serving;
    if (canary?.version === version && canary.share === move.share) return no("already");
    if (canary && canary.version !== version) return no("other_canary");
    return ok({ ...without(serving, version), canary: { version, share: move.share } });
  }
  if (stage === move.to) return no("already");
  const rest = without(serving, version);
  return ok(move.to === "shadow" ? { ...rest, shadow: version } : rest);
}

function promoted(serving: Serving, version: string): Serving {
  return { ...without(serving, version), production: idOf(version), previous: serving.production };
}

function rolledBack(serving: Serving, version: string): Result<Serving, Refusal> {
  const serves = servesAs(serving, version);
  if (serves === null) return no("not_serving");
  if (version === PRIOR_VERSION) return no("prior");
  if (serves !== "production") return ok(without(serving, version));
  // What was before it may be the canary or the shadow by now.
  const { previous } = serving;
  const rest = previous === null ? serving : without(serving, previous);
  return ok({ ...rest, production: previous, previous: null });
}

/** Neither canary nor shadow. */
function without(serving: Serving, version: string): Serving {
  return {
    ...serving,
    canary: serving.canary?.version === version ? null : serving.canary,
    shadow: serving.shadow === version ? null : serving.shadow,
  };
}

/** The stage that a row says after a move, where that is another one than the move's: of every version it touched. */
export function stagesAfter(before: Serving, after: Serving, version: string, move: Move): Map<string, ModelStage> {
  const stages = new Map<string, ModelStage>();
  for (const touched of [before.production, before.canary?.version, before.shadow, after.production, version]) {
    if (!touched || touched === PRIOR_VERSION) continue;
    const [was, is] = [servesAs(before, touched), servesAs(after, touched)];
    if (is === null && touched === version) stages.set(touched, resting(move));
    else if (was !== is) stages.set(touched, is ?? (was === "shadow" ? "staging" : "archived"));
  }
  return stages;
}

/** Where a move leaves a version that it takes out of service. */
function resting({ to }: Move): ModelStage {
  if (to === "staging" || to === "archived") return to;
  return "rejected";
}
