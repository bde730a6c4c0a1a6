/**
 * API keys: `cw_pk_…` (publishable, in the shop's pages) and `cw_sk_…` (secret, scoped). A key is found by its hash: one
 * indexed read, whose time tells nothing about the key, for nobody can aim at a hash. The prefix that is kept of a secret
 * key is for people, to know it again in a list; nothing is looked up by it.
 */
import { newSecret, sha256 } from "../ids.ts";
import { HOUR_MS } from "../time.ts";

export interface ApiKey {
  id: string;
  storeId: string;
  kind: "publishable" | "secret";
  scopes: string[];
  /** Pages of other origins may not use it; empty: wherever the store allows. */
  allowedOrigins: string[];
  /** From here on it opens nothing. */
  expiresAt: number | null;
  /** To the hour. */
  lastUsedAt: number | null;
}

interface KeyRow {
  id: string;
  store_id: string;
  kind: ApiKey["kind"];
  scopes: string;
  allowed_origins: string;
  expires_at: number | null;
  last_used_at: number | null;
}

export const looksLikeKey = (key: string): boolean => /^cw_(pk|sk)_[A-Za-z0-9_-]{20,80}$/.test(key);

export const newKey = (kind: ApiKey["kind"]): string => `cw_${kind === "secret" ? "sk" : "pk"}_${newSecret()}`;

/** What is kept of a key to show it: secret ones only as their first characters. */
export const shownOf = (kind: ApiKey["kind"], key: string): string => (kind === "secret" ? key.slice(0, 12) : key);

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

/** Whether `lastUsedAt` is old enough to be written again. */
export const isUseNews = (key: ApiKey, now: number): boolean =>
  key.lastUsedAt === null || key.lastUsedAt <= now - HOUR_MS;

/** Notes that a key was used; of many who do it at once, one writes. */
export async function noteUse(db: D1Database, key: ApiKey, now: number): Promise<void> {
  await db
    .prepare("UPDATE api_keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at <= ?)")
    .bind(now, key.id, now - HOUR_MS)
    .run();
}
