/** `/auth/*`: register, login, refresh, logout, me. */
import * as z from "zod";
import { newPassword, passwordProblem } from "../../../shared/auth/password-rules.ts";
import { checkPassword, hashPassword } from "../../../shared/auth/passwords.ts";
import type { Principal } from "../../../shared/auth/tokens.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { newId } from "../../../shared/ids.ts";
import { type SessionView, sessionView, stepView, userView as userSchema } from "../../../shared/views.ts";
import type { Env } from "../../env.ts";
import { admit, afterwards, noteFailure } from "../attempts.ts";
import { invalid, notFound } from "../context.ts";
import { type Call, type MemberCall, member, open, type Route } from "../route.ts";
import { stepToken } from "../second-factor.ts";
import {
  closeSession,
  deviceOf,
  openSession,
  refreshCookie,
  refreshed,
  refreshSession,
  refreshTokenOf,
  signedIn,
} from "../sessions.ts";
import { createStore, newStore } from "../stores.ts";
import { accountOf, findAccount, findUserByEmail, storeOfUser, userView } from "../users.ts";

export const email = z.string().trim().toLowerCase().pipe(z.email().max(254));
const storeId = z.string().min(1).max(64);

const registration = z.object({
  email,
  password: newPassword,
  name: z.string().max(200).optional(),
  store: newStore,
});

async function register(call: Call<unknown, z.infer<typeof registration>>): Promise<Response> {
  const { env, body: given } = call;
  const problem = passwordProblem(given.password, given.email);
  if (problem) throw invalid("password", problem);
  const taken = new AppError("CONFLICT", "There is already an account with this e-mail address: log in instead.");
  if (await findUserByEmail(env, given.email)) throw taken;
  const now = Date.now();
  const userId = newId("us");
  const passwordHash = await hashPassword(given.password);
  const user = env.DB.prepare(
    "INSERT INTO users (id, email, name, password_hash, created_at, last_login_at) VALUES (?, ?, ?, ?, ?, ?)",
  ).bind(userId, given.email, given.name ?? null, passwordHash, now, now);
  const opened = await createStore(env, userId, given.store, call.url.origin, [user]).catch((error: unknown) => {
    throw /UNIQUE/i.test(String(error)) ? taken : error; // two registrations raced
  });
  const { storeId, publishableKey } = opened;
  const session = await openSession(env, userId, storeId, deviceOf(call));
  call.audit({ action: "user.registered", objectId: userId, actor: { storeId, userId, email: given.email } });
  const body = { ...session, store: { id: storeId, ...given.store }, publishableKey };
  return signedIn(call, passwordHash, session, body, 201);
}

const credentials = z.object({ email, password: z.string().max(256), storeId: storeId.optional() });

/** The same answer, after the same time, for a wrong password, an unknown user and a locked account. */
async function login(call: Call<unknown, z.infer<typeof credentials>>): Promise<Response> {
  const { env, body } = call;
  const account = await findUserByEmail(env, body.email);
  const correct = await checkPassword(body.password, account?.password_hash ?? null);
  const known = account !== null && (await call.isKnown(account.id));
  const admitted = await admit(env, account, correct, known);
  if (!account || !admitted) {
    if (account && !correct) afterwards(call, noteFailure(call, account, "password"));
    throw new AppError("UNAUTHORIZED", "The e-mail address or the password is wrong.");
  }
  const store = await storeOfUser(env, account.id, body.storeId);
  if (!store && body.storeId !== undefined) throw notFound("store");
  if (!store) throw new AppError("FORBIDDEN", "This account belongs to no store.");
  if (admitted.mfa) return json({ requiresMfa: true, mfaToken: await stepToken(env, account, store.id) });
  const session = await openSession(env, account.id, store.id, deviceOf(call), {
    passwordHash: account.password_hash,
  });
  const actor = { storeId: store.id, userId: account.id, email: account.email };
  call.audit({ action: "login.succeeded", objectId: account.id, actor });
  return signedIn(call, account.password_hash, session);
}

const refreshToken = z.string().max(128).optional();
const refreshing = z.object({ refreshToken, storeId: storeId.optional() });

async function refresh(call: Call<unknown, z.infer<typeof refreshing>>): Promise<Response> {
  const token = refreshTokenOf(call, call.body.refreshToken);
  if (!token) throw new AppError("UNAUTHORIZED", "There is no session: log in.");
  return refreshed(call.url, await refreshSession(call.env, token, deviceOf(call), call.body.storeId));
}

const leaving = z.object({ refreshToken });

