/**
 * What a language model may do about a message that the rules have planned already, and the bounds of it. The model's
 * proposal is data: the same check stands before the model (its tool `propose`) and in the cart, which has the last word. Pure.
 */
import * as z from "zod";
import { canonicalLocale, languageOf } from "../locale.ts";
import { withoutLinks } from "../names.ts";
import type { MessageChannel } from "./rules.ts";

export const TONES = ["friendly", "plain", "formal", "playful"] as const;
export type Tone = (typeof TONES)[number];

/** A proposal may put a message off by at most this. */
export const MAX_DELAY_MINUTES = 24 * 60;
export const MAX_REASON = 300;

const localeTag = z
  .string()
  .max(35)
  .refine((tag) => canonicalLocale(tag) !== null, "must be a BCP 47 tag such as de-AT");

/** A store's settings of the adviser. Without them, or not enabled, rules alone decide. */
export const aiSettings = z
  .object({
    enabled: z.boolean().default(false),
    /** What the store may use a day (UTC); Workers AI gives an account 10,000 a day for nothing. 0: none. */
    dailyNeurons: z.number().min(0).max(1_000_000).default(1_000),
    /** Only carts whose abandonment risk is at least this are worth asking about. */
    riskThreshold: z.number().min(0).max(1).default(0.7),
    /** The adviser never gives away more than this; 0: it leaves coupons as the campaign has them. */
    maxDiscountPercent: z.number().int().min(0).max(100).default(0),
    /** The store's voice. */
    tone: z.enum(TONES).default("friendly"),
    /** What drafts and summaries are written in unless told. Messages are in the shopper's language. */
    language: localeTag.optional(),
  })
  .meta({ id: "AiSettings" });
export type AiSettings = z.infer<typeof aiSettings>;

/** What a cart knows of them. */
export type AdvicePolicy = Pick<AiSettings, "riskThreshold" | "maxDiscountPercent">;

/** One line, without links or control characters: it is shown to people, and a model may have it from a stranger. */
const oneLine = (text: string): string => withoutLinks(text.replace(/\s+/g, " "));

/** Models say `null` for what they leave out. */
const unsaid = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === null || value === "" ? undefined : value), schema.optional());

export const proposalSchema = z.object({
  /** As planned, later, not at all, or otherwise. */
  action: z.enum(["keep", "wait", "skip", "adjust"]),
  delayMinutes: unsaid(z.number().min(1)),
  /** `adjust`: the preferred one of the step's channels. */
  channel: unsaid(z.enum(["email", "push", "sms"])),
  /** `adjust`: what the step's coupon is worth. */
  discountPercent: unsaid(z.number().int().min(1)),
  /**
   * Recorded only. Which of a step's variants is sent stays drawn by lot: one that a model chose would bias the comparison
   * of the variants, and the words of each are the merchant's.
   */
  tone: unsaid(z.enum(TONES)),
  /** The shopper's, if any: messages are rendered in that anyway. */
  language: unsaid(localeTag),
  reason: z
    .string()
    .overwrite((text) => oneLine(text).slice(0, MAX_REASON))
    .min(1),
});
export type Proposal = z.infer<typeof proposalSchema>;

/** A proposal for one message, as the cart is told it. The same id twice is the same advice. */
export interface Advice {
  id: string;
  effectId: string;
  /** Which model said so. */
  model: string;
  proposal: Proposal;
}

/** How far the adviser may go with one message. */
export interface AdviceBounds {
  maxDelayMinutes: number;
  /** By which it may go, the preferred first. */
  channels: MessageChannel[];
  /** `null`: the step gives no percentage, or the store allows none. */
  discountPercent: { min: number; max: number } | null;
  /** The shopper's; `null` when they said none. */
  language: string | null;
}

export interface AdvisedMessage {
  channels: readonly MessageChannel[];
  coupon: { kind: string } | null;
}

export function boundsOf(message: AdvisedMessage, policy: AdvicePolicy, locale: string | null): AdviceBounds {
  const { maxDiscountPercent } = policy;
  const discounted = message.coupon?.kind === "percent" && maxDiscountPercent >= 1;
  const known = canonicalLocale(locale);
  return {
    maxDelayMinutes: MAX_DELAY_MINUTES,
    channels: [...message.channels],
    discountPercent: discounted ? { min: 1, max: maxDiscountPercent } : null,
    language: known && languageOf(known),
  };
}

export type BeyondBounds =
  | "delay_missing"
  | "delay_beyond_bounds"
  | "channel_not_allowed"
  | "discount_not_allowed"
  | "language_not_shoppers"
  | "nothing_adjusted";

/** Why a proposal is beyond its bounds; `null`: it is within them. What its action does not use is looked at all the same. */
export function beyond(proposal: Proposal, bounds: AdviceBounds): BeyondBounds | null {
  const { action, delayMinutes, channel, discountPercent, language } = proposal;
  const { discountPercent: discount } = bounds;
  if (delayMinutes !== undefined && delayMinutes > bounds.maxDelayMinutes) return "delay_beyond_bounds";
  if (action === "wait" && delayMinutes === undefined) return "delay_missing";
  if (channel !== undefined && !bounds.channels.includes(channel)) return "channel_not_allowed";
  if (discountPercent !== undefined && (!discount || discountPercent > discount.max)) return "discount_not_allowed";
  if (language !== undefined && languageOf(canonicalLocale(language) ?? "") !== bounds.language)
    return "language_not_shoppers";
  if (action === "adjust" && channel === undefined && discountPercent === undefined) return "nothing_adjusted";
  return null;
}

/** What the adviser may know of a cart: no name, no address, and nothing a shopper wrote but cut and quoted names. */
export interface AdviceBrief {
  effectId: string;
  generation: number;
  campaignId: string;
  stepId: string;
  shopperId: string;
  abandonmentRisk: number;
  bounds: AdviceBounds;
  cart: {
    items: { name: string; category: string | null; quantity: number; price: string }[];
    moreItems: number;
    total: string;
    currency: string;
    stage: string;
    couponsTried: number;
    paymentFailures: number;
    device: string | null;
    ageMinutes: number;
    idleMinutes: number;
    abandonmentRisk: number;
    /** Features that moved the risk most. */
    reasons: string[];
  };
  plan: {
    trigger: string;
    dueInMinutes: number;
    /** `14:05` where the shopper is. */
    dueAtLocalTime: string;
    channels: MessageChannel[];
    coupon: { kind: string; amount: number } | null;
    earlierMessages: { channel: string; status: string }[];
    laterMessages: number;
  };
}
