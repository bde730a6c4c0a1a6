/** Shoppers as a storefront sees them: a realistic mix of event types, every event 400 bytes on the wire. */

const EVENT_BYTES = 400;

/** Share of each type, in hundredths. Orders are rarer than in the mean shop's funnel, never absent. */
const MIX: [type: string, weight: number][] = [
  ["page_viewed", 30],
  ["product_viewed", 28],
  ["collection_viewed", 9],
  ["search_submitted", 4],
  ["product_added_to_cart", 12],
  ["product_removed_from_cart", 2],
  ["cart_viewed", 6],
  ["coupon_applied", 1],
  ["checkout_started", 3],
  ["checkout_contact_info_submitted", 2],
  ["payment_info_submitted", 1],
  ["checkout_completed", 1],
  ["exit_intent_detected", 1],
];

export interface Beacon {
  cart: string;
  body: string;
  events: number;
}

/** A small deterministic generator (mulberry32): every contender sees the same shoppers. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Shoppers {
  readonly #random: () => number;
  readonly #run: string;
  #serial = 0;

  /** `run` makes event ids unique. */
  constructor(run: string, seed = 1) {
    this.#run = run;
    this.#random = randomFrom(seed);
  }

  /** A beacon of some cart out of `carts`. */
  next(carts: number, events: number): Beacon {
    return this.of(`c-${Math.floor(this.#random() * carts)}`, events);
  }

  /** A beacon of this cart, of one type if given. */
  of(cart: string, events: number, type?: string): Beacon {
    const texts = Array.from({ length: events }, () => this.#event(cart, type ?? this.#type()));
    return { cart, events, body: events === 1 ? texts[0]! : `{"events":[${texts.join(",")}]}` };
  }

  #event(cart: string, type: string): string {
    this.#serial += 1;
    const event = {
      id: `${this.#run}-${this.#serial}`,
      type,
      occurredAt: new Date().toISOString(),
      cartId: cart,
      visitorId: `v-${cart}`,
      sessionId: `s-${cart}`,
      data: this.#data(type, cart),
      context: { url: "https://shop.example/p/1", locale: "de-DE", timezone: "Europe/Berlin", referrer: "" },
    };
    const short = EVENT_BYTES - JSON.stringify(event).length;
    if (short > 0) event.context.referrer = `https://search.example/?q=`.padEnd(short, "x").slice(0, short);
    return JSON.stringify(event);
  }

  #type(): string {
    let left = this.#random() * 100;
    for (const [type, weight] of MIX) {
      left -= weight;
      if (left < 0) return type;
    }
    return "page_viewed";
  }

  #data(type: string, cart: string): object {
    const product = Math.floor(this.#random() * 40);
    if (/^product_/.test(type))
      return { item: { productId: `p${product}`, name: `Mug ${product}`, price: "12.30", currency: "EUR" } };
    if (type === "checkout_contact_info_submitted") return { email: `${cart}@shopper.example` };
    if (type === "checkout_completed")
      return { order: { id: `o-${this.#run}-${this.#serial}`, total: "12.30", currency: "EUR" } };
    return type === "coupon_applied" ? { code: "WELCOME" } : {};
  }
}
