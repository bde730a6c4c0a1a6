/**
 * The cart's one decision function: what a command does to a cart under the store's rules. Pure: the clock is data
 * (`command.now`), nothing is read or written. The shell (cart.ts) commits what it returns; `explain` replays it.
 */
import type { CartEvent, EventType } from "../../shared/events/types.ts";
import { stableHash } from "../../shared/ids.ts";
import type { Moment } from "../../shared/model/features.ts";
import type { ShopperHistory } from "../../shared/model/history.ts";
import type { Predictor } from "../../shared/model/prediction.ts";
import { prior } from "../../shared/model/prior.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { advise } from "./advice.ts";
import { accept, claim, hold, isCurrent, reject, report, settle } from "./claims.ts";
import type { Command, Decision, Note, Received } from "./commands.ts";
import { exposed } from "./exposure.ts";
import { before, EventWindow, foreign } from "./fold.ts";
import { enter, enterByFacts, follow, followsAt, isOpenCart, unwanted } from "./journey.ts";
import * as ledger from "./ledger.ts";
import { offer, standing } from "./onsite.ts";
import { canReach } from "./reach.ts";
import { reconcile } from "./reconcile.ts";
import type { CartState, Effect, Process } from "./state.ts";
import { abandonAt, canBeAbandoned, isTerminal, jitterMs, mayForget } from "./timers.ts";

/** `predict`: the model that scores this cart; when a log is replayed, what was predicted then. */
export function decide(before: CartState, command: Command, rules: Rules, predict: Predictor = prior): Decision {
  // A gateway may still hold older rules than the cart was woken with: they do not turn back.
  const state = rules.version > before.rules.version ? { ...before, rules } : before;
  switch (command.type) {
    case "receive":
      return receive(told(state, command), command.events, command.now, predict);
    case "wake":
      return wake(state, command.now, predict);
    case "claim":
      return claim(state, command);
    case "settle":
      return settle(state, command);
    case "hold":
      return hold(state, command);
    case "report":
      return report(state, command);
    case "advise":
      return advise(state, command);
    case "revoke_links":
      return accept(state, { ...state.process, linksRevokedAt: command.now }, [
        { code: "links_revoked", text: "Recovery links revoked" },
      ]);
  }
}

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

/** What the shopper's arbiter said of their past, which came with these events. */
const told = (state: CartState, { history }: { history?: ShopperHistory }): CartState =>
  history ? { ...state, history } : state;

/** What the model looks at besides the facts. */
export const momentOf = ({ history, rules }: CartState, now: number): Moment => ({
  now,
  history,
  timeZone: rules.timezone,
});

/** Fold new events; refuse what cannot belong to this cart; then act on what they mean. */
function receive(state: CartState, events: CartEvent[], now: number, predict: Predictor): Decision {
  const known = new Set(state.known);
  const learned: CartEvent[] = [];
  const received: Received = { accepted: 0, duplicates: 0, rejected: [] };
  const window = new EventWindow(state.base, state.events, state.facts);
  let { weight } = state;
  for (const event of events.toSorted((a, b) => (before(a, b) ? -1 : 1))) {
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
    // Late ones come first, and are folded together: each is compared with what there was before all of them.
    const facts = window.precedes(event) ? state.facts : window.facts;
    if (event.type === "product_added_to_cart" && facts.closedAt === null && foreign(facts, event)) {
      const message = `the cart holds ${facts.currency}, the event ${event.currency}: currencies are not added up`;
      received.rejected.push({ id: event.id, code: "CONFLICT", message });
      continue;
    }
    known.add(hash);
    learned.push(event);
    window.add(event);
  }
  received.accepted = learned.length;
  const usage = {
    accepted: state.usage.accepted + received.accepted,
    duplicates: state.usage.duplicates + received.duplicates,
    rejected: state.usage.rejected + received.rejected.length,
  };
  if (learned.length === 0)
    return { ...reject({ ...state, usage }, ""), rejection: undefined, received, offers: standing(state, now) };
  const { facts } = window;
  const prediction = predict(facts, momentOf(state, now));
  const next = { ...state, events: window.events, weight, known, facts, usage, prediction };
  const notes: Note[] = [];
  let process = reconcile(next, now, notes);
  process = enterByFacts({ ...next, process }, now, notes);
  const shown = offer({ ...next, process }, now, notes);
  return accept(next, shown.process, notes, { learned, received, offers: shown.offers });
}

/** The alarm rang: do whatever is due by now. A timer is a hint, never a fact; too early is harmless. */
function wake(given: CartState, now: number, predict: Predictor): Decision {
  const notes: Note[] = [];
  const dispatch: Effect[] = [];
  let state = given;
  const last = Math.max(state.facts.lastReceivedAt, state.process.expiredAt ?? 0);
  if (!isTerminal(state) && last > 0 && now >= last + state.rules.expireAfterMs) return expire(state, now, notes);
  if (canBeAbandoned(state) && now >= abandonAt(state)) {
    state = { ...state, prediction: predict(state.facts, momentOf(state, now)) };
    state = { ...state, process: abandon(state, now, notes) };
  }
  for (const { id } of state.process.effects) {
    const effect = ledger.find(state.process, id)!;
    const process = due(state, effect, now, notes, dispatch);
    if (process !== state.process) state = { ...state, process };
  }
  if (state !== given) return accept(state, state.process, notes, { dispatch });
  const forget = mayForget(state) && last > 0 && now >= last + state.rules.retentionMs;
  return forget ? { ...accept(state, state.process, notes), forget: true } : reject(given, "not_due");
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
  return enter({ ...state, process: ledger.resume(left, now) }, "cart_abandoned", now, notes);
}

