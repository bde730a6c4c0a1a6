/**
 * Shoppers who never stop: carts that grow by several beacons, of which some are bought and the others left. Every
 * event is remembered with whether it was acknowledged, so that afterwards the exact truth is known.
 */
import { add, event, identify, type Merchant, order } from "./merchant.ts";

type AnyEvent = ReturnType<typeof event>;

export interface SentBeacon {
  events: AnyEvent[];
  acknowledged: boolean;
}

export interface SentCart {
  id: string;
  email: string;
  beacons: SentBeacon[];
  /** When the order's 202 arrived, by the machine's one clock. */
  orderedAt: number | null;
  orderId: string | null;
}

const pick = (from: number, to: number): number => from + Math.floor(Math.random() * (to - from + 1));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const PRICE = "1.50";
export const PRICE_MINOR = 150;

export class Load {
  readonly carts: SentCart[] = [];
  readonly #merchant: Merchant;
  readonly #workers: number;
  #running: Promise<unknown> | null = null;
  #stopped = true;
  #clock = 0;

  constructor(merchant: Merchant, workers: number) {
    this.#merchant = merchant;
    this.#workers = workers;
  }

  start(round: number): void {
    this.#stopped = false;
    this.#running = Promise.all(
      Array.from({ length: this.#workers }, async (_, worker) => {
        for (let n = 0; !this.#stopped; n++) await this.#shopper(`r${round}-w${worker}-${n}`);
      }),
    );
  }

  /** No new beacon is begun; resolves when the last one has ended, well or not. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** A cart that was acknowledged and then left alone. */
  async sleeper(id: string): Promise<SentCart> {
    const cart = this.#open(id);
    await this.#send(cart, [this.#add(cart), this.#at(identify(id, cart.email))]);
    return cart;
  }

  /** Sends again, with the same ids, what was never acknowledged; answers what had been committed all the same. */
  async resend(): Promise<{ accepted: number; duplicates: number }> {
    const sum = { accepted: 0, duplicates: 0 };
    for (const beacon of this.carts.flatMap((c) => c.beacons).filter((b) => !b.acknowledged)) {
      const { status, body, text } = await this.#merchant.beacon(beacon.events);
      if (status !== 202 || body.accepted + body.duplicates !== beacon.events.length)
        throw new Error(`resend: ${text}`);
      beacon.acknowledged = true;
      sum.accepted += body.accepted;
      sum.duplicates += body.duplicates;
    }
    return sum;
  }

  events(which: (beacon: SentBeacon) => boolean = () => true): AnyEvent[] {
    return this.carts.flatMap((c) => c.beacons.filter(which).flatMap((b) => b.events));
  }

  async #shopper(id: string): Promise<void> {
    const cart = this.#open(id);
    await this.#send(cart, [this.#at(identify(id, cart.email)), this.#add(cart)]);
    for (let n = pick(1, 4); n > 0 && !this.#stopped; n--) {
      await pause(pick(20, 60));
      const extras = Math.random() < 0.5 ? [this.#at(event(id, "page_viewed"))] : [];
      await this.#send(cart, [...extras, ...Array.from({ length: pick(1, 3) }, () => this.#add(cart))]);
    }
    if (this.#stopped || Math.random() < 0.6) return;
    // Some buy at once, some after the mail, so that orders race with sends.
    if (Math.random() < 0.5) await pause(pick(700, 1400));
    cart.orderId = `order-${id}`;
    if (await this.#send(cart, [this.#at(order(id, cart.orderId, PRICE))])) cart.orderedAt = Date.now();
  }

  #open(id: string): SentCart {
    const cart: SentCart = { id, email: `${id}@shopper.example`, beacons: [], orderedAt: null, orderId: null };
    this.carts.push(cart);
    return cart;
  }

  /** Each add is a line of its own: a doubled event would show as a quantity of two. */
  #add(cart: SentCart): AnyEvent {
    const lines = cart.beacons.flatMap((b) => b.events).length;
    return this.#at(add(cart.id, `p${lines}-${++this.#clock}`, PRICE));
  }

  /** Claimed times never stand still, so that an order is later than all adds of its cart. */
  #last = 0;
  #at(given: AnyEvent): AnyEvent {
    this.#last = Math.max(Date.now(), this.#last + 1);
    return { ...given, occurredAt: new Date(this.#last).toISOString() };
  }

  async #send(cart: SentCart, events: AnyEvent[]): Promise<boolean> {
    const beacon: SentBeacon = { events, acknowledged: false };
    cart.beacons.push(beacon);
    try {
      const { status, body } = await this.#merchant.beacon(events);
      beacon.acknowledged = status === 202 && body.accepted === events.length;
    } catch {
      // The connection died with the server: nobody knows whether it was committed.
    }
    return beacon.acknowledged;
  }
}
