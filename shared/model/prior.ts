/**
 * The prior model: what scores the carts of a store that has too few outcomes for a model of its own. Small trees, fitted
 * with this project's trainer on simulated visits (`npm run prior`; the simulator is in `test/prior`), on no shop's data.
 */
import type { Model } from "./model.ts";
import { type Predictor, predictorOf } from "./prediction.ts";
import { FIGURES, FITTED } from "./prior-model.ts";
import { compile } from "./scorer.ts";
import { PRIOR_VERSION } from "./serving.ts";
import type { ModelMetrics } from "./views.ts";

/** Which of the priors that this project has shipped it is. */
const REVISION = "prior-2";

export const PRIOR_MODEL: Model = FITTED;

/** Compiled once; every isolate has it before its first event. */
export const prior: Predictor = predictorOf(compile(PRIOR_MODEL), PRIOR_VERSION);

export interface ModelCard {
  revision: string;
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
 * On real clickstreams, which nothing of it was fitted on (ROC-AUC with its 95% interval, log loss in nats; "by hand": the
 * weights set by hand that served before it; "share": always saying the share that was bought there):
 *
 * | carts of     | rows   | bought | ROC-AUC             | by hand | log loss | by hand | share | ECE   | by hand |
 * |--------------|--------|--------|---------------------|---------|----------|---------|-------|-------|---------|
 * | RetailRocket | 45,633 | 0.237  | 0.595 (0.569–0.617) | 0.522   | 0.520    | 0.549   | 0.548 | 0.025 | 0.020   |
 * | JData        |  1,747 | 0.176  | 0.533 (0.485–0.584) | 0.496   | 0.476    | 0.484   | 0.466 | 0.061 | 0.085   |
 * | REES46       |    145 | 0.428  | 0.663 (0.584–0.753) | 0.369   | 0.759    | 0.780   | 0.683 | 0.222 | 0.193   |
 *
 * It ranks carts better than those weights did, weakly; only in the first is it better than knowing the share that is bought
 * there, which a new shop does not know. None of the three tells of a checkout, where most of what it knows lies. They did have a
 * say in its design, not in its weights: an earlier version looked at how much is viewed and how fast, which means opposite
 * things in them, and took all shoppers for equally resolute.
 */
export const PRIOR_CARD: ModelCard = {
  revision: REVISION,
  fittedOn: "Fitted on simulated visits after published averages, on no shop's data.",
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
