/**
 * The prior model: what scores the carts of a store that has too few outcomes for a model of its own. Small trees, fitted
 * with this project's trainer on simulated visits (`npm run prior`; the simulator is in `test/prior`), on no shop's data.
 */
import type { Model } from "./model.ts";
import { type Predictor, predictorOf } from "./prediction.ts";
import { FIGURES, FITTED } from "./prior-model.ts";
import { compile } from "./scorer.ts";
import type { ModelMetrics } from "./views.ts";

export const PRIOR = "prior-2";

export const PRIOR_MODEL: Model = FITTED;

/** Compiled once; every isolate has it before its first event. */
export const prior: Predictor = predictorOf(compile(PRIOR_MODEL), PRIOR);

export interface ModelCard {
  version: string;
  fittedOn: string;
  /** Examples it was fitted on, of how many simulated shoppers, and how many of them ended in an order. */
  examples: number;
  shoppers: number;
  purchases: number;
  /** On simulated shoppers of other simulated shops, with 95% intervals; at some moments ROC-AUC alone. */
  metrics: ModelMetrics;
  rocAuc: Readonly<Record<string, number>>;
  /** Log loss in nats of what it was chosen from. */
  compared: Readonly<Record<string, number>>;
  notFor: readonly string[];
}

/**
 * What the prior is. Its figures say how well it knows the simulator, not any shop.
 *
 * TRANSFER
 */
export const PRIOR_CARD: ModelCard = {
  version: PRIOR,
  fittedOn: "Visits simulated by this project after published averages. No shop's data.",
  examples: FIGURES.examples,
  shoppers: FIGURES.shoppers,
  purchases: FIGURES.purchases,
  metrics: FIGURES.metrics,
  rocAuc: FIGURES.rocAuc,
  compared: FIGURES.compared,
  notFor: [
    "Knowing how likely a purchase is in a certain shop: shops differ more than the simulated ones, so that all its probabilities may be too high or too low.",
    "Telling shoppers apart who did nothing yet but put something into the cart: it knows little of them.",
    "Deciding about a person: credit, prices or access.",
  ],
};
