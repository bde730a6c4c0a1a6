/** `/auth/mfa/*`: the second factor, by an authenticator app, with recovery codes for who has lost it. */
import { renderSVG } from "uqr";
import * as z from "zod";
import type { Principal } from "../../../shared/auth/tokens.ts";
import { otpauthUrl } from "../../../shared/auth/totp.ts";
import { hintAccountMail, insertAccountMail, newAccountMail } from "../../../shared/db/account-mails.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { sessionView } from "../../../shared/views.ts";
import { confirmPassword, noteFailure } from "../attempts.ts";
import { invalid } from "../context.ts";
import { type Call, type MemberCall, member, open, type Route } from "../route.ts";
import { newRecoveryCodes, newSecretFor, readStep, stepOf, useCode } from "../second-factor.ts";
import { deviceOf, isFresh, openSession, signedIn } from "../sessions.ts";
import { type Account, accountOf } from "../users.ts";

const code = z.string().trim().min(6).max(20);
const wrongCode = (): AppError => invalid("code", "is wrong, was used already, or is too old");
const isOn = (): AppError => new AppError("CONFLICT", "The second factor is on already: switch it off first.");
const isOff = (): AppError => new AppError("CONFLICT", "There is no second factor: set one up first.");

const password = z
  .string()
  .max(256)
  .optional()
  .describe("The user's own; needed unless they logged in within the last ten minutes");

/** Who has stolen an access token must not lock its owner out: the password, or a login of a moment ago. */
async function prove(call: MemberCall, account: Account, given: string | undefined): Promise<void> {
  if (given === undefined) {
    if (await isFresh(call.env, account.id, call.principal.sessionId)) return;
    throw invalid("password", "is needed: the login is older than ten minutes");
  }
  if (!(await confirmPassword(call, account, given))) throw invalid("password", "is wrong");
}

const preparing = z.object({ password });

/** A secret that counts from `enable` on; each call makes another. */
async function setUp(call: MemberCall<unknown, z.infer<typeof preparing>>): Promise<Response> {
  const { env, principal, body } = call;
  const { userId } = principal;
  const account = await accountOf(env, userId);
  if (account.mfa_enabled_at !== null) throw isOn();
  await prove(call, account, body.password);
  const { secret, sealed } = await newSecretFor(env, userId);
  const kept = await env.DB.prepare(
    "UPDATE users SET mfa_secret = ?, mfa_last_step = NULL WHERE id = ? AND mfa_enabled_at IS NULL",
  )
    .bind(sealed, userId)
    .run();
  if (kept.meta.changes === 0) throw isOn();
  const url = otpauthUrl(secret, account.email);
  return json({ secret, otpauthUrl: url, qr: renderSVG(url, { border: 2, ecc: "M" }) });
}

const byCode = z.object({ code });
const enabling = z.object({ code, password });

async function enable(call: MemberCall<unknown, z.infer<typeof enabling>>): Promise<Response> {
  const { env, principal, body } = call;
  const account = await accountOf(env, principal.userId);
  if (account.mfa_enabled_at !== null) throw isOn();
  if (account.mfa_secret === null) throw isOff();
  await prove(call, account, body.password);
  const now = Date.now();
  const step = await stepOf(env, account, body.code, now);
  if (step === null) throw wrongCode();
  const guard = {
    sql: "EXISTS (SELECT 1 FROM users WHERE id = ? AND mfa_enabled_at = ? AND mfa_last_step = ?)",
    values: [account.id, now, step],
  };
  const { codes: recoveryCodes, statements } = await newRecoveryCodes(env, account.id, guard);
  const mail = newAccountMail("mfa_enabled", addressOf(account), { base: call.url.origin }, now);
  const [enabled] = await env.DB.batch([
    env.DB.prepare(
      "UPDATE users SET mfa_enabled_at = ?, mfa_last_step = ? WHERE id = ? AND mfa_enabled_at IS NULL AND mfa_secret = ?",
    ).bind(now, step, account.id, account.mfa_secret),
    ...call.audited({ action: "mfa.enabled", objectId: account.id }),
    ...statements,
    insertAccountMail(env.DB, mail, guard),
  ]);
  if (enabled?.meta.changes !== 1) throw isOn();
  await hintAccountMail(env.INTERVENTIONS, mail);
  return json({ recoveryCodes });
}

/** The code proves what a stolen access token cannot; the password is asked for where a person types it. */
const disabling = z.object({ password: z.string().max(256).optional(), code });

async function disable(call: MemberCall<unknown, z.infer<typeof disabling>>): Promise<Response> {
  const { env, principal, body } = call;
  const account = await accountOf(env, principal.userId);
  if (account.mfa_enabled_at === null) throw isOff();
  if (body.password !== undefined && !(await confirmPassword(call, account, body.password)))
    throw invalid("password", "is wrong");
  await spendCode(call, account, body.code);
  const mail = newAccountMail("mfa_disabled", addressOf(account), { base: call.url.origin }, Date.now());
  await env.DB.batch([
    env.DB.prepare(
      "UPDATE users SET mfa_secret = NULL, mfa_enabled_at = NULL, mfa_last_step = NULL WHERE id = ? AND mfa_secret = ?",
    ).bind(account.id, account.mfa_secret),
    ...call.audited({ action: "mfa.disabled", objectId: account.id }),
    env.DB.prepare("DELETE FROM recovery_codes WHERE user_id = ?").bind(account.id),
    insertAccountMail(env.DB, mail),
  ]);
  await hintAccountMail(env.INTERVENTIONS, mail);
  return new Response(null, { status: 204 });
}

