/** An on-site offer as the beacon's reply carries it: words only, so that the page draws it in its own style. */
import * as z from "zod";
import { couponSchema, TRIGGERS } from "./policy/rules.ts";

export const offerView = z
  .object({
    id: z.string().describe("Its delivery's id: named by `offer_shown`, `offer_accepted` and `offer_dismissed`"),
    cartId: z.string(),
    trigger: z.enum(TRIGGERS),
    locale: z.string().describe("What it is written in"),
    headline: z.string(),
    text: z.string(),
    button: z.string().describe("What the button says, in the shopper's language"),
    dismiss: z.string().describe("What the other one says"),
    imageUrl: z.string().nullable().describe("Of the cart's first item"),
    coupon: z
      .object({
        code: z.string(),
        kind: couponSchema.shape.kind,
        amount: z.number().describe("`percent`: 1–100; `amount`: in whole units of the store's currency; else 0"),
        expiresAt: z.iso.datetime(),
        copy: z.string().describe("What the button beside the code says"),
        copied: z.string().describe("What it says then"),
        validUntil: z.string().describe("What stands before the date"),
      })
      .nullable(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: "Offer" });
export type Offer = z.infer<typeof offerView>;
