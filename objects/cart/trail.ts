/** How a cart came about, event by event: what the model's features of behaviour are made of. Pure. */
import type { CartEvent } from "../../shared/events/types.ts";
import { MAX_PRICES, NO_TRAIL, type Trail } from "../../shared/model/features.ts";
import { MINUTE_MS } from "../../shared/time.ts";
import type { Facts } from "./state.ts";

/** The usual end of a visit, where no session is named. */
const VISIT_MS = 30 * MINUTE_MS;

/** The trail after `event`: `before` are the facts without it, `after` with it. A new generation begins a new one. */
export function tracked(before: Facts, after: Facts, event: CartEvent): Trail {
  const known = before.generation === after.generation ? before.trail : NO_TRAIL;
  const gapMs = known.events > 0 ? Math.max(0, event.at - known.lastAt) : 0;
  const sessionId = event.sessionId ?? known.sessionId;
  const isVisit = known.events === 0 || (known.sessionId === sessionId ? gapMs > VISIT_MS : known.sessionId !== null);
  const wasAdded = known.events > 0 && before.firstAddAt !== null;
  return {
    firstAt: known.events > 0 ? Math.min(known.firstAt, event.at) : event.at,
    lastAt: Math.max(known.lastAt, event.at),
    events: known.events + 1,
    eventsAfterAdd: known.eventsAfterAdd + (wasAdded ? 1 : 0),
    gapSumMs: known.gapSumMs + gapMs,
    gapMaxMs: Math.max(known.gapMaxMs, gapMs),
    lastGapMs: gapMs,
    cartItemViews: known.cartItemViews + (isOfCart(before, event) ? 1 : 0),
    hesitations: known.hesitations + (event.intent === "hesitation" ? 1 : 0),
    visits: known.visits + (isVisit ? 1 : 0),
    sessionId,
    prices: withPrice(known.prices, event),
  };
}

const isOfCart = ({ items }: Facts, { type, item }: CartEvent): boolean =>
  type === "product_viewed" && item !== undefined && items.some((line) => line.productId === item.productId);

/** A view need not name a price, and one price more than there is room for is not taken in. */
function withPrice(prices: readonly number[], { item }: CartEvent): readonly number[] {
  const price = item?.priceMinor ?? 0;
  if (price <= 0 || prices.length >= MAX_PRICES || prices.includes(price)) return prices;
  return [...prices, price].sort((a, b) => a - b);
}
