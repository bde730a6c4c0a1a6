/** What travels through queues and between actors. Every message is a hint or carries a sequence number. */
import type { Arm } from "../measure/assign.ts";
import type { End, Ending } from "../model/example.ts";
import type { Coupon, MessageChannel, Trigger } from "../policy/rules.ts";
import type { CartStatus, Channel, DeliveryStatus } from "../views.ts";
import type { ConsentChannel, ConsentRecord, EventType, Item, PushTarget } from "./types.ts";

/** What one committed row of a cart's log adds to the counters. Summed by `Store`, once per `seq`. */
export interface Delta {
  events?: Partial<Record<EventType, number>>;
  duplicates?: number;
  rejected?: number;
  carts?: number;
  abandoned?: number;
  orders?: number;
  recovered?: number;
  messages?: number;
  /** Minor units by currency; negative after a cancellation or refund. */
  revenue?: Record<string, number>;
  recoveredRevenue?: Record<string, number>;
  /** Rows written to storage. */
  rows?: number;
  /** What came under measurement, and what was bought: for the results of campaigns. */
  exposures?: Exposure[];
  purchases?: Purchase[];
  /** Generations that came to an end: for the shopper's past and for training. */
  ends?: End[];
}

/** A step's message was due to this shopper for the first time: sent, or, when held out, not. From here on it is measured. */
export interface Exposure {
  campaignId: string;
  campaignVersion: number;
  stepId: string;
  shopperId: string;
  arm: Arm;
  /** The held-out share that decided the arm. */
  holdout: number;
  variantId: string;
  /** With which probability the shopper got this variant. */
  probability: number;
  at: number;
  /** What is bought for this long counts. */
  windowMs: number;
}

/** How an order came to be credited to a message: the last (or first) one clicked, else opened, else sent. */
export type AttributionModel = `${"last" | "first"}_${"click" | "open" | "touch"}`;

/** An order of a shopper who is known or measured, as it stands now. Told again when that changed; `minor` is what remains after refunds. */
export interface Purchase {
  orderId: string;
  shopperId: string;
  /** When we heard of it: late news of both arms are late alike, a shopper's clock may be wrong. */
  at: number;
  minor: number;
  currency: string;
  credit: { campaignId: string; model: AttributionModel } | null;
  /** Codes that were on the cart when it was ordered: what of them was given out here is redeemed. */
  coupons?: string[];
  /** Cancelled, or another's echo: it never was. */
  void?: true;
}

export interface Entry {
  seq: number;
  at: number;
  delta: Delta;
}

/** The cart's present, last writer (greatest `version`) wins. */
export interface CartSummary {
  version: number;
  status: CartStatus;
  itemCount: number;
  totalMinor: number;
  currency: string | null;
  shopperId: string;
  email: string | null;
  name: string | null;
  abandonmentRisk: number;
  createdAt: number;
  lastActivityAt: number;
  abandonedAt: number | null;
  recoveredAt: number | null;
  /** When the cart will wake next, so that its store can nudge one that did not. */
  wakesAt: number | null;
  order: { id: string; totalMinor: number; currency: string; at: number } | null;
}

export interface DeliveryNews {
  id: string;
  effectId: string;
  campaignId: string;
  stepId: string;
  variantId: string;
  channel: Channel;
  status: DeliveryStatus;
  dueAt: number | null;
  claimedAt: number | null;
  sentAt: number | null;
  provider: string | null;
  history: { status: DeliveryStatus; at: number; reason?: string }[];
}

/** What the shopper's arbiter should know before any cart asks it. */
export interface ShopperNews {
  visitorId: string | null;
  consent: Partial<Record<ConsentChannel, ConsentRecord>>;
}

/** Queue `events`: what a cart committed since it last published. Entries already applied are ignored by their `seq`. */
export interface CartNews {
  storeId: string;
  cartId: string;
  /** Tells a cart from an earlier one of the same name that deleted itself. */
  incarnation: number;
  entries: Entry[];
  summary: CartSummary;
  deliveries: DeliveryNews[];
  /** Of a known shopper, when it may be new: by which browser they came, and what they said in the shop about consent. */
  shopper?: ShopperNews;
  /** Of the ends that the entries tell. */
  endings?: Ending[];
  /** Something the relational index keeps has changed. */
  index: boolean;
  /** The trace that last reached the cart, when somebody began one (W3C `traceparent`). */
  traceparent?: string;
  /** The cart's last news: it has forgotten everything, and so should who kept a copy of it. */
  gone?: true;
}

