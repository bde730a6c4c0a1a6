import { describe, expect, it } from "vitest";
import type { ResultsView } from "../../shared/measure/results-view.ts";
import { matches } from "../../shared/policy/conditions.ts";
import { type Conditions, campaignSchema, stepSchema, TRIGGERS } from "../../shared/policy/rules.ts";
import type { Campaign } from "../../workers/dashboard/app/api/campaigns.ts";
import { campaignHref, campaignsHref, parseRoute } from "../../workers/dashboard/app/route.ts";
import {
  CHANNEL_NAMES,
  couponWords,
  delayWords,
  inUnits,
  minutesOf,
  TRIGGER_NAMES,
} from "../../workers/dashboard/app/views/campaigns/campaign-words.ts";
import {
  conditionsOf,
  conditionWords,
  FIELDS,
  operatorsOf,
  type Row,
  rowsOf,
} from "../../workers/dashboard/app/views/campaigns/condition-rows.ts";
import {
  inputOf,
  moved,
  newCampaign,
  newCoupon,
  newStep,
  newVariant,
} from "../../workers/dashboard/app/views/campaigns/draft.ts";
import { comparison, headline, signedMoney } from "../../workers/dashboard/app/views/campaigns/result-words.ts";
import { isSame } from "../../workers/dashboard/app/views/editing/same.ts";

const row = (field: string, operator: Row["operator"], value = ""): Row => ({ field, operator, value });

describe("condition rows", () => {
  it.each<[string, Row[], Conditions]>([
    ["nothing", [], {}],
    ["a number", [row("total.amount", "above", "50")], { "total.amount": { $gt: 50 } }],
    [
      "two bounds of one field",
      [row("total.amount", "at_least", "20"), row("total.amount", "below", "90.5")],
      { "total.amount": { $gte: 20, $lt: 90.5 } },
    ],
    ["a text that looks like a number", [row("items.productId", "is", "7")], { "items.productId": { $eq: "7" } }],
    ["a list", [row("items.category", "one_of", "mugs, bowls")], { "items.category": { $in: ["mugs", "bowls"] } }],
    ["what is known", [row("shopper.email", "known")], { "shopper.email": { $ne: null } }],
    ["what is not", [row("shopper.email", "unknown")], { "shopper.email": { $eq: null } }],
    [
      "the same twice of one field",
      [row("items.productId", "is_not", "p1"), row("items.productId", "is_not", "p2")],
      { $and: [{ "items.productId": { $ne: "p1" } }, { "items.productId": { $ne: "p2" } }] },
    ],
    ["a field we do not know", [row("total.currency", "is", "EUR")], { "total.currency": { $eq: "EUR" } }],
    ["a flag we do not know", [row("journey.odd", "is", "true")], { "journey.odd": { $eq: true } }],
  ])("%s, to conditions and back", (_what, rows, conditions) => {
    expect(conditionsOf({ join: "all", rows })).toEqual(conditions);
    expect(rowsOf(conditions)).toEqual({ join: "all", rows });
  });

  it("any of several, to conditions and back", () => {
    const rows = [row("itemCount", "above", "3"), row("total.amount", "above", "100")];
    const conditions: Conditions = { $or: [{ itemCount: { $gt: 3 } }, { "total.amount": { $gt: 100 } }] };
    expect(conditionsOf({ join: "any", rows })).toEqual(conditions);
    expect(rowsOf(conditions)).toEqual({ join: "any", rows });
  });

  it("reads what was written without an operator", () => {
    expect(rowsOf({ itemCount: 2, "shopper.email": null })?.rows).toEqual([
      row("itemCount", "is", "2"),
      row("shopper.email", "unknown"),
    ]);
  });

  it.each<[string, Conditions]>([
    ["an or beside other fields", { itemCount: 1, $or: [{ itemCount: 2 }] }],
    ["an or of ands", { $or: [{ itemCount: { $gt: 1, $lt: 3 } }, { "total.amount": 5 }] }],
    ["a list of items", { items: { $elemMatch: { productId: "p1", quantity: { $gt: 1 } } } }],
    ["an operator that rows do not have", { itemCount: { $mod: [2, 0] } }],
    ["a number where there is text", { "shopper.name": 5 }],
    ["a text where there is a number", { "total.amount": "5" }],
    ["a comma within a word", { "items.category": { $in: ["mugs, big"] } }],
    ["an object", { shopper: { email: "ada@example.com" } }],
    ["a list without operator", { coupons: ["A", "B"] }],
    ["nothing at all of a field", { itemCount: {} }],
  ])("leaves %s to JSON", (_what, conditions) => expect(rowsOf(conditions)).toBeNull());

  it("mean what the store will judge", () => {
    const subject = { total: { amount: 60 }, itemCount: 2, shopper: { email: null } };
    const holds = (...rows: Row[]) => matches(conditionsOf({ join: "all", rows }), subject);
    expect(holds(row("total.amount", "above", "50"), row("total.amount", "below", "61"))).toBe(true);
    expect(holds(row("total.amount", "above", "60"))).toBe(false);
    expect(holds(row("shopper.email", "unknown"))).toBe(true);
    expect(holds(row("shopper.email", "known"))).toBe(false);
    expect(
      matches(conditionsOf({ join: "any", rows: [row("itemCount", "is", "9"), row("itemCount", "is", "2")] }), subject),
    ).toBe(true);
  });

  it("offers every field an operator, and says all in words", () => {
    for (const field of Object.keys(FIELDS)) expect(operatorsOf(field).length).toBeGreaterThan(0);
    expect(conditionWords({ "total.amount": { $gt: 50 }, "shopper.email": { $ne: null } })).toBe(
      "cart total is above 50, and shopper’s e-mail is known",
    );
    expect(conditionWords({})).toBe("");
    expect(conditionWords({ $nor: [] })).toBe("conditions in JSON hold");
  });
});

