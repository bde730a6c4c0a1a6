/** `/v1/api-keys*`: stored as hashes, shown once. */
import * as z from "zod";
import { newKey } from "../../../shared/auth/api-keys.ts";
import { ALL_PERMISSIONS, PERMISSIONS } from "../../../shared/auth/roles.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { newId, sha256 } from "../../../shared/ids.ts";
import { iso, isoOrNull } from "../../../shared/time.ts";
import { pageOf } from "../../../shared/views.ts";
import { notFound } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";

interface KeyRow {
  id: string;
  kind: string;
  shown: string;
  scopes: string;
  created_at: number;
  revoked_at: number | null;
}

async function listKeys({ env, principal }: MemberCall): Promise<Response> {
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
  scopes: z.array(z.enum(ALL_PERMISSIONS)).max(50).optional(),
});

/** 201 with the key, shown this once. Nobody hands out more than they have; unsaid scopes are those of an `api_user`. */
async function createKey(call: MemberCall<unknown, z.infer<typeof keyRequest>>): Promise<Response> {
  const { permissions } = call.principal;
  const { kind, scopes = PERMISSIONS.api_user.filter((scope) => permissions.includes(scope)) } = call.body;
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
  call.audit({ action: "api_key.created", objectId: id, after: { kind, scopes: granted } });
  return json({ id, kind, key, scopes: granted, createdAt: iso(now) }, 201);
}

async function revokeKey({ env, principal, params }: MemberCall): Promise<Response> {
  const done = await env.DB.prepare(
    "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND store_id = ? AND revoked_at IS NULL",
  )
    .bind(Date.now(), params.id ?? "", principal.storeId)
    .run();
  if (done.meta.changes === 0) throw notFound("key");
  return new Response(null, { status: 204 });
}

const keyView = z
  .object({
    id: z.string(),
    kind: z.enum(["publishable", "secret"]),
    key: z.string().optional().describe("In full: of publishable keys always, of secret ones only when they are made"),
    prefix: z.string().optional().describe("How a secret key begins"),
    scopes: z.array(z.string()),
    createdAt: z.iso.datetime(),
    revokedAt: z.iso.datetime().nullish(),
  })
  .meta({ id: "ApiKey" });

const common = { access: "members:write", tag: "Stores" } as const;

export const routes: Route[] = [
  member(
    {
      ...common,
      method: "GET",
      path: "/v1/api-keys",
      summary: "List the store's API keys",
      answers: { 200: { description: "Newest first", schema: pageOf(keyView) } },
    },
    listKeys,
  ),
  member(
    {
      ...common,
      method: "POST",
      path: "/v1/api-keys",
      summary: "Create an API key",
      body: keyRequest,
      audit: "api_key.created",
      answers: { 201: { description: "With the key, shown this once", schema: keyView } },
    },
    createKey,
  ),
  member(
    {
      ...common,
      method: "DELETE",
      path: "/v1/api-keys/:id",
      summary: "Revoke an API key",
      description: "A publishable key may be believed for another minute by isolates that just saw it.",
      audit: "api_key.revoked",
      answers: { 204: { description: "It opens nothing any more" } },
    },
    revokeKey,
  ),
];
