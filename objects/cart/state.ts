/**
 * What a cart knows. `Facts` follow from the set of accepted events alone, in whatever order they came (fold.ts);
 * `Process` is what the cart itself did about them (decide.ts). Both are plain data.
 */
import type { AttributionModel } from "../../shared/events/messages.ts";
import type {
  CartEvent,
  ConsentChannel,
  ConsentRecord,
  EventType,
  Item,
  PushTarget,
} from "../../shared/events/types.ts";
import type { Arm } from "../../shared/measure/assign.ts";
import { NO_TRAIL, type Trail } from "../../shared/model/features.ts";
import type { ShopperHistory } from "../../shared/model/history.ts";
import { NO_PREDICTION, type Prediction } from "../../shared/model/prediction.ts";
import type { Advice } from "../../shared/policy/advice.ts";
import type { Campaign, Coupon, MessageChannel, Rules, Trigger } from "../../shared/policy/rules.ts";
import type { CartStatus, Channel, DeliveryStatus } from "../../shared/views.ts";

export interface Order {
  id: string;
  totalMinor: number;
  currency: string;
  at: number;
  receivedAt: number;
  generation: number;
  cancelled: boolean;
  refundedMinor: number;
  /** The codes that were on the cart. */
  coupons: string[];
}

export interface Person {
  email: string | null;
  phone: string | null;
  externalId: string | null;
  name: string | null;
  push: PushTarget | null;
}

/** What happened on the page and may start a journey, by the trigger's name. */
export type Moment = Extract<
  Trigger,
  "exit_intent" | "checkout_hesitation" | "payment_failed" | "price_drop" | "back_in_stock"
>;

export type Stage = "browsing" | "cart" | "checkout" | "contact" | "address" | "shipping" | "payment" | "ordered";

/** A pure fold over the events; see fold.ts. */
export interface Facts {
  /** Grows when something is added after an order closed the cart. */
  generation: number;
  items: Item[];
  currency: string | null;
  totalMinor: number;
  revision: number;
  coupons: string[];
  stage: Stage;
  paymentFailures: number;
  /** When the open generation was closed by an order (the claimed time); `null` while it is open. */
  closedAt: number | null;
  /** Claimed time of the last snapshot or order: what happened before it and comes after a compaction is history. */
  truthAt: number;
  orders: Order[];
  person: Person;
  consent: Partial<Record<ConsentChannel, ConsentRecord>>;
  visitorId: string | null;
  locale: string | null;
  timezone: string | null;
  device: string | null;
  url: string | null;
  clicks: { deliveryId: string; at: number }[];
  /** What became of on-site offers. */
  offers: { deliveryId: string; at: number; what: "shown" | "accepted" | "dismissed" }[];
  /** When each last happened in the open generation. */
  moments: Partial<Record<Moment, number>>;
  /** Viewed products that could not be bought. */
  soldOut: string[];
  /** Events of the open generation, by type. */
  counts: Partial<Record<EventType, number>>;
  /** Views of the open generation, by product. */
  views: Record<string, number>;
  trail: Trail;
  firstAt: number;
  lastAt: number;
  firstAddAt: number | null;
  lastAddAt: number | null;
  /** When we last received a sign of life of this cart (not of the page it is on). Schedules. */
  lifeAt: number;
  lastReceivedAt: number;
}

export interface HistoryEntry {
  status: DeliveryStatus;
  at: number;
  reason?: string;
}

/** One thing to be done once: a row of the ledger. Its id is the idempotency key. */
export interface Effect {
  id: string;
  deliveryId: string;
  generation: number;
  campaignId: string;
  campaignVersion: number;
  stepId: string;
  variantId: string;
  /** With which probability this variant was chosen. */
  probability: number;
  templateId: string;
  /** For a channel other than the template's own. */
  templates: Partial<Record<Channel, string>>;
  /** By which it goes: of several possible ones the preferred until the arbiter has chosen. */
  channel: Channel;
  /** By which it may still go; empty on the page. */
  channels: MessageChannel[];
  /** How long an answer is waited for before the channels that are left; `null`: no other follows. */
  fallbackMs: number | null;
  trigger: Trigger;
  /** The campaign's; see `Prospect.priority`. */
  priority: number;
  coupon: Coupon | null;
  delayMs: number;
  holdout: number;
  /** For how long after it an order is credited to it, and which of several messages gets the credit. */
  windowMs: number;
  credit: "last" | "first";
  status: DeliveryStatus;
  /** When it is to be handed to the sender (again); `null` while paused or done. */
  dueAt: number | null;
  /** How often it was handed to the sender without being claimed. */
  dispatches: number;
  /** How often a send surely failed. */
  attempts: number;
  claimedAt: number | null;
  sentAt: number | null;
  provider: string | null;
  /** The provider honours the idempotency key, so that an unknown outcome may be tried again. */
  resumable: boolean;
  /** An earlier call under the same key was never answered: a refusal of a later one does not say that nothing was sent. */
  doubtful?: true;
  /** Whose keys those are, when the store has an account of its own: another account knows nothing of them. */
  account?: string;
  history: HistoryEntry[];
  /** What a language model proposed and the cart followed: once. */
  advised?: Omit<Advice, "effectId">;
  /** Since it was due for the first time: whom it is counted for, in which arm, and for how long. */
  exposure: { at: number; shopperId: string; arm: Arm; windowMs: number } | null;
}

