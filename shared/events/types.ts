/**
 * What happened, in the form every part past the edge trusts: times in ms, money in minor units, bounded text.
 * The edge form (what a storefront sends) and the way from one to the other are in `schema.ts`.
 */
export const EVENT_TYPES = [
  "page_viewed",
  "collection_viewed",
  "search_submitted",
  "product_viewed",
  "product_added_to_cart",
  "product_removed_from_cart",
  "cart_viewed",
  "cart_updated",
  "coupon_applied",
  "coupon_removed",
  "checkout_started",
  "checkout_contact_info_submitted",
  "checkout_address_info_submitted",
  "checkout_shipping_info_submitted",
  "payment_info_submitted",
  "payment_failed",
  "checkout_completed",
  "order_cancelled",
  "order_refunded",
  "shopper_identified",
  "consent_updated",
  "push_subscribed",
  "exit_intent_detected",
  "offer_shown",
  "offer_accepted",
  "offer_dismissed",
  "message_clicked",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

export interface Item {
  productId: string;
  variantId: string | null;
  name: string | null;
  priceMinor: number;
  quantity: number;
  url: string | null;
  imageUrl: string | null;
  category: string | null;
  /** Said of a viewed product: whether it can be bought now. */
  available?: boolean;
}

export interface OrderFact {
  id: string;
  totalMinor: number;
  currency: string;
}

/** Where a push message goes: a browser's own service (RFC 8030), or a device as FCM or OneSignal know it. */
export type PushTarget =
  | { kind: "webpush"; endpoint: string; p256dh: string; auth: string }
  | { kind: "fcm"; token: string }
  | { kind: "onesignal"; subscriptionId: string };

export type ConsentChannel = "email" | "sms" | "push" | "analytics";
export type Consent = "granted" | "denied";

/** What was said about a channel, when, and how that can be proven. */
export interface ConsentRecord {
  value: Consent;
  at: number;
  /** Who told: the shopper in the shop, on the preference page or by an answer (`shopper`), the merchant, a provider. */
  source?: "storefront" | "shopper" | "merchant" | "provider";
  /** The page on which it was said. */
  url?: string;
  /** What the shopper agreed to, in the words that stood there. */
  text?: string;
}

/** One event as the cart keeps it. Which optional fields are set follows from `type`. */
export interface CartEvent {
  id: string;
  type: EventType;
  /** When it happened: the shopper's claim, clamped to a window around receipt. Orders the fold. */
  at: number;
  /** When we received it. Schedules. */
  receivedAt: number;
  visitorId?: string;
  sessionId?: string;
  /** Currency of every amount in this event. */
  currency?: string;
  /** Adds, removes and views: the one product. */
  item?: Item;
  /** A removal that names no quantity removes the whole line. */
  wholeLine?: true;
  /** `cart_updated`: the whole truth at its time. */
  items?: Item[];
  revision?: number;
  order?: OrderFact;
  code?: string;
  /** `shopper_identified` and checkout contact. */
  email?: string;
  phone?: string;
  externalId?: string;
  name?: string;
  consent?: Partial<Record<ConsentChannel, Consent>>;
  /** The words that a consent was given to. */
  consentText?: string;
  push?: PushTarget;
  /** `exit_intent_detected`: leaving the page, or hesitating at the checkout. */
  intent?: "exit" | "hesitation";
  /** Of `message_clicked`, and of the offer in `offer_*`. */
  deliveryId?: string;
  url?: string;
  locale?: string;
  timezone?: string;
  device?: "desktop" | "mobile" | "tablet";
}
