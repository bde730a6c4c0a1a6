/**
 * Invitations to a store: seven days, one open for each address. The link in the mail is derived from the row and a
 * secret; with the row alone nobody gets in. Each step is one transaction, so that racing ones leave one membership.
 */
import { readAccountLink } from "../../shared/auth/account-links.ts";
import type { Role } from "../../shared/auth/roles.ts";
import { parseConfig } from "../../shared/config.ts";
import { type AccountMail, hintAccountMail, insertAccountMail, newAccountMail } from "../../shared/db/account-mails.ts";
import { newId } from "../../shared/ids.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { MAX_STORES } from "./stores.ts";

export const INVITATION_TTL_MS = 7 * DAY_MS;
export const MAX_MEMBERS = 200;
export const MAX_OPEN = 100;
/** Whoever registers a store cannot write to the whole world through us. */
export const MAX_A_DAY = 300;
/** Between the second and the third mail of an invitation. */
export const RESEND_MS = MINUTE_MS;

/** Takes the present as its parameter. */
const OPEN = "accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ?";

export interface Invitation {
  id: string;
  store_id: string;
  email: string;
  role: Role;
  invited_by: string;
  created_at: number;
  expires_at: number;
}

/** What a mail says besides its link. */
export interface MailFrame {
  base: string;
  storeName: string;
  inviter: string;
}

export const openInvitations = async (env: Env, storeId: string, now: number): Promise<Invitation[]> =>
  (
    await env.DB.prepare(
      `SELECT * FROM invitations WHERE store_id = ? AND ${OPEN} ORDER BY created_at DESC, id LIMIT ${MAX_OPEN}`,
    )
      .bind(storeId, now)
      .all<Invitation>()
  ).results;

export const openInvitation = (env: Env, id: string, now: number): Promise<Invitation | null> =>
  env.DB.prepare(`SELECT * FROM invitations WHERE id = ? AND ${OPEN}`).bind(id, now).first<Invitation>();

/** The open invitation of a genuine link, or `null`. */
export async function invitationOf(env: Env, token: string, now: number): Promise<Invitation | null> {
  let found: Invitation | null = null;
  const id = await readAccountLink("invitation", token, parseConfig(env).AUTH_SECRET, async (rowId) => {
    found = await openInvitation(env, rowId, now);
    return found?.email ?? null;
  });
  return id === null ? null : found;
}

const mailOf = (invitation: Invitation, frame: MailFrame, now: number): AccountMail<"invitation"> =>
  newAccountMail(
    "invitation",
    { recipient: invitation.email, storeId: invitation.store_id, ttlMs: INVITATION_TTL_MS },
    { ...frame, role: invitation.role, invitationId: invitation.id },
    now,
  );

/** The lines of the audit log about the invitation of this id, to stand right behind its change. */
export type Lines = (id: string) => D1PreparedStatement[];

