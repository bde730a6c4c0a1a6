/**
 * A language model's proposal for a message that is planned: the cart follows it, within the bounds that its own rules set,
 * or refuses. What was claimed, cancelled or bought is past it, and a message that it put off or changed still passes the
 * purchase fence and the shopper's arbiter like every other. The model does not know who is held out: both arms of a
 * campaign are advised alike, so its results stay comparable. Pure.
 */

import { toMoney } from "../../shared/money.ts";
import { withoutLinks } from "../../shared/names.ts";
import { type Advice, type AdviceBrief, beyond, boundsOf, type Proposal } from "../../shared/policy/advice.ts";
import { wallClock } from "../../shared/policy/quiet-hours.ts";
import type { MessageChannel } from "../../shared/policy/rules.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { iso, MINUTE_MS } from "../../shared/time.ts";
import { accept, isCurrent, reject } from "./claims.ts";
import type { Command, Decision } from "./commands.ts";
import { isOpenCart, unwanted } from "./journey.ts";
import * as ledger from "./ledger.ts";
import { shopperOf, waysFor } from "./reach.ts";
import type { CartState, Effect } from "./state.ts";

/** Items that are told one by one, and characters of a name: what strangers wrote stays small. */
const MAX_ITEMS = 10;
const MAX_NAME = 80;
const MAX_CATEGORY = 40;

export function advise(state: CartState, { advice, now }: Extract<Command, { type: "advise" }>): Decision {
  const effect = ledger.find(state.process, advice.effectId);
  if (!effect) return reject(state, "unknown_effect");
  if (effect.advised)
    return effect.advised.id === advice.id ? accept(state, state.process, []) : reject(state, "already_advised");
  const late = tooLate(state, effect);
  if (late !== null) return reject(state, late);
  const policy = state.rules.advice;
  if (!policy) return reject(state, "adviser_off");
  const { proposal } = advice;
  const refusal = beyond(proposal, boundsOf(messageOf(state, effect), policy, state.facts.locale));
  if (refusal !== null) return reject(state, refusal);
  const process = ledger.put(state.process, followed(effect, advice, now));
  const text = `Adviser (${advice.model}) ${said(proposal)}: ${proposal.reason}`;
  return accept(state, process, [{ code: "advised", text, deliveryId: effect.deliveryId }]);
}

/** Why nothing can be advised about a message any more, or not now; `null`: it can. */
function tooLate(state: CartState, effect: Effect): string | null {
  if (effect.status !== "scheduled") return `already_${effect.status}`;
  if (effect.channel === "onsite") return "on_page";
  if (!isCurrent(state, effect)) return "purchased";
  if (!isOpenCart(state)) return "cart_emptied";
  // The shopper is back: it waits until they leave again, and follows from then.
  if (effect.dueAt === null) return "paused";
  return effect.dispatches > 0 || effect.attempts > 0 || effect.doubtful ? "under_way" : null;
}

const messageOf = (state: CartState, effect: Effect) => ({ channels: waysFor(state, effect), coupon: effect.coupon });

function followed(effect: Effect, { id, model, proposal }: Advice, now: number): Effect {
  const { action, delayMinutes = 0, channel, discountPercent } = proposal;
  const status = action === "skip" ? "cancelled" : "scheduled";
  // With a reason in its history: steps after one that was put off keep their distance.
  const advised: Effect = { ...ledger.move(effect, status, now, "advised"), advised: { id, model, proposal } };
  if (action === "skip") return { ...advised, dueAt: null };
  if (action === "wait")
    return { ...advised, dueAt: Math.max(effect.dueAt ?? 0, now) + Math.round(delayMinutes * MINUTE_MS) };
  if (action === "keep") return advised;
  const { coupon } = effect;
  return {
    ...advised,
    ...(channel === undefined ? {} : preferred(effect, channel)),
    coupon: coupon && discountPercent !== undefined ? { ...coupon, amount: discountPercent } : coupon,
  };
}

