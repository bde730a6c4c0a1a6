/** Shares of variants that follow what happened, and the bounds of what is measured. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Delta } from "../../shared/events/messages.ts";
import { shopperIdOf } from "../../shared/ids.ts";
import { pickVariant } from "../../shared/measure/assign.ts";
import { resultsOf } from "../../shared/measure/results.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import { add, event, identified, ordered } from "../support/cart-life.ts";
import { exposure, measured, news, purchase, WINDOW_MS } from "./measure-support.ts";
import { cartOf, env, eventually, HeldQueues, newCart, setClock, T0 } from "./support.ts";

const queues = new HeldQueues();
beforeAll(() => queues.hold());
afterAll(() => queues.release());
beforeEach(() => setClock(T0));
afterEach(() => {
  queues.broken = false;
  vi.useRealTimers();
});

describe("the shares of variants", () => {
  const variants = ["a", "b", "off"].map((id) => ({ id, templateId: "default", weight: id === "off" ? 0 : 1 }));

  it("follow what shoppers did whose window is over, are what carts obey, and outlive an eviction", async () => {
    const { id, store, campaign, counts, evict } = await measured({
      allocation: "thompson",
      steps: [{ id: "s", delayMinutes: 0, channel: "email", variants }],
    });
    const weights = async (): Promise<number[]> =>
      (await store.rules()).campaigns.find((c) => c.id === campaign.id)!.steps[0]!.variants.map((v) => v.weight);
    expect(await weights()).toEqual([0.5, 0.5, 0]);
    const told = (variantId: string, n: number, buyers: number): Delta => ({
      exposures: Array.from({ length: n }, (_, i) =>
        exposure(campaign.id, `${variantId}_${i}`, { variantId, probability: 0.5 }),
      ),
      purchases: Array.from({ length: buyers }, (_, i) => purchase(`${variantId}_${i}`, `${variantId}_${i}`)),
    });
    await store.apply([news("x", 1, told("a", 300, 15)), news("y", 1, told("b", 600, 120))]);
    const before = await store.rules();
    const ring = async (at: number): Promise<void> => {
      setClock(at);
      await runDurableObjectAlarm(env.STORE.getByName(id));
    };
    await ring(T0 + 15 * MINUTE_MS);
    expect(await weights()).toEqual([0.5, 0.5, 0]); // nobody's window is over: nothing is known
    await ring(T0 + WINDOW_MS + MINUTE_MS);
    const [a, b, off] = await weights();
    expect([a, b, off]).toEqual([expect.closeTo(0.05, 3), expect.closeTo(0.95, 3), 0]);
    const after = await store.rules();
    expect(after.version).toBeGreaterThan(before.version);
    await evict();
    expect(await store.rules()).toEqual(after);
    await ring(T0 + WINDOW_MS + 20 * MINUTE_MS);
    expect((await store.rules()).version).toBe(after.version); // nothing moved: no new rules
    expect(resultsOf(await counts()).variants.map((v) => v.probability)).toEqual([
      expect.closeTo(a!, 10),
      expect.closeTo(b!, 10),
    ]);
    expect((await store.campaigns())[0]!.steps[0]!.variants).toEqual(variants); // what the merchant wrote stays

    const cart = cartOf(id, store, after);
    const now = T0 + 2 * DAY_MS;
    setClock(now);
    await cart.beacon(add(now), identified(now, "ada@example.com"));
    setClock(now + 31 * MINUTE_MS);
    await runDurableObjectAlarm(cart.stub);
    await eventually(() =>
      expect(queues.events.some((n) => n.cartId === cart.id && n.summary.version === 2)).toBe(true),
    );
    const [logged] = queues.take(cart.id).flatMap((n) => n.entries.flatMap((e) => e.delta.exposures ?? []));
    const obeyed = after.campaigns.find((c) => c.id === campaign.id)!.steps[0]!.variants;
    const chosen = pickVariant(obeyed, `${id}/${campaign.id}/s/${shopperIdOf(id, "ada@example.com")}`);
    expect(logged).toMatchObject({ variantId: chosen.id, probability: chosen.probability });
    expect(logged!.probability).toBeGreaterThanOrEqual(0.05);
  });

  it("of another set of variants begin anew", async () => {
    const { id, store, campaign } = await measured({
      allocation: "thompson",
      steps: [{ id: "s", delayMinutes: 0, channel: "email", variants }],
    });
    await runDurableObjectAlarm(env.STORE.getByName(id));
    const three = variants.map((v) => ({ ...v, weight: 4 }));
    await store.updateCampaign(campaign.id, { ...campaign, steps: [{ ...campaign.steps[0]!, variants: three }] }, null);
    const weights = (await store.rules()).campaigns
      .find((c) => c.id === campaign.id)!
      .steps[0]!.variants.map((v) => v.weight);
    expect(weights).toEqual([1 / 3, 1 / 3, 1 / 3]);
  });
});

describe("law 10: what is measured has an end", () => {
  it("shoppers and purchases are forgotten after half a year, a deleted campaign's at once", async () => {
    const { id, store, campaign, counts } = await measured();
    const late = T0 + 100 * DAY_MS;
    await store.apply([
      news("a", 1, { exposures: [exposure(campaign.id, "sh_old")], purchases: [purchase("o1", "sh_old")] }),
      news("b", 1, {
        exposures: [
          exposure(campaign.id, "sh_new", { at: late }),
          exposure(campaign.id, "sh_old", { stepId: "t", at: late }),
        ],
      }),
    ]);
    const shoppers = async (): Promise<number> => (await counts()).arms.reduce((sum, a) => sum + a.shoppers, 0);
    expect(await shoppers()).toBe(2);
    setClock(T0 + 181 * DAY_MS);
    await runDurableObjectAlarm(env.STORE.getByName(id));
    expect(await shoppers()).toBe(1); // the old shopper is gone with all steps: the later one must not count as the first
    await store.deleteCampaign(campaign.id);
    expect(await store.results(campaign.id)).toEqual({ ok: false, reason: "not_found" });
  });

  it("a campaign keeps its newest shoppers up to a limit, and the purchases since the oldest of them", {
    timeout: 60_000,
  }, async () => {
    const { id, campaign, counts } = await measured();
    await runInDurableObject(env.STORE.getByName(id), (_, { storage }) => {
      storage.sql.exec(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100007)
         INSERT INTO exposures SELECT ?, 'sh_' || i, 's', ? + i, 'c', 1, iif(i <= 7, 'held_out', 'treated'), 0.5, 'a', 1, 1000 FROM n`,
        campaign.id,
        T0,
      );
      for (const at of [T0, T0 + 8, T0 + 8 * DAY_MS])
        storage.sql.exec("INSERT INTO purchases VALUES ('c', ?, 'sh_9', ?, 1, 'EUR', NULL, NULL)", `o${at}`, at);
    });
    setClock(T0 + 9 * DAY_MS);
    await runDurableObjectAlarm(env.STORE.getByName(id));
    expect((await counts()).arms).toMatchObject([{ arm: "treated", shoppers: 100_000 }]);
    const purchases = await runInDurableObject(env.STORE.getByName(id), (_, { storage }) =>
      storage.sql.exec<{ at: number }>("SELECT at FROM purchases ORDER BY at").toArray(),
    );
    expect(purchases.map(({ at }) => at - T0)).toEqual([8, 8 * DAY_MS]); // nobody who is kept can have caused the first
  });

  it("messages stay small, however much one cart has to tell of its purchases", async () => {
    const cart = await newCart();
    queues.broken = true;
    const long = (i: number): string => `o${i}`.padEnd(128, "x");
    await cart.beacon(add(T0), ...Array.from({ length: 99 }, (_, i) => ordered(T0 + i, long(i))));
    for (let i = 0; i < 40; i++) await cart.beacon(identified(T0 + 200 + i, `person-${i}@example.com`));
    queues.broken = false;
    await cart.beacon(event("page_viewed", T0 + 300), identified(T0 + 300, "last@example.com"));
    await eventually(() =>
      expect(
        queues.events
          .filter((n) => n.cartId === cart.id)
          .at(-1)
          ?.entries.at(-1)?.seq,
      ).toBe(42),
    );
    const told = queues.take(cart.id);
    for (const message of told) expect(JSON.stringify(message).length).toBeLessThan(100_000);
    expect(told.flatMap((n) => n.entries.map((e) => e.seq))).toEqual(Array.from({ length: 42 }, (_, i) => i + 1));
    await cart.store.apply(told);
    const kept = await runInDurableObject(env.STORE.getByName(cart.storeId), (_, { storage }) =>
      storage.sql.exec("SELECT shopper, count(*) AS n FROM purchases GROUP BY shopper").toArray(),
    );
    expect(kept).toEqual([{ shopper: shopperIdOf(cart.storeId, "last@example.com"), n: 99 }]);
  });
});
