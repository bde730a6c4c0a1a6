/** A cart without a shell: builders of events and rules, and a state that commands are run on. */
import type { Command, Decision, Outcome } from "../../objects/cart/commands.ts";
import { decide } from "../../objects/cart/decide.ts";
import { type CartState, type Effect, emptyState } from "../../objects/cart/state.ts";
import { abandonAt } from "../../objects/cart/timers.ts";
import type { CartEvent, EventType, Item } from "../../shared/events/types.ts";
import {
  type Campaign,
  compileRules,
  DEFAULT_CAMPAIGN,
  type Rules,
  settingsSchema,
} from "../../shared/policy/rules.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import type { DeliveryStatus } from "../../shared/views.ts";

/** Ahead of every real clock, so that nothing here is ever due by itself. */
export const T0 = Date.UTC(2031, 4, 6, 10);

export const mug = (over: Partial<Item> = {}): Item => ({
  productId: "mug",
  variantId: null,
  name: "Mug",
  priceMinor: 1_250,
  quantity: 1,
  url: null,
  imageUrl: null,
  category: "kitchen",
  ...over,
});

let count = 0;
/** An event that happened when it was received, unless told otherwise. Ids are unique unless given. */
export function event(type: EventType, at: number, over: Partial<CartEvent> = {}): CartEvent {
  count += 1;
  const needsItem =
    type === "product_added_to_cart" || type === "product_removed_from_cart" || type === "product_viewed";
  return {
    id: `e${String(count).padStart(6, "0")}`,
    type,
    at,
    receivedAt: at,
    ...(needsItem ? { item: mug(), currency: "EUR" } : {}),
    ...(type === "cart_updated" ? { items: [mug()], currency: "EUR" } : {}),
    ...over,
  };
}

export const add = (at: number, over: Partial<CartEvent> = {}): CartEvent => event("product_added_to_cart", at, over);
export const identified = (at: number, email = "ada@example.com"): CartEvent =>
  event("shopper_identified", at, { email });
export const ordered = (at: number, id = "o1", over: Partial<CartEvent> = {}): CartEvent =>
  event("checkout_completed", at, { order: { id, totalMinor: 1_250, currency: "EUR" }, ...over });

export const campaign = (over: Partial<Campaign> = {}): Campaign => ({
  ...DEFAULT_CAMPAIGN,
  id: "cmp",
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  ...over,
});

export const settings = settingsSchema.parse({
  name: "Shop",
  url: "https://shop.example",
  currency: "EUR",
  timezone: "UTC",
});

export const rules = (over: Partial<Rules> = {}): Rules => ({ ...compileRules(settings, [campaign()], 1), ...over });

/** One cart's life, told command by command. */
export class CartLife {
  state: CartState;
  rules: Rules;

  constructor(given: Rules = rules(), cartId = "cart") {
    this.rules = given;
    this.state = emptyState("st_test", cartId, given);
  }

  run(command: Command): Decision {
    const decision = decide(this.state, command, this.rules);
    this.state = decision.state;
    return decision;
  }

  /** Receives the events now: the time of the last one unless given. */
  receive(...events: CartEvent[]): Decision {
    const now = Math.max(...events.map((e) => e.receivedAt));
    return this.run({ type: "receive", now, events });
  }

  receiveAt(now: number, ...events: CartEvent[]): Decision {
    return this.run({ type: "receive", now, events: events.map((e) => ({ ...e, receivedAt: now })) });
  }

  wake = (now: number): Decision => this.run({ type: "wake", now });
  claim = (now: number, resumable = false, effectId = this.effect.id): Decision =>
    this.run({ type: "claim", now, effectId, provider: "outbox", resumable });
  settle = (now: number, outcome: Outcome, effectId = this.effect.id): Decision =>
    this.run({ type: "settle", now, effectId, outcome });
  hold = (now: number, reason: string, until: number | null): Decision =>
    this.run({ type: "hold", now, effectId: this.effect.id, reason, until });
  report = (now: number, status: DeliveryStatus): Decision =>
    this.run({ type: "report", now, deliveryId: this.effect.deliveryId, status });

  /** The ledger's last effect. */
  get effect(): Effect {
    const last = this.state.process.effects.at(-1);
    if (!last) throw new Error("nothing was planned");
    return last;
  }
  get status(): string {
    return this.state.process.status;
  }
  get abandonAt(): number {
    return abandonAt(this.state);
  }
}

export const SENT: Outcome = { kind: "sent", provider: "outbox" };
export const REFUSED: Outcome = { kind: "refused", provider: "outbox", reason: "451", retryable: true };
export const REFUSED_FOR_GOOD: Outcome = { kind: "refused", provider: "outbox", reason: "550", retryable: false };
export const UNKNOWN: Outcome = { kind: "unknown", provider: "outbox", reason: "timeout" };

/** A cart with a mug and an address in it, left and handed to the sender; returns when. */
export function abandoned(life: CartLife, at = T0): number {
  life.receive(add(at), identified(at + 1));
  const now = life.abandonAt;
  life.wake(now);
  return now;
}

/** …and its message sent; returns when. */
export function messaged(life: CartLife, at = T0): number {
  const now = abandoned(life, at) + MINUTE_MS;
  life.claim(now);
  life.settle(now, SENT);
  return now;
}

export const DAYS = (n: number): number => n * 24 * HOUR_MS;
