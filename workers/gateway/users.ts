import type { UserView } from "../../shared/views.ts";
import type { Env } from "../env.ts";

interface UserRow {
  id: string;
  email: string;
  name: string | null;
}

type StoreRow = UserView["stores"][number];
type RoleRow = Pick<UserView, "role">;

/** A user with the stores they belong to, and their role in that store; `null` for who is no member of it. */
export async function userView(env: Env, userId: string, storeId: string): Promise<UserView | null> {
  const [users, stores, members] = await env.DB.batch<UserRow | StoreRow | RoleRow>([
    env.DB.prepare("SELECT id, email, name FROM users WHERE id = ?").bind(userId),
    env.DB.prepare(
      "SELECT s.id, s.name, s.currency, s.url, s.timezone FROM members m JOIN stores s ON s.id = m.store_id WHERE m.user_id = ? ORDER BY m.created_at LIMIT 100",
    ).bind(userId),
    env.DB.prepare("SELECT role FROM members WHERE store_id = ? AND user_id = ?").bind(storeId, userId),
  ]);
  const user = users?.results[0] as UserRow | undefined;
  const member = members?.results[0] as RoleRow | undefined;
  if (!user || !member) return null;
  return { ...user, role: member.role, stores: (stores?.results ?? []) as StoreRow[] };
}

/** The store a user logs in to: the one they joined first. */
export const firstStoreOf = (env: Env, userId: string): Promise<{ id: string } | null> =>
  env.DB.prepare(
    "SELECT s.id FROM members m JOIN stores s ON s.id = m.store_id WHERE m.user_id = ? ORDER BY m.created_at LIMIT 1",
  )
    .bind(userId)
    .first();

export const findUserByEmail = (env: Env, email: string): Promise<{ id: string; password_hash: string } | null> =>
  env.DB.prepare("SELECT id, password_hash FROM users WHERE email = ?").bind(email).first();
