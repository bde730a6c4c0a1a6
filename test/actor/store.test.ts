import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { storeStub } from "../../objects/stubs.ts";
import type { CartNews, Delta } from "../../shared/events/messages.ts";
import type { CampaignInput } from "../../shared/policy/rules.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import { add, identified } from "../support/cart-life.ts";
import {
  cartOf,
  env,
  eventually,
  failure,
  HeldQueues,
  newCart,
  newStore,
  setClock,
  settings,
  T0,
  unique,
} from "./support.ts";

const queues = new HeldQueues();
beforeAll(() => queues.hold());
afterAll(() => queues.release());
beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

const news = (cartId: string, seq: number, delta: Delta, over: Partial<CartNews["summary"]> = {}): CartNews => ({
  storeId: "ignored",
  cartId,
  incarnation: T0,
  entries: [{ seq, at: T0, delta }],
  summary: {
    version: seq,
    status: "active",
    itemCount: 1,
    totalMinor: 1_000,
    currency: "EUR",
    shopperId: "v_1",
    email: null,
    name: null,
    abandonmentRisk: 0.5,
    createdAt: T0,
    lastActivityAt: T0,
    abandonedAt: null,
    recoveredAt: null,
    wakesAt: null,
    order: null,
    ...over,
  },
  deliveries: [],
  index: true,
});

const input: CampaignInput = {
  name: "VIP",
  enabled: true,
  trigger: "cart_abandoned",
  conditions: {},
  priority: 5,
  holdout: 0,
  goal: { attributionHours: 24, attribution: "last" },
  allocation: "fixed",
  steps: [{ id: "s", delayMinutes: 0, channel: "email", variants: [{ id: "a", templateId: "default", weight: 1 }] }],
};

describe("law 1: counting", () => {
  it("the same batch twice counts once, and says what was new", async () => {
    const { store } = await newStore();
    const batch = [news("a", 1, { carts: 1, orders: 1, revenue: { EUR: 500 } }), news("b", 1, { carts: 1 })];
    expect(await store.apply(batch)).toMatchObject([
      { cartId: "a", seq: 1, from: 0, moved: { version: 1 } },
      { cartId: "b", seq: 1, from: 0 },
    ]);
    expect(await store.apply(batch)).toMatchObject([{ seq: 1, from: 1, moved: null }, { from: 1 }]);
    expect(await store.usage()).toMatchObject({ carts: 2, orders: 1 });
    expect(await store.realtime()).toMatchObject({ activeCarts: 2, purchasedRevenue: { amount: "5.00" } });
  });

  it("apply, evict, apply: counters and gauges are those of the disk", async () => {
    const { id, store } = await newStore();
    await store.apply([news("a", 1, { carts: 1 })]);
    const before = [await store.usage(), await store.realtime(), await store.rollups("day", 0, T0 + DAY_MS)];
    await evictDurableObject(env.STORE.getByName(id));
    expect([await store.usage(), await store.realtime(), await store.rollups("day", 0, T0 + DAY_MS)]).toEqual(before);
    await store.apply([news("a", 1, { carts: 1 }), news("a", 2, { abandoned: 1 }, { status: "abandoned" })]);
    expect(await store.realtime()).toMatchObject({
      activeCarts: 0,
      abandonedCarts: 1,
      revenueAtRisk: { amount: "10.00" },
    });
  });

  it("a batch that fails halfway counts for nothing, not even in memory", async () => {
    const { id, store } = await newStore();
    await runInDurableObject(env.STORE.getByName(id), (_, { storage }) => {
      storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON rollups BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    });
    expect(await failure(() => store.apply([news("a", 1, { carts: 1 })]))).toMatch(/disk full/);
    expect(await store.usage()).toMatchObject({ carts: 0 });
    expect(await store.realtime()).toMatchObject({ activeCarts: 0 });
    await runInDurableObject(env.STORE.getByName(id), (_, { storage }) => void storage.sql.exec("DROP TRIGGER full"));
    await store.apply([news("a", 1, { carts: 1 })]);
    expect(await store.usage()).toMatchObject({ carts: 1 });
  });

  it("several news of one cart in one batch are one after another", async () => {
    const { store } = await newStore();
    const applied = await store.apply([
      news("a", 2, { orders: 1 }),
      news("a", 1, { carts: 1 }),
      news("a", 2, { orders: 1 }, { status: "purchased" }),
    ]);
    expect(applied).toMatchObject([{ cartId: "a", seq: 2, from: 0 }]);
    expect(await store.usage()).toMatchObject({ carts: 1, orders: 1 });
  });

  it("rollups tell each grain, and what was refused at the door", async () => {
    const { store } = await newStore();
    await store.apply([news("a", 1, { events: { cart_viewed: 3 } })]);
    await store.countRejected(4);
    for (const grain of ["minute", "hour", "day"] as const) {
      expect(await store.rollups(grain, T0 - DAY_MS, T0 + DAY_MS)).toMatchObject([
        { delta: { events: { cart_viewed: 3 }, rejected: 4 } },
      ]);
    }
  });
});

