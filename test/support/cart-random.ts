/** Random events of one cart: every type, late ones, equal times, echoes of orders. */
import { type CartEvent, EVENT_TYPES, type EventType, type Item } from "../../shared/events/types.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import { mug } from "./cart-life.ts";
import type { Random } from "./random.ts";

/** What shapes a cart comes more often than what only passes by. */
const TYPES: readonly EventType[] = [
  ...EVENT_TYPES,
  ...(["product_added_to_cart", "product_removed_from_cart", "cart_updated", "checkout_completed"] as const),
  ...(["product_added_to_cart", "cart_updated", "product_added_to_cart", "checkout_completed"] as const),
];

const anItem = (random: Random): Item =>
  mug({
    productId: random.pick(["mug", "plate", "bowl"]),
    variantId: random.pick([null, null, "blue"]),
    priceMinor: random.pick([100, 250, 1_999]),
    quantity: 1 + random.below(3),
    imageUrl: random.pick([null, "https://shop.example/a.png"]),
  });

/** When it is claimed to have happened: mostly when it was received, sometimes long before; ties are frequent. */
function claimedAt(random: Random, receivedAt: number): number {
  if (random.chance(0.5)) return receivedAt;
  if (random.chance(0.1)) return receivedAt - 7 * DAY_MS;
  return receivedAt - random.below(60) * MINUTE_MS;
}

export function randomEvent(random: Random, receivedAt: number, type: EventType = random.pick(TYPES)): CartEvent {
  const event: CartEvent = {
    id: `${random.below(2 ** 31).toString(36)}-${random.below(2 ** 31).toString(36)}`,
    type,
    at: claimedAt(random, receivedAt),
    receivedAt,
  };
  if (random.chance(0.2)) event.visitorId = random.pick(["v1", "v2"]);
  if (random.chance(0.2)) event.timezone = random.pick(["Europe/Berlin", "Asia/Tokyo"]);
  if (random.chance(0.1)) event.device = random.pick(["mobile", "desktop"] as const);
  return Object.assign(event, dataOf(random, type));
}

function dataOf(random: Random, type: EventType): Partial<CartEvent> {
  switch (type) {
    case "product_viewed":
    case "product_added_to_cart":
      return { item: anItem(random), currency: "EUR" };
    case "product_removed_from_cart":
      return { item: anItem(random), currency: "EUR", ...(random.chance(0.3) ? { wholeLine: true as const } : {}) };
    case "cart_updated": {
      const items = Array.from({ length: random.below(4) }, () => anItem(random));
      return { items, currency: "EUR", ...(random.chance(0.4) ? { revision: random.below(5) } : {}) };
    }
    case "checkout_completed":
    case "order_cancelled":
    case "order_refunded":
      return { order: { id: random.pick(["o1", "o2", "o3"]), totalMinor: 100 * random.below(9), currency: "EUR" } };
    case "coupon_applied":
    case "coupon_removed":
      return { code: random.pick(["SAVE", "MORE"]) };
    case "shopper_identified":
    case "checkout_contact_info_submitted":
      return { email: random.pick(["ada@example.com", "bob@example.com"]), name: random.pick(["Ada", "Bob"]) };
    case "consent_updated":
      return { consent: { [random.pick(["email", "sms", "push"])]: random.pick(["granted", "denied"]) } };
    case "message_clicked":
      return { deliveryId: random.pick(["dl_1", "dl_2"]) };
    default:
      return {};
  }
}

/** Received within a few hours after `start`, on few moments, so that many coincide. */
export const randomEvents = (random: Random, count: number, start: number): CartEvent[] =>
  Array.from({ length: count }, () => randomEvent(random, start + random.below(40) * 5 * MINUTE_MS));

/** A list cut into runs of random length. */
export function batches<T>(random: Random, list: readonly T[]): T[][] {
  const runs: T[][] = [];
  for (let i = 0; i < list.length; ) {
    const size = 1 + random.below(4);
    runs.push(list.slice(i, i + size));
    i += size;
  }
  return runs;
}
