/**
 * The built-in shopper simulator: a gentle, endless stream of visits to the demo store. Some take an offer on the page;
 * shoppers whom a message reached click its link with some probability, and half of those buy; a few come back unasked. It
 * knows only the public API.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Offer } from "../../shared/offers.ts";
import { call, type Merchant, persist } from "./api.ts";
import { messageOf, progress } from "./command.ts";
import { answerTo, type Beacon, planShopper, returnVisit, type Shopper, secondVisit, totalMinor } from "./shop/plan.ts";
import { random } from "./shop/random.ts";

export interface ShoppersOptions {
  url: string;
  /** The store's publishable key. */
  key: string;
  /** Reads the deliveries, as the shoppers' mailbox. */
  merchant: Merchant;
  seed?: number;
  /** Mean pause between two new shoppers. */
  everyMs?: number;
  maxConcurrent?: number;
  /** Hears what is worth telling: an order, a message opened. */
  onNews?: (news: News) => void;
}

export interface News {
  kind: "bought" | "left" | "accepted" | "clicked" | "recovered" | "returned";
  name: string;
  minor: number;
}

/** As much of a delivery as is needed here. */
interface Mail {
  id: string;
  cartId: string;
  channel: string;
  status: string;
  recoveryUrl?: string | null;
}

interface Reply {
  rejected?: { message: string }[];
  offers?: Offer[];
}

const POLL_MS = 2_000;
/** How many left carts are remembered, waiting for a message. */
const MAX_WAITING = 500;
/** Scripted shoppers at the start; more than one since the store may hold some out as its control group. */
const MAX_SURE = 4;
const SURE_EVERY_MS = 12_000;
const REACHED = new Set(["sent", "delivered", "opened"]);

/** Runs until `signal` aborts. Failures are told once in a while and never end the stream. */
export async function runShoppers(options: ShoppersOptions, signal: AbortSignal): Promise<void> {
  const simulator = new Simulator(options, signal);
  await Promise.all([simulator.arrivals(), simulator.mailbox()]);
}

class Simulator {
  readonly #options: ShoppersOptions;
  readonly #signal: AbortSignal;
  readonly #run = Date.now().toString(36);
  readonly #waiting = new Map<string, Shopper>();
  readonly #seen = new Set<string>();
  #active = 0;
  #recovered = 0;
  #lastComplaint = 0;

