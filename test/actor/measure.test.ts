/** Results of campaigns: counted once through duplicates, permutations and evictions; shadows; the estimate. */
import { applyD1Migrations, type D1Migration, evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Delta, Exposure, Purchase } from "../../shared/events/messages.ts";
import { shopperIdOf } from "../../shared/ids.ts";
import { isHeldOut } from "../../shared/measure/assign.ts";
import { resultsOf } from "../../shared/measure/results.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { send } from "../../workers/interventions/sender.ts";
import { add, identified, ordered } from "../support/cart-life.ts";
import { type Random, random } from "../support/random.ts";
import { exposure, measured, news, purchase, WINDOW_MS } from "./measure-support.ts";
import { cartOf, env, eventually, HeldQueues, setClock, T0, type TestCart } from "./support.ts";

const queues = new HeldQueues();
beforeAll(async () => {
  queues.hold();
  await applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS);
});
afterAll(() => queues.release());
beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

describe("law 1: a shopper is counted once", () => {
  /** Takes what the cart told, and gives it to the store, twice. */
  async function tell(cart: TestCart, version: number): Promise<void> {
    await eventually(() =>
      expect(queues.events.filter((n) => n.cartId === cart.id).at(-1)?.summary.version).toBe(version),
    );
    const taken = queues.take(cart.id);
    await cart.store.apply([...taken, ...taken]);
    await cart.store.apply(taken);
  }
  const version = async (cart: TestCart): Promise<number> => {
    const view = await cart.cart.view();
    return view.ok ? view.value.version : 0;
  };

  it("through two carts, duplicates and evictions; and shadows send nothing", async () => {
    const { id, store, rules, campaign, counts, evict } = await measured();
    const people = Array.from({ length: 12 }, (_, i) => `person-${i}@example.com`);
    const mailed: string[] = [];
    const mail = {
      ...env,
      EMAIL_PROVIDER: "send_email",
      EMAIL: { send: async ({ to }: { to: string }) => void mailed.push(to) },
    };
    for (const [i, email] of people.entries()) {
      for (const round of [0, 1]) {
        const cart = cartOf(id, store, rules);
        const start = T0 + round * HOUR_MS;
        setClock(start);
        await cart.beacon(add(start), identified(start, email));
        setClock(start + 31 * MINUTE_MS);
        await runDurableObjectAlarm(cart.stub);
        const [command] = queues.takeCommands(cart.id);
        const held = isHeldOut(id, campaign.id, shopperIdOf(id, email), 0.5);
        expect(await send(command!, mail as unknown as typeof env)).toBe(held ? "holdout" : "sent");
        await tell(cart, await version(cart));
        const view = await cart.cart.view();
        expect(view.ok && view.value.deliveries.map((d) => d.status)).toEqual([held ? "suppressed" : "sent"]);
        if (round === 1) {
          if (i % 4 === 0) await evictDurableObject(cart.stub);
          await cart.beacon(ordered(start + 32 * MINUTE_MS, `order-${email}`));
          await tell(cart, await version(cart));
        }
      }
      if (i % 4 === 0) await evict();
    }
    const held = people.filter((email) => isHeldOut(id, campaign.id, shopperIdOf(id, email), 0.5));
    expect(new Set(mailed)).toEqual(new Set(people.filter((email) => !held.includes(email))));
    expect(mailed).toHaveLength(2 * (people.length - held.length));
    const { arms } = resultsOf(await counts());
    expect(held.length).toBeGreaterThan(1);
    expect(arms).toMatchObject([
      { arm: "treated", shoppers: 12 - held.length, buyers: 12 - held.length, orders: 12 - held.length },
      { arm: "held_out", shoppers: held.length, buyers: held.length, attributed: { orders: 0, none: held.length } },
    ]);
    expect(arms[0]!.attributed).toMatchObject({ orders: 12 - held.length, byTouch: 12 - held.length, none: 0 });
  });
});

