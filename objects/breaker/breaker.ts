/**
 * Breaker: whether calls to one provider are worth making, for one store; `~/ai` for Workers AI.
 *
 * Owns    the state of its circuit. A failure and a change of phase are a row; successes are kept in memory only, for
 *         forgetting them errs towards opening.
 * Timers  none: time passes by being asked.
 * RPC     enter, report, state.
 * Peers   Meter (how many are open, and what changed).
 */
import { DurableObject } from "cloudflare:workers";
import { log } from "../../shared/log.ts";
import { MINUTE_MS } from "../../shared/time.ts";
import { Saved } from "../kit/saved.ts";
import { type Actors, meterStub, parseName } from "../stubs.ts";
import {
  type BreakerOutcome,
  type BreakerState,
  closedState,
  type Entry,
  enter,
  type Phase,
  report,
} from "./decide.ts";
import { type Pace, pace, UNPACED } from "./pace.ts";

/** Nobody asked for so long after it could have been tried again: it no longer counts as open. */
const FORGOTTEN_MS = 15 * MINUTE_MS;

export class Breaker extends DurableObject<Actors> {
  readonly #name: string;
  readonly #saved: Saved<BreakerState>;
  #state: BreakerState;
  /** In memory only: forgotten, it lets a second's worth through too early. */
  #pace: Pace = UNPACED;

  constructor(ctx: DurableObjectState, env: Actors) {
    super(ctx, env);
    this.#name = ctx.id.name ?? "";
    this.#saved = new Saved(ctx.storage);
    this.#state = this.#saved.load() ?? closedState();
  }

  /**
   * May a call be made now? When it may and the answer is not `quiet`, every outcome is to be reported. `maxPerMinute`: what
   * the provider allows, if anything is known of that.
   */
  enter(maxPerMinute?: number): Entry {
    const now = Date.now();
    if (maxPerMinute !== undefined && this.#state.phase === "closed") {
      const paced = pace(this.#pace, maxPerMinute, now);
      this.#pace = paced.state;
      if (paced.until !== null) return { allowed: false, until: paced.until, paced: true, quiet: true, probe: 0 };
    }
    const { state, entry } = enter(this.#state, now);
    this.#become(state, false);
    return entry;
  }

  /** How a call ended. Failures always; successes unless the entry was `quiet`. */
  report(outcome: BreakerOutcome, probe = 0): void {
    const state = report(this.#state, outcome, probe, Date.now(), this.#name);
    this.#become(state, outcome === "failure");
  }

  state(): { phase: Phase; until: number; trips: number } {
    const { phase, until, trips } = this.#state;
    return { phase, until, trips };
  }

  #become(state: BreakerState, failed: boolean): void {
    const before = this.#state;
    if (state === before) return;
    const moved = state.phase !== before.phase;
    if (failed || state.phase !== "closed" || moved) this.#saved.save(state);
    this.#state = state;
    if (!moved) return;
    log("warn", "breaker", { actor: this.#name, before: before.phase, phase: state.phase, until: state.until });
    this.ctx.waitUntil(this.#tell(state));
  }

  async #tell({ phase, until }: BreakerState): Promise<void> {
    // A store may have several accounts at one provider: their names go on after its own.
    const [provider = ""] = parseName(this.#name).key.split("/");
    try {
      await meterStub(this.env).report(`breaker:${this.#name}`, {
        gauges: phase === "closed" ? [] : [["cartwake_breakers", { provider, state: phase }, 1]],
        counts: [["cartwake_breaker_transitions_total", { provider, to: phase }, 1]],
        expiresAt: until + FORGOTTEN_MS,
      });
    } catch (error) {
      log("warn", "breaker_uncounted", { actor: this.#name, error });
    }
  }
}
