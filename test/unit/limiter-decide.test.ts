import { describe, expect, it } from "vitest";
import { type Admission, admit, takeBack, type Window } from "../../objects/limiter/decide.ts";
import { type LimitRule, MAX_LIMIT } from "../../shared/policy/limits.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { random } from "../support/random.ts";

const T0 = 1_800_000_000_000;
const api: LimitRule = { name: "api", limit: 3, windowMs: MINUTE_MS };
const auth: LimitRule = { name: "auth", limit: 3, windowMs: MINUTE_MS, blockMs: 15 * MINUTE_MS };

/** Calls at these instants, one after another, of one subject. */
function callsAt(rule: LimitRule, instants: number[]): Admission[] {
  let state: Window | undefined;
  return instants.map((now) => {
    const admission = admit(state, rule, now);
    state = admission.state;
    return admission;
  });
}

const allowed = (admissions: Admission[]): boolean[] => admissions.map((a) => a.allowed);

describe("a sliding window", () => {
  it("admits exactly the limit, and says what is left", () => {
    const all = callsAt(api, [T0, T0, T0, T0]);
    expect(allowed(all)).toEqual([true, true, true, false]);
    expect(all.map((a) => a.remaining)).toEqual([2, 1, 0, 0]);
    expect(all.map((a) => a.limit)).toEqual([3, 3, 3, 3]);
  });

  it("a call leaves the window when it is exactly as old as the window is long, not a millisecond earlier", () => {
    const full = [T0, T0 + 1, T0 + 2];
    expect(callsAt(api, [...full, T0 + MINUTE_MS - 1]).at(-1)).toMatchObject({ allowed: false, retryAfterMs: 1 });
    expect(callsAt(api, [...full, T0 + MINUTE_MS]).at(-1)).toMatchObject({ allowed: true, remaining: 0 });
    expect(allowed(callsAt(api, [...full, T0 + MINUTE_MS, T0 + MINUTE_MS]))).toEqual([true, true, true, true, false]);
  });

  it("slides: no minute, wherever it begins, sees more than the limit", () => {
    const end = T0 - (T0 % MINUTE_MS) + MINUTE_MS;
    const around = [-3, -2, -1, 0, 1, 2].map((i) => end + i);
    expect(allowed(callsAt(api, around))).toEqual([true, true, true, false, false, false]);
  });

  it("whoever waits as long as told gets through, and not a millisecond earlier", () => {
    const full = [T0, T0 + 10 * SECOND_MS, T0 + 20 * SECOND_MS, T0 + 30 * SECOND_MS];
    const refused = callsAt(api, full).at(-1)!;
    expect(refused).toMatchObject({ allowed: false, retryAfterMs: 30 * SECOND_MS, resetAt: T0 + MINUTE_MS });
    expect(callsAt(api, [...full, refused.resetAt - 1]).at(-1)!.allowed).toBe(false);
    expect(callsAt(api, [...full, refused.resetAt]).at(-1)!.allowed).toBe(true);
  });

  it("refused calls use nothing up", () => {
    const flood = Array.from({ length: 1000 }, (_, i) => T0 + 3 + i);
    expect(callsAt(api, [T0, T0, T0, ...flood, T0 + MINUTE_MS]).at(-1)).toMatchObject({ allowed: true, remaining: 2 });
  });

  it("a limit that was lowered counts the calls of before", () => {
    const before = callsAt(
      { ...api, limit: 10 },
      [1, 2, 3, 4, 5].map((s) => T0 + s * SECOND_MS),
    ).at(-1)!.state;
    const now = T0 + 6 * SECOND_MS;
    const refused = admit(before, api, now);
    // The first three of the five have to leave.
    expect(refused).toMatchObject({ allowed: false, resetAt: T0 + 3 * SECOND_MS + MINUTE_MS });
    expect(admit(before, api, refused.resetAt).allowed).toBe(true);
  });

  it("a clock that was set back keeps the calls in order and counts them", () => {
    const all = callsAt(api, [T0, T0 - 5_000, T0 - 9_000, T0 - 1]);
    expect(allowed(all)).toEqual([true, true, true, false]);
    expect(all.at(-1)!.state.calls).toEqual([T0, T0, T0]);
  });

  it("a call that is taken back does not count", () => {
    const { state } = callsAt(api, [T0, T0 + 1, T0 + 2]).at(-1)!;
    expect(admit(takeBack(state), api, T0 + 3)).toMatchObject({ allowed: true, remaining: 0 });
  });

  it("memory is bounded, whatever the rule asks for", () => {
    const wide = { ...api, limit: MAX_LIMIT * 2 };
    const calls = Array.from({ length: MAX_LIMIT }, () => T0);
    const refused = admit({ calls, blockedUntil: null, expiresAt: T0 + MINUTE_MS }, wide, T0 + 1);
    expect(refused).toMatchObject({ allowed: false, limit: MAX_LIMIT });
    expect(refused.state.calls).toHaveLength(MAX_LIMIT);
  });
});

