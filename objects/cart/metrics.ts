/** What a cart adds to its store's counters: the difference between two states. Pure. */
import type { Delta } from "../../shared/events/messages.ts";
import type { CartState, Order } from "./state.ts";

interface Metrics {
  abandoned: number;
  orders: number;
  recovered: number;
  revenue: Record<string, number>;
  recoveredRevenue: Record<string, number>;
}

const worth = (order: Order): number => (order.cancelled ? 0 : order.totalMinor - order.refundedMinor);

function metricsOf({ facts, process }: CartState): Metrics {
  const recovered = new Set(process.closed.filter((c) => c.status === "recovered").map((c) => c.generation));
  const revenue: Record<string, number> = {};
  const recoveredRevenue: Record<string, number> = {};
  for (const order of facts.orders) {
    revenue[order.currency] = (revenue[order.currency] ?? 0) + worth(order);
    if (!recovered.has(order.generation)) continue;
    recoveredRevenue[order.currency] = (recoveredRevenue[order.currency] ?? 0) + worth(order);
  }
  return {
    abandoned: process.abandonments,
    orders: facts.orders.length,
    recovered: recovered.size,
    revenue,
    recoveredRevenue,
  };
}

/** Messages that went out between the two. The ledger forgets its oldest effects, which uncounts nothing. */
function sentBetween(before: CartState, after: CartState): number {
  const sent = new Set(before.process.effects.filter((e) => e.sentAt !== null).map((e) => e.id));
  return after.process.effects.filter((e) => e.sentAt !== null && !sent.has(e.id)).length;
}

/** Counters that moved from `before` to `after`; what did not move is left out. */
export function deltaOf(before: CartState, after: CartState): Delta {
  const delta: Delta = {};
  const same = before.process === after.process && before.facts.orders === after.facts.orders;
  if (same) return delta;
  const old = metricsOf(before);
  const now = metricsOf(after);
  for (const name of ["abandoned", "orders", "recovered"] as const) {
    if (now[name] !== old[name]) delta[name] = now[name] - old[name];
  }
  const messages = sentBetween(before, after);
  if (messages > 0) delta.messages = messages;
  for (const name of ["revenue", "recoveredRevenue"] as const) {
    for (const currency of new Set([...Object.keys(old[name]), ...Object.keys(now[name])])) {
      const moved = (now[name][currency] ?? 0) - (old[name][currency] ?? 0);
      if (moved !== 0) delta[name] = { ...delta[name], [currency]: moved };
    }
  }
  return delta;
}
