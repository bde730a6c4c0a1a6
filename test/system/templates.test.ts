/** Templates through the running system: saved or refused, shown, tested by mail, and sent in the shopper's language. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeliveryView } from "../../shared/views.ts";
import { joinAs } from "../support/members.ts";
import { add, http, identify, Merchant, until } from "../support/merchant.ts";
import { expectProblem } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let merchant: Merchant;
beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url);
  await merchant.settings({ abandonAfterMinutes: 0.01 });
});
afterAll(async () => {
  await system?.stop();
});

interface TemplateView {
  id: string;
  name: string;
  channel: string;
  locale: string;
  subject: string;
  html: string;
  text: string;
  translations: Record<string, { subject: string; html: string; text: string }>;
  version: number;
}
interface Preview {
  subject: string;
  html: string;
  text: string;
  locale: string;
  segments?: number;
  encoding?: string;
  characters?: number;
}
interface LocalMail {
  id: string;
  to: string;
  subject: string;
  html: string;
  text: string;
}

const create = (body: unknown) => merchant.call<TemplateView>("POST", "/v1/templates", body);
const preview = (body: unknown) => merchant.call<Preview>("POST", "/v1/templates/preview", body);
const mailsTo = async (to: string): Promise<LocalMail[]> =>
  (await http<{ items: LocalMail[] }>(`${system.url}/local/mails`)).body.items.filter((mail) => mail.to === to);
const inLocale = (locale: string, timezone = "Europe/Vienna") => ({ context: { locale, timezone } });
const sent = async (cartId: string): Promise<DeliveryView> => {
  const { id } = await until(`a message about ${cartId}`, async () =>
    (await merchant.deliveries("&status=sent")).find((delivery) => delivery.cartId === cartId),
  );
  return merchant.delivery(id);
};
const spaced = (text: string | null | undefined): string => (text ?? "").replaceAll("\u00a0", " ");

describe("saving", () => {
  test("refuses what is wrong with it, all at once, with line and column", async () => {
    const refused = await create({
      name: "Wrong",
      subject: "{{ shopper.nmae }}",
      html: "<p>\n{{ cart.total | explode }}",
      translations: { de: { subject: "Gut", text: "{{ cart.summe }}" } },
    });
    const problem = expectProblem(refused, "VALIDATION_ERROR");
    expect(problem.errors?.map(({ field, message }) => [field, message])).toEqual([
      ["subject", "line 1, column 4: unknown variable shopper.nmae"],
      ["html", "line 2, column 1: undefined filter: explode"],
      ["translations.de.text", "line 1, column 4: unknown variable cart.summe"],
    ]);
    expect((await merchant.get<{ items: TemplateView[] }>("/v1/templates")).items.map(({ name }) => name)).toEqual([
      "Reminder",
      "Reminder by SMS",
      "Reminder by push",
      "Before they go",
    ]);
  });

  test("keeps translations, and replaces them all", async () => {
    const made = await create({
      name: "Two languages",
      locale: "EN",
      text: "Hello",
      translations: { de: { subject: "Hallo", text: "Hallo" } },
    });
    expect(made.body).toMatchObject({
      locale: "en",
      translations: { de: { subject: "Hallo", html: "", text: "Hallo" } },
    });
    const path = `/v1/templates/${made.body.id}`;
    expect(await merchant.get(path)).toEqual(made.body);
    const changed = await merchant.call<TemplateView>("PUT", path, { name: "One", text: "Hello" });
    expect([changed.status, changed.body.translations]).toEqual([200, {}]);
  });

  test("keeps one of two changes to the same version, at once or not", async () => {
    const { id } = (await create({ name: "Wanted", text: "Hello" })).body;
    const change = (name: string) =>
      merchant.call<TemplateView>("PUT", `/v1/templates/${id}`, { name, text: "Hello" }, { "if-match": '"1"' });
    const answers = await Promise.all(["a", "b", "c", "d"].map(change));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    const kept = answers.find(({ status }) => status === 200)?.body;
    expect(await merchant.get(`/v1/templates/${id}`)).toMatchObject({ name: kept?.name, version: 2 });
    expectProblem(await change("late"), "CONFLICT");
  });

  test("begins with one of the gallery, in all its languages or in one", async () => {
    const { items } = await merchant.get<{ items: TemplateView[] }>("/v1/templates/gallery");
    expect(items.map(({ id }) => id)).toContain("last-call");
    for (const { id } of items) expect((await create({ from: id })).status).toBe(201);
    const all = await create({ from: "last-call", name: "Third message", subject: "Now or never" });
    expect(all.body).toMatchObject({ name: "Third message", subject: "Now or never", locale: "en", channel: "email" });
    expect(Object.keys(all.body.translations)).toEqual(["de"]);
    const german = await create({ from: "reminder", locale: "de-AT" });
    expect(german.body).toMatchObject({ name: "Reminder", locale: "de-AT", translations: {} });
    expect(german.body.text).toContain("Zurück zum Warenkorb");
  });
});

describe("a push message and an on-site offer", () => {
  test.each([
    ["push", 120, 400],
    ["onsite", 120, 600],
  ])("%s has a title and a text, both short, and no HTML", async (channel, maxTitle, maxText) => {
    const good = { name: "Short", channel, subject: "Hi {{ shopper.firstName }}", text: "{{ cart.total | money }}" };
    const made = await create({ ...good, translations: { de: { subject: "Hallo", text: "Hallo" } } });
    expect([made.status, made.body]).toMatchObject([201, { channel, html: "", translations: { de: { html: "" } } }]);
    expect((await preview(good)).body).toMatchObject({ subject: "Hi Ada", text: "€49.80", html: "" });
    const faults = async (over: object) =>
      expectProblem(await create({ ...good, ...over }), "VALIDATION_ERROR").errors?.map(({ field }) => field);
    expect(await faults({ html: "<p>x</p>" })).toEqual(["html"]);
    expect(await faults({ subject: undefined, text: "" })).toEqual(["subject", "text"]);
    expect(await faults({ subject: "{{ cart.total }}".repeat(Math.ceil(maxTitle / 5) + 1) })).toEqual(["subject"]);
    expect(await faults({ text: "t".repeat(maxText + 1) })).toEqual(["text"]);
    expect(await faults({ translations: { de: { text: "Hallo" } } })).toEqual(["translations.de.subject"]);
    const path = `/v1/templates/${made.body.id}`;
    expect((await merchant.call("PUT", path, { ...good, name: "Shorter" })).status).toBe(200);
    expectProblem(await merchant.call("POST", `${path}/test`, { to: "a@merchant.example" }), "CONFLICT");
    expectProblem(await merchant.call("PUT", `/v1/templates/default-${channel}`, good), "CONFLICT");
  });
});

describe("a preview", () => {
  test("has a sample cart, or one of the store's as its shopper would get it", async () => {
    const text = "{{ shopper.firstName }}: {{ cart.items.first.name }} {{ cart.total | money }}";
    expect((await preview({ text })).body).toMatchObject({ text: "Ada: Stoneware mug €49.80", locale: "en" });
    await merchant.accept([add("shown", "vase", "1234.50", 1, {}), identify("shown", "zoe@shopper.example", "Zoë")]);
    await merchant.accept([{ ...add("shown", "mug", "5.00"), ...inLocale("de-AT") }]);
    const german = { text, translations: { de: { subject: "s", text: `Hallo ${text}` } } };
    const shown = await preview({ ...german, cartId: "shown" });
    expect([shown.status, spaced(shown.body.text), shown.body.locale]).toEqual([
      200,
      "Hallo Zoë: Product vase € 1.239,50",
      "de-AT",
    ]);
    const english = await preview({ ...german, cartId: "shown", shopperLocale: "en-GB" });
    expect(english.body).toMatchObject({ text: "Zoë: Product vase €1,239.50", locale: "en-GB" });
    const gallery = await preview({ from: "reminder", cartId: "shown" });
    expect(gallery.body.subject).toBe("Zoë, Ihr Warenkorb bei Kiln & Co wartet");
    expect(gallery.body.html).toContain('href="https://shop.example/"');
    expect(gallery.body.html).not.toContain("/u/");
  });

  test("shows nobody another store's cart", async () => {
    const other = await Merchant.register(system.url);
    await other.accept([add("foreign", "vase", "1.00")]);
    expectProblem(await preview({ text: "{{ cart.total }}", cartId: "foreign" }), "NOT_FOUND");
  });

  test("counts what an SMS costs", async () => {
    const sms = { channel: "sms", text: "Hi {{ shopper.firstName }}, your cart: {{ recovery_url }}" };
    expect((await preview(sms)).body).toMatchObject({ html: "", subject: "", segments: 1, encoding: "GSM-7" });
    const cyrillic = await preview({ channel: "sms", text: "я".repeat(71) });
    expect(cyrillic.body).toMatchObject({ segments: 2, encoding: "UCS-2", characters: 71 });
    expect((await create({ ...sms, name: "SMS" })).status).toBe(201);
    expect((await preview({ text: "t" })).body).not.toHaveProperty("segments");
    const long = await preview({ channel: "sms", text: "{{ recovery_url }}".repeat(85) });
    expectProblem(long, "VALIDATION_ERROR", "text");
  });
});

describe("a test", () => {
  test("goes out by mail, marked as one, and touches no cart, cap or delivery", async () => {
    await merchant.accept([add("tested", "vase", "60.00"), identify("tested", "dora@shopper.example", "Dora Maar")]);
    const delivery = await sent("tested");
    const before = await merchant.cart("tested");
    const { body } = await create({ name: "Ours", subject: "For {{ shopper.firstName }}", text: "{{ recovery_url }}" });
    const path = `/v1/templates/${body.id}/test`;
    const asked = await merchant.call("POST", path, { to: "owner@merchant.example", cartId: "tested" });
    expect([asked.status, asked.body]).toMatchObject([202, { to: "owner@merchant.example", status: "queued" }]);
    const mail = await until("the test", async () => (await mailsTo("owner@merchant.example"))[0]);
    expect(mail).toMatchObject({ subject: "[Test] For Dora", text: "https://shop.example/" });
    expect(await merchant.cart("tested")).toMatchObject({ version: before.version, deliveries: before.deliveries });
    expect((await merchant.delivery(delivery.id)).status).toBe("sent");
    const { items } = await merchant.get<{ items: { action: string; object: unknown; after: unknown }[] }>(
      "/v1/audit?action=template.tested",
    );
    expect(items).toHaveLength(1);
    expect(items[0]?.after).toEqual({ to: "owner@merchant.example", cartId: "tested" });
    expectProblem(await merchant.call("POST", path, { to: "owner@merchant.example", cartId: "nobody" }), "NOT_FOUND");
  });

  test("is not for who may not change campaigns, nor a cart for a key that may not read them", async () => {
    const reader = await joinAs(system, merchant, "api_user", "reader@member.example");
    expectProblem(
      await reader.call("POST", "/v1/templates/default/test", { to: "reader@member.example" }),
      "FORBIDDEN",
    );
    const { body } = await merchant.call<{ key: string }>("POST", "/v1/api-keys", { scopes: ["campaigns:write"] });
    const test = (what: object) =>
      http(`${system.url}/v1/templates/default/test`, {
        method: "POST",
        headers: { authorization: `Bearer ${body.key}`, "content-type": "application/json" },
        body: JSON.stringify({ to: "key@merchant.example", ...what }),
      });
    expectProblem(await test({ cartId: "tested" }), "FORBIDDEN");
    expect((await test({ shopperLocale: "de" })).status).toBe(202);
    const mail = await until("the test", async () => (await mailsTo("key@merchant.example"))[0]);
    expect(mail.subject).toBe("[Test] Ada, Ihr Warenkorb bei Kiln & Co wartet");
  });

  test("is sent twenty times an hour at most, and an SMS not at all", async () => {
    const other = await Merchant.register(system.url);
    const test = () => other.call("POST", "/v1/templates/default/test", { to: "many@merchant.example" });
    const answers = await Promise.all(Array.from({ length: 22 }, test));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(20).fill(202), 429, 429]);
    const refused = await test();
    expectProblem(refused, "TOO_MANY_REQUESTS");
    expect(refused.headers.get("retry-after")).toBe("3600");
    const { body } = await create({ name: "SMS", channel: "sms", text: "t" });
    expectProblem(
      await merchant.call("POST", `/v1/templates/${body.id}/test`, { to: "a@merchant.example" }),
      "CONFLICT",
    );
  });
});

describe("a shopper", () => {
  test("is written to in their language, and unsubscribes in their browser's, else in the mail's", async () => {
    await merchant.accept([
      { ...add("wien", "vase", "1234.50"), ...inLocale("de-AT") },
      identify("wien", "sisi@shopper.example", "Sisi"),
    ]);
    const mail = await sent("wien");
    expect(mail.subject).toBe("Sisi, Ihr Warenkorb bei Kiln & Co wartet");
    expect(spaced(mail.html)).toContain("€ 1.234,50");
    expect(mail.html).toContain('<html lang="de-AT"');

    const page = async (headers: Record<string, string>, method = "GET") => {
      const { status, text } = await http(mail.unsubscribeUrl!, { method, headers });
      return [status, /<html lang="(\w+)">/.exec(text)?.[1], /<h1>(.*?)<\/h1>/.exec(text)?.[1]];
    };
    expect(await page({})).toEqual([200, "de", "Keine Erinnerungen mehr?"]);
    expect(await page({ "accept-language": "fr-CA,fr;q=0.9,en;q=0.8" })).toEqual([200, "fr", "Plus de rappels ?"]);
    expect(await page({ "accept-language": "es-MX" })).toEqual([200, "es", "¿No más recordatorios?"]);
    expect(await page({ "accept-language": "ja" })).toEqual([200, "de", "Keine Erinnerungen mehr?"]);
    const broken = await http(`${system.url}/u/broken`, { headers: { "accept-language": "ja" } });
    expect([broken.status, broken.text.includes('<html lang="en">')]).toEqual([404, true]);
    expect(await page({ "accept-language": "en" }, "POST")).toEqual([200, "en", "Done"]);
  });
});
