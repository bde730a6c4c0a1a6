import { describe, expect, it } from "vitest";
import { type QuietHours, quietUntil } from "../../shared/policy/quiet-hours.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time.ts";

const at = (hour: number, minute = 0, second = 0): number => Date.UTC(2026, 5, 10, hour, minute, second);
const NIGHT = { from: "21:00", to: "08:00" };

describe("quiet hours", () => {
  it.each([
    ["20:59", at(20, 59), null],
    ["21:00, inclusive", at(21), at(32)],
    ["21:00:30, to the minute", at(21, 0, 30), at(32)],
    ["midnight", at(24), at(32)],
    ["07:59", at(31, 59), at(32)],
    ["08:00, exclusive", at(32), null],
  ])("over midnight: %s", (_, now, until) => {
    expect(quietUntil(NIGHT, now, "UTC")).toBe(until);
  });

  it("within one day", () => {
    const lunch = { from: "12:00", to: "13:30" };
    expect(quietUntil(lunch, at(11, 59), "UTC")).toBeNull();
    expect(quietUntil(lunch, at(12, 45), "UTC")).toBe(at(13, 30));
    expect(quietUntil(lunch, at(13, 30), "UTC")).toBeNull();
  });

  it("none, or an empty window, is never quiet", () => {
    expect(quietUntil(null, at(3), "UTC")).toBeNull();
    expect(quietUntil({ from: "10:00", to: "10:00" }, at(10), "UTC")).toBeNull();
  });

  it("are those of the given zone, half-hour zones too", () => {
    expect(quietUntil(NIGHT, at(12), "Asia/Tokyo")).toBe(at(23)); // 21:00 there
    expect(quietUntil(NIGHT, at(15, 30), "Asia/Kolkata")).toBe(at(26, 30)); // 21:00 there
    expect(quietUntil(NIGHT, at(12), "America/New_York")).toBe(null); // 08:00 there
    expect(quietUntil(NIGHT, at(11, 59), "America/New_York")).toBe(at(12));
  });

  it("an unknown zone counts as UTC: better a guess than no quiet at all", () => {
    expect(quietUntil(NIGHT, at(22), "Mars/Olympus")).toBe(at(32));
  });

  it("when they end it is not quiet, on every minute of a day", () => {
    for (let minute = 0; minute < 1_440; minute++) {
      const now = at(0) + minute * MINUTE_MS;
      const until = quietUntil(NIGHT, now, "Europe/Berlin");
      if (until === null) continue;
      expect(until).toBeGreaterThan(now);
      expect(until - now).toBeLessThanOrEqual(11 * HOUR_MS);
      expect(quietUntil(NIGHT, until, "Europe/Berlin")).toBeNull();
    }
  });

  it("an unknown zone is taken for the fallback", () => {
    expect(quietUntil(NIGHT, at(12), "Mars/Olympus", "Asia/Tokyo")).toBe(at(23));
    expect(quietUntil(NIGHT, at(22), "Mars/Olympus", "Mars/Phobos")).toBe(at(32));
  });
});

describe("quiet hours on the days when the clocks change", () => {
  const utc = (text: string): number => Date.parse(`${text}Z`);

  it.each([
    ["Berlin, put forward in the night", "Europe/Berlin", NIGHT, "2026-03-28T20:00", "2026-03-29T06:00"],
    ["Berlin, put back in the night", "Europe/Berlin", NIGHT, "2026-10-24T19:00", "2026-10-25T07:00"],
    ["Berlin, asked after the change", "Europe/Berlin", NIGHT, "2026-10-25T02:30", "2026-10-25T07:00"],
    ["New York, put forward", "America/New_York", NIGHT, "2026-03-08T02:00", "2026-03-08T12:00"],
    ["New York, put back", "America/New_York", NIGHT, "2026-11-01T01:00", "2026-11-01T13:00"],
    ["Kolkata, which has no such day", "Asia/Kolkata", NIGHT, "2026-03-28T15:30", "2026-03-29T02:30"],
    [
      "Chatham, put back by night, offset by three quarters",
      "Pacific/Chatham",
      NIGHT,
      "2026-04-04T09:00",
      "2026-04-04T19:15",
    ],
    ["Chatham, put forward by night", "Pacific/Chatham", NIGHT, "2026-09-26T08:30", "2026-09-26T18:15"],
    [
      "an end that the clock leaps over",
      "Europe/Berlin",
      { from: "21:00", to: "02:30" },
      "2026-03-28T23:00",
      "2026-03-29T01:00",
    ],
    [
      "an end that the clock shows twice: the first",
      "Europe/Berlin",
      { from: "21:00", to: "02:30" },
      "2026-10-24T23:00",
      "2026-10-25T00:30",
    ],
    [
      "and again after the second showing began",
      "Europe/Berlin",
      { from: "21:00", to: "02:30" },
      "2026-10-25T01:10",
      "2026-10-25T01:30",
    ],
    [
      "a beginning that is put back out of the window",
      "Europe/Berlin",
      { from: "02:30", to: "08:00" },
      "2026-10-25T00:45",
      "2026-10-25T01:00",
    ],
  ] as const)("%s", (_, zone, quiet, now, until) => {
    expect(new Date(quietUntil(quiet, utc(now), zone)!).toISOString()).toBe(new Date(utc(until)).toISOString());
  });

  /** What a clock on the wall shows: an independent reading of the same zone data. */
  const clock = (now: number, timeZone: string): string =>
    new Date(now).toLocaleTimeString("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
  const isQuiet = (now: number, zone: string, { from, to }: QuietHours): boolean => {
    const shown = clock(now, zone);
    return from < to ? shown >= from && shown < to : shown >= from || shown < to;
  };

  it("end at the first minute that the wall clock shows outside of them, on every quarter of these days", () => {
    const days: [string, string][] = [
      ["Europe/Berlin", "2026-03-28T12:00"],
      ["Europe/Berlin", "2026-10-24T12:00"],
      ["America/New_York", "2026-03-07T12:00"],
      ["America/New_York", "2026-10-31T12:00"],
      ["Asia/Kolkata", "2026-10-24T12:00"],
      ["Pacific/Chatham", "2026-04-04T00:00"],
      ["Pacific/Chatham", "2026-09-26T00:00"],
      ["Australia/Lord_Howe", "2026-04-04T00:00"], // by half an hour
    ];
    let held = 0;
    for (const [zone, day] of days) {
      for (const quiet of [NIGHT, { from: "02:30", to: "08:00" }, { from: "21:00", to: "02:15" }]) {
        for (let now = utc(day); now < utc(day) + 30 * HOUR_MS; now += 15 * MINUTE_MS) {
          let expected = now;
          while (isQuiet(expected, zone, quiet)) expected += 15 * MINUTE_MS;
          if (expected > now) held += 1;
          expect(quietUntil(quiet, now, zone), `${zone} ${new Date(now).toISOString()}`).toBe(
            expected === now ? null : expected,
          );
        }
      }
    }
    expect(held).toBeGreaterThan(500);
  });
});
