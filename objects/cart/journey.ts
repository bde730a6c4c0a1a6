/** From an abandoned cart to the steps of a campaign. One journey a generation: whoever enters first stays. Pure. */
import { derivedId, stableUnit } from "../../shared/ids.ts";
import { exponent } from "../../shared/money.ts";
import { matches } from "../../shared/policy/conditions.ts";
import { attributionMs, type Campaign, type Step } from "../../shared/policy/rules.ts";
import { MINUTE_MS } from "../../shared/time.ts";
import type { Note } from "./commands.ts";
import { append, find, wasSent } from "./ledger.ts";
import type { Attribution, CartState, Effect, Process } from "./state.ts";

/** What conditions of campaigns and steps may ask about. Amounts are in whole units of the cart's currency. */
export function subjectOf({ facts, prediction, process }: CartState): Record<string, unknown> {
  const amount = facts.totalMinor / 10 ** exponent(facts.currency ?? "EUR");
  return {
    total: { amount, currency: facts.currency },
    itemCount: facts.items.reduce((sum, item) => sum + item.quantity, 0),
    items: facts.items.map(({ productId, category, quantity }) => ({ productId, category, quantity })),
    stage: facts.stage,
    coupons: facts.coupons,
    generation: process.generation,
    shopper: { email: facts.person.email, name: facts.person.name, locale: facts.locale, timezone: facts.timezone },
    prediction: {
      purchaseProbability: prediction.purchaseProbability,
      abandonmentRisk: 1 - prediction.purchaseProbability,
    },
  };
}

/** Enters the first campaign whose conditions hold and plans all of its steps. */
export function enter(state: CartState, at: number, notes: Note[]): Process {
  const subject = subjectOf(state);
  for (const campaign of state.rules.campaigns) {
    if (campaign.trigger !== "cart_abandoned") continue;
    if (!matches(campaign.conditions, subject)) {
      notes.push({
        code: "campaign_skipped",
        text: `Campaign “${campaign.name}” passed over: its conditions do not hold`,
      });
      continue;
    }
    const effects = campaign.steps
      .filter((step) => matches(step.conditions, subject))
      .map((step) => plan(state, campaign, step, at))
      .filter((effect) => !find(state.process, effect.id)); // a regrouped generation plans nothing twice
    notes.push({ code: "journey_entered", text: `Entered campaign “${campaign.name}” (version ${campaign.version})` });
    for (const { deliveryId, stepId } of effects) {
      notes.push({ code: "scheduled", text: `Message of step “${stepId}” planned`, deliveryId });
    }
    return append({ ...state.process, journey: { campaign, enteredAt: at, exit: null } }, effects);
  }
  notes.push({ code: "no_campaign", text: "No campaign wants this cart: nothing will be sent" });
  return state.process;
}

function plan(state: CartState, campaign: Campaign, step: Step, at: number): Effect {
  const id = `g${state.process.generation}.${campaign.id}.${step.id}`;
  const name = `${state.storeId}/${state.cartId}/${state.facts.firstAt}/${id}`;
  const variant = pickVariant(
    step,
    `${state.storeId}/${campaign.id}/${step.id}/${state.facts.visitorId ?? state.cartId}`,
  );
  const delayMs = Math.round(step.delayMinutes * MINUTE_MS);
  return {
    id,
    deliveryId: derivedId("dl", name),
    generation: state.process.generation,
    campaignId: campaign.id,
    campaignVersion: campaign.version,
    stepId: step.id,
    variantId: variant.id,
    templateId: variant.templateId,
    channel: "email",
    delayMs,
    holdout: campaign.holdout,
    status: "scheduled",
    dueAt: at + delayMs,
    dispatches: 0,
    attempts: 0,
    claimedAt: null,
    sentAt: null,
    provider: null,
    resumable: false,
    history: [{ status: "scheduled", at }],
  };
}

/** The same shopper always gets the same variant of a step. */
function pickVariant(step: Step, name: string): Step["variants"][number] {
  const weights = step.variants.reduce((sum, v) => sum + v.weight, 0);
  let point = stableUnit(name) * weights;
  for (const variant of step.variants) {
    point -= variant.weight;
    if (point < 0) return variant;
  }
  return step.variants[0]!;
}

/**
 * Which message an order acknowledged at `at` is owed to: the last clicked one within the goal's window, else the last
 * one sent in it. `null`: none, so the cart was merely purchased.
 */
export function attribute({ facts, process }: CartState, at: number): Attribution | null {
  const previous = process.closed.at(-1)?.at ?? 0;
  const windowMs = process.journey ? attributionMs(process.journey.campaign) : 0;
  const sent = process.effects.filter(
    (e) => wasSent(e) && e.sentAt !== null && e.sentAt > previous && e.sentAt <= at && at - e.sentAt <= windowMs,
  );
  if (sent.length === 0) return null;
  const lastClick = facts.clicks.filter((c) => sent.some((e) => e.deliveryId === c.deliveryId)).at(-1)?.deliveryId;
  const clicked = sent.find((e) => e.deliveryId === lastClick) ?? sent.findLast((e) => e.status === "clicked");
  const effect = clicked ?? sent.at(-1);
  if (!effect) return null;
  const { campaignId, deliveryId } = effect;
  return { campaignId, deliveryId, model: clicked ? "last_click" : "last_touch" };
}
