/**
 * The cart's one decision function: what a command does to a cart under the store's rules. Pure: the clock is data
 * (`command.now`), nothing is read or written. The shell (cart.ts) commits what it returns; `explain` replays it.
 */
import type { CartEvent, EventType } from "../../shared/events/types.ts";
import { stableHash } from "../../shared/ids.ts";
import { isHeldOut } from "../../shared/measure/assign.ts";
import { predict } from "../../shared/model/baseline.ts";
import { attributionMs, type Rules } from "../../shared/policy/rules.ts";
import type { Command, Decision, Note, Outcome, Received } from "./commands.ts";
import { apply, before, fold, foreign } from "./fold.ts";
import { enter } from "./journey.ts";
import * as ledger from "./ledger.ts";
import { reconcile } from "./reconcile.ts";
import type { CartState, Effect, Process } from "./state.ts";
import { abandonAt, canBeAbandoned, isTerminal, jitterMs } from "./timers.ts";
import { shopperOf } from "./view.ts";

export function decide(before: CartState, command: Command, rules: Rules): Decision {
  // A gateway may still hold older rules than the cart was woken with: they do not turn back.
  const state = rules.version > before.rules.version ? { ...before, rules } : before;
  switch (command.type) {
    case "receive":
      return receive(state, command.events, command.now);
    case "wake":
      return wake(state, command.now);
    case "claim":
      return claim(state, command);
    case "settle":
      return settle(state, command.effectId, command.outcome, command.now);
    case "hold":
      return hold(state, command);
    case "report":
      return report(state, command);
    case "revoke_links":
      return accept(state, { ...state.process, linksRevokedAt: command.now }, [
        { code: "links_revoked", text: "Recovery links revoked" },
      ]);
  }
}

const accept = (state: CartState, process: Process, notes: Note[], more: Partial<Decision> = {}): Decision => ({
  state: { ...state, process },
  notes,
  learned: [],
  dispatch: [],
  ...more,
});

const reject = (state: CartState, rejection: string): Decision => ({
  state,
  notes: [],
  learned: [],
  dispatch: [],
  rejection,
});

/** Ids are known by a 53-bit hash: a set of ten thousand fits a snapshot row. */
export const idHash = (id: string): number => stableHash(id, 3);

/** The largest re-fold window; see `CartState.weight`. */
export const MAX_WEIGHT = 20_000;
/** What a flood is made of, and what is refused at the bound; orders, consent and the like have room beyond it. */
const BULK: ReadonlySet<EventType> = new Set<EventType>([
  "page_viewed",
  "collection_viewed",
  "search_submitted",
  "product_viewed",
  "product_added_to_cart",
  "cart_viewed",
  "cart_updated",
  "exit_intent_detected",
  "offer_shown",
  "offer_dismissed",
]);
export const weightOf = (event: CartEvent): number => 1 + (event.items?.length ?? 0);

/** Fold new events; refuse what cannot belong to this cart; then act on what they mean. */
function receive(state: CartState, events: CartEvent[], now: number): Decision {
  const known = new Set(state.known);
  const learned: CartEvent[] = [];
  const received: Received = { accepted: 0, duplicates: 0, rejected: [] };
  let { facts } = state;
  let window = state.events;
  let { weight } = state;
  for (const event of events) {
    const hash = idHash(event.id);
    if (known.has(hash)) {
      received.duplicates += 1;
      continue;
    }
    weight += weightOf(event);
    if (weight > (BULK.has(event.type) ? MAX_WEIGHT : 2 * MAX_WEIGHT)) {
      weight -= weightOf(event);
      received.rejected.push({
        id: event.id,
        code: "TOO_MANY_REQUESTS",
        message: "too many events for one cart at once",
      });
      continue;
    }
    if (event.type === "product_added_to_cart" && facts.closedAt === null && foreign(facts, event)) {
      const message = `the cart holds ${facts.currency}, the event ${event.currency}: currencies are not added up`;
      received.rejected.push({ id: event.id, code: "CONFLICT", message });
      continue;
    }
    known.add(hash);
    learned.push(event);
    const last = window.at(-1);
    if (!last || before(last, event)) {
      window = [...window, event];
      facts = apply(facts, event);
    } else {
      window = insert(window, event);
      facts = fold(state.base, window);
    }
  }
  received.accepted = learned.length;
  const usage = {
    accepted: state.usage.accepted + received.accepted,
    duplicates: state.usage.duplicates + received.duplicates,
    rejected: state.usage.rejected + received.rejected.length,
  };
  if (learned.length === 0) return { ...reject({ ...state, usage }, ""), rejection: undefined, received };
  const next = { ...state, events: window, weight, known, facts, usage, prediction: predict(facts, now) };
  const notes: Note[] = [];
  const process = reconcile(next, now, notes);
  return accept(next, process, notes, { learned, received });
}

