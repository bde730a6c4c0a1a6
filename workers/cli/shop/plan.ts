/**
 * What one simulated shopper will do, decided beforehand and purely: the same number and seed give the same visit.
 * A visit is a list of beacons, each with its pause before; what happens after a message is `returnVisit`.
 */
import { toMoney } from "../../../shared/money.ts";
import type { Offer } from "../../../shared/offers.ts";
import { CATALOGUE, DEVICES, FIRST_NAMES, LAST_NAMES, PLACES, type Product, REFERRERS } from "./catalogue.ts";
import { type Random, random } from "./random.ts";

export const CURRENCY = "EUR";

/** How a visit ends: the scripted `sure` one leaves by plan, clicks and buys. */
export type Fate = "buys" | "leaves" | "browses" | "sure";

export interface Draft {
  type: string;
  data: Record<string, unknown>;
}

export interface Beacon {
  pauseMs: number;
  events: Draft[];
}

export interface Line {
  product: Product;
  quantity: number;
}

export interface Shopper {
  number: number;
  visitorId: string;
  cartId: string;
  sessionId: string;
  name: string;
  /** Where messages reach the shopper; `null` when the visit stays anonymous. */
  email: string | null;
  /** Of those who agreed to text messages. */
  phone: string | null;
  fate: Fate;
  /** What becomes of an offer on the page. */
  answer: "accepts" | "dismisses" | "ignores";
  /** What is in the cart when the visit ends. */
  lines: Line[];
  beacons: Beacon[];
  context: Record<string, string>;
  /** Once a message came by `clicks`: pauses before the click (`null`: never), and whether the shopper then buys. */
  clicks: "email" | "sms";
  clickAfterMs: number | null;
  buysAfterClick: boolean;
  /** After leaving: comes back unasked then, and buys; `null`: does not. Those who are held out do so too. */
  backAfterMs: number | null;
}

/** `run` makes ids unique among runs against the same store; `seed` decides everything else. */
export function planShopper(number: number, run: string, seed: number, sure = false): Shopper {
  const dice = random(seed * 7919 + number * 104729 + 17);
  const first = dice.pick(FIRST_NAMES);
  const last = dice.pick(LAST_NAMES);
  const roll = dice.next();
  const fate: Fate = sure ? "sure" : roll < 0.2 ? "buys" : roll < 0.8 ? "leaves" : "browses";
  const known = sure || fate === "buys" || dice.chance(0.7);
  const email = known ? `${first}.${last}.${run}-${number}@shoppers.example`.toLowerCase() : null;
  // The campaign for those with a number holds nobody out: whoever is sure to come back is written to.
  const phone =
    sure || (known && fate === "leaves" && dice.chance(0.5)) ? `+4930${23_125_000 + (number % 1000)}` : null;
  const browsing = browse(dice, fate);
  const identify =
    email && fate !== "browses" ? [beacon(dice, 1_500, 4_000, identified(email, phone, `${first} ${last}`))] : [];
  const id = `${run}-${number}`;
  const ending = fate === "buys" ? checkout(dice, browsing.lines, email!, orderIdOf(id)) : leave(dice, fate);
  const beacons = [...browsing.beacons, ...identify, ...ending];
  return {
    number,
    visitorId: `v-${id}`,
    cartId: `c-${id}`,
    sessionId: `s-${id}`,
    name: `${first} ${last}`,
    email,
    phone,
    fate,
    answer: known && dice.chance(0.5) ? "accepts" : dice.chance(0.6) ? "dismisses" : "ignores",
    lines: browsing.lines,
    beacons: sure ? beacons.map((step) => ({ ...step, pauseMs: Math.min(step.pauseMs, 800) })) : beacons,
    context: { ...dice.pick(PLACES), userAgent: dice.pick(DEVICES), referrer: dice.pick(REFERRERS) },
    clicks: !sure && phone !== null && dice.chance(0.6) ? "sms" : "email",
    clickAfterMs: sure ? 3_000 : dice.chance(0.45) ? dice.whole(3_000, 15_000) : null,
    buysAfterClick: sure || dice.chance(0.5),
    backAfterMs: !sure && dice.chance(0.2) ? dice.whole(40_000, 120_000) : null,
  };
}

const orderIdOf = (id: string): string => `OB-${id.toUpperCase()}`;

/** The visit behind a clicked message: looks at the restored cart and, if so decided, buys it. */
export function returnVisit(shopper: Shopper, deliveryId: string): Beacon[] {
  const dice = random(shopper.number * 31337 + 5);
  const look = beacon(
    dice,
    500,
    1_500,
    draft("page_viewed", {}),
    draft("message_clicked", { deliveryId }),
    draft("cart_viewed", {}),
  );
  return shopper.buysAfterClick ? [look, ...purchase(dice, shopper)] : [look];
}

/** The visit of who comes back unasked. */
export function secondVisit(shopper: Shopper): Beacon[] {
  const dice = random(shopper.number * 31337 + 6);
  return [beacon(dice, 0, 0, draft("page_viewed", {}), draft("cart_viewed", {})), ...purchase(dice, shopper)];
}

