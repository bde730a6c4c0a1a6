/**
 * The order-signal watch. When shoppers go on paying but no order arrives, the store's order signal is probably gone
 * (a removed snippet, a dead webhook), and every recovery mail would follow a purchase. Pure.
 */
import type { Delta } from "../../shared/events/messages.ts";

/** Payments without a single order before the signal counts as lost, in a store that once reported orders. */
export const PAYMENTS_WITHOUT_ORDER = 20;

/** `recent`: buckets newest last. `ok`, `none_yet` (no order was ever reported) or `signal_loss`. */
export function orderSignal(totals: Delta, recent: readonly { delta: Delta }[]): "ok" | "none_yet" | "signal_loss" {
  if (!totals.orders) return "none_yet";
  let payments = 0;
  for (const { delta } of recent.toReversed()) {
    if (delta.orders) break;
    payments += delta.events?.payment_info_submitted ?? 0;
  }
  return payments >= PAYMENTS_WITHOUT_ORDER ? "signal_loss" : "ok";
}
