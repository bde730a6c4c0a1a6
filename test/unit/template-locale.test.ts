/** Which language a shopper is written to in, and how amounts and dates look in it. */
import { describe, expect, it } from "vitest";
import { acceptedLocale, canonicalLocale } from "../../shared/locale.ts";
import { sampleContext } from "../../shared/template-check.ts";
import { inLocale, render, type Template } from "../../shared/templates.ts";

const parts = (subject: string) => ({ subject, html: "", text: "" });
const template = (locale: string, others: string[]): Template => ({
  id: "t",
  locale,
  ...parts(locale),
  translations: Object.fromEntries(others.map((tag) => [tag, parts(tag)])),
});

describe("a shopper gets exactly their locale, else its language, else the template's own", () => {
  it.each<[wanted: string | null, own: string, others: string[], words: string, format: string]>([
    ["de-AT", "en", ["de", "de-AT"], "de-AT", "de-AT"],
    ["de-AT", "en", ["de"], "de", "de-AT"],
    ["de-CH", "en", ["de", "de-AT"], "de", "de-CH"],
    ["de-AT", "de", ["en"], "de", "de-AT"],
    ["de-AT", "en", ["de-DE"], "en", "en"],
    ["nl-NL", "en", ["de"], "en", "en"],
    ["en-GB", "en", ["de"], "en", "en-GB"],
    [null, "en", ["de"], "en", "en"],
    ["de_at", "en", ["de-AT"], "de-AT", "de-AT"],
    ["zh-Hant-TW", "en", ["zh-Hant", "zh"], "zh-Hant", "zh-Hant-TW"],
    ["<script>", "en", ["de"], "en", "en"],
    ["tostring", "en", ["de"], "en", "en"],
    ["de", "no such locale", ["de"], "de", "de"],
    ["fr", "no such locale", ["de"], "no such locale", "en"],
  ])("%s of %s and %j", (wanted, own, others, words, format) => {
    const { parts: chosen, locale } = inLocale(template(own, others), wanted);
    expect([chosen.subject, locale]).toEqual([words, format]);
  });
});

describe("amounts and dates are written as the reader does", () => {
  const shown = async (locale: string, text: string, timezone: string | null = "Europe/Vienna") => {
    const context = sampleContext(locale);
    const given = { ...context, shopper: { ...context.shopper, timezone } };
    const cart = { ...context.cart, total: "1234.50", currency: "EUR", created_at: "2026-11-21T23:30:00.000Z" };
    return (await render({ subject: "", html: "", text }, { ...given, cart })).text.replaceAll("\u00a0", " ");
  };
  it.each([
    ["en", "{{ cart.total | money }}", "€1,234.50"],
    ["de", "{{ cart.total | money }}", "1.234,50 €"],
    ["de-AT", "{{ cart.total | money }}", "€ 1.234,50"],
    ["fr", "{{ cart.total | money }}", "1 234,50 €"],
    ["de", "{{ '99999999999999.99' | money }}", "99.999.999.999.999,99 €"],
    ["en", "{{ 5 | money: 'JPY' }} {{ '-2.5' | money: 'USD' }}", "¥5 -$2.50"],
    ["en", "{{ 'five' | money }}{{ nothing | money }}", "five"],
    ["en", "{{ cart.created_at | date }}", "November 22, 2026"],
    ["en-GB", "{{ cart.created_at | date: 'short' }}", "22/11/2026"],
    ["de", "{{ cart.created_at | date }}", "22. November 2026"],
    ["de", "{{ cart.created_at | date: 'full' }}", "Sonntag, 22. November 2026"],
    ["de", "{{ cart.created_at | date: '%Y-%m-%d %H:%M' }}", "2026-11-22 00:30"],
    ["de", "{{ 'soon' | date }}{{ nothing | date }}", "soon"],
  ])("%s: %s", async (locale, text, expected) => {
    expect(await shown(locale, text)).toBe(expected);
  });

  it("in UTC where the shopper's zone is not known, or is none", async () => {
    expect(await shown("en", "{{ cart.created_at | date }}", null)).toBe("November 21, 2026");
    expect(await shown("en", "{{ cart.created_at | date }}", "Mars/Base")).toBe("November 21, 2026");
  });

  it("what the filters make is escaped in HTML alone", async () => {
    const source = "{{ shopper.name }} {{ cart.items[0].name | money }}";
    const context = sampleContext("en");
    const hostile = { ...context, shopper: { ...context.shopper, name: "<b>&" }, cart: { items: [{ name: "<i>" }] } };
    expect(await render({ subject: source, html: source, text: source }, hostile)).toEqual({
      subject: "<b>& <i>",
      html: "&lt;b&gt;&amp; &lt;i&gt;",
      text: "<b>& <i>",
    });
  });

  it("formatting costs steps", async () => {
    const text = "{% for i in (1..8000) %}{{ i | money }}{% endfor %}";
    await expect(shown("en", text)).rejects.toThrow(/too long/);
  });
});

describe("a browser's languages", () => {
  const known = ["en", "de", "fr"];
  it.each([
    ["de-AT,de;q=0.9,en;q=0.8", "de"],
    ["nl,en;q=0.5,de;q=0.7", "de"],
    ["ja, pl;q=0.5", null],
    ["de;q=0, fr;q=0.1", "fr"],
    ["*", null],
    ["de;q=nonsense,fr;q=0.2", "fr"],
    [`${"x,".repeat(10_000)}de`, null],
    ["", null],
    [null, null],
  ])("%s", (header, expected) => {
    expect(acceptedLocale(header, known)).toBe(expected);
  });

  it("tags of strangers are canonical or nothing", () => {
    expect(["DE-at", "de_DE", "EN", "é", "a".repeat(36), "", null].map(canonicalLocale)).toEqual([
      "de-AT",
      "de-DE",
      "en",
      null,
      null,
      null,
      null,
    ]);
  });
});
