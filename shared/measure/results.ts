/** `GET /v1/campaigns/{id}/results`: what was counted, and what it says about the campaign. Pure. */
import * as z from "zod";
import { toMoney } from "../money.ts";
import type { Campaign } from "../policy/rules.ts";
import { moneyView } from "../views.ts";
import type { Arm } from "./assign.ts";
import { incremental, MIN_BUYERS, MIN_SHOPPERS, type Tally } from "./incremental.ts";
import type { Interval } from "./interval.ts";

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

const count = z.number().int().min(0);
const share = z.number().min(0).max(1);

const outcomeView = {
  shoppers: count,
  buyers: count.describe("Shoppers with an order within the window"),
  orders: count,
  conversion: share.nullable().describe("buyers / shoppers"),
  revenue: moneyView,
  foreignOrders: count.describe("Orders in other currencies: counted, but their money is not in any revenue here"),
  attributed: z
    .object({
      orders: count,
      revenue: moneyView,
      byClick: count,
      byOpen: count,
      byTouch: count,
      none: count.describe("Orders that are owed to no message"),
    })
    .describe("What the attribution rule credits to the campaign's messages, of the same shoppers and windows"),
};
const arm = z.enum(["treated", "held_out"]);
const intervalOf = <T extends z.ZodType>(of: T) => z.object({ estimate: of, low: of, high: of });

export const resultsView = z
  .object({
    campaignId: z.string(),
    version: count,
    attribution: z.object({
      window: z.number().describe("Hours, in the campaign's present version; who came before it keeps their own"),
      rule: z
        .enum(["last", "first"])
        .describe("Which message an order is credited to: clicked, else opened, else sent"),
    }),
    holdout: share.describe("The held-out share now"),
    allocation: z.enum(["fixed", "thompson"]),
    running: count.describe("Shoppers whose window is not over"),
    arms: z.array(z.object({ arm, ...outcomeView })),
    variants: z.array(
      z.object({
        stepId: z.string(),
        variantId: z.string(),
        arm,
        probability: share.nullable().describe("With which a shopper gets it now; `null`: the step has it no more"),
        ...outcomeView,
      }),
    ),
    incremental: z
      .object({
        shoppers: z.object({ treated: count, heldOut: count }),
        conversion: intervalOf(z.number()).describe("Added probability that a treated shopper buys"),
        buyers: intervalOf(z.number()).describe("Added buyers among the treated"),
        revenuePerShopper: intervalOf(moneyView).describe("Rounded to the minor unit"),
        revenue: intervalOf(moneyView).describe("Of all treated shoppers"),
      })
      .nullable()
      .describe(
        "Treated minus held out, with 95% intervals, per shopper and scaled to the treated; `null`: too little data",
      ),
    tooLittleData: z.string().nullable().describe("Why there is no estimate"),
  })
  .meta({ id: "CampaignResults" });
export type ResultsView = z.infer<typeof resultsView>;

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