/** The arbiter still has the last word, and a step of channel `all` goes on by the others. */
const preferred = (effect: Effect, channel: MessageChannel): Pick<Effect, "channel" | "channels"> => ({
  channel,
  channels: [channel, ...effect.channels.filter((other) => other !== channel)],
});

function said({ action, delayMinutes, channel, discountPercent, tone }: Proposal): string {
  const parts = {
    keep: "keeps the plan",
    wait: `waits ${delayMinutes} minutes`,
    skip: "sends nothing",
    adjust: [channel && `prefers ${channel}`, discountPercent && `gives ${discountPercent}%`]
      .filter(Boolean)
      .join(", "),
  };
  return parts[action] + (tone ? `, tone ${tone}` : "");
}

/** What a model may know of the cart and of the next message that can still be advised about. */
export function briefOf(state: CartState, createdAt: number, now: number): Result<AdviceBrief> {
  const { facts, process, rules, prediction } = state;
  if (!rules.advice) return no("adviser_off");
  const open = process.effects.filter((e) => !e.advised && tooLate(state, e) === null && unwanted(state, e) === null);
  const [effect] = open.toSorted((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0));
  if (!effect) return no("nothing_planned");
  const message = messageOf(state, effect);
  if (message.channels.length === 0) return no("no_address");
  const currency = facts.currency ?? rules.storeCurrency;
  const minutes = (ms: number): number => Math.max(0, Math.round(ms / MINUTE_MS));
  const mine = process.effects.filter((e) => e.campaignId === effect.campaignId && e.generation === effect.generation);
  return ok({
    effectId: effect.id,
    generation: effect.generation,
    campaignId: effect.campaignId,
    stepId: effect.stepId,
    shopperId: shopperOf(state),
    abandonmentRisk: 1 - prediction.purchaseProbability,
    bounds: boundsOf(message, rules.advice, facts.locale),
    cart: {
      items: facts.items.slice(0, MAX_ITEMS).map(({ name, productId, category, quantity, priceMinor }) => ({
        name: cut(name ?? productId, MAX_NAME),
        category: category === null ? null : cut(category, MAX_CATEGORY),
        quantity,
        price: toMoney(priceMinor, currency).amount,
      })),
      moreItems: Math.max(0, facts.items.length - MAX_ITEMS),
      total: toMoney(facts.totalMinor, currency).amount,
      currency,
      stage: facts.stage,
      couponsTried: facts.coupons.length,
      paymentFailures: facts.paymentFailures,
      device: facts.device === null ? null : cut(facts.device, MAX_CATEGORY),
      ageMinutes: minutes(now - createdAt),
      idleMinutes: minutes(now - facts.lifeAt),
      abandonmentRisk: Math.round((1 - prediction.purchaseProbability) * 1e4) / 1e4,
      reasons: prediction.reasons.map(({ feature }) => feature),
    },
    plan: {
      trigger: effect.trigger,
      dueInMinutes: minutes((effect.dueAt ?? now) - now),
      dueAtLocalTime: clockAt(effect.dueAt ?? now, facts.timezone, rules.timezone),
      channels: message.channels,
      coupon: effect.coupon && { kind: effect.coupon.kind, amount: effect.coupon.amount },
      earlierMessages: mine
        .filter((e) => e.delayMs < effect.delayMs)
        .map(({ channel, status }) => ({ channel, status }))
        .slice(-MAX_ITEMS),
      laterMessages: mine.filter((e) => e.delayMs > effect.delayMs && e.status === "scheduled").length,
    },
  });
}

/** `14:05` where the shopper is, as far as they said; else where the store is. */
function clockAt(ms: number, zone: string | null, fallback: string): string {
  const wall = (zone === null ? null : wallClock(zone)) ?? wallClock(fallback) ?? ((at: number) => at);
  return iso(wall(ms)).slice(11, 16);
}

/** What a stranger may have written, short and in one line. */
const cut = (text: string, max: number): string => withoutLinks(text).slice(0, max);
