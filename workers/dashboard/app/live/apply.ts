/** What news do to what the page knows. Pure: the same news twice, late or out of order change nothing twice. */
import { MINUTE_MS } from "../../../../shared/time.ts";
import type {
  CartDeliveryNews,
  CartListItem,
  CartStatus,
  DeliveryView,
  RealtimeView,
  TopicNews,
} from "../../../../shared/views.ts";

export type CartMap = ReadonlyMap<string, CartListItem>;

/** The list is read from a projection that a queue feeds; carts that moved more recently than this may be missing in it. */
export const LIST_LAG_MS = 2 * MINUTE_MS;

/** Takes each cart whose version is newer than the one we hold. Returns the same map when none is. */
export function applyCarts(current: CartMap, news: readonly CartListItem[]): CartMap {
  let next: Map<string, CartListItem> | null = null;
  for (const cart of news) {
    const known = (next ?? current).get(cart.id);
    if (known && known.version >= cart.version) continue;
    next ??= new Map(current);
    next.set(cart.id, cart);
  }
  return next ?? current;
}

/**
 * Takes a list read from the API. The list is the truth, except where the socket already told something newer. A `complete`
 * list (no further page) also drops the carts it does not name, e.g. of an erased shopper, unless they moved just now.
 */
export function applyList(
  current: CartMap,
  items: readonly CartListItem[],
  { complete, now }: { complete: boolean; now: number },
): CartMap {
  const next = new Map<string, CartListItem>();
  for (const cart of items) {
    const known = current.get(cart.id);
    next.set(cart.id, known && known.version > cart.version ? known : cart);
  }
  for (const cart of current.values()) {
    if (next.has(cart.id)) continue;
    if (!complete || now - Date.parse(cart.lastActivityAt) < LIST_LAG_MS) next.set(cart.id, cart);
  }
  return next;
}

/** Forgets the longest idle carts beyond `most`, closed ones first: a page left open for a week must not grow for a week. */
export function pruneCarts(current: CartMap, most: number): CartMap {
  if (current.size <= most) return current;
  const closed = (cart: CartListItem) => (columnOf(cart.status) === "closed" || columnOf(cart.status) === null ? 1 : 0);
  const kept = [...current.values()]
    .sort((a, b) => closed(a) - closed(b) || Date.parse(b.lastActivityAt) - Date.parse(a.lastActivityAt))
    .slice(0, most);
  return new Map(kept.map((cart) => [cart.id, cart]));
}

export type ColumnName = "active" | "abandoned" | "recovering" | "recovered";
export type Columns = Record<ColumnName | "closed", CartListItem[]>;
export const COLUMN_NAMES: readonly ColumnName[] = ["active", "abandoned", "recovering", "recovered"];

/** `null`: not shown. A merged cart lives on under another id. */
export function columnOf(status: CartStatus): ColumnName | "closed" | null {
  switch (status) {
    case "active":
    case "abandoned":
    case "recovering":
    case "recovered":
      return status;
    case "purchased":
    case "expired":
      return "closed";
    case "merged":
      return null;
  }
}

export function toColumns(carts: CartMap): Columns {
  const columns: Columns = { active: [], abandoned: [], recovering: [], recovered: [], closed: [] };
  for (const cart of carts.values()) {
    const column = columnOf(cart.status);
    if (column) columns[column].push(cart);
  }
  for (const column of Object.values(columns)) column.sort(byMinute);
  return columns;
}

/** Newest first, by whole minutes and then by id, so that two busy carts do not trade places with every event. */
function byMinute(a: CartListItem, b: CartListItem): number {
  return minuteOf(b) - minuteOf(a) || (a.id < b.id ? -1 : 1);
}

function minuteOf(cart: CartListItem): number {
  const at = cart.status === "recovered" ? cart.recoveredAt : cart.status === "active" ? null : cart.abandonedAt;
  return Math.floor(Date.parse(at ?? cart.lastActivityAt) / MINUTE_MS);
}

export function applyMetrics(current: RealtimeView | null, next: RealtimeView): RealtimeView {
  return current && Date.parse(current.at) > Date.parse(next.at) ? current : next;
}

/**
 * Takes status changes of listed deliveries. `unknown`: one was named that is not listed, or was written since it was, so the
 * list must be read again.
 */
export function applyDeliveries(
  rows: readonly DeliveryView[],
  news: readonly CartDeliveryNews[],
): { rows: readonly DeliveryView[]; unknown: boolean } {
  const told = new Map(news.map((delivery) => [delivery.id, delivery]));
  let changed = false;
  let written = false;
  const next = rows.map((row) => {
    const delivery = told.get(row.id);
    told.delete(row.id);
    // A history only grows: the longer one is the newer one.
    if (!delivery || delivery.statusHistory.length <= row.statusHistory.length) return row;
    changed = true;
    const { channel, status, statusHistory } = delivery;
    written ||= row.to === null && status === "sent" && channel !== "onsite";
    return { ...row, channel, status, statusHistory };
  });
  return { rows: changed ? next : rows, unknown: written || told.size > 0 };
}

/** Whether the news say that this cart, or a message of it, changed. */
export function namesCart(news: TopicNews, cartId: string): boolean {
  if (news.topic === "carts") return news.carts.some((cart) => cart.id === cartId);
  if (news.topic === "deliveries") return news.deliveries.some((delivery) => delivery.cartId === cartId);
  return false;
}

export function namesDelivery(news: TopicNews, deliveryId: string): boolean {
  return news.topic === "deliveries" && news.deliveries.some((delivery) => delivery.id === deliveryId);
}
