/**
 * One random interleaving of all that may happen to a cart, judged step by step by rules that are written here a second
 * time, naively: whether an order closed the cart, and whether an answer came before or after it.
 */
import type { Outcome } from "../../objects/cart/commands.ts";
import { nextWake } from "../../objects/cart/timers.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import {
  add,
  campaign,
  event,
  identified,
  ordered,
  REFUSED,
  REFUSED_FOR_GOOD,
  rules,
  SENT,
  T0,
  UNKNOWN,
} from "./cart-life.ts";
import { randomEvent } from "./cart-random.ts";
import { CartShell } from "./cart-shell.ts";
import type { Random } from "./random.ts";
import { truthOf } from "./truth.ts";

export type Tally = Record<
  | "commands"
  | "events"
  | "orders"
  | "alarms"
  | "evictions"
  | "handovers"
  | "claims"
  | "claimsRefused"
  | "sent"
  | "raced"
  | "refusedByProvider"
  | "unknownAnswers"
  | "lostAnswers"
  | "holds",
  number
>;

/** A sender between its claim and its answer. */
interface Sender {
  effectId: string;
  answered: boolean;
}

export class Schedule {
  readonly shell: CartShell;
  /** What went against a law, in words. */
  readonly violations: string[] = [];
  now = T0;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #resumable: boolean;
  readonly #events: CartEvent[] = [];
  readonly #senders: Sender[] = [];
  /** Claims of an effect that may have reached the provider. */
  readonly #calls = new Map<string, number>();
  #orders = 0;

  constructor(random: Random, tally: Tally) {
    this.#random = random;
    this.#tally = tally;
    this.#resumable = random.chance(0.3);
    this.shell = new CartShell(anyRules(random), "cart");
    this.#receive([add(this.now), ...(random.chance(0.8) ? [identified(this.now)] : [])]);
  }

  /** One random thing happens. */
  step(): void {
    const { shell } = this;
    this.now += this.#pause();
    const act = this.#random.below(100);
    if (shell.forgotten) return;
    if (act < 22) this.#shop();
    else if (act < 30) this.#order();
    else if (act < 52) this.#ring();
    else if (act < 70) this.#deliver();
    else if (act < 88) this.#answer();
    else if (act < 92) this.#hold();
    else if (act < 94) this.#report();
    else this.#evict();
    this.#check();
  }

  /** Nobody comes any more: only the alarm rings, always on time, until the cart forgets itself. */
  runOut(): number {
    const { shell } = this;
    const helpful = this.#random.chance(0.5);
    let wakes = 0;
    while (!shell.forgotten && wakes < 400) {
      const due = nextWake(shell.state);
      if (due === null) return this.#violate("a cart that is not finished never wakes again");
      this.now = Math.max(this.now, due);
      const state = shell.state;
      const { rejection } = shell.wake(this.now);
      wakes += 1;
      const next = nextWake(shell.state);
      if (!shell.forgotten && shell.state === state && next !== null && next <= this.now)
        return this.#violate(`the alarm spins (${rejection})`);
      if (helpful) for (const id of shell.queue.splice(0)) this.#claim(id, SENT);
      this.#check();
    }
    if (!shell.forgotten) this.#violate(`not finished after ${wakes} wakes`);
    const open = shell.state.process.effects.filter((e) => e.status === "scheduled" || e.status === "claimed");
    if (open.length > 0) this.#violate(`lost: ${open.map((e) => `${e.id} ${e.status}`).join()}`);
    return wakes;
  }