describe("settings and campaigns", () => {
  it("a second create changes nothing", async () => {
    const { store } = await newStore({ name: "First" });
    await store.create(settings({ name: "Second" }));
    expect(await store.settings()).toMatchObject({ value: { name: "First", version: 1 } });
    expect(await store.campaigns()).toHaveLength(1);
  });

  it("a store nobody opened has no settings and no rules", async () => {
    const store = storeStub(env, unique("nobody"));
    expect(await store.settings()).toEqual({ ok: false, reason: "not_found" });
    expect(await failure(() => store.rules())).toMatch(/no such store/);
  });

  it("the gate is told the rules and the allowed origins at once; of a store nobody opened, nothing", async () => {
    const { store } = await newStore({ allowedOrigins: ["https://shop.example"] });
    expect(await store.tenant()).toEqual({
      ok: true,
      value: { rules: await store.rules(), allowedOrigins: ["https://shop.example"], overQuotaUntil: null },
    });
    expect(await storeStub(env, unique("nobody")).tenant()).toEqual({ ok: false, reason: "not_found" });
  });

  it("a store over its quota of events says until when, and forgets it neither by eviction nor too early", async () => {
    const { id, store } = await newStore();
    const quota = Number(env.STORE_EVENTS_PER_MINUTE);
    const until = async () => {
      const tenant = await storeStub(env, id).tenant();
      return tenant.ok && tenant.value.overQuotaUntil;
    };
    await store.apply([news("a", 1, { events: { page_viewed: quota - 1 } })]);
    expect(await until()).toBeNull();
    await store.apply([news("b", 1, { events: { page_viewed: quota } })]);
    expect(await until()).toBe(T0 + MINUTE_MS);
    await evictDurableObject(env.STORE.getByName(id));
    expect(await until()).toBe(T0 + MINUTE_MS);
    setClock(T0 + MINUTE_MS);
    expect(await until()).toBeNull();
  });

  it("enabled campaigns together stay small enough for every beacon to carry them", async () => {
    const { store } = await newStore();
    const big = { ...input, conditions: { name: "x".repeat(15_000) } };
    const made = [];
    for (let i = 0; i < 8; i++) made.push(await store.createCampaign(big));
    expect(made.every((m) => m.ok)).toBe(true);
    expect(await store.createCampaign(big)).toEqual({ ok: false, reason: "too_large" });
    const off = await store.createCampaign({ ...big, enabled: false });
    const id = off.ok ? off.value.id : "";
    expect(await store.updateCampaign(id, big, null)).toEqual({ ok: false, reason: "too_large" });
    const first = made[0]!.ok ? made[0]!.value.id : "";
    expect(await store.updateCampaign(first, { ...big, enabled: false }, null)).toMatchObject({ ok: true });
    expect(await store.updateCampaign(id, big, null)).toMatchObject({ ok: true });
  });

  it("a change names the version it saw: of two at once one is refused", async () => {
    const { store } = await newStore();
    const [first, second] = await Promise.all([
      store.patchSettings({ name: "A" }, 1),
      store.patchSettings({ name: "B" }, 1),
    ]);
    expect([first.ok, second.ok].sort()).toEqual([false, true]);
    expect(await store.patchSettings({ name: "C" }, null)).toMatchObject({ ok: true, value: { version: 3 } });
  });

  it("what a patch does not name stays", async () => {
    const { store } = await newStore({ abandonAfterMinutes: 7 });
    await store.patchSettings({ name: "New" }, null);
    expect(await store.settings()).toMatchObject({ value: { name: "New", abandonAfterMinutes: 7 } });
  });

  it("campaigns are versioned, ordered and outlive an eviction", async () => {
    const { id, store } = await newStore();
    const made = await store.createCampaign(input);
    const campaign = made.ok ? made.value : null;
    expect(campaign).toMatchObject({ version: 1 });
    expect(await store.updateCampaign(campaign!.id, { ...input, name: "New" }, 9)).toEqual({
      ok: false,
      reason: "version",
    });
    expect(await store.updateCampaign(campaign!.id, { ...input, name: "New" }, 1)).toMatchObject({
      value: { version: 2 },
    });
    await evictDurableObject(env.STORE.getByName(id));
    expect((await store.campaigns()).map((c) => c.name)).toEqual(["New", "Abandoned cart"]);
    expect(await store.rules()).toMatchObject({ version: 3, campaigns: [{ name: "New", version: 2 }, {}] });
    expect(await store.deleteCampaign(campaign!.id)).toMatchObject({ ok: true });
    expect(await store.deleteCampaign(campaign!.id)).toEqual({ ok: false, reason: "not_found" });
    expect(await store.updateCampaign("none", input, null)).toEqual({ ok: false, reason: "not_found" });
  });

  it("a disabled campaign is no rule", async () => {
    const { store } = await newStore();
    await store.createCampaign({ ...input, enabled: false });
    expect((await store.rules()).campaigns).toHaveLength(1);
  });

  it("law 10: campaigns have a limit", async () => {
    const { store } = await newStore();
    let last = "";
    for (let i = 0; i < 100; i++) {
      const made = await store.createCampaign(input);
      last = made.ok ? "" : made.reason;
    }
    expect(last).toBe("too_many");
  });
});

