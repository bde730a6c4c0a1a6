/** The JSON shapes that the merchant surface answers with (API.md). Times are ISO 8601 UTC. */
import type { Money } from "./money.ts";

export type CartStatus = "active" | "abandoned" | "recovering" | "purchased" | "recovered" | "expired" | "merged";

export type DeliveryStatus =
  | "scheduled"
  | "claimed"
  | "sent"
  | "delivered"
  | "opened"
  | "clicked"
  | "bounced"
  | "complained"
  | "failed"
  | "cancelled"
  | "suppressed"
  | "raced"
  | "unknown";

export type Channel = "email" | "sms" | "push" | "onsite";

export interface ItemView {
  productId: string;
  variantId: string | null;
  name: string | null;
  price: Money;
  quantity: number;
  total: Money;
  url: string | null;
  imageUrl: string | null;
  category: string | null;
}

export interface PredictionView {
  /** Probability that the cart is left behind, 0–1. */
  abandonmentRisk: number;
  /** Probability that it ends in an order, 0–1; the two sum to 1. */
  purchaseProbability: number;
  model: string;
  /** The features that moved the figure most, strongest first; `effect` in log-odds of a purchase. */
  reasons: { feature: string; value: number; effect: number }[];
  at: string;
}

/** A row of `GET /v1/carts` and the payload of the `carts` topic. */
export interface CartListItem {
  id: string;
  status: CartStatus;
  version: number;
  itemCount: number;
  total: Money | null;
  shopper: { id: string; email: string | null; name: string | null };
  abandonmentRisk: number;
  createdAt: string;
  lastActivityAt: string;
  abandonedAt: string | null;
  recoveredAt: string | null;
}

export interface CartView extends Omit<CartListItem, "abandonmentRisk"> {
  generation: number;
  items: ItemView[];
  prediction: PredictionView;
  journey: { campaignId: string; campaignName: string; version: number; enteredAt: string; exit: string | null } | null;
  timers: { name: string; at: string }[];
  deliveries: CartDeliveryView[];
  order?: { id: string; total: Money; at: string };
  attribution?: { campaignId: string; deliveryId: string; model: "last_click" | "last_touch" };
}

export interface CartDeliveryView {
  id: string;
  campaignId: string;
  stepId: string;
  variantId: string | null;
  channel: Channel;
  status: DeliveryStatus;
  dueAt: string | null;
  statusHistory: { status: DeliveryStatus; at: string; reason?: string }[];
}

export interface DeliveryView {
  id: string;
  cartId: string;
  shopperId: string;
  campaignId: string;
  stepId: string;
  variantId: string | null;
  channel: Channel;
  provider: string | null;
  status: DeliveryStatus;
  statusHistory: { status: DeliveryStatus; at: string; reason?: string }[];
  scheduledAt: string | null;
  claimedAt: string | null;
  sentAt: string | null;
  to: string | null;
  subject?: string | null;
  html?: string | null;
  text?: string | null;
  recoveryUrl?: string | null;
  unsubscribeUrl?: string | null;
}

/**
 * One line of `GET /v1/carts/{id}/timeline`, oldest first. `kind`: `event` (the shopper did), `decision` (the cart
 * decided), `delivery` (a message moved). `code` is stable (the event type, or a reason such as `idle`), `text` is for people.
 */
export interface TimelineEntry {
  seq: number;
  at: string;
  kind: "event" | "decision" | "delivery";
  code: string;
  text: string;
  deliveryId?: string;
}

export interface TimelineView {
  id: string;
  /** False when the oldest part was compacted away. */
  complete: boolean;
  items: TimelineEntry[];
}

/** `GET /v1/carts/{id}/explain?at=`. */
export interface ExplainView {
  id: string;
  /** Every decision came out of the log as it did then. */
  consistent: boolean;
  /** The cart as it was at that time. */
  cart: CartView;
  decisions: {
    seq: number;
    at: string;
    command: string;
    status: CartStatus;
    /** Minor units. */
    total: number;
    notes: { code: string; text: string; deliveryId?: string }[];
    confirmed: boolean;
  }[];
}

export interface RealtimeView {
  activeCarts: number;
  abandonedCarts: number;
  recoveringCarts: number;
  recoveredCarts: number;
  purchasedCarts: number;
  expiredCarts: number;
  /** Value of the carts now abandoned or recovering. */
  revenueAtRisk: Money;
  recoveredRevenue: Money;
  purchasedRevenue: Money;
  eventsPerMinute: number;
  /** Accepted events in each of the last 30 minutes, oldest first. */
  eventsByMinute: number[];
  /** `ok`, or why sends are paused, e.g. `signal_loss`. */
  orderSignal: string;
  at: string;
}

/** Frames of `GET /ws`: `{ type, payload, timestamp?, id? }`. Topic news arrive as `notification`. */
export type TopicNews =
  | { topic: "carts"; carts: CartListItem[] }
  | { topic: "metrics"; metrics: RealtimeView }
  | { topic: "deliveries"; deliveries: CartDeliveryNews[] }
  | { topic: "system"; message: string };

export interface CartDeliveryNews extends CartDeliveryView {
  cartId: string;
}

export interface UsageView {
  events: { accepted: number; duplicates: number; rejected: number };
  /** Accepted events by type. */
  byType: Record<string, number>;
  carts: number;
  orders: number;
  messages: number;
  /** Rows written by the carts: the dearest thing the platform sells. */
  rowsWritten: number;
  since: string;
}

export interface UserView {
  id: string;
  email: string;
  name: string | null;
  role: "admin" | "store_owner" | "api_user" | "customer";
  stores: { id: string; name: string; currency: string; url: string; timezone: string }[];
}

export interface SessionView {
  accessToken: string;
  refreshToken: string;
  /** Seconds the access token lives. */
  expiresIn: number;
  user: UserView;
}
