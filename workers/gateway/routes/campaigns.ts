/** `/v1/campaigns*` and `/v1/templates*`. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { AppError } from "../../../shared/errors.ts";
import { fieldErrors } from "../../../shared/events/schema.ts";
import { json } from "../../../shared/http.ts";
import { newId } from "../../../shared/ids.ts";
import { conditionError } from "../../../shared/policy/conditions.ts";
import {
  type Campaign,
  type CampaignInput,
  campaignSchema,
  jsonBytes,
  MAX_CAMPAIGN_BYTES,
  MAX_ENABLED_BYTES,
} from "../../../shared/policy/rules.ts";
import { contextOf, DEFAULT_TEMPLATE, render, type Template } from "../../../shared/templates.ts";
import { iso } from "../../../shared/time.ts";
import { body, ifMatch, type MemberCall, notFound, stale } from "../context.ts";

const view = ({ createdAt, updatedAt, ...campaign }: Campaign) => ({
  ...campaign,
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt),
});
const tagged = (campaign: Campaign, status = 200): Response =>
  json(view(campaign), status, { etag: `"${campaign.version}"` });

export async function listCampaigns({ env, principal }: MemberCall): Promise<Response> {
  const campaigns = await storeStub(env, principal.storeId).campaigns();
  return json({ items: campaigns.map(view), nextCursor: null });
}

export async function getCampaign({ env, principal, params }: MemberCall): Promise<Response> {
  const campaign = (await storeStub(env, principal.storeId).campaigns()).find((c) => c.id === params.id);
  if (!campaign) throw notFound("campaign");
  return tagged(campaign);
}

export async function createCampaign(call: MemberCall): Promise<Response> {
  const created = await storeStub(call.env, call.principal.storeId).createCampaign(await campaignBody(call));
  if (!created.ok) throw created.reason === "too_large" ? tooLarge() : tooMany();
  return tagged(created.value, 201);
}

/** A new version; carts already in a journey stay on the one they entered. */
export async function updateCampaign(call: MemberCall): Promise<Response> {
  const input = await campaignBody(call);
  const updated = await storeStub(call.env, call.principal.storeId).updateCampaign(
    call.params.id ?? "",
    input,
    ifMatch(call.request),
  );
  if (!updated.ok) throw refusal(updated.reason);
  return tagged(updated.value);
}

/** Only what the body names changes. */
export async function patchCampaign(call: MemberCall): Promise<Response> {
  const store = storeStub(call.env, call.principal.storeId);
  const known = (await store.campaigns()).find((c) => c.id === call.params.id);
  if (!known) throw notFound("campaign");
  const change = await body(call, z.object({}).loose());
  const merged = campaignSchema.safeParse({ ...known, ...change });
  if (!merged.success)
    throw new AppError("VALIDATION_ERROR", "The body is not valid.", fieldErrors(merged.error.issues));
  const updated = await store.updateCampaign(known.id, checked(merged.data), ifMatch(call.request) ?? known.version);
  if (!updated.ok) throw refusal(updated.reason);
  return tagged(updated.value);
}

export async function deleteCampaign({ env, principal, params }: MemberCall): Promise<Response> {
  const deleted = await storeStub(env, principal.storeId).deleteCampaign(params.id ?? "");
  if (!deleted.ok) throw notFound("campaign");
  return new Response(null, { status: 204 });
}

const tooMany = () => new AppError("CONFLICT", "The store has as many campaigns as it may: delete one first.");
const tooLarge = () =>
  new AppError(
    "CONFLICT",
    `A store's enabled campaigns may have at most ${MAX_ENABLED_BYTES} bytes together: disable or delete one first.`,
  );

function refusal(reason: string): AppError {
  if (reason === "too_large") return tooLarge();
  return reason === "version" ? stale() : notFound("campaign");
}

const campaignBody = async (call: MemberCall): Promise<CampaignInput> => checked(await body(call, campaignSchema));

/** What the schema cannot say: there is an end to it, conditions run no code, steps are told apart. */
function checked(input: CampaignInput): CampaignInput {
  if (jsonBytes(input) > MAX_CAMPAIGN_BYTES)
    throw invalid("(body)", `a campaign may have at most ${MAX_CAMPAIGN_BYTES} bytes of JSON`);
  const all = [input.conditions, ...input.steps.map((s) => s.conditions)];
  const wrong = all.map((c) => conditionError(c)).find(Boolean);
  if (wrong) throw invalid("conditions", wrong);
  if (new Set(input.steps.map((s) => s.id)).size < input.steps.length) throw invalid("steps", "step ids must differ");
  return input;
}

const invalid = (field: string, message: string) =>
  new AppError("VALIDATION_ERROR", `${field}: ${message}`, [{ field, message, code: "invalid" }]);

const templateSchema = z.object({
  name: z.string().min(1).max(200),
  channel: z.literal("email").default("email"),
  locale: z.string().max(35).default("en"),
  subject: z.string().min(1).max(1000).default(DEFAULT_TEMPLATE.subject),
  html: z.string().max(200_000).default(""),
  text: z.string().max(200_000).default(""),
});
const checkedTemplate = templateSchema.refine((t) => t.html !== "" || t.text !== "", {
  message: "needs html or text",
  path: ["html"],
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

export async function listTemplates({ env, principal }: MemberCall): Promise<Response> {
  const { results } = await env.DB.prepare("SELECT * FROM templates WHERE store_id = ? ORDER BY name LIMIT 200")
    .bind(principal.storeId)
    .all<TemplateRow>();
  return json({ items: [...results, BUILT_IN].map(templateView), nextCursor: null });
}

export async function getTemplate(call: MemberCall): Promise<Response> {
  const row = call.params.id === BUILT_IN.id ? BUILT_IN : await templateRow(call);
  return json(templateView(row), 200, { etag: `"${row.version}"` });
}

/** 204; steps that name it fall back to the built-in reminder. */
export async function deleteTemplate(call: MemberCall): Promise<Response> {
  await templateRow(call);
  await call.env.DB.prepare("DELETE FROM templates WHERE store_id = ? AND id = ?")
    .bind(call.principal.storeId, call.params.id ?? "")
    .run();
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

export async function createTemplate(call: MemberCall): Promise<Response> {
  return saveTemplate(call, newId("tpl"), 201);
}

export async function updateTemplate(call: MemberCall): Promise<Response> {
  const known = await templateRow(call);
  const expected = ifMatch(call.request);
  if (expected !== null && expected !== known.version) throw stale();
  return saveTemplate(call, known.id, 200);
}

/** A template that cannot be rendered is refused when it is saved, not when a shopper waits for it. */
async function saveTemplate(call: MemberCall, id: string, status: number): Promise<Response> {
  const given = await body(call, checkedTemplate);
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
  return json(templateView(row), status, { etag: `"${row.version}"` });
}

/** Renders an unsaved template with a sample cart: `{ subject, html, text }`. */
export async function previewTemplate(call: MemberCall): Promise<Response> {
  return json(await rendered({ id: "preview", ...(await body(call, checkedTemplate)) }));
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
