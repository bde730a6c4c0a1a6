/** Messages that only a merchant sees: the preview of a template, and its test by mail. */
import * as z from "zod";
import { cartStub, storeStub } from "../../../objects/stubs.ts";
import { MAX_TESTS_PER_HOUR, newAccountMail, queueAccountMail } from "../../../shared/db/account-mails.ts";
import { templateOf, templateRow } from "../../../shared/db/templates.ts";
import { AppError } from "../../../shared/errors.ts";
import type { CartContents } from "../../../shared/events/messages.ts";
import { DEFAULT_TEMPLATE } from "../../../shared/gallery/index.ts";
import { json } from "../../../shared/http.ts";
import { fitted } from "../../../shared/message-limits.ts";
import { smsSegments } from "../../../shared/sms-segments.ts";
import { previewOf } from "../../../shared/template-preview.ts";
import { type Template, TemplateError } from "../../../shared/templates.ts";
import { HOUR_MS, SECOND_MS } from "../../../shared/time.ts";
import { invalid, notFound } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";
import { completed, localeInput, refuseFaulty, templateDraft, templateOfInput } from "../template-input.ts";

const shopper = {
  cartId: z.string().min(1).max(200).optional().describe("A cart of the store; a sample cart when nothing is said"),
  shopperLocale: localeInput.optional().describe("As a shopper with this locale gets it; else with the cart's"),
};
const previewInput = templateDraft.extend(shopper).meta({
  examples: [{ subject: "Your cart at {{ store.name }} is waiting", text: "{{ recovery_url }}" }],
});
const testInput = z.object({ to: z.email().max(254), ...shopper }).meta({ examples: [{ to: "ada@example.com" }] });

async function previewTemplate(call: MemberCall<unknown, z.infer<typeof previewInput>>): Promise<Response> {
  const { cartId, shopperLocale, ...draft } = call.body;
  const given = completed({ ...draft, name: draft.name ?? "Preview" });
  const template = templateOfInput("preview", given, DEFAULT_TEMPLATE.subject);
  await refuseFaulty(template, given.channel);
  const { parts, locale } = await rendered(call, template, cartId, shopperLocale);
  const fit = fitted(given.channel, parts);
  return json({ ...fit, locale, ...(given.channel === "sms" ? smsSegments(fit.text) : {}) });
}

async function testTemplate(call: MemberCall<unknown, z.infer<typeof testInput>>): Promise<Response> {
  const { body, env, principal, params } = call;
  const row = await templateRow(env.DB, principal.storeId, params.id ?? "");
  if (!row) throw notFound("template");
  if (row.channel !== "email") throw new AppError("CONFLICT", "Only e-mails can be tested by sending.");
  if (body.cartId && !principal.permissions.includes("carts:read"))
    throw new AppError("FORBIDDEN", "A test with a cart shows its contents: that needs carts:read.");
  await rendered(call, templateOf(row), body.cartId, body.shopperLocale);
  const mail = newAccountMail(
    "template_test",
    { recipient: body.to, userId: principal.userId, storeId: principal.storeId },
    { templateId: row.id, cartId: body.cartId ?? null, locale: body.shopperLocale ?? null },
    Date.now(),
  );
  if (!(await queueAccountMail(env, mail)))
    throw new AppError("TOO_MANY_REQUESTS", `At most ${MAX_TESTS_PER_HOUR} tests an hour.`).with({
      "retry-after": String(HOUR_MS / SECOND_MS),
    });
  call.audit({ action: "template.tested", objectId: row.id, after: body });
  return json({ id: mail.id, to: mail.recipient, status: "queued" }, 202);
}

/** With the store's cart of that id, or the sample. A 404 for another cart, a 400 for what cannot be rendered with this one. */
async function rendered(
  { env, principal: { storeId } }: MemberCall,
  template: Template,
  cartId: string | undefined,
  shopperLocale: string | undefined,
) {
  const store = await storeStub(env, storeId).settings();
  if (!store.ok) throw notFound("store");
  let cart: CartContents | null = null;
  if (cartId !== undefined) {
    const found = await cartStub(env, storeId, cartId).contents();
    if (!found.ok) throw notFound("cart");
    cart = found.value;
  }
  try {
    return await previewOf(template, cart, store.value, shopperLocale ?? null);
  } catch (error) {
    if (error instanceof TemplateError) throw invalid(error.part, error.message.slice(0, 300));
    throw error;
  }
}

const tag = "Templates";

export const routes: Route[] = [
  member(
    {
      method: "POST",
      path: "/v1/templates/preview",
      access: "carts:read",
      tag,
      summary: "Render an unsaved template with a cart of yours, or a sample",
      reads: true,
      description: "Nothing is sent or counted, and the links in it only lead to the shop.",
      body: previewInput,
      problems: ["NOT_FOUND"],
      answers: {
        200: {
          description: "The message",
          schema: z.object({
            subject: z.string(),
            html: z.string(),
            text: z.string(),
            locale: z.string().describe("What amounts and dates are written in"),
            segments: z.number().int().optional().describe("Of an SMS: how many messages are paid"),
            encoding: z.enum(["GSM-7", "UCS-2"]).optional().describe("Of an SMS"),
            characters: z.number().int().optional().describe("Of an SMS"),
          }),
        },
      },
    },
    previewTemplate,
  ),
  member(
    {
      method: "POST",
      path: "/v1/templates/:id/test",
      access: "campaigns:write",
      tag,
      operationId: "testTemplate",
      summary: "Send a template to yourself",
      description: `The subject begins with "[Test]"; the mail counts for no shopper and no cap, and its links only lead to the shop. At most ${MAX_TESTS_PER_HOUR} an hour for each user or key.`,
      body: testInput,
      audit: "template.tested",
      problems: ["CONFLICT"],
      answers: {
        202: {
          description: "It will be sent",
          schema: z.object({ id: z.string(), to: z.string(), status: z.literal("queued") }),
        },
      },
    },
    testTemplate,
  ),
];
