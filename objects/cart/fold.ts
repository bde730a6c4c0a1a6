/**
 * From a set of events to the facts. The fold runs in the order of (claimed time, id), so any permutation,
 * duplication or batching of the same events ends in the same facts: a late event re-folds the window.
 */
import type { CartEvent, EventType, Item } from "../../shared/events/types.ts";
import { MINUTE_MS } from "../../shared/time.ts";
import type { Facts, Moment, Order, Stage } from "./state.ts";
import { tracked } from "./trail.ts";

export const MAX_LINES = 500;
const MAX_ORDERS = 100;
const MAX_CLICKS = 50;
const MAX_OFFERS = 50;
const MAX_SOLD_OUT = 50;
const MAX_VIEWED = 200;

/** The echo of an order (its webhook, its thank-you page reloaded) closes what is open only this long after it. */
const ORDER_ECHO_MS = 15 * MINUTE_MS;

/** Signs of the page, not of the cart: they do not postpone abandonment. */
const PASSIVE: ReadonlySet<EventType> = new Set<EventType>([
  "page_viewed",
  "exit_intent_detected",
  "offer_shown",
  "offer_dismissed",
  "consent_updated",
  "push_subscribed",
  "order_cancelled",
  "order_refunded",
]);

const STAGE: Partial<Record<EventType, Stage>> = {
  checkout_started: "checkout",
  checkout_contact_info_submitted: "contact",
  checkout_address_info_submitted: "address",
  checkout_shipping_info_submitted: "shipping",
  payment_info_submitted: "payment",
  payment_failed: "shipping",
};

/** Total order of events: by claimed time, ties by id. */
export const before = (a: CartEvent, b: CartEvent): boolean => a.at < b.at || (a.at === b.at && a.id < b.id);

/** `events` must be sorted by `before`. */
export function fold(base: Facts, events: readonly CartEvent[]): Facts {
  let facts = base;
  for (const event of events) facts = apply(facts, event);
  return facts;
}

/** Events in their order, and the facts that follow from them. What comes late re-folds them all: once, however many. */
export class EventWindow {
  readonly #base: Facts;
  readonly #events: CartEvent[];
  #facts: Facts;
  #isLate = false;

  /** `facts`: those after `events`, which are sorted. */
  constructor(base: Facts, events: readonly CartEvent[], facts: Facts) {
    this.#base = base;
    this.#events = [...events];
    this.#facts = facts;
  }

  get events(): CartEvent[] {
    return this.#events;
  }

