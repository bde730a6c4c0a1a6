import { describe, expect, it } from "vitest";
import { pace, UNPACED } from "../../objects/breaker/pace.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";

const T = 1_000_000;

/** Callers who all come at once and come back when they were told to; the times at which they went through. */
function passed(callers: number, maxPerMinute: number): { times: number[]; asked: number } {
  let state = UNPACED;
  let waiting = Array.from({ length: callers }, () => T);
  const times: number[] = [];
  let asked = 0;
  while (waiting.length > 0) {
    waiting.sort((a, b) => a - b);
    const now = waiting.shift()!;
    asked += 1;
    const answer = pace(state, maxPerMinute, now);
    state = answer.state;
    if (answer.until === null) times.push(now);
    else waiting = [...waiting, answer.until];
  }
  return { times, asked };
}

describe("a provider's rate", () => {
  it.each([6, 60, 1_500])("of %i a minute is never exceeded by more than a second's worth, and is used up", (max) => {
    const { times, asked } = passed(2 * max, max);
    const burst = Math.max(1, Math.ceil(max / 60));
    for (const [i, at] of times.entries()) {
      const within = times.slice(i).filter((t) => t < at + MINUTE_MS).length;
      expect(within).toBeLessThanOrEqual(max + burst);
    }
    expect(times.at(-1)! - T).toBeLessThanOrEqual(2 * MINUTE_MS + SECOND_MS);
    expect(times.at(-1)! - T).toBeGreaterThan(2 * MINUTE_MS - 2 * (MINUTE_MS / max) - SECOND_MS);
    // Who waits has a time of their own: hardly anybody asks a third time.
    expect(asked).toBeLessThanOrEqual(2.2 * times.length);
  });

  it("lets a caller through at once after a pause", () => {
    const first = pace(UNPACED, 1, T);
    expect(first.until).toBeNull();
    expect(pace(first.state, 1, T + 1).until).toBe(T + MINUTE_MS);
    expect(pace(first.state, 1, T + MINUTE_MS).until).toBeNull();
  });
});
