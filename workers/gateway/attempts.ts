/**
 * Guesses at passwords and codes. What a guess opens is decided by one statement that asks whether the account is
 * locked, and only after the hashing: guesses made at the same moment get no more tries than those made one by one.
 */
import { LOCKS_MS } from "../../shared/auth/lock.ts";
import { checkPassword } from "../../shared/auth/passwords.ts";
import { hintAccountMail, insertAccountMail, newAccountMail } from "../../shared/db/account-mails.ts";
import { log } from "../../shared/log.ts";
import { iso } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { writeAudit } from "./audit.ts";
import type { AuditNote, Call } from "./route.ts";
import { type Account, storeOfUser } from "./users.ts";

/** SQL conditions on `users`, with `now` as their one value. */
export const UNLOCKED = "(locked_until IS NULL OR locked_until <= ?)";
/** Not even while it is locked for others is it for a known device. */
export const unlockedFor = (known: boolean): string => (known ? "(? IS NOT NULL)" : UNLOCKED);

/**
 * A login whose password was `correct`, or not: asks the same of the database for an unknown account, a wrong password
 * and a locked account, so that the time tells nothing. `null`: not let in. Without a second factor the failures are
 * forgotten here; with one, only when its code is right too. A lock stays when a `known` device gets past it: whoever
 * caused it may not go on.
 */
export async function admit(
  env: Env,
  account: Account | null,
  correct: boolean,
  known = false,
): Promise<{ mfa: boolean } | null> {
  const now = Date.now();
  const row = await env.DB.prepare(
    `UPDATE users SET failed_logins = iif(mfa_enabled_at IS NULL AND ${UNLOCKED}, 0, failed_logins),
       locked_until = iif(${UNLOCKED}, NULL, locked_until), last_login_at = iif(mfa_enabled_at IS NULL, ?, last_login_at)
     WHERE id = ? AND password_hash = ? AND ${unlockedFor(known)} RETURNING mfa_enabled_at`,
  )
    .bind(now, now, now, correct && account ? account.id : "", account?.password_hash ?? "", now)
    .first<{ mfa_enabled_at: number | null }>();
  return row && { mfa: row.mfa_enabled_at !== null };
}

/** The password of somebody who is logged in already. Wrong ones count like those at the door. */
export async function confirmPassword(call: Call, account: Account, password: string): Promise<boolean> {
  const correct = await checkPassword(password, account.password_hash);
  if (!correct) await noteFailure(call, account, "password");
  return correct && ((await call.isKnown(account.id)) || (await isUnlocked(call.env, account.id)));
}

async function isUnlocked(env: Env, userId: string): Promise<boolean> {
  const row = await env.DB.prepare(`SELECT 1 FROM users WHERE id = ? AND ${UNLOCKED}`).bind(userId, Date.now()).first();
  return row !== null;
}

interface Counted {
  failures: number;
  lockedUntil: number | null;
}

/** How long one failure more locks; written out, because the database takes bound numbers for reals. */
const LOCK_MS = `json_extract('${JSON.stringify(LOCKS_MS)}', '$[' || min(failed_logins, ${LOCKS_MS.length - 1}) || ']')`;

/** One failure more, as one statement: each guess is counted, and no stranger's after the one that locks (`null`). */
const countFailure = (db: D1Database, userId: string, known: boolean, now: number): Promise<Counted | null> =>
  db
    .prepare(
      `UPDATE users SET failed_logins = failed_logins + 1,
         locked_until = nullif(? + ${LOCK_MS}, ?)
       WHERE id = ? AND ${unlockedFor(known)} RETURNING failed_logins AS failures, locked_until AS lockedUntil`,
    )
    .bind(now, now, userId, now)
    .first<Counted>();

/** Counts a wrong password or code, notes it in the log of the account's first store, and tells the owner of a lock. */
export async function noteFailure(call: Call, account: Account, what: "password" | "code"): Promise<void> {
  const { env, url } = call;
  const now = Date.now();
  const counted = await countFailure(env.DB, account.id, await call.isKnown(account.id), now);
  const notes: AuditNote[] = [{ action: "login.failed", after: { what, locked: counted === null } }];
  if (counted?.lockedUntil) {
    const { failures, lockedUntil: until } = counted;
    notes.push({ action: "login.locked", after: { failures, until: iso(until) } });
    const to = { recipient: account.email, userId: account.id };
    const mail = newAccountMail("locked", to, { base: url.origin, until }, now);
    if ((await insertAccountMail(env.DB, mail).run()).meta.changes > 0) await hintAccountMail(env.INTERVENTIONS, mail);
  }
  const store = await storeOfUser(env, account.id);
  if (!store) return;
  const actor = { storeId: store.id, userId: account.id, email: account.email };
  await writeAudit(
    call,
    null,
    notes.map((note) => ({ ...note, objectId: account.id, actor })),
  );
}

/** Work the answer does not wait for, so that its time tells nothing of what there was to do. */
export function afterwards(call: Call, work: Promise<void>): void {
  call.ctx.waitUntil(
    work.catch((error: unknown) => log("error", "afterwards_failed", { requestId: call.requestId, error })),
  );
}
