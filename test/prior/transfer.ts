/**
 * How the prior does on real clickstreams, which lie beside the project or nowhere: for evaluation only, nothing is fitted on
 * them. REES46 and JData are folded event by event as the cart does; RetailRocket comes as columns.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { examplesOf } from "../../objects/cart/examples.ts";
import { before, fold } from "../../objects/cart/fold.ts";
import { emptyFacts, emptyState } from "../../objects/cart/state.ts";
import type { LogRow } from "../../objects/cart/storage.ts";
import type { CartEvent, EventType, Item } from "../../shared/events/types.ts";
import { FEATURE_NAMES, type FeatureName } from "../../shared/model/features.ts";
import { rules } from "../support/cart-life.ts";

/** Vectors in the order of `FEATURES`. */
export interface RealRows {
  features: number[][];
  labels: number[];
  groups: number[];
}

type Fields = Record<string, string>;

function readCsv(file: string): Fields[] {
  const bytes = readFileSync(file);
  const [head, ...lines] = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").trim().split("\n");
  const names = head!.trim().split(",");
  return lines.map((line) => {
    const values = line.trim().split(",");
    return Object.fromEntries(names.map((name, i) => [name, values[i] ?? ""]));
  });
}

interface Told {
  shopper: string;
  event: CartEvent;
}

const timeOf = (text: string): number => Date.parse(`${text.replace(" UTC", "").replace(" ", "T")}Z`);

const item = (productId: string, priceMinor: number, category: string): Item => ({
  ...{ productId, variantId: null, name: null, priceMinor, quantity: 1, url: null, imageUrl: null },
  category: category || null,
});

function told(row: Fields, index: number, type: EventType, thing: Item, session: string): Told {
  const at = timeOf(row.event_time ?? row.time!);
  const id = `e${String(index).padStart(7, "0")}`;
  const order = { id, totalMinor: thing.priceMinor, currency: "USD" };
  return {
    shopper: row.user_id!,
    event: {
      ...{ id, type, at, receivedAt: at, sessionId: session },
      ...(type === "checkout_completed" ? { order } : type === "page_viewed" ? {} : { item: thing, currency: "USD" }),
    },
  };
}

const REES46: Record<string, EventType> = {
  view: "product_viewed",
  cart: "product_added_to_cart",
  remove_from_cart: "product_removed_from_cart",
  purchase: "checkout_completed",
};

export const rees46 = (folder: string): RealRows =>
  folded(
    readCsv(`${folder}/rees46_oct2019_sample.csv.gz`).map((row, i) => {
      const thing = item(row.product_id!, Math.round(Number(row.price) * 100), row.category_id!);
      return told(row, i, REES46[row.event_type!]!, thing, row.user_session!);
    }),
  );

const JDATA: Record<string, EventType> = {
  view: "product_viewed",
  click: "page_viewed",
  cart: "product_added_to_cart",
  remove_from_cart: "product_removed_from_cart",
  purchase: "checkout_completed",
};

/** It names no prices. */
export const jdata = (folder: string): RealRows =>
  folded(
    readCsv(`${folder}/jdata_2016_sample.csv.gz`).flatMap((row, i) => {
      const type = JDATA[row.event!];
      return type ? [told(row, i, type, item(row.sku_id!, 0, row.cate!), row.session_id!)] : [];
    }),
  );

/** One cart for each shopper; the rows are the cart's own training examples of each of its generations. */
function folded(all: readonly Told[]): RealRows {
  const byShopper = new Map<string, CartEvent[]>();
  for (const { shopper, event } of all) {
    const known = byShopper.get(shopper);
    if (known) known.push(event);
    else byShopper.set(shopper, [event]);
  }
  const rows: RealRows = { features: [], labels: [], groups: [] };
  let group = 0;
  for (const [shopper, events] of byShopper) {
    group += 1;
    if (!events.some(({ type }) => type === "product_added_to_cart")) continue;
    const sorted = events.sort((a, b) => (before(a, b) ? -1 : 1));
    const log = sorted.map((event, i): LogRow => ({ seq: i + 1, at: event.at, entry: { events: [event], delta: {} } }));
    const facts = fold(emptyFacts(), sorted);
    const state = { ...emptyState("st_real", shopper, rules()), facts };
    for (let generation = 1; generation <= facts.generation; generation++) {
      for (const { features, label } of examplesOf(state, log, generation)) {
        rows.features.push(features.map((value) => value ?? Number.NaN));
        rows.labels.push(label);
        rows.groups.push(group);
      }
    }
  }
  return rows;
}

