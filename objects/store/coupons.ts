/** Whether a coupon is given out, and which. Pure: the rows that are known come as data. */
import type { CouponAsk, IssuedCoupon } from "../../shared/events/messages.ts";
import type { Campaign } from "../../shared/policy/rules.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { HOUR_MS } from "../../shared/time.ts";

export interface CouponFacts {
  /** What this cart was given before, in this generation and by this step. */
  known: IssuedCoupon | null;
  /** The campaign as it is now; `null` when it was deleted. */
  campaign: Campaign | null;
  /** Codes that the step ever gave out. */
  issued: number;
  /** The next unused code of the pool, or a new one; `null` when the pool has none. */
  code: string | null;
}

export type NoCoupon = "no_campaign" | "budget_spent" | "pool_empty";

/**
 * The same question has the same answer for ever, also when the coupon is over by now: its expiry stands, or asking again
 * would prolong it. `isNew`: it is still to be written.
 */
export function decideCoupon(
  ask: CouponAsk,
  { known, campaign, issued, code }: CouponFacts,
  now: number,
): Result<{ coupon: IssuedCoupon; isNew: boolean }, NoCoupon> {
  if (known) return ok({ coupon: known, isNew: false });
  if (!campaign) return no("no_campaign");
  if (issued >= budgetOf(campaign, ask)) return no("budget_spent");
  if (code === null) return no("pool_empty");
  const { kind, amount, expiresHours } = ask.coupon;
  return ok({ coupon: { code, kind, amount, expiresAt: now + Math.round(expiresHours * HOUR_MS) }, isNew: true });
}

/**
 * The budget is the step's as it is now, whatever version of the campaign the cart entered: a merchant who lowers it means
 * all carts. A step that gives no coupon any more gives those that are under way by the old one.
 */
const budgetOf = (campaign: Campaign, { stepId, coupon }: CouponAsk): number =>
  campaign.steps.find(({ id }) => id === stepId)?.coupon?.budget ?? coupon.budget;

/** The first step that draws from a pool that is not there; -1 when there is none. */
export const stepWithoutPool = (steps: Campaign["steps"], hasPool: (id: string) => boolean): number =>
  steps.findIndex(({ coupon }) => coupon?.kind === "pool" && !hasPool(coupon.poolId ?? ""));

/** The enabled campaigns that draw from a pool. */
export const drawingFrom = (campaigns: readonly Campaign[], poolId: string): Campaign[] =>
  campaigns.filter(
    (c) => c.enabled && c.steps.some(({ coupon }) => coupon?.kind === "pool" && coupon.poolId === poolId),
  );