/** Invites an address; an open invitation of the same address ends. */
export async function invite(
  env: Env,
  given: Pick<Invitation, "store_id" | "email" | "role" | "invited_by">,
  frame: MailFrame,
  now: number,
  lines: Lines,
): Promise<Result<Invitation, "member" | "full">> {
  const invitation: Invitation = {
    ...given,
    id: newId("inv"),
    created_at: now,
    expires_at: now + INVITATION_TTL_MS,
  };
  const { id, store_id: store, email } = invitation;
  const mail = mailOf(invitation, frame, now);
  const exists = { sql: "EXISTS (SELECT 1 FROM invitations WHERE id = ?)", values: [id] };
  const [made] = await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO invitations (id, store_id, email, role, invited_by, created_at, expires_at) SELECT ?, ?, ?, ?, ?, ?, ?
       WHERE (SELECT count(*) FROM invitations WHERE store_id = ? AND email <> ? AND ${OPEN}) < ${MAX_OPEN}
         AND (SELECT count(*) FROM invitations WHERE store_id = ? AND created_at > ?) < ${MAX_A_DAY}
         AND (SELECT count(*) FROM members WHERE store_id = ?) < ${MAX_MEMBERS} AND NOT ${IS_MEMBER}`,
    ).bind(
      ...[id, store, email, invitation.role, invitation.invited_by, now, invitation.expires_at],
      ...[store, email, now, store, now - DAY_MS, store, store, email],
    ),
    ...lines(id),
    env.DB.prepare(
      `UPDATE invitations SET revoked_at = ? WHERE store_id = ? AND email = ? AND id <> ? AND ${OPEN} AND ${exists.sql}`,
    ).bind(now, store, email, id, now, id),
    insertAccountMail(env.DB, mail, exists),
  ]);
  if (made?.meta.changes === 0) return no((await isMember(env, store, email)) ? "member" : "full");
  await hintAccountMail(env.INTERVENTIONS, mail);
  return ok(invitation);
}

/** Takes a store and an address. */
const IS_MEMBER =
  "EXISTS (SELECT 1 FROM users u JOIN members m ON m.user_id = u.id WHERE m.store_id = ? AND u.email = ?)";

const isMember = async (env: Env, storeId: string, email: string): Promise<boolean> =>
  (await env.DB.prepare(`SELECT 1 WHERE ${IS_MEMBER}`).bind(storeId, email).first()) !== null;

/**
 * When an invitation may be sent again: the second mail at once, each further one when the invitation is twice as old as
 * it was at the last one, after a minute at least and a day at most. So nobody fills a stranger's mailbox through us.
 */
export function resendableAt({ created_at: made, expires_at: end }: Invitation): number {
  const sentAt = end - INVITATION_TTL_MS;
  return sentAt === made ? made : sentAt + Math.min(DAY_MS, Math.max(RESEND_MS, sentAt - made));
}

/** Sends the mail again; the seven days begin anew. `invitation`: as it was just read. */
export async function resend(
  env: Env,
  invitation: Invitation,
  frame: MailFrame,
  now: number,
): Promise<Result<Invitation, "too_soon">> {
  if (now < resendableAt(invitation)) return no("too_soon");
  const expiresAt = now + INVITATION_TTL_MS;
  const mail = mailOf(invitation, frame, now);
  const due = `id = ? AND ${OPEN} AND expires_at = ?`;
  const values = [invitation.id, now, invitation.expires_at];
  const [, renewed] = await env.DB.batch([
    insertAccountMail(env.DB, mail, { sql: `EXISTS (SELECT 1 FROM invitations WHERE ${due})`, values }),
    env.DB.prepare(`UPDATE invitations SET expires_at = ? WHERE ${due}`).bind(expiresAt, ...values),
  ]);
  if (renewed?.meta.changes === 0) return no("too_soon");
  await hintAccountMail(env.INTERVENTIONS, mail);
  return ok({ ...invitation, expires_at: expiresAt });
}

/** True when there was an open one to revoke. */
export async function revoke(env: Env, storeId: string, id: string, now: number, lines: Lines): Promise<boolean> {
  const [done] = await env.DB.batch([
    env.DB.prepare(`UPDATE invitations SET revoked_at = ? WHERE id = ? AND store_id = ? AND ${OPEN}`).bind(
      ...[now, id, storeId, now],
    ),
    ...lines(id),
  ]);
  return (done?.meta.changes ?? 0) > 0;
}

/** Ends the open invitations to the `lost` roles that a member sent who, now of this `role` (`null`: none), may not give them. */
export const revokeThoseOf = (
  env: Env,
  storeId: string,
  userId: string,
  { role, lost }: { role: Role | null; lost: Role[] },
  now: number,
): D1PreparedStatement =>
  env.DB.prepare(
    `UPDATE invitations SET revoked_at = ? WHERE store_id = ? AND invited_by = ? AND ${OPEN}
       AND role IN (SELECT value FROM json_each(?))
       AND (SELECT role FROM members WHERE store_id = ? AND user_id = ?) IS ?`,
  ).bind(now, storeId, userId, now, JSON.stringify(lost), storeId, userId, role);

/**
 * Makes the user a member, once. `account`: theirs, when they are new; it is made only together with the membership, and
 * throws when its address has got one meanwhile.
 */
export async function join(
  env: Env,
  invitation: Invitation,
  userId: string,
  now: number,
  account: { name: string | null; passwordHash: string } | null,
  lines: Lines,
): Promise<Result<null, "ended" | "full">> {
  const { id } = invitation;
  const room = `FROM invitations WHERE id = ? AND ${OPEN}
    AND (SELECT count(*) FROM members m WHERE m.store_id = invitations.store_id) < ${MAX_MEMBERS}
    AND (SELECT count(*) FROM members m WHERE m.user_id = ?) < ${MAX_STORES}`;
  const values = [id, now, userId];
  const newUser =
    account === null
      ? []
      : [
          env.DB.prepare(
            `INSERT INTO users (id, email, name, password_hash, created_at, last_login_at) SELECT ?, email, ?, ?, ?, ? ${room}`,
          ).bind(userId, account.name, account.passwordHash, now, now, ...values),
        ];
  const done = await env.DB.batch([
    ...newUser,
    env.DB.prepare(
      `INSERT INTO members (store_id, user_id, role, created_at) SELECT store_id, ?, role, ? ${room} ON CONFLICT DO NOTHING`,
    ).bind(userId, now, ...values),
    ...lines(id),
    env.DB.prepare(
      `UPDATE invitations SET accepted_at = ? WHERE id = ? AND ${OPEN}
         AND EXISTS (SELECT 1 FROM members m WHERE m.store_id = invitations.store_id AND m.user_id = ?)`,
    ).bind(now, ...values),
  ]);
  if (done[newUser.length]?.meta.changes === 1) return ok(null);
  return no((await openInvitation(env, id, now)) ? "full" : "ended");
}
