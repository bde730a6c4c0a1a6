/**
 * Which store a publishable key belongs to, and that store's rules: cached per isolate, so that a beacon pays no look-up.
 * A changed setting, or a quota used up, reaches beacons within `RULES_MS`; a cart that wakes asks its store afresh.
 */

import { waitUntil } from "cloudflare:workers";
import { storeStub } from "../../objects/stubs.ts";
import { isUseNews } from "../../shared/auth/api-keys.ts";
import { findKey, noteUse } from "../../shared/db/api-keys.ts";
import { log } from "../../shared/log.ts";
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
  /** Of the store, and of the key that the request came with; an empty list allows every page. */
  allowedOrigins: string[];
  keyOrigins: string[];
  /** In ms: until then the store's beacons are refused. */
  overQuotaUntil: number | null;
}

interface KnownKey {
  storeId: string | null;
  origins: string[];
  until: number;
}

const keys = new Map<string, KnownKey>();
const tenants = new Map<string, { tenant: Tenant; until: number }>();

/** The store of a publishable key; `null` when there is none. Secret keys are not for pages: `secret`. */
export async function tenantOf(env: Env, key: string, now: number): Promise<Tenant | "secret" | null> {
  if (key.startsWith("cw_sk_")) return "secret";
  const { storeId, origins } = await keyOf(env, key, now);
  const tenant = storeId === null ? null : await tenantById(env, storeId, now);
  return tenant && origins.length > 0 ? { ...tenant, keyOrigins: origins } : tenant;
}

export async function tenantById(env: Env, storeId: string, now: number): Promise<Tenant | null> {
  const known = tenants.get(storeId);
  if (known && known.until > now) return known.tenant;
  const found = await storeStub(env, storeId).tenant();
  if (!found.ok) return null;
  const tenant = { storeId, ...found.value, keyOrigins: [] };
  remember(tenants, storeId, { tenant, until: now + RULES_MS });
  return tenant;
}

/** Called when this isolate changed a store's settings or keys. */
export function forgetTenant(storeId: string): void {
  tenants.delete(storeId);
  for (const [key, known] of keys) if (known.storeId === storeId) keys.delete(key);
}

async function keyOf(env: Env, key: string, now: number): Promise<KnownKey> {
  const known = keys.get(key);
  if (known && known.until > now) return known;
  const row = await findKey(env.DB, key, now);
  const found = row?.kind === "publishable" ? row : null;
  if (found && isUseNews(found, now))
    waitUntil(noteUse(env.DB, found, now).catch((error) => log("warn", "key_use_unnoted", { error })));
  const fresh: KnownKey = {
    storeId: found?.storeId ?? null,
    origins: found?.allowedOrigins ?? [],
    until: Math.min(now + (found ? KEY_MS : UNKNOWN_KEY_MS), found?.expiresAt ?? Number.MAX_SAFE_INTEGER),
  };
  if (key.length <= 100) remember(keys, key, fresh);
  return fresh;
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= MAX_ENTRIES) map.delete(map.keys().next().value ?? "");
  map.delete(key);
  map.set(key, value);
}
