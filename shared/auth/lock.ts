/**
 * Locks of accounts: the first five failures in a row are free, each further one locks for twice as long as the one
 * before, from a minute to an hour; a success or a new password clears them. A locked account answers as if the password
 * were wrong: only its owner, by mail, learns that it is locked. So a stranger can keep an account locked, but nobody
 * can find out which accounts there are, or guess on; a reset by mail opens it at once.
 */
import { MINUTE_MS } from "../time.ts";

export const FREE_FAILURES = 5;
const MAX_LOCK_MS = 60 * MINUTE_MS;

/** How long an account is locked after so many failures in a row. */
export function lockMs(failures: number): number {
  if (failures <= FREE_FAILURES) return 0;
  return Math.min(MAX_LOCK_MS, MINUTE_MS * 2 ** (failures - FREE_FAILURES - 1));
}

/** From here on every failure locks for the longest time. */
const LONGEST = FREE_FAILURES + 1 + Math.ceil(Math.log2(MAX_LOCK_MS / MINUTE_MS));
/** The lock after one more failure, by the failures so far. */
const LOCKS = JSON.stringify(Array.from({ length: LONGEST }, (_, failures) => lockMs(failures + 1)));

/** An SQL condition on `users`, with `now` as its one value. */
export const UNLOCKED = "(locked_until IS NULL OR locked_until <= ?)";

/**
 * One failure more, as one statement: of guesses made at the same moment each is counted, and none after the one that
 * locks. Answers `{ failures, lockedUntil }`, or no row when the account was locked already.
 */
export const countFailure = (db: D1Database, userId: string, now: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE users SET failed_logins = failed_logins + 1,
         locked_until = nullif(? + json_extract(?, '$[' || min(failed_logins, ?) || ']'), ?)
       WHERE id = ? AND ${UNLOCKED} RETURNING failed_logins AS failures, locked_until AS lockedUntil`,
    )
    .bind(now, LOCKS, LONGEST - 1, now, userId, now);
