/** What carts ask of a shopper's arbiter, and the rules they ask under. */
import type { Prospect } from "../../shared/events/messages.ts";
import type { PermitRules } from "../../shared/policy/permit.ts";

export const asked = (over: Partial<Prospect> = {}): Prospect & { storeId: string } => ({
  storeId: "st_1",
  effectId: "g1.cmp.s",
  deliveryId: "dl_1",
  campaignId: "cmp",
  holdout: 0,
  channels: ["email"],
  priority: 0,
  cartId: "cart",
  push: null,
  shopperId: "sh_1",
  email: "ada@example.com",
  phone: null,
  name: null,
  visitorId: null,
  timezone: null,
  consent: {},
  ...over,
});

export const permitRules = (over: Partial<PermitRules> = {}): PermitRules => ({
  frequencyCap: { max: 2, perHours: 24 },
  quietHours: null,
  timezone: "UTC",
  requireConsent: ["sms"],
  ...over,
});

export const PUSH: NonNullable<Prospect["push"]> = { kind: "fcm", token: "device" };
