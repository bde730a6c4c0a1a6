/** Test mails of templates, from the row to the provider; and which template a step's id stands for. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type AccountMailData, newAccountMail, queueAccountMail } from "../../shared/db/account-mails.ts";
import { findTemplate } from "../../shared/db/templates.ts";
import type { Env } from "../../workers/env.ts";
import { sendAccountMail } from "../../workers/interventions/account-mails.ts";
import { add, identified } from "../support/cart-life.ts";
import { env, newCart, setClock, T0, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));
afterAll(() => {
  vi.useRealTimers();
});
beforeEach(() => setClock(T0));

interface Sent {
  from: { name: string };
  to: string;
  subject: string;
  text: string;
}

/** A deployment that sends by a provider which only remembers. */
function deployment(): { env: Env; sent: Sent[] } {
  const sent: Sent[] = [];
  const EMAIL = { send: async (mail: Sent) => void sent.push(mail) } as unknown as SendEmail;
  const INTERVENTIONS = { send: async () => undefined } as unknown as Env["INTERVENTIONS"];
  return { env: { ...env, EMAIL_PROVIDER: "send_email", EMAIL, INTERVENTIONS }, sent };
}

async function saved(storeId: string, text: string, channel = "email"): Promise<string> {
  const id = unique("tpl");
  await env.DB.prepare(
    "INSERT INTO templates (store_id, id, name, channel, locale, subject, html, text, version, updated_at) VALUES (?, ?, 'T', ?, 'en', 'Hello', '', ?, 1, 0)",
  )
    .bind(storeId, id, channel, text)
    .run();
  return id;
}

async function queued(on: Env, storeId: string, data: Partial<AccountMailData["template_test"]>): Promise<string> {
  const to = { recipient: "owner@merchant.example", userId: unique("us"), storeId };
  const full = { templateId: "default", cartId: null, locale: null, ...data };
  const mail = newAccountMail("template_test", to, full, Date.now());
  expect(await queueAccountMail(on, mail)).toBe(true);
  return mail.id;
}

const reasonOf = async (id: string) =>
  (await env.DB.prepare("SELECT reason FROM account_mails WHERE id = ?").bind(id).first<{ reason: string }>())?.reason;

describe("a test of a template", () => {
  it("bears the store's name, is rendered from what is true when it is sent, and is sent once", async () => {
    const on = deployment();
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    const templateId = await saved(cart.storeId, "before");
    const id = await queued(on.env, cart.storeId, { templateId, cartId: cart.id });
    await env.DB.prepare("UPDATE templates SET text = '{{ cart.count }} after' WHERE id = ?").bind(templateId).run();
    const results = await Promise.all(Array.from({ length: 4 }, () => sendAccountMail(id, on.env)));
    expect(results.map(({ result }) => result).sort()).toEqual(["not_due", "not_due", "not_due", "sent"]);
    expect(on.sent).toMatchObject([
      { to: "owner@merchant.example", subject: "[Test] Hello", text: expect.stringMatching(/^\d+ after$/) },
    ]);
    expect(on.sent[0]?.from.name).toBe("Shop");
    const view = await cart.cart.view();
    expect(view.ok && view.value.deliveries).toEqual([]);
  });

  it("is given up when its template, its cart or its store is gone meanwhile", async () => {
    const on = deployment();
    const { storeId } = await newCart();
    for (const [store, data] of [
      [storeId, { templateId: "tpl_gone" }],
      [storeId, { cartId: "gone" }],
      [unique("st"), {}],
    ] as const) {
      const id = await queued(on.env, store, data);
      expect(await sendAccountMail(id, on.env)).toEqual({ result: "failed", retryMs: null });
      expect(await reasonOf(id)).toBe("what it is about is gone");
    }
    expect(on.sent).toEqual([]);
  });
});

it("a template that was deleted, or is of another channel, or of another store, is the built-in one of the channel", async () => {
  const { storeId } = await newCart();
  const sms = await saved(storeId, "t", "sms");
  const foreign = await saved(unique("st"), "t");
  for (const id of ["default", "tpl_gone", sms, foreign])
    expect((await findTemplate(env.DB, storeId, id, "email")).id, id).toBe("default");
  expect(await findTemplate(env.DB, storeId, sms, "sms")).toMatchObject({ id: sms, text: "t" });
  for (const [channel, id] of [
    ["sms", "default-sms"],
    ["push", "default-push"],
    ["onsite", "default-onsite"],
  ] as const)
    expect((await findTemplate(env.DB, storeId, "default", channel)).id).toBe(id);
  expect((await findTemplate(env.DB, storeId, "default", "onsite", "payment_failed")).id).toBe("onsite-payment-failed");
  const own = await saved(storeId, "t");
  expect(await findTemplate(env.DB, storeId, own, "email")).toMatchObject({ id: own, text: "t", translations: {} });
});
