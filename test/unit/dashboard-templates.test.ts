/** Templates and coupon codes in the dashboard, as far as they are worked out without a page. */
import { describe, expect, it } from "vitest";
import { csvRecords } from "../../shared/csv.ts";
import { MESSAGE_LIMITS } from "../../shared/message-limits.ts";
import { type Coupon, stepSchema } from "../../shared/policy/rules.ts";
import { faultsOf, sampleContext } from "../../shared/template-check.ts";
import { VARIABLES, writtenOf } from "../../shared/template-variables.ts";
import type { TemplateInput } from "../../workers/dashboard/app/api/templates.ts";
import { parseRoute } from "../../workers/dashboard/app/route.ts";
import { newCampaign, newCoupon, newStep } from "../../workers/dashboard/app/views/campaigns/draft.ts";
import { csvOf, csvParts, newCodes, withPart } from "../../workers/dashboard/app/views/coupons/codes.ts";
import { type Giving, givingSteps, missing } from "../../workers/dashboard/app/views/coupons/giving.ts";
import { difference } from "../../workers/dashboard/app/views/editing/difference.ts";
import { faultOf, faultsAt, offsetOf } from "../../workers/dashboard/app/views/templates/faults.ts";
import {
  blank,
  gist,
  HEADLINES,
  isPart,
  isSentBy,
  partsIn,
  pathOf,
  withLocale,
  withoutLocale,
  withParts,
} from "../../workers/dashboard/app/views/templates/template-draft.ts";

const CHANNELS = ["email", "sms", "push", "onsite"] as const;
const named = { id: "t", locale: "en", subject: "s", html: "", translations: {} };
const faults = (text: string) => faultsOf({ ...named, text }, MESSAGE_LIMITS.email);

describe("what a template may use", () => {
  const variables = VARIABLES.flatMap((group) => group.variables);

  it("is told in full, and nothing that is not there", () => {
    const { cart, ...others } = sampleContext("en");
    const { items, ...own } = cart;
    const leaves = (value: unknown, path: string): string[] =>
      typeof value === "object" && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, path ? `${path}.${key}` : key))
        : [path];
    const known = [...leaves(others, ""), ...leaves(own, "cart"), "cart.items", ...leaves(items[0], "item")];
    expect(variables.map(({ name }) => name).sort()).toEqual(known.sort());
  });

  it("is written in a way that can be saved", async () => {
    for (const variable of variables) {
      const written = writtenOf(variable);
      const loop = variable.name.startsWith("item.");
      expect(await faults(loop ? `{% for item in cart.items %}${written}{% endfor %}` : written)).toEqual([]);
    }
  });
});

describe("what is wrong with a template", () => {
  it("leads to where the API found it", async () => {
    const text = "one\n\n  {{ name }} and {{ cart.totl }}";
    const told = (await faults(text)).map(({ message }) => faultOf(message));
    expect(told).toEqual([
      { at: { line: 3, column: 6 }, message: "unknown variable name" },
      { at: { line: 3, column: 21 }, message: "unknown variable cart.totl" },
    ]);
    expect(told.map(({ at }) => at && text.slice(offsetOf(text, at), offsetOf(text, at) + 4))).toEqual([
      "name",
      "cart",
    ]);
  });

  it("is told whole when it has no place, and ends where the text does when its place is gone", () => {
    expect(faultOf("needs html or text")).toEqual({ at: null, message: "needs html or text" });
    expect(offsetOf("ab\ncd", { line: 9, column: 1 })).toBe(5);
    expect(offsetOf("ab\ncd", { line: 1, column: 40 })).toBe(2);
    expect(offsetOf("", { line: 1, column: 1 })).toBe(0);
    const fields = [
      { field: "text", message: "line 1, column 2: a" },
      { field: "translations.de.text", message: "line 1, column 3: b" },
    ];
    expect(faultsAt(fields, pathOf("de", "text"))).toEqual([{ at: { line: 1, column: 3 }, message: "b" }]);
    expect(["text", "translations.de.html", "locale", "subject", "subtext"].map(isPart)).toEqual([
      ...[true, true, false, true, false],
    ]);
  });
});

