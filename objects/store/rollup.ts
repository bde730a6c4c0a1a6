/** Counting: what a cart's news add to the store's counters and gauges. Pure; idempotent by sequence number. */
import type { CartNews, CartSummary, Delta, Entry } from "../../shared/events/messages.ts";
import { floorTo, type Grain } from "../../shared/time.ts";
import type { CartStatus } from "../../shared/views.ts";

/** What the store remembers of one cart. */
export interface KnownCart {
  incarnation: number;
  /** Rows of its log up to here are counted. */
  seq: number;
  summary: CartSummary | null;
}

/** How many carts stand where, and what they are worth by currency (minor units). */
export interface Gauges {
  carts: Partial<Record<CartStatus, number>>;
  value: Partial<Record<CartStatus, Record<string, number>>>;
}

export const emptyGauges = (): Gauges => ({ carts: {}, value: {} });

export interface Applied {
  cart: KnownCart;
  /** The entries that were new: counted now, once. */
  fresh: Entry[];
  /** The summary was newer than what was known. */
  moved: boolean;
}

/**
 * Entries are counted in order and without gaps: one that would leave a gap waits, and the cart, which learns from
 * `seen` how far we got, tells it again. An older incarnation is history.
 */
export function applyNews(known: KnownCart | null, news: CartNews): Applied {
  const start: KnownCart =
    known && known.incarnation >= news.incarnation
      ? known
      : { incarnation: news.incarnation, seq: 0, summary: known?.summary ?? null };
  if (known && known.incarnation > news.incarnation) return { cart: known, fresh: [], moved: false };
  const fresh: Entry[] = [];
  let { seq } = start;
  for (const entry of news.entries) {
    if (entry.seq !== seq + 1) continue;
    fresh.push(entry);
    seq = entry.seq;
  }
  const reborn = known !== null && known.incarnation < news.incarnation;
  if (news.gone) return { cart: { incarnation: start.incarnation, seq, summary: null }, fresh, moved: true };
  // A tombstone (counted, without a summary) stays one: what comes after a cart's last news is an echo.
  const dead = known !== null && known.summary === null && !reborn;
  const moved = !dead && (reborn || !start.summary || news.summary.version > start.summary.version);
  return { cart: { incarnation: start.incarnation, seq, summary: moved ? news.summary : start.summary }, fresh, moved };
}

export function moveGauges(gauges: Gauges, before: CartSummary | null, after: CartSummary | null): Gauges {
  const next: Gauges = { carts: { ...gauges.carts }, value: { ...gauges.value } };
  const shift = (summary: CartSummary, by: 1 | -1): void => {
    const { status, currency, totalMinor } = summary;
    next.carts[status] = (next.carts[status] ?? 0) + by;
    if (currency === null || totalMinor === 0) return;
    const values = { ...next.value[status] };
    values[currency] = (values[currency] ?? 0) + by * totalMinor;
    next.value[status] = values;
  };
  if (before) shift(before, -1);
  if (after) shift(after, 1);
  return next;
}

/** The sum of two deltas. */
export function addDelta(a: Delta, b: Delta): Delta {
  const sum: Delta = { ...a };
  for (const name of [
    "duplicates",
    "rejected",
    "carts",
    "abandoned",
    "orders",
    "recovered",
    "messages",
    "rows",
  ] as const) {
    if (b[name]) sum[name] = (a[name] ?? 0) + b[name];
  }
  for (const name of ["events", "revenue", "recoveredRevenue"] as const) {
    if (b[name]) sum[name] = addCounts(a[name], b[name]);
  }
  return sum;
}

function addCounts(a: Record<string, number> | undefined, b: Record<string, number>): Record<string, number> {
  const sum = { ...a };
  for (const [key, value] of Object.entries(b)) sum[key] = (sum[key] ?? 0) + value;
  return sum;
}

/** Entries by the buckets they fall into: `minute/<start>`, `hour/<start>`, `day/<start>` → their sum. */
export function bucketsOf(entries: readonly Entry[]): Map<string, Delta> {
  const buckets = new Map<string, Delta>();
  for (const { at, delta } of entries) {
    for (const grain of ["minute", "hour", "day"] satisfies Grain[]) {
      const key = `${grain}/${floorTo(at, grain)}`;
      buckets.set(key, addDelta(buckets.get(key) ?? {}, delta));
    }
  }
  return buckets;
}

export const acceptedIn = (delta: Delta): number => Object.values(delta.events ?? {}).reduce((sum, n) => sum + n, 0);
