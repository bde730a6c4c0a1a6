/**
 * A model as plain data: what training makes, import reads, the registry keeps and the cart evaluates. A score is in
 * log-odds; the calibration turns it into a probability. A missing value is `NaN`.
 */

/**
 * Trees as parallel arrays over all nodes, trees one after another. An inner node sends `x <= threshold` to `left`, else to
 * `right`, and `NaN` to where `missing` says; a leaf has `feature` −1 and its value in log-odds. Children are node numbers.
 */
export interface Forest {
  /** The first node of each tree. */
  roots: number[];
  feature: number[];
  threshold: number[];
  left: number[];
  right: number[];
  /** 1: a missing value goes left. */
  missing: number[];
  /** Of every node, inner ones too: the mean log-odds of the rows that reached it, which contributions are told from. */
  value: number[];
  /** The exporter compares in 32-bit floats: features are rounded to them first. */
  single: boolean;
}

/** `intercept + Σ weight · (x − mean) / scale`, a missing value counting as the mean. */
export interface Linear {
  intercept: number;
  weight: number[];
  mean: number[];
  scale: number[];
}

export type Calibration =
  | { kind: "none" }
  /** p = 1 / (1 + exp(−(a · score + b))); Platt 1999. */
  | { kind: "platt"; a: number; b: number }
  /** Piecewise linear between the points `(score, log-odds)`, constant beyond them. */
  | { kind: "isotonic"; score: number[]; logit: number[] };

export const MODEL_FORMAT = 1;

/** score = base + forestWeight · Σ leaves + linearWeight · linear */
export interface Model {
  format: typeof MODEL_FORMAT;
  algorithm: "trees" | "logistic" | "blend";
  /** Names, in the order of the vector that it takes: `FEATURES` of features.ts for a cart's model. */
  features: string[];
  base: number;
  forest: Forest | null;
  forestWeight: number;
  linear: Linear | null;
  linearWeight: number;
  calibration: Calibration;
}

/** Rows by columns, each column an array of its own; `NaN` is missing. What trainers and drift read. */
export interface Dataset {
  features: string[];
  columns: Float64Array[];
  /** 0 or 1. */
  labels: Uint8Array;
  /** Whose row it is: a shopper is never in two parts of a split. */
  groups: Float64Array;
  /** When it was known (ms); for splits by time. 0 where unknown. */
  times: Float64Array;
}
