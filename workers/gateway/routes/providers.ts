/** `/v1/providers*`: by what a store's own mail goes. Credentials are sealed when they come and never shown again. */
import * as z from "zod";
import { seal } from "../../../shared/auth/sealing.ts";
import { parseConfig } from "../../../shared/config.ts";
import { MAX_PROVIDERS, opened, type ProviderRow, providersOf } from "../../../shared/db/providers.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { newId } from "../../../shared/ids.ts";
import { hintOf, PROVIDER_KINDS, type Setup, sealName, setupSchema } from "../../../shared/providers.ts";
import { iso } from "../../../shared/time.ts";
import { pageOf } from "../../../shared/views.ts";
import { ifMatch, invalid, notFound, stale } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";
import { check } from "../validate.ts";
import type { Neighbours } from "./storefront.ts";

const from = z.strictObject({
  email: z.email().max(254),
  name: z.string().trim().min(1).max(100).nullable().default(null).describe("Unsaid: the store's name"),
});
const position = z.number().int().min(0).max(1000).describe("Lower is tried first");
const enabled = z.boolean().describe("Not used while false; with none in use the deployment's own provider sends");

const creation = setupSchema
  .and(
    z.object({
      channel: z.literal("email").default("email"),
      from,
      position: position.optional(),
      enabled: enabled.default(true),
    }),
  )
  .meta({
    examples: [
      {
        kind: "sendgrid",
        from: { email: "shop@example.com" },
        settings: {},
        credentials: { apiKey: "SG.abcdefgh.0123456789" },
      },
    ],
  });

const part = z.record(z.string().max(64), z.string().max(1000).nullable());
const change = z.strictObject({
  from: from.optional(),
  position: position.optional(),
  enabled: enabled.optional(),
  settings: part.optional().describe("What is not named stays; `null` removes"),
  credentials: part.optional().describe("What is not named stays; `null` removes"),
});

const view = (row: ProviderRow, origin: string) => ({
  id: row.id,
  channel: row.channel,
  kind: row.kind,
  position: row.position,
  from: { email: row.from_email, name: row.from_name },
  settings: JSON.parse(row.settings) as Record<string, unknown>,
  hint: row.hint,
  enabled: row.enabled === 1,
  callbackUrl: `${origin}/v1/callbacks/${row.kind}/${row.id}`,
  version: row.version,
  createdAt: iso(row.created_at),
  updatedAt: iso(row.updated_at),
});

const shown = (call: MemberCall, row: ProviderRow) =>
  view(row, (parseConfig(call.env).PUBLIC_URL || call.url.origin).replace(/\/$/, ""));

const answered = (call: MemberCall, row: ProviderRow, status = 200): Response =>
  json(shown(call, row), status, { etag: `"${row.version}"` });

async function listProviders(call: MemberCall): Promise<Response> {
  const rows = await providersOf(call.env.DB, call.principal.storeId);
  return json({ items: rows.map((row) => shown(call, row)), nextCursor: null });
}

async function rowOf({ env, principal, params }: MemberCall): Promise<ProviderRow> {
  const row = await env.DB.prepare("SELECT * FROM providers WHERE store_id = ? AND id = ?")
    .bind(principal.storeId, params.id ?? "")
    .first<ProviderRow>();
  if (!row) throw notFound("provider");
  return row;
}

/** The columns that a kind's setup fills. */
async function columnsOf({ env }: MemberCall, id: string, { kind, settings, credentials }: Setup) {
  const { ENVIRONMENT, AUTH_SECRET } = parseConfig(env);
  if (settings.endpoint && ENVIRONMENT !== "local" && ENVIRONMENT !== "test")
    throw invalid("settings.endpoint", "is for local and test deployments only");
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return {
    settings: JSON.stringify(settings),
    credentials: await seal(JSON.stringify(credentials), sealName(id), AUTH_SECRET, iv),
    hint: hintOf(kind, credentials),
  };
}

async function createProvider(call: MemberCall<unknown, z.infer<typeof creation>>): Promise<Response> {
  const { env, principal, body } = call;
  const id = newId("prv");
  const { settings, credentials, hint } = await columnsOf(call, id, body);
  const now = Date.now();
  const own = "FROM providers WHERE store_id = ?";
  const row = await env.DB.prepare(
    `INSERT INTO providers (id, store_id, channel, kind, position, from_name, from_email, settings, credentials, hint, enabled, created_at, updated_at, version)
     SELECT ?, ?, ?, ?, coalesce(?, (SELECT min(1000, max(position) + 1) ${own}), 0), ?, ?, ?, ?, ?, ?, ?, ?, 1
     WHERE (SELECT count(*) ${own}) < ${MAX_PROVIDERS} RETURNING *`,
  )
    .bind(
      ...[id, principal.storeId, body.channel, body.kind, body.position ?? null, principal.storeId],
      ...[body.from.name, body.from.email, settings, credentials, hint, body.enabled ? 1 : 0, now, now],
      principal.storeId,
    )
    .first<ProviderRow>();
  if (!row) throw new AppError("CONFLICT", `A store has at most ${MAX_PROVIDERS} providers.`);
  call.audit({ action: "provider.created", objectId: id, after: shown(call, row) });
  return answered(call, row, 201);
}

