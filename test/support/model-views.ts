/** What weeks of a store's carts would make: versions with their figures, training runs and drift, and the rows they are kept in. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FEATURE_NAMES } from "../../shared/model/features.ts";
import {
  type DriftFeature,
  type DriftView,
  driftView,
  type Estimate,
  type ModelMetrics,
  type ModelView,
  modelView,
  type ServingView,
  servingView,
  type TrainingRunView,
  trainingRunView,
} from "../../shared/model/views.ts";
import { DAY_MS, HOUR_MS } from "../../shared/time.ts";

const around = (value: number, half: number): Estimate => ({ value, low: value - half, high: value + half });

/** Of a model that ranks the better the higher `skill` is (0 to 1), and says `bias` too much in log-odds. */
export function metricsOf(skill: number, bias: number): ModelMetrics {
  const bins = Array.from({ length: 10 }, (_, i) => {
    const observed = 1 / (1 + Math.exp(-(-1.1 + skill * 5 * ((i + 0.5) / 10 - 0.5))));
    const wave = 0.012 * Math.sin(i * 2.1);
    return {
      predicted: 1 / (1 + Math.exp(-(Math.log(observed / (1 - observed)) + bias))) + wave,
      observed,
      rows: 1_840,
    };
  });
  const all = bins.reduce((sum, bin) => sum + bin.observed, 0);
  const best = [...bins].reverse();
  const held = (count: number) => best.slice(0, count).reduce((sum, bin) => sum + bin.observed, 0) / all;
  return {
    rows: 18_400,
    positives: Math.round((all / 10) * 18_400),
    shoppers: 6_120,
    rocAuc: around(0.5 + 0.34 * skill, 0.011),
    prAuc: around(0.2 + 0.36 * skill, 0.019),
    logLoss: around(0.6 - 0.16 * skill + Math.abs(bias) * 0.05, 0.009),
    brier: around(0.21 - 0.05 * skill, 0.005),
    ece: around(0.008 + Math.abs(bias) * 0.09, 0.004),
    calibration: bins,
    lift: bins.map((_, i) => ({ share: (i + 1) / 10, captured: held(i + 1) })),
    importance: FEATURE_NAMES.map((feature, i) => ({ feature, effect: 0.6 * skill * 0.82 ** i })),
  };
}

interface Given extends Partial<ModelView> {
  version: string;
  /** Days. */
  age: number;
}

export function modelOf({ age, ...given }: Given, now: number): ModelView {
  const at = (days: number) => new Date(now - days * DAY_MS).toISOString();
  return modelView.parse({
    stage: "staging",
    kind: "trained",
    algorithm: "trees",
    name: given.version,
    trees: 180,
    features: [...FEATURE_NAMES],
    metrics: metricsOf(0.72, 0.02),
    baseline: metricsOf(0.6, 0.15),
    window: { from: at(age + 60), to: at(age + 1) },
    examples: 42_318,
    share: null,
    bytes: 184_220,
    sha256: "9f2c4e6a8b0d1f3e5c7a9b2d4f6e8a0c1b3d5f7e9a2c4b6d8f0e1a3c5b7d9f2e",
    note: null,
    createdAt: at(age),
    createdBy: null,
    stagedAt: at(age / 2),
    ...given,
  } satisfies ModelView);
}

export const serving = (given: Partial<ServingView>): ServingView =>
  servingView.parse({ production: "prior", canary: null, shadow: null, previous: null, version: 7, ...given });

export const runOf = (given: Partial<TrainingRunView> & { id: string }, now: number): TrainingRunView =>
  trainingRunView.parse({
    trigger: "schedule",
    status: "promoted",
    step: "decide",
    progress: 1,
    version: null,
    reason: null,
    startedAt: new Date(now - 2 * DAY_MS).toISOString(),
    endedAt: new Date(now - 2 * DAY_MS + HOUR_MS).toISOString(),
    ...given,
  } satisfies TrainingRunView);

const movedBy = (psi: number): DriftFeature["status"] => (psi >= 0.25 ? "drifted" : psi >= 0.1 ? "moved" : "stable");

function drifting(feature: string, psi: number, missing = 0, missingBefore = missing): DriftFeature {
  return { feature, psi, kl: psi / 2.1, missing, missingBefore, status: movedBy(psi) };
}

