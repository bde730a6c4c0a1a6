/** `/v1/api-keys*`: stored as hashes, shown once. What beacons believe of them is forgotten with each change. */
import * as z from "zod";
import { type ApiKey, newKey, shownOf } from "../../../shared/auth/api-keys.ts";
import { ALL_PERMISSIONS, PERMISSIONS } from "../../../shared/auth/roles.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { newId, sha256 } from "../../../shared/ids.ts";
import { DAY_MS, HOUR_MS, iso, isoOrNull } from "../../../shared/time.ts";
import { pageOf } from "../../../shared/views.ts";
import { invalid, notFound, stale } from "../context.ts";
import { LIVE, makerOf, stillMay } from "../key-makers.ts";
import { type Call, type MemberCall, member, type Route } from "../route.ts";

/** Keys of a store that open something. */
const MAX_LIVE = 100;
/** A list shows all live keys, and the newest of the others. */
const MAX_LISTED = 200;
const MAX_LIFE_MS = 3650 * DAY_MS;
interface KeyRow {
  id: string;
  kind: ApiKey["kind"];
  name: string | null;
  shown: string;
  scopes: string;
  allowed_origins: string;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
  revoked_at: number | null;
  rotated_to: string | null;
  created_by: string | null;
  maker_email: string | null;
  maker_name: string | null;
}

/** `FROM`: keys, each with its maker. */
const SELECT = `SELECT k.*, u.email AS maker_email, u.name AS maker_name
  FROM api_keys k LEFT JOIN users u ON u.id = k.created_by`;

/** A key as its owner sees it; a secret one in full only when it has just been made. */
const view = (row: KeyRow, key?: string) => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  ...(row.kind === "publishable" ? { key: row.shown } : { prefix: row.shown }),
  ...(key === undefined ? {} : { key }),
  scopes: JSON.parse(row.scopes) as string[],
  allowedOrigins: JSON.parse(row.allowed_origins) as string[],
  createdAt: iso(row.created_at),
  expiresAt: isoOrNull(row.expires_at),
  lastUsedAt: isoOrNull(row.last_used_at),
  revokedAt: isoOrNull(row.revoked_at),
  rotatedTo: row.rotated_to,
  createdBy:
    row.created_by !== null && row.maker_email !== null
      ? { userId: row.created_by, email: row.maker_email, name: row.maker_name }
      : null,
});

async function listKeys({ env, principal }: MemberCall): Promise<Response> {
  const { results } = await env.DB.prepare(
    `${SELECT} WHERE k.store_id = ? ORDER BY ${LIVE} DESC, k.created_at DESC, k.id LIMIT ${MAX_LISTED}`,
  )
    .bind(principal.storeId, Date.now())
    .all<KeyRow>();
  return json({ items: results.map((row) => view(row)), nextCursor: null });
}

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text;
const name = z.string().trim().min(1).max(100);
const origin = z.string().max(256).refine(isOrigin, "must be an origin such as https://shop.example");
const allowedOrigins = z.array(origin).max(50);
const expiresAt = z.iso.datetime({ offset: true, error: "must be an ISO 8601 time" }).nullable();

const keyRequest = z.object({
  kind: z.enum(["publishable", "secret"]).default("secret"),
  name: name.optional(),
  scopes: z.array(z.enum(ALL_PERMISSIONS)).max(50).optional(),
  allowedOrigins: allowedOrigins.default([]),
  expiresAt: expiresAt.default(null),
});

