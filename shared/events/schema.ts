/**
 * The edge form of an event (API.md, "Storefront") and its way into the trusted form: parsed once, here.
 * The schemas also feed the published JSON Schema.
 */
import * as z from "zod";
import type { FieldError } from "../errors.ts";
import { MAX_MINOR, toMinor } from "../money.ts";
import { DAY_MS } from "../time.ts";
import { type CartEvent, EVENT_TYPES, type EventType, type Item, type PushTarget } from "./types.ts";

z.config({ jitless: true }); // workerd forbids `new Function`

/** Bounds of one event. The body as a whole is bounded by the route. */
export const LIMITS = { eventsPerRequest: 100, itemsPerEvent: 500, bodyBytes: 256 * 1024, quantity: 9_999 } as const;

/** How far a shopper's clock may be off: a claim older is clamped to the window, one further ahead is refused. */
export const CLOCK = { pastMs: 7 * DAY_MS, futureMs: DAY_MS } as const;

/** Half a surrogate pair has no UTF-8: two ids of such halves would be stored as the same one. */
const control = /[\p{Cc}\p{Cs}]/u;
const id = z
  .string()
  .min(1)
  .max(128)
  .refine((s) => !control.test(s), "must not contain control characters");
/**
 * Cart ids name actors, so `/` (the separator of actor names) is kept out. They stand in addresses too, where every
 * client resolves `.` and `..` away.
 */
const cartId = z
  .string()
  .min(1)
  .max(128)
  .regex(
    /^(?!\.{1,2}$)[^\p{Cc}\p{Cs}\p{Z}/]+$/u,
    "must not be . or .. nor contain spaces, slashes, control characters or halves of surrogate pairs",
  );
const text = (max: number) => z.string().max(max);
const link = z.string().max(2048).refine(isWebUrl, "must be an http(s) URL");
const currency = z.string().regex(/^[A-Z]{3}$/, "must be an ISO 4217 code such as EUR");
const amount = z.union([z.string().max(32), z.number()]);

const item = z.object({
  productId: id,
  variantId: id.nullish(),
  name: text(300).nullish(),
  price: amount.optional(),
  currency: currency.optional(),
  quantity: z.number().int().min(1).max(LIMITS.quantity).optional(),
  url: link.nullish(),
  imageUrl: link.nullish(),
  category: text(200).nullish(),
  available: z.boolean().optional(),
});

const order = z.object({
  id,
  total: amount,
  currency,
  items: z.array(item).max(LIMITS.itemsPerEvent).optional(),
});

const consent = z.enum(["granted", "denied"]);
const email = z.email().max(254);
const person = {
  email: email.optional(),
  phone: z
    .string()
    .regex(/^\+?[0-9 ()./-]{5,32}$/, "must be a phone number")
    .optional(),
  externalId: id.optional(),
  name: text(200).optional(),
};

