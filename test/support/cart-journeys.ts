/** What the built-in model thinks of a cart with these events. */
import { fold } from "../../objects/cart/fold.ts";
import { emptyFacts } from "../../objects/cart/state.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import { prior } from "../../shared/model/prior.ts";

export const baselineRiskOf = (events: CartEvent[]): number => {
  const facts = fold(emptyFacts(), events);
  return 1 - prior(facts, { now: facts.lastReceivedAt, history: null, timeZone: "UTC" }).purchaseProbability;
};
