/**
 * Which store a publishable key belongs to, and that store's rules: cached per isolate, so that a beacon pays no look-up.
 * A changed setting, or a quota used up, reaches beacons within `RULES_MS`; a cart that wakes asks its store afresh.
 */
import { storeStub } from "../../objects/stubs.ts";
import { findKey } from "../../shared/auth/api-keys.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";

const KEY_MS = 60 * SECOND_MS;
const UNKNOWN_KEY_MS = 5 * SECOND_MS;
const RULES_MS = 3 * SECOND_MS;
const MAX_ENTRIES = 5_000;

export interface Tenant {
  storeId: string;
  rules: Rules;
  allowedOrigins: string[];
  /** In ms: until then the store's beacons are refused. */
  overQuotaUntil: number | null;
}

const keys = new Map<string, { storeId: string | null; until: number }>();
const tenants = new Map<string, { tenant: Tenant; until: number }>();

/** The store of a publishable key; `null` when there is none. Secret keys are not for pages: `secret`. */
export async function tenantOf(env: Env, key: string, now: number): Promise<Tenant | "secret" | null> {
  if (key.startsWith("cw_sk_")) return "secret";
  const storeId = await storeOf(env, key, now);
  return storeId === null ? null : tenantById(env, storeId, now);
}

export async function tenantById(env: Env, storeId: string, now: number): Promise<Tenant | null> {
  const known = tenants.get(storeId);
  if (known && known.until > now) return known.tenant;
  const found = await storeStub(env, storeId).tenant();
  if (!found.ok) return null;
  const tenant = { storeId, ...found.value };
  remember(tenants, storeId, { tenant, until: now + RULES_MS });
  return tenant;
}

/** Called when this isolate changed a store's settings. */
export const forgetTenant = (storeId: string): void => void tenants.delete(storeId);

async function storeOf(env: Env, key: string, now: number): Promise<string | null> {
  const known = keys.get(key);
  if (known && known.until > now) return known.storeId;
  const found = await findKey(env.DB, key);
  const storeId = found?.kind === "publishable" ? found.storeId : null;
  if (key.length <= 100) remember(keys, key, { storeId, until: now + (storeId ? KEY_MS : UNKNOWN_KEY_MS) });
  return storeId;
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= MAX_ENTRIES) map.delete(map.keys().next().value ?? "");
  map.delete(key);
  map.set(key, value);
}