describe("a template while it is written", () => {
  const draft: TemplateInput = { ...blank("email"), name: "Mine", locale: "en" };

  it.each(CHANNELS)("begins blank in a way that can be saved: %s", async (channel) => {
    const { subject, ...made } = blank(channel);
    expect(subject === "").toBe(HEADLINES[channel] === null);
    expect(await faultsOf({ id: "t", subject, ...made }, MESSAGE_LIMITS[channel])).toEqual([]);
  });

  it("has its words by language", () => {
    const added = withLocale(draft, " de_at ");
    expect(added?.locale).toBe("de-AT");
    const german = withParts(added?.draft ?? draft, "de-AT", { text: "Hallo" });
    expect(partsIn(german, "de-AT")).toEqual({ ...partsIn(draft, null), text: "Hallo" });
    expect(partsIn(german, null)).toEqual(partsIn(draft, null));
    expect(withoutLocale(german, "de-AT")).toEqual(draft);
    for (const tag of ["", "no tag", "EN", "de-at"]) expect(withLocale(german, tag)).toBeNull();
  });

  it("is known by the steps that send it, on any channel", () => {
    const steps = [
      newStep([]),
      stepSchema.parse({ id: "all", channel: "all", variants: [{ id: "a", templates: { sms: "tpl_1" } }] }),
    ];
    expect(isSentBy("tpl_1", steps)).toBe(true);
    expect(isSentBy("tpl_2", steps)).toBe(false);
  });

  it.each([
    [
      "{% if shopper.firstName != '' %}{{ shopper.firstName }}, last{% else %}Last{% endif %} call",
      "‹shopper.firstName›, last call",
    ],
    [
      "{% case coupon.kind %}{% when 'percent' %}{{ coupon.amount }}% off{% when 'amount' %}less{% else %}free{% endcase %}",
      "‹coupon.amount›% off",
    ],
    ["two\n  lines {{- cart.total | money -}} {{ broken", "two lines ‹cart.total› {{ broken"],
  ])("is told in a line: %s", (source, line) => expect(gist(source)).toBe(line));

  it("shows of two long texts where they part", () => {
    const [a, b] = ["a".repeat(200), "b".repeat(200)];
    expect(difference({ before: "x", after: "y" })).toEqual({ before: "x", after: "y" });
    expect(difference({ before: `${a}one`, after: `${a}two` })).toEqual({
      before: `…${"a".repeat(16)}one`,
      after: `…${"a".repeat(16)}two`,
    });
    expect(difference({ before: null, after: b })).toEqual({ before: null, after: `${b.slice(0, 80)}…` });
  });

  it("has an address of its own", () => {
    expect(parseRoute("#/templates")).toEqual({ name: "templates" });
    expect(parseRoute("#/templates/tpl_1")).toEqual({ name: "template", id: "tpl_1", from: "" });
    expect(parseRoute("#/templates/new/last-call")).toEqual({ name: "template", id: null, from: "last-call" });
    expect(parseRoute("#/templates/tpl_1/more")).toEqual({ name: "missing" });
    expect(parseRoute("#/coupons")).toEqual({ name: "coupons" });
    expect(parseRoute("#/coupons/1")).toEqual({ name: "missing" });
  });
});

describe("codes on their way into a pool", () => {
  it.each(["\n", "\r\n", "\r"])("a long file goes in pieces of whole records, and nothing is lost (%j)", (end) => {
    const lines = ["code,note", "A-1,plain", `A-2,"two${end}lines"`, "", "A-3", "Ü-4,ß", '"broken', "A-5"];
    const file = lines.join(end);
    const records = csvRecords(file);
    for (const limits of [
      { codes: 2, bytes: 1000 },
      { codes: 100, bytes: 22 },
      { codes: 1, bytes: 1 },
    ]) {
      const parts = csvParts(file, limits);
      expect(parts.length).toBeGreaterThan(2);
      const again = parts.flatMap(({ text, firstLine }) =>
        csvRecords(text).map((record) => ({ ...record, line: record.line + firstLine - 1 })),
      );
      expect(again).toEqual(records);
      for (const { text } of parts) {
        expect(csvRecords(text).length).toBeLessThanOrEqual(limits.codes);
        if (limits.bytes > 1) expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(limits.bytes);
      }
    }
    expect(csvParts(file).length).toBe(1);
    expect(csvParts("")).toEqual([]);
  });

  it("what was refused is told by the line of the whole file", () => {
    const first = { added: 2, duplicates: 1, rejected: [{ line: 3, message: "no" }], rejectedCount: 1 };
    const sum = withPart(withPart(null, first, { firstLine: 1 }), first, { firstLine: 11 });
    expect(sum).toEqual({
      ...{ added: 4, duplicates: 2, rejectedCount: 2 },
      rejected: [
        { line: 3, message: "no" },
        { line: 13, message: "no" },
      ],
    });
  });

  it("made here, they are as long as the store's own, begin as asked, and fill a file", () => {
    let next = 0;
    const codes = newCodes(3, "SPRING-", 12, (bytes) => bytes.fill(next++));
    expect(codes).toEqual(["SPRING-AAAAAAAAAAAA", "SPRING-BBBBBBBBBBBB", "SPRING-CCCCCCCCCCCC"]);
    expect(csvRecords(csvOf(codes)).map(({ cells }) => cells[0])).toEqual(["code", ...codes]);
  });

  it("a pool that enabled steps may empty is told by how much", () => {
    const pool: Coupon = { ...newCoupon(), kind: "pool", poolId: "p", budget: 100 };
    const campaign = (id: string, enabled: boolean) => ({
      ...newCampaign(),
      ...{ id, enabled, version: 1, createdAt: "", updatedAt: "" },
      steps: [newStep([]), { ...newStep([]), id: "gives", coupon: pool }],
    });
    const figures = new Map([["a", [{ stepId: "gives", budget: 100, issued: 30, redeemed: 0, expired: 0, left: 70 }]]]);
    const giving: Giving[] = givingSteps([campaign("a", true), campaign("b", true), campaign("c", false)], figures);
    expect(giving.map(({ campaign: { id }, figures: known }) => [id, known?.left])).toEqual([
      ["a", 70],
      ["b", undefined],
      ["c", undefined],
    ]);
    expect(missing({ left: 150 }, giving)).toBe(20);
    expect(missing({ left: 170 }, giving)).toBe(0);
  });
});
