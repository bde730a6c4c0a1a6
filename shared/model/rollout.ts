/** Which model scores a cart. Pure: the same cart always has the same one while the shares stay. */
import { stableUnit } from "../ids.ts";
import type { Serving } from "./serving.ts";

export type ServingArm = "production" | "canary";

/** Growing the share keeps every cart that had the canary before. */
export function armOf(serving: Pick<Serving, "canary">, cartId: string): ServingArm {
  const { canary } = serving;
  return canary && stableUnit(`canary/${canary.version}/${cartId}`) < canary.share ? "canary" : "production";
}

/** The version that scores this cart; `null`: the prior. */
export const versionFor = (serving: Pick<Serving, "production" | "canary">, cartId: string): string | null =>
  armOf(serving, cartId) === "canary" ? serving.canary!.version : serving.production;

/** Where artefacts are kept, and a version's. */
export const ARTEFACT_PREFIX = "models/";
export const artefactKey = (storeId: string, version: string): string => `${ARTEFACT_PREFIX}${storeId}/${version}`;
