/** What is made of a model's words: drafts that keep to the placeholders, summaries that keep to the figures. */
import { describe, expect, it } from "vitest";
import type { LossFigures } from "../../shared/loss.ts";
import { MESSAGE_LIMITS } from "../../shared/message-limits.ts";
import { faultsOf } from "../../shared/template-check.ts";
import { jsonObjectIn, parseAnswer } from "../../workers/scoring/answers.ts";
import { partsIn } from "../../workers/scoring/copy.ts";
import { mondayOf, reasonsFor, WEEK_MS } from "../../workers/scoring/figures.ts";
import { rulesText } from "../../workers/scoring/loss-words.ts";
import { usable } from "../../workers/scoring/summary.ts";

const MAIL = {
  subject: "Still thinking it over at {{ store.name }}?",
  preheader: "We kept all {{ cart.count }} of them.",
  title: "Your {{ cart.items.first.name | truncate: 60 }} waits",
  lead: "No hurry: the {{ cart.total | money }} in your cart\n\nstay as they are.",
  button: "Back to my cart",
};
const mail = (over: Record<string, unknown> = {}): string => JSON.stringify({ ...MAIL, ...over });

describe("a draft", () => {
  it("is words in the gallery's own frame, and a template that can be saved", async () => {
    const parts = await partsIn(`Here you are:\n\`\`\`json\n${mail()}\n\`\`\``, "email", "en");
    expect(parts?.subject).toBe(MAIL.subject);
    expect(parts?.html).toContain("{{ unsubscribe_url }}");
    expect(parts?.html).toContain("No hurry: the {{ cart.total | money }} in your cart stay as they are.");
    expect(parts?.text).toContain("{{ recovery_url }}");
    const template = { id: "t", locale: "en", translations: {}, ...parts! };
    expect(await faultsOf(template, MESSAGE_LIMITS.email)).toEqual([]);
  });

  it("of each channel, in any language, can be left by its reader", async () => {
    const own = { total: "Somme", code: "Votre code", because: "Vous avez un panier.", unsubscribe: "Se désabonner" };
    expect((await partsIn(mail(own), "email", "fr"))?.html).toContain("Se désabonner");
    expect(await partsIn(mail(), "email", "fr")).toBeNull();
    const sms = await partsIn('{"text": "Your cart waits at {{ store.name }}:"}', "sms", "en-GB");
    expect(sms?.text).toBe("Your cart waits at {{ store.name }}: {{ recovery_url }} Reply STOP to opt out.");
    expect(await partsIn('{"text": "Votre panier", "optOut": "Répondez ARRET"}', "sms", "fr")).toBeNull();
    expect((await partsIn('{"text": "Votre panier", "optOut": "STOP pour arrêter"}', "sms", "fr"))?.text).toMatch(
      /STOP/,
    );
    for (const channel of ["push", "onsite"] as const)
      expect(await partsIn('{"title": "Your cart", "text": "It waits."}', channel, "en")).toEqual({
        subject: "Your cart",
        html: "",
        text: "It waits.",
      });
  });

  it.each([
    ["markup", { title: "<script>alert(1)</script>" }],
    ["markup that is written otherwise", { title: "&lt;b&gt;" }],
    ["other Liquid", { lead: "{{ shopper.email }}" }],
    ["a tag", { lead: "{% assign x = 1 %}" }],
    ["a placeholder that does more", { lead: "{{ store.name | append: recovery_url }}" }],
    ["a link", { lead: "Go to https://evil.example/x" }],
    ["a bare link", { lead: "Go to evil.example/x" }],
    ["a hidden link", { lead: "Go to https&#58;//evil.example" }],
    ["an address", { lead: "Write to a@evil.example" }],
    ["a discount of its own", { lead: "Now 50% off" }],
    ["an address that a phone makes a link of", { lead: "More at evil-deals.example today" }],
    ["a price of its own", { lead: "Only $5" }],
    ["an invisible character", { lead: "evil\u200b text" }],
    ["too much", { lead: "x".repeat(401) }],
    ["nothing", { subject: " " }],
    ["no text", { subject: 5 }],
  ])("with %s is not used", async (_, over) => {
    expect(await partsIn(mail(over), "email", "en")).toBeNull();
  });

  it("quotation marks cannot leave the attribute they stand in", async () => {
    const parts = await partsIn(mail({ title: 'A "fine" cart' }), "email", "en");
    expect(parts?.html).toContain('aria-label="A ”fine” cart"');
  });

  it.each(["", "no", "{", "{]}", "[1]", "null", `${"{".repeat(5_000)}`])("is none in %j", async (text) => {
    expect(await partsIn(text, "email", "en")).toBeNull();
  });
});

const FIGURES: Omit<LossFigures, "reasons"> = {
  week: "2026-11-16",
  left: 1_240,
  lost: 992,
  boughtAfterAll: 200,
  recovered: 48,
  lostPercent: 80,
  lostValue: { amount: "48211.50", currency: "EUR" },
  lostLastWeek: 870,
  withoutAddress: 600,
  withoutMessage: 92,
  messagedInVain: 300,
  adds: 5_000,
  checkoutsStarted: 700,
  paymentsEntered: 400,
  ordersCompleted: 350,
  paymentsFailed: 40,
  exitIntents: 900,
};
const figures: LossFigures = { ...FIGURES, reasons: reasonsFor(FIGURES) };

