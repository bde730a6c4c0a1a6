/**
 * Locks of accounts: the first five failures in a row are free, each further one locks for twice as long as the one
 * before, from a minute to an hour; a success or a new password clears them. A locked account answers as if the password
 * were wrong: only its owner, by mail, learns that it is locked. So nobody can find out which accounts there are, or guess
 * on. A stranger can keep an account locked, but not for the devices that are known to it (`device-tokens.ts`); a reset by
 * mail opens it at once, and makes the device known where it is done.
 */
import { MINUTE_MS } from "../time.ts";

export const FREE_FAILURES = 5;
const MAX_LOCK_MS = 60 * MINUTE_MS;

/** How long an account is locked after so many failures in a row. */
export function lockMs(failures: number): number {
  if (failures <= FREE_FAILURES) return 0;
  return Math.min(MAX_LOCK_MS, MINUTE_MS * 2 ** (failures - FREE_FAILURES - 1));
}

/** The lock after one more failure, by the failures so far; the last one stands for all further ones. */
export const LOCKS_MS: readonly number[] = Array.from(
  { length: FREE_FAILURES + 1 + Math.ceil(Math.log2(MAX_LOCK_MS / MINUTE_MS)) },
  (_, failures) => lockMs(failures + 1),
);