async function renewRecoveryCodes(call: MemberCall<unknown, z.infer<typeof byCode>>): Promise<Response> {
  const { env, principal, body } = call;
  const account = await accountOf(env, principal.userId);
  if (account.mfa_enabled_at === null) throw isOff();
  await spendCode(call, account, body.code);
  const { codes: recoveryCodes, statements } = await newRecoveryCodes(env, account.id);
  await env.DB.batch(statements);
  call.audit({ action: "mfa.recovery_codes_renewed", objectId: account.id });
  return json({ recoveryCodes });
}

const addressOf = ({ email, id }: Account) => ({ recipient: email, userId: id });

/** A code of somebody who is logged in already. */
async function spendCode(call: Call, account: Account, code: string): Promise<void> {
  const known = await call.isKnown(account.id);
  if (await useCode(call.env, account, code, Number.MAX_SAFE_INTEGER, known)) return;
  await noteFailure(call, account, "code");
  throw wrongCode();
}

const verification = z.object({ mfaToken: z.string().max(600), code });

/** The second step of a login. Which of token and code is wrong is not told. */
async function verify(call: Call<unknown, z.infer<typeof verification>>): Promise<Response> {
  const { env, body } = call;
  const refused = new AppError("UNAUTHORIZED", "The code is wrong, or the login took too long: begin again.");
  const step = await readStep(env, body.mfaToken);
  if (!step) throw refused;
  const { account, storeId, maxFailures } = step;
  if (!(await useCode(env, account, body.code, maxFailures, await call.isKnown(account.id)))) {
    await noteFailure(call, account, "code");
    throw refused;
  }
  // The token is bound to the last login: it has done its work.
  await env.DB.prepare("UPDATE users SET last_login_at = ? WHERE id = ?").bind(Date.now(), account.id).run();
  const session = await openSession(env, account.id, storeId, deviceOf(call), {
    passwordHash: account.password_hash,
  });
  const actor = { storeId, userId: account.id, email: account.email };
  call.audit({ action: "login.succeeded", objectId: account.id, actor, after: { secondFactor: true } });
  return signedIn(call, account.password_hash, session);
}

const shared = { method: "POST", tag: "Auth" } as const;
const own = {
  ...shared,
  access: "user",
  guarded: (_: Call, principal: Principal | null) => principal?.userId ?? null,
} as const;
const codes = z.object({ recoveryCodes: z.array(z.string()).describe("Each works once; they are never shown again") });

export const routes: Route[] = [
  member(
    {
      ...own,
      path: "/auth/mfa/setup",
      summary: "Get a secret for an authenticator app",
      description:
        "It counts only once a code of it was given to `/auth/mfa/enable`. Takes the password, or a login of the last ten minutes. 409 when a second factor is on.",
      body: preparing,
      audit: "mfa.prepared",
      answers: {
        200: {
          description: "The secret, as text, as a link and as a picture",
          schema: z.object({
            secret: z.string().describe("Base32"),
            otpauthUrl: z.string(),
            qr: z.string().describe("SVG"),
          }),
        },
      },
    },
    setUp,
  ),
  member(
    {
      ...own,
      path: "/auth/mfa/enable",
      summary: "Switch the second factor on",
      description: "Takes the password, or a login of the last ten minutes.",
      body: enabling,
      audit: "mfa.enabled",
      answers: { 200: { description: "Ten recovery codes", schema: codes } },
    },
    enable,
  ),
  member(
    {
      ...own,
      path: "/auth/mfa/disable",
      summary: "Switch the second factor off",
      description: "With a code of the app or a recovery code; a password that is sent along must be right.",
      body: disabling,
      audit: "mfa.disabled",
      answers: { 204: { description: "The password alone logs in again" } },
    },
    disable,
  ),
  member(
    {
      ...own,
      path: "/auth/mfa/recovery-codes",
      summary: "Replace the recovery codes",
      body: byCode,
      audit: "mfa.recovery_codes_renewed",
      answers: { 200: { description: "Ten new ones; the old ones are void", schema: codes } },
    },
    renewRecoveryCodes,
  ),
  open(
    {
      ...shared,
      path: "/auth/mfa/verify",
      guarded: ({ body }) => body.mfaToken,
      summary: "Complete a login with the second factor",
      description:
        "`code`: six digits of the app, or a recovery code; each works once. After five wrong ones the login must be begun again.",
      body: verification,
      answers: { 200: { description: "A session", schema: sessionView } },
    },
    verify,
  ),
];
