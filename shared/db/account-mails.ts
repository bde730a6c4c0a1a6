/**
 * Mails about an account, and tests of templates, sent once each. The row comes first, in the transaction of what it tells of; the queue only
 * hints at it, and the schedule finds rows whose hint was lost.
 */
import type { AccountMailHint } from "../events/messages.ts";
import { newId } from "../ids.ts";
import { log } from "../log.ts";
import { DAY_MS, HOUR_MS } from "../time.ts";
import { ALWAYS, type Guard } from "./guard.ts";

/**
 * What each mail is rendered from. `base`: where this Worker was reached, for links when `PUBLIC_URL` is empty. The edge
 * brings only our own host names here; a server without an edge has a `PUBLIC_URL`, or a stranger's `Host` would stand in it.
 */
export interface AccountMailData {
  password_reset: { base: string };
  password_changed: { base: string };
  mfa_enabled: { base: string };
  mfa_disabled: { base: string };
  /** `until`: milliseconds since the epoch. */
  locked: { base: string; until: number };
  /** `inviter`: a name or an address. */
  invitation: { base: string; storeName: string; inviter: string; role: string; invitationId: string };
  /** A merchant looks at their template. `cartId` null: with the sample cart. `locale` null: the cart's. */
  template_test: { templateId: string; cartId: string | null; locale: string | null };
}
export type AccountMailKind = keyof AccountMailData;

export interface AccountMail<K extends AccountMailKind = AccountMailKind> {
  id: string;
  kind: K;
  recipient: string;
  userId: string | null;
  storeId: string | null;
  data: AccountMailData[K];
  createdAt: number;
  /** Not sent after this, and the link in it works until then. */
  expiresAt: number;
}

export const RESET_TTL_MS = HOUR_MS;
/** News of yesterday alarms nobody. */
const NOTICE_TTL_MS = DAY_MS;
/** Of one kind to one user within an hour: whoever makes us write to somebody cannot flood them. */
const MAX_PER_HOUR = 3;
/** Who works on a template sends it more often; still nobody's mailbox is flooded. */
export const MAX_TESTS_PER_HOUR = 20;

export function newAccountMail<K extends AccountMailKind>(
  kind: K,
  to: { recipient: string; userId?: string; storeId?: string; ttlMs?: number },
  data: AccountMailData[K],
  now: number,
): AccountMail<K> {
  const ttlMs = to.ttlMs ?? (kind === "password_reset" ? RESET_TTL_MS : NOTICE_TTL_MS);
  const { recipient, userId = null, storeId = null } = to;
  return { id: newId("am"), kind, recipient, userId, storeId, data, createdAt: now, expiresAt: now + ttlMs };
}

/** The statement that queues a mail; it adds nothing once the user has, or made, as many of the kind within the hour as may be. */
export function insertAccountMail(db: D1Database, mail: AccountMail, guard: Guard = ALWAYS): D1PreparedStatement {
  const { id, kind, recipient, userId, storeId, data, createdAt, expiresAt } = mail;
  return db
    .prepare(
      `INSERT INTO account_mails (id, kind, recipient, user_id, store_id, data, status, created_at, due_at, expires_at)
       SELECT ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?
       WHERE (SELECT count(*) FROM account_mails WHERE user_id = ? AND kind = ? AND created_at > ?) < ? AND (${guard.sql})`,
    )
    .bind(
      ...[id, kind, recipient, userId, storeId, JSON.stringify(data), createdAt, createdAt, expiresAt],
      ...[userId, kind, createdAt - HOUR_MS, kind === "template_test" ? MAX_TESTS_PER_HOUR : MAX_PER_HOUR],
      ...guard.values,
    );
}

/** Says that the row is there. When the queue is down the mail only comes later: the schedule finds it. */
export async function hintAccountMail(queue: Queue<AccountMailHint>, mail: AccountMail): Promise<void> {
  try {
    await queue.send({ kind: "account_mail", id: mail.id });
  } catch (error) {
    log("warn", "account_mail_hint_lost", { mail: mail.id, error });
  }
}

/** Queues one mail by itself; `false` when there were too many of its kind. */
export async function queueAccountMail(
  env: { DB: D1Database; INTERVENTIONS: Queue<AccountMailHint> },
  mail: AccountMail,
): Promise<boolean> {
  const added = await insertAccountMail(env.DB, mail).run();
  if (added.meta.changes === 0) return false;
  await hintAccountMail(env.INTERVENTIONS, mail);
  return true;
}