async function updateProvider(call: MemberCall<unknown, z.infer<typeof change>>): Promise<Response> {
  const { env, body } = call;
  const before = await rowOf(call);
  const expected = ifMatch(call.request);
  if (expected !== null && expected !== before.version) throw stale();
  const changed = { ...before, ...(await setupColumns(call, before)) };
  const sender = body.from ?? { email: before.from_email, name: before.from_name };
  const after = await env.DB.prepare(
    `UPDATE providers SET position = ?, from_name = ?, from_email = ?, settings = ?, credentials = ?, hint = ?, enabled = ?, updated_at = ?, version = version + 1
     WHERE id = ? AND version = ? RETURNING *`,
  )
    .bind(
      ...[body.position ?? before.position, sender.name, sender.email, changed.settings, changed.credentials],
      ...[changed.hint, (body.enabled ?? before.enabled === 1) ? 1 : 0, Date.now(), before.id, before.version],
    )
    .first<ProviderRow>();
  if (!after) throw stale();
  const replaced = body.credentials ? { credentials: Object.keys(body.credentials) } : {};
  call.audit({
    action: "provider.updated",
    objectId: before.id,
    before: shown(call, before),
    after: { ...shown(call, after), ...replaced },
  });
  return answered(call, after);
}

/** What changes of a setup, checked as a whole. Credentials that no longer open are as good as none. */
async function setupColumns(call: MemberCall<unknown, z.infer<typeof change>>, before: ProviderRow) {
  const { settings, credentials } = call.body;
  if (!settings && !credentials) return {};
  const known = await opened(before, parseConfig(call.env).AUTH_SECRET);
  const setup = {
    kind: before.kind,
    settings: merged(JSON.parse(before.settings), settings),
    credentials: merged(known?.credentials ?? {}, credentials),
  };
  return columnsOf(call, before.id, check(setupSchema, setup, "body"));
}

const merged = (before: object, patch: Record<string, string | null> = {}): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ ...before, ...patch }).filter(([, value]) => value !== null));

async function deleteProvider(call: MemberCall): Promise<Response> {
  const before = await rowOf(call);
  await call.env.DB.prepare("DELETE FROM providers WHERE id = ?").bind(before.id).run();
  call.audit({ action: "provider.deleted", objectId: before.id, before: shown(call, before) });
  return new Response(null, { status: 204 });
}

const testRequest = z.strictObject({ to: z.email().max(254) });
const verdict = z
  .object({
    outcome: z.enum(["sent", "refused", "unknown"]).describe("`refused`: surely not sent; `unknown`: no usable answer"),
    messageId: z.string().nullable().describe("The provider's name for the message"),
    reason: z.string().nullable(),
    retryable: z.boolean().describe("It may go later, or by another provider"),
    ms: z.number().int(),
  })
  .meta({ id: "ProviderTest" });
export type ProviderVerdict = z.infer<typeof verdict>;

const testProvider =
  (neighbours: Neighbours) =>
  async (call: MemberCall<unknown, z.infer<typeof testRequest>>): Promise<Response> => {
    const row = await rowOf(call);
    const told = await neighbours.testProvider(call.env, row, call.body.to, call.request.headers.get("traceparent"));
    call.audit({ action: "provider.tested", objectId: row.id, after: { outcome: told.outcome, reason: told.reason } });
    return json(told);
  };

const schema = z
  .object({
    id: z.string(),
    channel: z.literal("email"),
    kind: z.enum(PROVIDER_KINDS),
    position: z.number().int(),
    from: z.object({ email: z.string(), name: z.string().nullable() }),
    settings: z.record(z.string(), z.unknown()),
    hint: z.string().describe("The last characters of the credential"),
    enabled: z.boolean(),
    callbackUrl: z.string().describe("Where the provider sends its events"),
    version: z.number().int(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Provider" });

const common = { access: "stores:write", tag: "Providers" } as const;
const one = (description: string) => ({ description, schema });

export const routes = (neighbours: Neighbours): Route[] => [
  member(
    {
      ...common,
      method: "GET",
      path: "/v1/providers",
      summary: "List the store's providers, in the order in which they are tried",
      answers: { 200: { description: "All of them", schema: pageOf(schema) } },
    },
    listProviders,
  ),
  member(
    {
      ...common,
      method: "POST",
      path: "/v1/providers",
      summary: "Add a provider",
      description: `At most ${MAX_PROVIDERS}. Unsaid, its position is the last. Credentials are never shown again.`,
      body: creation,
      audit: "provider.created",
      answers: { 201: one("The provider") },
    },
    createProvider,
  ),
  member(
    {
      ...common,
      method: "GET",
      path: "/v1/providers/:id",
      summary: "Read a provider",
      answers: { 200: one("The provider") },
    },
    async (call) => answered(call, await rowOf(call)),
  ),
  member(
    {
      ...common,
      method: "PATCH",
      path: "/v1/providers/:id",
      summary: "Change a provider",
      description: "What the body does not name stays.",
      body: change,
      ifMatch: true,
      audit: "provider.updated",
      answers: { 200: one("The provider") },
    },
    updateProvider,
  ),
  member(
    {
      ...common,
      method: "DELETE",
      path: "/v1/providers/:id",
      summary: "Remove a provider, with its credentials",
      audit: "provider.deleted",
      answers: { 204: { description: "Messages go by the others; its callbacks are refused" } },
    },
    deleteProvider,
  ),
  member(
    {
      ...common,
      method: "POST",
      path: "/v1/providers/:id/test",
      operationId: "testProvider",
      summary: "Send a test message",
      description: "By this provider alone, also when it is not enabled.",
      body: testRequest,
      audit: "provider.tested",
      answers: { 200: { description: "What became of it", schema: verdict } },
    },
    testProvider(neighbours),
  ),
];
