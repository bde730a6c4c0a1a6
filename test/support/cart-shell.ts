/**
 * The shell of a cart (objects/cart/cart.ts) without a platform: a log and a snapshot as JSON text, one alarm, and
 * queues that a test delivers by hand. Memory may vanish at any moment; what was committed comes back from the text.
 */
import type { Command, Decision } from "../../objects/cart/commands.ts";
import { decide, idHash, momentOf, weightOf } from "../../objects/cart/decide.ts";
import { before, fold } from "../../objects/cart/fold.ts";
import { deltaOf } from "../../objects/cart/metrics.ts";
import type { LogEntry, Snapshot } from "../../objects/cart/schema.ts";
import { type CartState, emptyState } from "../../objects/cart/state.ts";
import { recorded } from "../../objects/cart/storage.ts";
import { nextWake } from "../../objects/cart/timers.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import type { Rules } from "../../shared/policy/rules.ts";

export interface Row {
  seq: number;
  at: number;
  entry: LogEntry;
}

export class CartShell {
  /** The disk. */
  rows: string[] = [];
  snapshot: string | null = null;
  alarm: number | null = null;
  /** Effects handed to the queue, which may bring them never, once or often. */
  queue: string[] = [];
  forgotten = false;
  /** Memory. */
  state: CartState;

  readonly #rules: Rules;
  readonly #cartId: string;

  constructor(rules: Rules, cartId: string) {
    this.#rules = rules;
    this.#cartId = cartId;
    this.state = emptyState("st_test", cartId, rules);
  }

  receive(now: number, events: CartEvent[]): Decision {
    const stamped = events.map((e) => ({ ...e, receivedAt: now, at: Math.min(e.at, now) }));
    return this.run({ type: "receive", now, events: stamped });
  }

  run(command: Command): Decision {
    const { state } = this;
    const decision = decide(state, command, this.#rules);
    const told = (decision.received?.duplicates ?? 0) + (decision.received?.rejected.length ?? 0);
    if (decision.learned.length === 0 && decision.state.process === state.process && told === 0) return decision;
    this.#commit(command, decision);
    return decision;
  }

  /** The alarm rings (early, late or again): what `Cart.alarm` does. */
  wake(now: number): Decision {
    this.alarm = null;
    const decision = this.run({ type: "wake", now });
    if (decision.forget) this.forgotten = true;
    else this.#arm();
    return decision;
  }

  /** Memory is gone; the snapshot and the log after it are all there is (as in CartStorage.load). */
  evict(): void {
    const rows = this.log();
    const snapshot = this.snapshot === null ? null : (JSON.parse(this.snapshot) as Snapshot);
    const state = emptyState("st_test", this.#cartId, this.#rules);
    if (snapshot) Object.assign(state, { base: snapshot.base, baseIds: snapshot.baseIds, process: snapshot.process });
    state.usage = this.state.usage;
    state.events = rows.flatMap(eventsOf).sort((a, b) => (before(a, b) ? -1 : 1));
    state.known = new Set([...state.baseIds, ...state.events.map((e) => idHash(e.id))]);
    state.facts = fold(state.base, state.events);
    state.weight = state.events.reduce((sum, event) => sum + weightOf(event), 0);
    const scored = rows.findLast((row) => row.entry.score);
    if (scored) state.prediction = recorded(scored)(state.facts, momentOf(state, scored.at));
    this.state = state;
  }

  log(): Row[] {
    return this.rows.map((row) => JSON.parse(row) as Row);
  }

  #commit(command: Command, decision: Decision): void {
    const { state, notes, learned } = decision;
    const first = this.rows.length === 0;
    const entry: LogEntry = {
      ...(command.type === "receive" ? { events: learned.map(({ receivedAt: _, ...event }) => event) } : { command }),
      ...(notes.length ? { notes } : {}),
      ...(state.prediction === this.state.prediction
        ? {}
        : { score: [state.prediction.purchaseProbability, state.prediction.model] }),
      delta: deltaOf(this.state, state, command.now),
      ...(first ? { rules: state.rules } : {}),
    };
    this.rows.push(JSON.stringify({ seq: this.rows.length + 1, at: command.now, entry } satisfies Row));
    if (state.process !== this.state.process) this.snapshot = JSON.stringify(this.#snapshotOf(state));
    this.state = state;
    this.#arm();
    for (const effect of decision.dispatch) this.queue.push(effect.id);
  }

  #snapshotOf(state: CartState): Snapshot {
    const { base, baseIds, process, usage, rules } = state;
    return { seq: this.rows.length, createdAt: 1, baseSeq: 0, base, baseIds, process, usage, rules, confirmed: 0 };
  }

  /** Earlier at once, later never. */
  #arm(): void {
    const wake = nextWake(this.state);
    if (wake !== null && (this.alarm === null || wake < this.alarm)) this.alarm = wake;
  }
}

const eventsOf = (row: Row): CartEvent[] => (row.entry.events ?? []).map((event) => ({ ...event, receivedAt: row.at }));
