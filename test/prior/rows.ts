/**
 * From simulated shoppers to rows: their events go through the cart's own fold, their earlier carts through the shopper's own
 * past, and the rows come from the cart's own training examples, and besides from moments in between: before anything is in
 * the cart, and when it has been idle for any time.
 */

import { examplesOf } from "../../objects/cart/examples.ts";
import { apply } from "../../objects/cart/fold.ts";
import { emptyFacts, emptyState, type Facts } from "../../objects/cart/state.ts";
import type { LogRow } from "../../objects/cart/storage.ts";
import { STRANGER } from "../../objects/shopper/decide.ts";
import { historyOf, type Past, remember } from "../../objects/shopper/past.ts";
import type { CartEvent, EventType } from "../../shared/events/types.ts";
import { stableHash } from "../../shared/ids.ts";
import type { Example, MomentName } from "../../shared/model/example.ts";
import { FEATURE_NAMES, featuresAt } from "../../shared/model/features.ts";
import type { ShopperHistory } from "../../shared/model/history.ts";
import type { Dataset } from "../../shared/model/model.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import { rules, T0 } from "../support/cart-life.ts";
import { type Dice, dice, shopperOf } from "./people.ts";
import { type CartLife, CartVisits } from "./visits.ts";

export interface Row {
  shopper: number;
  moment: MomentName | "empty" | "idle";
  at: number;
  label: 0 | 1;
  /** In the order of `FEATURES`. */
  features: number[];
}

/** What the rows are about: to be compared with the published averages. */
export interface Census {
  carts: number;
  bought: number;
  mobile: [carts: number, bought: number];
  /** Carts with a checkout that was told of. */
  checkouts: { begun: number; bought: number };
  paymentTries: number;
  paymentFailures: number;
  visitors: number;
}

const RULES = rules();
/** So often a beacon is followed by a moment of its own: by what is known then alone, so that none is preferred by its end. */
const EXTRA = { empty: 0.04, filled: 0.12, seldom: 0.6 };
/** What happens seldom and says much. */
const SELDOM: ReadonlySet<EventType> = new Set<EventType>([
  ...(["product_removed_from_cart", "coupon_applied", "payment_failed", "payment_info_submitted"] as const),
  ...(["checkout_contact_info_submitted", "checkout_address_info_submitted"] as const),
  ...(["checkout_shipping_info_submitted", "exit_intent_detected", "offer_dismissed", "message_clicked"] as const),
]);

function extraShare({ items }: Facts, events: readonly CartEvent[]): number {
  if (items.length === 0) return EXTRA.empty;
  return events.some(({ type }) => SELDOM.has(type)) ? EXTRA.seldom : EXTRA.filled;
}

export function simulate(seed: number, shoppers: number): { rows: Row[]; census: Census } {
  const rows: Row[] = [];
  const census: Census = {
    ...{ carts: 0, bought: 0, mobile: [0, 0], checkouts: { begun: 0, bought: 0 } },
    ...{ paymentTries: 0, paymentFailures: 0, visitors: 0 },
  };
  for (let number = 0; number < shoppers; number++) rows.push(...rowsOf(seed, number, census));
  return { rows, census };
}

/** One shopper's carts, one after another: what became of the earlier ones is the later one's history. */
function rowsOf(seed: number, number: number, census: Census): Row[] {
  const shopper = shopperOf(seed, number);
  const draw = dice(seed, 3, number);
  const shopperId = `v-${number}`;
  const rows: Row[] = [];
  let past: Past = [];
  let told = { messages: 0, answered: 0 };
  let now = T0 + draw.unit() * 300 * DAY_MS;
  for (let cart = 0; cart < shopper.carts; cart++) {
    const visits = new CartVisits(shopper, `c${number}-${cart}`, Math.round(now), dice(seed, 4, number, cart));
    const life = visits.run();
    const history = { ...historyOf(past, shopperId, STRANGER, life.cartId), ...told };
    rows.push(...rowsOfCart(life, number, history, draw));
    census.visitors += 1;
    if (visits.hadItems) count(census, life);
    const end = life.beacons.at(-1)?.receivedAt ?? now;
    if (visits.hadItems) {
      const adds = life.beacons
        .flatMap(({ events }) => events)
        .filter((e) => e.type === "product_added_to_cart").length;
      past = remember(past, { cartId: life.cartId, part: "0/1", at: end, bought: visits.isOrdered, adds });
      told = { messages: told.messages + visits.messages, answered: Math.max(told.answered, visits.answered ? 1 : 0) };
    }
    now = end + draw.lognormal((visits.isOrdered ? 25 : 12) * DAY_MS, 1.2);
  }
  return rows;
}

