/** The shape of `GET /v1/campaigns/{id}/results`, for the API and for the page that shows it. */
import * as z from "zod";
import { moneyView } from "../views.ts";

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
