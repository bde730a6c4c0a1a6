/** An on-site offer as the beacon's reply carries it: words only, so that the page draws it in its own style. */
import * as z from "zod";
import { TRIGGERS } from "./policy/rules.ts";

export const offerView = z
  .object({
    id: z.string().describe("Its delivery's id: named by `offer_shown`, `offer_accepted` and `offer_dismissed`"),
    cartId: z.string(),
    trigger: z.enum(TRIGGERS),
    headline: z.string(),
    text: z.string(),
    button: z.string().describe("What the button says, in the shopper's language"),
    dismiss: z.string().describe("What the other one says"),
    imageUrl: z.string().nullable().describe("Of the cart's first item"),
    coupon: z.object({ code: z.string(), expiresAt: z.iso.datetime() }).nullable(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: "Offer" });
export type Offer = z.infer<typeof offerView>;
