/** From when on, and in which arm, a shopper is measured. Pure. */
import { isHeldOut } from "../../shared/measure/assign.ts";
import { shopperOf } from "./reach.ts";
import type { CartState, Effect } from "./state.ts";

/**
 * Both arms are measured from the same moment, the first message that is due, and before anybody knows whether it may go
 * out: quiet hours, caps and providers would otherwise delay the treated alone.
 */
export function exposed(state: CartState, effect: Effect, at: number): NonNullable<Effect["exposure"]> {
  const shopperId = shopperOf(state);
  const arm = isHeldOut(state.storeId, effect.campaignId, shopperId, effect.holdout) ? "held_out" : "treated";
  return { at, shopperId, arm, windowMs: effect.windowMs };
}
