/**
 * What a model may look at and do: this cart, its shopper's past, the store's policy, what is left of the offer, and one
 * proposal. Which cart and store is closed over: no argument can name another. Results are JSON in which everything that
 * shoppers or the catalogue said is a quoted value, cut to size.
 */
import type { runWithTools } from "@cloudflare/ai-utils";
import {
  type AdviceBrief,
  type AiSettings,
  type BeyondBounds,
  beyond,
  MAX_REASON,
  type Proposal,
  proposalSchema,
  TONES,
} from "../../shared/policy/advice.ts";

export type LibraryTool = Parameters<typeof runWithTools>[2]["tools"][number];

/** What a result may have at most, in characters. */
const MAX_RESULT = 4_000;

/** Of everything the tools tell; read when it is asked for. */
export interface Sources {
  brief: AdviceBrief;
  settings: Pick<AiSettings, "tone" | "maxDiscountPercent">;
  /** When messages may go out, and how many. */
  limits: object;
  history(): Promise<object>;
  stock(): Promise<object>;
}

/** What was proposed, in the end. */
export class Verdict {
  proposal: Proposal | null = null;
  /** Why the last one was none, or not allowed. */
  refused: BeyondBounds | "unreadable" | null = null;
  /** The last one that could be read, allowed or not. */
  heard: Proposal | null = null;
}

export function toolsOf(sources: Sources, verdict: Verdict, done: () => void): LibraryTool[] {
  const { brief, settings, limits } = sources;
  const { bounds } = brief;
  return [
    looking(
      "get_cart",
      "The cart, its risk of being left for good, and the message that is planned for it.",
      async () => ({
        cart: brief.cart,
        plannedMessage: brief.plan,
      }),
    ),
    looking(
      "get_shopper_history",
      "What is known of the shopper's earlier carts, orders and answers to messages.",
      sources.history,
    ),
    looking("get_store_policy", "What you may propose for this message, and when messages may go out.", async () => ({
      allowed: { actions: ["keep", "wait", "skip", "adjust"], ...bounds, tones: TONES },
      preferredTone: settings.tone,
      ...limits,
    })),
    looking("get_offer_stock", "How many coupons the planned message's step has left.", sources.stock),
    proposing(bounds, verdict, done),
  ];
}

/** A tool without arguments: whatever the model gives is not looked at. */
const looking = (name: string, description: string, look: () => Promise<object>): LibraryTool => ({
  name,
  description,
  parameters: { type: "object", properties: {}, required: [] },
  function: async () => result(await look()),
});

function result(value: object): string {
  const text = JSON.stringify(value);
  return text.length <= MAX_RESULT ? text : JSON.stringify({ error: "too much to tell" });
}

const PROPERTIES = {
  action: { type: "string", description: "One of keep, wait, skip, adjust" },
  reason: { type: "string", description: `Why, in one sentence of at most ${MAX_REASON} characters` },
  delayMinutes: { type: "number", description: "For wait: by how many minutes the message is put off" },
  channel: { type: "string", description: "For adjust: the channel to prefer, one of those allowed" },
  discountPercent: { type: "number", description: "For adjust: what the coupon is worth, if a discount is allowed" },
  tone: { type: "string", description: `The tone that would suit: ${TONES.join(", ")}` },
  language: { type: "string", description: "The shopper's language, as the policy names it" },
};

/** Checked by the bounds, whatever led to it; one that is refused may be followed by a better one. */
const proposing = (bounds: AdviceBrief["bounds"], verdict: Verdict, done: () => void): LibraryTool => ({
  name: "propose",
  description: "Says what is to become of the planned message. Call it once, at the end.",
  parameters: { type: "object", properties: PROPERTIES, required: ["action", "reason"] },
  function: async (given: unknown) => {
    if (verdict.proposal) return result({ error: "a proposal was made already" });
    const parsed = proposalSchema.safeParse(given);
    if (!parsed.success) {
      verdict.refused = "unreadable";
      const fields = parsed.error.issues.map((issue) => issue.path.join(".") || "arguments");
      return result({ error: "unreadable", fields: fields.slice(0, 10) });
    }
    verdict.heard = parsed.data;
    verdict.refused = beyond(parsed.data, bounds);
    if (verdict.refused) return result({ error: verdict.refused, allowed: bounds });
    verdict.proposal = parsed.data;
    done();
    return result({ accepted: true });
  },
});
