/**
 * What was known about a cart at a moment, as numbers. Pure: the same function serves prediction, training and explanation.
 * Takes a structural slice of the cart's facts, so that the model knows nothing of actors. What is not known is `NaN`.
 */
import type { EventType } from "../events/types.ts";
import { DAY_MS, MINUTE_MS } from "../time.ts";
import type { ShopperHistory } from "./history.ts";
import { localTime } from "./local-time.ts";

/** How the open generation of a cart came about, event by event. Times are the shopper's claims (ms). */
export interface Trail {
  firstAt: number;
  lastAt: number;
  events: number;
  /** Events after the first addition. */
  eventsAfterAdd: number;
  /** Between one event and the next. */
  gapSumMs: number;
  gapMaxMs: number;
  lastGapMs: number;
  /** Views of products that were in the cart by then. */
  cartItemViews: number;
  hesitations: number;
  /** Visits: changes of the session, and long silences. */
  visits: number;
  sessionId: string | null;
  /** Different prices of products that were looked at or added, in minor units, ascending; at most `MAX_PRICES`. */
  prices: readonly number[];
}

export const MAX_PRICES = 50;

export const NO_TRAIL: Trail = {
  firstAt: 0,
  lastAt: 0,
  events: 0,
  eventsAfterAdd: 0,
  gapSumMs: 0,
  gapMaxMs: 0,
  lastGapMs: 0,
  cartItemViews: 0,
  hesitations: 0,
  visits: 0,
  sessionId: null,
  prices: [],
};

/** A cart's facts of its open generation. */
export interface FeatureInput {
  items: readonly { quantity: number; priceMinor: number; category: string | null }[];
  totalMinor: number;
  counts: Partial<Record<EventType, number>>;
  views: Record<string, number>;
  stage: string;
  coupons: readonly string[];
  paymentFailures: number;
  person: { email: string | null; phone: string | null };
  clicks: readonly unknown[];
  device: string | null;
  timezone: string | null;
  generation: number;
  trail: Trail;
  firstAddAt: number | null;
  lastAddAt: number | null;
  lastReceivedAt: number;
}

/** One that nothing was ever told of. */
export const EMPTY_CART: FeatureInput = {
  items: [],
  totalMinor: 0,
  counts: {},
  views: {},
  stage: "browsing",
  coupons: [],
  paymentFailures: 0,
  person: { email: null, phone: null },
  clicks: [],
  device: null,
  timezone: null,
  generation: 1,
  trail: NO_TRAIL,
  firstAddAt: null,
  lastAddAt: null,
  lastReceivedAt: 0,
};

/** What a vector depends on besides the cart. */
export interface Moment {
  now: number;
  history: ShopperHistory | null;
  /** The store's zone, where the shopper's is not known. */
  timeZone: string;
}

/** Of the list below. A list that changes in any other way than by growing at its end gets the next number. */
export const FEATURE_VERSION = 2;

