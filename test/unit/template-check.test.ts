/** What is wrong with a template, and where. */
import { describe, expect, it } from "vitest";
import { GALLERY } from "../../shared/gallery/index.ts";
import { MESSAGE_LIMITS } from "../../shared/message-limits.ts";
import { faultsOf } from "../../shared/template-check.ts";
import type { Parts, Template } from "../../shared/templates.ts";

const template = (over: Partial<Template>): Template => ({
  id: "t",
  locale: "en",
  subject: "s",
  html: "",
  text: "",
  translations: {},
  ...over,
});
const parts = (over: Partial<Parts>): Parts => ({ subject: "s", html: "", text: "", ...over });
const faults = (over: Partial<Template>) => faultsOf(template(over), MESSAGE_LIMITS.email);
const limits = (text: number) => ({ subject: 250, text });
const messages = async (text: string): Promise<string[]> => (await faults({ text })).map(({ message }) => message);

describe("refused, with line and column", () => {
  it.each([
    ["{{ cart.totl }}", "line 1, column 4: unknown variable cart.totl"],
    ["one\n\n  {{ name }}", "line 3, column 6: unknown variable name"],
    ["{% if shoper.name %}{% endif %}", "line 1, column 7: unknown variable shoper.name"],
    ["{% if cart.count > 99 %}\n{{ cart.sum }}{% endif %}", "line 2, column 4: unknown variable cart.sum"],
    ["{{ cart.items[0].title }}", "line 1, column 4: unknown variable cart.items[0].title"],
    ["{{ cart.items.nothing }}", "line 1, column 4: unknown variable cart.items.nothing"],
    ["{{ store.name.first }}", "line 1, column 4: unknown variable store.name.first"],
    ["{% for item in cart.items %}{{ item.nmae }}{% endfor %}", "line 1, column 32: unknown variable item.nmae"],
    ["{% for i in cart.things %}{% endfor %}", "line 1, column 13: unknown variable cart.things"],
    ["{{ cart.total | append: foo }}", "line 1, column 25: unknown variable foo"],
    ["{{ x }}{% assign x = 1 %}", "line 1, column 4: unknown variable x"],
    ["{{ constructor }}", "line 1, column 4: unknown variable constructor"],
    ["{{ cart.constructor }}", "line 1, column 4: unknown variable cart.constructor"],
    ["a\n b {{ 1 | explode }}", "line 2, column 4: undefined filter: explode"],
    ["\n{% if cart %}", "line 2, column 1: tag {% if cart %} not closed"],
    ["{% render 'x' %}", 'line 1, column 1: tag "render" not found'],
    ["{% if false %}{% include 'x' %}{% endif %}", 'line 1, column 15: tag "include" not found'],
    ["{{ 'a }}", 'line 1, column 1: output "{{ \'a }}" not closed'],
    ["{{ '5' | money: 'euro' }}", "line 1, column 1: money: needs an ISO 4217 currency such as EUR"],
    ["{% for i in (1..99999) %}x{% endfor %}", "line 1, column 1: the template does too much: a loop is too long"],
  ])("%s", async (text, message) => {
    expect(await messages(text)).toEqual([message]);
  });

  it("all that is unknown, in all parts and languages", async () => {
    const given = {
      subject: "{{ a }}",
      html: "{{ b }} {{ c }}",
      translations: { de: parts({ text: "{{ d }}" }), fr: parts({ html: "{% if %}" }) },
    };
    expect((await faults(given)).map(({ field }) => field)).toEqual([
      "subject",
      "html",
      "html",
      "translations.de.text",
      "translations.fr.html",
    ]);
  });

  it("at most twenty", async () => {
    expect(await faults({ text: "{{ x }}".repeat(100) })).toHaveLength(20);
  });

  it("what is nested thousands deep", async () => {
    const brackets = (depth: number) => `{{ ${"cart[".repeat(depth)}1${"]".repeat(depth)} }}`;
    for (const text of ["{% if cart %}".repeat(15_000), brackets(20_000), brackets(3_000)])
      expect(await messages(text)).toEqual([expect.stringMatching(/something is nested too deeply$/)]);
  });

  it.each([
    ["assignments", "{% assign x = cart %}".repeat(9_000)],
    ["branches", `{% if cart %}${"{% elsif cart %}".repeat(12_000)}{% endif %}`],
    ["lines", `${"\n".repeat(190_000)}${"{{ cart.total }}".repeat(600)}`],
  ])("thousands of %s are read in a moment", async (_, text) => {
    const started = process.cpuUsage();
    expect(await messages(text)).toEqual([]);
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(2_000); // of the processor, as in a Worker
  });

  it("the line and the column are those of an editor", async () => {
    const text = "\n\n{{ a }}\r\n  {{ b }}\n\n{{ c }}{{ d }}";
    expect((await messages(text)).map((message) => message.replace(/: unknown variable/, ""))).toEqual([
      "line 3, column 4 a",
      "line 4, column 6 b",
      "line 6, column 4 c",
      "line 6, column 11 d",
    ]);
  });

  it("a text that becomes too long", async () => {
    const text = "{{ store.name }}".repeat(10);
    expect(await faultsOf(template({ text }), limits(89))).toEqual([
      { field: "text", message: "line 1, column 1: becomes longer than 89 characters" },
    ]);
    expect(await faultsOf(template({ text }), limits(90))).toEqual([]);
  });
});

describe("good", () => {
  it.each([
    "{{ cart.items.first.name }} {{ cart.items.size }} {{ cart.items[2].name }} {{ store.name.size }}",
    "{% for item in cart.items %}{{ forloop.index }}{{ item.image_url }}{{ item['name'] }}{% endfor %}",
    "{% tablerow i in cart.items %}{{ tablerowloop.col }}{{ i.name }}{% endtablerow %}",
    "{% assign dear = cart.items | sort: 'price' | last %}{{ dear.anything }}",
    "{% for item in cart.items %}{% endfor %}{% assign item = 'x' | split: ',' %}{{ item.foo }}",
    "{% capture x %}a{% endcapture %}{{ x }}{% increment n %}{{ n }}",
    "{% assign key = 'total' %}{{ cart[key] | money }} {{ cart.created_at | date: '%d.%m.%Y' }}",
    "{% if coupon %}{{ coupon.code }} {{ coupon.expires_at | date: 'short' }}{% endif %}",
    "{{ shopper.firstName }}{{ shopper.timezone }}{{ locale }}{{ recovery_url }}{{ unsubscribe_url }}{{ store.url }}",
    "{% raw %}{{ anything }}{% endraw %}{% comment %}{{ anything }}{% endcomment %}",
    "{{ 'now' | date: '%Y' }}",
  ])("%s", async (text) => {
    expect(await messages(text)).toEqual([]);
  });

  it("the gallery, in every language", async () => {
    const idsOf = (channel: string) => GALLERY.filter((entry) => entry.channel === channel).map(({ id }) => id);
    expect(idsOf("email")).toEqual(["reminder", "last-call", "back-in-stock", "price-drop", "welcome-back"]);
    for (const channel of ["sms", "push", "onsite"]) {
      expect(idsOf(channel)).toContain(`${channel}-payment-failed`);
      expect(idsOf(channel)).toContain(`${channel}-price-drop`);
      expect(idsOf(channel)).toContain(`${channel}-back-in-stock`);
    }
    for (const entry of GALLERY) expect(await faultsOf(entry, MESSAGE_LIMITS[entry.channel]), entry.id).toEqual([]);
  });
});
