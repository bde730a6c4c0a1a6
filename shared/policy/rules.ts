/** What a store decides once and every cart obeys: settings, campaigns, and the `Rules` compiled from them. */
import * as z from "zod";
import type { Serving } from "../model/serving.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../time.ts";
import { type AdvicePolicy, type AiSettings, aiSettings } from "./advice.ts";
import { MAX_LIMIT } from "./limits.ts";

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time such as 21:00");
/** Mongo-style; plain data, so that it crosses RPC. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Conditions = Record<string, Json>;
/** `z.json()` with a name in the OpenAPI document. */
const json: z.ZodType<Json> = z
  .lazy(() => z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(json), z.record(z.string(), json)]))
  .meta({ id: "Json", description: "Any JSON value" });
const conditions: z.ZodType<Conditions> = z.record(z.string().max(100), json);
const minutes = z.number().min(0).max(525_600);

const perHour = z.number().int().min(0).max(1_000_000);

const fields = {
  name: z.string().min(1).max(200),
  url: z
    .string()
    .max(2048)
    .refine((u) => URL.canParse(u) && /^https?:/i.test(u), "must be an http(s) URL"),
  currency: z.string().regex(/^[A-Z]{3}$/, "must be an ISO 4217 code such as EUR"),
  timezone: z.string().max(64).refine(isTimeZone, "must be an IANA time zone such as Europe/Berlin"),
  abandonAfterMinutes: z.number().min(0.001).max(525_600),
  quietHours: z.object({ from: clock, to: clock }).nullable(),
  frequencyCap: z.object({ max: z.number().int().min(1).max(1000), perHours: z.number().min(0.001).max(8760) }),
  expireAfterDays: z.number().min(0.00001).max(365),
  retentionDays: z.number().min(0.00001).max(3650),
  allowedOrigins: z.array(z.string().max(256)).max(50),
  connectionLimit: z.number().int().min(1).max(100_000),
  jurisdiction: z.enum(["eu", "fedramp"]).nullable(),
  /** Calls a minute of each of the store's users and secret keys; `null`: as this Worker is configured. */
  rateLimits: z.object({ apiPerMinute: z.number().int().min(1).max(MAX_LIMIT) }).nullable(),
  /** Channels that need a granted consent before the first message. */
  requireConsent: z.array(z.enum(["email", "push", "sms"])).max(3),
  /**
   * How many shoppers an hour get their first message by each channel; the others wait for theirs. Pages name addresses and
   * numbers, and so may anybody: this is what a stranger can make the store send.
   */
  firstMessagesPerHour: z.object({ email: perHour, push: perHour, sms: perHour }),
  /** Whether and how a language model advises on carts at risk; `null`: rules alone decide. */
  ai: aiSettings.nullable(),
};

export const settingsSchema = z.object({
  ...fields,
  abandonAfterMinutes: fields.abandonAfterMinutes.default(30),
  quietHours: fields.quietHours.default(null),
  frequencyCap: fields.frequencyCap.default({ max: 4, perHours: 24 }),
  expireAfterDays: fields.expireAfterDays.default(30),
  retentionDays: fields.retentionDays.default(90),
  allowedOrigins: fields.allowedOrigins.default([]),
  connectionLimit: fields.connectionLimit.default(1000),
  jurisdiction: fields.jurisdiction.default(null),
  rateLimits: fields.rateLimits.default(null),
  requireConsent: fields.requireConsent.default(["sms"]),
  firstMessagesPerHour: fields.firstMessagesPerHour.default({ email: 5_000, push: 5_000, sms: 100 }),
  ai: fields.ai.default(null),
  /** Where this Worker answered when the store registered; links lead there without `PUBLIC_URL`. Nobody can change it. */
  baseUrl: z.string().max(2048).default(""),
});

/** A change: what it does not name stays. */
export const settingsPatchSchema = z
  .object({ ...fields, jurisdiction: z.null("is not yet supported: it must be null") })
  .partial();

export type Settings = z.infer<typeof settingsSchema>;

const id = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9_.-]+$/, "letters, digits, dot, dash and underscore only");

