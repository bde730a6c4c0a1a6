/**
 * Makes access tokens void at once, everywhere, although each verifies on its own: the `Limiter` of a user, which every
 * request of theirs asks anyway, knows what was revoked, until the last token concerned has expired.
 */
import { limiterStub } from "../../objects/stubs.ts";
import { ACCESS_TTL_S } from "../../shared/auth/tokens.ts";
import { SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";

const untilAllExpired = (now: number): number => now + ACCESS_TTL_S * SECOND_MS;

/** The tokens of one session: it was logged out, or somebody else had its refresh token. */
export const revokeSession = (env: Env, userId: string, sessionId: string): Promise<void> =>
  limiterStub(env, userId).revoke(sessionId, untilAllExpired(Date.now()));

/** All tokens of a user issued so far: a new password, another role, "log out everywhere". */
export function revokeUser(env: Env, userId: string): Promise<void> {
  const now = Date.now();
  return limiterStub(env, userId).revokeAll(now, untilAllExpired(now));
}
