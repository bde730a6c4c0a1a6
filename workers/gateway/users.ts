import type { UserView } from "../../shared/views.ts";
import type { Env } from "../env.ts";

interface UserRow {
  id: string;
  email: string;
  name: string | null;
}

type StoreRow = UserView["stores"][number] & { role: UserView["role"] };

/** A user with the stores they belong to; the role is the one in their first store. */
export async function userView(env: Env, userId: string): Promise<UserView | null> {
  const [users, stores] = await env.DB.batch<UserRow | StoreRow>([
    env.DB.prepare("SELECT id, email, name FROM users WHERE id = ?").bind(userId),
    env.DB.prepare(
      "SELECT s.id, s.name, s.currency, s.url, s.timezone, m.role FROM members m JOIN stores s ON s.id = m.store_id WHERE m.user_id = ? ORDER BY m.created_at LIMIT 100",
    ).bind(userId),
  ]);
  const user = users?.results[0] as UserRow | undefined;
  if (!user) return null;
  const rows = (stores?.results ?? []) as StoreRow[];
  return { ...user, role: rows[0]?.role ?? "customer", stores: rows.map(({ role: _, ...store }) => store) };
}

export const findUserByEmail = (env: Env, email: string): Promise<{ id: string; password_hash: string } | null> =>
  env.DB.prepare("SELECT id, password_hash FROM users WHERE email = ?").bind(email).first();