/** 201 with the key, shown this once. Nobody hands out more than they have; unsaid scopes are those of an `api_user`. */
async function createKey(call: MemberCall<unknown, z.infer<typeof keyRequest>>): Promise<Response> {
  const { env, principal, body } = call;
  const { kind, scopes = PERMISSIONS.api_user.filter((scope) => principal.permissions.includes(scope)) } = body;
  mayGive(call, scopes);
  if (body.allowedOrigins.length > 0) onlyPublishable(kind);
  const now = Date.now();
  const key = newKey(kind);
  const id = newId("key");
  const row = {
    kind,
    name: body.name ?? null,
    shown: shownOf(kind, key),
    scopes: JSON.stringify(kind === "secret" ? scopes : []),
    allowed_origins: JSON.stringify(body.allowedOrigins),
    expires_at: endOf(body.expiresAt, now),
  };
  const { maker, may } = makerOf(principal, now);
  const [made] = await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO api_keys (id, store_id, kind, name, hash, shown, scopes, allowed_origins, created_at, expires_at, created_by)
       SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${maker.sql} WHERE ${hasRoom} AND ${may.sql}`,
    ).bind(
      ...[id, principal.storeId, kind, row.name, await sha256(key), row.shown, row.scopes, row.allowed_origins],
      ...[now, row.expires_at, ...maker.values, principal.storeId, now, ...may.values],
    ),
    ...call.audited({ action: "api_key.created", objectId: id, after: logged(row) }),
  ]);
  if (made?.meta.changes === 0) {
    await stillMay(env, may);
    throw tooMany();
  }
  return json(view(await liveKey({ ...call, params: { id } }, principal.storeId, now), key), 201);
}

/** Takes the store and the present as its parameters. */
const hasRoom = `(SELECT count(*) FROM api_keys WHERE store_id = ? AND ${LIVE}) < ${MAX_LIVE}`;
const tooMany = (): AppError =>
  new AppError("CONFLICT", `A store has at most ${MAX_LIVE} keys: revoke one that nobody uses.`);

function mayGive({ principal }: MemberCall, scopes: readonly string[]): void {
  const foreign = scopes.find((scope) => !principal.permissions.includes(scope));
  if (foreign) throw new AppError("FORBIDDEN", `You cannot give the permission ${foreign}: you do not have it.`);
}

function onlyPublishable(kind: ApiKey["kind"]): void {
  if (kind === "secret") throw invalid("allowedOrigins", "are for publishable keys: secret ones are never in a page");
}

/** Milliseconds of a time that lies ahead; `null`: never. */
function endOf(text: string | null, now: number): number | null {
  if (text === null) return null;
  const at = Date.parse(text);
  if (!(at > now && at <= now + MAX_LIFE_MS)) throw invalid("expiresAt", "must lie ahead, by ten years at most");
  return at;
}

/** What the audit log keeps of a key: nothing that opens anything. */
const logged = ({
  kind,
  name,
  scopes,
  allowed_origins,
  expires_at,
}: Pick<KeyRow, "kind" | "name" | "scopes" | "allowed_origins" | "expires_at">) => ({
  kind,
  name,
  scopes: JSON.parse(scopes) as string[],
  allowedOrigins: JSON.parse(allowed_origins) as string[],
  expiresAt: isoOrNull(expires_at),
});

/** A key that opens something; 404 for another store's and for one that has ended. */
async function liveKey({ env, params }: Call, storeId: string, now: number): Promise<KeyRow> {
  const row = await env.DB.prepare(`${SELECT} WHERE k.id = ? AND k.store_id = ? AND ${LIVE}`)
    .bind(params.id ?? "", storeId, now)
    .first<KeyRow>();
  if (!row) throw notFound("key");
  return row;
}

const keyPatch = z.object({ name: name.nullable(), allowedOrigins, expiresAt }).partial();

async function patchKey(call: MemberCall<unknown, z.infer<typeof keyPatch>>): Promise<Response> {
  const { env, principal, body } = call;
  const now = Date.now();
  const before = await liveKey(call, principal.storeId, now);
  if (body.allowedOrigins) onlyPublishable(before.kind);
  const end = body.expiresAt === undefined ? before.expires_at : endOf(body.expiresAt, now);
  if (before.rotated_to && (end === null || end > (before.expires_at ?? 0)))
    throw new AppError("CONFLICT", "This key was rotated: its end can only be brought forward.");
  const after: KeyRow = {
    ...before,
    name: body.name === undefined ? before.name : body.name,
    allowed_origins: body.allowedOrigins ? JSON.stringify(body.allowedOrigins) : before.allowed_origins,
    expires_at: end,
  };
  // A rotation in between has set an end: it stays.
  const [done] = await env.DB.batch([
    env.DB.prepare(
      `UPDATE api_keys SET name = ?, allowed_origins = ?, expires_at = ? WHERE id = ? AND rotated_to IS ? AND ${LIVE}`,
    ).bind(after.name, after.allowed_origins, end, before.id, before.rotated_to, now),
    ...call.audited({
      action: "api_key.updated",
      objectId: before.id,
      before: logged(before),
      after: logged(after),
    }),
  ]);
  if (done?.meta.changes === 0) throw stale();
  return json(view(after));
}

const rotation = z.object({ overlapHours: z.number().min(0).max(720).default(24) });

/** One statement makes the successor, of two racing ones the first; the next gives the old key its end. */
async function rotateKey(call: MemberCall<unknown, z.infer<typeof rotation>>): Promise<Response> {
  const { env, principal, body } = call;
  const now = Date.now();
  const old = await liveKey(call, principal.storeId, now);
  mayGive(call, JSON.parse(old.scopes) as string[]);
  const rotated = new AppError("CONFLICT", "This key was rotated already: rotate the one that took its place.");
  if (old.rotated_to) throw rotated;
  const key = newKey(old.kind);
  const id = newId("key");
  const shown = shownOf(old.kind, key);
  const overlapEnd = now + Math.round(body.overlapHours * HOUR_MS);
  const isOld = `id = ? AND rotated_to IS NULL AND ${LIVE}`;
  const { maker, may } = makerOf(principal, now);
  const after = { rotatedTo: id, overlapHours: body.overlapHours };
  const [made] = await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO api_keys (id, store_id, kind, name, hash, shown, scopes, allowed_origins, created_at, expires_at, created_by)
       SELECT ?, store_id, kind, name, ?, ?, scopes, allowed_origins, ?, ? + (expires_at - created_at), ${maker.sql}
       FROM api_keys WHERE ${isOld} AND ${hasRoom} AND ${may.sql}`,
    ).bind(
      ...[id, await sha256(key), shown, now, now, ...maker.values],
      ...[old.id, now, principal.storeId, now, ...may.values],
    ),
    ...call.audited({ action: "api_key.rotated", objectId: old.id, after }),
    env.DB.prepare(
      `UPDATE api_keys SET rotated_to = ?, expires_at = min(coalesce(expires_at, ?), ?)
       WHERE ${isOld} AND EXISTS (SELECT 1 FROM api_keys WHERE id = ?)`,
    ).bind(id, overlapEnd, overlapEnd, old.id, now, id),
  ]);
  if (made?.meta.changes === 0) {
    if ((await liveKey(call, principal.storeId, now)).rotated_to) throw rotated;
    await stillMay(env, may);
    throw tooMany();
  }
  const fresh = await liveKey({ ...call, params: { id } }, principal.storeId, now);
  return json(view(fresh, key), 201);
}

