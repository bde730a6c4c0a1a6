/**
 * The prior model of a store without outcomes of its own: a logistic score with hand-set weights.
 * The signs and rough sizes follow what the clickstream literature agrees on (progress in the checkout and a known
 * address raise the odds, removals, exit intents, failed payments and idle time lower them). It is not fitted on
 * anybody's data and does not claim calibration: a trained model replaces it.
 */
import { FEATURES, type FeatureInput, featuresAt } from "./features.ts";

export interface Prediction {
  purchaseProbability: number;
  model: string;
  /** Strongest first, at most four; `effect` in log-odds against an average cart. */
  reasons: { feature: string; value: number; effect: number }[];
  at: number;
}

export const BASELINE = "baseline-1";

const INTERCEPT = -1.2;

/** Per feature: weight in log-odds a unit, the value of an average cart, and the largest value that still counts. */
const WEIGHTS: Record<(typeof FEATURES)[number]["name"], [weight: number, typical: number, cap: number]> = {
  lines: [0.08, 1, 10],
  quantity: [0.02, 1, 20],
  productViews: [-0.015, 4, 40],
  repeatViews: [0.06, 1, 10],
  adds: [0.05, 1, 10],
  removes: [-0.25, 0, 5],
  checkoutStage: [0.45, 0, 5],
  couponTries: [0.1, 0, 3],
  paymentFailures: [-0.6, 0, 3],
  exitIntents: [-0.3, 0, 3],
  identified: [0.5, 0, 1],
  sessionMinutes: [0.006, 8, 60],
  idleMinutes: [-0.02, 0, 120],
  mobile: [-0.25, 0.5, 1],
};

export const NO_PREDICTION: Prediction = { purchaseProbability: 0, model: BASELINE, reasons: [], at: 0 };

/** Probability that the cart ends in an order, as of `now`. Pure; about a microsecond. */
export function predict(cart: FeatureInput, now: number): Prediction {
  const values = featuresAt(cart, now);
  let score = INTERCEPT;
  const reasons = FEATURES.map(({ name }, index) => {
    const [weight, typical, cap] = WEIGHTS[name];
    const value = values[index]!;
    const effect = weight * (Math.min(cap, value) - typical);
    score += effect;
    return { feature: name, value: round(value), effect: round(effect) };
  });
  reasons.sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect));
  return {
    purchaseProbability: round(1 / (1 + Math.exp(-score))),
    model: BASELINE,
    reasons: reasons.slice(0, 4),
    at: now,
  };
}

const round = (value: number): number => Math.round(value * 1e4) / 1e4;