async function logout(call: Call<unknown, z.infer<typeof leaving>>): Promise<Response> {
  const token = refreshTokenOf(call, call.body.refreshToken);
  const closed = token ? await closeSession(call.env, token) : null;
  if (closed) {
    const { userId, storeId, family } = closed;
    const account = await findAccount(call.env, userId);
    const actor = { storeId, userId, email: account?.email ?? "" };
    call.audit({ action: "session.ended", objectId: family, actor });
  }
  return new Response(null, { status: 204, headers: { "set-cookie": refreshCookie(call.url, null) } });
}

async function me({ env, principal }: MemberCall): Promise<Response> {
  if (principal.kind === "key") return json(await keyView(env, principal));
  const user = await userView(env, principal.userId, principal.storeId);
  if (!user) throw new AppError("UNAUTHORIZED", "The account no longer belongs to this store.");
  return json(user);
}

const profile = z.object({ name: z.string().trim().max(200).nullable() });

async function changeMe(call: MemberCall<unknown, z.infer<typeof profile>>): Promise<Response> {
  const { env, principal, body } = call;
  await accountOf(env, principal.userId);
  await env.DB.prepare("UPDATE users SET name = ? WHERE id = ?")
    .bind(body.name || null, principal.userId)
    .run();
  call.audit({ action: "user.updated", objectId: principal.userId, after: { name: body.name || null } });
  return me(call);
}

/** A secret key is told its id, its role and its store. */
async function keyView(env: Env, { userId, role, storeId, permissions }: Principal) {
  const store = await env.DB.prepare("SELECT id, name, currency, url, timezone FROM stores WHERE id = ?")
    .bind(storeId)
    .first<Omit<SessionView["user"]["stores"][number], "role">>();
  const stores = store ? [{ ...store, role }] : [];
  return { id: userId, email: null, name: "Secret key", role, storeId, permissions, stores };
}

const tag = "Auth";
const session = (description: string) => ({ description, schema: sessionView });
const registered = sessionView.extend({
  store: newStore.extend({ id: z.string() }),
  publishableKey: z.string(),
});

export const routes: Route[] = [
  open(
    {
      method: "POST",
      path: "/auth/register",
      tag,
      summary: "Register a merchant with a first store",
      description: "409 when the address has an account.",
      body: registration,
      guarded: ({ body }) => body.email,
      answers: { 201: { description: "Logged in", schema: registered } },
    },
    register,
  ),
  open(
    {
      method: "POST",
      path: "/auth/login",
      tag,
      summary: "Log in",
      description:
        "The same answer, after the same time, for a wrong password, an unknown address and an account that is locked after too many failures: its owner is told by mail. A browser that had a session of the account says so by its cookie `cw_device`, and is not kept out by others' failures. `storeId` chooses among the user's stores.",
      body: credentials,
      guarded: ({ body }) => body.email,
      problems: ["UNAUTHORIZED", "FORBIDDEN"],
      answers: {
        200: {
          description: "A session; or, for who has switched on a second factor, a token for `/auth/mfa/verify`",
          schema: z.union([sessionView, stepView]),
        },
      },
    },
    login,
  ),
  open(
    {
      method: "POST",
      path: "/auth/refresh",
      tag,
      summary: "Get a new access token, and a new refresh token for the one used",
      description:
        "From the body, or from the dashboard's cookie (403 when another site asks). A refresh token that was used before ends the whole session: somebody else has it. `storeId` moves the session to another store of the user.",
      body: refreshing,
      problems: ["UNAUTHORIZED"],
      answers: { 200: session("The session, renewed") },
    },
    refresh,
  ),
  open(
    {
      method: "POST",
      path: "/auth/logout",
      tag,
      summary: "Log out",
      description: "By the token of the body, or by the dashboard's cookie (403 when another site asks).",
      body: leaving,
      answers: { 204: { description: "The session and its tokens are void" } },
    },
    logout,
  ),
  member(
    {
      method: "GET",
      path: "/auth/me",
      access: "member",
      tag,
      summary: "Read who the credential belongs to",
      answers: {
        200: {
          description: "The user, or the secret key as one",
          schema: userSchema.extend({ email: z.string().nullable() }).partial({ mfaEnabled: true, lastLoginAt: true }),
        },
      },
    },
    me,
  ),
  member(
    {
      method: "PATCH",
      path: "/auth/me",
      access: "user",
      tag,
      summary: "Change one's own name",
      body: profile,
      audit: "user.updated",
      answers: { 200: { description: "The user", schema: userSchema } },
    },
    changeMe,
  ),
];
