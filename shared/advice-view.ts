/** What a language model advised on a cart, as the merchant surface shows it. */
import * as z from "zod";
import { proposalSchema } from "./policy/advice.ts";

export const adviceView = z
  .object({
    id: z.string(),
    cartId: z.string(),
    at: z.iso.datetime(),
    model: z.string().describe("Which model was asked; empty when none was"),
    status: z
      .string()
      .describe("`applied`; `refused`: by the cart; else why the rules decided, e.g. `budget_spent`, `timeout`"),
    reason: z.string().describe("The model's for what was applied, else the code of the refusal"),
    proposal: proposalSchema.nullable(),
    neurons: z.number().describe("What it cost"),
    ms: z.number().int(),
  })
  .meta({ id: "Advice" });
export type AdviceView = z.infer<typeof adviceView>;
