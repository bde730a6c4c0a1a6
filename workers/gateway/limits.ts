/**
 * Rate limits of the gateway. An authenticated caller is limited by who they are, everybody else by their network, and
 * whoever tries to log in by account and network besides. One actor call each; none while a refusal is remembered.
 */
import { limiterName, limiterStub, storeStub } from "../../objects/stubs.ts";
import { networkOf } from "../../shared/address.ts";
import { parseConfig } from "../../shared/config.ts";
import { AppError } from "../../shared/errors.ts";
import { log } from "../../shared/log.ts";
import {
  type AdmitReply,
  apiRule,
  authFailuresRule,
  authRule,
  deviceRule,
  globalRule,
  type LimitRule,
  type LimitVerdict,
  retryAfter,
  type TokenMark,
} from "../../shared/policy/limits.ts";
import { SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { Refusals } from "./refusals.ts";

/** A changed `rateLimits` reaches every isolate within this time. */
const OVERRIDE_MS = 30 * SECOND_MS;
const MAX_STORES = 5_000;
/** Nobody's account name is longer (RFC 5321: 254). */
const MAX_ACCOUNT = 320;

const refusals = new Refusals();
const overrides = new Map<string, { apiPerMinute: number | null; until: number }>();

/**
 * A user or a secret key, by the `api` rule. `id` is theirs (`usr_…`, `key_…`); with `token`, its revocation is
 * answered along: `revoked` calls are never allowed. Throws `SERVICE_UNAVAILABLE` when a token cannot be checked.
 */
export async function limitCaller(
  env: Env,
  caller: { id: string; storeId: string },
  token?: TokenMark,
): Promise<AdmitReply> {
  const rule = apiRule(parseConfig(env).RATE_LIMITS, await apiOverride(env, caller.storeId));
  // A secret key's revocation is known from the database: without the limiter it is merely not counted.
  return ask(env, caller.id, rule, token ? "closed" : "open", token);
}

/** Somebody who has not said who they are, by the `global` rule. */
export const limitAddress = (env: Env, request: Request): Promise<LimitVerdict> =>
  ask(env, addressSubject(request), globalRule(parseConfig(env).RATE_LIMITS), "open");

/**
 * An attempt to prove to be `account` (an e-mail address or an id; `null` when the body names none), right or wrong:
 * beyond the limit of the `auth` rule this network is shut out of this account for a quarter of an hour.
 */
export const limitAuthAttempt = (env: Env, request: Request, account: string | null): Promise<LimitVerdict> => {
  const name = (account ?? "").trim().toLowerCase().slice(0, MAX_ACCOUNT);
  const subject = `account ${name} at ${addressSubject(request)}`;
  return ask(env, subject, authRule(parseConfig(env).RATE_LIMITS), "closed");
};

/**
 * Somebody who failed to say who they are, by the same rule. Without an edge in front nobody can be told from anybody
 * else, and one caller's mistakes must not shut out the others: then `null`, and nothing is counted.
 */
export const limitStranger = async (env: Env, request: Request): Promise<LimitVerdict | null> =>
  networkOf(request) === null ? null : limitAddress(env, request);

/**
 * The failures of one network over all accounts; `null` where no network is known, as above. Ask before the password is
 * looked at: the attempt counts as a failure until `forgiveAuthFailure` takes it back, so that a hundred attempts at once
 * are not a hundred free guesses.
 */
export const limitAuthFailures = async (env: Env, request: Request): Promise<LimitVerdict | null> =>
  networkOf(request) === null
    ? null
    : ask(env, addressSubject(request), authFailuresRule(parseConfig(env).RATE_LIMITS), "closed");

/** The attempt was none to worry about. */
export async function forgiveAuthFailure(env: Env, request: Request): Promise<void> {
  if (networkOf(request) !== null)
    await takeBack(env, addressSubject(request), authFailuresRule(parseConfig(env).RATE_LIMITS));
}

/** What a device that is known to an account tries; the same until `forgiveDevice`. */
export const limitDevice = (env: Env, deviceId: string): Promise<LimitVerdict> =>
  ask(env, `device ${deviceId}`, deviceRule(parseConfig(env).RATE_LIMITS), "closed");

export const forgiveDevice = (env: Env, deviceId: string): Promise<void> =>
  takeBack(env, `device ${deviceId}`, deviceRule(parseConfig(env).RATE_LIMITS));

/** When this is lost, one success counts as a failure for as long as the window is. */
async function takeBack(env: Env, subject: string, rule: LimitRule): Promise<void> {
  try {
    await limiterStub(env, subject).takeBack(rule);
  } catch (error) {
    log("warn", "limiter_unreachable", { rule: rule.name, error });
  }
}

/** `X-RateLimit-*` of any answer, and `Retry-After` of a refusal. */
export function limitHeaders(verdict: LimitVerdict): Record<string, string> {
  return {
    "x-ratelimit-limit": String(verdict.limit),
    "x-ratelimit-remaining": String(verdict.remaining),
    "x-ratelimit-reset": String(Math.ceil(verdict.resetAt / SECOND_MS)),
    ...(verdict.allowed ? {} : { "retry-after": retryAfter(verdict.retryAfterMs) }),
  };
}

/** What a refused call is answered with; send `limitHeaders` along. */
export function refusalOf(verdict: LimitVerdict & { revoked?: boolean }): AppError | null {
  if (verdict.allowed) return null;
  if (verdict.revoked) return new AppError("UNAUTHORIZED", "The session has ended: log in again.");
  const seconds = retryAfter(verdict.retryAfterMs);
  return new AppError(
    "TOO_MANY_REQUESTS",
    `At most ${verdict.limit} such requests a minute are allowed. Try again in ${seconds} second${seconds === "1" ? "" : "s"}.`,
  );
}

/** Called when this isolate changed a store's settings. */
export const forgetOverride = (storeId: string): void => void overrides.delete(storeId);

/** Without an edge in front all share one window. */
const addressSubject = (request: Request): string => `address ${networkOf(request) ?? "unknown"}`;

/** `failing`: what to do when the limiter cannot be reached. `open` lets the call pass uncounted, `closed` is a 503. */
async function ask(
  env: Env,
  subject: string,
  rule: LimitRule,
  failing: "open" | "closed",
  token?: TokenMark,
): Promise<AdmitReply> {
  const now = Date.now();
  // With the limit in the key a raised limit counts at once.
  const key = `${rule.name} ${rule.limit} ${limiterName(subject)}`;
  const refused = refusals.find(key, now);
  if (refused) return { ...refused, revoked: false };
  try {
    const reply = await limiterStub(env, subject).admit({ rule, token });
    if (!reply.allowed && !reply.revoked) refusals.remember(key, reply, now);
    return reply;
  } catch (error) {
    log("warn", "limiter_unreachable", { rule: rule.name, error });
    if (failing === "closed")
      throw new AppError("SERVICE_UNAVAILABLE", "This cannot be checked at the moment: please try again.");
    const { limit, windowMs } = rule;
    return { allowed: true, limit, remaining: limit, resetAt: now + windowMs, retryAfterMs: 0, revoked: false };
  }
}

/** The store's own limit, asked once in a while and kept: not a second actor call with every request. */
async function apiOverride(env: Env, storeId: string): Promise<number | null> {
  const now = Date.now();
  const known = overrides.get(storeId);
  if (known && known.until > now) return known.apiPerMinute;
  let apiPerMinute = known?.apiPerMinute ?? null;
  try {
    const settings = await storeStub(env, storeId).settings();
    apiPerMinute = settings.ok ? (settings.value.rateLimits?.apiPerMinute ?? null) : null;
  } catch (error) {
    log("warn", "rate_limit_override_unknown", { storeId, error }); // the last one known is good enough
  }
  if (overrides.size >= MAX_STORES) overrides.delete(overrides.keys().next().value ?? "");
  overrides.delete(storeId);
  overrides.set(storeId, { apiPerMinute, until: now + OVERRIDE_MS });
  return apiPerMinute;
}
