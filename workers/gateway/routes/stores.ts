/** `/v1/stores`, `/v1/api-keys`, `/v1/usage`. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { newKey } from "../../../shared/auth/api-keys.ts";
import { PERMISSIONS } from "../../../shared/auth/tokens.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { newId, sha256 } from "../../../shared/ids.ts";
import { type Settings, settingsPatchSchema } from "../../../shared/policy/rules.ts";
import { iso, isoOrNull } from "../../../shared/time.ts";
import { body, ifMatch, type MemberCall, notFound, stale } from "../context.ts";

/** Settings as the merchant sees them: `baseUrl` is ours. */
const view = (id: string, { baseUrl: _, ...settings }: Settings & { version: number; createdAt: string }) => ({
  id,
  ...settings,
});

/** The caller's stores. */
export async function listStores({ env, principal }: MemberCall): Promise<Response> {
  const settings = await storeStub(env, principal.storeId).settings();
  return json({ items: settings.ok ? [view(principal.storeId, settings.value)] : [], nextCursor: null });
}

export async function getStore(call: MemberCall): Promise<Response> {
  const settings = await own(call).settings();
  if (!settings.ok) throw notFound("store");
  return json(view(call.principal.storeId, settings.value), 200, { etag: `"${settings.value.version}"` });
}

/** Any of the settings (API.md); the rest stays. `If-Match` guards against a change in between. */
export async function patchStore(call: MemberCall): Promise<Response> {
  const given = await body(call, settingsPatchSchema);
  const store = own(call);
  const result = await store.patchSettings(given, ifMatch(call.request));
  if (!result.ok) throw result.reason === "version" ? stale() : notFound("store");
  const { name, url, currency, timezone } = result.value;
  await call.env.DB.prepare("UPDATE stores SET name = ?, url = ?, currency = ?, timezone = ? WHERE id = ?")
    .bind(name, url, currency, timezone, call.principal.storeId)
    .run();
  return json(view(call.principal.storeId, result.value), 200, { etag: `"${result.value.version}"` });
}

/** A store other than the caller's does not exist for them. */
function own({ env, principal, params }: MemberCall) {
  if (params.id !== principal.storeId) throw notFound("store");
  return storeStub(env, principal.storeId);
}

interface KeyRow {
  id: string;
  kind: string;
  shown: string;
  scopes: string;
  created_at: number;
  revoked_at: number | null;
}

/** Publishable keys in full as `key`; of secret ones only their beginning. */
export async function listKeys({ env, principal }: MemberCall): Promise<Response> {
  const { results } = await env.DB.prepare(
    "SELECT * FROM api_keys WHERE store_id = ? ORDER BY created_at DESC LIMIT 200",
  )
    .bind(principal.storeId)
    .all<KeyRow>();
  const items = results.map((row) => ({
    id: row.id,
    kind: row.kind,
    ...(row.kind === "publishable" ? { key: row.shown } : { prefix: row.shown }),
    scopes: JSON.parse(row.scopes) as string[],
    createdAt: iso(row.created_at),
    revokedAt: isoOrNull(row.revoked_at),
  }));
  return json({ items, nextCursor: null });
}

const keyRequest = z.object({
  kind: z.enum(["publishable", "secret"]).default("secret"),
  scopes: z
    .array(z.enum(PERMISSIONS.store_owner as [string, ...string[]]))
    .max(50)
    .optional(),
});

/** 201 with the key, shown this once. Nobody hands out more than they have; unsaid scopes are those of an `api_user`. */
export async function createKey(call: MemberCall): Promise<Response> {
  const { permissions } = call.principal;
  const given = await body(call, keyRequest);
  const { kind, scopes = PERMISSIONS.api_user.filter((scope) => permissions.includes(scope)) } = given;
  const foreign = scopes.find((scope) => !permissions.includes(scope));
  if (foreign) throw new AppError("FORBIDDEN", `You cannot give the permission ${foreign}: you do not have it.`);
  const key = newKey(kind);
  const id = newId("key");
  const now = Date.now();
  const granted = kind === "secret" ? scopes : [];
  await call.env.DB.prepare(
    "INSERT INTO api_keys (id, store_id, kind, hash, shown, scopes, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
  )
    .bind(
      id,
      call.principal.storeId,
      kind,
      await sha256(key),
      kind === "secret" ? key.slice(0, 12) : key,
      JSON.stringify(granted),
      now,
    )
    .run();
  return json({ id, kind, key, scopes: granted, createdAt: iso(now) }, 201);
}

/** 204; a publishable key may be believed for another minute by isolates that just saw it. */
export async function revokeKey({ env, principal, params }: MemberCall): Promise<Response> {
  const done = await env.DB.prepare(
    "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND store_id = ? AND revoked_at IS NULL",
  )
    .bind(Date.now(), params.id ?? "", principal.storeId)
    .run();
  if (done.meta.changes === 0) throw notFound("key");
  return new Response(null, { status: 204 });
}

export async function usage({ env, principal }: MemberCall): Promise<Response> {
  return json(await storeStub(env, principal.storeId).usage());
}