function insert(window: CartEvent[], event: CartEvent): CartEvent[] {
  let low = 0;
  let high = window.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(window[middle]!, event)) low = middle + 1;
    else high = middle;
  }
  return window.toSpliced(low, 0, event);
}

/** The alarm rang: do whatever is due by now. A timer is a hint, never a fact; too early is harmless. */
function wake(given: CartState, now: number): Decision {
  const notes: Note[] = [];
  const dispatch: Effect[] = [];
  let state = given;
  const last = Math.max(state.facts.lastReceivedAt, state.process.expiredAt ?? 0);
  if (isTerminal(state)) {
    if (last > 0 && now >= last + state.rules.retentionMs)
      return { ...accept(state, state.process, notes), forget: true };
  } else if (last > 0 && now >= last + state.rules.expireAfterMs) {
    return expire(state, now, notes);
  }
  if (canBeAbandoned(state) && now >= abandonAt(state)) state = { ...state, process: abandon(state, now, notes) };
  for (const effect of state.process.effects) {
    const moved = due(state, effect, now, notes, dispatch);
    if (moved !== effect) state = { ...state, process: ledger.put(state.process, moved) };
  }
  if (state === given) return { ...reject(given, "not_due") };
  return accept(state, state.process, notes, { dispatch });
}

function abandon(state: CartState, now: number, notes: Note[]): Process {
  const { process, facts } = state;
  const idle = Math.round((now - facts.lifeAt) / 1000);
  notes.push({
    code: "abandoned",
    text: `Abandoned: no sign of life for ${idle} s with ${facts.items.length} item(s) in it`,
  });
  const left: Process = {
    ...process,
    status: "abandoned",
    abandonedAt: now,
    leftLifeAt: facts.lifeAt,
    abandonments: process.abandonments + 1,
  };
  if (left.journey) return ledger.resume(left, now);
  return enter({ ...state, process: left }, now, notes);
}

function expire(state: CartState, now: number, notes: Note[]): Decision {
  notes.push({ code: "expired", text: "Expired: idle for too long" });
  const process = ledger.cancelScheduled(state.process, now, "expired", notes);
  return accept(state, { ...process, status: "expired", expiredAt: now, leftLifeAt: state.facts.lifeAt }, notes);
}

/** One effect at a wake: hand it to the sender, hand it over again, or park it. */
function due(state: CartState, effect: Effect, now: number, notes: Note[], dispatch: Effect[]): Effect {
  const { deliveryId } = effect;
  if (effect.status === "scheduled" && effect.dueAt !== null && now >= effect.dueAt) {
    if (!state.facts.person.email) {
      if (effect.history.at(-1)?.reason === "no_address") return { ...effect, dueAt: null };
      notes.push({ code: "no_address", text: "No e-mail address yet: the message waits for one", deliveryId });
      return { ...ledger.move(effect, "scheduled", now, "no_address"), dueAt: null };
    }
    if (effect.dispatches >= ledger.MAX_DISPATCHES) {
      notes.push({ code: "failed", text: "Given up: no sender took the message", deliveryId });
      return { ...ledger.move(effect, "failed", now, "not_taken"), dueAt: null };
    }
    const exposure = effect.exposure ?? exposed(state, effect, now);
    const next = { ...redispatch(state, effect, now), exposure };
    dispatch.push(next);
    const shadow = exposure?.arm === "held_out" ? " as a shadow: the shopper is held out" : "";
    if (effect.dispatches === 0) notes.push({ code: "dispatched", text: `Handed to the sender${shadow}`, deliveryId });
    return next;
  }
  if (effect.status !== "claimed" || now < (effect.dueAt ?? (effect.claimedAt ?? 0) + ledger.CLAIM_TIMEOUT_MS))
    return effect;
  if (effect.resumable && effect.dispatches < ledger.MAX_DISPATCHES && isCurrent(state, effect)) {
    const next = redispatch(state, effect, now);
    dispatch.push(next);
    return next;
  }
  notes.push({ code: "unknown", text: "The sender never answered: parked, not sent again", deliveryId });
  return { ...ledger.move(effect, "unknown", now, "no_answer"), dueAt: null };
}

/**
 * Both arms are measured from the same moment, the first message that is due, and before anybody knows whether it may go
 * out: quiet hours, caps and providers would otherwise delay the treated alone.
 */
