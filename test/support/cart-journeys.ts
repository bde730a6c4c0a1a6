/** What the built-in model thinks of a cart with these events. */
import { fold } from "../../objects/cart/fold.ts";
import { emptyFacts } from "../../objects/cart/state.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import { predict } from "../../shared/model/baseline.ts";

export const baselineRiskOf = (events: CartEvent[]): number => {
  const facts = fold(emptyFacts(), events);
  return 1 - predict(facts, facts.lastReceivedAt).purchaseProbability;
};