  constructor(options: ShoppersOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  async arrivals(): Promise<void> {
    const { seed = 1, everyMs = 3_000, maxConcurrent = 40 } = this.#options;
    const dice = random(seed);
    let sure = 0;
    let nextSureAt = 0;
    for (let number = 1; !this.#signal.aborted; number++) {
      const script = sure < MAX_SURE && this.#recovered === 0 && Date.now() >= nextSureAt;
      if (script) {
        sure++;
        nextSureAt = Date.now() + SURE_EVERY_MS;
      }
      if (this.#active < maxConcurrent) void this.#visit(planShopper(number, this.#run, seed, script));
      await this.#pause(dice.whole(everyMs * 0.67, everyMs * 1.33));
    }
  }

  /** Polls what was sent; one poll at a time, a failing one is tried again at the next turn. */
  async mailbox(): Promise<void> {
    while (!this.#signal.aborted) {
      await this.#pause(POLL_MS);
      if (this.#waiting.size === 0) continue;
      await this.#guarded("reading the deliveries", async () => {
        const { items } = await this.#options.merchant.call<{ items: Mail[] }>("/v1/deliveries?limit=100");
        for (const mail of items) if (REACHED.has(mail.status) && !this.#seen.has(mail.id)) this.#receive(mail);
      });
    }
  }

  #receive(mail: Mail): void {
    this.#seen.add(mail.id);
    if (this.#seen.size > 4 * MAX_WAITING) this.#seen.delete(this.#seen.values().next().value!);
    const shopper = this.#waiting.get(mail.cartId);
    if (!shopper || shopper.clickAfterMs === null || mail.channel !== shopper.clicks) return;
    // One click a cart: later messages of the same journey find nobody waiting.
    this.#waiting.delete(mail.cartId);
    void this.#return(shopper, mail);
  }

  async #visit(shopper: Shopper): Promise<void> {
    this.#active++;
    await this.#guarded("a visit", async () => {
      const offer = await this.#walk(shopper, shopper.beacons, "a");
      if (offer) await this.#walk(shopper, answerTo(shopper, offer), "o");
      const minor = totalMinor(shopper.lines);
      if (shopper.fate === "buys") this.#news("bought", shopper, minor);
      else if (offer && shopper.answer === "accepts") this.#news("accepted", shopper, minor);
      else if (shopper.fate !== "browses") this.#leave(shopper, minor);
    });
    this.#active--;
  }

  #leave(shopper: Shopper, minor: number): void {
    this.#news("left", shopper, minor);
    if (shopper.email === null) return;
    this.#waiting.set(shopper.cartId, shopper);
    if (this.#waiting.size > MAX_WAITING) this.#waiting.delete(this.#waiting.keys().next().value!);
    if (shopper.backAfterMs !== null) void this.#comeBack(shopper, shopper.backAfterMs);
  }

  /** Whoever has clicked meanwhile has been there already. */
  async #comeBack(shopper: Shopper, afterMs: number): Promise<void> {
    await this.#pause(afterMs);
    if (this.#signal.aborted || !this.#waiting.delete(shopper.cartId)) return;
    this.#active++;
    await this.#guarded("a second visit", async () => {
      await this.#walk(shopper, secondVisit(shopper), "c");
      this.#news("returned", shopper, totalMinor(shopper.lines));
    });
    this.#active--;
  }

  async #return(shopper: Shopper, mail: Mail): Promise<void> {
    this.#active++;
    await this.#guarded("a return", async () => {
      await this.#pause(shopper.clickAfterMs ?? 0);
      const link =
        mail.recoveryUrl ?? (await this.#options.merchant.call<Mail & object>(`/v1/deliveries/${mail.id}`)).recoveryUrl;
      if (!link || this.#signal.aborted) return;
      const cartId = await openLink(link, this.#signal);
      this.#news("clicked", shopper, totalMinor(shopper.lines));
      await this.#walk({ ...shopper, cartId: cartId ?? shopper.cartId }, returnVisit(shopper, mail.id), "b");
      if (!shopper.buysAfterClick || this.#signal.aborted) return;
      this.#recovered++;
      this.#news("recovered", shopper, totalMinor(shopper.lines));
    });
    this.#active--;
  }

  /**
   * Sends the beacons with their pauses; answers the first offer that came back. `part` keeps the ids of a return apart from
   * those of the visit.
   */
  async #walk(shopper: Shopper, beacons: Beacon[], part: string): Promise<Offer | undefined> {
    const { url, key } = this.#options;
    let count = 0;
    let offer: Offer | undefined;
    for (const { pauseMs, events } of beacons) {
      await this.#pause(pauseMs);
      if (this.#signal.aborted) break;
      const now = Date.now();
      const body = {
        events: events.map(({ type, data }, i) => ({
          id: `${shopper.visitorId}-${part}${++count}`,
          type,
          version: 1,
          // In a beacon the events happened one after the other, the last one now.
          occurredAt: new Date(now - (events.length - 1 - i) * 200).toISOString(),
          cartId: shopper.cartId,
          visitorId: shopper.visitorId,
          sessionId: `${shopper.sessionId}${part === "o" ? "a" : part}`,
          data: atShop(`${url}/shop/`, data),
          context: { url: `${url}/shop/`, ...shopper.context },
        })),
      };
      const path = `/v1/events?key=${encodeURIComponent(key)}`;
      const reply = await persist(4, () => call<Reply>(url, path, { body }));
      if (reply.rejected?.length) this.#complain("a visit", `rejected: ${reply.rejected[0]!.message}`);
      offer ??= reply.offers?.[0];
    }
    return offer;
  }

  #news(kind: News["kind"], shopper: Shopper, minor: number): void {
    if (!this.#signal.aborted) this.#options.onNews?.({ kind, name: shopper.name, minor });
  }

  async #guarded(what: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!this.#signal.aborted) this.#complain(what, messageOf(error));
    }
  }

  #complain(what: string, why: string): void {
    if (Date.now() - this.#lastComplaint < 10_000) return;
    this.#lastComplaint = Date.now();
    progress(`shoppers: ${what}: ${why}`);
  }

  /** Ends early, without a throw, when the simulator is stopped. */
  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#signal }).catch(() => {});
  }
}

/** Opens a recovery link as a browser does: the redirect to the shop, then the cart for the snippet. Answers its cart. */
async function openLink(link: string, signal: AbortSignal): Promise<string | null> {
  const page = await fetch(link, { signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]) });
  await page.arrayBuffer();
  if (!page.ok) throw new Error(`the recovery link answered ${page.status}`);
  const cart = await fetch(`${link.split("?")[0]}/cart`, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]),
  });
  if (!cart.ok) throw new Error(`the recovered cart answered ${cart.status}`);
  return ((await cart.json()) as { cartId?: string }).cartId ?? null;
}

/** The product of an event with the addresses it has in the demo shop. */
function atShop(shop: string, data: Record<string, unknown>): Record<string, unknown> {
  const item = data.item as { productId?: string } | undefined;
  if (!item?.productId) return data;
  const id = encodeURIComponent(item.productId);
  return { ...data, item: { ...item, url: `${shop}?product=${id}`, imageUrl: `${shop}art/${id}.svg` } };
}
