/**
 * What was known about a cart at a moment, as numbers. Pure: the same function serves prediction, training and
 * explanation. Takes a structural slice of the cart's facts, so that the model knows nothing of actors.
 */
import type { EventType } from "../events/types.ts";
import { MINUTE_MS } from "../time.ts";

export interface FeatureInput {
  items: readonly { quantity: number; priceMinor: number }[];
  counts: Partial<Record<EventType, number>>;
  views: Record<string, number>;
  stage: string;
  coupons: readonly string[];
  paymentFailures: number;
  person: { email: string | null };
  device: string | null;
  firstAt: number;
  lastAt: number;
  lastReceivedAt: number;
}

/** Name, unit and meaning of each feature, in the order of the vector. Append only: models name their features. */
export const FEATURES = [
  { name: "lines", unit: "count", doc: "different products in the cart" },
  { name: "quantity", unit: "count", doc: "pieces in the cart" },
  { name: "productViews", unit: "count", doc: "product pages seen" },
  { name: "repeatViews", unit: "count", doc: "views of a product beyond its first" },
  { name: "adds", unit: "count", doc: "additions to the cart" },
  { name: "removes", unit: "count", doc: "removals from the cart" },
  { name: "checkoutStage", unit: "0–5", doc: "0 before checkout, then started, contact, address, shipping, payment" },
  { name: "couponTries", unit: "count", doc: "coupons applied" },
  { name: "paymentFailures", unit: "count", doc: "payments that failed" },
  { name: "exitIntents", unit: "count", doc: "times the pointer left for the tab bar" },
  { name: "identified", unit: "0/1", doc: "the e-mail address is known" },
  { name: "sessionMinutes", unit: "minutes", doc: "from the first to the last event, at most 240" },
  { name: "idleMinutes", unit: "minutes", doc: "since the last event, at most 1440" },
  { name: "mobile", unit: "0/1", doc: "a phone" },
] as const;

export type FeatureName = (typeof FEATURES)[number]["name"];

const STAGES = ["checkout", "contact", "address", "shipping", "payment"];

/** The vector at `now`, in the order of `FEATURES`. */
export function featuresAt(cart: FeatureInput, now: number): number[] {
  const { counts } = cart;
  const views = counts.product_viewed ?? 0;
  return [
    cart.items.length,
    cart.items.reduce((sum, item) => sum + item.quantity, 0),
    views,
    views - Object.keys(cart.views).length,
    counts.product_added_to_cart ?? 0,
    counts.product_removed_from_cart ?? 0,
    STAGES.indexOf(cart.stage) + 1,
    counts.coupon_applied ?? 0,
    cart.paymentFailures,
    counts.exit_intent_detected ?? 0,
    cart.person.email ? 1 : 0,
    Math.min(240, (cart.lastAt - cart.firstAt) / MINUTE_MS),
    Math.min(1440, Math.max(0, now - cart.lastReceivedAt) / MINUTE_MS),
    cart.device === "mobile" ? 1 : 0,
  ];
}
