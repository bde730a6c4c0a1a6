/** `POST /v1/models/:version/*`: from one stage to another. What serves is kept by the store's actor, its single writer. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { moveModel } from "../../../shared/db/models.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { type Move, type Refusal, stageOf } from "../../../shared/model/registry.ts";
import { modelView } from "../../../shared/model/views.ts";
import { ifMatch, invalid, stale } from "../context.ts";
import { servingView, viewOf } from "../model-views.ts";
import { type MemberCall, member, type Route } from "../route.ts";
import { known } from "./models.ts";

const REFUSALS: Record<Refusal, string> = {
  already: "It is in that stage already.",
  in_production: "It is in production: roll it back, or promote another.",
  other_canary: "Another model is the canary: promote it or roll it back first.",
  not_serving: "It is out of service already: there is nothing to roll back.",
  prior: "The prior model is there whenever nothing else is: it can only be promoted.",
};

async function move(call: MemberCall, to: Move, action: string): Promise<Response> {
  const { env, principal } = call;
  const { storeId } = principal;
  const model = await known(call);
  const { version, stored } = model;
  const store = storeStub(env, storeId);
  const done = await moveModel(env.DB, store, storeId, model, to, Date.now(), ifMatch(call.request));
  if (!done.ok) throw done.reason === "version" ? stale() : new AppError("CONFLICT", REFUSALS[done.reason]);
  const { before, after } = done.value;
  const now = viewOf(await known(call), after);
  call.audit({
    action,
    objectId: version,
    before: { stage: stageOf(before, version, stored), serving: servingView(before) },
    after: { stage: now.stage, serving: servingView(after) },
  });
  return json(now, 200, { etag: `"${after.version}"` });
}

const share = z
  .number()
  .min(0)
  .max(1)
  .describe("Of the carts, by the hash of their ids: who had it keeps it as it grows");
const canaryBody = z.object({ share }).meta({ examples: [{ share: 0.1 }] });
const stageBody = z
  .object({
    stage: z.enum(["staging", "shadow", "canary", "production", "archived"]),
    share: share.optional().describe("Needed for `canary`, and for nothing else"),
  })
  .meta({ examples: [{ stage: "shadow" }] });

function moveOf({ stage, share: given }: z.infer<typeof stageBody>): Move {
  if (stage !== "canary") {
    if (given !== undefined) throw invalid("share", "is for canaries alone");
    return { to: stage };
  }
  if (given === undefined) throw invalid("share", "is needed for a canary");
  return { to: "canary", share: given };
}

const stage = (call: MemberCall<unknown, z.infer<typeof stageBody>>): Promise<Response> =>
  move(call, moveOf(call.body), "model.staged");

const change = {
  method: "POST",
  access: "models:write",
  tag: "Models",
  changesRules: true,
  ifMatch: true,
  answers: {
    200: { description: "The model in its new stage; `ETag` is the version of what serves", schema: modelView },
  },
} as const;

export const routes: Route[] = [
  member(
    {
      ...change,
      path: "/v1/models/:version/stage",
      summary: "Move a model to a stage",
      description:
        "`If-Match` takes `serving.version`. A model in production leaves it by a rollback, or by another one's promotion.",
      body: stageBody,
      audit: "model.staged",
    },
    stage,
  ),
  member(
    {
      ...change,
      path: "/v1/models/:version/promote",
      summary: "Let a model score the carts",
      description:
        "What was in production before is kept in mind: a rollback leads there. `prior` can be promoted too.",
      audit: "model.promoted",
    },
    (call) => move(call, { to: "production" }, "model.promoted"),
  ),
  member(
    {
      ...change,
      path: "/v1/models/:version/canary",
      summary: "Let a model score a share of the carts",
      body: canaryBody,
      audit: "model.canaried",
    },
    (call: MemberCall<unknown, z.infer<typeof canaryBody>>) =>
      move(call, { to: "canary", share: call.body.share }, "model.canaried"),
  ),
  member(
    {
      ...change,
      path: "/v1/models/:version/shadow",
      summary: "Score finished carts with a model, and use it for nothing",
      description: "The one that was the shadow goes back to `staging`.",
      audit: "model.shadowed",
    },
    (call) => move(call, { to: "shadow" }, "model.shadowed"),
  ),
  member(
    {
      ...change,
      path: "/v1/models/:version/rollback",
      summary: "Take a model out of service",
      description:
        "Out of production it leads back to what was there before, or to the prior. 409 when the model does not serve.",
      audit: "model.rolled_back",
    },
    (call) => move(call, { to: "rollback" }, "model.rolled_back"),
  ),
];
