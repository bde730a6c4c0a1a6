/** A model made ready to score: what the cart calls in its own transaction. */
import type { Model } from "./model.ts";

export interface Scorer {
  readonly features: readonly string[];
  /** Probability of a purchase. `NaN` is a missing value. */
  probability(vector: ArrayLike<number>): number;
  /**
   * The probability, and in `effects` (as long as `features`) by how much each feature moved the calibrated log-odds, against a
   * cart of which nothing is known.
   */
  explain(vector: ArrayLike<number>, effects: Float64Array): number;
}

export function compile(_model: Model): Scorer {
  throw new Error("not yet");
}