async function revokeKey({ env, principal, params, audited }: MemberCall): Promise<Response> {
  const id = params.id ?? "";
  const [done] = await env.DB.batch([
    env.DB.prepare("UPDATE api_keys SET revoked_at = ? WHERE id = ? AND store_id = ? AND revoked_at IS NULL").bind(
      Date.now(),
      id,
      principal.storeId,
    ),
    ...audited({ action: "api_key.revoked", objectId: id }),
  ]);
  if (done?.meta.changes === 0) throw notFound("key");
  return new Response(null, { status: 204 });
}

const time = z.iso.datetime().nullable();
const keyView = z
  .object({
    id: z.string(),
    kind: z.enum(["publishable", "secret"]),
    name: z.string().nullable(),
    key: z.string().optional().describe("In full: of publishable keys always, of secret ones only when they are made"),
    prefix: z.string().optional().describe("How a secret key begins, for people to know it again"),
    scopes: z.array(z.string()),
    allowedOrigins: z.array(z.string()).describe("Of a publishable key; empty: wherever the store allows"),
    createdAt: z.iso.datetime(),
    expiresAt: time,
    lastUsedAt: time.describe("To the hour"),
    revokedAt: time,
    rotatedTo: z.string().nullable().describe("The key that takes its place"),
    createdBy: z
      .object({ userId: z.string(), email: z.string(), name: z.string().nullable() })
      .nullable()
      .describe(
        "Who made it, by themselves or by a key of theirs. A secret key ends with their membership, and when their role no longer covers its scopes. Null: made before this was kept",
      ),
  })
  .meta({ id: "ApiKey" });

const common = { access: "members:write", tag: "Stores" } as const;
const BELIEVED = "A publishable key may be believed for another minute by isolates that just saw it.";

export const routes: Route[] = [
  member(
    {
      ...common,
      method: "GET",
      path: "/v1/api-keys",
      summary: "List the store's API keys",
      answers: { 200: { description: "Live ones first, then newest first", schema: pageOf(keyView) } },
    },
    listKeys,
  ),
  member(
    {
      ...common,
      method: "POST",
      path: "/v1/api-keys",
      summary: "Create an API key",
      description: `A store has at most ${MAX_LIVE} that open something. Secret keys are refused in browsers, and end with the membership of who made them.`,
      body: keyRequest,
      audit: "api_key.created",
      answers: { 201: { description: "With the key, shown this once", schema: keyView } },
    },
    createKey,
  ),
  member(
    {
      ...common,
      method: "PATCH",
      path: "/v1/api-keys/:id",
      summary: "Change an API key's name, origins or end",
      description: `What the body does not name stays. ${BELIEVED}`,
      body: keyPatch,
      changesRules: true,
      audit: "api_key.updated",
      answers: { 200: { description: "The key", schema: keyView } },
    },
    patchKey,
  ),
  member(
    {
      ...common,
      method: "POST",
      path: "/v1/api-keys/:id/rotate",
      operationId: "rotateApiKey",
      summary: "Replace an API key by a new one",
      description: `The new key has the same kind, name, scopes and origins, and as long a life; it is yours, and no longer ends with the membership of who made the old one. The old one works until the overlap ends, or its own end. ${BELIEVED}`,
      body: rotation,
      changesRules: true,
      audit: "api_key.rotated",
      answers: { 201: { description: "The new key, shown this once", schema: keyView } },
    },
    rotateKey,
  ),
  member(
    {
      ...common,
      method: "DELETE",
      path: "/v1/api-keys/:id",
      summary: "Revoke an API key",
      description: BELIEVED,
      changesRules: true,
      audit: "api_key.revoked",
      answers: { 204: { description: "It opens nothing any more" } },
    },
    revokeKey,
  ),
];
