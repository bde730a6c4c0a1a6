/** A store's own providers, as D1 keeps them. */
import { unseal } from "../auth/sealing.ts";
import type { MessageChannel } from "../policy/rules.ts";
import { type ProviderKind, type Setup, sealName, setupSchema } from "../providers.ts";

/** On each channel a store fails over between at most this many. */
export const MAX_PROVIDERS = 10;

export interface ProviderRow {
  id: string;
  store_id: string;
  channel: MessageChannel;
  kind: ProviderKind;
  position: number;
  from_name: string | null;
  /** Empty but for mail. */
  from_email: string;
  settings: string;
  credentials: string;
  hint: string;
  enabled: number;
  created_at: number;
  updated_at: number;
  version: number;
}

/** Of all channels, or of one; each in the order in which they are tried. */
export async function providersOf(db: D1Database, storeId: string, channel?: MessageChannel): Promise<ProviderRow[]> {
  const { results } = await db
    .prepare(
      "SELECT * FROM providers WHERE store_id = ?1 AND (?2 IS NULL OR channel = ?2) ORDER BY channel, position, created_at, id",
    )
    .bind(storeId, channel ?? null)
    .all<ProviderRow>();
  return results;
}

/** What browsers subscribe with to hear from this store; `null` when it sends no Web Push. */
export async function pushKeyOf(db: D1Database, storeId: string): Promise<string | null> {
  const row = await db
    .prepare(
      `SELECT settings FROM providers WHERE store_id = ? AND channel = 'push' AND kind = 'webpush' AND enabled = 1
       ORDER BY position, created_at, id LIMIT 1`,
    )
    .bind(storeId)
    .first<{ settings: string }>();
  return row ? ((JSON.parse(row.settings) as { publicKey?: string }).publicKey ?? null) : null;
}

/** With its credentials opened; `null` when they were sealed with another secret, or are not what the kind needs. */
export async function opened(row: ProviderRow, secret: string): Promise<Setup | null> {
  const credentials = await unseal(row.credentials, sealName(row.id), secret);
  if (credentials === null) return null;
  const { kind, settings } = row;
  const setup = { kind, settings: JSON.parse(settings), credentials: JSON.parse(credentials) };
  return setupSchema.safeParse(setup).data ?? null;
}
