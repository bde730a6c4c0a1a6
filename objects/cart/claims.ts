/**
 * The ledger's commands: a claim is the point of no return, a settle its end; hold and report are what the arbiter, the
 * providers and the links told. Pure.
 */
import type { MessageChannel } from "../../shared/policy/rules.ts";
import type { Command, Decision, Note, Outcome } from "./commands.ts";
import { unwanted } from "./journey.ts";
import * as ledger from "./ledger.ts";
import { forgetAddress, isReachable } from "./reach.ts";
import type { CartState, Effect, Process } from "./state.ts";

export const accept = (state: CartState, process: Process, notes: Note[], more: Partial<Decision> = {}): Decision => ({
  state: { ...state, process },
  notes,
  learned: [],
  dispatch: [],
  ...more,
});

export const reject = (state: CartState, rejection: string): Decision => ({
  state,
  notes: [],
  learned: [],
  dispatch: [],
  rejection,
});

type Claim = Extract<Command, { type: "claim" }>;

/** The purchase fence: the effect belongs to the generation that is still open. */
export const isCurrent = ({ facts }: CartState, effect: Effect): boolean =>
  facts.closedAt === null && effect.generation === facts.generation;

/** The point of no return. Whoever gets the claim may call the provider, once. */
export function claim(state: CartState, command: Claim): Decision {
  const { now, effectId, provider, resumable, account } = command;
  const effect = ledger.find(state.process, effectId);
  if (!effect) return reject(state, "unknown_effect");
  const channel = command.channel ?? effect.channels[0]!;
  const same = effect.provider === provider && effect.account === account && effect.channel === channel;
  const honoured = effect.resumable && resumable && same;
  const again = effect.status === "claimed" && honoured && now >= (effect.claimedAt ?? 0) + ledger.RESUME_MS;
  if (effect.status !== "scheduled" && !again) return reject(state, `already_${effect.status}`);
  // Only who knows the key can tell whether it was sent already.
  if (effect.doubtful && !honoured)
    return { ...park(state, effect, now, "other_provider"), rejection: "other_provider" };
  const refusal = effect.channels.includes(channel) ? whyNot(state, effect, channel, command) : "no_such_channel";
  if (refusal === "not_due" || refusal === "no_address" || refusal === "no_such_channel") return reject(state, refusal);
  if (refusal && again) return { ...park(state, effect, now, refusal), rejection: refusal };
  if (refusal) {
    const process = ledger.put(state.process, { ...ledger.move(effect, "cancelled", now, refusal), dueAt: null });
    const note = {
      code: "cancelled",
      text: `Message cancelled at the last moment: ${refusal}`,
      deliveryId: effect.deliveryId,
    };
    return { ...accept(state, process, [note]), rejection: refusal };
  }
  const claimed: Effect = {
    ...(again ? { ...effect, doubtful: true as const } : ledger.move(effect, "claimed", now)),
    channel,
    claimedAt: now,
    provider,
    resumable,
    ...(account === undefined ? {} : { account }),
    dueAt: resumable ? now + ledger.RESUME_MS : null,
  };
  const { status } = state.process;
  const process: Process = {
    ...ledger.put(state.process, claimed),
    status: status === "abandoned" ? "recovering" : status,
  };
  return accept(state, process, [{ code: "claimed", text: `Sending by ${provider}`, deliveryId: effect.deliveryId }], {
    claimed,
  });
}

/** Something forbids the message between a claim and its lost answer: nobody knows whether it went out. */
function park(state: CartState, effect: Effect, now: number, refusal: string): Decision {
  const process = ledger.put(state.process, { ...ledger.move(effect, "unknown", now, refusal), dueAt: null });
  const text = `Outcome unknown, and not asked again: ${refusal}`;
  return accept(state, process, [{ code: "unknown", text, deliveryId: effect.deliveryId }]);
}

/** Why a message must not be sent now, judged on the live cart. */
function whyNot(state: CartState, effect: Effect, channel: MessageChannel, claim: Claim): string | null {
  const { facts, process } = state;
  const { now, consentedAt = 0 } = claim;
  const said = facts.consent[channel];
  if (!isCurrent(state, effect)) return "purchased";
  if (facts.items.length === 0) return "cart_emptied";
  if (said?.value === "denied" && said.at >= consentedAt) return "no_consent";
  const away = process.status === "abandoned" || process.status === "recovering";
  if (!away && (effect.trigger === "cart_abandoned" || process.status !== "active")) return "not_due";
  if (effect.status === "scheduled" && (effect.dueAt === null || (effect.dispatches === 0 && now < effect.dueAt)))
    return "not_due";
  if (!isReachable(state, channel)) return "no_address";
  return unwanted(state, effect);
}