describe("law 2: however the news come", () => {
  /** Lives of carts as rows of their logs, shoppers shared among them. */
  function lives(dice: Random, campaignId: string): Map<string, Delta[]> {
    const carts = new Map<string, Delta[]>();
    for (let c = 0; c < 14; c++) {
      const shopperId = `sh_${dice.below(6)}`;
      const log: Delta[] = [];
      for (const stepId of ["s", "t"]) {
        if (dice.chance(0.3)) continue;
        const arm = dice.pick(["treated", "held_out"] as const);
        const at = T0 + dice.below(4) * HOUR_MS;
        log.push({
          exposures: [exposure(campaignId, shopperId, { stepId, arm, at, variantId: dice.pick(["a", "b"]) })],
        });
      }
      for (let o = dice.below(3); o > 0; o--) {
        const credit = dice.chance(0.5)
          ? { campaignId, model: dice.pick(["last_click", "last_open", "last_touch"] as const) }
          : null;
        const bought = purchase(`o${c}-${o}`, shopperId, {
          at: T0 + dice.below(30) * HOUR_MS,
          minor: dice.below(9_000),
          currency: dice.pick(["EUR", "EUR", "USD"]),
          credit,
        });
        log.push({ purchases: [bought] });
        if (dice.chance(0.3)) log.push({ purchases: [{ ...bought, minor: Math.floor(bought.minor / 2) }] });
        if (dice.chance(0.2)) log.push({ purchases: [{ ...bought, void: true }] });
      }
      carts.set(`c${String(c).padStart(2, "0")}`, log);
    }
    return carts;
  }

  /** The same figures by plain loops over what was told. */
  function recount(carts: Map<string, Delta[]>) {
    const first = new Map<string, Exposure & { cart: string }>();
    const bought = new Map<string, Purchase>();
    for (const [cart, log] of carts)
      for (const delta of log) {
        for (const e of delta.exposures ?? []) {
          const known = first.get(`${e.shopperId}/${e.stepId}`);
          if (!known || e.at < known.at || (e.at === known.at && cart < known.cart))
            first.set(`${e.shopperId}/${e.stepId}`, { ...e, cart });
        }
        for (const p of delta.purchases ?? []) {
          if (p.void) bought.delete(`${cart}/${p.orderId}`);
          else bought.set(`${cart}/${p.orderId}`, p);
        }
      }
    return [...first.values()].map((e) => {
      const mine = [...bought.values()].filter(
        (p) => p.shopperId === e.shopperId && p.at >= e.at && p.at <= e.at + e.windowMs,
      );
      const euros = mine.filter((p) => p.currency === "EUR").reduce((sum, p) => sum + p.minor, 0);
      const credited = mine.filter((p) => p.credit);
      return { ...e, orders: mine.length, euros, foreign: mine.filter((p) => p.currency !== "EUR").length, credited };
    });
  }

  it("variants and arms are a recount of what was told", async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const dice = random(seed);
      const { store, campaign, counts, evict } = await measured();
      const carts = lives(dice, campaign.id);
      const messages = [...carts].flatMap(([cartId, log]) => log.map((delta, i) => news(cartId, i + 1, delta)));
      const longest = Math.max(...[...carts.values()].map((log) => log.length));
      for (let round = 0; round < longest; round++) {
        await store.apply(dice.shuffle([...messages, dice.pick(messages)]));
        if (round === 1 && seed % 4 === 1) await evict();
      }
      const rows = recount(carts);
      const { arms, variants } = await counts();
      for (const tally of variants) {
        const mine = rows.filter(
          (r) => r.stepId === tally.step && r.variantId === tally.variant && r.arm === tally.arm,
        );
        const sum = (of: (row: (typeof rows)[number]) => number): number => mine.reduce((all, row) => all + of(row), 0);
        expect(tally, `seed ${seed}`).toMatchObject({
          shoppers: mine.length,
          buyers: mine.filter((r) => r.orders > 0).length,
          orders: sum((r) => r.orders),
          minor: sum((r) => r.euros),
          foreignOrders: sum((r) => r.foreign),
          credited: sum((r) => r.credited.length),
          clicks: sum((r) => r.credited.filter((p) => p.credit?.model === "last_click").length),
          opens: sum((r) => r.credited.filter((p) => p.credit?.model === "last_open").length),
        });
      }
      expect(variants.reduce((sum, v) => sum + v.shoppers, 0)).toBe(rows.length);
      const shoppers = [...new Set(rows.map((r) => r.shopperId))].map(
        (id) =>
          rows.filter((r) => r.shopperId === id).sort((a, b) => a.at - b.at || (a.stepId < b.stepId ? -1 : 1))[0]!,
      );
      expect(arms.reduce((sum, a) => sum + a.shoppers, 0)).toBe(shoppers.length);
      expect(arms.reduce((sum, a) => sum + a.minor, 0)).toBe(shoppers.reduce((sum, r) => sum + r.euros, 0));
      expect(arms.reduce((sum, a) => sum + a.cubes, 0)).toBe(shoppers.reduce((sum, r) => sum + r.euros ** 3, 0));
    }
  });

  it("an order that is told before the exposure it followed counts all the same", async () => {
    const { store, campaign, counts } = await measured();
    await store.apply([news("elsewhere", 1, { purchases: [purchase("o1", "sh_1", { at: T0 + 5 })] })]);
    await store.apply([news("left", 1, { exposures: [exposure(campaign.id, "sh_1")] })]);
    expect((await counts()).arms).toMatchObject([{ shoppers: 1, buyers: 1, minor: 1_000 }]);
  });

  it("what is bought before the exposure, after the window or by another does not count", async () => {
    const { store, campaign, counts } = await measured();
    const outside = [
      purchase("before", "sh_1", { at: T0 - 1 }),
      purchase("after", "sh_1", { at: T0 + WINDOW_MS + 1 }),
      purchase("other", "sh_2"),
    ];
    await store.apply([news("c", 1, { exposures: [exposure(campaign.id, "sh_1")], purchases: outside })]);
    expect((await counts()).arms).toMatchObject([{ shoppers: 1, buyers: 0, orders: 0, minor: 0, running: 1 }]);
    setClock(T0 + WINDOW_MS);
    expect((await counts()).arms).toMatchObject([{ running: 0 }]);
  });
});

