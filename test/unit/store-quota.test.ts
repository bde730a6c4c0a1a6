import { describe, expect, it } from "vitest";
import { overQuotaUntil, QUOTA_MINUTES } from "../../objects/store/quota.ts";
import { MINUTE_MS } from "../../shared/time.ts";
import { random } from "../support/random.ts";

const MINUTE = 1_800_000_000_000 - (1_800_000_000_000 % MINUTE_MS);
const now = MINUTE + 20_000;
const after = (minutes: number): number => MINUTE + minutes * MINUTE_MS;

describe("a store's quota of events a minute", () => {
  it.each([
    [[0], null],
    [[99], null],
    [[100], after(1)],
    [[199], after(1)],
    [[200], after(2)],
    [[0, 1050], after(10)],
    [[100, 100, 99], null],
    [[100, 100, 100], after(1)],
    [[150, 0], null],
    [[150, 50], after(1)],
    [[300, 0], after(2)],
    [[300, 0, 0], after(1)],
    [[300, 0, 0, 0], null],
    [[0, 0, 0, 300, 0], after(2)],
  ])("%j events in the last minutes: refused until %s", (minutes, until) => {
    expect(overQuotaUntil(100, minutes, now)).toBe(until);
  });

  it("0 is none", () => {
    expect(overQuotaUntil(0, [1e9, 1e9], now)).toBeNull();
  });

  it.each([1, 2, 3, 4, 5])(
    "however late the counts are, in the long run no more than the quota is accepted (seed %i)",
    (seed) => {
      const { below } = random(seed);
      const perMinute = 100;
      const accepted: number[] = [];
      for (let minute = 0; minute < 300; minute++) {
        // Known when the minute begins is all but the minute before, which is told only at its end.
        const told = [...accepted.slice(0, -1), 0, 0].slice(-QUOTA_MINUTES);
        const until = overQuotaUntil(perMinute, told, after(minute));
        accepted.push(until === null ? below(400) : 0);
      }
      const total = accepted.reduce((sum, events) => sum + events, 0);
      expect(total).toBeLessThan(perMinute * 300 + 3 * 400);
      expect(total).toBeGreaterThan(perMinute * 300 * 0.8);
    },
  );
});
