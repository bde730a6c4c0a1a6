/** From an abandoned cart to the steps of a campaign. One journey a generation: whoever enters first stays. Pure. */
import type { AttributionModel } from "../../shared/events/messages.ts";
import { derivedId } from "../../shared/ids.ts";
import { pickVariant } from "../../shared/measure/assign.ts";
import { exponent } from "../../shared/money.ts";
import { matches } from "../../shared/policy/conditions.ts";
import { attributionMs, type Campaign, type Step } from "../../shared/policy/rules.ts";
import { MINUTE_MS } from "../../shared/time.ts";
import type { Note } from "./commands.ts";
import { append, find, wasSent } from "./ledger.ts";
import type { Attribution, CartState, Effect, Process } from "./state.ts";
import { shopperOf } from "./view.ts";

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
    for (const { deliveryId, stepId, variantId, probability } of effects) {
      const chosen = probability < 1 ? `: variant “${variantId}”, by a probability of ${probability.toFixed(3)}` : "";
      notes.push({ code: "scheduled", text: `Message of step “${stepId}” planned${chosen}`, deliveryId });
    }
    return append({ ...state.process, journey: { campaign, enteredAt: at, exit: null } }, effects);
  }
  notes.push({ code: "no_campaign", text: "No campaign wants this cart: nothing will be sent" });
  return state.process;
}

function plan(state: CartState, campaign: Campaign, step: Step, at: number): Effect {
  const id = `g${state.process.generation}.${campaign.id}.${step.id}`;
  const name = `${state.storeId}/${state.cartId}/${state.facts.firstAt}/${id}`;
  // The same shopper always gets the same variant of a step, as long as the weights stay.
  const variant = pickVariant(step.variants, `${state.storeId}/${campaign.id}/${step.id}/${shopperOf(state)}`);
  const delayMs = Math.round(step.delayMinutes * MINUTE_MS);
  return {
    id,
    deliveryId: derivedId("dl", name),
    generation: state.process.generation,
    campaignId: campaign.id,
    campaignVersion: campaign.version,
    stepId: step.id,
    variantId: variant.id,
    probability: variant.probability,
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
    exposure: null,
  };
}

/**
 * Which message an order acknowledged at `at` is owed to: of those sent within the goal's window before it the last one (or,
 * as the goal says, the first one) that was clicked, else opened, else sent. `null`: none, so the cart was merely purchased.
 */
export function attribute(state: CartState, at: number): Attribution | null {
  const { process } = state;
  const previous = process.closed.at(-1)?.at ?? 0;
  const windowMs = process.journey ? attributionMs(process.journey.campaign) : 0;
  const order = process.journey?.campaign.goal.attribution === "first" ? "first" : "last";
  const sent = process.effects.filter(
    (e) => wasSent(e) && e.sentAt !== null && e.sentAt > previous && e.sentAt <= at && at - e.sentAt <= windowMs,
  );
  for (const kind of ["click", "open", "touch"] as const) {
    const touches = touchesOf(kind, sent, state);
    const touch = order === "first" ? touches[0] : touches.at(-1);
    const model: AttributionModel = `${order}_${kind}`;
    if (touch) return { campaignId: touch.campaignId, deliveryId: touch.deliveryId, model };
  }
  return null;
}

/** The messages of which this is known to have happened, in the order in which it did. */
function touchesOf(kind: "click" | "open" | "touch", sent: readonly Effect[], { facts }: CartState): Effect[] {
  if (kind === "touch") return [...sent];
  const reported = (effect: Effect, status: string): number[] =>
    effect.history.filter((h) => h.status === status).map((h) => h.at);
  return sent
    .flatMap((effect) => {
      if (kind === "open") return reported(effect, "opened").map((at) => ({ at, effect }));
      const events = facts.clicks.filter((c) => c.deliveryId === effect.deliveryId).map((c) => c.at);
      return (events.length > 0 ? events : reported(effect, "clicked")).map((at) => ({ at, effect }));
    })
    .sort((a, b) => a.at - b.at)
    .map(({ effect }) => effect);
}