describe("the estimate", () => {
  it("is given once both arms have enough, next to what the rule credits", async () => {
    const { store, campaign, counts } = await measured();
    const told = (arm: "treated" | "held_out", n: number, buyers: number): Delta => ({
      exposures: Array.from({ length: n }, (_, i) => exposure(campaign.id, `${arm}_${i}`, { arm })),
      purchases: Array.from({ length: buyers }, (_, i) =>
        purchase(`${arm}_${i}`, `${arm}_${i}`, {
          credit: arm === "treated" ? { campaignId: campaign.id, model: "last_touch" } : null,
        }),
      ),
    });
    await store.apply([news("a", 1, told("treated", 100, 30))]);
    expect(resultsOf(await counts())).toMatchObject({
      incremental: null,
      tooLittleData: expect.stringMatching(/held out/),
    });
    await store.apply([news("b", 1, told("held_out", 50, 9))]);
    expect(resultsOf(await counts())).toMatchObject({
      incremental: null,
      tooLittleData: expect.stringMatching(/10 buyers/),
    });
    await store.apply([news("b", 2, { purchases: [purchase("held_out_9", "held_out_9")] })]);
    const { arms, incremental, tooLittleData } = resultsOf(await counts());
    expect(tooLittleData).toBeNull();
    expect(incremental).toMatchObject({
      shoppers: { treated: 100, heldOut: 50 },
      conversion: { estimate: expect.closeTo(0.1, 10) },
      buyers: { estimate: expect.closeTo(10, 10) },
      revenuePerShopper: { estimate: { amount: "1.00", currency: "EUR" } },
      revenue: { estimate: { amount: "100.00", currency: "EUR" } },
    });
    expect(Number(incremental!.revenue.low.amount)).toBeLessThan(100);
    expect(arms[0]!.attributed).toMatchObject({ orders: 30, revenue: { amount: "300.00" } }); // thrice what was caused
  });
});