function exposed(state: CartState, effect: Effect, at: number): Effect["exposure"] {
  const { journey } = state.process;
  if (!journey) return null;
  const shopperId = shopperOf(state);
  const arm = isHeldOut(state.storeId, effect.campaignId, shopperId, effect.holdout) ? "held_out" : "treated";
  return { at, shopperId, arm, windowMs: attributionMs(journey.campaign) };
}

function redispatch(state: CartState, effect: Effect, now: number): Effect {
  const wait = ledger.backoff(ledger.REDISPATCH_MS, effect.dispatches);
  return { ...effect, dispatches: effect.dispatches + 1, dueAt: now + wait + jitterMs(state.cartId, wait) };
}

/** The purchase fence: the effect belongs to the generation that is still open. */
const isCurrent = ({ facts }: CartState, effect: Effect): boolean =>
  facts.closedAt === null && effect.generation === facts.generation;

/** The point of no return. Whoever gets the claim may call the provider, once. */
function claim(state: CartState, command: Extract<Command, { type: "claim" }>): Decision {
  const { now, effectId, provider, resumable, account } = command;
  const effect = ledger.find(state.process, effectId);
  if (!effect) return reject(state, "unknown_effect");
  const honoured = effect.resumable && resumable && effect.provider === provider && effect.account === account;
  const again = effect.status === "claimed" && honoured && now >= (effect.claimedAt ?? 0) + ledger.RESUME_MS;
  if (effect.status !== "scheduled" && !again) return reject(state, `already_${effect.status}`);
  const refusal = whyNot(state, effect, now);
  if (refusal === "not_due" || refusal === "no_address") return reject(state, refusal);
  if (refusal && again) return park(state, effect, now, refusal);
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
    ...(again ? effect : ledger.move(effect, "claimed", now)),
    claimedAt: now,
    provider,
    resumable,
    ...(account === undefined ? {} : { account }),
    dueAt: resumable ? now + ledger.RESUME_MS : null,
  };
  const process: Process = { ...ledger.put(state.process, claimed), status: "recovering" };
  return accept(state, process, [{ code: "claimed", text: `Sending by ${provider}`, deliveryId: effect.deliveryId }], {
    claimed,
  });
}

/** Something forbids the message between a claim and its lost answer: nobody knows whether it went out. */
function park(state: CartState, effect: Effect, now: number, refusal: string): Decision {
  const process = ledger.put(state.process, { ...ledger.move(effect, "unknown", now, refusal), dueAt: null });
  const text = `Outcome unknown, and not asked again: ${refusal}`;
  return { ...accept(state, process, [{ code: "unknown", text, deliveryId: effect.deliveryId }]), rejection: refusal };
}

/** Why a message must not be sent now, judged on the live cart. */
function whyNot(state: CartState, effect: Effect, now: number): string | null {
  const { facts, process } = state;
  if (!isCurrent(state, effect)) return "purchased";
  if (facts.items.length === 0) return "cart_emptied";
  if (facts.consent.email?.value === "denied") return "no_consent";
  if (process.status !== "abandoned" && process.status !== "recovering") return "not_due";
  if (effect.status === "scheduled" && (effect.dueAt === null || (effect.dispatches === 0 && now < effect.dueAt)))
    return "not_due";
  if (!facts.person.email) return "no_address";
  return null;
}

/** The provider's answer. A second answer for the same effect changes nothing. */
function settle(state: CartState, effectId: string, outcome: Outcome, now: number): Decision {
  const effect = ledger.find(state.process, effectId);
  if (!effect) return reject(state, "unknown_effect");
  if (effect.status !== "claimed" && effect.status !== "unknown") return reject(state, `already_${effect.status}`);
  const { deliveryId } = effect;
  if (outcome.kind === "refused") {
    const after = ledger.afterFailure(
      { ...effect, provider: outcome.provider },
      now,
      outcome.reason,
      outcome.retryable && isCurrent(state, effect),
      outcome.retryAfterMs,
    );
    const text =
      after.status === "failed" ? `Not sent: ${outcome.reason}` : `Not sent yet: ${outcome.reason}; trying again`;
    const process = ledger.put(state.process, after);
    // A shopper who is back is left alone: the retry waits like every other unsent step.
    return accept(state, process.status === "active" ? ledger.pause(process) : process, [
      { code: after.status === "failed" ? "failed" : "retry", text, deliveryId },
    ]);
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

/** The shopper's arbiter refused or postponed. */
function hold(state: CartState, command: Extract<Command, { type: "hold" }>): Decision {
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
function report(state: CartState, command: Extract<Command, { type: "report" }>): Decision {
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
