/** From what happened to the steps of a campaign. One journey for each trigger and generation: whoever enters first stays. Pure. */
import { derivedId } from "../../shared/ids.ts";
import { pickVariant } from "../../shared/measure/assign.ts";
import { exponent } from "../../shared/money.ts";
import { matches } from "../../shared/policy/conditions.ts";
import {
  attributionMs,
  type Campaign,
  isDeleted,
  MESSAGE_CHANNELS,
  type Step,
  type Trigger,
} from "../../shared/policy/rules.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import type { Note } from "./commands.ts";
import { append, find, pause } from "./ledger.ts";
import { isReachable, shopperOf } from "./reach.ts";
import type { CartState, Effect, Facts, Journey, Moment, Process } from "./state.ts";

/** A moment on the page is answered for this long; what is told later is history. */
const MOMENT_MS = 10 * MINUTE_MS;
const DEFAULT_THRESHOLD = 0.7;
const FALLBACK_MS = 4 * HOUR_MS;
const MOMENTS: readonly Moment[] = [
  "payment_failed",
  "exit_intent",
  "checkout_hesitation",
  "price_drop",
  "back_in_stock",
];

/** What conditions of campaigns and steps may ask about. Amounts are in whole units of the cart's currency. */
export function subjectOf({ facts, prediction, process }: CartState, campaignId = ""): Record<string, unknown> {
  const amount = facts.totalMinor / 10 ** exponent(facts.currency ?? "EUR");
  const mine = process.effects.filter((e) => e.campaignId === campaignId && e.generation === process.generation);
  const reached = (...statuses: string[]): boolean => mine.some((e) => statuses.includes(e.status));
  return {
    total: { amount, currency: facts.currency },
    itemCount: facts.items.reduce((sum, item) => sum + item.quantity, 0),
    items: facts.items.map(({ productId, category, quantity }) => ({ productId, category, quantity })),
    stage: facts.stage,
    paymentFailures: facts.paymentFailures,
    coupons: facts.coupons,
    generation: process.generation,
    device: facts.device,
    shopper: {
      email: facts.person.email,
      phone: facts.person.phone,
      name: facts.person.name,
      locale: facts.locale,
      timezone: facts.timezone,
    },
    prediction: {
      purchaseProbability: prediction.purchaseProbability,
      abandonmentRisk: 1 - prediction.purchaseProbability,
    },
    journey: {
      sent: mine.filter((e) => e.sentAt !== null).length,
      opened: reached("opened", "clicked"),
      clicked: reached("clicked"),
      returned: facts.lifeAt > process.leftLifeAt && process.leftLifeAt > 0,
    },
  };
}

/** There is something in it, and it can still be bought: only of such a cart may anything be said. */
export const isOpenCart = ({ facts, process }: CartState): boolean =>
  facts.closedAt === null && facts.items.length > 0 && process.status !== "expired" && process.status !== "merged";

export const journeyOf = (process: Process, effect: Effect): Journey | undefined =>
  process.journeys.find((j) => j.campaign.id === effect.campaignId && j.generation === effect.generation);

/** Enters what new facts ask for: moments on the page, a high risk, a time that begins to run. */
export function enterByFacts(state: CartState, now: number, notes: Note[]): Process {
  if (!isOpenCart(state)) return state.process;
  let { process } = state;
  const wanted = new Set(state.rules.campaigns.map((c) => c.trigger));
  const try_ = (trigger: Trigger): void => {
    if (wanted.has(trigger)) process = enter({ ...state, process }, trigger, now, notes);
  };
  for (const moment of MOMENTS) {
    const at = state.facts.moments[moment];
    if (at !== undefined && now - at <= MOMENT_MS) try_(moment);
  }
  if (process.status === "active") try_("prediction_high");
  try_("time_based");
  return process;
}

/** Enters the first campaign of this trigger whose conditions hold and plans all of its steps. */
export function enter(state: CartState, trigger: Trigger, at: number, notes: Note[]): Process {
  const { process, rules } = state;
  if (process.journeys.some((j) => j.campaign.trigger === trigger)) return process;
  // Of the other triggers a cart hears with every beacon: what passes over it then is no news.
  const told = trigger === "cart_abandoned" ? notes : [];
  for (const campaign of rules.campaigns) {
    if (campaign.trigger !== trigger) continue;
    if (!isWanted(state, campaign)) {
      told.push({
        code: "campaign_skipped",
        text: `Campaign “${campaign.name}” passed over: its conditions do not hold`,
      });
      continue;
    }
    const effects = campaign.steps
      .map((step) => plan(state, campaign, step, at))
      .filter((effect) => !find(process, effect.id)); // a regrouped generation plans nothing twice
    notes.push({ code: "journey_entered", text: `Entered campaign “${campaign.name}” (version ${campaign.version})` });
    for (const effect of effects) notes.push(planned(effect));
    const journey: Journey = { campaign, generation: process.generation, enteredAt: at, exit: null };
    return append({ ...process, journeys: [...process.journeys, journey] }, effects);
  }
  told.push({ code: "no_campaign", text: "No campaign wants this cart: nothing will be sent" });
  return process;
}

