/**
 * How one cart's visits go: a simulated shopper looks around, fills the cart, goes to the checkout or away, and perhaps comes
 * back. Pure and seeded. Nothing of it is a shop's data; its base figures are those of published averages:
 *
 * - about 70% of carts are left (Baymard Institute, mean of 50 studies: 70.2%), more on phones than on desktops;
 * - of the checkouts begun, about 45–55% end in an order, a little fewer on phones (Littledata's benchmark of Shopify
 *   stores: 45% on average, the best fifth above 59%);
 * - about one card payment in ten is declined when it is tried online (the common figure of payment providers);
 * - about one in ten of those who are sent a reminder click it (published averages of cart mails: 9.5%);
 * - in 5–7% of all sessions something is put into a cart (Littledata), in about a tenth of those with a look at a product;
 * - more than two in five who left a cart say that they were only browsing (Baymard Institute): they use it as a list.
 *
 * Shoppers are of two minds (after Moe 2003, "Buying, searching, or browsing"): who means to buy goes straight on, who looks
 * around or keeps a list takes their time, sees more, adds more and seldom goes to the checkout. The same product seen again
 * may be either, and tells nothing by itself.
 *
 * One latent intent (logit-normal) drives how likely each next step is, by small amounts: what is seen of a visit tells a
 * little of it, as in real clickstreams, where the first addition is told from a bought one by a ROC-AUC of 0.62–0.71.
 */
import type { CartEvent, EventType, Item } from "../../shared/events/types.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { type Dice, logistic, type Shopper } from "./people.ts";

export interface Beacon {
  receivedAt: number;
  events: CartEvent[];
}

/** Everything that one cart was told, and when the order was received, if one was. */
export interface CartLife {
  cartId: string;
  beacons: Beacon[];
  orderedAt: number | null;
}

/** Longer is nobody's cart any more. */
const LIFE_MS = 60 * DAY_MS;
const MAX_VISITS = 12;
const MAX_STEPS = 60;
/** What happens so soon after one another comes in one beacon. */
const BATCH_MS = 5 * SECOND_MS;
/** A cart left so long is written to, where the shop does so. */
const REMINDER_MS = 45 * MINUTE_MS;

const CHECKOUT: readonly EventType[] = [
  "checkout_contact_info_submitted",
  "checkout_address_info_submitted",
  "checkout_shipping_info_submitted",
  "payment_info_submitted",
];
/** Log-odds of passing each stage, of average intent. */
const PASSES = [0.8, 0.75, 0.85, 1.3];

export class CartVisits {
  readonly life: CartLife;
  /** Mails that went out about this cart, and whether one was answered. */
  messages = 0;
  answered = false;
  readonly #shopper: Shopper;
  readonly #dice: Dice;
  readonly #mobile: boolean;
  readonly #items = new Map<string, Item>();
  readonly #viewed: Item[] = [];
  #intent: number;
  #now: number;
  #visit = 0;
  #steps = 0;
  #inCheckout = false;
  #known: boolean;
  #coupon = false;
  /** Looks around, or keeps a list. */
  readonly #browses: boolean;
  #events = 0;