describe("a block", () => {
  const full = [T0, T0, T0];
  const begun = T0 + SECOND_MS;
  const end = begun + 15 * MINUTE_MS;

  it("begins with the attempt beyond the limit", () => {
    expect(callsAt(auth, full).every((a) => a.allowed && a.blockedUntil === undefined)).toBe(true);
    expect(callsAt(auth, [...full, begun]).at(-1)).toMatchObject({
      allowed: false,
      blockedUntil: end,
      resetAt: end,
      retryAfterMs: 15 * MINUTE_MS,
    });
  });

  it("refuses everything until its end, and attempts do not lengthen it", () => {
    const during = [begun + 1, begun + 2 * MINUTE_MS, end - 1];
    const all = callsAt(auth, [...full, begun, ...during]);
    expect(allowed(all.slice(4))).toEqual([false, false, false]);
    expect(all.slice(4).map((a) => a.blockedUntil)).toEqual([end, end, end]);
    expect(all.at(-1)!.retryAfterMs).toBe(1);
  });

  it("ends on time, with an empty window", () => {
    const after = callsAt(auth, [...full, begun, end - 1, end, end, end, end]);
    expect(allowed(after.slice(4))).toEqual([false, true, true, true, false]);
    expect(after[5]).toMatchObject({ remaining: 2 });
    expect(after[5]!.blockedUntil).toBeUndefined();
  });

  it("is not ended by taking a call back", () => {
    const { state } = callsAt(auth, [...full, begun]).at(-1)!;
    expect(admit(takeBack(state), auth, begun + 1)).toMatchObject({ allowed: false, blockedUntil: end });
  });

  it("attempts that are spread out never begin one", () => {
    const slow = Array.from({ length: 50 }, (_, i) => T0 + i * 20 * SECOND_MS);
    expect(allowed(callsAt(auth, slow))).toEqual(slow.map(() => true));
  });
});

describe("random schedules agree with a naive model", () => {
  /** Keeps everything it ever saw and looks at all of it each time. */
  function naive(rule: LimitRule, instants: number[]): boolean[] {
    let admitted: number[] = [];
    let blockedUntil = Number.NEGATIVE_INFINITY;
    return instants.map((now) => {
      if (now < blockedUntil) return false;
      if (admitted.filter((at) => now - at < rule.windowMs).length < rule.limit) {
        admitted.push(now);
        return true;
      }
      if (rule.blockMs !== undefined) {
        blockedUntil = now + rule.blockMs;
        admitted = [];
      }
      return false;
    });
  }

  it.each(Array.from({ length: 40 }, (_, seed) => seed))("seed %i", (seed) => {
    const { below, chance, pick } = random(seed);
    const windowMs = pick([10, 100, 1000]);
    const rule: LimitRule = {
      name: "r",
      limit: 1 + below(12),
      windowMs,
      ...(chance(0.5) ? { blockMs: pick([5, 150, 2500]) } : {}),
    };
    let now = T0;
    const instants = Array.from({ length: 600 }, () => {
      now += chance(0.3) ? 0 : chance(0.1) ? below(3 * windowMs) : below(Math.ceil((2 * windowMs) / rule.limit));
      return now;
    });
    const all = callsAt(rule, instants);
    expect(allowed(all)).toEqual(naive(rule, instants));
    const passed = instants.filter((_, i) => all[i]!.allowed);
    // A block shorter than the window, which nobody configures, forgives the calls before it.
    const strict = rule.blockMs === undefined || rule.blockMs >= windowMs;
    for (const end of strict ? passed : [])
      expect(passed.filter((at) => at <= end && end - at < windowMs).length).toBeLessThanOrEqual(rule.limit);
    for (const [i, { allowed: ok, retryAfterMs, resetAt, state }] of all.entries()) {
      expect(state.calls.length).toBeLessThanOrEqual(rule.limit);
      expect(resetAt).toBeGreaterThan(instants[i]!);
      if (!ok) expect(admit(state, rule, instants[i]! + retryAfterMs).allowed).toBe(true);
    }
  });
});
