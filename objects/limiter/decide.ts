/**
 * An exact sliding window, and blocks. Pure. A window remembers the instant of every call it counted, so that in no
 * span of `windowMs`, wherever it begins, more than `limit` calls are admitted.
 */
import { type LimitRule, type LimitVerdict, MAX_LIMIT } from "../../shared/policy/limits.ts";

export interface Window {
  /** Counted calls in milliseconds, oldest first; at most `MAX_LIMIT`. Empty during a block. */
  calls: readonly number[];
  blockedUntil: number | null;
  /** From here on it says nothing any more. */
  expiresAt: number;
}

export interface Admission extends LimitVerdict {
  state: Window;
  /** There while everything is refused. */
  blockedUntil?: number;
}

/**
 * One call at `now`. It is counted when it is admitted: a refused one uses nothing up, so whoever waits gets through.
 * With `blockMs` the attempt beyond the limit starts a block; attempts during it do not lengthen it, and after it the
 * window is empty. A call exactly `windowMs` old has left the window.
 */
export function admit(known: Window | undefined, rule: LimitRule, now: number): Admission {
  const limit = Math.min(rule.limit, MAX_LIMIT);
  if (known && known.blockedUntil !== null && now < known.blockedUntil)
    return blocked(known, known.blockedUntil, limit, now);
  const calls = callsSince(known?.calls ?? [], now - rule.windowMs);
  if (calls.length < limit) return admitted(calls, rule.windowMs, limit, now);
  if (rule.blockMs) {
    const until = now + rule.blockMs;
    return blocked({ calls: [], blockedUntil: until, expiresAt: until }, until, limit, now);
  }
  // When the limit was lowered meanwhile, more than one call has to leave first.
  const freeAt = calls[calls.length - limit]! + rule.windowMs;
  const state: Window = { calls, blockedUntil: null, expiresAt: calls.at(-1)! + rule.windowMs };
  return { state, allowed: false, limit, remaining: 0, resetAt: freeAt, retryAfterMs: freeAt - now };
}

/** Takes the latest call back. A block stays: it was begun by a call that nobody takes back. */
export const takeBack = (known: Window): Window => ({ ...known, calls: known.calls.slice(0, -1) });

function admitted(before: readonly number[], windowMs: number, limit: number, now: number): Admission {
  // A clock that was set back must not put calls out of order.
  const at = Math.max(now, before.at(-1) ?? now);
  const calls = [...before, at];
  return {
    state: { calls, blockedUntil: null, expiresAt: at + windowMs },
    allowed: true,
    limit,
    remaining: limit - calls.length,
    resetAt: calls[0]! + windowMs,
    retryAfterMs: 0,
  };
}

const blocked = (state: Window, until: number, limit: number, now: number): Admission => ({
  state,
  allowed: false,
  limit,
  remaining: 0,
  resetAt: until,
  retryAfterMs: until - now,
  blockedUntil: until,
});

/** The calls after `start`. */
function callsSince(calls: readonly number[], start: number): readonly number[] {
  const first = calls.findIndex((at) => at > start);
  return first < 0 ? [] : first === 0 ? calls : calls.slice(first);
}
