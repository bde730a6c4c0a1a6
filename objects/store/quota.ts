/**
 * Whether a store sent more events than it may (`STORE_EVENTS_PER_MINUTE`). Pure. The counts arrive late: carts gather
 * their news for a while. What was accepted beyond the quota before it was noticed is therefore owed, and the store is
 * refused until its quota has paid for it: in the long run it gets what it may send, however late the counts are.
 */
import { MINUTE_MS } from "../../shared/time.ts";

/** What is older is forgiven. */
export const QUOTA_MINUTES = 30;

/**
 * `minutes`: accepted events in each of the last minutes, oldest first, the last one still running at `now`.
 * Returns the beginning of the minute from which events are accepted again; `null` when they are now.
 */
export function overQuotaUntil(perMinute: number, minutes: readonly number[], now: number): number | null {
  if (perMinute === 0) return null;
  let owed = 0;
  for (const events of minutes.slice(0, -1)) owed = Math.max(0, owed + events - perMinute);
  const used = owed + (minutes.at(-1) ?? 0);
  return used < perMinute ? null : now - (now % MINUTE_MS) + Math.floor(used / perMinute) * MINUTE_MS;
}