/** What the shopper does about an offer on the page. Who accepts it buys, with its code. */
export function answerTo(shopper: Shopper, { id, coupon }: Pick<Offer, "id" | "coupon">): Beacon[] {
  const dice = random(shopper.number * 31337 + 7);
  const shown = beacon(dice, 100, 300, draft("offer_shown", { offerId: id }));
  if (shopper.answer === "ignores") return [shown];
  if (shopper.answer === "dismisses")
    return [shown, beacon(dice, 1_500, 4_000, draft("offer_dismissed", { offerId: id }))];
  const code = coupon ? [draft("coupon_applied", { code: coupon.code })] : [];
  const accepted = beacon(dice, 2_000, 5_000, draft("offer_accepted", { offerId: id }), ...code);
  const off = coupon?.kind === "percent" ? coupon.amount : 0;
  return [shown, accepted, ...purchase(dice, shopper, off)];
}

/** `percentOff`: what a code takes off. */
function purchase(dice: Random, { lines, email, cartId }: Shopper, percentOff = 0): Beacon[] {
  return email === null ? [] : checkout(dice, lines, email, orderIdOf(cartId.slice(2)), percentOff);
}

export const totalMinor = (lines: Line[]): number =>
  lines.reduce((sum, { product, quantity }) => sum + product.priceMinor * quantity, 0);

function browse(dice: Random, fate: Fate): { beacons: Beacon[]; lines: Line[] } {
  const beacons = [beacon(dice, 0, 0, draft("page_viewed", {}), ...search(dice))];
  const lines: Line[] = [];
  const wanted = fate === "browses" ? 0 : fate === "sure" ? 2 : dice.whole(1, 3);
  for (let looks = dice.whole(1, 3) + wanted; looks > 0; looks--) {
    const product = dice.pick(CATALOGUE);
    const events = [draft("product_viewed", { item: itemOf({ product, quantity: 1 }) })];
    const adds = lines.length < wanted && !lines.some((line) => line.product.id === product.id);
    if (adds) {
      const line = { product, quantity: dice.chance(0.25) ? 2 : 1 };
      lines.push(line);
      events.push(draft("product_added_to_cart", { item: itemOf(line) }));
    }
    beacons.push(beacon(dice, 1_000, 5_000, ...events));
  }
  if (lines.length > 1 && fate !== "sure" && dice.chance(0.3)) {
    const [removed] = lines.splice(dice.whole(0, lines.length - 1), 1);
    beacons.push(beacon(dice, 1_000, 4_000, draft("product_removed_from_cart", { item: itemOf(removed!) })));
  }
  if (wanted > 0 && lines.length === 0) {
    const line = { product: dice.pick(CATALOGUE), quantity: 1 };
    lines.push(line);
    beacons.push(beacon(dice, 1_000, 3_000, draft("product_added_to_cart", { item: itemOf(line) })));
  }
  return { beacons, lines };
}

function search(dice: Random): Draft[] {
  if (dice.chance(0.3)) return [draft("search_submitted", { query: dice.pick(["lamp", "planter", "gift", "mug"]) })];
  return dice.chance(0.5) ? [draft("collection_viewed", { category: dice.pick(CATALOGUE).category })] : [];
}

function leave(dice: Random, fate: Fate): Beacon[] {
  if (fate !== "leaves") return [];
  if (dice.chance(0.25)) return [beacon(dice, 1_000, 4_000, draft("checkout_started", {}))];
  return dice.chance(0.6) ? [beacon(dice, 1_000, 3_000, draft("exit_intent_detected", {}))] : [];
}

function checkout(dice: Random, lines: Line[], email: string, orderId: string, percentOff = 0): Beacon[] {
  const total = decimal(Math.round(totalMinor(lines) * (1 - percentOff / 100)));
  const order = { id: orderId, total, currency: CURRENCY, items: lines.map(itemOf) };
  return [
    beacon(dice, 1_000, 3_000, draft("cart_viewed", {}), draft("checkout_started", {})),
    beacon(dice, 1_500, 4_000, draft("checkout_contact_info_submitted", { email })),
    beacon(dice, 1_500, 4_000, draft("checkout_shipping_info_submitted", {}), draft("payment_info_submitted", {})),
    beacon(dice, 800, 2_500, draft("checkout_completed", { order })),
  ];
}

const AGREED = "Write to me if I leave something in my cart";
const identified = (email: string, phone: string | null, name: string): Draft[] => [
  draft("shopper_identified", { email, name, ...(phone ? { phone } : {}) }),
  draft("consent_updated", { email: "granted", ...(phone ? { sms: "granted" } : {}), text: AGREED }),
];

const draft = (type: string, data: Record<string, unknown>): Draft => ({ type, data });

const beacon = (dice: Random, min: number, max: number, ...events: (Draft | Draft[])[]): Beacon => ({
  pauseMs: dice.whole(min, max),
  events: events.flat(),
});

const decimal = (minor: number): string => toMoney(minor, CURRENCY).amount;

const itemOf = ({ product, quantity }: Line): Record<string, unknown> => ({
  productId: product.id,
  name: product.name,
  price: decimal(product.priceMinor),
  currency: CURRENCY,
  quantity,
  category: product.category,
});