const key = (length: number) =>
  z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${length}}={0,2}$`), "must be base64url of the right length");
/** A browser's `PushSubscription.toJSON()`, or how FCM or OneSignal know the device. */
const subscription = z.union([
  z.object({
    endpoint: z.string().max(1024).refine(isWebUrl, "must be an http(s) URL"),
    keys: z.object({ p256dh: key(87), auth: key(22) }),
  }),
  z.object({ token: z.string().regex(/^[\w:.-]{20,1024}$/, "must be an FCM registration token") }),
  z.object({ oneSignalId: z.uuid() }),
]);
type WireSubscription = z.infer<typeof subscription>;

const free = z.object({}).loose();
const offer = z.object({ offerId: id });
const oneItem = z.object({ item });
const step = z.object({ ...person, order: order.partial().optional() });

/** What `data` must hold, by type. Types not named here take any small object, which is not kept. */
const DATA: Partial<Record<EventType, z.ZodType>> = {
  product_viewed: oneItem,
  product_added_to_cart: oneItem,
  product_removed_from_cart: oneItem,
  cart_updated: z.object({
    items: z.array(item).max(LIMITS.itemsPerEvent),
    revision: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
    currency: currency.optional(),
  }),
  coupon_applied: z.object({ code: text(64).min(1) }),
  coupon_removed: z.object({ code: text(64).min(1) }),
  checkout_contact_info_submitted: step,
  checkout_completed: z.object({ order }),
  order_cancelled: z.object({ order: z.object({ id }).loose() }),
  order_refunded: z.object({
    order: z.object({ id, total: amount.optional(), currency: currency.optional() }).loose(),
  }),
  shopper_identified: z
    .object(person)
    .refine((p) => p.email || p.phone || p.externalId || p.name, "needs one of email, phone, externalId, name"),
  consent_updated: z
    .object({
      email: consent.optional(),
      sms: consent.optional(),
      push: consent.optional(),
      analytics: consent.optional(),
      text: text(1000).optional(),
    })
    .refine((c) => Object.keys(c).some((name) => name !== "text"), "needs at least one channel"),
  push_subscribed: z.object({ subscription }),
  exit_intent_detected: z.object({ kind: z.enum(["exit", "hesitation"]).optional() }),
  offer_shown: offer,
  offer_accepted: offer,
  offer_dismissed: offer,
  message_clicked: z.object({ deliveryId: id }),
};

export const eventSchema = z.object({
  id,
  type: z.enum(EVENT_TYPES),
  version: z.literal(1).optional(),
  occurredAt: z.iso.datetime({ offset: true }),
  cartId: cartId.optional(),
  visitorId: cartId.optional(),
  sessionId: id.optional(),
  data: free.optional(),
  context: z
    .object({
      url: text(2048).nullish(),
      referrer: text(2048).nullish(),
      locale: text(35).nullish(),
      timezone: text(64).nullish(),
      userAgent: text(512).nullish(),
    })
    .nullish(),
});

export type WireEvent = z.infer<typeof eventSchema>;
type WireItem = z.infer<typeof item>;

export interface ParsedEvent {
  cartId: string;
  event: CartEvent;
}

export type ParseOutcome = { ok: true; value: ParsedEvent } | { ok: false; id: string | null; errors: FieldError[] };

/** Data of an event whose type's schema was passed. All fields optional: which are there follows from the type. */
interface WireData {
  item?: WireItem;
  items?: WireItem[];
  revision?: number;
  currency?: string;
  order?: { id: string; total?: string | number; currency?: string };
  code?: string;
  deliveryId?: string;
  offerId?: string;
  kind?: "exit" | "hesitation";
  subscription?: WireSubscription;
  text?: string;
  email?: string;
  phone?: string;
  externalId?: string;
  name?: string;
  sms?: "granted" | "denied";
  push?: "granted" | "denied";
  analytics?: "granted" | "denied";
}

/**
 * Parse one wire event received at `now`. `skewMs` is how far the sender's clock runs behind ours (0 when unknown).
 * Never throws; says which field is wrong.
 */
export function parseEvent(input: unknown, now: number, skewMs: number, defaultCurrency: string): ParseOutcome {
  const envelope = eventSchema.safeParse(input);
  if (!envelope.success) return refuse(input, fieldErrors(envelope.error.issues));
  const wire = envelope.data;
  const cart = wire.cartId ?? wire.visitorId;
  if (!cart) return refuse(input, [{ field: "cartId", message: "cartId or visitorId is required", code: "required" }]);
  const data = DATA[wire.type]?.safeParse(wire.data ?? {});
  if (data && !data.success) return refuse(input, fieldErrors(data.error.issues, "data"));
  const occurredAt = Date.parse(wire.occurredAt) + skewMs;
  if (occurredAt > now + CLOCK.futureMs) {
    return refuse(input, [{ field: "occurredAt", message: "lies more than a day in the future", code: "too_late" }]);
  }
  const event: CartEvent = {
    id: wire.id,
    type: wire.type,
    at: Math.min(now, Math.max(now - CLOCK.pastMs, occurredAt)),
    receivedAt: now,
    ...contextOf(wire),
  };
  const errors = data ? addData(event, data.data as WireData, defaultCurrency) : [];
  return errors.length ? refuse(input, errors) : { ok: true, value: { cartId: cart, event } };
}

/** Errors told of one event: the rest of a thousand would say the same. */
const MAX_ERRORS = 20;

function refuse(input: unknown, errors: FieldError[]): ParseOutcome {
  const given = typeof input === "object" && input !== null && "id" in input ? input.id : null;
  return { ok: false, id: typeof given === "string" ? given.slice(0, 128) : null, errors: errors.slice(0, MAX_ERRORS) };
}

function contextOf(wire: WireEvent): Partial<CartEvent> {
  const context = wire.context ?? {};
  return {
    ...(wire.visitorId ? { visitorId: wire.visitorId } : {}),
    ...(wire.sessionId ? { sessionId: wire.sessionId } : {}),
    ...(context.url ? { url: context.url.slice(0, 512) } : {}),
    ...(context.locale ? { locale: context.locale } : {}),
    ...(context.timezone ? { timezone: context.timezone } : {}),
    ...(context.userAgent ? { device: deviceOf(context.userAgent) } : {}),
  };
}

/** Copies the type's data into `event`; returns what is wrong with its money. */
function addData(event: CartEvent, data: WireData, fallback: string): FieldError[] {
  const errors: FieldError[] = [];
  const { type } = event;
  const money = (value: string | number | undefined, cur: string, field: string): number => {
    const minor = value === undefined ? 0 : toMinor(value, cur);
    if (minor === null) {
      const message = `must be an amount between 0 and ${MAX_MINOR / 100}`;
      errors.push({ field, message, code: "invalid_amount" });
    }
    return minor ?? 0;
  };
  if (data.item) {
    event.currency = data.item.currency ?? fallback;
    if (type === "product_added_to_cart" && data.item.price === undefined) {
      errors.push({ field: "data.item.price", message: "is required", code: "required" });
    }
    event.item = toItem(data.item, money(data.item.price, event.currency, "data.item.price"));
    if (type === "product_viewed" && data.item.available !== undefined) event.item.available = data.item.available;
    if (type === "product_removed_from_cart" && data.item.quantity === undefined) event.wholeLine = true;
  }
  if (data.items) {
    event.currency = data.currency ?? data.items.find((i) => i.currency)?.currency ?? fallback;
    event.items = data.items.map((line, index) => {
      const field = `data.items.${index}`;
      if ((line.currency ?? event.currency) !== event.currency) {
        errors.push({ field: `${field}.currency`, message: "a cart has one currency", code: "mixed_currency" });
      }
      return toItem(line, money(line.price, event.currency ?? fallback, `${field}.price`));
    });
    if (data.revision !== undefined) event.revision = data.revision;
  }
  if (data.order) {
    const cur = data.order.currency ?? fallback;
    event.order = { id: data.order.id, totalMinor: money(data.order.total, cur, "data.order.total"), currency: cur };
  }
  if (data.code !== undefined) event.code = data.code;
  const deliveryId = data.deliveryId ?? data.offerId;
  if (deliveryId !== undefined) event.deliveryId = deliveryId;
  if (data.subscription) event.push = toPush(data.subscription);
  if (type === "exit_intent_detected") event.intent = data.kind ?? "exit";
  if (type === "consent_updated") {
    const { email, sms, push, analytics } = data as Record<string, "granted" | "denied" | undefined>;
    event.consent = JSON.parse(JSON.stringify({ email, sms, push, analytics }));
    if (data.text) event.consentText = data.text;
  } else {
    if (data.email) event.email = data.email.trim().toLowerCase();
    if (data.phone) event.phone = data.phone;
    if (data.externalId) event.externalId = data.externalId;
    if (data.name) event.name = data.name;
  }
  return errors;
}

function toItem(line: WireItem, priceMinor: number): Item {
  return {
    productId: line.productId,
    variantId: line.variantId ?? null,
    name: line.name ?? null,
    priceMinor,
    quantity: line.quantity ?? 1,
    url: line.url ?? null,
    imageUrl: line.imageUrl ?? null,
    category: line.category ?? null,
  };
}

function toPush(given: WireSubscription): PushTarget {
  if ("token" in given) return { kind: "fcm", token: given.token };
  if ("oneSignalId" in given) return { kind: "onesignal", subscriptionId: given.oneSignalId };
  const bare = (text: string) => text.replace(/=+$/, "");
  return {
    kind: "webpush",
    endpoint: given.endpoint,
    p256dh: bare(given.keys.p256dh),
    auth: bare(given.keys.auth),
  };
}

/** Zod's issues in the shape of the problem document. */
export function fieldErrors(issues: readonly z.core.$ZodIssue[], prefix = ""): FieldError[] {
  return issues.slice(0, MAX_ERRORS).map((issue) => ({
    field: [prefix, ...issue.path.map(String)].filter(Boolean).join(".") || "(body)",
    message: issue.message,
    code: issue.code,
  }));
}

function isWebUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:/i.test(value);
}

function deviceOf(userAgent: string): "desktop" | "mobile" | "tablet" {
  if (/iPad|Tablet|PlayBook|Silk|Android(?!.*Mobile)/i.test(userAgent)) return "tablet";
  return /Mobi|iPhone|iPod|Android/i.test(userAgent) ? "mobile" : "desktop";
}
