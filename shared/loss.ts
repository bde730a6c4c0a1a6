/** Why carts were lost in a week: figures that rules work out, and the words around them. */
import * as z from "zod";
import { moneyView } from "./views.ts";

const count = z.number().int().min(0);
const percent = z.number().int().min(0).max(100);

export const LOSS_REASONS = [
  "no_address",
  "not_messaged",
  "message_without_effect",
  "payment_failed",
  "left_before_checkout",
  "left_in_checkout",
] as const;
export type LossReason = (typeof LOSS_REASONS)[number];

export const lossFigures = z
  .object({
    week: z.iso.date().describe("Its Monday (UTC)"),
    left: count.describe("Carts that were left in that week"),
    lost: count.describe("Of those, not bought until now"),
    boughtAfterAll: count,
    recovered: count.describe("Bought after a message"),
    lostPercent: percent,
    lostValue: moneyView.describe("Of the lost carts in the store's currency"),
    lostLastWeek: count.describe("Of those left in the week before, not bought until now"),
    withoutAddress: count.describe("Lost carts whose shopper left no e-mail address"),
    withoutMessage: count.describe("Lost carts with an address to which nothing was sent"),
    messagedInVain: count.describe("Lost carts to which a message was sent"),
    adds: count.describe("Events of the week, of all carts, from here on"),
    checkoutsStarted: count,
    paymentsEntered: count,
    ordersCompleted: count,
    paymentsFailed: count,
    exitIntents: count,
    reasons: z
      .array(z.object({ code: z.enum(LOSS_REASONS), count, percent: percent.describe("Of what could have been") }))
      .describe("What stands out, the largest count first"),
  })
  .meta({ id: "LossFigures" });
export type LossFigures = z.infer<typeof lossFigures>;

export const lossView = z
  .object({
    figures: lossFigures,
    text: z.string(),
    source: z.enum(["model", "rules"]).describe("Who wrote the text; the figures are always the rules'"),
    model: z.string().nullable(),
    reason: z.string().nullable().describe("Why no model wrote it: `not_asked`, `ai_off`, `budget_spent`, …"),
    at: z.iso.datetime(),
  })
  .meta({ id: "LossSummary" });
export type LossView = z.infer<typeof lossView>;
