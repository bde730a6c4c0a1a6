/** The store's numbers as the merchant sees them. Pure. */
import type { CartNews, CartSummary, Delta } from "../../shared/events/messages.ts";
import { toMoney } from "../../shared/money.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { iso, isoOrNull } from "../../shared/time.ts";
import type {
  CartDeliveryNews,
  CartListItem,
  CartStatus,
  OrderSignal,
  RealtimeView,
  UsageView,
} from "../../shared/views.ts";
import type { Counters } from "./counters.ts";
import { acceptedIn } from "./rollup.ts";

/** What the gate is told of a store. */
export interface TenantView {
  rules: Rules;
  allowedOrigins: string[];
  /** Until when its events are refused (ms); `null`: they are not. */
  overQuotaUntil: number | null;
}

export function realtimeView(counters: Counters, currency: string, signal: OrderSignal, now: number): RealtimeView {
  const { gauges, totals } = counters;
  const count = (status: CartStatus) => gauges.carts[status] ?? 0;
  const value = (status: CartStatus) => gauges.value[status]?.[currency] ?? 0;
  const byMinute = counters.eventsByMinute(now, 30);
  return {
    activeCarts: count("active"),
    abandonedCarts: count("abandoned"),
    recoveringCarts: count("recovering"),
    recoveredCarts: count("recovered"),
    purchasedCarts: count("purchased"),
    expiredCarts: count("expired"),
    revenueAtRisk: toMoney(value("abandoned") + value("recovering"), currency),
    recoveredRevenue: toMoney(totals.recoveredRevenue?.[currency] ?? 0, currency),
    purchasedRevenue: toMoney(totals.revenue?.[currency] ?? 0, currency),
    eventsPerMinute: Math.max(byMinute.at(-1) ?? 0, byMinute.at(-2) ?? 0),
    eventsByMinute: byMinute,
    orderSignal: signal,
    at: iso(now),
  };
}

/** `since`: when the store was opened (ms). */
export const usageView = (totals: Delta, since: number): UsageView => ({
  events: { accepted: acceptedIn(totals), duplicates: totals.duplicates ?? 0, rejected: totals.rejected ?? 0 },
  byType: totals.events ?? {},
  carts: totals.carts ?? 0,
  orders: totals.orders ?? 0,
  messages: totals.messages ?? 0,
  rowsWritten: totals.rows ?? 0,
  since: iso(since),
});

export function listItem(id: string, summary: CartSummary, fallback: string): CartListItem {
  return {
    id,
    status: summary.status,
    version: summary.version,
    itemCount: summary.itemCount,
    total: toMoney(summary.totalMinor, summary.currency ?? fallback),
    shopper: { id: summary.shopperId, email: summary.email, name: summary.name },
    abandonmentRisk: Math.round(summary.abandonmentRisk * 1e4) / 1e4,
    createdAt: iso(summary.createdAt),
    lastActivityAt: iso(summary.lastActivityAt),
    abandonedAt: isoOrNull(summary.abandonedAt),
    recoveredAt: isoOrNull(summary.recoveredAt),
  };
}

export const deliveriesOf = (news: CartNews): CartDeliveryNews[] =>
  news.deliveries.map((d) => ({
    id: d.id,
    cartId: news.cartId,
    campaignId: d.campaignId,
    stepId: d.stepId,
    variantId: d.variantId,
    channel: d.channel,
    status: d.status,
    dueAt: isoOrNull(d.dueAt),
    statusHistory: d.history.map(({ at, ...entry }) => ({ ...entry, at: iso(at) })),
  }));
