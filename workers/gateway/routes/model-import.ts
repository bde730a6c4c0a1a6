/** `POST /v1/models/import`: a model that was trained elsewhere becomes one of the store's versions. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { insertModel, MAX_MODELS, makeRoom, modelRow } from "../../../shared/db/models.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { encodeModel, MAX_MODEL_BYTES } from "../../../shared/model/codec.ts";
import { FEATURE_NAMES } from "../../../shared/model/features.ts";
import { IMPORT_FORMATS, importModel } from "../../../shared/model/import/index.ts";
import type { Model } from "../../../shared/model/model.ts";
import { artefactKey } from "../../../shared/model/rollout.ts";
import { modelView } from "../../../shared/model/views.ts";
import { invalid } from "../context.ts";
import { viewOf } from "../model-views.ts";
import { type MemberCall, member, type Route } from "../route.ts";

const NAMES = new Set<string>(FEATURE_NAMES);

const importQuery = z.object({
  name: z.string().trim().min(1).max(100).describe("For people"),
  format: z.enum(IMPORT_FORMATS).optional().describe("Found out from the file, unless said"),
  features: z
    .string()
    .max(8_000)
    .transform((text) => text.split(",").map((name) => name.trim()))
    .optional()
    .describe("What the model's columns are here, in their order, with commas; the file's own names, unless said"),
});
type ImportQuery = z.infer<typeof importQuery>;

const file = z.instanceof(Uint8Array).refine(({ byteLength }) => byteLength > 0, "is empty");

/** The file as a model of features that carts have; a 400 says what is wrong with it. */
function modelOf(bytes: Uint8Array, { format, features }: ImportQuery): Model {
  const read = importModel(bytes, { ...(format ? { format } : {}), ...(features ? { features } : {}) });
  if (!read.ok) throw invalid("(body)", read.reason);
  const unknown = read.value.features.filter((name) => !NAMES.has(name));
  if (unknown.length > 0)
    throw invalid(
      "features",
      `there is no feature ${unknown.map((name) => JSON.stringify(name.slice(0, 64))).join(", ")}; name the model's columns by \`features\``,
    );
  return read.value;
}

/** The same file is the same version: an import that was cut off is resumed by its repeat. */
async function importFile(call: MemberCall<ImportQuery, Uint8Array>): Promise<Response> {
  const { env, principal, query, body } = call;
  const { storeId } = principal;
  const model = modelOf(body, query);
  const artefact = encodeModel(model);
  const sha256 = createHash("sha256").update(artefact).digest("hex");
  const version = `import_${sha256.slice(0, 20)}`;
  if (await modelRow(env.DB, storeId, version)) throw known(version);
  const serving = await storeStub(env, storeId).serving();
  if (!(await makeRoom(env.DB, env.ARTEFACTS, storeId, serving)))
    throw new AppError("CONFLICT", `A store keeps at most ${MAX_MODELS} models: archive some that are in staging.`);
  // The artefact first: a row never names what is not there. One without a row is swept.
  await env.ARTEFACTS.put(artefactKey(storeId, version), artefact, { sha256 });
  const inserted = await insertModel(env.DB, storeId, {
    version,
    kind: "imported",
    algorithm: model.algorithm,
    name: query.name,
    stage: "staging",
    trees: model.forest?.roots.length ?? 0,
    features: model.features,
    metrics: null,
    baseline: null,
    reference: null,
    windowFrom: null,
    windowTo: null,
    examples: 0,
    bytes: artefact.byteLength,
    sha256,
    runId: null,
    note: null,
    createdAt: Date.now(),
    createdBy: principal.email || principal.userId,
  });
  if (!inserted) throw known(version);
  const view = viewOf({ row: await modelRow(env.DB, storeId, version) }, serving);
  call.audit({ action: "model.imported", objectId: version, after: view });
  return json(view, 201);
}

const known = (version: string): AppError => new AppError("CONFLICT", `This model is there already: ${version}.`);

export const routes: Route[] = [
  member(
    {
      method: "POST",
      path: "/v1/models/import",
      access: "models:write",
      tag: "Models",
      operationId: "importModel",
      summary: "Import a model that was trained elsewhere",
      description: `A file of at most ${MAX_MODEL_BYTES / 1024 / 1024} MB: XGBoost's JSON, LightGBM's text, ONNX with a \`TreeEnsembleClassifier\`, or Cartwake's own. Its columns must be features that carts have (see \`predict\`). It begins in \`staging\`.`,
      query: importQuery,
      body: file,
      fileBody: ["application/json", "text/plain", "application/octet-stream"],
      maxBody: MAX_MODEL_BYTES,
      audit: "model.imported",
      answers: { 201: { description: "The model", schema: modelView } },
    },
    importFile,
  ),
];