/** One for each trigger and generation: whoever enters first stays, in the version it entered. */
export interface Journey {
  campaign: Campaign;
  generation: number;
  enteredAt: number;
  exit: string | null;
}

export interface Attribution {
  campaignId: string;
  deliveryId: string;
  model: AttributionModel;
}

/** A generation that an order ended. */
export interface Closed {
  generation: number;
  status: "purchased" | "recovered";
  /** When the order was acknowledged, by our clock. */
  at: number;
  attribution: Attribution | null;
}

export interface Process {
  status: CartStatus;
  generation: number;
  abandonedAt: number | null;
  recoveredAt: number | null;
  expiredAt: number | null;
  /** Of the open generation. */
  journeys: Journey[];
  effects: Effect[];
  closed: Closed[];
  /** The cart's last sign of life when it was left: a later one means the shopper is back. */
  leftLifeAt: number;
  /** Times this cart was left behind: the analytics' count, never lowered. */
  abandonments: number;
  /** Recovery links older than this are dead. */
  linksRevokedAt: number;
  /** Addresses that a provider said are gone for good, hashed. */
  gone: number[];
}

export interface CartState {
  storeId: string;
  cartId: string;
  /** Events older than the re-fold window, already folded. */
  base: Facts;
  /** Ids of the events in `base`, hashed. */
  baseIds: number[];
  /** The re-fold window, sorted by (at, id). */
  events: CartEvent[];
  /** Size of the window: events plus the lines of their snapshots. Bounded, so that a flood cannot fill the memory. */
  weight: number;
  /** Hashes of every known event id. */
  known: ReadonlySet<number>;
  facts: Facts;
  process: Process;
  /** Of the shopper, once the cart was told; `null` before. */
  history: ShopperHistory | null;
  prediction: Prediction;
  rules: Rules;
  usage: { accepted: number; duplicates: number; rejected: number };
}

export const emptyFacts = (): Facts => ({
  generation: 1,
  items: [],
  currency: null,
  totalMinor: 0,
  revision: -1,
  coupons: [],
  stage: "browsing",
  paymentFailures: 0,
  closedAt: null,
  truthAt: 0,
  orders: [],
  person: { email: null, phone: null, externalId: null, name: null, push: null },
  consent: {},
  visitorId: null,
  locale: null,
  timezone: null,
  device: null,
  url: null,
  clicks: [],
  offers: [],
  moments: {},
  soldOut: [],
  counts: {},
  views: {},
  trail: NO_TRAIL,
  firstAt: 0,
  lastAt: 0,
  firstAddAt: null,
  lastAddAt: null,
  lifeAt: 0,
  lastReceivedAt: 0,
});

export const emptyProcess = (): Process => ({
  status: "active",
  generation: 1,
  abandonedAt: null,
  recoveredAt: null,
  expiredAt: null,
  journeys: [],
  effects: [],
  closed: [],
  leftLifeAt: 0,
  abandonments: 0,
  linksRevokedAt: 0,
  gone: [],
});

export function emptyState(storeId: string, cartId: string, rules: Rules): CartState {
  const facts = emptyFacts();
  return {
    storeId,
    cartId,
    base: facts,
    baseIds: [],
    events: [],
    weight: 0,
    known: new Set(),
    facts,
    process: emptyProcess(),
    history: null,
    prediction: NO_PREDICTION,
    rules,
    usage: { accepted: 0, duplicates: 0, rejected: 0 },
  };
}
