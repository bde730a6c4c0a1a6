/** `/v1/providers*`: by what a store's own messages go. Credentials are sealed when they come and never shown again. */
import * as z from "zod";
import { breakerStub } from "../../../objects/stubs.ts";
import { seal } from "../../../shared/auth/sealing.ts";
import { parseConfig } from "../../../shared/config.ts";
import { MAX_PROVIDERS, opened, type ProviderRow, providersOf } from "../../../shared/db/providers.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { newId } from "../../../shared/ids.ts";
import { E164 } from "../../../shared/phone.ts";
import { MESSAGE_CHANNELS, type MessageChannel } from "../../../shared/policy/rules.ts";
import {
  channelOf,
  circuitOf,
  hasCallbacks,
  hintOf,
  PROVIDER_KINDS,
  type Setup,
  sealName,
  setupSchema,
} from "../../../shared/providers.ts";
import { pushTargetSchema } from "../../../shared/push-target.ts";
import { iso } from "../../../shared/time.ts";
import { newVapidKeys, vapidSigner } from "../../../shared/vapid.ts";
import { pageOf } from "../../../shared/views.ts";
import { ifMatch, invalid, notFound, stale } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";
import { check } from "../validate.ts";
import type { Neighbours, TestRecipient } from "./storefront.ts";

const from = z.strictObject({
  email: z.email().max(254),
  name: z.string().trim().min(1).max(100).nullable().default(null).describe("Unsaid: the store's name"),
});
const position = z.number().int().min(0).max(1000).describe("Lower is tried first");
const enabled = z.boolean().describe("Not used while false; with none in use the deployment's own provider sends");

