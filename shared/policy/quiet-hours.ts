import { MINUTE_MS, minuteOfDay } from "../time.ts";

export interface QuietHours {
  from: string;
  to: string;
}

const parse = (clock: string): number => {
  const [hour, minute] = clock.split(":").map(Number);
  return (hour ?? 0) * 60 + (minute ?? 0);
};

/**
 * When the quiet hours around `now` end in `timeZone`, in ms since the epoch; `null` when it is not quiet.
 * `from` is inclusive, `to` exclusive; a window may span midnight. Equal ends mean no quiet hours.
 * On the two days a year when the clocks change the end is off by an hour; the caller asks again then.
 */
export function quietUntil(quiet: QuietHours | null, now: number, timeZone: string): number | null {
  if (!quiet) return null;
  const from = parse(quiet.from);
  const to = parse(quiet.to);
  const minute = minuteOfDay(now, timeZone);
  const inside = from < to ? minute >= from && minute < to : from !== to && (minute >= from || minute < to);
  if (!inside) return null;
  const wait = (to - minute + 1440) % 1440;
  return now - (now % MINUTE_MS) + wait * MINUTE_MS;
}
