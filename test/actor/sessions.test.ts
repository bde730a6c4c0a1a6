import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { keyringStub } from "../../objects/stubs.ts";
import { endSession, openSession, openSessions, refreshSession } from "../../workers/gateway/sessions.ts";
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

  it("moves to another store of its user; to a stranger's it does not, and its token stays good", async () => {
    const { user, stores } = await member("store_owner", "api_user");
    const { stores: foreign } = await member("store_owner");
    const opened = await openSession(env, user, stores[0]!);
    const move = (store: string) => refreshSession(env, opened.refreshToken, undefined, store);
    await expect(move(foreign[0]!)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const moved = await move(stores[1]!);
    expect(claimsOf(moved.accessToken)).toMatchObject({ storeId: stores[1], role: "api_user" });
    const stayed = await refreshSession(env, moved.refreshToken);
    expect(stayed.user.storeId).toBe(stores[1]);
  });

  it("keeps its name and birthday through refreshes, and tells where it was last used from", async () => {
    const { user, stores } = await member("store_owner");
    const at = { address: "192.0.2.1", userAgent: "Laptop" };
    const opened = await openSession(env, user, stores[0]!, at);
    const [before] = await openSessions(env, user, null);
    expect(before).toMatchObject({ ...at, current: false });
    expect((claimsOf(opened.accessToken) as { sid: string }).sid).toBe(before!.id);
    await refreshSession(env, opened.refreshToken, { address: "192.0.2.2", userAgent: "Phone" });
    const after = await openSessions(env, user, before!.id);
    expect(after).toMatchObject([
      { id: before!.id, createdAt: before!.createdAt, address: "192.0.2.2", userAgent: "Phone", current: true },
    ]);
  });

  it("ends for nobody but its user", async () => {
    const [{ user, stores }, stranger] = [await member("store_owner"), await member("store_owner")];
    const opened = await openSession(env, user, stores[0]!);
    const { id } = (await openSessions(env, user, null))[0]!;
    expect(await endSession(env, stranger.user, id)).toBe(false);
    const refreshed = await refreshSession(env, opened.refreshToken);
    expect(await endSession(env, user, id)).toBe(true);
    await expect(refreshSession(env, refreshed.refreshToken)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    expect(await openSessions(env, user, null)).toEqual([]);
  });

  it("gets no token of a role that is taken while the token is signed", async () => {
    const { user, stores } = await member("store_owner");
    const keyring = keyringStub(env);
    const sign: typeof keyring.sign = async (...given) => {
      const { meta } = await env.DB.prepare("UPDATE members SET role = 'customer' WHERE user_id = ?").bind(user).run();
      expect(meta.changes).toBe(1);
      return keyring.sign(...given);
    };
    const racing = { ...env, KEYRING: { getByName: () => ({ sign }) } } as unknown as typeof env;
    await expect(openSession(racing, user, stores[0]!)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    expect(await openSessions(env, user, null)).toEqual([]);
  });

  it("does not open by a password that was replaced since it was checked", async () => {
    const { user, stores } = await member("store_owner");
    const open = (passwordHash: string) => openSession(env, user, stores[0]!, undefined, { passwordHash });
    await env.DB.prepare("UPDATE users SET password_hash = 'new' WHERE id = ?").bind(user).run();
    await expect(open("old")).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    expect((await open("new")).user.id).toBe(user);
  });
});
