/** `/v1/stores*`, `/v1/usage`: settings and counters of the store's actor. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { json } from "../../../shared/http.ts";
import { type Settings, settingsPatchSchema, settingsSchema } from "../../../shared/policy/rules.ts";
import { pageOf, usageView } from "../../../shared/views.ts";
import { ifMatch, notFound, stale } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";

type Stored = Settings & { version: number; createdAt: string };
type Patch = z.infer<typeof settingsPatchSchema>;

/** Settings as the merchant sees them: `baseUrl` is ours. */
const view = (id: string, { baseUrl: _, ...settings }: Stored) => ({ id, ...settings });

async function listStores({ env, principal }: MemberCall): Promise<Response> {
  const settings = await storeStub(env, principal.storeId).settings();
  return json({ items: settings.ok ? [view(principal.storeId, settings.value)] : [], nextCursor: null });
}

async function getStore(call: MemberCall): Promise<Response> {
  const settings = await own(call).settings();
  if (!settings.ok) throw notFound("store");
  return json(view(call.principal.storeId, settings.value), 200, { etag: `"${settings.value.version}"` });
}

async function patchStore(call: MemberCall<unknown, Patch>): Promise<Response> {
  const { storeId } = call.principal;
  const store = own(call);
  const before = await store.settings();
  const result = await store.patchSettings(call.body, ifMatch(call.request));
  if (!result.ok || !before.ok) throw !result.ok && result.reason === "version" ? stale() : notFound("store");
  const { name, url, currency, timezone } = result.value;
  await call.env.DB.prepare("UPDATE stores SET name = ?, url = ?, currency = ?, timezone = ? WHERE id = ?")
    .bind(name, url, currency, timezone, storeId)
    .run();
  call.audit({
    action: "store.updated",
    objectId: storeId,
    before: only(call.body, before.value),
    after: only(call.body, result.value),
  });
  return json(view(storeId, result.value), 200, { etag: `"${result.value.version}"` });
}

/** The settings that a change named. */
const only = (named: Patch, settings: Stored): Record<string, unknown> =>
  Object.fromEntries(Object.entries(settings).filter(([key]) => key in named));

/** A store other than the caller's does not exist for them. */
function own({ env, principal, params }: MemberCall) {
  if (params.id !== principal.storeId) throw notFound("store");
  return storeStub(env, principal.storeId);
}

async function usage({ env, principal }: MemberCall): Promise<Response> {
  return json(await storeStub(env, principal.storeId).usage());
}

const storeView = settingsSchema
  .omit({ baseUrl: true })
  .extend({ id: z.string(), version: z.number().int(), createdAt: z.iso.datetime() })
  .meta({ id: "Store" });

const tag = "Stores";

export const routes: Route[] = [
  member(
    {
      method: "GET",
      path: "/v1/stores",
      access: "member",
      tag,
      summary: "List the caller's stores",
      answers: { 200: { description: "With their settings", schema: pageOf(storeView) } },
    },
    listStores,
  ),
  member(
    {
      method: "GET",
      path: "/v1/stores/:id",
      access: "member",
      tag,
      summary: "Read a store's settings",
      answers: { 200: { description: "The settings", schema: storeView } },
    },
    getStore,
  ),
  member(
    {
      method: "PATCH",
      path: "/v1/stores/:id",
      access: "stores:write",
      tag,
      summary: "Change a store's settings",
      description: "What the body does not name stays. `If-Match` guards against a change in between.",
      body: settingsPatchSchema,
      changesRules: true,
      ifMatch: true,
      audit: "store.updated",
      answers: { 200: { description: "The settings", schema: storeView } },
    },
    patchStore,
  ),
  member(
    {
      method: "GET",
      path: "/v1/usage",
      access: "analytics:read",
      tag,
      summary: "Read what the store has used since it began",
      answers: { 200: { description: "Exact counters", schema: usageView } },
    },
    usage,
  ),
];
