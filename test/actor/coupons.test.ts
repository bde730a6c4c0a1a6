/** Coupons of a store: one a question, never more than the budget, redeemed by orders, forgotten without freeing budget. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { storeStub } from "../../objects/stubs.ts";
import type { CouponAsk, Purchase } from "../../shared/events/messages.ts";
import { type Campaign, type CampaignInput, type Coupon, campaignSchema } from "../../shared/policy/rules.ts";
import { DAY_MS, HOUR_MS } from "../../shared/time.ts";
import { news, purchase } from "./measure-support.ts";
import { env, newStore, setClock, T0 } from "./support.ts";

beforeEach(() => setClock(T0));
afterAll(() => void vi.useRealTimers());

const coupon = (over: Partial<Coupon> = {}): Coupon => ({
  kind: "percent",
  amount: 10,
  expiresHours: 72,
  budget: 5,
  ...over,
});
const input = (given: Coupon, over: Partial<CampaignInput> = {}): CampaignInput =>
  campaignSchema.parse({ name: "C", steps: [{ id: "s", coupon: given }], ...over });

async function giving(given = coupon()) {
  const made = await newStore();
  const created = await made.store.createCampaign(input(given));
  if (!created.ok) throw new Error(created.reason);
  const campaign: Campaign = created.value;
  const ask = (cartId: string, over: Partial<CouponAsk> = {}): CouponAsk => {
    return { campaignId: campaign.id, stepId: "s", cartId, generation: 1, shopperId: "sh_1", coupon: given, ...over };
  };
  const store = () => storeStub(env, made.id);
  const issue = (cartId: string, over: Partial<CouponAsk> = {}) => store().issueCoupon(ask(cartId, over));
  const code = async (cartId: string, over: Partial<CouponAsk> = {}): Promise<string> => {
    const issued = await issue(cartId, over);
    return issued.ok ? issued.value.code : issued.reason;
  };
  const figures = async () => {
    const found = await store().couponFigures(campaign.id);
    return found.ok ? found.value[0] : null;
  };
  const evict = () => evictDurableObject(env.STORE.getByName(made.id));
  const trim = async (now: number) => {
    setClock(now);
    await runDurableObjectAlarm(env.STORE.getByName(made.id));
  };
  return { ...made, store, campaign, issue, code, figures, evict, trim };
}

async function pooled(codes: string[], budget = 100) {
  const made = await newStore();
  const pool = await made.store.createCouponPool("P");
  const poolId = pool.ok ? pool.value.id : "";
  await made.store.addPoolCodes(poolId, codes);
  const given = coupon({ kind: "pool", poolId, budget });
  const created = await made.store.createCampaign(input(given));
  if (!created.ok) throw new Error(created.reason);
  const { id: campaignId } = created.value;
  const store = () => storeStub(env, made.id);
  const code = async (cartId: string): Promise<string> => {
    const ask = { campaignId, stepId: "s", cartId, generation: 1, shopperId: "sh_1", coupon: given };
    const issued = await store().issueCoupon(ask);
    return issued.ok ? issued.value.code : issued.reason;
  };
  return { ...made, store, poolId, campaign: created.value, given, code };
}

const counts = (all: string[]) => ({
  codes: new Set(all.filter((c) => /^[A-Z2-9]{12}$/.test(c))).size,
  all: all.length,
});

describe("a coupon", () => {
  it("is the same however often it is asked for, at once, later, after an eviction and when it is over", async () => {
    const { issue, evict } = await giving();
    const first = await Promise.all(Array.from({ length: 10 }, () => issue("a")));
    expect(new Set(first.map((r) => JSON.stringify(r))).size).toBe(1);
    expect(first[0]).toEqual({
      ok: true,
      value: {
        code: expect.stringMatching(/^[A-HJ-NP-Z2-9]{12}$/),
        kind: "percent",
        amount: 10,
        expiresAt: T0 + 72 * HOUR_MS,
      },
    });
    await evict();
    setClock(T0 + 30 * DAY_MS);
    expect(await issue("a")).toEqual(first[0]);
  });

  it("is another one for another cart, generation or step", async () => {
    const { code } = await giving();
    const all = [
      await code("a"),
      await code("b"),
      await code("a", { generation: 2 }),
      await code("a", { stepId: "t" }),
    ];
    expect(counts(all)).toEqual({ codes: 4, all: 4 });
  });

  it("law: no concurrency exceeds the budget, nor an eviction in the middle", async () => {
    const { code, evict, figures } = await giving(coupon({ budget: 40 }));
    const ask = (from: number) => Promise.all(Array.from({ length: 100 }, (_, i) => code(`c${(from + i) % 60}`)));
    const first = await ask(0);
    await evict();
    const second = await ask(30);
    const given = new Set([...first, ...second].filter((c) => c !== "budget_spent"));
    expect(given.size).toBe(40);
    expect(await figures()).toEqual({ stepId: "s", budget: 40, issued: 40, redeemed: 0, expired: 0, left: 0 });
    expect(await code("c59")).toBe("budget_spent");
    expect(await code("c0")).toBe(first[0]);
  });

  it("obeys the budget as it is now; a campaign that is gone gives nothing new", async () => {
    const { code, store, campaign } = await giving(coupon({ budget: 5 }));
    const kept = await code("a");
    await store().updateCampaign(campaign.id, input(coupon({ budget: 1 })), null);
    expect(await code("b")).toBe("budget_spent");
    await store().updateCampaign(campaign.id, input(coupon({ budget: 2 })), null);
    expect(await code("b")).toMatch(/^[A-Z2-9]{12}$/);
    await store().deleteCampaign(campaign.id);
    expect([await code("a"), await code("c")]).toEqual([kept, "no_campaign"]);
  });

  it("writes three rows, and none when it is known", async () => {
    const generated = await giving();
    const { store, code, id } = await pooled(["AAA", "BBB", "CCC"]);
    const rows = async (storeId: string, work: () => Promise<unknown>): Promise<number> => {
      let written = 0;
      const restore = await runInDurableObject(env.STORE.getByName(storeId), (_, { storage: { sql } }) => {
        const { exec } = sql;
        sql.exec = ((...args: Parameters<typeof exec>) => {
          const cursor = exec.apply(sql, args);
          written += cursor.rowsWritten;
          return cursor;
        }) as typeof exec;
        return () => {
          sql.exec = exec;
        };
      });
      await work();
      await runInDurableObject(env.STORE.getByName(storeId), () => restore());
      return written;
    };
    const [fresh, again] = [
      await rows(generated.id, () => generated.code("x")),
      await rows(generated.id, () => generated.code("x")),
    ];
    const taken = await rows(id, () => code("x"));
    process.stdout.write(
      `coupons: rows written for a generated one ${fresh}, from a pool ${taken}, asked again ${again}\n`,
    );
    expect([fresh, again, taken]).toEqual([3, 0, 3]);
    expect(await store().couponPools()).toMatchObject([{ added: 3, taken: 1, left: 2 }]);
  });
});

describe("a pool", () => {
  it("gives its codes in their order, each once, until it is empty", async () => {
    const { code, store, poolId } = await pooled(["Alpha", "BETA"]);
    const given = [...new Set(await Promise.all(["a", "b", "a", "c"].map(code)))];
    expect(given).toEqual(["Alpha", "BETA", "pool_empty"]);
    expect(await store().addPoolCodes(poolId, ["GAMMA", "gamma", "alpha"])).toEqual({
      ok: true,
      value: { added: 1, duplicates: 2 },
    });
    expect(await code("c")).toBe("GAMMA");
  });

  it("obeys the budget of the step too", async () => {
    const { code } = await pooled(["AAA", "BBB", "CCC"], 2);
    expect([await code("a"), await code("b"), await code("c")]).toEqual(["AAA", "BBB", "budget_spent"]);
  });

  it("that a campaign draws from must exist, and stays while the campaign is enabled", async () => {
    const { store, poolId, campaign, given, code } = await pooled(["AAA", "BBB"]);
    const unknown = { ...given, poolId: "none" };
    const steps = [{ id: "r" }, { id: "s", coupon: unknown }];
    const wrong = campaignSchema.parse({ name: "C", steps });
    expect(await store().createCampaign(wrong)).toEqual({ ok: false, reason: "no_pool:1" });
    expect(await store().updateCampaign(campaign.id, wrong, null)).toEqual({ ok: false, reason: "no_pool:1" });
    await code("a");
    expect(await store().deleteCouponPool(poolId)).toEqual({ ok: false, reason: "in_use" });
    await store().updateCampaign(campaign.id, input(given, { enabled: false }), null);
    expect(await store().deleteCouponPool(poolId)).toEqual({ ok: true, value: null });
    expect(await store().updateCampaign(campaign.id, input(given), null)).toEqual({ ok: false, reason: "no_pool:0" });
    expect([await code("a"), await code("b")]).toEqual(["AAA", "pool_empty"]);
    // What was given out may not come again; what was not may.
    const other = await store().createCouponPool("Q");
    const added = await store().addPoolCodes(other.ok ? other.value.id : "", ["aaa", "bbb"]);
    expect(added).toEqual({ ok: true, value: { added: 1, duplicates: 1 } });
  });

  it("holds 200,000 codes, and of a call that is too much none", async () => {
    const { store, poolId } = await pooled([]);
    const call = (n: number, size = 20_000) => Array.from({ length: size }, (_, i) => `CODE-${n}-${i}`);
    for (let n = 0; n < 10; n++) expect((await store().addPoolCodes(poolId, call(n))).ok).toBe(true);
    expect(await store().addPoolCodes(poolId, call(10, 1))).toEqual({ ok: false, reason: "pool_full" });
    expect(await store().addPoolCodes(poolId, call(3))).toEqual({ ok: true, value: { added: 0, duplicates: 20_000 } });
    expect(await store().couponPools()).toMatchObject([{ added: 200_000, taken: 0 }]);
  });
});

describe("redemption", () => {
  const told = async (g: Awaited<ReturnType<typeof giving>>, seq: number, over: Partial<Purchase>, cart = "a") =>
    g.store().apply([news(cart, seq, { purchases: [purchase("o1", "sh_1", over)] })]);
  const redeemed = async (g: Awaited<ReturnType<typeof giving>>) =>
    (await g.store().coupons({ limit: 10 })).map(({ cartId, orderId, redeemedAt }) => [cartId, orderId, redeemedAt]);

  it("comes with the order, in any case, once, and goes when the order is void", async () => {
    const g = await giving();
    const code = await g.code("a");
    await told(g, 1, { coupons: ["SOMETHING", code.toLowerCase(), code] });
    const at = T0 + HOUR_MS;
    expect(await redeemed(g)).toEqual([["a", "o1", at]]);
    await told(g, 1, { coupons: [code] }); // the same news again
    await told(g, 2, { coupons: [code], minor: 500 }); // a refund
    expect(await redeemed(g)).toEqual([["a", "o1", at]]);
    expect(await g.figures()).toMatchObject({ issued: 1, redeemed: 1, expired: 0 });
    await g.evict();
    await told(g, 3, { coupons: [code], void: true });
    expect(await redeemed(g)).toEqual([["a", null, null]]);
    await told(g, 4, { coupons: [code] });
    expect(await redeemed(g)).toEqual([["a", "o1", at]]);
    await told(g, 5, { coupons: [] }); // the last word on an order stays
    expect(await redeemed(g)).toEqual([["a", null, null]]);
  });

  it("by two orders is by the first of them, whichever is told first, and by the other when that is void", async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const g = await giving();
      const code = await g.code("a");
      const tell = [
        () => told(g, 1, { coupons: [code], at: T0 + 1, orderId: "early" }, "a"),
        () => told(g, 1, { coupons: [code], at: T0 + 2, orderId: "late" }, "b"),
      ];
      for (const i of order) await tell[i]!();
      expect(await redeemed(g)).toEqual([["a", "early", T0 + 1]]);
      await told(g, 2, { orderId: "early", void: true }, "a");
      expect(await redeemed(g)).toEqual([["a", "late", T0 + 2]]);
    }
  });

  it("of a code of a pool", async () => {
    const g = await pooled(["Alpha", "BETA"]);
    await g.code("a");
    // BETA was not given out: it is not ours to count.
    await g.store().apply([news("a", 1, { purchases: [purchase("o1", "sh_1", { coupons: ["ALPHA", "beta"] })] })]);
    expect(await g.store().coupons({ limit: 10 })).toMatchObject([{ code: "Alpha", orderId: "o1" }]);
  });
});

describe("the list", () => {
  it("is filtered and paged, the newest of a step first", async () => {
    const g = await giving();
    const codes = [await g.code("a"), await g.code("b"), await g.code("c")];
    const list = async (query: object) => (await g.store().coupons({ limit: 10, ...query })).map((c) => c.cartId);
    expect(await list({})).toEqual(["c", "b", "a"]);
    expect(await list({ limit: 1 })).toEqual(["c", "b"]); // one more says that there are more
    expect(await list({ after: [g.campaign.id, "s", 3] })).toEqual(["b", "a"]);
    expect(await list({ cartId: "b" })).toEqual(["b"]);
    expect(await list({ code: codes[0]!.toLowerCase() })).toEqual(["a"]);
    expect([await list({ campaignId: "other" }), await list({ code: "none" })]).toEqual([[], []]);
    await g.store().apply([news("a", 1, { purchases: [purchase("o1", "sh_1", { coupons: [codes[0]!] })] })]);
    expect([await list({ status: "redeemed" }), await list({ status: "issued" })]).toEqual([["a"], ["c", "b"]]);
    setClock(T0 + 73 * HOUR_MS);
    expect([await list({ status: "expired" }), await list({ status: "issued" })]).toEqual([["c", "b"], []]);
  });
});

describe("law 10: coupons are forgotten", () => {
  it("90 days after they expired; budget and figures stay", async () => {
    const g = await giving(coupon({ budget: 4 }));
    const code = await g.code("a");
    await g.code("b");
    await g.code("c");
    await g.store().apply([news("a", 1, { purchases: [purchase("o1", "sh_1", { coupons: [code] })] })]);
    const before = { stepId: "s", budget: 4, issued: 3, redeemed: 1, expired: 2, left: 1 };
    await g.trim(T0 + 92 * DAY_MS);
    expect([await g.figures(), (await g.store().coupons({ limit: 9 })).length]).toEqual([before, 3]);
    await g.trim(T0 + 94 * DAY_MS);
    expect([await g.figures(), (await g.store().coupons({ limit: 9 })).length]).toEqual([before, 1]);
    await g.evict();
    expect([await g.code("d"), await g.code("e")]).toEqual([expect.stringMatching(/^\w{12}$/), "budget_spent"]);
    await g.trim(T0 + 200 * DAY_MS);
    expect(await g.figures()).toEqual({ ...before, issued: 4, expired: 3, left: 0 });
    await g.store().deleteCampaign(g.campaign.id);
    await g.trim(T0 + 201 * DAY_MS);
    expect(await g.store().coupons({ limit: 9 })).toEqual([]);
  });

  it("and a pool does not give a code again", async () => {
    const g = await pooled(["AAA", "BBB", "CCC"]);
    expect([await g.code("a"), await g.code("b")]).toEqual(["AAA", "BBB"]);
    setClock(T0 + 94 * DAY_MS);
    await runDurableObjectAlarm(env.STORE.getByName(g.id));
    expect(await g.code("c")).toBe("CCC");
    expect(await g.store().addPoolCodes(g.poolId, ["aaa"])).toMatchObject({ value: { added: 0 } });
  });
});