/** Name, unit and meaning of each feature, in the order of the vector. Append only: models name their features. */
export const FEATURES = [
  { name: "lines", unit: "count", doc: "different products in the cart" },
  { name: "quantity", unit: "count", doc: "pieces in the cart" },
  { name: "categories", unit: "count", doc: "different categories in the cart" },
  { name: "topLineShare", unit: "0–1", doc: "share of the dearest line in the cart's value" },
  { name: "priceRank", unit: "0–1", doc: "share of the prices seen that are no higher than the cart's highest" },
  { name: "priceRatio", unit: "log", doc: "mean price in the cart against the mean price seen" },
  { name: "priceSpread", unit: "log", doc: "highest against lowest price in the cart" },
  { name: "events", unit: "count", doc: "everything that was told of this cart" },
  { name: "pageViews", unit: "count", doc: "pages seen" },
  { name: "collectionViews", unit: "count", doc: "collections seen" },
  { name: "searches", unit: "count", doc: "searches" },
  { name: "productViews", unit: "count", doc: "product pages seen" },
  { name: "uniqueProducts", unit: "count", doc: "different products seen" },
  { name: "repeatViews", unit: "count", doc: "views of a product beyond its first" },
  { name: "cartItemViews", unit: "count", doc: "views of products that were in the cart by then" },
  { name: "adds", unit: "count", doc: "additions to the cart" },
  { name: "removes", unit: "count", doc: "removals from the cart" },
  { name: "removeRate", unit: "ratio", doc: "removals for each addition" },
  { name: "viewsPerAdd", unit: "ratio", doc: "product pages seen for each addition" },
  { name: "cartViews", unit: "count", doc: "looks at the cart" },
  { name: "eventsAfterAdd", unit: "count", doc: "events after the first addition" },
  { name: "minutesToAdd", unit: "minutes", doc: "from the first event to the first addition" },
  { name: "minutesSinceFirst", unit: "minutes", doc: "since the first event" },
  { name: "minutesSinceFirstAdd", unit: "minutes", doc: "since the first addition" },
  { name: "minutesSinceLastAdd", unit: "minutes", doc: "since the last addition" },
  { name: "idleMinutes", unit: "minutes", doc: "since the last event was received" },
  { name: "meanGapMinutes", unit: "minutes", doc: "mean time between two events" },
  { name: "longestGapMinutes", unit: "minutes", doc: "longest time between two events" },
  { name: "lastGapMinutes", unit: "minutes", doc: "time between the last two events" },
  { name: "eventRate", unit: "per minute", doc: "events for each minute from the first to the last" },
  { name: "visits", unit: "count", doc: "visits to the shop with this cart" },
  { name: "checkoutStage", unit: "0–5", doc: "0 before checkout, then started, contact, address, shipping, payment" },
  { name: "checkoutStarts", unit: "count", doc: "times the checkout was begun" },
  { name: "couponTries", unit: "count", doc: "coupons applied" },
  { name: "couponsHeld", unit: "count", doc: "coupons on the cart" },
  { name: "paymentFailures", unit: "count", doc: "payments that failed" },
  { name: "exitIntents", unit: "count", doc: "times the pointer left for the tab bar" },
  { name: "hesitations", unit: "count", doc: "long pauses at the checkout" },
  { name: "offersShown", unit: "count", doc: "offers shown on the page" },
  { name: "offersDismissed", unit: "count", doc: "offers closed unanswered" },
  { name: "messageClicks", unit: "count", doc: "clicks on messages about this cart" },
  { name: "identified", unit: "0/1", doc: "the e-mail address is known" },
  { name: "phoneKnown", unit: "0/1", doc: "the phone number is known" },
  { name: "mobile", unit: "0/1", doc: "a phone" },
  { name: "hour", unit: "0–24", doc: "time of day where the shopper is" },
  { name: "weekday", unit: "0–6", doc: "day of the week there, from Sunday" },
  { name: "ordersBefore", unit: "count", doc: "orders that this cart was emptied by before" },
  { name: "priorCarts", unit: "count", doc: "the shopper's earlier carts" },
  { name: "priorPurchases", unit: "count", doc: "how many of them were bought" },
  { name: "priorPurchaseRate", unit: "0–1", doc: "share of them that was bought" },
  { name: "priorAdds", unit: "count", doc: "additions to them" },
  { name: "lastCartBought", unit: "0/1", doc: "the last of them was bought" },
  { name: "daysSinceLastCart", unit: "days", doc: "since the last of them" },
  { name: "daysSinceLastPurchase", unit: "days", doc: "since the last purchase" },
  { name: "messagesBefore", unit: "count", doc: "messages that the shopper was ever sent" },
  { name: "messagesAnswered", unit: "count", doc: "channels on which the shopper has answered one" },
] as const;

export type FeatureName = (typeof FEATURES)[number]["name"];
export const FEATURE_NAMES: readonly FeatureName[] = FEATURES.map(({ name }) => name);

const STAGES = ["checkout", "contact", "address", "shipping", "payment"];

/** The vector at `now`, in the order of `FEATURES`. Claimed times may be ahead of it: nothing is negative. */
export function featuresAt(cart: FeatureInput, moment: Moment): number[] {
  return [...content(cart), ...behaviour(cart), ...timing(cart, moment), ...checkout(cart), ...person(cart, moment)];
}

/** `NaN` where nothing can be divided by. */
const ratio = (a: number, b: number): number => (b > 0 ? a / b : Number.NaN);
const flag = (is: boolean): number => (is ? 1 : 0);

