/**
 * What one simulated shopper will do, decided beforehand and purely: the same number and seed give the same visit.
 * A visit is a list of beacons, each with its pause before; what happens after a message is `returnVisit`.
 */
import { toMoney } from "../../../shared/money.ts";
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
  fate: Fate;
  /** What is in the cart when the visit ends. */
  lines: Line[];
  beacons: Beacon[];
  context: Record<string, string>;
  /** Once a message came: pauses before the click (`null`: never clicks), and whether the shopper then buys. */
  clickAfterMs: number | null;
  buysAfterClick: boolean;
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
  const browsing = browse(dice, fate);
  const identify =
    email && fate !== "browses" ? [beacon(dice, 1_500, 4_000, identified(email, `${first} ${last}`))] : [];
  const id = `${run}-${number}`;
  const ending = fate === "buys" ? checkout(dice, browsing.lines, email!, `order-${id}`) : leave(dice, fate);
  const beacons = [...browsing.beacons, ...identify, ...ending];
  return {
    number,
    visitorId: `v-${id}`,
    cartId: `c-${id}`,
    sessionId: `s-${id}`,
    name: `${first} ${last}`,
    email,
    fate,
    lines: browsing.lines,
    beacons: sure ? beacons.map((step) => ({ ...step, pauseMs: Math.min(step.pauseMs, 800) })) : beacons,
    context: { ...dice.pick(PLACES), userAgent: dice.pick(DEVICES), referrer: dice.pick(REFERRERS) },
    clickAfterMs: sure ? 3_000 : dice.chance(0.45) ? dice.whole(3_000, 15_000) : null,
    buysAfterClick: sure || dice.chance(0.5),
  };
}

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
  if (!shopper.buysAfterClick || shopper.email === null) return [look];
  return [look, ...checkout(dice, shopper.lines, shopper.email, `order-${shopper.cartId.slice(2)}`)];
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
  if (fate === "browses") return [];
  if (fate === "leaves" && dice.chance(0.25)) return [beacon(dice, 1_000, 4_000, draft("checkout_started", {}))];
  return dice.chance(0.3) ? [beacon(dice, 1_000, 3_000, draft("exit_intent_detected", {}))] : [];
}

function checkout(dice: Random, lines: Line[], email: string, orderId: string): Beacon[] {
  const order = { id: orderId, total: decimal(totalMinor(lines)), currency: CURRENCY, items: lines.map(itemOf) };
  return [
    beacon(dice, 1_000, 3_000, draft("cart_viewed", {}), draft("checkout_started", {})),
    beacon(dice, 1_500, 4_000, draft("checkout_contact_info_submitted", { email })),
    beacon(dice, 1_500, 4_000, draft("checkout_shipping_info_submitted", {}), draft("payment_info_submitted", {})),
    beacon(dice, 800, 2_500, draft("checkout_completed", { order })),
  ];
}

const identified = (email: string, name: string): Draft[] => [
  draft("shopper_identified", { email, name }),
  draft("consent_updated", { email: "granted" }),
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