/** Of carts that came more and more from phones. */
export function driftOf(version: string, now: number): DriftView {
  const features = FEATURE_NAMES.map((name, i) => drifting(name, 0.06 / (1 + i / 3)));
  const moved = new Map([
    ["mobile", drifting("mobile", 0.34)],
    ["couponTries", drifting("couponTries", 0.17)],
    ["priceRatio", drifting("priceRatio", 0.12, 0.31, 0.08)],
  ]);
  return driftView.parse({
    version,
    at: new Date(now - 3 * HOUR_MS).toISOString(),
    window: { from: new Date(now - 7 * DAY_MS).toISOString(), to: new Date(now).toISOString() },
    rows: 5_210,
    status: "drifted",
    score: drifting("score", 0.138),
    calibration: { predicted: 0.312, observed: 0.271, gap: 0.041, low: 0.018, high: 0.064 },
    features: features.map((one) => moved.get(one.feature) ?? one).sort((a, b) => b.psi - a.psi),
    history: Array.from({ length: 30 }, (_, i) => ({
      at: new Date(now - (30 - i) * DAY_MS).toISOString(),
      score: 0.02 + 0.004 * Math.abs(Math.sin(i)) + (i > 18 ? (i - 18) * 0.01 : 0),
      worst: 0.05 + 0.012 * Math.abs(Math.cos(i * 1.3)) + (i > 16 ? (i - 16) * 0.0205 : 0),
      gap: i < 2 ? null : 0.004 * Math.sin(i * 0.9) + (i > 18 ? (i - 18) * 0.0034 : 0),
    })),
    alarms: ["mobile drifted: PSI 0.34 is above 0.25", "predictions are 4.1 points too high"],
  } satisfies DriftView);
}

export interface Kept {
  models: ModelView[];
  runs: TrainingRunView[];
  drift: DriftView[];
  /** Rows of `advice`. */
  advice: Record<string, string | number>[];
}

/** Writes them into the server's own database, as training and the drift watch would. Stages are the server's to change. */
export function keepModels({ state }: { state: string }, storeId: string, given: Kept): void {
  const files = readdirSync(state, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".sqlite"));
  for (const file of files) {
    const database = new DatabaseSync(join(state, file), { timeout: 5_000 });
    try {
      if (!database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'drift_reports'").get()) continue;
      const insert = (table: string, row: Record<string, string | number | null>) =>
        database
          .prepare(
            `INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${Object.keys(row)
              .map(() => "?")
              .join()})`,
          )
          .run(...Object.values(row));
      for (const model of given.models) insert("models", modelRow(storeId, model));
      for (const run of given.runs) insert("training_runs", runRow(storeId, run));
      for (const drift of given.drift) for (const row of driftRows(storeId, drift)) insert("drift_reports", row);
      for (const row of given.advice) insert("advice", { store_id: storeId, ...row });
      return;
    } finally {
      database.close();
    }
  }
  throw new Error(`no models among ${files.length} files`);
}

const ms = (time: string | null): number | null => (time === null ? null : Date.parse(time));

function modelRow(storeId: string, model: ModelView) {
  const { version, kind, algorithm, name, stage, trees, examples, bytes, sha256, note } = model;
  return {
    store_id: storeId,
    ...{ version, kind, algorithm, name, stage, trees, examples, bytes, sha256, note },
    features: JSON.stringify(model.features),
    metrics: JSON.stringify(model.metrics),
    baseline: JSON.stringify(model.baseline),
    window_from: ms(model.window.from),
    window_to: ms(model.window.to),
    created_at: Date.parse(model.createdAt),
    created_by: model.createdBy,
    staged_at: Date.parse(model.stagedAt),
  };
}

const runRow = (
  storeId: string,
  { id, trigger, status, step, progress, version, reason, ...run }: TrainingRunView,
) => ({
  store_id: storeId,
  ...{ id, trigger, status, step, progress, version, reason },
  started_at: Date.parse(run.startedAt),
  // Nobody works at one that is open: the cron must not find it silent, and end it.
  updated_at: run.endedAt === null ? Date.now() + DAY_MS : Date.parse(run.endedAt),
  ended_at: ms(run.endedAt),
});

/** The latest report is told of in full, those before it by their course. */
const driftRows = (storeId: string, { history, ...latest }: DriftView) =>
  history.map(({ at, score, worst, gap }, i) => {
    const past: Omit<DriftView, "history"> = {
      ...latest,
      at,
      score: drifting("score", score),
      features: [drifting("mobile", worst)],
      calibration:
        gap === null ? null : { predicted: 0.3 + gap, observed: 0.3, gap, low: gap - 0.02, high: gap + 0.02 },
    };
    const report = i === history.length - 1 ? { ...latest, at } : past;
    return {
      store_id: storeId,
      at: Date.parse(at),
      version: latest.version,
      status: report.status,
      report: JSON.stringify(report),
    };
  });