describe("the safety net", () => {
  const watch = async (id: string, at: number): Promise<void> => {
    setClock(at);
    await runDurableObjectAlarm(env.STORE.getByName(id));
  };

  it("nudges a cart whose alarm was lost", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    await eventually(() => expect(queues.events.some((n) => n.cartId === cart.id)).toBe(true));
    await cart.store.apply(queues.take(cart.id));
    await runInDurableObject(cart.stub, (_, { storage }) => storage.deleteAlarm());
    await watch(cart.storeId, T0 + 35 * MINUTE_MS);
    expect(await cart.cart.view()).toMatchObject({ value: { status: "abandoned" } });
    expect(queues.takeCommands(cart.id)).toHaveLength(1);
  });

  it("is not stopped by a cart that cannot wake", async () => {
    const broken = await newCart();
    const sound = cartOf(broken.storeId, broken.store, broken.rules);
    for (const cart of [broken, sound]) {
      await cart.beacon(add(T0), identified(T0));
      await eventually(() => expect(queues.events.some((n) => n.cartId === cart.id)).toBe(true));
      await cart.store.apply(queues.take(cart.id));
      await runInDurableObject(cart.stub, (_, { storage }) => storage.deleteAlarm());
    }
    await runInDurableObject(broken.stub, (_, { storage }) => void storage.sql.exec("UPDATE log SET entry = 'torn'"));
    await evictDurableObject(broken.stub);
    await watch(broken.storeId, T0 + 35 * MINUTE_MS);
    expect(await sound.cart.view()).toMatchObject({ value: { status: "abandoned" } });
    const next = await runInDurableObject(env.STORE.getByName(broken.storeId), (_, { storage }) =>
      storage.sql.exec<{ due: number; tries: number }>("SELECT due, tries FROM timers WHERE key = 'watch'").one(),
    );
    expect(next).toEqual({ due: T0 + 40 * MINUTE_MS, tries: 0 });
  });

  it("the watch goes on for ever, whatever the clock did", async () => {
    const { id } = await newStore();
    await watch(id, T0 + 5 * MINUTE_MS);
    await watch(id, T0 + 9 * DAY_MS);
    const alarm = await runInDurableObject(env.STORE.getByName(id), (_, { storage }) => storage.getAlarm());
    expect(alarm).toBe(T0 + 9 * DAY_MS + 5 * MINUTE_MS);
  });
});
