/** API keys in D1: found by their hash. */
import { type ApiKey, looksLikeKey } from "../auth/api-keys.ts";
import { sha256 } from "../ids.ts";
import { HOUR_MS } from "../time.ts";

interface KeyRow {
  id: string;
  store_id: string;
  kind: ApiKey["kind"];
  scopes: string;
  allowed_origins: string;
  expires_at: number | null;
  last_used_at: number | null;
}

/** The key, or `null` for an unknown, expired or revoked one. */
export async function findKey(db: D1Database, key: string, now: number): Promise<ApiKey | null> {
  if (!looksLikeKey(key)) return null;
  const row = await db
    .prepare(
      `SELECT id, store_id, kind, scopes, allowed_origins, expires_at, last_used_at FROM api_keys
       WHERE hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
    )
    .bind(await sha256(key), now)
    .first<KeyRow>();
  if (!row) return null;
  return {
    id: row.id,
    storeId: row.store_id,
    kind: row.kind,
    scopes: JSON.parse(row.scopes) as string[],
    allowedOrigins: JSON.parse(row.allowed_origins) as string[],
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}

/** Notes that a key was used; of many who do it at once, one writes. */
export async function noteUse(db: D1Database, key: ApiKey, now: number): Promise<void> {
  await db
    .prepare("UPDATE api_keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at <= ?)")
    .bind(now, key.id, now - HOUR_MS)
    .run();
}