describe("words", () => {
  it("know every trigger and channel", () => {
    expect([...TRIGGER_NAMES].sort()).toEqual([...TRIGGERS].sort());
    expect([...CHANNEL_NAMES].sort()).toEqual([...stepSchema.shape.channel.unwrap().options].sort());
  });

  it.each([
    [0, "at once"],
    [1, "after 1 minute"],
    [90, "after 90 minutes"],
    [120, "after 2 hours"],
    [1_440, "after 1 day"],
    [0.5, "after 0.5 minutes"],
  ])("a delay of %f reads %s", (minutes, text) => expect(delayWords(minutes)).toBe(text));

  it("units go there and back", () => {
    for (const minutes of [0, 0.5, 1, 59, 60, 61, 1_440, 4_320]) {
      const { amount, unit } = inUnits(minutes);
      expect(minutesOf(amount, unit)).toBe(minutes);
    }
  });

  it("tell what a coupon is worth", () => {
    expect(couponWords({ kind: "percent", amount: 10 }, "EUR")).toBe("10% off");
    expect(couponWords({ kind: "amount", amount: 5 }, "EUR")).toBe("5 EUR off");
  });
});

describe("a draft", () => {
  it("begins as a campaign that the server takes, but for its name", () => {
    expect(campaignSchema.safeParse(newCampaign()).error?.issues.map(({ path }) => path.join("."))).toEqual(["name"]);
    const [first] = newCampaign().steps;
    const full = { ...newCampaign(), name: "x", steps: [first!, { ...newStep([first!]), coupon: newCoupon() }] };
    expect(campaignSchema.parse(full)).toEqual(full);
  });

  it("names new steps and variants apart from the others", () => {
    const steps = [newStep([])];
    for (let i = 0; i < 5; i++) steps.push(newStep(steps));
    steps.splice(1, 1);
    steps.push(newStep(steps));
    expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length);
    const variants = [newVariant([])];
    for (let i = 0; i < 25; i++) variants.push(newVariant(variants));
    expect(new Set(variants.map(({ id }) => id)).size).toBe(26);
  });

  it("is the same whatever the order of its fields, and sends back no more than it may", () => {
    const stored: Campaign = { ...newCampaign(), id: "c", version: 3, createdAt: "", updatedAt: "" };
    expect(inputOf(stored)).toEqual(newCampaign());
    expect(isSame({ a: 1, b: [{ c: 1, d: undefined }] }, { b: [{ c: 1 }], a: 1 })).toBe(true);
    expect(isSame({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
    expect(moved(["a", "b", "c"], 0, 1)).toEqual(["b", "a", "c"]);
  });
});

const euros = (amount: string) => ({ amount, currency: "EUR" });
const outcome = { shoppers: 100, buyers: 20, orders: 20, conversion: 0.2, revenue: euros("900.00"), foreignOrders: 0 };
const credited = (amount: string) => ({
  orders: 9,
  revenue: euros(amount),
  byClick: 9,
  byOpen: 0,
  byTouch: 0,
  none: 11,
});

function results(interval: [low: string, estimate: string, high: string] | null): ResultsView {
  const range = { estimate: 0.1, low: 0.02, high: 0.18 };
  const money = interval && { low: euros(interval[0]), estimate: euros(interval[1]), high: euros(interval[2]) };
  return {
    ...{ campaignId: "c", version: 1, holdout: 0.1, allocation: "fixed", running: 0, variants: [] },
    attribution: { window: 72, rule: "last" },
    arms: [{ arm: "treated", ...outcome, attributed: credited("600.00") }],
    incremental: money && {
      ...{ shoppers: { treated: 100, heldOut: 100 }, conversion: range, buyers: range },
      ...{ revenuePerShopper: money, revenue: money },
    },
    tooLittleData: money ? null : "Each arm needs more.",
  };
}

describe("results in words", () => {
  it("say that there is not enough yet", () => {
    expect(headline(results(null), "en")).toEqual({ amount: null, detail: "Each arm needs more.", tone: "still" });
    expect(comparison(results(null), "en")).toContain("is not known yet");
  });

  it.each<[string, [string, string, string], string, RegExp]>([
    ["a gain", ["50.00", "200.00", "350.00"], "good", /about €200.00 would not have come/],
    ["a gain above the credit", ["500.00", "800.00", "1100.00"], "good", /more than that/],
    ["maybe chance", ["-50.00", "200.00", "350.00"], "still", /covers zero/],
    ["a loss", ["-350.00", "-200.00", "-50.00"], "bad", /cost sales/],
  ])("tell %s", (_what, interval, tone, sentence) => {
    expect(headline(results(interval), "en").tone).toBe(tone);
    expect(comparison(results(interval), "en")).toMatch(/^Attribution credits €600.00/);
    expect(comparison(results(interval), "en")).toMatch(sentence);
  });

  it("give differences their sign", () => {
    expect(signedMoney(euros("5.00"), "en")).toBe("+€5.00");
    expect(signedMoney(euros("-5.00"), "en")).toBe("-€5.00");
    expect(signedMoney(euros("0.00"), "en")).toBe("€0.00");
  });
});

describe("addresses", () => {
  it.each([
    [campaignsHref, { name: "campaigns" }],
    [campaignHref(null), { name: "campaign", id: null, tab: "edit" }],
    [campaignHref("cmp_1"), { name: "campaign", id: "cmp_1", tab: "edit" }],
    [campaignHref("a/b", "results"), { name: "campaign", id: "a/b", tab: "results" }],
    ["#/campaigns/cmp_1/nonsense", { name: "missing" }],
    ["#/campaigns/cmp_1/results/more", { name: "missing" }],
  ])("%s", (href, route) => expect(parseRoute(href)).toEqual(route));
});
