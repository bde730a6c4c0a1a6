/** What a model may know of a shopper: counts and ages. No name, address or id. */
import type { ShopperHistory } from "../../shared/model/history.ts";
import { DAY_MS } from "../../shared/time.ts";

export function historyOf(history: ShopperHistory, now: number): object {
  const { carts, purchases, messages, answered, lastBought, lastCartAt, lastPurchaseAt } = history;
  const days = (at: number | null): number | null =>
    at === null ? null : Math.max(0, Math.round((now - at) / DAY_MS));
  return {
    earlierCarts: carts,
    earlierPurchases: purchases,
    lastCartWasBought: lastBought,
    daysSinceLastCart: days(lastCartAt),
    daysSinceLastPurchase: days(lastPurchaseAt),
    messagesSent: messages,
    channelsAnswered: answered,
  };
}