/** Queue `events`: no news, but the question whether the queue delivers. */
export interface QueueProbe {
  /** When it was sent (ms). */
  probe: number;
}

export const isProbe = (body: CartNews | QueueProbe): body is QueueProbe => "probe" in body;

/** Queue `interventions`: an effect is due. The sender asks the actors what is true now. */
export interface SendCommand {
  storeId: string;
  cartId: string;
  effectId: string;
  /** The cart's trace, or one that its wake-up began. */
  traceparent: string;
}

/** Queue `scoring`: a cart that a language model may be asked about. */
export interface ScoringHint {
  storeId: string;
  cartId: string;
}

/** Queue `interventions` too: a row of `account_mails` is due. */
export interface AccountMailHint {
  kind: "account_mail";
  id: string;
}

/** What the sender gets to know before it asks the shopper's arbiter. */
export interface Prospect {
  effectId: string;
  deliveryId: string;
  campaignId: string;
  /** The campaign's: of several messages to one shopper the higher goes first. */
  priority: number;
  holdout: number;
  /** By which it may go, the preferred first; several only while a step of channel `all` has not chosen. Never none. */
  channels: MessageChannel[];
  shopperId: string;
  cartId: string;
  email: string | null;
  phone: string | null;
  push: PushTarget | null;
  name: string | null;
  visitorId: string | null;
  /** The past of that visitor is the shopper's already. Absent: nobody knows. */
  isIntroduced?: boolean;
  timezone: string | null;
  consent: Partial<Record<ConsentChannel, ConsentRecord>>;
}

/** The arbiter's answer. A yes names the channel and has reserved a place under the cap. */
export type Permit =
  /**
   * `consentedAt`: when the shopper last agreed to that channel, wherever they said so. `isFirst`: nothing was ever sent to
   * them, and nobody but a page says that they exist.
   */
  | { granted: true; channel: MessageChannel; consentedAt?: number; isFirst?: true }
  /** `until` (ms): ask again then; `null`: never. */
  | { granted: false; reason: string; until: number | null };

/** What a message is rendered from. */
export interface CartContents {
  email: string | null;
  name: string | null;
  timezone: string | null;
  locale: string | null;
  items: Item[];
  totalMinor: number;
  currency: string;
  coupons: string[];
  createdAt: number;
}

/** The live cart, handed out with a claim. */
export interface ClaimedCart extends Prospect, CartContents {
  email: string | null;
  name: string | null;
  timezone: string | null;
  channel: MessageChannel;
  /** What started its journey: a built-in template speaks of it. */
  trigger: Trigger;
  /** When the cart handed it out: tells this attempt from earlier ones. */
  claimedAt: number;
  /** An earlier call under the same key was never answered. */
  repeated: boolean;
  /** What the message gives away, if anything. */
  coupon: Coupon | null;
  cartId: string;
  generation: number;
  templateId: string;
  stepId: string;
  variantId: string;
}

/** An on-site offer that the shopper is to see now: what it is rendered from. Asking again gives the same one. */
export interface OfferDue {
  deliveryId: string;
  campaignId: string;
  stepId: string;
  trigger: Trigger;
  templateId: string;
  generation: number;
  shopperId: string;
  coupon: Coupon | null;
  contents: CartContents;
  /** When it is over (ms). */
  expiresAt: number;
}

/** A coupon asked of the store. Asking again for the same cart's generation and step gives the same code. */
export interface CouponAsk {
  campaignId: string;
  stepId: string;
  cartId: string;
  generation: number;
  shopperId: string;
  coupon: Coupon;
}

export interface IssuedCoupon {
  code: string;
  kind: Coupon["kind"];
  amount: number;
  /** ms */
  expiresAt: number;
}

/** What the store did with a cart's news. */
export interface AppliedCart {
  cartId: string;
  /** The cart's log is counted up to here. */
  seq: number;
  /** Entries with a greater `seq` than this were counted now for the first time. */
  from: number;
  /** The summary, if it was newer than the known one. */
  moved: CartSummary | null;
}
