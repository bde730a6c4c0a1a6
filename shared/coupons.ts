/** Coupons as the merchant surface shows them. */
import * as z from "zod";
import { isoOrNull } from "./time.ts";

const count = z.number().int().min(0);
const time = z.iso.datetime();

export const couponPoolView = z
  .object({
    id: z.string(),
    name: z.string(),
    createdAt: time,
    added: count.describe("Codes that were ever imported"),
    taken: count.describe("Codes that were given out"),
    left: count,
  })
  .meta({ id: "CouponPool" });
export type CouponPoolView = z.infer<typeof couponPoolView>;

export const addedCodesView = z
  .object({
    added: count,
    duplicates: count.describe("Codes that stood twice in the body, or are known in the store already"),
    rejected: z
      .array(z.object({ line: count.min(1), message: z.string() }))
      .describe("What is no code, by its line (of JSON: its place in the list, from 1); at most the first 100"),
    rejectedCount: count,
  })
  .meta({ id: "AddedCodes" });

export const COUPON_STATUS = ["issued", "redeemed", "expired"] as const;
export type CouponStatus = (typeof COUPON_STATUS)[number];

/** A coupon as its store keeps it; times in ms. */
export interface CouponRecord {
  campaignId: string;
  stepId: string;
  /** The how-manieth of its step, from 1. */
  n: number;
  cartId: string;
  generation: number;
  shopperId: string;
  code: string;
  kind: string;
  amount: number;
  poolId: string | null;
  issuedAt: number;
  expiresAt: number;
  orderId: string | null;
  redeemedAt: number | null;
}

export const couponView = z
  .object({
    code: z.string(),
    status: z.enum(COUPON_STATUS),
    campaignId: z.string(),
    stepId: z.string(),
    cartId: z.string(),
    shopperId: z.string(),
    kind: z.enum(["percent", "amount", "free_shipping", "pool"]),
    amount: z.number().describe("`percent`: 1–100; `amount`: in whole units of the store's currency"),
    poolId: z.string().nullable(),
    issuedAt: time,
    expiresAt: time,
    redeemed: z.object({ orderId: z.string(), at: time }).nullable(),
  })
  .meta({ id: "Coupon" });
export type CouponView = z.infer<typeof couponView>;

export function couponStatus({ redeemedAt, expiresAt }: Pick<CouponRecord, "redeemedAt" | "expiresAt">, now: number) {
  if (redeemedAt !== null) return "redeemed" satisfies CouponStatus;
  return expiresAt <= now ? ("expired" satisfies CouponStatus) : ("issued" satisfies CouponStatus);
}

export function viewOfCoupon(coupon: CouponRecord, now: number): CouponView {
  const { n: _, generation: __, orderId, redeemedAt, issuedAt, expiresAt, ...rest } = coupon;
  return {
    ...rest,
    kind: coupon.kind as CouponView["kind"],
    status: couponStatus(coupon, now),
    issuedAt: isoOrNull(issuedAt) ?? "",
    expiresAt: isoOrNull(expiresAt) ?? "",
    redeemed: orderId === null || redeemedAt === null ? null : { orderId, at: isoOrNull(redeemedAt) ?? "" },
  };
}

/** What a step gave out since it was made. */
export const stepCouponsView = z
  .object({
    stepId: z.string(),
    budget: count.nullable().describe("`null`: the step gives none any more"),
    issued: count,
    redeemed: count,
    expired: count.describe("Unused, and over"),
    left: count,
  })
  .meta({ id: "StepCoupons" });
export type StepCoupons = z.infer<typeof stepCouponsView>;
