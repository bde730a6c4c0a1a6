/** What a cart adds to its store's counters: the difference between two states. Pure. */
import type { Delta, Exposure, Purchase } from "../../shared/events/messages.ts";
import { isAnonymous } from "../../shared/ids.ts";
import type { Decision } from "./commands.ts";
import { endsBetween } from "./examples.ts";
import { shopperOf } from "./reach.ts";
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

/** Effects that became due for the first time between the two. */
function exposedBetween(before: CartState, after: CartState): Exposure[] {
  const known = new Set(before.process.effects.filter((e) => e.exposure).map((e) => e.id));
  return after.process.effects.flatMap(
    ({ id, exposure, campaignId, campaignVersion, stepId, variantId, ...effect }) => {
      if (!exposure || known.has(id)) return [];
      const { holdout, probability } = effect;
      return [{ campaignId, campaignVersion, stepId, variantId, probability, holdout, ...exposure }];
    },
  );
}

/**
 * The orders by their id, as far as it is known or measured whose they are. Who was measured in this generation, a stranger
 * on the page too, is who bought in it, whatever address the checkout was given; else it is whom the cart knows.
 */
function purchasesOf(state: CartState): Map<string, Purchase> {
  const { facts, process } = state;
  const purchases = new Map<string, Purchase>();
  for (const order of facts.orders) {
    const measured = process.effects.findLast((e) => e.exposure && e.generation === order.generation)?.exposure;
    const shopperId = measured?.shopperId ?? shopperOf(state);
    if (!measured && isAnonymous(shopperId)) continue;
    const credit = process.closed.find((c) => c.generation === order.generation)?.attribution;
    purchases.set(order.id, {
      orderId: order.id,
      shopperId,
      at: order.receivedAt,
      minor: worth(order),
      currency: order.currency,
      credit: credit ? { campaignId: credit.campaignId, model: credit.model } : null,
      ...(order.cancelled ? { void: true as const } : {}),
      ...(order.coupons.length > 0 ? { coupons: order.coupons } : {}),
    });
  }
  return purchases;
}

/** Purchases that are new or not what they were. */
function boughtBetween(before: CartState, after: CartState): Purchase[] {
  if (before.facts.orders.length === 0 && after.facts.orders.length === 0) return [];
  const old = purchasesOf(before);
  const now = purchasesOf(after);
  const gone = [...old.values()].filter((p) => !now.has(p.orderId)).map((p) => ({ ...p, void: true as const }));
  const moved = [...now.values()].filter((p) => JSON.stringify(p) !== JSON.stringify(old.get(p.orderId)));
  return [...gone, ...moved];
}

/** Counters that moved from `before` to `after`; what did not move is left out. */
export function deltaOf(before: CartState, after: CartState, at: number): Delta {
  const delta: Delta = {};
  const same = before.process === after.process && before.facts.orders === after.facts.orders;
  if (same && before.facts.person === after.facts.person) return delta;
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
  const exposures = exposedBetween(before, after);
  if (exposures.length > 0) delta.exposures = exposures;
  const ends = endsBetween(before.process, after.process, at);
  if (ends.length > 0) delta.ends = ends;
  const purchases = boughtBetween(before, after);
  if (purchases.length > 0) delta.purchases = purchases;
  return delta;
}

/** What a beacon adds to the counts of events. */
export function usageDelta({ received, learned }: Decision): Delta {
  if (!received) return {};
  const events: Delta["events"] = {};
  for (const { type } of learned) events[type] = (events[type] ?? 0) + 1;
  return {
    ...(learned.length ? { events } : {}),
    ...(received.duplicates ? { duplicates: received.duplicates } : {}),
    ...(received.rejected.length ? { rejected: received.rejected.length } : {}),
  };
}
