/** What a page hands to the snippet, what the snippet keeps, and what the endpoint answers (API.md, Storefront). */
import type { Consent, ConsentChannel, EventType } from "../../../shared/events/types.ts";
import type { Offer } from "../../../shared/offers.ts";

export type { Offer };

/** One product as the shop knows it. Money goes out as the shop gives it; the endpoint turns it into minor units. */
export interface ItemInput {
  productId: string | number;
  variantId?: string | number | null;
  name?: string | null;
  price?: string | number;
  currency?: string;
  quantity?: number;
  url?: string | null;
  imageUrl?: string | null;
  category?: string | null;
  /** Of a product that is viewed: whether it can be bought now. */
  available?: boolean;
}

export interface OrderInput {
  id: string | number;
  total: string | number;
  currency: string;
  items?: ItemInput[];
}

export interface IdentityInput {
  email?: string;
  phone?: string;
  externalId?: string;
  name?: string;
}

export type ConsentInput = Partial<Record<ConsentChannel, Consent>>;

export interface EventContext {
  url: string;
  referrer: string;
  locale: string;
  timezone: string;
  userAgent: string;
}

/** An event in the edge form, as it is queued, stored and sent. */
export interface OutgoingEvent {
  id: string;
  type: EventType | (string & {});
  version: 1;
  occurredAt: string;
  cartId: string;
  visitorId: string;
  sessionId: string;
  data: Record<string, unknown>;
  context: EventContext;
}

export interface Rejection {
  index?: number;
  id?: string | null;
  code?: string;
  message?: string;
}

export interface EventsReply {
  accepted?: number;
  duplicates?: number;
  rejected?: Rejection[];
  offers?: Offer[];
}

/** `GET /r/{token}/cart`. */
export interface RestoredCart {
  cartId: string;
  items: (Omit<ItemInput, "price" | "currency" | "productId"> & {
    productId: string;
    price: { amount: string; currency: string };
    quantity: number;
  })[];
  currency: string | null;
  deliveryId: string | null;
}

/** Time and chance, as parameters, so that tests own both. */
export interface Clock {
  now(): number;
  random(): number;
  later(run: () => void, ms: number): unknown;
  cancel(handle: unknown): void;
}

/** A `Storage` that never throws. */
export interface Store {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  keys(): string[];
}

/** What becomes of an offer on the page. */
export interface Drawing {
  /** It can really be seen. */
  shown(): void;
  accepted(): void;
  dismissed(): void;
}

export interface PushOptions {
  /** Ask with a small dialog first; without it the call must come from a click. */
  ask?: boolean;
  /** What the shopper agrees to: shown, and sent along with the consent. */
  text?: string;
  yes?: string;
  no?: string;
}

/** What became of asking for push messages; heard by `cartwake("on", "push", …)`. */
export type PushState = "subscribed" | "denied" | "dismissed" | "unavailable" | "unsupported" | "failed";

/** What the snippet lends to it. */
export interface PushVia {
  store: Store;
  /** The store's VAPID key; `null` when it sends no push messages. */
  publicKey(): Promise<string | null>;
  visitorId(): string;
  record(type: string, data: object): void;
  consent(text: string | undefined): void;
}

/** `cartwake-offer.js`: loaded when there is something to draw. */
export interface Extra {
  /** Returns how to take it away. */
  offer(offer: Offer, drawing: Drawing): () => void;
  push(options: PushOptions, via: PushVia): Promise<PushState>;
}

/** The script's own attributes: `data-accent`, `data-scheme`, `data-sw`, … */
export type ScriptData = Record<string, string | undefined>;
