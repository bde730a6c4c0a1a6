/** `/v1/stores*`, `/v1/usage`: settings and counters of the store's actor. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { json } from "../../../shared/http.ts";
import { type Settings, settingsPatchSchema, settingsSchema } from "../../../shared/policy/rules.ts";
import { pageOf, usageView } from "../../../shared/views.ts";
import { ifMatch, notFound, stale } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";
import { createStore, MAX_STORES, newStore, storeIdsOf, tooManyStores } from "../stores.ts";

type Stored = Settings & { version: number; createdAt: string };
type Patch = z.infer<typeof settingsPatchSchema>;

/** Settings as the merchant sees them: `baseUrl` is ours. */
const view = (id: string, { baseUrl: _, ...settings }: Stored) => ({ id, ...settings });

/** Keys belong to one store; people to at most `MAX_STORES`, each asked of its own actor. */
async function listStores({ env, principal }: MemberCall): Promise<Response> {
  const ids = principal.kind === "key" ? [principal.storeId] : await storeIdsOf(env, principal.userId);
  const settings = await Promise.all(ids.map((id) => storeStub(env, id).settings()));
  const items = settings.flatMap((found, i) => (found.ok ? [view(ids[i] ?? "", found.value)] : []));
  return json({ items, nextCursor: null });
}

async function addStore(call: MemberCall<unknown, z.infer<typeof newStore>>): Promise<Response> {
  const { env, principal, body, url } = call;
  if ((await storeIdsOf(env, principal.userId)).length >= MAX_STORES) throw tooManyStores();
  const { storeId, publishableKey } = await createStore(env, principal.userId, body, url.origin);
  const settings = await storeStub(env, storeId).settings();
  if (!settings.ok) throw notFound("store");
  // The new store's own log begins with it.
  const actor = { storeId, userId: principal.userId, email: principal.email };
  call.audit({ action: "store.created", objectId: storeId, after: body, actor });
  return json({ store: view(storeId, settings.value), publishableKey }, 201);
}

async function getStore(call: MemberCall): Promise<Response> {
  const settings = await storeStub(call.env, call.principal.storeId).settings();
  if (!settings.ok) throw notFound("store");
  return json(view(call.principal.storeId, settings.value), 200, { etag: `"${settings.value.version}"` });
}

async function patchStore(call: MemberCall<unknown, Patch>): Promise<Response> {
  const { storeId } = call.principal;
  const store = storeStub(call.env, storeId);
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
      method: "POST",
      path: "/v1/stores",
      access: "user",
      tag,
      summary: "Open another store",
      description: `The caller owns it. 409 when they belong to ${MAX_STORES} stores.`,
      body: newStore,
      audit: "store.created",
      answers: {
        201: {
          description: "The store, and the key for its pages",
          schema: z.object({ store: storeView, publishableKey: z.string() }),
        },
      },
    },
    addStore,
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
