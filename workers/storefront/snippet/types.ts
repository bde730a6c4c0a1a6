/** What a page hands to the snippet, what the snippet keeps, and what the endpoint answers (API.md, Storefront). */
import type { Consent, ConsentChannel, EventType } from "../../../shared/events/types.ts";

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
  offers?: unknown[];
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
