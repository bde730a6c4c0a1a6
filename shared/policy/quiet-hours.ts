/** The hours in which nobody is written to, on the shopper's own clock. Pure. */
import { MINUTE_MS } from "../time.ts";

export interface QuietHours {
  from: string;
  to: string;
}

const DAY_MINUTES = 1440;

const parse = (clock: string): number => {
  const [hour, minute] = clock.split(":").map(Number);
  return (hour ?? 0) * 60 + (minute ?? 0);
};

/** What a clock on a wall of the zone shows, as ms since an epoch of its own. */
type WallClock = (now: number) => number;

/**
 * When the quiet hours around `now` end, in ms since the epoch: the first minute at which a clock of the zone shows a time
 * outside them, also on the days when it is put forward or back. `null` when it is not quiet. `from` is inclusive, `to`
 * exclusive; a window may span midnight; equal ends mean no quiet hours. A zone that nobody knows is taken for `fallback`,
 * or else for UTC: better a guess than no quiet at all.
 */
export function quietUntil(quiet: QuietHours | null, now: number, timeZone: string, fallback = "UTC"): number | null {
  if (!quiet) return null;
  const wall = wallClock(timeZone) ?? wallClock(fallback) ?? ((ms: number) => ms);
  const from = parse(quiet.from);
  const to = parse(quiet.to);
  /** Minutes until the window ends by a clock that nobody touches; 0 outside it. */
  const left = (ms: number): number => {
    const minute = Math.floor(wall(ms) / MINUTE_MS) % DAY_MINUTES;
    const inside = from < to ? minute >= from && minute < to : from !== to && (minute >= from || minute < to);
    return inside ? (to - minute + DAY_MINUTES) % DAY_MINUTES : 0;
  };
  let at = now - (now % MINUTE_MS);
  if (left(at) === 0) return null;
  for (let wait = left(at); wait > 0; wait = left(at)) {
    const end = at + wait * MINUTE_MS;
    at = changeBetween(wall, at, end) ?? end;
  }
  return at;
}

/** The first minute of (`from`, `to`] from which on the clock runs with another offset than at `from`; `null` if none. */
function changeBetween(wall: WallClock, from: number, to: number): number | null {
  const offset = (ms: number): number => wall(ms) - ms;
  const before = offset(from);
  if (offset(to) === before) return null;
  let [old, changed] = [from, to];
  while (changed - old > MINUTE_MS) {
    const middle = old + Math.floor((changed - old) / (2 * MINUTE_MS)) * MINUTE_MS;
    if (offset(middle) === before) old = middle;
    else changed = middle;
  }
  return changed;
}

/** `null` for a zone that nobody knows. */
export function wallClock(timeZone: string): WallClock | null {
  const part = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", { ...part, hourCycle: "h23", timeZone });
  } catch {
    return null;
  }
  return (ms) => {
    const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute);
  };
}