  constructor(shopper: Shopper, cartId: string, start: number, dice: Dice) {
    this.#shopper = shopper;
    this.#dice = dice;
    this.#now = start;
    this.#mobile = dice.chance(shopper.mobileShare);
    this.#known = shopper.signedIn;
    this.#intent =
      -1.35 + shopper.shop.appeal + shopper.propensity + (this.#mobile ? -0.25 : 0.25) + 0.6 * dice.normal();
    this.#browses = dice.chance(logistic(-0.2 - 0.5 * this.#intent));
    this.life = { cartId, beacons: [], orderedAt: null };
  }

  /** All visits, to the order or until the shopper does not come back. */
  run(): CartLife {
    const start = this.#now;
    while (this.life.orderedAt === null && this.#visit < MAX_VISITS && this.#now < start + LIFE_MS) {
      this.#visit += 1;
      this.#visitOnce();
      const pause = this.#comesBack();
      if (pause === null) break;
      this.#now += pause;
      this.#intent += 0.4 * this.#dice.normal() - 0.1;
    }
    return this.life;
  }

  get hadItems(): boolean {
    return this.life.beacons.some(({ events }) => events.some(({ type }) => type === "product_added_to_cart"));
  }

  get isOrdered(): boolean {
    return this.life.orderedAt !== null;
  }

  #visitOnce(): void {
    const { chance } = this.#dice;
    this.#inCheckout = false;
    this.#tell("page_viewed");
    if (this.#visit === 1 && this.#known) this.#identify();
    if (this.#items.size > 0 && chance(0.5)) this.#tell("cart_viewed");
    for (let step = 0; step < MAX_STEPS && !this.isOrdered; step++) {
      this.#steps = step;
      const goesOn = this.#items.size > 0 ? this.#shop() : this.#browse();
      if (!goesOn) return;
    }
  }

  /** Nothing in the cart yet. */
  #browse(): boolean {
    const intent = this.#intent;
    const wants = this.#viewed.length > 0 ? 0.11 * Math.exp(0.6 * intent) : 0;
    const again = this.#viewed.length > 0 ? 0.3 : 0;
    const leaves = 0.6 * Math.exp(-0.2 * intent);
    switch (this.#dice.weighted([0.35, 1, again, wants, leaves])) {
      case 0:
        this.#tell(this.#dice.chance(0.5) ? "collection_viewed" : "search_submitted");
        return true;
      case 1:
        this.#look();
        return true;
      case 2:
        this.#lookAgain();
        return true;
      case 3:
        this.#add();
        return true;
      default:
        return this.#hesitates();
    }
  }

  /** Something in the cart, outside the checkout. */
  #shop(): boolean {
    const intent = this.#intent;
    const { thrift } = this.#shopper;
    const codes = this.#shopper.shop.coupons && !this.#coupon ? 0.04 * Math.exp(0.5 * thrift) : 0;
    const idly = this.#browses ? 1.8 : 0.7;
    const weights = [
      0.7 * idly,
      0.2 * idly,
      0.28 * idly * Math.exp(0.1 * intent),
      0.12 * Math.exp(-0.5 * intent),
      0.3 * Math.exp(0.12 * intent),
      codes,
      (this.#browses ? 0.24 : 0.56) * Math.exp(0.55 * intent - 0.15 * this.#expense()),
      0.62 * Math.exp(-0.35 * intent),
    ];
    const steps = [
      () => this.#look(),
      () => this.#lookAgain(),
      () => this.#add(),
      () => this.#remove(),
      () => this.#tell("cart_viewed"),
      () => this.#applyCoupon(),
    ];
    const step = this.#dice.weighted(weights);
    if (step < steps.length) {
      steps[step]!();
      return true;
    }
    return step === 6 ? this.#checkOut() : this.#hesitates();
  }

  /** Dearer than usual in this shop, in logs. */
  #expense(): number {
    const total = [...this.#items.values()].reduce((sum, { priceMinor, quantity }) => sum + priceMinor * quantity, 0);
    return Math.log(Math.max(1, total) / this.#shopper.shop.medianPriceMinor);
  }

  /** On the way out; `false`: gone. Some are seen leaving, some of them are shown an offer, and some who are seen stay. */
  #hesitates(): boolean {
    const { chance } = this.#dice;
    const { offers } = this.#shopper.shop;
    if (!chance(this.#mobile ? 0.1 : 0.35)) return false;
    this.#tell("exit_intent_detected", { intent: "exit" });
    if (offers && this.#items.size > 0 && chance(0.6)) {
      this.#tell("offer_shown", { deliveryId: `${this.life.cartId}-offer` });
      if (chance(logistic(-1.6 + 0.4 * this.#intent + 0.3 * this.#shopper.thrift))) {
        this.#tell("offer_accepted", { deliveryId: `${this.life.cartId}-offer` });
        this.#intent += 0.4;
        return true;
      }
      if (chance(0.6)) this.#tell("offer_dismissed", { deliveryId: `${this.life.cartId}-offer` });
    }
    return chance(logistic(-1.2 + 0.3 * this.#intent));
  }

  /** Through the checkout, stage by stage; `false`: the visit is over. */
  #checkOut(): boolean {
    const { chance } = this.#dice;
    this.#inCheckout = true;
    this.#tell("checkout_started");
    for (const [stage, type] of CHECKOUT.entries()) {
      const helped = (this.#known ? 0.25 : 0) + (this.#coupon ? 0.25 : 0);
      const goesOn = chance(logistic(PASSES[stage]! + 0.55 * this.#intent + helped));
      if (chance(goesOn ? 0.05 : 0.2)) this.#tell("exit_intent_detected", { intent: "hesitation" });
      if (!goesOn) return this.#leavesCheckout();
      if (stage === 0) this.#known = true;
      this.#tell(type, stage === 0 ? { email: this.#email } : {});
    }
    for (let failures = 0; failures < 4; failures++) {
      if (chance(0.87)) return this.#order();
      // At the payment provider, out of sight.
      if (chance(0.3)) return false;
      this.#tell("payment_failed");
      if (!chance(logistic(0.1 + 0.3 * this.#intent))) return this.#leavesCheckout();
      this.#tell("payment_info_submitted");
    }
    return false;
  }

  #leavesCheckout(): boolean {
    if (this.#shopper.shop.coupons && !this.#coupon && this.#dice.chance(0.12 + 0.05 * this.#shopper.thrift))
      this.#applyCoupon();
    if (this.#dice.chance(0.3)) {
      this.#inCheckout = false;
      this.#tell("cart_viewed");
      return true;
    }
    return this.#hesitates();
  }

  #order(): boolean {
    const totalMinor = [...this.#items.values()].reduce((sum, item) => sum + item.priceMinor * item.quantity, 0);
    this.#tell("checkout_completed", { order: { id: `${this.life.cartId}-order`, totalMinor, currency: "EUR" } });
    this.life.orderedAt = this.life.beacons.at(-1)!.receivedAt;
    return false;
  }

  /** How long until the next visit (ms), or `null`. A reminder brings some back who would not have come. */
  #comesBack(): number | null {
    const { chance, lognormal } = this.#dice;
    if (this.isOrdered) return null;
    const filled = this.#items.size > 0;
    const bent = 0.35 * this.#intent + (this.#inCheckout ? 0.4 : 0);
    if (filled && this.#known && this.#shopper.shop.writes && this.messages < 3) {
      this.messages += 1;
      if (chance(logistic(-2.4 + 0.35 * this.#intent))) {
        this.answered = true;
        this.#now += REMINDER_MS + lognormal(3 * HOUR_MS, 1);
        this.#tell("message_clicked", { deliveryId: `${this.life.cartId}-mail-${this.messages}` });
        this.#intent += 0.3;
        return 10 * SECOND_MS;
      }
    }
    return chance(logistic((filled ? -0.7 : -1.5) + bent)) ? 10 * MINUTE_MS + lognormal(8 * HOUR_MS, 1.9) : null;
  }

  #look(): void {
    const { medianPriceMinor, products } = this.#shopper.shop;
    const number = this.#dice.below(products);
    // A product has one price: its number decides it.
    const place = (((number * 0.618034) % 1) - 0.5) * 2;
    const item: Item = {
      productId: `p${number}`,
      variantId: null,
      name: null,
      priceMinor: Math.max(100, Math.round(medianPriceMinor * Math.exp(1.4 * place))),
      quantity: 1,
      url: null,
      imageUrl: null,
      category: `c${number % 12}`,
    };
    this.#viewed.push(item);
    this.#tell("product_viewed", { item, currency: "EUR" });
  }

  /** Among them what is in the cart. */
  #lookAgain(): void {
    const known = this.#items.size > 0 && this.#dice.chance(0.6) ? [...this.#items.values()] : this.#viewed;
    const item = known[this.#dice.below(known.length)];
    if (item) this.#tell("product_viewed", { item: { ...item, quantity: 1 }, currency: "EUR" });
  }

  #add(): void {
    const seen = this.#viewed.slice(-4);
    const item = seen[this.#dice.below(seen.length)];
    if (!item) return;
    const quantity = this.#dice.chance(0.12) ? 2 : 1;
    const held = this.#items.get(item.productId)?.quantity ?? 0;
    this.#items.set(item.productId, { ...item, quantity: held + quantity });
    this.#tell("product_added_to_cart", { item: { ...item, quantity }, currency: "EUR" });
  }

  #remove(): void {
    const held = [...this.#items.values()];
    const item = held[this.#dice.below(held.length)];
    if (!item) return;
    this.#items.delete(item.productId);
    this.#intent -= 0.35;
    this.#tell("product_removed_from_cart", { item, currency: "EUR", wholeLine: true });
  }

  #applyCoupon(): void {
    this.#coupon = this.#dice.chance(0.6);
    if (!this.#coupon) return;
    this.#intent += 0.15;
    this.#tell("coupon_applied", { code: "CODE" });
  }

  get #email(): string {
    return `${this.#shopper.number}@shoppers.example`;
  }

  #identify(): void {
    this.#tell("shopper_identified", { email: this.#email });
  }

  /** Time passes; then this happens, and is told where the shop tells it. */
  #tell(type: EventType, more: Partial<CartEvent> = {}): void {
    const { lognormal } = this.#dice;
    this.#now += Math.round(
      this.#steps === 0
        ? lognormal(3 * SECOND_MS, 0.6)
        : lognormal((this.#browses && this.#items.size > 0 ? 30 : 18) * SECOND_MS, 1.35),
    );
    if (!this.#isTold(type)) return;
    const at = this.#now;
    this.#events += 1;
    const event: CartEvent = {
      id: `${this.life.cartId}-${String(this.#events).padStart(4, "0")}`,
      type,
      at,
      receivedAt: at,
      visitorId: `v-${this.#shopper.number}`,
      ...(this.#shopper.shop.tells.sessions ? { sessionId: `${this.life.cartId}-${this.#visit}` } : {}),
      ...(this.#shopper.shop.tells.device ? { device: this.#mobile ? "mobile" : "desktop" } : {}),
      ...more,
    };
    const open = this.life.beacons.at(-1);
    if (open && at - open.events[0]!.at < BATCH_MS && type !== "checkout_completed") {
      open.events.push(event);
      open.receivedAt = at;
    } else this.life.beacons.push({ receivedAt: at, events: [event] });
    for (const told of this.life.beacons.at(-1)!.events) told.receivedAt = at;
  }

  #isTold(type: EventType): boolean {
    const { tells } = this.#shopper.shop;
    switch (type) {
      case "product_viewed":
        return tells.views;
      case "page_viewed":
      case "collection_viewed":
      case "search_submitted":
        return tells.pages;
      case "cart_viewed":
        return tells.cartViews;
      case "exit_intent_detected":
        return tells.leaving;
      case "payment_failed":
        return tells.checkout && tells.failures;
      default:
        return (
          tells.checkout ||
          !(type.startsWith("checkout_") || type.startsWith("payment_")) ||
          type === "checkout_completed"
        );
    }
  }
}