/** What starts a journey. All but the first three are moments of the shopper on the page, for on-site offers above all. */
export const TRIGGERS = [
  "cart_abandoned",
  "prediction_high",
  "time_based",
  "exit_intent",
  "checkout_hesitation",
  "payment_failed",
  "price_drop",
  "back_in_stock",
] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** The channels that a message leaves the page by. */
export const MESSAGE_CHANNELS = ["email", "push", "sms"] as const;
export type MessageChannel = (typeof MESSAGE_CHANNELS)[number];

/** A code of its own for each cart. `budget` is how many the step may give out, ever: it is never exceeded. */
export const couponSchema = z
  .object({
    kind: z.enum(["percent", "amount", "free_shipping", "pool"]),
    /** `percent`: 1–100; `amount`: in whole units of the store's currency; else unused. */
    amount: z.number().min(0).max(1_000_000).default(0),
    expiresHours: z.number().min(0.001).max(8760).default(72),
    budget: z.number().int().min(1).max(1_000_000),
    /** `pool`: which imported codes it takes. */
    poolId: id.optional(),
  })
  .refine((c) => c.kind !== "percent" || (c.amount > 0 && c.amount <= 100), "a percent must be above 0 and at most 100")
  .refine((c) => c.kind !== "amount" || c.amount > 0, "an amount must be above 0")
  .refine((c) => c.kind !== "pool" || c.poolId !== undefined, "a pool must be named by poolId");
export type Coupon = z.infer<typeof couponSchema>;

const templateId = z.string().min(1).max(64);
const variant = z.object({
  id,
  templateId: templateId.default("default"),
  /** For a channel other than the template's own: a step of channel `all` has one for each. */
  templates: z
    .object({ email: templateId, sms: templateId, push: templateId, onsite: templateId })
    .partial()
    .optional(),
  weight: z.number().min(0).max(1e6).default(1),
});

export const stepSchema = z.object({
  id,
  /** After the trigger, in minutes; fractions allowed. */
  delayMinutes: minutes.default(0),
  /** `all` is the shopper's best permitted channel first, then the next if unanswered. */
  channel: z.enum(["email", "sms", "push", "onsite", "all"]).default("email"),
  /** `all`: how long an answer (a click, a return) is waited for before the next channel; 240 unless told. */
  fallbackMinutes: minutes.min(0.001).optional(),
  variants: z
    .array(variant)
    .min(1)
    .max(20)
    .default([{ id: "a", templateId: "default", weight: 1 }]),
  coupon: couponSchema.optional(),
  /** Judged when the step is due. */
  conditions: conditions.optional(),
});

export const campaignSchema = z.object({
  name: z.string().min(1).max(200),
  enabled: z.boolean().default(true),
  trigger: z.enum(TRIGGERS).default("cart_abandoned"),
  /** `prediction_high`: from which abandonment risk on; 0.7 unless told. */
  threshold: z.number().min(0).max(1).optional(),
  /** Mongo-style, over the cart (`total.amount`, `itemCount`, `shopper.email`, `prediction.abandonmentRisk`, …). */
  conditions: conditions.default({}),
  priority: z.number().int().min(-1000).max(1000).default(0),
  /** Share of shoppers that gets no message, so that the effect can be measured. */
  holdout: z.number().min(0).max(0.9).default(0),
  goal: z
    .object({
      attributionHours: z.number().min(0.001).max(2160).default(72),
      /** Of several messages clicked (else opened, else sent) within the window: which one an order is credited to. */
      attribution: z.enum(["last", "first"]).default("last"),
    })
    .default({ attributionHours: 72, attribution: "last" }),
  /** `fixed`: variants by their weights. `thompson`: those with a weight share by how probably each is the best. */
  allocation: z.enum(["fixed", "thompson"]).default("fixed"),
  steps: z.array(stepSchema).min(1).max(20),
  /** Once these hold (`{ "journey.clicked": true }`, say) the journey ends and what was not sent is cancelled. */
  exit: conditions.optional(),
});

/** Every cart of a journey keeps its campaign, and every beacon carries the enabled ones: both stay small. */
export const MAX_CAMPAIGN_BYTES = 16 * 1024;
export const MAX_ENABLED_BYTES = 128 * 1024;
export const jsonBytes = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).byteLength;

