/** Watches whether orders are still told of. The hours are in memory, rebuilt from the rollups; what was concluded is a row. */
import type { Entry } from "../../shared/events/messages.ts";
import { log } from "../../shared/log.ts";
import { DAY_MS, HOUR_MS, isoOrNull } from "../../shared/time.ts";
import type { OrderSignal, OrderSignalView } from "../../shared/views.ts";
import type { Counters } from "./counters.ts";
import { factsOf, type HourFacts, heard, MEMORY_MS, nextSignal, type SignalState, SOUND } from "./signal.ts";

/** How long a merchant's word stands against the watch. */
const OVERRIDE_MS = DAY_MS;

export class SignalWatch {
  readonly #sql: SqlStorage;
  readonly #counters: Counters;
  readonly #storeId: string;
  #state: SignalState;
  #hours: HourFacts[] | null = null;

  constructor({ sql }: DurableObjectStorage, counters: Counters, storeId: string) {
    this.#sql = sql;
    this.#counters = counters;
    this.#storeId = storeId;
    const row = sql.exec<{ data: string }>("SELECT data FROM signal").toArray()[0];
    this.#state = row ? (JSON.parse(row.data) as SignalState) : SOUND;
  }

  /** Why no message may go out now. */
  get paused(): string | null {
    return this.#state.lost ? "signal_loss" : null;
  }

  get signal(): OrderSignal {
    if (this.#state.lost) return "signal_loss";
    return this.#counters.totals.orders ? "ok" : "none_yet";
  }

  view(now: number): OrderSignalView {
    const { lost, overriddenUntil } = this.#state;
    return {
      signal: this.signal,
      since: isoOrNull(lost?.since),
      why: lost?.why ?? null,
      overriddenUntil: overriddenUntil > now ? isoOrNull(overriddenUntil) : null,
    };
  }

  /** Entries that were counted now, for the first time. Returns what is to be said of it, or `null`. */
  heard(fresh: readonly Entry[], now: number): string | null {
    // What is read now has the entries in it.
    this.#hours = this.#hours ? heard(this.#hours, fresh, now) : this.#read(now);
    return this.#conclude(
      now,
      fresh.some(({ delta }) => (delta.orders ?? 0) > 0),
    );
  }

  /** Time went by. */
  look(now: number): string | null {
    this.#hours ??= this.#read(now);
    return this.#conclude(now, false);
  }

  /** A merchant knows better: messages go out for a day. */
  override(now: number): void {
    this.#save({ lost: null, overriddenUntil: now + OVERRIDE_MS });
    log("warn", "signal_overridden", { actor: this.#storeId });
  }

  /** A store that never told of an order has no signal that it could lose. */
  #conclude(now: number, heardOrder: boolean): string | null {
    if (!this.#counters.totals.orders) return null;
    const before = this.#state;
    const after = nextSignal(before, this.#hours ?? [], { heardOrder, now });
    if (after === before) return null;
    this.#save(after);
    log(after.lost ? "warn" : "info", after.lost ? "signal_lost" : "signal_back", {
      actor: this.#storeId,
      why: after.lost?.why ?? before.lost?.why,
    });
    if (!after.lost) return "Orders arrive again: messages go out as before.";
    return `Messages are paused: ${WHY[after.lost.why]} They go on when the next order arrives.`;
  }

  #read(now: number): HourFacts[] {
    const from = now - MEMORY_MS;
    return this.#counters.rollups("hour", from, now + HOUR_MS).map(({ start, delta }) => factsOf(start, delta));
  }

  #save(state: SignalState): void {
    this.#sql.exec(
      "INSERT INTO signal (id, data) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data",
      JSON.stringify(state),
    );
    this.#state = state;
  }
}

const WHY = {
  payments: "shoppers pay, but the store tells of no order.",
  silence: "the shop is visited as usual, but for an improbably long time it told of no order.",
};
