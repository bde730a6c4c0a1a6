/** What tests of measuring share: a store with a campaign that holds out half, and the words of carts about it. */
import { evictDurableObject } from "cloudflare:test";
import type { CartNews, Delta, Exposure, Purchase } from "../../shared/events/messages.ts";
import type { CampaignCounts } from "../../shared/measure/results.ts";
import { type CampaignInput, campaignSchema } from "../../shared/policy/rules.ts";
import { HOUR_MS } from "../../shared/time.ts";
import { env, newStore, T0 } from "./support.ts";

export const WINDOW_MS = 24 * HOUR_MS;

export async function measured(over: Partial<CampaignInput> = {}) {
  const made = await newStore({ abandonAfterMinutes: 30, frequencyCap: { max: 1000, perHours: 1 } });
  const created = await made.store.createCampaign(
    campaignSchema.parse({ name: "C", holdout: 0.5, goal: { attributionHours: 24 }, steps: [{ id: "s" }], ...over }),
  );
  if (!created.ok) throw new Error(created.reason);
  const counts = async (): Promise<CampaignCounts> => {
    const result = await made.store.results(created.value.id);
    if (!result.ok) throw new Error(result.reason);
    return result.value;
  };
  const evict = () => evictDurableObject(env.STORE.getByName(made.id));
  return { ...made, rules: await made.store.rules(), campaign: created.value, counts, evict };
}

export const news = (cartId: string, seq: number, delta: Delta): CartNews => ({
  storeId: "ignored",
  cartId,
  incarnation: T0,
  entries: [{ seq, at: T0, delta }],
  summary: {
    version: seq,
    status: "abandoned",
    itemCount: 1,
    totalMinor: 1_000,
    currency: "EUR",
    shopperId: "v_1",
    email: null,
    name: null,
    abandonmentRisk: 0.5,
    createdAt: T0,
    lastActivityAt: T0,
    abandonedAt: T0,
    recoveredAt: null,
    wakesAt: null,
    order: null,
  },
  deliveries: [],
  index: true,
});

export const exposure = (campaignId: string, shopperId: string, over: Partial<Exposure> = {}): Exposure => ({
  campaignId,
  campaignVersion: 1,
  stepId: "s",
  shopperId,
  arm: "treated",
  holdout: 0.5,
  variantId: "a",
  probability: 1,
  at: T0,
  windowMs: WINDOW_MS,
  ...over,
});

export const purchase = (orderId: string, shopperId: string, over: Partial<Purchase> = {}): Purchase => ({
  orderId,
  shopperId,
  at: T0 + HOUR_MS,
  minor: 1_000,
  currency: "EUR",
  credit: null,
  ...over,
});
