/** `/v1/models*`: what the registry, the drift watch and training answer. */
import * as z from "zod";

const time = z.iso.datetime();
const timeOrNull = time.nullable();
const figure = z.number();
const share = z.number().min(0).max(1);

/** A figure and its 95% interval, by a bootstrap over visitors. */
export const estimate = z.object({ value: figure, low: figure, high: figure }).meta({ id: "Estimate" });
export type Estimate = z.infer<typeof estimate>;

export const importance = z
  .object({ feature: z.string(), effect: figure.describe("Mean size of its contribution, in log-odds") })
  .meta({ id: "Importance" });
export type Importance = z.infer<typeof importance>;

export const modelMetrics = z
  .object({
    rows: z.number().int(),
    positives: z.number().int(),
    shoppers: z.number().int(),
    rocAuc: estimate,
    prAuc: estimate,
    logLoss: estimate,
    brier: estimate,
    ece: estimate.describe("Expected calibration error over ten equally filled bins"),
    calibration: z
      .array(z.object({ predicted: figure, observed: figure, rows: z.number().int() }))
      .describe("Ten equally filled bins, from the least likely to the likeliest"),
    lift: z
      .array(z.object({ share: figure, captured: figure }))
      .describe("Of the carts ranked likeliest, which share of all purchases they hold"),
    importance: z
      .array(importance)
      .optional()
      .describe("What moves its predictions on these rows, the largest first; of trained models"),
  })
  .meta({ id: "ModelMetrics" });
export type ModelMetrics = z.infer<typeof modelMetrics>;

export const MODEL_STAGES = ["staging", "shadow", "canary", "production", "archived", "rejected"] as const;
export const modelStage = z.enum(MODEL_STAGES);
export type ModelStage = z.infer<typeof modelStage>;

export const modelView = z
  .object({
    version: z.string(),
    stage: modelStage,
    kind: z.enum(["prior", "trained", "imported"]),
    algorithm: z.enum(["trees", "logistic", "blend"]),
    name: z.string(),
    trees: z.number().int(),
    features: z.array(z.string()),
    metrics: modelMetrics
      .nullable()
      .describe("On shoppers it was not fitted on; `null` of an imported or the prior one"),
    baseline: modelMetrics.nullable().describe("What was in production when it was made, on the same rows"),
    window: z.object({ from: timeOrNull, to: timeOrNull }).describe("Of the examples it was fitted on"),
    examples: z.number().int(),
    share: share.nullable().describe("Of the carts, while it is the canary"),
    bytes: z.number().int(),
    sha256: z.string().describe("Of the artefact, in hexadecimal"),
    note: z.string().nullable(),
    createdAt: time,
    createdBy: z.string().nullable(),
    stagedAt: time.describe("When it came to its stage"),
  })
  .meta({ id: "Model" });
export type ModelView = z.infer<typeof modelView>;

export const servingView = z
  .object({
    production: z.string().describe("A version; `prior` until the store has its own"),
    canary: z.object({ version: z.string(), share }).nullable(),
    shadow: z.string().nullable(),
    previous: z
      .string()
      .nullable()
      .describe("Where a rollback of what is in production leads; `null`: to the prior one"),
    version: z.number().int().describe("Grows with every change; for `If-Match`"),
  })
  .meta({ id: "Serving" });
export type ServingView = z.infer<typeof servingView>;

export const RUN_STEPS = ["collect", "train", "evaluate", "register", "shadow", "canary", "decide"] as const;
export const trainingRunView = z
  .object({
    id: z.string(),
    trigger: z.enum(["schedule", "drift", "hand"]),
    status: z.enum(["running", "waiting", "promoted", "rejected", "rolled_back", "too_few", "failed"]),
    step: z.enum(RUN_STEPS),
    progress: share,
    version: z.string().nullable(),
    reason: z.string().nullable().describe("Why it ended as it did"),
    startedAt: time,
    endedAt: timeOrNull,
  })
  .meta({ id: "TrainingRun" });
export type TrainingRunView = z.infer<typeof trainingRunView>;

export const driftFeature = z
  .object({
    feature: z.string(),
    psi: figure.describe("Population stability index against the window the model was fitted on"),
    kl: figure.describe("Kullback–Leibler divergence in nats"),
    missing: share.describe("Of the recent rows"),
    missingBefore: share,
    status: z.enum(["stable", "moved", "drifted"]),
  })
  .meta({ id: "DriftFeature" });
export type DriftFeature = z.infer<typeof driftFeature>;

export const driftView = z
  .object({
    version: z.string(),
    at: timeOrNull,
    window: z.object({ from: timeOrNull, to: timeOrNull }),
    rows: z.number().int(),
    status: z.enum(["unknown", "stable", "moved", "drifted"]),
    score: driftFeature.nullable().describe("Of the predicted probability"),
    calibration: z
      .object({ predicted: figure, observed: figure, gap: figure, low: figure, high: figure })
      .nullable()
      .describe("Mean prediction against the share of purchases, with the 95% interval of the gap"),
    features: z.array(driftFeature).describe("The most moved first"),
    history: z.array(z.object({ at: time, score: figure, worst: figure, gap: figure.nullable() })),
    alarms: z.array(z.string()),
  })
  .meta({ id: "Drift" });
export type DriftView = z.infer<typeof driftView>;