/** Its columns by our names; what such a storefront never tells is as in a cart that was not told of it. */
export function retailRocket(folder: string): RealRows {
  const rows = readCsv(`${folder}/retailrocket_cart_moments.csv.gz`);
  const features = rows.map((row) => {
    const number = (name: string): number => (row[name] === "" ? Number.NaN : Number(row[name]));
    const minutes = (name: string): number => number(name) / 60;
    const carts = number("prior_cart_sessions");
    const known: Partial<Record<FeatureName, number>> = {
      ...{ lines: number("addtocart_count"), quantity: number("addtocart_count"), adds: number("addtocart_count") },
      productViews: number("view_count"),
      uniqueProducts: number("unique_items_count"),
      repeatViews: Math.max(0, number("view_count") - number("unique_items_count")),
      cartItemViews: number("repeated_views_of_cart_items"),
      eventsAfterAdd: number("events_after_cart"),
      minutesToAdd: minutes("seconds_since_first_event") - minutes("seconds_since_first_cart"),
      minutesSinceFirst: minutes("seconds_since_first_event"),
      minutesSinceFirstAdd: minutes("seconds_since_first_cart"),
      minutesSinceLastAdd: minutes("seconds_since_last_cart"),
      ...{ idleMinutes: 0, removes: 0, cartViews: 0, visits: 1, checkoutStage: 0, checkoutStarts: 0, couponTries: 0 },
      ...{ couponsHeld: 0, paymentFailures: 0, exitIntents: 0, hesitations: 0, offersDismissed: 0, messageClicks: 0 },
      identified: 0,
      priorCarts: carts,
      priorPurchases: number("prior_purchase_sessions"),
      priorPurchaseRate: carts > 0 ? number("prior_purchase_sessions") / carts : Number.NaN,
      lastCartBought: number("prev_cart_session_bought"),
    };
    return FEATURE_NAMES.map((name) => known[name] ?? Number.NaN);
  });
  return {
    features,
    labels: rows.map(({ y }) => Number(y)),
    groups: rows.map(({ visitorid }) => Number(visitorid)),
  };
}

/** Weight in log-odds a unit, an average cart's value, and the largest that still counts: set by hand, fitted on nothing. */
const BY_HAND: Partial<Record<FeatureName, [weight: number, typical: number, most: number]>> = {
  lines: [0.08, 1, 10],
  quantity: [0.02, 1, 20],
  productViews: [-0.015, 4, 40],
  repeatViews: [0.06, 1, 10],
  adds: [0.05, 1, 10],
  removes: [-0.25, 0, 5],
  checkoutStage: [0.45, 0, 5],
  couponTries: [0.1, 0, 3],
  paymentFailures: [-0.6, 0, 3],
  exitIntents: [-0.3, 0, 3],
  identified: [0.5, 0, 1],
  minutesSinceFirst: [0.006, 8, 60],
  idleMinutes: [-0.02, 0, 120],
  mobile: [-0.25, 0.5, 1],
};

/** What served before anything was fitted: what the prior must beat. */
export function byHand(features: readonly number[]): number {
  let score = -1.2;
  FEATURE_NAMES.forEach((name, i) => {
    const [weight, typical, most] = BY_HAND[name] ?? [0, 0, 0];
    const value = features[i]!;
    if (!Number.isNaN(value)) score += weight * (Math.min(most, value) - typical);
  });
  return 1 / (1 + Math.exp(-score));
}
