/** How a store comes into being: its actor first, then its rows in one transaction. */
import type * as z from "zod";
import { storeStub } from "../../objects/stubs.ts";
import { newKey } from "../../shared/auth/api-keys.ts";
import { AppError } from "../../shared/errors.ts";
import { newId, sha256 } from "../../shared/ids.ts";
import { settingsSchema } from "../../shared/policy/rules.ts";
import type { Env } from "../env.ts";

/** A user belongs to at most this many stores; their list is never longer. */
export const MAX_STORES = 100;

/** What a new store is asked for. The rest of its settings begin with their defaults. */
export const newStore = settingsSchema.pick({ name: true, url: true, currency: true, timezone: true });

export interface OpenedStore {
  storeId: string;
  publishableKey: string;
}

/**
 * Opens a store with `ownerId` as its owner; `first` are statements of the same transaction. An actor without rows is
 * out of everybody's reach, so a crash in between leaves nothing half-usable. 409 when the owner has too many stores.
 */
export async function createStore(
  env: Env,
  ownerId: string,
  given: z.infer<typeof newStore>,
  baseUrl: string,
  first: D1PreparedStatement[] = [],
): Promise<OpenedStore> {
  const storeId = newId("st");
  const publishableKey = newKey("publishable");
  const { name, url, currency, timezone } = given;
  const now = Date.now();
  await storeStub(env, storeId).create(settingsSchema.parse({ ...given, baseUrl }));
  const isMember = "WHERE EXISTS (SELECT 1 FROM members WHERE store_id = ?)";
  const done = await env.DB.batch([
    ...first,
    env.DB.prepare(
      `INSERT INTO members (store_id, user_id, role, created_at) SELECT ?, ?, 'store_owner', ?
       WHERE (SELECT count(*) FROM members WHERE user_id = ?) < ${MAX_STORES}`,
    ).bind(storeId, ownerId, now, ownerId),
    env.DB.prepare(
      `INSERT INTO stores (id, name, url, currency, timezone, created_at) SELECT ?, ?, ?, ?, ?, ? ${isMember}`,
    ).bind(storeId, name, url, currency, timezone, now, storeId),
    env.DB.prepare(
      `INSERT INTO api_keys (id, store_id, kind, hash, shown, scopes, created_at, created_by) SELECT ?, ?, 'publishable', ?, ?, '[]', ?, ? ${isMember}`,
    ).bind(newId("key"), storeId, await sha256(publishableKey), publishableKey, now, ownerId, storeId),
  ]);
  if (done[first.length]?.meta.changes === 0) throw tooManyStores();
  return { storeId, publishableKey };
}

export const tooManyStores = (): AppError =>
  new AppError("CONFLICT", `One account belongs to at most ${MAX_STORES} stores.`);

/** The stores a user belongs to, in the order in which they joined. */
export async function storeIdsOf(env: Env, userId: string): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT store_id FROM members WHERE user_id = ? ORDER BY created_at, store_id LIMIT ${MAX_STORES}`,
  )
    .bind(userId)
    .all<{ store_id: string }>();
  return results.map((row) => row.store_id);
}
