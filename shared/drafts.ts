/** Drafts of messages in the store's voice: what is asked for, and what comes back. A draft is no template until somebody saves it. */
import * as z from "zod";
import { canonicalLocale } from "./locale.ts";
import { TONES } from "./policy/advice.ts";
import { TRIGGERS } from "./policy/rules.ts";
import { channel } from "./views.ts";

export const draftInput = z
  .object({
    channel: channel.default("email"),
    locale: z
      .string()
      .max(35)
      .refine((tag) => canonicalLocale(tag) !== null, "must be a BCP 47 tag such as de-AT")
      .overwrite((tag) => canonicalLocale(tag) ?? tag)
      .optional()
      .describe("What it is written in; the store's language unless told, else English"),
    trigger: z.enum(TRIGGERS).default("cart_abandoned"),
    purpose: z.string().max(300).optional().describe("What it is to achieve, in a sentence"),
    tone: z.enum(TONES).optional().describe("The store's own unless told"),
  })
  .meta({ examples: [{ channel: "email", locale: "en", purpose: "A first friendly reminder" }] });
export type DraftInput = z.infer<typeof draftInput>;

export const draftView = z
  .object({
    channel,
    locale: z.string().describe("What it is written in: a built-in draft may know English or German only"),
    subject: z.string().describe("The title of a push message, the headline of an offer; empty for an SMS"),
    html: z.string(),
    text: z.string(),
    source: z.enum(["model", "built_in"]).describe("`built_in`: no model wrote it"),
    model: z.string().nullable(),
    reason: z
      .string()
      .nullable()
      .describe("Why no model wrote it: `ai_off`, `budget_spent`, `circuit_open`, `timeout`, `unusable`, …"),
  })
  .meta({ id: "TemplateDraft" });
export type DraftView = z.infer<typeof draftView>;
