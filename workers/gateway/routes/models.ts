/** `/v1/models*`: the versions, where they come from, and how training and drift stand. Stages are in `model-stages.ts`. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { type ListedModel, modelRows } from "../../../shared/db/models.ts";
import { latestDrift, runRow, runRows, runView } from "../../../shared/db/training.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { artefactKey } from "../../../shared/model/rollout.ts";
import { PRIOR_VERSION } from "../../../shared/model/serving.ts";
import { type DriftView, driftView, modelView, servingView, trainingRunView } from "../../../shared/model/views.ts";
import type { Result } from "../../../shared/result.ts";
import { pageOf } from "../../../shared/views.ts";
import type { Env } from "../../env.ts";
import { notFound, paged, pageQuery } from "../context.ts";
import { findModel, type KnownModel, priorArtefact, servingView as servingOf, viewOf } from "../model-views.ts";
import { type MemberCall, member, type Route } from "../route.ts";

/** Begins a training run, unless one is under way. */
export interface ModelNeighbours {
  startTraining(env: Env, storeId: string, trigger: "hand"): Promise<Result<{ runId: string }, "running">>;
}

/** The model that the path names; a 404 of another store's. */
export async function known({ env, principal, params }: MemberCall): Promise<KnownModel> {
  const model = await findModel(env.DB, principal.storeId, params.version ?? "");
  if (!model) throw notFound("model");
  return model;
}

/** Newest first; the prior is the oldest of all. */
async function listModels({ env, principal, query }: MemberCall<z.infer<typeof pageQuery>>): Promise<Response> {
  const { storeId } = principal;
  const { limit, cursor } = query;
  const [serving, rows] = await Promise.all([
    storeStub(env, storeId).serving(),
    modelRows(env.DB, storeId, limit + 1, cursor),
  ]);
  const all: (ListedModel | null)[] = rows.length > limit ? rows : [...rows, null];
  const page = paged(
    all,
    limit,
    (row) => [row?.created_at ?? 0, row?.version ?? PRIOR_VERSION],
    (row) => viewOf({ row }, serving),
  );
  return json({ ...page, serving: servingOf(serving) });
}

async function getModel(call: MemberCall): Promise<Response> {
  const model = await known(call);
  return json(viewOf(model, await storeStub(call.env, call.principal.storeId).serving()));
}

async function getArtefact(call: MemberCall): Promise<Response> {
  const { row, version } = await known(call);
  const found = row && (await call.env.ARTEFACTS.get(artefactKey(call.principal.storeId, version)));
  if (row && !found) throw notFound("artefact");
  return new Response(found ? found.body : priorArtefact().bytes, {
    headers: {
      "content-type": "application/octet-stream",
      "content-disposition": `attachment; filename="${version}.cartwake"`,
      "cache-control": "no-store",
    },
  });
}

async function listRuns({ env, principal, query }: MemberCall<z.infer<typeof pageQuery>>): Promise<Response> {
  const { limit, cursor } = query;
  const rows = await runRows(env.DB, principal.storeId, limit + 1, cursor);
  return json(paged(rows, limit, (row) => [row.started_at, row.id], runView));
}

async function getRun({ env, principal, params }: MemberCall): Promise<Response> {
  const row = await runRow(env.DB, principal.storeId, params.id ?? "");
  if (!row) throw notFound("training run");
  return json(runView(row));
}

const driftQuery = z.object({
  version: z.string().max(64).optional().describe("What is in production, unless another is named"),
});

async function getDrift({ env, principal, query }: MemberCall<z.infer<typeof driftQuery>>): Promise<Response> {
  const { storeId } = principal;
  const version = query.version ?? (await storeStub(env, storeId).serving()).production ?? PRIOR_VERSION;
  if (!(await findModel(env.DB, storeId, version))) throw notFound("model");
  return json((await latestDrift(env.DB, storeId, version)) ?? nothingYet(version));
}

const nothingYet = (version: string): DriftView => ({
  version,
  at: null,
  window: { from: null, to: null },
  rows: 0,
  status: "unknown",
  score: null,
  calibration: null,
  features: [],
  history: [],
  alarms: [],
});

async function train(call: MemberCall, { startTraining }: ModelNeighbours): Promise<Response> {
  const started = await startTraining(call.env, call.principal.storeId, "hand");
  if (!started.ok) throw new AppError("CONFLICT", "A training run is at work: wait until its model is made.");
  call.audit({ action: "training_run.started", objectId: started.value.runId });
  return json(started.value, 202);
}

const read = { method: "GET", access: "analytics:read", tag: "Models" } as const;

export const routes = (neighbours: ModelNeighbours): Route[] => [
  member(
    {
      ...read,
      path: "/v1/models",
      summary: "List the models, newest first, and which of them serve",
      description: "The last one is `prior`, which ships with Cartwake and serves until the store has its own.",
      query: pageQuery,
      answers: {
        200: { description: "A page of models", schema: pageOf(modelView).extend({ serving: servingView }) },
      },
    },
    listModels,
  ),
  member(
    {
      method: "POST",
      path: "/v1/models/train",
      access: "models:write",
      tag: "Models",
      operationId: "trainModel",
      summary: "Train a model from the store's own outcomes",
      description:
        "409 while a run is at work. One that only tries its model, for up to two weeks, ends instead, and its model leaves the trial: who wants to end a trial alone rolls the model back. What comes of it is told by the run.",
      audit: "training_run.started",
      answers: { 202: { description: "It was begun", schema: z.object({ runId: z.string() }) } },
    },
    (call) => train(call, neighbours),
  ),
  member(
    {
      ...read,
      path: "/v1/models/runs",
      operationId: "listTrainingRuns",
      summary: "List the training runs, newest first",
      query: pageQuery,
      answers: { 200: { description: "A page of runs", schema: pageOf(trainingRunView) } },
    },
    listRuns,
  ),
  member(
    {
      ...read,
      path: "/v1/models/runs/:id",
      operationId: "getTrainingRun",
      summary: "Read how a training run stands",
      answers: { 200: { description: "The run", schema: trainingRunView } },
    },
    getRun,
  ),
  member(
    {
      ...read,
      path: "/v1/models/drift",
      operationId: "getModelDrift",
      summary: "Read how far a model's world has moved since it was fitted",
      query: driftQuery,
      problems: ["NOT_FOUND"],
      answers: {
        200: { description: "The latest report; its status is `unknown` until there is one", schema: driftView },
      },
    },
    getDrift,
  ),
  member(
    {
      ...read,
      path: "/v1/models/:version",
      summary: "Read a model: its stage, its figures, and what it was fitted on",
      answers: { 200: { description: "The model", schema: modelView } },
    },
    getModel,
  ),
  member(
    {
      ...read,
      path: "/v1/models/:version/artefact",
      operationId: "getModelArtefact",
      summary: "Download a model",
      description: "In Cartwake's own format, which can be imported again.",
      answers: { 200: { description: "The file", type: "application/octet-stream" } },
    },
    getArtefact,
  ),
];