function isWanted(state: CartState, campaign: Campaign): boolean {
  const risk = 1 - state.prediction.purchaseProbability;
  if (campaign.trigger === "prediction_high" && risk < (campaign.threshold ?? DEFAULT_THRESHOLD)) return false;
  return matches(campaign.conditions, subjectOf(state, campaign.id));
}

/** Why a step is not wanted any more, judged when it is due and again when it is claimed. `null`: it is. */
export function unwanted(state: CartState, effect: Effect): string | null {
  const journey = journeyOf(state.process, effect);
  if (!journey) return null; // of an earlier generation: the purchase fence is closed to it anyway
  if (journey.exit !== null) return journey.exit;
  const { campaign } = journey;
  if (isDeleted(state.rules, campaign.id)) return "campaign_deleted";
  const subject = subjectOf(state, campaign.id);
  if (campaign.exit && Object.keys(campaign.exit).length > 0 && matches(campaign.exit, subject)) return "exit";
  const step = campaign.steps.find((s) => s.id === effect.stepId);
  if (!matches(step?.conditions, subject)) return "conditions";
  const risk = 1 - state.prediction.purchaseProbability;
  const receded = campaign.trigger === "prediction_high" && risk < (campaign.threshold ?? DEFAULT_THRESHOLD);
  return receded ? "risk_receded" : null;
}

const planned = ({ deliveryId, stepId, variantId, probability }: Effect): Note => {
  const chosen = probability < 1 ? `: variant “${variantId}”, by a probability of ${probability.toFixed(3)}` : "";
  return { code: "scheduled", text: `Message of step “${stepId}” planned${chosen}`, deliveryId };
};

function plan(state: CartState, campaign: Campaign, step: Step, at: number): Effect {
  const id = `g${state.process.generation}.${campaign.id}.${step.id}`;
  // The same shopper always gets the same variant of a step, as long as the weights stay.
  const variant = pickVariant(step.variants, `${state.storeId}/${campaign.id}/${step.id}/${shopperOf(state)}`);
  const delayMs = Math.round(step.delayMinutes * MINUTE_MS);
  const channels = channelsOf(step);
  return {
    id,
    deliveryId: deliveryIdOf(state, id),
    generation: state.process.generation,
    campaignId: campaign.id,
    campaignVersion: campaign.version,
    stepId: step.id,
    variantId: variant.id,
    probability: variant.probability,
    templateId: variant.templateId,
    templates: variant.templates ?? {},
    channel: channels[0] ?? "onsite",
    channels,
    fallbackMs: step.channel === "all" ? fallbackMs(step) : null,
    trigger: campaign.trigger,
    priority: campaign.priority,
    coupon: step.coupon ?? null,
    delayMs,
    holdout: campaign.holdout,
    windowMs: attributionMs(campaign),
    credit: campaign.goal.attribution,
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

const deliveryIdOf = ({ storeId, cartId, facts }: CartState, effectId: string): string =>
  derivedId("dl", `${storeId}/${cartId}/${facts.firstAt}/${effectId}`);

const fallbackMs = ({ fallbackMinutes }: Step): number =>
  fallbackMinutes === undefined ? FALLBACK_MS : Math.round(fallbackMinutes * MINUTE_MS);

function channelsOf({ channel }: Step): Effect["channels"] {
  if (channel === "onsite") return [];
  return channel === "all" ? [...MESSAGE_CHANNELS] : [channel];
}

/** When an unanswered message of a step of channel `all` is followed by one on the next channel; `null`: never. */
export function followsAt({ facts }: { facts: Facts }, effect: Effect): number | null {
  if (effect.fallbackMs === null || effect.channels.length < 2) return null;
  const last = effect.history.at(-1)?.at ?? 0;
  if (effect.status === "failed" || effect.status === "bounced") return last;
  const unanswered = ["sent", "delivered", "opened"].includes(effect.status) && facts.lifeAt <= (effect.sentAt ?? 0);
  return unanswered && effect.sentAt !== null ? effect.sentAt + effect.fallbackMs : null;
}

/** The same step on the channels that are left. The unanswered message waits no longer. */
export function follow(state: CartState, effect: Effect, now: number, notes: Note[]): Process {
  const channels = effect.channels.filter((c) => c !== effect.channel);
  const id = `g${effect.generation}.${effect.campaignId}.${effect.stepId}~${3 - channels.length + 1}`;
  const process: Process = {
    ...state.process,
    effects: state.process.effects.map((e) => (e.id === effect.id ? { ...effect, fallbackMs: null } : e)),
  };
  const [channel] = channels.filter((left) => isReachable(state, left));
  if (channel === undefined || find(process, id)) return process;
  const { account: _, doubtful: __, ...step } = effect;
  const next: Effect = {
    ...step,
    id,
    deliveryId: deliveryIdOf(state, id),
    channel,
    channels,
    status: "scheduled",
    dueAt: now,
    dispatches: 0,
    attempts: 0,
    claimedAt: null,
    sentAt: null,
    provider: null,
    resumable: false,
    history: [{ status: "scheduled", at: now, reason: "unanswered" }],
    exposure: null,
  };
  notes.push({
    code: "scheduled",
    text: `Unanswered by ${effect.channel}: the next channel`,
    deliveryId: next.deliveryId,
  });
  const followed = append(process, [next]);
  // A shopper who is back is left alone: it waits like every other unsent step.
  return process.status === "active" ? pause(followed) : followed;
}
