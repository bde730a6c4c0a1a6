/** Rate limits as plain data: what the gateway asks a `Limiter`, what it answers, and how limits are configured. */
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../time.ts";

/** At most `limit` calls in any `windowMs`. */
export interface LimitRule {
  /** Several rules of one subject live side by side under their names. */
  name: string;
  /** From 1 to `MAX_LIMIT`. */
  limit: number;
  windowMs: number;
  /** The attempt beyond the limit refuses everything for this long. Absent: only what is too much is refused. */
  blockMs?: number;
}

/** A window remembers each of its calls, so there is a most. */
export const MAX_LIMIT = 10_000;

/** Instants and durations in milliseconds. */
export interface LimitVerdict {
  allowed: boolean;
  limit: number;
  remaining: number;
  /** When more is allowed than now: the oldest call leaves the window, or the block ends. */
  resetAt: number;
  /** 0 when allowed. */
  retryAfterMs: number;
}

/** What a `Limiter` knows an access token by. */
export interface TokenMark {
  jti: string;
  /** The session it was issued for. */
  sessionId: string | null;
  /**
   * Milliseconds (the token's claim `ims`): `iat` has whole seconds, and within the second of a "log out everywhere"
   * could not tell the token before it from the login after it.
   */
  issuedAt: number;
}

/** What of a subject's tokens is void: single ones, those of whole sessions, and all issued at or before an instant (ms). */
export interface Voided {
  ids: string[];
  before: number | null;
}

export const isVoid = (
  { jti, sessionId, issuedAt }: TokenMark,
  ids: { has(id: string): boolean },
  before: number | null,
): boolean => ids.has(jti) || (sessionId !== null && ids.has(sessionId)) || (before !== null && issuedAt <= before);

export interface AdmitRequest {
  rule: LimitRule;
  token?: TokenMark;
}

export interface AdmitReply extends LimitVerdict {
  /** The token is void. Then the call is refused, and not counted: a stolen token must not use up its owner's calls. */
  revoked: boolean;
}

/** Calls per minute. `global`: an address; `auth`: attempts to log in; `api`: an authenticated caller. */
export interface RateLimits {
  global: number;
  auth: number;
  api: number;
}

/** `"global=1000 auth=10 api=600"`; a name that is not given keeps its default. A text: what is wrong with it. */
export function parseRateLimits(text: string): RateLimits | string {
  const limits: RateLimits = { global: 1000, auth: 10, api: 600 };
  const seen = new Set<string>();
  for (const part of text.split(/\s+/).filter((p) => p !== "")) {
    const [, name, digits] = /^(global|auth|api)=(\d{1,6})$/.exec(part) ?? [];
    const limit = Number(digits);
    if (!name || !(limit >= 1 && limit <= MAX_LIMIT))
      return `must be like "global=1000 auth=10 api=600", each from 1 to ${MAX_LIMIT} a minute; not "${part.slice(0, 40)}"`;
    if (seen.has(name)) return `names ${name} twice`;
    seen.add(name);
    limits[name as keyof RateLimits] = limit;
  }
  return limits;
}

const AUTH_BLOCK_MS = 15 * MINUTE_MS;

export const globalRule = (limits: RateLimits): LimitRule => perMinute("global", limits.global);
export const apiRule = (limits: RateLimits, override: number | null): LimitRule =>
  perMinute("api", override ?? limits.api);
/** Of one account at one address; right passwords count as well. */
export const authRule = (limits: RateLimits): LimitRule => ({
  ...perMinute("auth", limits.auth),
  blockMs: AUTH_BLOCK_MS,
});
/** Of one address, whichever the accounts. */
export const authFailuresRule = (limits: RateLimits): LimitRule => ({ ...authRule(limits), name: "auth-failures" });

/**
 * Of one device that is known to an account, wherever it is. The account's lock does not hold for it, so this is all that
 * bounds who has stolen its cookie: 240 guesses a day.
 */
export const deviceRule = (limits: RateLimits): LimitRule => ({
  name: "device",
  limit: limits.auth,
  windowMs: HOUR_MS,
  blockMs: HOUR_MS,
});

const perMinute = (name: string, limit: number): LimitRule => ({ name, limit, windowMs: MINUTE_MS });

/** The value of `Retry-After`: whole seconds, rounded up, at least one. */
export const retryAfter = (ms: number): string => String(Math.max(1, Math.ceil(ms / SECOND_MS)));
