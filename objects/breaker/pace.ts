/**
 * How fast calls may follow each other: the generic cell rate algorithm (ITU-T I.371), whose state is one time. Up to a
 * second's worth may come at once. Who comes too early is told a time of their own, so that those who wait do not come back
 * together. Pure.
 */
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";

export interface Pace {
  /** When the next call would be due if they came evenly. */
  due: number;
  /** The last time that somebody was told to come back at. */
  promised: number;
}

export const UNPACED: Pace = { due: 0, promised: 0 };

/** May a call be made now? `null`: yes; else when to ask again (ms). */
export function pace(state: Pace, maxPerMinute: number, now: number): { state: Pace; until: number | null } {
  const interval = MINUTE_MS / maxPerMinute;
  const burst = Math.max(0, SECOND_MS - interval);
  const due = Math.max(state.due, now);
  if (due - burst <= now) return { state: { ...state, due: due + interval }, until: null };
  const until = Math.max(due - burst, state.promised + interval);
  return { state: { ...state, promised: until }, until: Math.ceil(until) };
}
