/** A small experiment on the running system, and its results beside a recount of what happened. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { differenceInterval, meanInterval, proportionInterval } from "../../shared/measure/interval.ts";
import type { ResultsView } from "../../shared/measure/results-view.ts";
import { add, identify, Merchant, order, until } from "../support/merchant.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

/** Enough for an estimate: 30 shoppers and 10 buyers in each arm, however the names fall. */
const SHOPPERS = 100;

test("a campaign with half of its shoppers held out gives the figures that a recount gives", async () => {
  const merchant = await Merchant.register(system.url);
  await merchant.settings({ abandonAfterMinutes: 0.02 });
  const created = await merchant.call<{ id: string }>("POST", "/v1/campaigns", {
    name: "Halved",
    holdout: 0.5,
    goal: { attributionHours: 1 },
    steps: [{ id: "s", variants: [{ id: "a" }, { id: "b", weight: 3 }] }],
  });
  expect(created.status).toBe(201);
  const read = (): Promise<ResultsView> => merchant.get(`/v1/campaigns/${created.body.id}/results`);
  expect(await read()).toMatchObject({ incremental: null, arms: [{ shoppers: 0 }, { shoppers: 0 }], variants: [] });

  const carts = Array.from({ length: SHOPPERS }, (_, i) => `cart-${i}`);
  for (let i = 0; i < SHOPPERS; i += 50)
    await merchant.accept(
      carts.slice(i, i + 50).flatMap((id) => [add(id, "mug", "10.00"), identify(id, `${id}@shopper.example`)]),
    );
  const deliveries = await until(
    "every message is sent or held back",
    async () => {
      const found = await merchant.deliveries();
      return found.length === SHOPPERS && found.every((d) => d.status === "sent" || d.status === "suppressed") && found;
    },
    { within: 60_000, every: 500 },
  );
  const armOf = new Map(deliveries.map((d) => [d.cartId, d.status === "sent" ? "treated" : "held_out"] as const));

  // Of the treated two of three buy, of the held out one of two; every fifth buyer under another cart than the one left.
  const spent = new Map<string, number>();
  const elsewhere = new Set<string>();
  const seen = { treated: 0, held_out: 0 };
  for (const id of carts) {
    const arm = armOf.get(id)!;
    seen[arm] += 1;
    if (seen[arm] % (arm === "treated" ? 3 : 2) === 0) continue;
    spent.set(id, 1_000 + 37 * spent.size);
    const total = (spent.get(id)! / 100).toFixed(2);
    if (spent.size % 5 === 0) {
      elsewhere.add(id);
      await merchant.accept([
        add(`new-${id}`, "mug", "10.00"),
        identify(`new-${id}`, `${id}@shopper.example`),
        order(`new-${id}`, `order-${id}`, total),
      ]);
    } else await merchant.accept([order(id, `order-${id}`, total)]);
  }
  const results = await until(
    "every order is counted",
    async () => {
      const found = await read();
      return found.arms.reduce((sum, arm) => sum + arm.orders, 0) === spent.size && found;
    },
    { within: 60_000, every: 500 },
  );

  const recount = (arm: "treated" | "held_out", ids = carts.filter((id) => armOf.get(id) === arm)) => {
    const values = ids.map((id) => spent.get(id) ?? 0);
    const sum = (power: number): number => values.reduce((all, value) => all + value ** power, 0);
    const buyers = values.filter((value) => value > 0).length;
    return { ids, n: ids.length, buyers, sum: sum(1), squares: sum(2), cubes: sum(3) };
  };
  const euros = (minor: number) => ({ amount: (Math.round(minor) / 100).toFixed(2), currency: "EUR" });
  const [treated, heldOut] = [recount("treated"), recount("held_out")];
  expect(Math.min(treated.n, heldOut.n)).toBeGreaterThanOrEqual(30);
  const credited = treated.ids.filter((id) => spent.has(id) && !elsewhere.has(id));
  for (const [i, arm] of [treated, heldOut].entries())
    expect(results.arms[i]).toMatchObject({
      arm: i === 0 ? "treated" : "held_out",
      shoppers: arm.n,
      buyers: arm.buyers,
      orders: arm.buyers,
      conversion: arm.buyers / arm.n,
      revenue: euros(arm.sum),
      attributed: {
        orders: i === 0 ? credited.length : 0,
        revenue: euros(i === 0 ? credited.reduce((sum, id) => sum + spent.get(id)!, 0) : 0),
        byClick: 0,
        none: arm.buyers - (i === 0 ? credited.length : 0),
      },
    });
  const buyers = differenceInterval([
    { weight: 1, a: proportionInterval(treated.buyers, treated.n), b: proportionInterval(heldOut.buyers, heldOut.n) },
  ]);
  const revenue = differenceInterval([{ weight: treated.n, a: meanInterval(treated), b: meanInterval(heldOut) }]);
  expect(results).toMatchObject({
    holdout: 0.5,
    attribution: { window: 1, rule: "last" },
    running: SHOPPERS,
    tooLittleData: null,
    incremental: {
      shoppers: { treated: treated.n, heldOut: heldOut.n },
      conversion: {
        estimate: expect.closeTo(treated.buyers / treated.n - heldOut.buyers / heldOut.n, 10),
        low: expect.closeTo(buyers.low, 10),
        high: expect.closeTo(buyers.high, 10),
      },
      revenue: { estimate: euros(revenue.estimate), low: euros(revenue.low), high: euros(revenue.high) },
    },
  });
  for (const variant of results.variants) {
    const ids = deliveries
      .filter((d) => d.variantId === variant.variantId && armOf.get(d.cartId) === variant.arm)
      .map((d) => d.cartId);
    const mine = recount(variant.arm, ids);
    expect(variant).toMatchObject({ stepId: "s", shoppers: mine.n, buyers: mine.buyers, revenue: euros(mine.sum) });
    expect(variant.probability).toBe(variant.variantId === "a" ? 0.25 : 0.75);
  }
  expect(results.variants.reduce((sum, v) => sum + v.shoppers, 0)).toBe(SHOPPERS);

  // Held out means silence: no message was made, and the shadow says why.
  const [shadow] = deliveries.filter((d) => d.status === "suppressed");
  expect((await merchant.delivery(shadow!.id)).html ?? null).toBeNull();
  expect(shadow!.statusHistory.at(-1)).toMatchObject({ status: "suppressed", reason: "holdout" });
  const { orders, messages } = await merchant.usage();
  expect({ orders, messages }).toEqual({ orders: spent.size, messages: treated.n });
});
