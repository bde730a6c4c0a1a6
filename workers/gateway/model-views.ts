/** Models as the API tells of them: those of the registry, and the prior that ships in the code. */
import { createHash } from "node:crypto";
import { type ListedModel, modelRow, modelView } from "../../shared/db/models.ts";
import { encodeModel } from "../../shared/model/codec.ts";
import { PRIOR_CARD, PRIOR_MODEL } from "../../shared/model/prior.ts";
import { servesAs } from "../../shared/model/registry.ts";
import { PRIOR_VERSION, type Serving, type ServingState } from "../../shared/model/serving.ts";
import type { ModelStage, ModelView, ServingView } from "../../shared/model/views.ts";

/** When its weights were set. */
const PRIOR_AT = "2026-11-21T00:00:00.000Z";

/** A version of the store, or the prior: `row` is `null` of that. */
export interface KnownModel {
  version: string;
  row: ListedModel | null;
  /** What its row says; of the prior nothing does. */
  stored: ModelStage;
}

export async function findModel(db: D1Database, storeId: string, version: string): Promise<KnownModel | null> {
  if (version === PRIOR_VERSION) return { version, row: null, stored: "archived" };
  const row = await modelRow(db, storeId, version);
  return row && { version, row, stored: row.stage };
}

export const viewOf = ({ row }: Pick<KnownModel, "row">, serving: Serving): ModelView =>
  row ? modelView(row, serving) : priorView(serving);

let encodedPrior: { bytes: Uint8Array; sha256: string } | null = null;

/** As others are in R2. Made once in an isolate, by the first who asks. */
export function priorArtefact(): { bytes: Uint8Array; sha256: string } {
  if (encodedPrior) return encodedPrior;
  const bytes = encodeModel(PRIOR_MODEL);
  encodedPrior = { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
  return encodedPrior;
}

const priorView = (serving: Serving): ModelView => ({
  version: PRIOR_VERSION,
  stage: servesAs(serving, PRIOR_VERSION) ?? "archived",
  kind: "prior",
  algorithm: PRIOR_MODEL.algorithm,
  name: PRIOR_CARD.revision,
  trees: PRIOR_MODEL.forest?.roots.length ?? 0,
  features: PRIOR_MODEL.features,
  metrics: null,
  baseline: null,
  window: { from: null, to: null },
  examples: 0,
  share: null,
  bytes: priorArtefact().bytes.byteLength,
  sha256: priorArtefact().sha256,
  note: `Ships with Cartwake, for stores that have no outcomes of their own yet. ${PRIOR_CARD.fittedOn}`,
  createdAt: PRIOR_AT,
  createdBy: null,
  stagedAt: PRIOR_AT,
});

export const servingView = ({ production, canary, shadow, previous, version }: ServingState): ServingView => ({
  production: production ?? PRIOR_VERSION,
  canary,
  shadow,
  previous,
  version,
});
