import { PERMISSIONS } from "../../shared/auth/roles.ts";
import { AppError } from "../../shared/errors.ts";
import { isoOrNull } from "../../shared/time.ts";
import type { UserView } from "../../shared/views.ts";
import type { Env } from "../env.ts";

interface UserRow {
  id: string;
  email: string;
  name: string | null;
  mfa_enabled_at: number | null;
  last_login_at: number | null;
}

type StoreRow = UserView["stores"][number];

/** A user with the stores they belong to, and their role in that store; `null` for who is no member of it. */
export async function userView(env: Env, userId: string, storeId: string): Promise<UserView | null> {
  const [users, stores] = await env.DB.batch<UserRow | StoreRow>([
    env.DB.prepare("SELECT id, email, name, mfa_enabled_at, last_login_at FROM users WHERE id = ?").bind(userId),
    env.DB.prepare(
      `SELECT s.id, s.name, s.currency, s.url, s.timezone, m.role FROM members m JOIN stores s ON s.id = m.store_id
       WHERE m.user_id = ? ORDER BY m.created_at, s.id LIMIT 100`,
    ).bind(userId),
  ]);
  const user = users?.results[0] as UserRow | undefined;
  const all = (stores?.results ?? []) as StoreRow[];
  const store = all.find((s) => s.id === storeId);
  if (!user || !store) return null;
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    role: store.role,
    storeId,
    permissions: [...PERMISSIONS[store.role]],
    mfaEnabled: user.mfa_enabled_at !== null,
    lastLoginAt: isoOrNull(user.last_login_at),
    stores: all,
  };
}

/** The store a user logs in to: the one they ask for, else the one they joined first; `null` if they are in none such. */
export const storeOfUser = (env: Env, userId: string, storeId?: string): Promise<{ id: string } | null> =>
  env.DB.prepare(
    `SELECT s.id FROM members m JOIN stores s ON s.id = m.store_id WHERE m.user_id = ?${storeId ? " AND s.id = ?" : ""}
     ORDER BY m.created_at, s.id LIMIT 1`,
  )
    .bind(userId, ...(storeId ? [storeId] : []))
    .first();

/** What proves who somebody is. */
export interface Account {
  id: string;
  email: string;
  password_hash: string;
  last_login_at: number | null;
  failed_logins: number;
  /** Sealed under `mfaSecretName`. */
  mfa_secret: string | null;
  mfa_enabled_at: number | null;
  mfa_last_step: number | null;
}

const ACCOUNT =
  "SELECT id, email, password_hash, last_login_at, failed_logins, mfa_secret, mfa_enabled_at, mfa_last_step FROM users";

export const findUserByEmail = (env: Env, email: string): Promise<Account | null> =>
  env.DB.prepare(`${ACCOUNT} WHERE email = ?`).bind(email).first();

export const findAccount = (env: Env, userId: string): Promise<Account | null> =>
  env.DB.prepare(`${ACCOUNT} WHERE id = ?`).bind(userId).first();

/** Of a caller with an access token; a deleted account has none any more. */
export async function accountOf(env: Env, userId: string): Promise<Account> {
  const account = await findAccount(env, userId);
  if (!account) throw new AppError("UNAUTHORIZED", "The account no longer exists.");
  return account;
}
