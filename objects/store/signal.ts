/**
 * The order-signal watch. When shoppers go on as ever but no order arrives, the store's order signal is probably gone (a
 * removed snippet, a dead webhook), and every recovery mail would follow a purchase. Pure.
 */
import type { Entry } from "../../shared/events/messages.ts";
import { DAY_MS, floorTo, HOUR_MS } from "../../shared/time.ts";
import { acceptedIn } from "./rollup.ts";

/** What happened within an hour. `payments`: those after its last order. */
export interface HourFacts {
  start: number;
  orders: number;
  events: number;
  payments: number;
}

/** Payments within a day without a single order before the signal counts as lost. */
export const PAYMENTS_WITHOUT_ORDER = 20;

const WEEK_MS = 7 * DAY_MS;
/** The usual rate is that of so many weeks before the silence; of fewer than two nothing is concluded. */
const MAX_WEEKS = 4;
const MIN_WEEKS = 2;
/** How far back hours are looked at: the weeks of the usual rate, and a week of silence. */
export const MEMORY_MS = (MAX_WEEKS + 1) * WEEK_MS;
/** How many silences as improbable as the one that counts as a loss a healthy week may hold. */
const FALSE_ALARMS_A_WEEK = 0.001;
const MIN_EVIDENCE = 10;

export type Loss = "payments" | "silence";

/**
 * Why the order signal counts as lost at `now`, or `null`. `hours`: those in which something happened, oldest first.
 *
 * `payments`: twenty in the last day, none of them followed by an order.
 *
 * `silence`: no order, though by the habit of the store there should have been some. Per hour of the week (a shop that sells
 * nothing at night or on Sundays is not expected to) orders are taken for Poisson, with a rate that is itself unknown:
 * k orders in the w weeks before make it Gamma(k, w), so that an hour passes without one with probability
 * (w / (w + 1))^k (the negative binomial; Gelman et al., Bayesian Data Analysis, 3rd ed., 2.6), and −ln p = k · ln(1 + 1/w).
 * The same by traffic instead of time: e events now where there were E, −ln p = k · ln(1 + e/E). Both are summed from the
 * end of the last order's hour, and the smaller sum is the evidence: a quiet week explains the silence, and so does a
 * flood of bots that buy nothing. Every order begins a silence, and those of a Poisson process are exponential in its own
 * time (Brown et al., The Time-Rescaling Theorem, 2002): N orders a week mean N · e^−x silences a week with an evidence above x. So
 * that there are at most 0.001, x must be ln(N / 0.001), and is never less than 10.
 */
export function lossOf(hours: readonly HourFacts[], now: number): Loss | null {
  const last = hours.findLastIndex((hour) => hour.orders > 0);
  let payments = 0;
  for (let i = Math.max(0, last); i < hours.length; i++)
    if (hours[i]!.start >= now - DAY_MS) payments += hours[i]!.payments;
  if (payments >= PAYMENTS_WITHOUT_ORDER) return "payments";
  return last >= 0 && isUnlikely(hours, last, now) ? "silence" : null;
}

function isUnlikely(hours: readonly HourFacts[], last: number, now: number): boolean {
  const begun = hours[last]!.start + HOUR_MS;
  const weeks = Math.min(MAX_WEEKS, Math.floor((begun - hours[0]!.start) / WEEK_MS));
  if (weeks < MIN_WEEKS || now <= begun) return false;
  const [usualOrders, usualEvents] = [new Float64Array(SLOTS), new Float64Array(SLOTS)];
  let sum = 0;
  for (let i = last; i >= 0 && hours[i]!.start >= begun - weeks * WEEK_MS; i--) {
    const { start, orders, events } = hours[i]!;
    usualOrders[slotOf(start)]! += orders;
    usualEvents[slotOf(start)]! += events;
    sum += orders;
  }
  let [byTime, byTraffic] = [0, 0];
  for (let start = begun; start < now; start += HOUR_MS)
    byTime += usualOrders[slotOf(start)]! * Math.log1p(Math.min(1, (now - start) / HOUR_MS) / weeks);
  for (let i = last + 1; i < hours.length; i++) {
    const { start, events } = hours[i]!;
    const usual = usualEvents[slotOf(start)]!;
    if (usual > 0) byTraffic += usualOrders[slotOf(start)]! * Math.log1p(events / usual);
  }
  return Math.min(byTime, byTraffic) >= Math.max(MIN_EVIDENCE, ln(sum / weeks / FALSE_ALARMS_A_WEEK));
}

const SLOTS = WEEK_MS / HOUR_MS;
const ln = Math.log;
/** The hour of the week, in UTC. */
const slotOf = (start: number): number => Math.floor(start / HOUR_MS) % SLOTS;

/** An hour's bucket. Whether its payments came after its order is not known: they count for nothing then. */
export const factsOf = (start: number, delta: Entry["delta"]): HourFacts => {
  const orders = Math.max(0, delta.orders ?? 0);
  const payments = orders > 0 ? 0 : (delta.events?.payment_info_submitted ?? 0);
  return { start, orders, events: acceptedIn(delta), payments };
};

/** The hours with what was counted since, oldest first, without what is too old. An order makes the payments before it good. */
export function heard(hours: readonly HourFacts[], entries: readonly Entry[], now: number): HourFacts[] {
  const next = hours.filter(({ start }) => start > now - MEMORY_MS);
  for (const { at, delta } of entries) {
    const more = factsOf(floorTo(at, "hour"), delta);
    // Nearly always the last hour, or a new one.
    const before = next.findLastIndex(({ start }) => start <= more.start);
    const known = next[before];
    if (known?.start !== more.start) next.splice(before + 1, 0, more);
    else next[before] = sumOf(known, more);
  }
  return next;
}

const sumOf = (known: HourFacts, more: HourFacts): HourFacts => ({
  start: known.start,
  orders: known.orders + more.orders,
  events: known.events + more.events,
  payments: more.orders > 0 ? 0 : known.payments + more.payments,
});

/** What is kept of the watch; times in ms. */
export interface SignalState {
  /** Since when the signal counts as lost, and why. */
  lost: { since: number; why: Loss } | null;
  /** A merchant wants messages to go out until then, whatever the signal is. */
  overriddenUntil: number;
}

export const SOUND: SignalState = { lost: null, overriddenUntil: 0 };

/** A lost signal stays lost until an order is heard of: that shoppers left meanwhile is no sign of recovery. */
export function nextSignal(
  state: SignalState,
  hours: readonly HourFacts[],
  { heardOrder, now }: { heardOrder: boolean; now: number },
): SignalState {
  if (state.lost && !heardOrder) return state;
  const why = lossOf(hours, now);
  if (why === null) return state.lost ? { ...state, lost: null } : state;
  if (state.lost || now < state.overriddenUntil) return state;
  return { ...state, lost: { since: now, why } };
}