function content({ items, totalMinor, trail: { prices } }: FeatureInput): number[] {
  let quantity = 0;
  let top = 0;
  let highest = 0;
  let lowest = Infinity;
  const categories = new Set<string>();
  for (const item of items) {
    quantity += item.quantity;
    top = Math.max(top, item.quantity * item.priceMinor);
    highest = Math.max(highest, item.priceMinor);
    lowest = Math.min(lowest, item.priceMinor);
    if (item.category !== null) categories.add(item.category);
  }
  let seen = 0;
  let below = 0;
  for (const price of prices) {
    seen += price;
    if (price <= highest) below += 1;
  }
  const priced = items.length > 0 && prices.length > 1;
  return [
    items.length,
    quantity,
    categories.size,
    ratio(top, totalMinor),
    priced ? below / prices.length : Number.NaN,
    priced && totalMinor > 0 ? Math.log(totalMinor / quantity / (seen / prices.length)) : Number.NaN,
    lowest > 0 && highest > 0 ? Math.log(highest / lowest) : Number.NaN,
  ];
}

function behaviour({ counts, views, trail }: FeatureInput): number[] {
  const seen = counts.product_viewed ?? 0;
  const unique = Math.min(seen, Object.keys(views).length);
  const adds = counts.product_added_to_cart ?? 0;
  const removes = counts.product_removed_from_cart ?? 0;
  return [
    trail.events,
    counts.page_viewed ?? 0,
    counts.collection_viewed ?? 0,
    counts.search_submitted ?? 0,
    seen,
    unique,
    seen - unique,
    trail.cartItemViews,
    adds,
    removes,
    ratio(removes, adds),
    ratio(seen, adds),
    counts.cart_viewed ?? 0,
    trail.eventsAfterAdd,
  ];
}

function timing({ trail, firstAddAt, lastAddAt, lastReceivedAt }: FeatureInput, { now }: Moment): number[] {
  const minutes = (ms: number): number => Math.max(0, ms) / MINUTE_MS;
  const since = (at: number | null): number => (at === null ? Number.NaN : minutes(now - at));
  const gaps = trail.events - 1;
  const gap = (ms: number): number => (gaps > 0 ? minutes(ms) : Number.NaN);
  return [
    firstAddAt === null ? Number.NaN : minutes(firstAddAt - trail.firstAt),
    since(trail.firstAt),
    since(firstAddAt),
    since(lastAddAt),
    minutes(now - lastReceivedAt),
    gap(trail.gapSumMs / gaps),
    gap(trail.gapMaxMs),
    gap(trail.lastGapMs),
    ratio(trail.events, (trail.lastAt - trail.firstAt) / MINUTE_MS),
    trail.visits,
  ];
}

function checkout({ stage, counts, coupons, paymentFailures, trail, clicks }: FeatureInput): number[] {
  return [
    STAGES.indexOf(stage) + 1,
    counts.checkout_started ?? 0,
    counts.coupon_applied ?? 0,
    coupons.length,
    paymentFailures,
    (counts.exit_intent_detected ?? 0) - trail.hesitations,
    trail.hesitations,
    counts.offer_shown ?? 0,
    counts.offer_dismissed ?? 0,
    clicks.length,
  ];
}

function person(cart: FeatureInput, { now, history, timeZone }: Moment): number[] {
  const { hour, weekday } = localTime(now, cart.timezone ?? timeZone);
  const days = (at: number | null | undefined): number => (at ? Math.max(0, now - at) / DAY_MS : Number.NaN);
  return [
    flag(cart.person.email !== null),
    flag(cart.person.phone !== null),
    cart.device === null ? Number.NaN : flag(cart.device === "mobile"),
    hour,
    weekday,
    cart.generation - 1,
    history?.carts ?? Number.NaN,
    history?.purchases ?? Number.NaN,
    history ? ratio(history.purchases, history.carts) : Number.NaN,
    history?.adds ?? Number.NaN,
    history && history.lastBought !== null ? flag(history.lastBought) : Number.NaN,
    days(history?.lastCartAt),
    days(history?.lastPurchaseAt),
    history?.messages ?? Number.NaN,
    history?.answered ?? Number.NaN,
  ];
}
