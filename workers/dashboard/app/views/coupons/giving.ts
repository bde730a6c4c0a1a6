/** Which steps give coupons, and what is left of their budgets and pools. Pure. */
import type { CouponPoolView, StepCoupons } from "../../../../../shared/coupons.ts";
import type { Coupon, Step } from "../../../../../shared/policy/rules.ts";
import type { Campaign } from "../../api/campaigns.ts";

export interface Giving {
  campaign: Pick<Campaign, "id" | "name" | "enabled">;
  step: Pick<Step, "id">;
  coupon: Coupon;
  /** `null`: it gave none yet. */
  figures: StepCoupons | null;
}

/** `figures`: by campaign. */
export const givingSteps = (
  campaigns: readonly Campaign[],
  figures: ReadonlyMap<string, readonly StepCoupons[]>,
): Giving[] =>
  campaigns.flatMap((campaign) =>
    campaign.steps.flatMap((step) => {
      if (!step.coupon) return [];
      const known = figures.get(campaign.id)?.find(({ stepId }) => stepId === step.id) ?? null;
      return [{ campaign, step, coupon: step.coupon, figures: known }];
    }),
  );

/** How many codes the budgets of enabled steps allow beyond those that are left in their pool. */
export function missing(pool: Pick<CouponPoolView, "left">, giving: readonly Giving[]): number {
  const allowed = giving
    .filter(({ campaign }) => campaign.enabled)
    .reduce((sum, { coupon, figures }) => sum + (figures?.left ?? coupon.budget), 0);
  return Math.max(0, allowed - pool.left);
}
