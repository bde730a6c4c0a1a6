/** From a cart's facts to its prediction: the model's probability and the reasons that people are told. */
import { FEATURES, type FeatureInput, featuresAt, type Moment } from "./features.ts";
import type { Scorer } from "./scorer.ts";

export interface Prediction {
  /** That the cart ends in an order before it expires. */
  purchaseProbability: number;
  /** The version that said so. */
  model: string;
  /** Strongest first, at most four; `effect` in log-odds of a purchase, against a cart of which nothing is known. */
  reasons: { feature: string; value: number; effect: number }[];
  at: number;
}

export const MAX_REASONS = 4;

export const NO_PREDICTION: Prediction = { purchaseProbability: 0, model: "none", reasons: [], at: 0 };

/** What a cart is scored by. Pure: the same facts at the same moment give the same prediction. */
export type Predictor = (cart: FeatureInput, moment: Moment) => Prediction;

/** Of an average cart nothing stands out: smaller effects are not told. */
const MIN_EFFECT = 0.005;

/** A model's predictor. Features it was not made of are not looked at; one it asks for and nobody knows is missing. */
export function predictorOf(scorer: Scorer, model: string): Predictor {
  const places = scorer.features.map((name) => FEATURES.findIndex((feature) => feature.name === name));
  const isWhole = places.length === FEATURES.length && places.every((place, i) => place === i);
  const effects = new Float64Array(places.length);
  return (cart, moment) => {
    const known = featuresAt(cart, moment);
    const vector = isWhole ? known : places.map((place) => known[place] ?? Number.NaN);
    const probability = scorer.explain(vector, effects);
    return {
      purchaseProbability: round(probability),
      model,
      reasons: reasonsOf(scorer.features, vector, effects),
      at: moment.now,
    };
  };
}

/** The strongest of the features that are known. */
export function reasonsOf(
  features: readonly string[],
  vector: ArrayLike<number>,
  effects: Float64Array,
): Prediction["reasons"] {
  const strongest: number[] = [];
  for (let i = 0; i < effects.length; i++) {
    const size = Math.abs(effects[i]!);
    if (size < MIN_EFFECT || Number.isNaN(vector[i])) continue;
    let at = strongest.length;
    while (at > 0 && Math.abs(effects[strongest[at - 1]!]!) < size) at -= 1;
    if (at >= MAX_REASONS) continue;
    strongest.splice(at, 0, i);
    if (strongest.length > MAX_REASONS) strongest.pop();
  }
  return strongest.map((i) => ({ feature: features[i]!, value: round(vector[i]!), effect: round(effects[i]!) }));
}

const round = (value: number): number => Math.round(value * 1e4) / 1e4;