const creation = setupSchema
  .and(
    z.object({
      channel: z.enum(MESSAGE_CHANNELS).optional().describe("Follows from the kind"),
      from: from.optional().describe("Of mail: needed there, and nowhere else"),
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

const part = z.record(z.string().max(64), z.string().max(5000).nullable());
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
  from: row.channel === "email" ? { email: row.from_email, name: row.from_name } : null,
  settings: JSON.parse(row.settings) as Record<string, unknown>,
  hint: row.hint,
  enabled: row.enabled === 1,
  callbackUrl: hasCallbacks(row.kind) ? `${origin}/v1/callbacks/${row.kind}/${row.id}` : null,
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
  const states = await Promise.all(rows.map((row) => breakerOf(call, row)));
  return json({ items: rows.map((row, i) => ({ ...shown(call, row), breaker: states[i] })), nextCursor: null });
}

/** Web Push has a circuit for each service behind it: there is no one state to tell. */
async function breakerOf({ env }: MemberCall, { store_id, kind, id }: ProviderRow) {
  return kind === "webpush" ? null : (await breakerStub(env, store_id, circuitOf(kind, id)).state()).phase;
}

async function rowOf({ env, principal, params }: MemberCall): Promise<ProviderRow> {
  const row = await env.DB.prepare("SELECT * FROM providers WHERE store_id = ? AND id = ?")
    .bind(principal.storeId, params.id ?? "")
    .first<ProviderRow>();
  if (!row) throw notFound("provider");
  return row;
}

/** The columns that a kind's setup fills. */
async function columnsOf({ env }: MemberCall, id: string, given: Setup) {
  const { ENVIRONMENT, AUTH_SECRET } = parseConfig(env);
  const setup = given.kind === "webpush" ? await withKeys(given) : given;
  const { settings, credentials } = setup;
  if ("endpoint" in settings && settings.endpoint && ENVIRONMENT !== "local" && ENVIRONMENT !== "test")
    throw invalid("settings.endpoint", "is for local and test deployments only");
  if (setup.kind === "smtp" && setup.settings.host === "127.0.0.1" && ENVIRONMENT !== "local" && ENVIRONMENT !== "test")
    throw invalid("settings.host", "is for local and test deployments only");
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return {
    settings: JSON.stringify(settings),
    credentials: await seal(JSON.stringify(credentials), sealName(id), AUTH_SECRET, iv),
    hint: hintOf(setup),
  };
}

/** Web Push signs with a key pair of the store's: made here, or brought along with those who subscribed with it. */
async function withKeys(setup: Extract<Setup, { kind: "webpush" }>): Promise<Setup> {
  const { publicKey } = setup.settings;
  const { privateKey } = setup.credentials;
  if (publicKey && privateKey) {
    if (await vapidSigner({ publicKey, privateKey })) return setup;
    throw invalid("credentials.privateKey", "does not belong to settings.publicKey");
  }
  // One alone: a new pair would silently cut off all who subscribed with it.
  if (publicKey) throw invalid("credentials.privateKey", "is needed with settings.publicKey");
  if (privateKey) throw invalid("settings.publicKey", "is needed with credentials.privateKey");
  const keys = await newVapidKeys();
  return {
    ...setup,
    settings: { ...setup.settings, publicKey: keys.publicKey },
    credentials: { privateKey: keys.privateKey },
  };
}

/** Mail is from somebody, other messages from their account. */
function senderOf(channel: MessageChannel, given: z.infer<typeof from> | undefined) {
  if (channel === "email" && !given) throw invalid("from", "is needed for mail");
  if (channel !== "email" && given) throw invalid("from", "is for mail only");
  return given ?? { email: "", name: null };
}

async function createProvider(call: MemberCall<unknown, z.infer<typeof creation>>): Promise<Response> {
  const { env, principal, body } = call;
  const channel = channelOf(body.kind);
  if (body.channel && body.channel !== channel) throw invalid("channel", `is ${channel} for ${body.kind}`);
  const sender = senderOf(channel, body.from);
  const id = newId("prv");
  const { settings, credentials, hint } = await columnsOf(call, id, body);
  const now = Date.now();
  const own = "FROM providers WHERE store_id = ? AND channel = ?";
  const row = await env.DB.prepare(
    `INSERT INTO providers (id, store_id, channel, kind, position, from_name, from_email, settings, credentials, hint, enabled, created_at, updated_at, version)
     SELECT ?, ?, ?, ?, coalesce(?, (SELECT min(1000, max(position) + 1) ${own}), 0), ?, ?, ?, ?, ?, ?, ?, ?, 1
     WHERE (SELECT count(*) ${own}) < ${MAX_PROVIDERS} RETURNING *`,
  )
    .bind(
      ...[id, principal.storeId, channel, body.kind, body.position ?? null, principal.storeId, channel],
      ...[sender.name, sender.email, settings, credentials, hint, body.enabled ? 1 : 0, now, now],
      ...[principal.storeId, channel],
    )
    .first<ProviderRow>();
  if (!row) throw new AppError("CONFLICT", `A store has at most ${MAX_PROVIDERS} providers of a channel.`);
  call.audit({ action: "provider.created", objectId: id, after: shown(call, row) });
  return answered(call, row, 201);
}

async function updateProvider(call: MemberCall<unknown, z.infer<typeof change>>): Promise<Response> {
  const { env, body } = call;
  const before = await rowOf(call);
  const expected = ifMatch(call.request);
  if (expected !== null && expected !== before.version) throw stale();
  const changed = { ...before, ...(await setupColumns(call, before)) };
  const sender = body.from ? senderOf(before.channel, body.from) : { email: before.from_email, name: before.from_name };
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
  await call.env.DB.batch([
    call.env.DB.prepare("DELETE FROM providers WHERE id = ?").bind(before.id),
    ...call.audited({ action: "provider.deleted", objectId: before.id, before: shown(call, before) }),
  ]);
  return new Response(null, { status: 204 });
}

const testRequest = z.union([
  z.strictObject({
    to: z.union([z.email().max(254), z.string().regex(E164, "must be a number in E.164")]).describe("Mail, SMS"),
  }),
  z.strictObject({ target: pushTargetSchema.describe("Push") }),
]);
type Test = z.infer<typeof testRequest>;

/** Whom a test goes to, as the provider's channel wants it. */
function recipientOf(channel: MessageChannel, given: Test, url: string): TestRecipient {
  if (channel === "push") {
    if ("target" in given) return { channel, target: given.target, url };
    throw invalid("target", "is needed for push");
  }
  if (!("to" in given)) throw invalid("to", `is needed for ${channel}`);
  if (E164.test(given.to) !== (channel === "sms"))
    throw invalid("to", channel === "sms" ? "must be a number in E.164" : "must be an address");
  return { channel, to: given.to };
}

const verdict = z
  .object({
    outcome: z.enum(["sent", "refused", "unknown"]).describe("`refused`: surely not sent; `unknown`: no usable answer"),
    messageId: z.string().nullable().describe("The provider's name for the message"),
    reason: z.string().nullable(),
    retryable: z.boolean().describe("It may go later, or by another provider"),
    gone: z.boolean().describe("Nothing will ever reach this number or device again"),
    ms: z.number().int(),
  })
  .meta({ id: "ProviderTest" });
export type ProviderVerdict = z.infer<typeof verdict>;

const testProvider =
  (neighbours: Neighbours) =>
  async (call: MemberCall<unknown, Test>): Promise<Response> => {
    const row = await rowOf(call);
    const to = recipientOf(row.channel, call.body, `${call.url.origin}/`);
    const told = await neighbours.testProvider(call.env, row, to, call.request.headers.get("traceparent"));
    call.audit({ action: "provider.tested", objectId: row.id, after: { outcome: told.outcome, reason: told.reason } });
    return json(told);
  };

const schema = z
  .object({
    id: z.string(),
    channel: z.enum(MESSAGE_CHANNELS),
    kind: z.enum(PROVIDER_KINDS),
    position: z.number().int(),
    from: z.object({ email: z.string(), name: z.string().nullable() }).nullable().describe("Of mail only"),
    settings: z.record(z.string(), z.unknown()),
    hint: z.string().describe("The last characters of the credential"),
    enabled: z.boolean(),
    callbackUrl: z.string().nullable().describe("Where the provider sends its events; `null` when it sends none"),
    version: z.number().int(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Provider" });

const listed = schema
  .extend({
    breaker: z
      .enum(["closed", "open", "half_open"])
      .nullable()
      .describe("`open`: it failed too often and is passed by for a while; `null`: it has several"),
  })
  .meta({ id: "ListedProvider" });

const common = { access: "stores:write", tag: "Providers" } as const;
const one = (description: string) => ({ description, schema });

export const routes = (neighbours: Neighbours): Route[] => [
  member(
    {
      ...common,
      method: "GET",
      path: "/v1/providers",
      summary: "List the store's providers, by channel and in the order in which they are tried",
      answers: { 200: { description: "All of them", schema: pageOf(listed) } },
    },
    listProviders,
  ),
  member(
    {
      ...common,
      method: "POST",
      path: "/v1/providers",
      summary: "Add a provider",
      description: `At most ${MAX_PROVIDERS} of a channel. Unsaid, its position is the last. Credentials are never shown again. \`webpush\` makes its own key pair; \`settings.publicKey\` is what browsers subscribe with.`,
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
      description: "By this provider alone, also when it is not enabled. To an address, a phone number or a device.",
      body: testRequest,
      audit: "provider.tested",
      answers: { 200: { description: "What became of it", schema: verdict } },
    },
    testProvider(neighbours),
  ),
];
