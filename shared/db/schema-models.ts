/** D1: the registry of models, what trains them, and what was advised. See `schema.ts`. */
import { index, integer, primaryKey, real, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** The registry. What serves is the store's own fact (`Serving`); `stage` here is how a version last left or came. */
export const models = sqliteTable(
  "models",
  {
    storeId: text("store_id").notNull(),
    version: text("version").notNull(),
    kind: text("kind").notNull(),
    algorithm: text("algorithm").notNull(),
    name: text("name").notNull(),
    stage: text("stage").notNull(),
    trees: integer("trees").notNull(),
    /** JSON array of names. */
    features: text("features").notNull(),
    /** JSON, `ModelMetrics` or null; of this version and of what it was to beat. */
    metrics: text("metrics").notNull(),
    baseline: text("baseline").notNull(),
    /** JSON: per feature the distribution it was fitted on, for drift. */
    reference: text("reference").notNull().default("null"),
    windowFrom: integer("window_from"),
    windowTo: integer("window_to"),
    examples: integer("examples").notNull(),
    bytes: integer("bytes").notNull(),
    sha256: text("sha256").notNull(),
    runId: text("run_id"),
    note: text("note"),
    createdAt: integer("created_at").notNull(),
    createdBy: text("created_by"),
    stagedAt: integer("staged_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.storeId, t.version] }), index("models_by_time").on(t.storeId, t.createdAt)],
);

/**
 * A generation of a cart that ended, with what was known at its moments: one row, however many moments. The view
 * `training_moments` has a row for each of them. No personal data: the shopper is a number that says only who is the same.
 */
export const trainingExamples = sqliteTable(
  "training_examples",
  {
    storeId: text("store_id").notNull(),
    /** When the outcome was known (ms). */
    closedAt: integer("closed_at").notNull(),
    cartId: text("cart_id").notNull(),
    incarnation: integer("incarnation").notNull(),
    generation: integer("generation").notNull(),
    shopper: integer("shopper").notNull(),
    /** JSON array of `Example`. */
    moments: text("moments").notNull(),
  },
  // In the order in which they are read, so that no index is needed beside it: each row is written once.
  (t) => [primaryKey({ columns: [t.storeId, t.closedAt, t.cartId, t.incarnation, t.generation] })],
);

export const trainingRuns = sqliteTable(
  "training_runs",
  {
    storeId: text("store_id").notNull(),
    id: text("id").notNull(),
    trigger: text("trigger").notNull(),
    status: text("status").notNull(),
    step: text("step").notNull(),
    progress: real("progress").notNull().default(0),
    version: text("version"),
    reason: text("reason"),
    startedAt: integer("started_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    endedAt: integer("ended_at"),
  },
  (t) => [primaryKey({ columns: [t.storeId, t.id] }), index("training_runs_by_time").on(t.storeId, t.startedAt)],
);

export const driftReports = sqliteTable(
  "drift_reports",
  {
    storeId: text("store_id").notNull(),
    at: integer("at").notNull(),
    version: text("version").notNull(),
    status: text("status").notNull(),
    /** JSON, a `DriftView` without its history. */
    report: text("report").notNull(),
  },
  (t) => [primaryKey({ columns: [t.storeId, t.at] })],
);

/** What the language model proposed for a cart, and what became of it. */
export const advice = sqliteTable(
  "advice",
  {
    storeId: text("store_id").notNull(),
    id: text("id").notNull(),
    cartId: text("cart_id").notNull(),
    at: integer("at").notNull(),
    model: text("model").notNull(),
    /** `applied`, `refused`, or why rules decided instead. */
    status: text("status").notNull(),
    reason: text("reason").notNull(),
    /** JSON; `null` when there was none that could be read. */
    proposal: text("proposal").notNull(),
    neurons: real("neurons").notNull(),
    ms: integer("ms").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.storeId, t.id] }),
    index("advice_by_time").on(t.storeId, t.at),
    index("advice_by_cart").on(t.storeId, t.cartId, t.at),
  ],
);

/** Why carts were lost in a week, in words. */
export const lossSummaries = sqliteTable(
  "loss_summaries",
  {
    storeId: text("store_id").notNull(),
    /** Monday, `2026-11-16`. */
    week: text("week").notNull(),
    at: integer("at").notNull(),
    /** The language model that wrote it; `rules` when none did. */
    model: text("model").notNull(),
    /** JSON: the figures it speaks of. */
    figures: text("figures").notNull(),
    text: text("text").notNull(),
  },
  (t) => [primaryKey({ columns: [t.storeId, t.week] })],
);
