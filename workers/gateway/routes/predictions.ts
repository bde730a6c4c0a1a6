/** `POST /v1/predictions`: how carts will end, as their actors see it; or what a model makes of features as they are given. */
import * as z from "zod";
import { cartStub, storeStub } from "../../../objects/stubs.ts";
import { AppError, type ErrorCode } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { log } from "../../../shared/log.ts";
import { weights } from "../../../shared/model/cache.ts";
import { FEATURE_NAMES, FEATURES } from "../../../shared/model/features.ts";
import { reasonsOf } from "../../../shared/model/prediction.ts";
import { PRIOR_MODEL } from "../../../shared/model/prior.ts";
import { artefactKey, versionFor } from "../../../shared/model/rollout.ts";
import { compile, type Scorer } from "../../../shared/model/scorer.ts";
import { NO_SERVING, PRIOR_VERSION } from "../../../shared/model/serving.ts";
import { iso } from "../../../shared/time.ts";
import { type PredictionView, predictionView } from "../../../shared/views.ts";
import type { Env } from "../../env.ts";
import { notFound } from "../context.ts";
import { findModel } from "../model-views.ts";
import { type MemberCall, member, type Route } from "../route.ts";

const MAX_ITEMS = 1_000;
const MAX_BODY = 2 * 1024 * 1024;
/** Carts asked at a time: a thousand at once would wake a thousand actors in one moment. */
const PARALLEL = 32;

/** No feature comes near it; sums of larger numbers could be none. */
const MAX_VALUE = 1e15;

const NAMES = new Set<string>(FEATURE_NAMES);
const featureValue = z.number().min(-MAX_VALUE).max(MAX_VALUE).nullable().optional();
const featureValues = z
  .looseObject(
    Object.fromEntries(FEATURES.map(({ name, unit, doc }) => [name, featureValue.describe(`${doc} (${unit})`)])),
  )
  .superRefine((values, context) => {
    for (const name of Object.keys(values))
      if (!NAMES.has(name)) context.addIssue({ code: "custom", path: [name.slice(0, 64)], message: "no such feature" });
  })
  .describe("What is `null` or left out is not known")
  .meta({ id: "FeatureValues" });
type FeatureValues = z.infer<typeof featureValues>;

const cartId = z.string().min(1).max(128);
const EITHER = "either cartId or features";
const item = z
  .object({ cartId: cartId.optional(), features: featureValues.optional() })
  .refine((asked) => (asked.cartId === undefined) !== (asked.features === undefined), EITHER)
  .describe("A cart, or what is known of one: either of the two");

const body = z
  .object({
    cartId: cartId.optional(),
    features: featureValues.optional(),
    items: z.array(item).min(1).max(MAX_ITEMS).optional().describe("For many at once"),
    version: z.string().max(64).optional().describe("The model to ask; the one that serves, unless said"),
  })
  .refine(
    (asked) => [asked.cartId, asked.features, asked.items].filter((one) => one !== undefined).length === 1,
    `${EITHER}, or items`,
  )
  .meta({ examples: [{ cartId: "c-1" }] });

const failed = z
  .object({ error: z.object({ code: z.enum(["NOT_FOUND", "SERVICE_UNAVAILABLE"]), message: z.string() }) })
  .meta({ id: "PredictionError" });
const batch = z
  .object({ items: z.array(z.union([predictionView, failed])).describe("In the order in which they were asked for") })
  .meta({ id: "Predictions" });

/** A prediction, or why there is none. */
type Outcome = PredictionView | { error: { code: ErrorCode; message: string } };

const PRIOR_SCORER = compile(PRIOR_MODEL);

async function predict(call: MemberCall<unknown, z.infer<typeof body>>): Promise<Response> {
  const { env, principal, body: asked } = call;
  const { storeId } = principal;
  if (asked.version !== undefined && !(await findModel(env.DB, storeId, asked.version))) throw notFound("model");
  const items = asked.items ?? [asked];
  // A cart hears of another model with its next event: who asks now gets the answer of the one that serves now.
  const serving = asked.version === undefined ? await storeStub(env, storeId).serving() : null;
  const versionOf = (id: string): string => asked.version ?? versionFor(serving ?? NO_SERVING, id) ?? PRIOR_VERSION;
  const score = items.some(({ features }) => features)
    ? await rawScorer(env, storeId, asked.version ?? serving?.production ?? PRIOR_VERSION)
    : null;
  const outcomes = await mapLimited(items, PARALLEL, ({ features, cartId: id = "" }) =>
    features && score ? score(features) : ofCart(env, storeId, id, versionOf(id)),
  );
  const [only] = outcomes;
  if (asked.items || !only) return json({ items: outcomes });
  if ("error" in only) throw new AppError(only.error.code, only.error.message);
  return json(only);
}

const refused = (code: "NOT_FOUND" | "SERVICE_UNAVAILABLE", message: string): Outcome => ({ error: { code, message } });

async function ofCart(env: Env, storeId: string, id: string, version: string): Promise<Outcome> {
  if (id.includes("/")) return refused("NOT_FOUND", "No such cart.");
  try {
    const predicted = await cartStub(env, storeId, id).prediction(version);
    return predicted.ok ? predicted.value : refused("NOT_FOUND", "No such cart.");
  } catch (error) {
    log("warn", "prediction_failed", { actor: id, error });
    return refused("SERVICE_UNAVAILABLE", "The cart did not answer: try again.");
  }
}

/** Scores features by a version. */
async function rawScorer(env: Env, storeId: string, version: string): Promise<(features: FeatureValues) => Outcome> {
  if (version === PRIOR_VERSION) return scoring(PRIOR_SCORER, PRIOR_VERSION);
  try {
    return scoring(await weights.load(env.ARTEFACTS, artefactKey(storeId, version)), version);
  } catch (error) {
    log("warn", "prediction_failed", { actor: storeId, model: version, error });
    return () => refused("SERVICE_UNAVAILABLE", "The model cannot be read now: try again.");
  }
}

function scoring(scorer: Scorer, model: string): (features: FeatureValues) => Outcome {
  const effects = new Float64Array(scorer.features.length);
  return (features) => {
    const vector = scorer.features.map((name) => (typeof features[name] === "number" ? features[name] : Number.NaN));
    const probability = round(scorer.explain(vector, effects));
    return {
      abandonmentRisk: round(1 - probability),
      purchaseProbability: probability,
      model,
      reasons: reasonsOf(scorer.features, vector, effects),
      at: iso(Date.now()),
    };
  };
}

const round = (value: number): number => Math.round(value * 1e4) / 1e4;

/** In the order of `items`, so many at a time. */
async function mapLimited<T, R>(items: readonly T[], limit: number, work: (item: T) => R | Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}

export const routes: Route[] = [
  member(
    {
      method: "POST",
      path: "/v1/predictions",
      access: "carts:read",
      tag: "Models",
      operationId: "predict",
      summary: "Ask how carts will end",
      description: `Of a cart, of features, or of up to ${MAX_ITEMS} of them at once. Nothing is changed, so an \`Idempotency-Key\` is not heeded.`,
      reads: true,
      body,
      maxBody: MAX_BODY,
      problems: ["NOT_FOUND", "SERVICE_UNAVAILABLE"],
      answers: {
        200: {
          description: "The prediction; of a batch, one or an error for each",
          schema: z.union([predictionView, batch]),
        },
      },
    },
    predict,
  ),
];
