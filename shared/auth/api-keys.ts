/** API keys: `cw_pk_…` (publishable, in the shop's pages) and `cw_sk_…` (secret, scoped). Looked up by hash. */
import { newSecret, sha256 } from "../ids.ts";

export interface ApiKey {
  id: string;
  storeId: string;
  kind: "publishable" | "secret";
  scopes: string[];
}

export const looksLikeKey = (key: string): boolean => /^cw_(pk|sk)_[A-Za-z0-9_-]{20,80}$/.test(key);

export const newKey = (kind: ApiKey["kind"]): string => `cw_${kind === "secret" ? "sk" : "pk"}_${newSecret()}`;

/** The key's row, or `null` for an unknown or revoked one. One indexed read. */
export async function findKey(db: D1Database, key: string): Promise<ApiKey | null> {
  if (!looksLikeKey(key)) return null;
  const row = await db
    .prepare("SELECT id, store_id, kind, scopes FROM api_keys WHERE hash = ? AND revoked_at IS NULL")
    .bind(await sha256(key))
    .first<{ id: string; store_id: string; kind: ApiKey["kind"]; scopes: string }>();
  return row && { id: row.id, storeId: row.store_id, kind: row.kind, scopes: JSON.parse(row.scopes) as string[] };
}