/** The provider's answer. A second answer for the same effect changes nothing. */
export function settle(state: CartState, { effectId, outcome, now }: Extract<Command, { type: "settle" }>): Decision {
  const effect = ledger.find(state.process, effectId);
  if (!effect) return reject(state, "unknown_effect");
  if (effect.status !== "claimed" && effect.status !== "unknown") return reject(state, `already_${effect.status}`);
  const { deliveryId } = effect;
  if (outcome.kind === "refused") {
    // One call of several was refused: that says nothing of the one that was never answered.
    const told = effect.status === "unknown" && effect.doubtful;
    return told ? reject(state, "already_unknown") : settleRefused(state, effect, outcome, now);
  }
  if (outcome.kind === "unknown") {
    if (effect.status === "unknown") return reject(state, "already_unknown");
    const { provider, reason } = outcome;
    const parked = { ...ledger.move(effect, "unknown", now, reason), dueAt: null, provider };
    return accept(state, ledger.put(state.process, parked), [
      { code: "unknown", text: `Outcome unknown: ${outcome.reason}`, deliveryId },
    ]);
  }
  const status = isCurrent(state, effect) ? "sent" : "raced";
  const sent: Effect = { ...ledger.move(effect, status, now), sentAt: now, dueAt: null, provider: outcome.provider };
  const named = outcome.messageId ? ` as ${outcome.messageId}` : "";
  const text = status === "sent" ? `Sent by ${outcome.provider}${named}` : "Sent, but the order had come in between";
  return accept(state, ledger.put(state.process, sent), [{ code: status, text, deliveryId }]);
}

/** Surely not sent: again later, or given up. An address that is gone is not asked again, by any message. */
function settleRefused(
  state: CartState,
  effect: Effect,
  outcome: Extract<Outcome, { kind: "refused" }>,
  now: number,
): Decision {
  const { deliveryId } = effect;
  const after = ledger.afterFailure(
    { ...effect, provider: outcome.provider },
    now,
    outcome.reason,
    outcome.retryable && isCurrent(state, effect),
    outcome.retryAfterMs,
  );
  const text =
    after.status === "failed" ? `Not sent: ${outcome.reason}` : `Not sent yet: ${outcome.reason}; trying again`;
  let process = ledger.put(state.process, after);
  if (outcome.gone) process = forgetAddress(state, process, effect);
  // A shopper who is back is left alone: the retry waits like every other unsent step.
  return accept(state, process.status === "active" ? ledger.pause(process) : process, [
    { code: after.status === "failed" ? "failed" : "retry", text, deliveryId },
  ]);
}

/** The shopper's arbiter refused or postponed. */
export function hold(state: CartState, command: Extract<Command, { type: "hold" }>): Decision {
  const effect = ledger.find(state.process, command.effectId);
  if (!effect) return reject(state, "unknown_effect");
  if (effect.status !== "scheduled") return reject(state, `already_${effect.status}`);
  const { reason, until, now } = command;
  const { deliveryId } = effect;
  if (until !== null) {
    if (effect.dueAt === null) return reject(state, "not_due");
    const held = { ...ledger.move(effect, "scheduled", now, reason), dueAt: until, dispatches: 0 };
    return accept(state, ledger.put(state.process, held), [{ code: "held", text: `Held back: ${reason}`, deliveryId }]);
  }
  const suppressed = { ...ledger.move(effect, "suppressed", now, reason), dueAt: null };
  return accept(state, ledger.put(state.process, suppressed), [
    { code: "suppressed", text: `Not sent: ${reason}`, deliveryId },
  ]);
}

const RANK: Partial<Record<Effect["status"], number>> = {
  unknown: 0,
  sent: 1,
  delivered: 2,
  opened: 3,
  clicked: 4,
  bounced: 5,
  complained: 6,
};

/** A callback moves a sent message forward, never back; it also tells that a message of unknown fate was sent after all. */
export function report(state: CartState, command: Extract<Command, { type: "report" }>): Decision {
  const effect = state.process.effects.find((e) => e.deliveryId === command.deliveryId);
  if (!effect) return reject(state, "unknown_effect");
  if (effect.status === "claimed") return reject(state, "not_settled");
  const from = RANK[effect.status];
  const to = RANK[command.status];
  if (from === undefined || to === undefined || to <= from) return reject(state, "no_change");
  const moved = {
    ...ledger.move(effect, command.status, command.now, command.reason),
    sentAt: effect.sentAt ?? command.now,
  };
  const note = { code: command.status, text: `Message ${command.status}`, deliveryId: effect.deliveryId };
  return accept(state, ledger.put(state.process, moved), [note]);
}
