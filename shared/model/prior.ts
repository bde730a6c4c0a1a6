/**
 * The prior model of a store without outcomes of its own: a logistic score with hand-set weights.
 * The signs and rough sizes follow what the clickstream literature agrees on (progress in the checkout and a known
 * address raise the odds, removals, exit intents, failed payments and idle time lower them). It is not fitted on
 * anybody's data and does not claim calibration: a trained model replaces it.
 */
import { FEATURE_NAMES, type FeatureName } from "./features.ts";
import { MODEL_FORMAT, type Model } from "./model.ts";
import { type Predictor, predictorOf } from "./prediction.ts";
import { compile } from "./scorer.ts";

export const PRIOR = "prior-1";

const INTERCEPT = -1.2;

/** Per feature: weight in log-odds a unit, and the value of an average cart. */
const WEIGHTS: Partial<Record<FeatureName, [weight: number, typical: number]>> = {
  lines: [0.08, 1],
  productViews: [-0.015, 4],
  repeatViews: [0.06, 1],
  adds: [0.05, 1],
  removes: [-0.25, 0],
  checkoutStage: [0.45, 0],
  couponTries: [0.1, 0],
  paymentFailures: [-0.6, 0],
  exitIntents: [-0.3, 0],
  identified: [0.5, 0],
  idleMinutes: [-0.02, 0],
  mobile: [-0.25, 0.5],
};

const names = FEATURE_NAMES.filter((name) => WEIGHTS[name]);
const model: Model = {
  format: MODEL_FORMAT,
  algorithm: "logistic",
  features: names,
  base: 0,
  forest: null,
  forestWeight: 0,
  linear: {
    intercept: INTERCEPT,
    weight: names.map((name) => WEIGHTS[name]![0]),
    mean: names.map((name) => WEIGHTS[name]![1]),
    scale: names.map(() => 1),
  },
  linearWeight: 1,
  calibration: { kind: "none" },
};

export const PRIOR_MODEL: Model = model;

/** Compiled once; every isolate has it before its first event. */
export const prior: Predictor = predictorOf(compile(model), PRIOR);
