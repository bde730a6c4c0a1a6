import { describe, expect, it } from "vitest";
import { FREE_FAILURES, LOCKS_MS, lockMs } from "../../shared/auth/lock.ts";
import { MINUTE_MS } from "../../shared/time.ts";

describe("the lock of an account", () => {
  it.each([
    [0, 0],
    [1, 0],
    [5, 0],
    [6, 1],
    [7, 2],
    [8, 4],
    [9, 8],
    [10, 16],
    [11, 32],
    [12, 60],
    [13, 60],
    [1_000, 60],
    [1e9, 60],
  ])("after %i failures in a row lasts %i minutes", (failures, minutes) => {
    expect(lockMs(failures)).toBe(minutes * MINUTE_MS);
  });

  it("never gets shorter with another failure, at most doubles, and lasts an hour at most", () => {
    for (let failures = FREE_FAILURES + 1; failures < 200; failures++) {
      const [now, next] = [lockMs(failures), lockMs(failures + 1)];
      expect(next).toBeGreaterThanOrEqual(now);
      expect(next).toBeLessThanOrEqual(Math.min(2 * now, 60 * MINUTE_MS));
    }
  });

  it("is looked up by the failures so far, whose last entry is the longest lock", () => {
    expect(LOCKS_MS.map((ms) => ms / MINUTE_MS)).toEqual([0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60]);
  });
});
