/** `/v1/templates*`: Liquid; what is wrong with a template is told before it is saved. */
import * as z from "zod";
import { BUILT_IN_ROWS, isBuiltIn, type TemplateRow, templateOf, templateRow } from "../../../shared/db/templates.ts";
import { AppError } from "../../../shared/errors.ts";
import { DEFAULT_TEMPLATE, GALLERY } from "../../../shared/gallery/index.ts";
import { json } from "../../../shared/http.ts";
import { newId } from "../../../shared/ids.ts";
import { VARIABLES } from "../../../shared/template-variables.ts";
import { iso } from "../../../shared/time.ts";
import { channel, pageOf } from "../../../shared/views.ts";
import { ifMatch, notFound, stale } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";
import {
  completed,
  refuseFaulty,
  type TemplateDraft,
  type TemplateInput,
  templateDraft,
  templateInput,
  templateOfInput,
} from "../template-input.ts";
import { routes as messageRoutes } from "./template-messages.ts";

function templateView(row: TemplateRow) {
  const { id, name, channel, version, updated_at } = row;
  return { ...templateOf(row), id, name, channel, version, updatedAt: iso(updated_at) };
}

async function listTemplates({ env, principal }: MemberCall): Promise<Response> {
  const { results } = await env.DB.prepare("SELECT * FROM templates WHERE store_id = ? ORDER BY name LIMIT 200")
    .bind(principal.storeId)
    .all<TemplateRow>();
  return json({ items: [...results, ...BUILT_IN_ROWS].map(templateView), nextCursor: null });
}

async function getTemplate({ env, principal, params }: MemberCall): Promise<Response> {
  const row = await templateRow(env.DB, principal.storeId, params.id ?? "");
  if (!row) throw notFound("template");
  return json(templateView(row), 200, { etag: `"${row.version}"` });
}

async function deleteTemplate(call: MemberCall): Promise<Response> {
  const before = await ownTemplate(call);
  await call.env.DB.batch([
    call.env.DB.prepare("DELETE FROM templates WHERE store_id = ? AND id = ?").bind(call.principal.storeId, before.id),
    ...call.audited({ action: "template.deleted", objectId: before.id, before: templateView(before) }),
  ]);
  return new Response(null, { status: 204 });
}

/** A template of the store's own. */
async function ownTemplate({ env, principal, params }: MemberCall): Promise<TemplateRow> {
  if (isBuiltIn(params.id ?? ""))
    throw new AppError("CONFLICT", "The built-in template stays as it is: create one of your own.");
  const row = await templateRow(env.DB, principal.storeId, params.id ?? "");
  if (!row) throw notFound("template");
  return row;
}

async function createTemplate(call: MemberCall<unknown, TemplateDraft>): Promise<Response> {
  return saveTemplate(call, completed(call.body), null);
}

async function updateTemplate(call: MemberCall<unknown, TemplateInput>): Promise<Response> {
  const known = await ownTemplate(call);
  const expected = ifMatch(call.request);
  if (expected !== null && expected !== known.version) throw stale();
  return saveTemplate(call, call.body, known);
}

async function saveTemplate(call: MemberCall, given: TemplateInput, before: TemplateRow | null): Promise<Response> {
  const id = before?.id ?? newId("tpl");
  const template = templateOfInput(id, given, DEFAULT_TEMPLATE.subject);
  await refuseFaulty(template, given.channel);
  const { locale, subject, html, text, translations } = template;
  const row = await call.env.DB.prepare(
    before
      ? // Only over the version that was judged: of two writers at once, the second is told of the first.
        `UPDATE templates SET name = ?, channel = ?, locale = ?, subject = ?, html = ?, text = ?, translations = ?, updated_at = ?,
           version = version + 1 WHERE store_id = ? AND id = ? AND version = ? RETURNING *`
      : `INSERT INTO templates (name, channel, locale, subject, html, text, translations, updated_at, store_id, id, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
  )
    .bind(
      ...[given.name, given.channel, locale, subject, html, text, JSON.stringify(translations), Date.now()],
      ...[call.principal.storeId, id, before?.version ?? 1],
    )
    .first<TemplateRow>();
  if (!row) throw stale();
  const after = templateView(row);
  const action = before ? "template.updated" : "template.created";
  call.audit({ action, objectId: id, ...(before ? { before: templateView(before) } : {}), after });
  return json(after, before ? 200 : 201, { etag: `"${row.version}"` });
}

const parts = z.object({ subject: z.string(), html: z.string(), text: z.string() });
const words = parts.extend({
  id: z.string(),
  name: z.string(),
  channel,
  locale: z.string(),
  translations: z.record(z.string(), parts),
});
const schema = words.extend({ version: z.number().int(), updatedAt: z.iso.datetime() }).meta({ id: "Template" });
const galleryEntry = words.extend({ description: z.string() }).meta({ id: "GalleryTemplate" });

/** `item` is what a loop over `cart.items` calls each of them. */
const USABLE = VARIABLES.flatMap(({ variables }) => variables.map(({ name }) => `\`${name}\``)).join(", ");

const tag = "Templates";
const one = (description: string) => ({ description, schema });

export const routes: Route[] = [
  member(
    {
      method: "GET",
      path: "/v1/templates",
      access: "carts:read",
      tag,
      summary: "List the templates, with the built-in ones",
      answers: { 200: { description: "All of them", schema: pageOf(schema) } },
    },
    listTemplates,
  ),
  member(
    {
      method: "POST",
      path: "/v1/templates",
      access: "campaigns:write",
      tag,
      summary: "Create a template",
      description: `One of your own, or one of the gallery (\`from\`) with your changes. What is wrong with it is told with line and column: syntax, unknown variables and filters, and what a sample cart shows. It may use ${USABLE}.`,
      body: templateDraft,
      audit: "template.created",
      answers: { 201: one("The template") },
    },
    createTemplate,
  ),
  member(
    {
      method: "GET",
      path: "/v1/templates/gallery",
      access: "carts:read",
      tag,
      operationId: "listGalleryTemplates",
      summary: "List the templates to begin with",
      answers: { 200: { description: "All of them", schema: z.object({ items: z.array(galleryEntry) }) } },
    },
    () => json({ items: GALLERY }),
  ),
  ...messageRoutes,
  member(
    {
      method: "GET",
      path: "/v1/templates/:id",
      access: "carts:read",
      tag,
      summary: "Read a template",
      answers: { 200: one("The template") },
    },
    getTemplate,
  ),
  member(
    {
      method: "PUT",
      path: "/v1/templates/:id",
      access: "campaigns:write",
      tag,
      summary: "Replace a template",
      body: templateInput,
      ifMatch: true,
      audit: "template.updated",
      answers: { 200: one("The template") },
    },
    updateTemplate,
  ),
  member(
    {
      method: "DELETE",
      path: "/v1/templates/:id",
      access: "campaigns:write",
      tag,
      summary: "Delete a template",
      audit: "template.deleted",
      answers: { 204: { description: "Steps that name it fall back to their channel's built-in template" } },
    },
    deleteTemplate,
  ),
];
