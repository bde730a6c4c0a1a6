/** `GET /v1/campaigns/{id}/results`: what was counted, and what it says about the campaign. Pure. */
import { toMoney } from "../money.ts";
import type { Campaign } from "../policy/rules.ts";
import type { Arm } from "./assign.ts";
import { incremental, MIN_BUYERS, MIN_SHOPPERS, type Tally } from "./incremental.ts";
import type { Interval } from "./interval.ts";
import type { ResultsView } from "./results-view.ts";

/** What a group of shoppers bought, each within the window after their exposure. Money in minor units of the store's currency. */
interface Outcome {
  shoppers: number;
  buyers: number;
  orders: number;
  minor: number;
  /** Orders in other currencies: counted as orders, their money is not added. */
  foreignOrders: number;
  /** Orders credited to a message of the campaign, by the campaign's rule; of them those by a click or an open. */
  credited: number;
  creditedMinor: number;
  clicks: number;
  opens: number;
}

/** Shoppers of an arm that met the campaign while it had this holdout. */
export interface CampaignTally extends Outcome {
  arm: Arm;
  holdout: number;
  /** Shoppers whose window is not over. */
  running: number;
  /** Sums of the squares and cubes of the revenue per shopper. */
  squares: number;
  cubes: number;
}

export interface VariantTally extends Outcome {
  step: string;
  variant: string;
  arm: Arm;
  /** Shoppers whose window is over, and how many of them bought. */
  done: number;
  doneBuyers: number;
}

/** What the store counted. `campaign` as carts obey it, with the weights of now. */
export interface CampaignCounts {
  campaign: Campaign;
  currency: string;
  arms: CampaignTally[];
  variants: VariantTally[];
}

export function resultsOf({ campaign, currency, arms, variants }: CampaignCounts): ResultsView {
  const effect = incremental(arms.map(tallyOf));
  const money = (minor: number) => toMoney(Math.round(minor), currency);
  const inMoney = ({ estimate, low, high }: Interval) => ({
    estimate: money(estimate),
    low: money(low),
    high: money(high),
  });
  return {
    campaignId: campaign.id,
    version: campaign.version,
    attribution: { window: campaign.goal.attributionHours, rule: campaign.goal.attribution },
    holdout: campaign.holdout,
    allocation: campaign.allocation,
    running: arms.reduce((sum, tally) => sum + tally.running, 0),
    arms: (["treated", "held_out"] as const).map((name) => ({
      arm: name,
      ...outcomeOf(
        arms.filter((tally) => tally.arm === name),
        currency,
      ),
    })),
    variants: variants.map((tally) => ({
      stepId: tally.step,
      variantId: tally.variant,
      arm: tally.arm,
      probability: probabilityOf(campaign, tally.step, tally.variant),
      ...outcomeOf([tally], currency),
    })),
    incremental: effect && {
      shoppers: { treated: effect.treated, heldOut: effect.heldOut },
      conversion: effect.conversion,
      buyers: effect.buyers,
      revenuePerShopper: inMoney(effect.revenuePerShopper),
      revenue: inMoney(effect.revenue),
    },
    tooLittleData: effect ? null : lacking(arms),
  };
}

const tallyOf = ({ arm, holdout, shoppers, buyers, minor, squares, cubes }: CampaignTally): Tally => ({
  arm,
  holdout,
  buyers,
  revenue: { n: shoppers, sum: minor, squares, cubes },
});

function lacking(arms: readonly CampaignTally[]): string {
  if (!arms.some((tally) => tally.arm === "held_out")) return "Nobody was held out: there is nothing to compare with.";
  return `Each arm needs at least ${MIN_SHOPPERS} shoppers and ${MIN_BUYERS} buyers under the same holdout.`;
}

function outcomeOf(tallies: readonly Outcome[], currency: string) {
  const sum = (of: (outcome: Outcome) => number): number => tallies.reduce((total, tally) => total + of(tally), 0);
  const [shoppers, buyers, orders] = [sum((t) => t.shoppers), sum((t) => t.buyers), sum((t) => t.orders)];
  const [credited, byClick, byOpen] = [sum((t) => t.credited), sum((t) => t.clicks), sum((t) => t.opens)];
  return {
    shoppers,
    buyers,
    orders,
    conversion: shoppers > 0 ? buyers / shoppers : null,
    revenue: toMoney(
      sum((t) => t.minor),
      currency,
    ),
    foreignOrders: sum((t) => t.foreignOrders),
    attributed: {
      orders: credited,
      revenue: toMoney(
        sum((t) => t.creditedMinor),
        currency,
      ),
      byClick,
      byOpen,
      byTouch: credited - byClick - byOpen,
      none: orders - credited,
    },
  };
}

function probabilityOf(campaign: Campaign, stepId: string, variantId: string): number | null {
  const variants = campaign.steps.find((step) => step.id === stepId)?.variants ?? [];
  const variant = variants.find(({ id }) => id === variantId);
  const total = variants.reduce((sum, { weight }) => sum + weight, 0);
  return variant && total > 0 ? variant.weight / total : null;
}
