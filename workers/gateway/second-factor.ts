/** The second factor of a user: the secret, the codes, and the token between the two steps of a login. */
import {
  hashRecoveryCode,
  plainRecoveryCode,
  RECOVERY_CODE_BYTES,
  RECOVERY_CODES,
  recoveryCode,
} from "../../shared/auth/recovery-codes.ts";
import { seal, unseal } from "../../shared/auth/sealing.ts";
import { readStepToken, STEP_TTL_MS, signStepToken } from "../../shared/auth/step-tokens.ts";
import { SECRET_BYTES, stepOfCode, totpSecret } from "../../shared/auth/totp.ts";
import { parseConfig } from "../../shared/config.ts";
import { ALWAYS, type Guard } from "../../shared/db/guard.ts";
import { log } from "../../shared/log.ts";
import type { Env } from "../env.ts";
import { UNLOCKED, unlockedFor } from "./attempts.ts";
import { type Account, findAccount } from "./users.ts";

/** Wrong codes a step token stands; the lock of the account counts them too. */
const MAX_WRONG_CODES = 5;

/** Takes the present twice. */
const FORGET = `failed_logins = iif(${UNLOCKED}, 0, failed_logins), locked_until = iif(${UNLOCKED}, NULL, locked_until)`;

const secretName = (userId: string): string => `mfa ${userId}`;

/** Sealed for `users.mfa_secret`, and plain for the one who asked. */
export async function newSecretFor(env: Env, userId: string): Promise<{ secret: string; sealed: string }> {
  const secret = totpSecret(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { secret, sealed: await seal(secret, secretName(userId), parseConfig(env).AUTH_SECRET, iv) };
}

/** The time step of the code that `code` is, or `null`. */
export async function stepOf(env: Env, account: Account, code: string, now: number): Promise<number | null> {
  if (account.mfa_secret === null) return null;
  const secret = await unseal(account.mfa_secret, secretName(account.id), parseConfig(env).AUTH_SECRET);
  if (secret !== null) return stepOfCode(secret, code, now);
  log("error", "mfa_secret_unreadable", { user: account.id });
  return null;
}

/**
 * Uses up a code of the app, or a recovery code: `true` at most once for each, however many try at the same moment, and
 * never beyond so many failures, nor while the account is locked, but for a `known` device. A success forgets the failures,
 * unless the account is locked for others.
 */
export async function useCode(
  env: Env,
  account: Account,
  code: string,
  maxFailures: number,
  known = false,
): Promise<boolean> {
  const now = Date.now();
  const step = await stepOf(env, account, code, now);
  const usable = `mfa_enabled_at IS NOT NULL AND mfa_secret = ? AND failed_logins < ? AND ${unlockedFor(known)}`;
  const values = [account.mfa_secret, maxFailures, now];
  if (step !== null) {
    const used = await env.DB.prepare(
      `UPDATE users SET mfa_last_step = ?, ${FORGET}
       WHERE id = ? AND (mfa_last_step IS NULL OR mfa_last_step < ?) AND ${usable}`,
    )
      .bind(step, now, now, account.id, step, ...values)
      .run();
    return used.meta.changes > 0;
  }
  const plain = plainRecoveryCode(code);
  if (plain === null) return false;
  const hash = await hashRecoveryCode(account.id, plain, parseConfig(env).AUTH_SECRET);
  const used = await env.DB.prepare(
    `DELETE FROM recovery_codes WHERE user_id = ? AND hash = ? AND EXISTS (SELECT 1 FROM users WHERE id = ? AND ${usable})`,
  )
    .bind(account.id, hash, account.id, ...values)
    .run();
  if (used.meta.changes === 0) return false;
  await env.DB.prepare(`UPDATE users SET ${FORGET} WHERE id = ?`).bind(now, now, account.id).run();
  return true;
}

/** New recovery codes in place of all that there were, and the statements that keep them. */
export async function newRecoveryCodes(
  env: Env,
  userId: string,
  guard: Guard = ALWAYS,
): Promise<{ codes: string[]; statements: D1PreparedStatement[] }> {
  const codes = Array.from({ length: RECOVERY_CODES }, () =>
    recoveryCode(crypto.getRandomValues(new Uint8Array(RECOVERY_CODE_BYTES))),
  );
  const { AUTH_SECRET } = parseConfig(env);
  const hashes = await Promise.all(
    codes.map((code) => hashRecoveryCode(userId, plainRecoveryCode(code)!, AUTH_SECRET)),
  );
  const forget = env.DB.prepare(`DELETE FROM recovery_codes WHERE user_id = ? AND ${guard.sql}`);
  const keep = env.DB.prepare(
    `INSERT INTO recovery_codes (user_id, hash, created_at) SELECT ?, ?, ? WHERE ${guard.sql}`,
  );
  const now = Date.now();
  return {
    codes,
    statements: [
      forget.bind(userId, ...guard.values),
      ...hashes.map((hash) => keep.bind(userId, hash, now, ...guard.values)),
    ],
  };
}

/** What a step token stands and falls with. */
const boundOf = ({ password_hash, mfa_secret, mfa_last_step, last_login_at }: Account): string =>
  JSON.stringify([password_hash, mfa_secret, mfa_last_step, last_login_at]);

export function stepToken(env: Env, account: Account, store: string): Promise<string> {
  const claims = { user: account.id, store, failures: account.failed_logins, expires: Date.now() + STEP_TTL_MS };
  return signStepToken(claims, boundOf(account), parseConfig(env).AUTH_SECRET);
}

export interface Step {
  account: Account;
  storeId: string;
  /** Failures of the account from which on the token is dead. */
  maxFailures: number;
}

/** Whose login a step token continues; `null` for one that is forged, expired, used or worn out. */
export async function readStep(env: Env, token: string): Promise<Step | null> {
  let account: Account | null = null;
  const claims = await readStepToken(token, parseConfig(env).AUTH_SECRET, Date.now(), async (user) => {
    account = await findAccount(env, user);
    return account && boundOf(account);
  });
  if (!claims || !account) return null;
  return { account, storeId: claims.store, maxFailures: claims.failures + MAX_WRONG_CODES };
}
