/** From a clickstream to beacons: times moved to now, events gathered by session, an order of sending. Pure. */

import { random } from "../shop/random.ts";
import type { ReplayEvent } from "./events.ts";

export interface Timing {
  now: number;
  /** Divides the intervals; 1 keeps them. */
  speedup: number;
  /** True: the first event happens at `now` and the others as time goes by. False: the last one happens at `now`. */
  live: boolean;
}

export interface Beacon {
  session: string;
  /** When it is due, ms, in a live replay; else only what beacons are ordered by. */
  at: number;
  events: Record<string, unknown>[];
}

interface Timed {
  event: ReplayEvent;
  at: number;
}

/** In a live replay, what one session does within this time goes in one beacon, as the snippet would send it. */
const GATHER_MS = 250;

export interface Shape {
  /** Most events in a beacon. */
  batch: number;
  /** Mixes events and beacons by this seed; `undefined` keeps their order. */
  shuffle?: number | undefined;
}

/** Every event in exactly one beacon, every beacon of one session, in the order of sending. */
export function schedule(events: ReplayEvent[], timing: Timing, { batch, shuffle }: Shape): Beacon[] {
  const dice = shuffle === undefined ? null : random(shuffle);
  const beacons: Beacon[] = [];
  for (const [session, timed] of sessions(events, timing)) {
    if (dice) mix(timed, dice.next);
    for (const group of gather(timed, batch, timing.live ? GATHER_MS : Number.POSITIVE_INFINITY))
      beacons.push({ session, at: timing.live ? group.at(-1)!.at : group[0]!.at, events: group.map(toWire) });
  }
  if (dice) return mix(beacons, dice.next);
  return beacons.sort((a, b) => a.at - b.at);
}

/** Sessions with their events in order of time; two events of a session never share a millisecond, so order survives. */
function sessions(events: ReplayEvent[], timing: Timing): Map<string, Timed[]> {
  const found = new Map<string, Timed[]>();
  if (events.length === 0) return found;
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const { at } of events) {
    first = Math.min(first, at);
    last = Math.max(last, at);
  }
  for (const event of events) {
    const at = timing.now + (event.at - (timing.live ? first : last)) / timing.speedup;
    const session = found.get(event.session);
    if (session) session.push({ event, at });
    else found.set(event.session, [{ event, at }]);
  }
  for (const session of found.values()) separate(session, timing);
  return found;
}

function separate(session: Timed[], { live }: Timing): void {
  session.sort((a, b) => a.at - b.at);
  for (const timed of session) timed.at = Math.round(timed.at);
  // Towards the past, unless time goes on during the replay: no event may lie in the future.
  if (live) for (let i = 1; i < session.length; i++) session[i]!.at = Math.max(session[i]!.at, session[i - 1]!.at + 1);
  else for (let i = session.length - 2; i >= 0; i--) session[i]!.at = Math.min(session[i]!.at, session[i + 1]!.at - 1);
}

function* gather(session: Timed[], batch: number, withinMs: number): Generator<Timed[]> {
  let group: Timed[] = [];
  for (const timed of session) {
    if (group.length >= batch || (group.length > 0 && timed.at - group[0]!.at > withinMs)) {
      yield group;
      group = [];
    }
    group.push(timed);
  }
  if (group.length > 0) yield group;
}

const toWire = ({ event, at }: Timed): Record<string, unknown> => ({
  id: event.id,
  ...event.body,
  occurredAt: new Date(at).toISOString(),
});

/** Fisher and Yates, in place. */
function mix<T>(list: T[], next: () => number): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
