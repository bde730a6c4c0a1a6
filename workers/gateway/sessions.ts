/** Refresh tokens: seven days, a new one at each use. A used one that comes again means theft: its family dies. */
import { keyringStub } from "../../objects/stubs.ts";
import { PERMISSIONS, type Role } from "../../shared/auth/roles.ts";
import { ACCESS_TTL_S, REFRESH_TTL_S } from "../../shared/auth/tokens.ts";
import { AppError } from "../../shared/errors.ts";
import { newId, newSecret, sha256 } from "../../shared/ids.ts";
import type { SessionView, UserView } from "../../shared/views.ts";
import type { Env } from "../env.ts";
import { userView } from "./users.ts";

export const COOKIE = "cw_refresh";

interface SessionRow {
  family: string;
  user_id: string;
  store_id: string;
  expires_at: number;
  used_at: number | null;
  revoked_at: number | null;
}

const ended = (): AppError => new AppError("UNAUTHORIZED", "The session has ended: log in again.");

export async function openSession(
  env: Env,
  userId: string,
  storeId: string,
  family = newId("fam"),
): Promise<SessionView> {
  // Who has left the store, or lost the account, gets no more tokens for it.
  const user = await userView(env, userId, storeId);
  if (!user) throw ended();
  const refreshToken = newSecret();
  const now = Date.now();
  // A family that a racing reuse has just ended gets no new member.
  const opened = await env.DB.prepare(
    `INSERT INTO sessions (hash, family, user_id, store_id, created_at, expires_at) SELECT ?, ?, ?, ?, ?, ?
     WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE family = ? AND revoked_at IS NOT NULL)`,
  )
    .bind(await sha256(refreshToken), family, userId, storeId, now, now + REFRESH_TTL_S * 1000, family)
    .run();
  if (opened.meta.changes === 0) throw ended();
  return { accessToken: await accessToken(env, user, storeId, family), refreshToken, expiresIn: ACCESS_TTL_S, user };
}

/** The permissions are there for clients to read; who verifies the token takes them from the role. */
async function accessToken(env: Env, user: UserView, storeId: string, family: string): Promise<string> {
  const role = user.role satisfies Role;
  const claims = { email: user.email, storeId, role, permissions: PERMISSIONS[role], sid: family };
  return keyringStub(env).sign("access", user.id, claims);
}

export async function refreshSession(env: Env, token: string): Promise<SessionView> {
  const hash = await sha256(token);
  const row = await env.DB.prepare("SELECT * FROM sessions WHERE hash = ?").bind(hash).first<SessionRow>();
  if (!row || row.revoked_at !== null || row.expires_at < Date.now()) throw ended();
  // One statement decides which of two racing refreshes is the first; the other one is a reuse.
  const used = await env.DB.prepare("UPDATE sessions SET used_at = ? WHERE hash = ? AND used_at IS NULL")
    .bind(Date.now(), hash)
    .run();
  if (used.meta.changes === 0) {
    await revokeFamily(env, row.family);
    throw ended();
  }
  return openSession(env, row.user_id, row.store_id, row.family);
}

export async function closeSession(env: Env, token: string): Promise<void> {
  const row = await env.DB.prepare("SELECT family FROM sessions WHERE hash = ?")
    .bind(await sha256(token))
    .first<{ family: string }>();
  if (row) await revokeFamily(env, row.family);
}

const revokeFamily = (env: Env, family: string): Promise<D1Result> =>
  env.DB.prepare("UPDATE sessions SET revoked_at = ? WHERE family = ? AND revoked_at IS NULL")
    .bind(Date.now(), family)
    .run();

/** HttpOnly and SameSite=Strict: neither scripts nor other sites can use it. `Secure` wherever it is not loopback. */
export function refreshCookie(url: URL, token: string | null): string {
  const age = token === null ? 0 : REFRESH_TTL_S;
  const secure = url.protocol === "https:" ? "; Secure" : "";
  return `${COOKIE}=${token ?? ""}; Path=/auth; HttpOnly; SameSite=Strict; Max-Age=${age}${secure}`;
}

export const cookieOf = (request: Request): string | null =>
  new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]+)`).exec(request.headers.get("cookie") ?? "")?.[1] ?? null;
