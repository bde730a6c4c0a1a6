/** A store's own providers, as D1 keeps them. */
import { unseal } from "../auth/sealing.ts";
import { type ProviderKind, type Setup, sealName, setupSchema } from "../providers.ts";

/** A store fails over between at most this many. */
export const MAX_PROVIDERS = 10;

export interface ProviderRow {
  id: string;
  store_id: string;
  channel: "email";
  kind: ProviderKind;
  position: number;
  from_name: string | null;
  from_email: string;
  settings: string;
  credentials: string;
  hint: string;
  enabled: number;
  created_at: number;
  updated_at: number;
  version: number;
}

/** In the order in which they are tried. */
export async function providersOf(db: D1Database, storeId: string): Promise<ProviderRow[]> {
  const { results } = await db
    .prepare(
      `SELECT * FROM providers WHERE store_id = ? AND channel = 'email' ORDER BY position, created_at, id LIMIT ${MAX_PROVIDERS}`,
    )
    .bind(storeId)
    .all<ProviderRow>();
  return results;
}

/** With its credentials opened; `null` when they were sealed with another secret, or are not what the kind needs. */
export async function opened(row: ProviderRow, secret: string): Promise<Setup | null> {
  const credentials = await unseal(row.credentials, sealName(row.id), secret);
  if (credentials === null) return null;
  const { kind, settings } = row;
  const setup = { kind, settings: JSON.parse(settings), credentials: JSON.parse(credentials) };
  return setupSchema.safeParse(setup).data ?? null;
}
