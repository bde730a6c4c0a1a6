/** `/v1/templates*`: Liquid; rendered once before they are saved. */
import * as z from "zod";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { newId } from "../../../shared/ids.ts";
import { contextOf, DEFAULT_TEMPLATE, render, type Template } from "../../../shared/templates.ts";
import { iso } from "../../../shared/time.ts";
import { pageOf } from "../../../shared/views.ts";
import { ifMatch, invalid, notFound, stale } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";

const templateSchema = z.object({
  name: z.string().min(1).max(200),
  channel: z.literal("email").default("email"),
  locale: z.string().max(35).default("en"),
  subject: z.string().min(1).max(1000).default(DEFAULT_TEMPLATE.subject),
  html: z.string().max(200_000).default(""),
  text: z.string().max(200_000).default(""),
});
type TemplateInput = z.infer<typeof templateSchema>;
const checkedTemplate = templateSchema
  .refine((t) => t.html !== "" || t.text !== "", {
    message: "needs html or text",
    path: ["html"],
  })
  .meta({
    examples: [{ name: "Reminder", subject: "Your cart at {{ store.name }} is waiting", text: "{{ recovery_url }}" }],
  });

interface TemplateRow extends Template {
  name: string;
  channel: string;
  locale: string;
  version: number;
  updated_at: number;
}

const BUILT_IN: TemplateRow = {
  name: "Reminder",
  channel: "email",
  locale: "en",
  version: 0,
  updated_at: 0,
  ...DEFAULT_TEMPLATE,
};

const templateView = ({ id, name, channel, locale, subject, html, text, version, updated_at }: TemplateRow) => ({
  id,
  name,
  channel,
  locale,
  subject,
  html,
  text,
  version,
  updatedAt: iso(updated_at),
});

async function listTemplates({ env, principal }: MemberCall): Promise<Response> {
  const { results } = await env.DB.prepare("SELECT * FROM templates WHERE store_id = ? ORDER BY name LIMIT 200")
    .bind(principal.storeId)
    .all<TemplateRow>();
  return json({ items: [...results, BUILT_IN].map(templateView), nextCursor: null });
}

async function getTemplate(call: MemberCall): Promise<Response> {
  const row = call.params.id === BUILT_IN.id ? BUILT_IN : await templateRow(call);
  return json(templateView(row), 200, { etag: `"${row.version}"` });
}

async function deleteTemplate(call: MemberCall): Promise<Response> {
  const before = await templateRow(call);
  await call.env.DB.prepare("DELETE FROM templates WHERE store_id = ? AND id = ?")
    .bind(call.principal.storeId, before.id)
    .run();
  call.audit({ action: "template.deleted", objectId: before.id, before: templateView(before) });
  return new Response(null, { status: 204 });
}

/** A template of the store's own. */
async function templateRow({ env, principal, params }: MemberCall): Promise<TemplateRow> {
  if (params.id === BUILT_IN.id)
    throw new AppError("CONFLICT", "The built-in template stays as it is: create one of your own.");
  const row = await env.DB.prepare("SELECT * FROM templates WHERE store_id = ? AND id = ?")
    .bind(principal.storeId, params.id ?? "")
    .first<TemplateRow>();
  if (!row) throw notFound("template");
  return row;
}

async function createTemplate(call: MemberCall<unknown, TemplateInput>): Promise<Response> {
  return saveTemplate(call, null);
}

async function updateTemplate(call: MemberCall<unknown, TemplateInput>): Promise<Response> {
  const known = await templateRow(call);
  const expected = ifMatch(call.request);
  if (expected !== null && expected !== known.version) throw stale();
  return saveTemplate(call, known);
}

/** A template that cannot be rendered is refused when it is saved, not when a shopper waits for it. */
async function saveTemplate(call: MemberCall<unknown, TemplateInput>, before: TemplateRow | null): Promise<Response> {
  const given = call.body;
  const id = before?.id ?? newId("tpl");
  await rendered({ id, ...given });
  const row = await call.env.DB.prepare(
    `INSERT INTO templates (store_id, id, name, channel, locale, subject, html, text, version, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)
     ON CONFLICT (store_id, id) DO UPDATE SET name = excluded.name, channel = excluded.channel, locale = excluded.locale, subject = excluded.subject,
       html = excluded.html, text = excluded.text, version = templates.version + 1, updated_at = excluded.updated_at RETURNING *`,
  )
    .bind(
      call.principal.storeId,
      id,
      given.name,
      given.channel,
      given.locale,
      given.subject,
      given.html,
      given.text,
      Date.now(),
    )
    .first<TemplateRow>();
  if (!row) throw notFound("template");
  const after = templateView(row);
  const action = before ? "template.updated" : "template.created";
  call.audit({ action, objectId: id, ...(before ? { before: templateView(before) } : {}), after });
  return json(after, before ? 200 : 201, { etag: `"${row.version}"` });
}

async function previewTemplate({ body }: MemberCall<unknown, TemplateInput>): Promise<Response> {
  return json(await rendered({ id: "preview", ...body }));
}

async function rendered(template: Template) {
  const item = {
    productId: "p1",
    variantId: null,
    name: "Stoneware mug",
    priceMinor: 1290,
    quantity: 2,
    url: null,
    imageUrl: null,
    category: null,
  };
  const cart = { items: [item], totalMinor: 2580, currency: "EUR", email: "ada@example.com", name: "Ada Lovelace" };
  const links = { recovery: "https://shop.example/r/sample", unsubscribe: "https://shop.example/u/sample" };
  try {
    return await render(template, contextOf(cart, { name: "Your shop", url: "https://shop.example" }, links));
  } catch (error) {
    throw invalid("template", error instanceof Error ? error.message.slice(0, 300) : "cannot be rendered");
  }
}

const schema = templateSchema
  .extend({ id: z.string(), version: z.number().int(), updatedAt: z.iso.datetime() })
  .meta({ id: "Template" });

const tag = "Templates";
const one = (description: string) => ({ description, schema });

export const routes: Route[] = [
  member(
    {
      method: "GET",
      path: "/v1/templates",
      access: "carts:read",
      tag,
      summary: "List the templates, with the built-in one",
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
      description: "A template that cannot be rendered is refused.",
      body: checkedTemplate,
      audit: "template.created",
      answers: { 201: one("The template") },
    },
    createTemplate,
  ),
  member(
    {
      method: "POST",
      path: "/v1/templates/preview",
      access: "carts:read",
      tag,
      summary: "Render an unsaved template with a sample cart",
      body: checkedTemplate,
      answers: {
        200: {
          description: "The message",
          schema: z.object({ subject: z.string(), html: z.string(), text: z.string() }),
        },
      },
    },
    previewTemplate,
  ),
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
      body: checkedTemplate,
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
      answers: { 204: { description: "Steps that name it fall back to the built-in reminder" } },
    },
    deleteTemplate,
  ),
];