  #pause(): number {
    const due = this.shell.alarm;
    const pick = this.#random.below(10);
    if (pick < 4) return this.#random.below(3);
    if (pick < 6) return this.#random.below(2 * MINUTE_MS);
    if (pick < 9 && due !== null)
      return Math.max(0, due - this.now) + this.#random.below(2) * this.#random.below(5 * SECOND_MS);
    return this.#random.below(2 * HOUR_MS);
  }

  #shop(): void {
    const random = this.#random;
    const events = Array.from({ length: 1 + random.below(3) }, () => {
      const pick = random.below(10);
      if (pick === 0 && this.#events.length > 0) return random.pick(this.#events); // again
      if (pick < 3) return add(this.now - this.#late());
      if (pick === 3) return event("cart_updated", this.now - this.#late(), { items: [] });
      const any = randomEvent(random, this.now);
      return any.order ? add(this.now - this.#late()) : any;
    });
    this.#receive(events);
  }

  #late = (): number => (this.#random.chance(0.3) ? this.#random.below(HOUR_MS) : 0);

  #order(): void {
    this.#orders += 1;
    const again = this.#orders > 1 && this.#random.chance(0.2);
    const id = again ? `o${this.#orders - 1}` : `o${this.#orders}`;
    this.#receive([ordered(this.now - this.#late(), id)]);
    this.#tally.orders += 1;
  }

  #receive(events: CartEvent[]): void {
    const { learned } = this.#count(this.shell.receive(this.now, events));
    this.#events.push(...learned);
    this.#tally.events += learned.length;
  }

  /** Early, on time or late, and up to three times. */
  #ring(): void {
    for (let times = 1 + this.#random.below(3); times > 0 && !this.shell.forgotten; times--) {
      this.#count(this.shell.wake(this.now));
      this.#tally.alarms += 1;
    }
  }

  /** The queue brings a hand-over never, once or to several senders at once. */
  #deliver(): void {
    const { queue } = this.shell;
    if (queue.length === 0) return;
    const [id] = queue.splice(this.#random.below(queue.length), 1);
    this.#tally.handovers += 1;
    for (let times = this.#random.below(4); times > 0; times--) this.#claim(id!, null);
  }

  #claim(effectId: string, answer: Outcome | null): void {
    const { shell } = this;
    const resumable = this.#resumable;
    const decision = this.#count(shell.run({ type: "claim", now: this.now, effectId, provider: "outbox", resumable }));
    if (!decision.claimed) {
      this.#tally.claimsRefused += 1;
      return;
    }
    this.#tally.claims += 1;
    const { facts } = shell.state;
    const { open, generation } = this.#truth();
    if (!open || decision.claimed.generation !== generation) this.#violate(`claimed after the order: ${effectId}`);
    if (facts.items.length === 0) this.#violate(`claimed an empty cart: ${effectId}`);
    if (facts.consent.email?.value === "denied") this.#violate(`claimed without consent: ${effectId}`);
    const calls = (this.#calls.get(effectId) ?? 0) + 1;
    if (calls > 1 && !resumable) this.#violate(`a second provider call: ${effectId}`);
    this.#calls.set(effectId, calls);
    const sender = { effectId, answered: false };
    if (answer) this.#settle(sender, answer);
    else this.#senders.push(sender);
  }

  #answer(): void {
    const { length } = this.#senders;
    if (length === 0) return;
    const [sender] = this.#senders.splice(this.#random.below(length), 1);
    const pick = this.#random.below(10);
    if (pick === 0) {
      this.#tally.lostAnswers += 1;
      return;
    }
    const outcome = pick < 6 ? SENT : pick < 8 ? REFUSED : pick === 8 ? REFUSED_FOR_GOOD : UNKNOWN;
    this.#settle(sender!, outcome);
    if (this.#random.chance(0.2)) this.#settle(sender!, outcome);
  }

  #settle(sender: Sender, outcome: Outcome): void {
    const { effectId } = sender;
    const { shell } = this;
    const { rejection } = this.#count(shell.run({ type: "settle", now: this.now, effectId, outcome }));
    if (sender.answered && !rejection && outcome.kind !== "unknown")
      this.#violate(`the second answer counted too: ${effectId}`);
    sender.answered = true;
    if (rejection) return;
    const effect = shell.state.process.effects.find((e) => e.id === effectId)!;
    if (outcome.kind === "refused") {
      this.#calls.set(effectId, (this.#calls.get(effectId) ?? 1) - 1);
      this.#tally.refusedByProvider += 1;
    } else if (outcome.kind === "unknown") this.#tally.unknownAnswers += 1;
    else {
      const { open, generation } = this.#truth();
      const wanted = open && effect.generation === generation ? "sent" : "raced";
      if (effect.status !== wanted) this.#violate(`${effectId} is ${effect.status}, not ${wanted}`);
      this.#tally[wanted] += 1;
    }
  }

  #hold(): void {
    const effect = this.#someEffect();
    if (!effect) return;
    const until = this.#random.chance(0.3) ? null : this.now + this.#random.below(8 * HOUR_MS);
    this.#count(this.shell.run({ type: "hold", now: this.now, effectId: effect.id, reason: "quiet_hours", until }));
    this.#tally.holds += 1;
  }

  #report(): void {
    const effect = this.#someEffect();
    if (!effect) return;
    const status = this.#random.pick(["delivered", "opened", "clicked", "bounced"] as const);
    this.#count(this.shell.run({ type: "report", now: this.now, deliveryId: effect.deliveryId, status }));
  }

  #evict(): void {
    const { shell } = this;
    const { facts, process } = shell.state;
    const before = JSON.stringify([facts, process]);
    shell.evict();
    if (JSON.stringify([shell.state.facts, shell.state.process]) !== before)
      this.#violate("an eviction changed the cart");
    this.#tally.evictions += 1;
  }

  #someEffect() {
    const { effects } = this.shell.state.process;
    return effects.length > 0 ? this.#random.pick(effects) : null;
  }

  #truth(): { open: boolean; generation: number } {
    return truthOf(this.#events);
  }

  #check(): void {
    const { state, alarm } = this.shell;
    const due = nextWake(state);
    if (!this.shell.forgotten && due !== null && (alarm === null || alarm > due))
      this.#violate("the alarm is too late");
    const ids = state.process.effects.map((e) => e.id);
    if (new Set(ids).size < ids.length) this.#violate("an effect was planned twice");
  }

  #count<T>(decision: T): T {
    this.#tally.commands += 1;
    return decision;
  }

  #violate(what: string): number {
    this.violations.push(what);
    return 0;
  }
}

function anyRules(random: Random): Rules {
  const [step] = campaign().steps;
  const steps = Array.from({ length: 1 + random.below(3) }, (_, i) => ({
    ...step!,
    id: `s${i}`,
    delayMinutes: random.pick([0, 0, 5, 60]),
  }));
  return rules({ campaigns: [campaign({ steps })], expireAfterMs: 3 * DAY_MS, retentionMs: 2 * DAY_MS });
}
