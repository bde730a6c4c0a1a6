/** Refresh tokens: seven days, a new one at each use. A used one that comes again means theft: its family dies. */
import { keyringStub } from "../../objects/stubs.ts";
import { PERMISSIONS, type Role } from "../../shared/auth/roles.ts";
import { ACCESS_TTL_S, REFRESH_TTL_S } from "../../shared/auth/tokens.ts";
import { parseConfig } from "../../shared/config.ts";
import { AppError } from "../../shared/errors.ts";
import { json } from "../../shared/http.ts";
import { newId, newSecret, sha256 } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { iso, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { OpenSessionView, SessionView, UserView } from "../../shared/views.ts";
import type { Env } from "../env.ts";
import { notFound } from "./context.ts";
import { deviceCookie } from "./devices.ts";
import { revokeSession, revokeUser } from "./revocation.ts";
import type { Call } from "./route.ts";
import { storeOfUser, userView } from "./users.ts";

export const COOKIE = "cw_refresh";
const REFRESH_TTL_MS = REFRESH_TTL_S * SECOND_MS;

/**
 * `created_at` is the family's: each new row takes it over. When a row was made, that is when the session was last used,
 * follows from when it expires.
 */
interface SessionRow {
  family: string;
  user_id: string;
  store_id: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
  revoked_at: number | null;
}

/** Where a session is used from, for its owner to recognise. */
export interface Device {
  address: string | null;
  userAgent: string | null;
}

export const deviceOf = ({ request, address }: Pick<Call, "request" | "address">): Device => ({
  address: address === "unknown" ? null : address,
  userAgent: request.headers.get("user-agent")?.slice(0, 256) ?? null,
});
const NOWHERE: Device = { address: null, userAgent: null };

const ended = (): AppError => new AppError("UNAUTHORIZED", "The session has ended: log in again.");

interface Opening {
  /** The session that goes on; a new one when it is not given. */
  continued?: { family: string; createdAt: number };
  /** The hash of the password that was given: a session opens only while it is still the account's. */
  passwordHash?: string;
}

export async function openSession(
  env: Env,
  userId: string,
  storeId: string,
  device = NOWHERE,
  { continued, passwordHash }: Opening = {},
): Promise<SessionView> {
  // Who has left the store, or lost the account, gets no more tokens for it.
  const user = await userView(env, userId, storeId);
  if (!user) throw ended();
  const refreshToken = newSecret();
  const now = Date.now();
  const { family, createdAt } = continued ?? { family: newId("fam"), createdAt: now };
  // Signed before the row is there: whatever ends the row's session later also voids this token.
  const token = await accessToken(env, user, storeId, family);
  // A family that a racing reuse has just ended gets no new member, nor does a password that was just replaced open one.
  // Nor is a token given out whose role was just taken: what takes it voids the tokens that were there before.
  const opened = await env.DB.prepare(
    `INSERT INTO sessions (hash, family, user_id, store_id, created_at, expires_at, address, user_agent)
     SELECT ?, ?, ?, ?, ?, ?, ?, ?
     WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE family = ? AND revoked_at IS NOT NULL)
       AND EXISTS (SELECT 1 FROM users WHERE id = ? AND password_hash = coalesce(?, password_hash))
       AND EXISTS (SELECT 1 FROM members WHERE store_id = ? AND user_id = ? AND role = ?)`,
  )
    .bind(
      ...[await sha256(refreshToken), family, userId, storeId, createdAt, now + REFRESH_TTL_MS],
      ...[device.address, device.userAgent, family, userId, passwordHash ?? null],
      ...[storeId, userId, user.role],
    )
    .run();
  if (opened.meta.changes === 0) throw ended();
  return { accessToken: token, refreshToken, expiresIn: ACCESS_TTL_S, user };
}

/** The permissions are there for clients to read; who verifies the token takes them from the role. */
async function accessToken(env: Env, user: UserView, storeId: string, family: string): Promise<string> {
  const role = user.role satisfies Role;
  const claims = { email: user.email, storeId, role, permissions: PERMISSIONS[role], sid: family };
  return keyringStub(env).sign(user.id, claims);
}

/** `storeId` moves the session to another store of its user. A 404 for one that is not theirs leaves the token unused. */
export async function refreshSession(
  env: Env,
  token: string,
  device = NOWHERE,
  storeId?: string,
): Promise<SessionView> {
  const hash = await sha256(token);
  const row = await env.DB.prepare("SELECT * FROM sessions WHERE hash = ?").bind(hash).first<SessionRow>();
  const now = Date.now();
  if (!row || row.revoked_at !== null || row.expires_at < now) throw ended();
  if (row.used_at === null && storeId !== undefined && !(await storeOfUser(env, row.user_id, storeId)))
    throw notFound("store");
  // One statement decides which of two racing refreshes is the first; the other one is a reuse.
  const used = await env.DB.prepare("UPDATE sessions SET used_at = ? WHERE hash = ? AND used_at IS NULL")
    .bind(now, hash)
    .run();
  if (used.meta.changes === 0) {
    log("warn", "refresh_reused", { user: row.user_id, family: row.family });
    await endSession(env, row.user_id, row.family);
    throw ended();
  }
  const continued = { family: row.family, createdAt: row.created_at };
  return openSession(env, row.user_id, storeId ?? row.store_id, device, { continued });
}

/** Ends the session of a refresh token; answers whose it was, or `null` for a token of no living session. */
export async function closeSession(
  env: Env,
  token: string,
): Promise<{ userId: string; storeId: string; family: string } | null> {
  const row = await env.DB.prepare("SELECT family, user_id, store_id FROM sessions WHERE hash = ?")
    .bind(await sha256(token))
    .first<Pick<SessionRow, "family" | "user_id" | "store_id">>();
  if (!row || !(await endSession(env, row.user_id, row.family))) return null;
  return { userId: row.user_id, storeId: row.store_id, family: row.family };
}

/** Ends a family of refresh tokens and voids its access tokens; `false` when it is not the user's or had ended already. */
export async function endSession(env: Env, userId: string, family: string): Promise<boolean> {
  const revoked = await env.DB.prepare(
    "UPDATE sessions SET revoked_at = ? WHERE family = ? AND user_id = ? AND revoked_at IS NULL",
  )
    .bind(Date.now(), family, userId)
    .run();
  await revokeSession(env, userId, family);
  return revoked.meta.changes > 0;
}

/** Ends every session of a user, here and everywhere. */
export async function endAllSessions(env: Env, userId: string): Promise<void> {
  await env.DB.prepare("UPDATE sessions SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL")
    .bind(Date.now(), userId)
    .run();
  await revokeUser(env, userId);
}

/** The sessions of a user other than `family` of which an access token may still be good. */
export async function familiesInUse(env: Env, userId: string, family: string | null): Promise<string[]> {
  const { results } = await env.DB.prepare(
    "SELECT DISTINCT family FROM sessions WHERE user_id = ? AND family IS NOT ? AND expires_at > ?",
  )
    .bind(userId, family, Date.now() + REFRESH_TTL_MS - ACCESS_TTL_S * SECOND_MS)
    .all<{ family: string }>();
  return results.map((row) => row.family);
}

/** More than anybody can read; the oldest are left out. */
const MAX_SHOWN = 100;

export async function openSessions(env: Env, userId: string, current: string | null): Promise<OpenSessionView[]> {
  // A living family has one row that was not used yet: the newest.
  const { results } = await env.DB.prepare(
    `SELECT s.family, s.created_at, s.expires_at, s.address, s.user_agent, s.store_id, t.name AS store_name
     FROM sessions s JOIN stores t ON t.id = s.store_id
     WHERE s.user_id = ? AND s.used_at IS NULL AND s.revoked_at IS NULL AND s.expires_at > ?
     ORDER BY s.expires_at DESC LIMIT ?`,
  )
    .bind(userId, Date.now(), MAX_SHOWN)
    .all<SessionRow & { store_name: string; address: string | null; user_agent: string | null }>();
  return results.map((row) => ({
    id: row.family,
    createdAt: iso(row.created_at),
    lastUsedAt: iso(row.expires_at - REFRESH_TTL_MS),
    address: row.address,
    userAgent: row.user_agent,
    current: row.family === current,
    store: { id: row.store_id, name: row.store_name },
  }));
}

/** The answer to a refresh: the session, and its refresh token as a cookie too. */
export const refreshed = (url: URL, session: SessionView, body: object = session, status = 200): Response =>
  json(body, status, { "set-cookie": refreshCookie(url, session.refreshToken) });

/** The answer to a login: the browser is known to the account from now on. */
export async function signedIn(
  call: Call,
  passwordHash: string,
  session: SessionView,
  body: object = session,
  status = 200,
): Promise<Response> {
  const answer = refreshed(call.url, session, body, status);
  const account = { id: session.user.id, password_hash: passwordHash };
  answer.headers.append("set-cookie", await deviceCookie(call, account));
  return answer;
}

/** Whether the session began a moment ago, with a password; a refresh makes none young again. */
export const FRESH_MS = 10 * MINUTE_MS;
export async function isFresh(env: Env, userId: string, family: string | null): Promise<boolean> {
  const row = await env.DB.prepare("SELECT 1 FROM sessions WHERE family = ? AND user_id = ? AND created_at > ? LIMIT 1")
    .bind(family, userId, Date.now() - FRESH_MS)
    .first();
  return row !== null;
}

/** HttpOnly and SameSite=Strict: neither scripts nor other sites can use it. `Secure` wherever it is not loopback. */
export function refreshCookie(url: URL, token: string | null): string {
  const age = token === null ? 0 : REFRESH_TTL_S;
  const secure = url.protocol === "https:" ? "; Secure" : "";
  return `${COOKIE}=${token ?? ""}; Path=/auth; HttpOnly; SameSite=Strict; Max-Age=${age}${secure}`;
}

/**
 * The refresh token of a call: from its body, or the browser's cookie. A call that another site made a browser send has
 * no right to the cookie, not even a site on another port or subdomain, which `SameSite` takes for the same.
 */
export function refreshTokenOf({ request, env, url }: Call, given: string | undefined): string | null {
  if (given !== undefined) return given;
  const cookie = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]+)`).exec(request.headers.get("cookie") ?? "")?.[1] ?? null;
  if (cookie === null) return null;
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  const { PUBLIC_URL } = parseConfig(env);
  const own = [url.origin, ...(PUBLIC_URL ? [new URL(PUBLIC_URL).origin] : [])];
  if ((site !== null && site !== "same-origin" && site !== "none") || (origin !== null && !own.includes(origin)))
    throw new AppError("FORBIDDEN", "Another site must not use this session.");
  return cookie;
}
