import { describe, expect, it } from "vitest";
import { conditionError, matches } from "../../shared/policy/conditions.ts";
import type { Conditions } from "../../shared/policy/rules.ts";

const cart = {
  total: { amount: 120, currency: "EUR" },
  itemCount: 2,
  items: [
    { productId: "mug", category: "kitchen", quantity: 1 },
    { productId: "lamp", category: null, quantity: 1 },
  ],
  coupons: [],
  shopper: { email: "ada@example.com" },
};

describe("conditions", () => {
  it.each<[Conditions, boolean]>([
    [{}, true],
    [{ itemCount: 2 }, true],
    [{ "total.amount": { $gte: 100 } }, true],
    [{ "total.amount": { $gte: 100, $lt: 120 } }, false],
    [{ "total.currency": { $in: ["EUR", "USD"] } }, true],
    [{ $or: [{ itemCount: 9 }, { "shopper.email": { $exists: true } }] }, true],
    [{ "items.category": "kitchen" }, true],
    [{ items: { $elemMatch: { productId: "lamp", quantity: { $gt: 1 } } } }, false],
    [{ coupons: { $size: 0 } }, true],
    [{ $nor: [{ itemCount: 2 }] }, false],
    [{ itemCount: { $not: { $gt: 5 } } }, true],
    [{ nothing: 1 }, false],
  ])("%j holds: %s", (conditions, holds) => {
    expect(matches(conditions, cart)).toBe(holds);
  });

  it("none at all hold", () => {
    expect(matches(undefined, cart)).toBe(true);
  });

  it.each<Conditions>([
    { $where: "true" },
    { $where: "this.itemCount === 2" },
    { $or: [{ $where: "true" }] },
    { itemCount: { $not: { $where: "true" } } },
    { $regex: ".*" },
    { "shopper.email": { $regex: "(a+)+$" } },
    { $expr: 1 },
    { $function: "x" },
  ])("%j runs code or could, so it is refused and matches nothing", (conditions) => {
    expect(conditionError(conditions)).toMatch(/unknown operator/);
    expect(matches(conditions, cart)).toBe(false);
  });

  it("nesting has a limit", () => {
    let deep: Conditions = { itemCount: 2 };
    for (let i = 0; i < 20; i++) deep = { $and: [deep] };
    expect(conditionError(deep)).toMatch(/nested/);
    expect(matches(deep, cart)).toBe(false);
  });

  it("a broken condition matches nothing: silence is the safe side", () => {
    expect(matches({ itemCount: { $in: 5 } } as Conditions, cart)).toBe(false);
  });
});
