/** How good a fitted model is against what serves, on rows that neither was fitted on; and its place in the registry. */
import { insertModel, makeRoom } from "../../shared/db/models.ts";
import { type Reference, referenceOf } from "../../shared/model/drift.ts";
import { judgeOffline, type Paired, pairedLogLoss, type Verdict } from "../../shared/model/gates.ts";
import { importanceOf } from "../../shared/model/importance.ts";
import { measure } from "../../shared/model/metrics.ts";
import type { Dataset } from "../../shared/model/model.ts";
import { scoreColumns } from "../../shared/model/score-rows.ts";
import type { Scorer } from "../../shared/model/scorer.ts";
import type { ModelMetrics } from "../../shared/model/views.ts";
import { iso } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import type { Parts, Plan } from "./collect.ts";
import { putJson, type RunId, readJson, withDataset } from "./files.ts";
import type { Fitted } from "./fit.ts";
import { scorerOf, servingOf, servingScorer } from "./models.ts";

const RESAMPLES = 200;

interface Evaluation {
  metrics: ModelMetrics;
  baseline: ModelMetrics;
  reference: Reference;
}

/** Writes `evaluation`, and answers by the first gate. */
export async function evaluate(env: Env, run: RunId, version: string, plan: Plan, seed: number): Promise<Verdict> {
  const { storeId } = run;
  const fitted = await scorerOf(env, storeId, version);
  const serving = await servingScorer(env, storeId, plan.production);
  return withDataset(env, run, "test", async (test) => {
    const judged = judge(test, fitted, serving, seed);
    const { metrics, baseline, scores, paired } = judged;
    const { groups } = test;
    const reference = await withDataset(env, run, "train", (train) => referenceOf(train, { scores, groups }));
    const evaluation: Evaluation = { metrics, baseline, reference };
    await putJson(env, run, "evaluation", evaluation);
    return judgeOffline(metrics, baseline, paired);
  });
}

interface Judged extends Pick<Evaluation, "metrics" | "baseline"> {
  /** Of the new model. */
  scores: Float64Array;
  paired: Paired;
}

function judge({ features, columns, labels, groups }: Dataset, fitted: Scorer, serving: Scorer, seed: number): Judged {
  const candidate = scoreColumns(fitted, features, columns, labels.length);
  const production = scoreColumns(serving, features, columns, labels.length);
  const options = { resamples: RESAMPLES, seed };
  const metrics = {
    ...measure({ probabilities: candidate, labels, groups }, options),
    importance: importanceOf(fitted, features, columns, labels.length),
  };
  const baseline = measure({ probabilities: production, labels, groups }, options);
  return { metrics, baseline, scores: candidate, paired: pairedLogLoss({ labels, groups, candidate, production }) };
}

/** False when the store has as many models as it may. */
export async function register(
  env: Env,
  { storeId, runId }: RunId,
  version: string,
  { fitted, parts, features, now }: { fitted: Fitted; parts: Parts; features: readonly string[]; now: number },
): Promise<boolean> {
  if (!(await makeRoom(env.DB, env.ARTEFACTS, storeId, await servingOf(env, storeId)))) return false;
  const { metrics, baseline, reference } = await readJson<Evaluation>(env, { storeId, runId }, "evaluation");
  await insertModel(env.DB, storeId, {
    version,
    kind: "trained",
    algorithm: fitted.algorithm,
    name: `Trained ${iso(now).slice(0, 10)}`,
    stage: "staging",
    trees: fitted.trees,
    features,
    metrics,
    baseline,
    reference,
    windowFrom: parts.from,
    windowTo: parts.to,
    examples: parts.train,
    bytes: fitted.bytes,
    sha256: fitted.sha256,
    runId,
    note: null,
    createdAt: now,
    createdBy: null,
  });
  return true;
}