describe("a summary", () => {
  it.each([
    "Of 1,240 carts 992 (80%) were lost, worth 48,211.50 EUR.",
    "Von 1.240 Warenkörben gingen 992 verloren (80 %), im Wert von 48.211,50 EUR; in der Vorwoche 870.",
    "Most shoppers leave before the checkout: ask for the address earlier.",
  ])("may say %j", (text) => {
    expect(usable(text, figures)).toBe(text);
  });

  it.each([
    ["a number of its own", "Of 1,240 carts 993 were lost."],
    ["a share of its own", "79% were lost."],
    ["a forecast", "You could recover 12% more."],
    ["a link", "See https://evil.example/980"],
    ["markup", "<b>992</b> were lost"],
    ["nothing", "  "],
    ["too much", "lost ".repeat(400)],
  ])("with %s is not used", (_, text) => {
    expect(usable(text, figures)).toBeNull();
  });

  it("by rules names what stands out, the largest count first", () => {
    expect(figures.reasons.map(({ code, count, percent }) => [code, count, percent])).toEqual([
      ["left_before_checkout", 4_300, 86],
      ["no_address", 600, 60],
      ["left_in_checkout", 350, 50],
      ["message_without_effect", 300, 30],
      ["not_messaged", 92, 9],
      ["payment_failed", 40, 10],
    ]);
    const nothing = { ...FIGURES, lost: 0, adds: 0, checkoutsStarted: 0, paymentsEntered: 0, paymentsFailed: 0 };
    const none = { ...nothing, ordersCompleted: 3, withoutAddress: 0, withoutMessage: 0, messagedInVain: 0 };
    expect(reasonsFor(none)).toEqual([]);
  });

  it("by rules is written in English, or in German where that is wanted; its numbers are the figures", () => {
    const [english, german] = [rulesText(figures, "fr"), rulesText(figures, "de-AT")];
    expect(english).toContain("992 of 1240 carts that were left (80%) were not bought, worth 48211.50 EUR");
    expect(german).toContain("Von 1240 verlassenen Warenkörben gingen 992 verloren (80 %), im Wert von 48211,50 EUR");
    expect(german).toContain("ohne dass ein Bestellvorgang begann: 4300 (86 %)");
    for (const text of [english, german]) expect(usable(text, figures)).toBe(text);
    expect(rulesText({ ...figures, left: 0 }, "de")).toBe("In dieser Woche blieb kein Warenkorb liegen.");
  });

  it("is of a week that begins on Monday", () => {
    const monday = Date.UTC(2026, 10, 16);
    for (const at of [monday, monday + 1, Date.UTC(2026, 10, 21, 18), monday + WEEK_MS - 1])
      expect(mondayOf(at)).toBe(monday);
    expect(mondayOf(monday - 1)).toBe(monday - WEEK_MS);
  });
});

describe("an answer", () => {
  it("of each shape is the same", () => {
    const call = { name: "propose", arguments: { action: "keep" } };
    const usage = { prompt_tokens: 7, completion_tokens: 3 };
    const text = JSON.stringify(call.arguments);
    const same = { tool_calls: [{ ...call, id: "call_0" }], usage: { input: 7, output: 3 }, response: "" };
    expect(parseAnswer({ response: null, tool_calls: [call], usage })).toEqual({ ...same, shape: "plain" });
    const nested = [{ type: "function", function: { ...call, arguments: text } }];
    expect(parseAnswer({ response: "", tool_calls: nested, usage })).toEqual({ ...same, shape: "plain" });
    const choices = [{ message: { role: "assistant", content: null, tool_calls: nested } }];
    expect(parseAnswer({ choices, usage })).toEqual({ ...same, shape: "chat" });
  });

  it("is cut, and what is no call is none", () => {
    const many = Array.from({ length: 50 }, () => ({ name: "n".repeat(500), arguments: "{}" }));
    const parsed = parseAnswer({ response: "x".repeat(1e6), tool_calls: [...many, null, "call", { name: 5 }] });
    expect(parsed?.response).toHaveLength(8_000);
    expect(parsed?.tool_calls).toHaveLength(8);
    expect(parsed?.tool_calls[0]?.name).toHaveLength(64);
    const bad = ["{", "[]", "5", `{"a":"${"x".repeat(5_000)}"}`, 7, null, ["x"]];
    const calls = bad.map((given) => ({ name: "propose", arguments: given }));
    expect(parseAnswer({ response: "", tool_calls: calls })?.tool_calls.map((c) => c.arguments)).toEqual(
      bad.map(() => null),
    );
  });

  it.each([
    null,
    undefined,
    5,
    "text",
    [],
    {},
    { choices: [] },
    { choices: [{}] },
    { choices: "x" },
    { tool_calls: 5 },
  ])("is none in %j", (given) => {
    expect(parseAnswer(given)).toBeNull();
  });

  it("may hide its object in words", () => {
    expect(jsonObjectIn('Sure! {"a": {"b": 1}} Bye')).toEqual({ a: { b: 1 } });
    expect(jsonObjectIn("nothing")).toBeNull();
  });
});