function expire(state: CartState, now: number, notes: Note[]): Decision {
  notes.push({ code: "expired", text: "Expired: idle for too long" });
  const process = ledger.cancelScheduled(state.process, now, "expired", notes);
  return accept(state, { ...process, status: "expired", expiredAt: now, leftLifeAt: state.facts.lifeAt }, notes);
}

/** One effect at a wake: hand it to the sender, hand it over again, follow it up, or park it. */
function due(state: CartState, effect: Effect, now: number, notes: Note[], dispatch: Effect[]): Process {
  const { process } = state;
  const { deliveryId } = effect;
  if (effect.channel === "onsite") return process;
  if (effect.status === "scheduled" && effect.dueAt !== null && now >= effect.dueAt)
    return handOver(state, effect, now, notes, dispatch);
  const followed = followsAt(state, effect);
  if (followed !== null && now >= followed && isCurrent(state, effect)) {
    const wanted = isOpenCart(state) && unwanted(state, effect) === null;
    return wanted ? follow(state, effect, now, notes) : ledger.put(process, { ...effect, fallbackMs: null });
  }
  if (effect.status !== "claimed" || now < (effect.dueAt ?? (effect.claimedAt ?? 0) + ledger.CLAIM_TIMEOUT_MS))
    return process;
  if (effect.resumable && effect.dispatches < ledger.MAX_DISPATCHES && isCurrent(state, effect)) {
    const next = redispatch(state, effect, now);
    dispatch.push(next);
    return ledger.put(process, next);
  }
  notes.push({ code: "unknown", text: "The sender never answered: parked, not sent again", deliveryId });
  return ledger.put(process, { ...ledger.move(effect, "unknown", now, "no_answer"), dueAt: null });
}

/** A message is due: to the sender, unless nobody wants it any more or nobody knows where to. */
function handOver(state: CartState, effect: Effect, now: number, notes: Note[], dispatch: Effect[]): Process {
  const { process } = state;
  const { deliveryId } = effect;
  const reason = unwanted(state, effect);
  if (reason !== null) {
    notes.push({ code: "cancelled", text: `Message cancelled: ${reason}`, deliveryId });
    const left = ledger.put(process, { ...ledger.move(effect, "cancelled", now, reason), dueAt: null });
    return reason === "exit" ? leave(left, effect, now, notes) : left;
  }
  if (!canReach(state, effect)) {
    const waiting = { ...effect, dueAt: null };
    if (effect.history.at(-1)?.reason === "no_address") return ledger.put(process, waiting);
    notes.push({ code: "no_address", text: "No address yet: the message waits for one", deliveryId });
    return ledger.put(process, ledger.move(waiting, "scheduled", now, "no_address"));
  }
  if (effect.dispatches >= ledger.MAX_DISPATCHES) {
    notes.push({ code: "failed", text: "Given up: no sender took the message", deliveryId });
    return ledger.put(process, { ...ledger.move(effect, "failed", now, "not_taken"), dueAt: null });
  }
  const exposure = effect.exposure ?? exposed(state, effect, now);
  const waits = ledger.waitsUntil(process, effect, now);
  if (waits !== null) {
    notes.push({ code: "held", text: "Held back: the step before it is", deliveryId });
    return ledger.put(process, { ...ledger.move(effect, "scheduled", now, "earlier_step"), dueAt: waits, exposure });
  }
  const next = { ...redispatch(state, effect, now), exposure };
  dispatch.push(next);
  const shadow = exposure.arm === "held_out" ? " as a shadow: the shopper is held out" : "";
  if (effect.dispatches === 0) notes.push({ code: "dispatched", text: `Handed to the sender${shadow}`, deliveryId });
  return ledger.put(process, next);
}

/** The journey of this effect is over: what it had planned is cancelled. */
function leave(process: Process, effect: Effect, now: number, notes: Note[]): Process {
  const mine = (e: Effect): boolean => e.campaignId === effect.campaignId && e.generation === effect.generation;
  const journeys = process.journeys.map((j) => (j.campaign.id === effect.campaignId ? { ...j, exit: "exit" } : j));
  return { ...ledger.cancelScheduled(process, now, "exit", notes, mine), journeys };
}

function redispatch(state: CartState, effect: Effect, now: number): Effect {
  const wait = ledger.backoff(ledger.REDISPATCH_MS, effect.dispatches);
  return { ...effect, dispatches: effect.dispatches + 1, dueAt: now + wait + jitterMs(state.cartId, wait) };
}
