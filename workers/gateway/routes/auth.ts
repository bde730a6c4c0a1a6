/** `/auth/*`: register, login, refresh, logout, me. */
import * as z from "zod";
import { checkPassword, hashPassword } from "../../../shared/auth/passwords.ts";
import type { Principal } from "../../../shared/auth/tokens.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { newId } from "../../../shared/ids.ts";
import { type SessionView, sessionView, userView as userSchema } from "../../../shared/views.ts";
import type { Env } from "../../env.ts";
import { type Call, type MemberCall, member, open, type Route } from "../route.ts";
import { closeSession, cookieOf, openSession, refreshCookie, refreshSession } from "../sessions.ts";
import { createStore, newStore } from "../stores.ts";
import { findUserByEmail, firstStoreOf, userView } from "../users.ts";

export const email = z.string().trim().toLowerCase().pipe(z.email().max(254));
export const password = z.string().min(8, "must have at least 8 characters").max(256);

const registration = z.object({
  email,
  password,
  name: z.string().max(200).optional(),
  store: newStore,
});

async function register(call: Call<unknown, z.infer<typeof registration>>): Promise<Response> {
  const { env, body: given } = call;
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
  const session = await openSession(env, userId, storeId);
  return withCookie(call, json({ ...session, store: { id: storeId, ...given.store }, publishableKey }, 201), session);
}

const credentials = z.object({ email, password: z.string().max(256) });

/** The same answer, after the same time, for a wrong password and an unknown user. */
async function login(call: Call<unknown, z.infer<typeof credentials>>): Promise<Response> {
  const given = call.body;
  const user = await findUserByEmail(call.env, given.email);
  const correct = await checkPassword(given.password, user?.password_hash ?? null);
  if (!user || !correct) throw new AppError("UNAUTHORIZED", "The e-mail address or the password is wrong.");
  const store = await firstStoreOf(call.env, user.id);
  if (!store) throw new AppError("FORBIDDEN", "This account belongs to no store.");
  await call.env.DB.prepare("UPDATE users SET last_login_at = ? WHERE id = ?").bind(Date.now(), user.id).run();
  const session = await openSession(call.env, user.id, store.id);
  return withCookie(call, json(session), session);
}

const refreshing = z.object({ refreshToken: z.string().max(128).optional() });

type Refreshing = z.infer<typeof refreshing>;

/** The token comes in the body or as the cookie. */
async function refresh(call: Call<unknown, Refreshing>): Promise<Response> {
  const token = call.body.refreshToken ?? cookieOf(call.request);
  if (!token) throw new AppError("UNAUTHORIZED", "There is no session: log in.");
  const session = await refreshSession(call.env, token);
  return withCookie(call, json(session), session);
}

async function logout(call: Call<unknown, Refreshing>): Promise<Response> {
  const token = call.body.refreshToken ?? cookieOf(call.request);
  if (token) await closeSession(call.env, token);
  return new Response(null, { status: 204, headers: { "set-cookie": refreshCookie(call.url, null) } });
}

async function me({ env, principal }: MemberCall): Promise<Response> {
  if (principal.kind === "key") return json(await keyView(env, principal));
  const user = await userView(env, principal.userId, principal.storeId);
  if (!user) throw new AppError("UNAUTHORIZED", "The account no longer belongs to this store.");
  return json(user);
}

/** A secret key is told its id, its role and its store. */
async function keyView(env: Env, { userId, role, storeId, permissions }: Principal) {
  const store = await env.DB.prepare("SELECT id, name, currency, url, timezone FROM stores WHERE id = ?")
    .bind(storeId)
    .first<Omit<SessionView["user"]["stores"][number], "role">>();
  const stores = store ? [{ ...store, role }] : [];
  return { id: userId, email: null, name: "Secret key", role, storeId, permissions, stores };
}

function withCookie(call: Call, response: Response, session: SessionView): Response {
  response.headers.append("set-cookie", refreshCookie(call.url, session.refreshToken));
  return response;
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
      guarded: true,
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
      description: "The same answer, after the same time, for a wrong password and an unknown address.",
      body: credentials,
      guarded: true,
      problems: ["UNAUTHORIZED", "FORBIDDEN"],
      answers: { 200: session("A session") },
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
        "From the body, or from the dashboard's cookie. A refresh token that was used before ends the whole session: somebody else has it.",
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
      body: refreshing,
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
];
