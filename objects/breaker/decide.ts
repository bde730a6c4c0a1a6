/**
 * A circuit breaker (M. Nygard, "Release It!") as a pure state machine: closed, open, half-open. It opens when at least
 * `MIN_FAILURES` and half of the outcomes of the last minute failed; stays open for 30 s, doubling up to 10 minutes; then
 * lets exactly one probe through. A probe that never reports gives its place up when its lease ends. One success closes.
 */
import { stableUnit } from "../../shared/ids.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";

export const WINDOW_MS = MINUTE_MS;
export const MIN_FAILURES = 5;
const MIN_SHARE = 0.5;
export const OPEN_MS = 30 * SECOND_MS;
export const MAX_OPEN_MS = 10 * MINUTE_MS;
/** Longer than any provider call may take. */
export const PROBE_LEASE_MS = 2 * MINUTE_MS;
/** Whoever is not the probe asks again after this: the probe's answer is usually there by then. */
export const ASK_AGAIN_MS = 10 * SECOND_MS;
/** Outcomes remembered; enough to judge a share by. */
const MAX_OUTCOMES = 100;

export type Phase = "closed" | "open" | "half_open";

/** `void`: the call was not made after all. */
export type BreakerOutcome = "success" | "failure" | "void";

export interface BreakerState {
  phase: Phase;
  /** Closed: what was reported within the window, oldest first. */
  outcomes: { at: number; failed: boolean }[];
  /** Open: until when. Half-open: the end of the probe's lease. */
  until: number;
  /** Openings since the last success. */
  trips: number;
  /** The probe that may go through; its number tells it from calls begun earlier. */
  probe: number;
}

export interface Entry {
  allowed: boolean;
  /** Refused: when to ask again (ms). */
  until?: number;
  /** Refused for coming too fast: nothing is wrong with the provider. */
  paced?: true;
  /** A success needs no report: there is nothing it could change. */
  quiet: boolean;
  /** Given back with the report. 0 for a call that is no probe. */
  probe: number;
}

export const closedState = (probe = 0): BreakerState => ({ phase: "closed", outcomes: [], until: 0, trips: 0, probe });

const recent = (state: BreakerState, now: number): BreakerState["outcomes"] =>
  state.outcomes.filter((outcome) => outcome.at > now - WINDOW_MS);

/** May a call be made? */
export function enter(state: BreakerState, now: number): { state: BreakerState; entry: Entry } {
  if (state.phase === "closed") {
    const quiet = !recent(state, now).some((outcome) => outcome.failed);
    return { state, entry: { allowed: true, quiet, probe: 0 } };
  }
  if (now < state.until) {
    const until = state.phase === "open" ? state.until : Math.min(state.until, now + ASK_AGAIN_MS);
    return { state, entry: { allowed: false, until, quiet: true, probe: 0 } };
  }
  const probing: BreakerState = {
    ...state,
    phase: "half_open",
    until: now + PROBE_LEASE_MS,
    probe: state.probe + 1,
  };
  return { state: probing, entry: { allowed: true, quiet: false, probe: probing.probe } };
}

/** How a call ended. A late report of an earlier phase changes nothing. `name` spreads the breakers' wake-ups. */
export function report(
  state: BreakerState,
  outcome: BreakerOutcome,
  probe: number,
  now: number,
  name: string,
): BreakerState {
  if (state.phase === "half_open") {
    if (probe !== state.probe) return state;
    if (outcome === "success") return closedState(state.probe);
    return outcome === "failure" ? open(state, now, name) : { ...state, until: now };
  }
  if (state.phase === "open" || outcome === "void") return state;
  const outcomes = [...recent(state, now), { at: now, failed: outcome === "failure" }].slice(-MAX_OUTCOMES);
  const failures = outcomes.filter((o) => o.failed).length;
  const next = { ...state, outcomes };
  return failures >= MIN_FAILURES && failures >= outcomes.length * MIN_SHARE ? open(next, now, name) : next;
}

function open(state: BreakerState, now: number, name: string): BreakerState {
  const trips = state.trips + 1;
  const wait = Math.min(MAX_OPEN_MS, OPEN_MS * 2 ** (trips - 1));
  const jitter = wait * 0.1 * stableUnit(`${name}/${trips}`);
  return { ...state, phase: "open", outcomes: [], until: Math.round(now + wait + jitter), trips };
}
