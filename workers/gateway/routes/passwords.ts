/** `/auth/password/*`: forgotten, reset by a link in a mail, changed. */
import * as z from "zod";
import { readAccountLink } from "../../../shared/auth/account-links.ts";
import { newPassword, passwordProblem } from "../../../shared/auth/password-rules.ts";
import { hashPassword } from "../../../shared/auth/passwords.ts";
import { parseConfig } from "../../../shared/config.ts";
import {
  hintAccountMail,
  insertAccountMail,
  newAccountMail,
  queueAccountMail,
} from "../../../shared/db/account-mails.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import type { Env } from "../../env.ts";
import { afterwards, confirmPassword } from "../attempts.ts";
import { invalid } from "../context.ts";
import { deviceCookie } from "../devices.ts";
import { revokeSession, revokeUser } from "../revocation.ts";
import { type Call, type MemberCall, member, open, type Route } from "../route.ts";
import { familiesInUse } from "../sessions.ts";
import { type Account, accountOf, findAccount, findUserByEmail, storeOfUser } from "../users.ts";

const forgetting = z.object({ email: z.string().trim().toLowerCase().pipe(z.email().max(254)) });

/** Answers before it looks: neither answer nor time tells whether there is such an account. */
function forgot(call: Call<unknown, z.infer<typeof forgetting>>): Response {
  afterwards(call, mailReset(call, call.body.email));
  return json({ message: "If there is an account with this address, a mail with a link is on its way." }, 202);
}

async function mailReset({ env, url }: Call, email: string): Promise<void> {
  const account = await findUserByEmail(env, email);
  if (!account) return;
  const to = { recipient: account.email, userId: account.id };
  await queueAccountMail(env, newAccountMail("password_reset", to, { base: url.origin }, Date.now()));
}

const resetting = z.object({ token: z.string().max(200), password: newPassword });

async function reset(call: Call<unknown, z.infer<typeof resetting>>): Promise<Response> {
  const { env, body } = call;
  const account = await accountOfLink(env, body.token);
  const dead = invalid("token", "is not valid, was used already, or is too old: ask for another mail");
  if (!account) throw dead;
  const store = await storeOfUser(env, account.id);
  const actor = store && { storeId: store.id, userId: account.id, email: account.email };
  const line = actor ? call.audited({ action: "password.reset", objectId: account.id, actor }) : [];
  const hash = await replacePassword(call, account, { field: "password", password: body.password, keep: null, line });
  if (hash === null) throw dead;
  await revokeUser(env, account.id);
  return knownFrom(call, account, hash);
}

/** Who chose the password here logs in here next, whatever strangers do to the account. */
const knownFrom = async (call: Call, { id }: Account, password_hash: string): Promise<Response> =>
  new Response(null, { status: 204, headers: { "set-cookie": await deviceCookie(call, { id, password_hash }) } });

/** Whose password a link in a mail may replace, or `null`. */
async function accountOfLink(env: Env, token: string): Promise<Account | null> {
  let account: Account | null = null;
  const read = await readAccountLink("password_reset", token, parseConfig(env).AUTH_SECRET, async (mailId) => {
    const mail = await env.DB.prepare(
      "SELECT user_id FROM account_mails WHERE id = ? AND kind = 'password_reset' AND used_at IS NULL AND expires_at > ?",
    )
      .bind(mailId, Date.now())
      .first<{ user_id: string }>();
    account = mail && (await findAccount(env, mail.user_id));
    return account?.password_hash ?? null;
  });
  return read === null ? null : account;
}

const changing = z.object({ currentPassword: z.string().max(256), newPassword });

async function change(call: MemberCall<unknown, z.infer<typeof changing>>): Promise<Response> {
  const { env, principal, body } = call;
  const account = await accountOf(env, principal.userId);
  if (!(await confirmPassword(call, account, body.currentPassword))) throw invalid("currentPassword", "is wrong");
  const hash = await replacePassword(call, account, {
    field: "newPassword",
    password: body.newPassword,
    keep: principal.sessionId,
    line: call.audited({ action: "password.changed", objectId: account.id }),
  });
  if (hash === null) throw new AppError("CONFLICT", "The password was changed meanwhile.");
  const others = await familiesInUse(env, account.id, principal.sessionId);
  await Promise.all(others.map((family) => revokeSession(env, account.id, family)));
  return knownFrom(call, account, hash);
}

interface Replacement {
  /** Of the body, to name in a refusal. */
  field: string;
  password: string;
  /** The session that goes on. */
  keep: string | null;
  /** Of the audit log. */
  line: D1PreparedStatement[];
}

/**
 * Puts another password in place of the one the account was read with, opens the lock, and ends all sessions but
 * `keep`; its hash, or `null` when somebody else was faster. All in one transaction, with the mail that tells of it.
 */
async function replacePassword(
  { env, url }: Call,
  account: Account,
  { field, password, keep, line }: Replacement,
): Promise<string | null> {
  const problem = passwordProblem(password, account.email);
  if (problem) throw invalid(field, problem);
  const hash = await hashPassword(password);
  const now = Date.now();
  const { id, email, password_hash: old } = account;
  // The first statement decides; the salt makes the new hash the mark of its success.
  const guard = { sql: "EXISTS (SELECT 1 FROM users WHERE id = ? AND password_hash = ?)", values: [id, hash] };
  const mail = newAccountMail("password_changed", { recipient: email, userId: id }, { base: url.origin }, now);
  const [replaced] = await env.DB.batch([
    env.DB.prepare(
      "UPDATE users SET password_hash = ?, failed_logins = 0, locked_until = NULL WHERE id = ? AND password_hash = ?",
    ).bind(hash, id, old),
    ...line,
    env.DB.prepare(
      `UPDATE account_mails SET used_at = ? WHERE user_id = ? AND kind = 'password_reset' AND used_at IS NULL AND ${guard.sql}`,
    ).bind(now, id, ...guard.values),
    env.DB.prepare(
      `UPDATE sessions SET revoked_at = ? WHERE user_id = ? AND family IS NOT ? AND revoked_at IS NULL AND ${guard.sql}`,
    ).bind(now, id, keep, ...guard.values),
    insertAccountMail(env.DB, mail, guard),
  ]);
  if (replaced?.meta.changes !== 1) return null;
  await hintAccountMail(env.INTERVENTIONS, mail);
  return hash;
}

const shared = { method: "POST", tag: "Auth" } as const;

export const routes: Route[] = [
  open(
    {
      ...shared,
      path: "/auth/password/forgot",
      guarded: ({ body }) => body.email,
      summary: "Ask for a mail with a link to set a new password",
      description: "The same answer whether there is such an account or not. At most three mails an hour.",
      body: forgetting,
      answers: {
        202: { description: "Taken", schema: z.object({ message: z.string() }) },
      },
    },
    forgot,
  ),
  open(
    {
      ...shared,
      path: "/auth/password/reset",
      guarded: ({ body }) => body.token,
      summary: "Set a new password by the link of a mail",
      description:
        "The link works once, for an hour, and while the password is the one it was made for. Ends all sessions and opens a locked account; a second factor stays on.",
      body: resetting,
      answers: { 204: { description: "The new password counts" } },
    },
    reset,
  ),
  member(
    {
      ...shared,
      path: "/auth/password/change",
      access: "user",
      guarded: (_, principal) => principal?.userId ?? null,
      summary: "Change one's own password",
      description: "All other sessions end.",
      body: changing,
      audit: "password.changed",
      answers: { 204: { description: "The new password counts" } },
    },
    change,
  ),
];