export type CampaignInput = z.infer<typeof campaignSchema>;
export type Campaign = CampaignInput & { id: string; version: number; createdAt: number; updatedAt: number };
export type Step = z.infer<typeof stepSchema>;

/** What actors are given instead of the environment. `version` grows with every change of settings or campaigns. */
export interface Rules {
  version: number;
  storeCurrency: string;
  timezone: string;
  abandonAfterMs: number;
  /** A shopper at the payment provider is not gone yet: a longer leash. */
  checkoutLeashMs: number;
  expireAfterMs: number;
  retentionMs: number;
  frequencyCap: Settings["frequencyCap"];
  quietHours: Settings["quietHours"];
  /** Channels that need a granted consent; on the others it is enough that none was denied. */
  requireConsent: MessageChannel[];
  /** Why no message may go out now (`signal_loss`), or `null`. */
  paused: string | null;
  /** Which of the store's models scores which cart. Absent from what older code wrote: the prior does. */
  serving?: Pick<Serving, "production" | "canary">;
  /** What a language model may advise. Absent: nothing. */
  advice?: AdvicePolicy;
  /** Enabled campaigns only, in the order in which they are tried. */
  campaigns: Campaign[];
  /** Those that are there and not enabled, by id: journeys in them go on. Absent from what older code wrote. */
  disabled?: string[];
}

/** No journey goes on in a campaign that the merchant deleted. */
export const isDeleted = ({ campaigns, disabled }: Rules, id: string): boolean =>
  disabled !== undefined && !disabled.includes(id) && !campaigns.some((campaign) => campaign.id === id);

/** How many times the idle time a cart with a payment under way is left in peace. */
const CHECKOUT_LEASH = 2;

export function compileRules(settings: Settings, campaigns: Campaign[], version: number): Rules {
  const abandonAfterMs = Math.max(1, Math.round(settings.abandonAfterMinutes * MINUTE_MS));
  return {
    version,
    storeCurrency: settings.currency,
    timezone: settings.timezone,
    abandonAfterMs,
    checkoutLeashMs: abandonAfterMs * CHECKOUT_LEASH,
    expireAfterMs: Math.round(settings.expireAfterDays * DAY_MS),
    retentionMs: Math.round(settings.retentionDays * DAY_MS),
    frequencyCap: settings.frequencyCap,
    quietHours: settings.quietHours,
    requireConsent: settings.requireConsent,
    paused: null,
    campaigns: inOrder(campaigns.filter((c) => c.enabled)),
    disabled: campaigns.filter((c) => !c.enabled).map(({ id }) => id),
    ...(settings.ai?.enabled ? { advice: advicePolicy(settings.ai) } : {}),
  };
}

const advicePolicy = ({ riskThreshold, maxDiscountPercent }: AiSettings): AdvicePolicy => ({
  riskThreshold,
  maxDiscountPercent,
});

/** The order in which campaigns are tried: by priority, the younger first. */
const inOrder = (campaigns: Campaign[]): Campaign[] =>
  campaigns.toSorted((a, b) => b.priority - a.priority || b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1));

/** The rules with this campaign in the place of the one it changes, whether or not that is enabled. */
export const withCampaign = (rules: Rules, campaign: Campaign): Rules => ({
  ...rules,
  campaigns: inOrder([...rules.campaigns.filter((c) => c.id !== campaign.id), campaign]),
});

/** The campaign every new store begins with: one mail, as soon as the cart counts as abandoned. Tried last. */
export const DEFAULT_CAMPAIGN: CampaignInput = {
  name: "Abandoned cart",
  enabled: true,
  trigger: "cart_abandoned",
  conditions: {},
  priority: -1000,
  holdout: 0,
  goal: { attributionHours: 72, attribution: "last" },
  allocation: "fixed",
  steps: [
    { id: "reminder", delayMinutes: 0, channel: "email", variants: [{ id: "a", templateId: "default", weight: 1 }] },
  ],
};

export const attributionMs = (campaign: Campaign): number => Math.round(campaign.goal.attributionHours * HOUR_MS);

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