function rowsOfCart(life: CartLife, shopper: number, history: ShopperHistory, draw: Dice): Row[] {
  // The shopper's arbiter is asked once something is in the cart; the next beacon brings the answer.
  const filled = life.beacons.findIndex(({ events }) => events.some(({ type }) => type === "product_added_to_cart"));
  const fate = draw.unit();
  const knownFrom = fate < 0.1 ? Infinity : fate < 0.3 ? 0 : filled < 0 ? Infinity : filled + 1;
  const log: LogRow[] = [];
  const rows: Row[] = [];
  let facts = emptyFacts();
  life.beacons.forEach(({ receivedAt, events }, index) => {
    if (facts.closedAt !== null) return;
    for (const event of events) facts = apply(facts, event);
    const knows = index === knownFrom ? { history } : {};
    log.push({ seq: log.length + 1, at: receivedAt, entry: { events, delta: {}, ...knows } });
    if (facts.closedAt !== null) return;
    const next = life.beacons[index + 1]?.receivedAt ?? Infinity;
    const leftAt = receivedAt + RULES.abandonAfterMs;
    if (facts.items.length > 0 && next > leftAt) {
      const notes = [{ code: "abandoned", text: "" }] as const;
      log.push({ seq: log.length + 1, at: leftAt, entry: { notes: [...notes], delta: {} } });
    }
    if (!draw.chance(extraShare(facts, events))) return;
    const idleMs = draw.chance(0.3) ? 0 : MINUTE_MS * Math.exp(draw.unit() * Math.log(28 * 24 * 60));
    const at = Math.round(receivedAt + idleMs);
    if (at >= next) return;
    const moment = facts.items.length > 0 ? "idle" : "empty";
    const known = index >= knownFrom ? history : null;
    const features = featuresAt(facts, { now: at, history: known, timeZone: RULES.timezone });
    rows.push({ shopper, moment, at, label: labelOf(life, at), features });
  });
  if (filled < 0) return rows;
  return [...exampleRows(life, facts, log, shopper), ...rows];
}

function exampleRows(life: CartLife, facts: Facts, log: LogRow[], shopper: number): Row[] {
  const state = { ...emptyState("st_prior", life.cartId, RULES), facts };
  return sample(examplesOf(state, log, 1), life.cartId).map(({ moment, at, label, features }) => ({
    ...{ shopper, moment, at, label },
    features: features.map((value) => value ?? Number.NaN),
  }));
}

/** Of one cart: those with many moments would count for more than the others. */
const MAX_MOMENTS = 4;

/** Any of them may be taken, whatever the cart's fate: which, only its name says. */
function sample(found: readonly Example[], cartId: string): readonly Example[] {
  if (found.length <= MAX_MOMENTS) return found;
  const rank = ({ moment }: Example): number => stableHash(`st_prior/${cartId}/1/${moment}`, 13);
  const chosen = new Set([...found].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_MOMENTS));
  return found.filter((example) => chosen.has(example));
}

const labelOf = ({ orderedAt }: CartLife, at: number): 0 | 1 =>
  orderedAt !== null && orderedAt > at && orderedAt - at <= RULES.expireAfterMs ? 1 : 0;

function count(census: Census, life: CartLife): void {
  const events = life.beacons.flatMap((beacon) => beacon.events);
  const has = (type: string): number => events.filter((event) => event.type === type).length;
  const bought = life.orderedAt === null ? 0 : 1;
  census.carts += 1;
  census.bought += bought;
  if (events[0]?.device === "mobile") census.mobile = [census.mobile[0] + 1, census.mobile[1] + bought];
  if (has("checkout_started") > 0) {
    census.checkouts.begun += 1;
    census.checkouts.bought += bought;
  }
  census.paymentTries += has("payment_info_submitted");
  census.paymentFailures += has("payment_failed");
}

export function datasetOf(rows: readonly Row[], names: readonly string[]): Dataset {
  const known: readonly string[] = FEATURE_NAMES;
  const places = names.map((name) => known.indexOf(name));
  return {
    features: [...names],
    columns: places.map((place) => Float64Array.from(rows, ({ features }) => features[place]!)),
    labels: Uint8Array.from(rows, ({ label }) => label),
    groups: Float64Array.from(rows, ({ shopper }) => shopper),
    times: Float64Array.from(rows, ({ at }) => at),
  };
}
