import { describe, expect, it } from "vitest";
import { quietUntil } from "../../shared/policy/quiet-hours.ts";
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
});
