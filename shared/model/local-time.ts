/** Hour and weekday on a wall in some zone. Asking the platform costs more than the whole rest of a feature vector. */
import { wallClock } from "../policy/quiet-hours.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../time.ts";

/** No zone changes its offset within such a quarter of an hour. */
const SLOT_MS = 15 * MINUTE_MS;
const MAX_ZONES = 500;
/** 1970-01-01 was a Thursday. */
const EPOCH_WEEKDAY = 4;

const offsets = new Map<string, { slot: number; offsetMs: number }>();

/** `hour` 0 to 24 with fractions, `weekday` 0 (Sunday) to 6. A zone that nobody knows is taken for UTC. */
export function localTime(now: number, timeZone: string): { hour: number; weekday: number } {
  const wall = now + offsetAt(now, timeZone);
  const day = Math.floor(wall / DAY_MS);
  return { hour: (wall - day * DAY_MS) / HOUR_MS, weekday: (day + EPOCH_WEEKDAY) % 7 };
}

function offsetAt(now: number, timeZone: string): number {
  if (timeZone === "UTC") return 0;
  const slot = Math.floor(now / SLOT_MS);
  const known = offsets.get(timeZone);
  if (known?.slot === slot) return known.offsetMs;
  const start = slot * SLOT_MS;
  const offsetMs = (wallClock(timeZone)?.(start) ?? start) - start;
  if (offsets.size >= MAX_ZONES) offsets.clear();
  offsets.set(timeZone, { slot, offsetMs });
  return offsetMs;
}