  get facts(): Facts {
    if (this.#isLate) this.#facts = fold(this.#base, this.#events);
    this.#isLate = false;
    return this.#facts;
  }

  /** Does it come before an event that is here already? */
  precedes(event: CartEvent): boolean {
    const last = this.#events.at(-1);
    return last !== undefined && !before(last, event);
  }

  add(event: CartEvent): void {
    const isLate = this.precedes(event);
    if (isLate) this.#events.splice(placeOf(this.#events, event), 0, event);
    else this.#events.push(event);
    this.#isLate ||= isLate;
    if (!this.#isLate) this.#facts = apply(this.#facts, event);
  }
}

function placeOf(window: readonly CartEvent[], event: CartEvent): number {
  let low = 0;
  let high = window.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(window[middle]!, event)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The facts after one more event, which is not before any folded one. Does not touch `facts`. */
export function apply(facts: Facts, event: CartEvent): Facts {
  const next: Facts = { ...facts };
  next.firstAt = facts.firstAt ? Math.min(facts.firstAt, event.at) : event.at;
  next.lastAt = Math.max(facts.lastAt, event.at);
  next.lastReceivedAt = Math.max(facts.lastReceivedAt, event.receivedAt);
  if (!PASSIVE.has(event.type)) next.lifeAt = Math.max(facts.lifeAt, event.receivedAt);
  if (event.visitorId) next.visitorId = event.visitorId;
  if (event.locale) next.locale = event.locale;
  if (event.timezone) next.timezone = event.timezone;
  if (event.device) next.device = event.device;
  if (event.url) next.url = event.url;
  identify(next, event);
  change(next, event);
  next.counts = { ...next.counts, [event.type]: (next.counts[event.type] ?? 0) + 1 };
  next.trail = tracked(facts, next, event);
  return next;
}

/** Contact data and consent, latest claim wins. */
function identify(facts: Facts, event: CartEvent): void {
  const { email, phone, externalId, name, push } = event;
  if (email || phone || externalId || name || push) {
    const known = facts.person;
    facts.person = {
      email: email ?? known.email,
      phone: phone ?? known.phone,
      externalId: externalId ?? known.externalId,
      name: name ?? known.name,
      push: push ?? known.push,
    };
  }
  if (event.consent) {
    facts.consent = { ...facts.consent };
    for (const [channel, value] of Object.entries(event.consent)) {
      facts.consent[channel as keyof Facts["consent"]] = {
        value,
        at: event.at,
        source: "storefront",
        ...(event.url ? { url: event.url } : {}),
        ...(event.consentText ? { text: event.consentText } : {}),
      };
    }
  }
}

/** What the event does to the cart itself. */
function change(facts: Facts, event: CartEvent): void {
  switch (event.type) {
    case "product_added_to_cart":
      if (event.item) add(facts, event, event.item);
      return;
    case "product_removed_from_cart":
      if (event.item && !isHistory(facts, event)) remove(facts, event.item, event.wholeLine === true);
      return;
    case "cart_updated":
      if (event.items) replace(facts, event, event.items);
      return;
    case "product_viewed":
      if (event.item) view(facts, event, event.item);
      return;
    case "coupon_applied":
      if (event.code) facts.coupons = [...new Set([...facts.coupons, event.code])].slice(-20);
      return;
    case "coupon_removed":
      facts.coupons = facts.coupons.filter((code) => code !== event.code);
      return;
    case "checkout_completed":
      if (event.order) close(facts, event, event.order);
      return;
    case "order_cancelled":
      amend(facts, event.order?.id, (order) => ({ ...order, cancelled: true }));
      return;
    case "order_refunded":
      amend(facts, event.order?.id, (order) => refund(order, event.order?.totalMinor ?? 0));
      return;
    case "exit_intent_detected":
      note(facts, event.intent === "hesitation" ? "checkout_hesitation" : "exit_intent", event.at);
      return;
    case "offer_shown":
    case "offer_accepted":
    case "offer_dismissed":
      if (event.deliveryId) {
        const what = OFFER[event.type];
        facts.offers = [...facts.offers, { deliveryId: event.deliveryId, at: event.at, what }].slice(-MAX_OFFERS);
      }
      return;
    case "message_clicked":
      if (event.deliveryId) {
        facts.clicks = [...facts.clicks, { deliveryId: event.deliveryId, at: event.at }].slice(-MAX_CLICKS);
      }
      return;
    default: {
      const stage = STAGE[event.type];
      if (stage && facts.closedAt === null) facts.stage = stage;
      if (event.type !== "payment_failed") return;
      facts.paymentFailures += 1;
      note(facts, "payment_failed", event.at);
    }
  }
}

const sameLine = (a: Item, b: Item): boolean => a.productId === b.productId && a.variantId === b.variantId;

/** A later add under the same id opens the next generation of a closed cart. */
function reopen(facts: Facts): void {
  if (facts.closedAt === null) return;
  facts.generation += 1;
  facts.closedAt = null;
  facts.items = [];
  facts.totalMinor = 0;
  facts.currency = null;
  facts.revision = -1;
  facts.coupons = [];
  facts.stage = "browsing";
  facts.paymentFailures = 0;
  facts.firstAddAt = null;
  facts.lastAddAt = null;
  facts.moments = {};
  facts.counts = {};
  facts.views = {};
}

/** Never so in the fold's own order: only a late event on top of a compacted base is older than the base's truth. */
const isHistory = (facts: Facts, event: CartEvent): boolean => event.at < facts.truthAt;

function add(facts: Facts, event: CartEvent, item: Item): void {
  if (isHistory(facts, event)) return;
  reopen(facts);
  if (foreign(facts, event)) return;
  const index = facts.items.findIndex((line) => sameLine(line, item));
  if (index < 0 && facts.items.length >= MAX_LINES) return;
  const items = [...facts.items];
  const old = items[index];
  if (old) noteDrop(facts, event, old, item);
  if (old) items[index] = { ...fresher(old, item), quantity: Math.min(9_999, old.quantity + item.quantity) };
  else items.push(item);
  setItems(facts, event, items);
  facts.firstAddAt ??= event.at;
  facts.lastAddAt = event.at;
}

/** The newer description of the same line; what it does not say stays. */
const fresher = (old: Item, item: Item): Item => ({
  ...item,
  name: item.name ?? old.name,
  url: item.url ?? old.url,
  imageUrl: item.imageUrl ?? old.imageUrl,
  category: item.category ?? old.category,
});

function remove(facts: Facts, item: Item, wholeLine: boolean): void {
  if (facts.closedAt !== null) return;
  const items = facts.items
    .map((line) => (sameLine(line, item) ? { ...line, quantity: wholeLine ? 0 : line.quantity - item.quantity } : line))
    .filter((line) => line.quantity > 0);
  facts.items = items;
  facts.totalMinor = total(items);
}

/** A snapshot is the whole truth at its time; an older revision that claims a later time is not. */
function replace(facts: Facts, event: CartEvent, items: Item[]): void {
  if (isHistory(facts, event) || (facts.closedAt !== null && items.length === 0)) return;
  reopen(facts);
  if (event.revision !== undefined) {
    if (event.revision < facts.revision) return;
    facts.revision = event.revision;
  }
  facts.truthAt = event.at;
  if (items.length > 0 && facts.items.length === 0) facts.firstAddAt ??= event.at;
  if (items.length > 0) facts.lastAddAt = event.at;
  const merged: Item[] = [];
  for (const item of items.slice(0, MAX_LINES)) {
    const at = merged.findIndex((line) => sameLine(line, item));
    const known = facts.items.find((line) => sameLine(line, item));
    if (at >= 0) merged[at] = { ...item, quantity: Math.min(9_999, merged[at]!.quantity + item.quantity) };
    else merged.push(known ? fresher(known, item) : item);
    if (known) noteDrop(facts, event, known, item);
  }
  setItems(facts, event, merged);
}

function setItems(facts: Facts, event: CartEvent, items: Item[]): void {
  facts.items = items;
  if (items.length > 0) facts.currency = event.currency ?? facts.currency;
  facts.totalMinor = total(items);
  if (facts.stage === "browsing" && items.length > 0) facts.stage = "cart";
}

/** Money of two currencies is never added up. The shell refuses such events; a late one that slipped in is inert. */
export const foreign = (facts: Facts, event: CartEvent): boolean =>
  facts.items.length > 0 &&
  event.currency !== undefined &&
  facts.currency !== null &&
  event.currency !== facts.currency;

const total = (items: Item[]): number => items.reduce((sum, line) => sum + line.priceMinor * line.quantity, 0);

const OFFER = { offer_shown: "shown", offer_accepted: "accepted", offer_dismissed: "dismissed" } as const;

function note(facts: Facts, moment: Moment, at: number): void {
  facts.moments = { ...facts.moments, [moment]: at };
}

/** The same product for less than it was put in for. A view need not name a price. */
function noteDrop(facts: Facts, event: CartEvent, line: Item, seen: Item): void {
  const comparable = event.currency === facts.currency && seen.priceMinor > 0;
  if (comparable && seen.priceMinor < line.priceMinor) note(facts, "price_drop", event.at);
}

function view(facts: Facts, event: CartEvent, item: Item): void {
  countView(facts, item);
  const line = facts.items.find((known) => sameLine(known, item));
  if (line) noteDrop(facts, event, line, item);
  if (item.available === undefined) return;
  const { productId } = item;
  const wasOut = facts.soldOut.includes(productId);
  if (wasOut && item.available && line) note(facts, "back_in_stock", event.at);
  const others = facts.soldOut.filter((known) => known !== productId);
  facts.soldOut = item.available ? others : [...others, productId].slice(-MAX_SOLD_OUT);
}

function countView(facts: Facts, { productId }: Item): void {
  const seen = Object.hasOwn(facts.views, productId) ? facts.views[productId]! : 0;
  if (seen === 0 && Object.keys(facts.views).length >= MAX_VIEWED) return;
  facts.views = { ...facts.views, [productId]: seen + 1 };
}

/** An order closes the cart: items stay as they were bought, until something new is added. */
function close(facts: Facts, event: CartEvent, given: { id: string; totalMinor: number; currency: string }): void {
  const known = facts.orders.find((order) => order.id === given.id);
  if (known && event.at - known.at > ORDER_ECHO_MS) return;
  facts.closedAt ??= event.at;
  facts.truthAt = Math.max(facts.truthAt, event.at);
  if (known || facts.orders.length >= MAX_ORDERS) return;
  const order: Order = {
    ...given,
    at: event.at,
    receivedAt: event.receivedAt,
    generation: facts.generation,
    cancelled: false,
    refundedMinor: 0,
    coupons: facts.coupons,
  };
  facts.orders = [...facts.orders, order];
  facts.stage = "ordered";
}

/** Nothing named means all of it. A refund never exceeds the order. */
const refund = (order: Order, amountMinor: number): Order => ({
  ...order,
  refundedMinor: Math.min(order.totalMinor, order.refundedMinor + (amountMinor || order.totalMinor)),
});

function amend(facts: Facts, id: string | undefined, how: (order: Order) => Order): void {
  facts.orders = facts.orders.map((order) => (order.id === id ? how(order) : order));
}
