/**
 * A recorded cart run again under other rules: what would have been sent, when, and why not. Its events come as they came
 * then; alarms ring on time, every provider answers, and the arbiter is the real one's decision. What a message changes in a
 * shopper nobody knows: events are those that happened. Pure.
 */
import type { Permit, Prospect } from "../../shared/events/messages.ts";
import type { Predictor } from "../../shared/model/prediction.ts";
import { permit, type Send } from "../../shared/policy/permit.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import type { SimulatedMessage, SimulatedNote, SimulationView } from "../../shared/simulation.ts";
import { iso } from "../../shared/time.ts";
import type { Command, Decision } from "./commands.ts";
import { decide } from "./decide.ts";
import { find } from "./ledger.ts";
import { type CartState, type Effect, emptyState } from "./state.ts";
import { eventsOf, type LogRow, recorded } from "./storage.ts";
import { nextWake } from "./timers.ts";
import { prospectOf } from "./view.ts";

/** A cart that wakes more often than this would have gone on; what it said by then is answered. */
const MAX_WAKES = 2_000;
const MAX_NOTES = 100;

export type Arbiter = (asked: Prospect, now: number) => Permit;

/**
 * The arbiter of a shopper of whom only these messages are known; what it lets go is added to them. Suppression and what was
 * said elsewhere are left out: they are of today, not of then.
 */
export function arbiterOf(storeId: string, rules: Rules, sends: Send[]): Arbiter {
  return (asked, now) => {
    const { timezone, consent } = asked;
    const shopper = { timezone, consent, suppressed: {}, answered: {}, sends, wishes: [] };
    const answer = permit(shopper, { ...asked, storeId }, rules, now);
    if (answer.granted) sends.push({ deliveryId: asked.deliveryId, channel: answer.channel, at: now, status: "sent" });
    return answer;
  };
}

/** One cart's part, as its actor answers. */
export interface SimulatedCart
  extends Pick<SimulationView["items"][number], "status" | "messages" | "notes" | "before"> {
  /** All that this shopper would have been sent so far: what the caps of their next cart count. */
  sends: Send[];
}

export interface Simulated {
  messages: SimulatedMessage[];
  notes: SimulatedNote[];
}

/**
 * `cart`: as it really went. `until`: the present; later nothing is known of the shopper. `predict`: what scores the cart when it
 * wakes. What a language model advised is heard when it was said, and obeyed as far as these rules allow.
 */
export function simulate(
  rows: readonly LogRow[],
  cart: CartState,
  rules: Rules,
  arbiter: Arbiter,
  until: number,
  predict: Predictor,
): Simulated {
  const run = new Run(emptyState(cart.storeId, cart.cartId, rules), rules, arbiter, predict);
  const advised = advisedOf(cart);
  const goOnTo = (time: number): void => {
    for (let next = advised[0]; next && next.now <= time; next = advised[0]) {
      run.wakeUntil(next.now);
      run.apply(next);
      advised.shift();
    }
    run.wakeUntil(time);
  };
  for (const row of rows) {
    const events = eventsOf(row);
    if (events.length === 0) continue;
    goOnTo(row.at);
    const { history } = row.entry;
    run.apply({ type: "receive", now: row.at, events, ...(history ? { history } : {}) }, recorded(row));
  }
  goOnTo(until);
  return run.result();
}

/** What the cart was told and obeyed, the oldest first. A history that has forgotten when says nothing. */
function advisedOf({ process }: CartState): Extract<Command, { type: "advise" }>[] {
  const advised = process.effects.flatMap(({ id, advised, history }) => {
    const said = history.find(({ reason }) => reason === "advised");
    return advised && said ? [{ type: "advise" as const, now: said.at, advice: { ...advised, effectId: id } }] : [];
  });
  return advised.sort((a, b) => a.now - b.now);
}

class Run {
  #state: CartState;
  readonly #rules: Rules;
  readonly #arbiter: Arbiter;
  readonly #predict: Predictor;
  readonly #notes: SimulatedNote[] = [];
  #wakes = 0;

  constructor(state: CartState, rules: Rules, arbiter: Arbiter, predict: Predictor) {
    this.#state = state;
    this.#rules = rules;
    this.#arbiter = arbiter;
    this.#predict = predict;
  }

  apply(command: Command, predict = this.#predict): Decision {
    const decision = decide(this.#state, command, this.#rules, predict);
    this.#state = decision.state;
    for (const { code, text } of decision.notes)
      if (this.#notes.length < MAX_NOTES) this.#notes.push({ at: iso(command.now), code, text });
    return decision;
  }

  /** Every alarm up to then, each on time. */
  wakeUntil(until: number): void {
    let now = 0;
    for (let due = nextWake(this.#state); due !== null && due <= until; due = nextWake(this.#state)) {
      this.#wakes += 1;
      if (this.#wakes > MAX_WAKES) return;
      now = Math.max(now + 1, due); // a wake that changes nothing must not be repeated at the same instant
      const { dispatch, forget } = this.apply({ type: "wake", now });
      if (forget) return;
      for (const effect of dispatch) this.#send(effect.id, now);
    }
  }

  /** What the sender would do, with a provider that takes everything. */
  #send(effectId: string, now: number): void {
    const effect = find(this.#state.process, effectId);
    if (effect?.status !== "scheduled") return;
    const permit = this.#arbiter(prospectOf(this.#state, effect), now);
    if (!permit.granted) {
      this.apply({ type: "hold", now, effectId, reason: permit.reason, until: permit.until });
      return;
    }
    const { channel } = permit;
    const { claimed } = this.apply({ type: "claim", now, effectId, provider: "simulated", resumable: false, channel });
    if (!claimed) return;
    this.apply({ type: "settle", now, effectId, outcome: { kind: "sent", provider: "simulated" } });
  }

  result(): Simulated {
    const messages = this.#state.process.effects.map(messageOf);
    return { messages, notes: this.#notes };
  }
}

function messageOf(effect: Effect): SimulatedMessage {
  const { campaignId, stepId, variantId, channel, status, history } = effect;
  const last = history.at(-1);
  const sent = effect.sentAt !== null;
  const heldOut = effect.exposure?.arm === "held_out";
  const outcome = sent
    ? "sent"
    : heldOut
      ? "held_out"
      : status === "suppressed" || status === "cancelled"
        ? status
        : "waiting";
  const at = effect.sentAt ?? last?.at ?? effect.dueAt ?? 0;
  return { campaignId, stepId, variantId, channel, at: iso(at), outcome, reason: last?.reason ?? null };
}

/** An effect as it really went. */
export function sentBefore(effect: Effect): SimulatedCart["before"][number] {
  const { campaignId, stepId, channel, status, history } = effect;
  return { campaignId, stepId, channel, status, at: iso(effect.sentAt ?? history.at(-1)?.at ?? 0) };
}
