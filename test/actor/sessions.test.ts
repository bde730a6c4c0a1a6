import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { openSession, refreshSession } from "../../workers/gateway/sessions.ts";
import { env, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));

/** A user who joined these stores in this order, with that role each. */
async function member(...roles: string[]): Promise<{ user: string; stores: string[] }> {
  const user = unique("us");
  const stores = roles.map(() => unique("st"));
  await env.DB.batch([
    env.DB.prepare("INSERT INTO users (id, email, name, password_hash, created_at) VALUES (?, ?, NULL, '', 0)").bind(
      user,
      `${user}@merchant.example`,
    ),
    ...stores.flatMap((store, i) => [
      env.DB.prepare(
        "INSERT INTO stores (id, name, url, currency, timezone, created_at) VALUES (?, 'S', 'https://s.example', 'EUR', 'UTC', 0)",
      ).bind(store),
      env.DB.prepare("INSERT INTO members (store_id, user_id, role, created_at) VALUES (?, ?, ?, ?)").bind(
        store,
        user,
        roles[i],
        i,
      ),
    ]),
  ]);
  return { user, stores };
}

const claimsOf = (token: string): unknown =>
  JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/")));

describe("a session", () => {
  it("has the role of its own store, not of the first one the user joined", async () => {
    const { user, stores } = await member("store_owner", "api_user");
    const second = await openSession(env, user, stores[1]!);
    expect(second.user).toMatchObject({ role: "api_user", stores: [{ id: stores[0] }, { id: stores[1] }] });
    expect(claimsOf(second.accessToken)).toMatchObject({ storeId: stores[1], role: "api_user" });
    const refreshed = await refreshSession(env, second.refreshToken);
    expect(claimsOf(refreshed.accessToken)).toMatchObject({ storeId: stores[1], role: "api_user" });
    const first = await openSession(env, user, stores[0]!);
    expect(claimsOf(first.accessToken)).toMatchObject({ storeId: stores[0], role: "store_owner" });
  });

  it("ends when its user is no longer a member of the store", async () => {
    const { user, stores } = await member("store_owner", "store_owner");
    const [left, kept] = await Promise.all(stores.map((store) => openSession(env, user, store)));
    await env.DB.prepare("DELETE FROM members WHERE store_id = ?").bind(stores[0]).run();
    await expect(refreshSession(env, left!.refreshToken)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    expect(await refreshSession(env, kept!.refreshToken)).toMatchObject({ user: { role: "store_owner" } });
    await expect(openSession(env, user, stores[0]!)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });
});
