import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { add, event, identified, ordered, SENT } from "../support/cart-life.ts";
import { env, failure, HeldQueues, newCart, rowsOf, setClock, T0, type TestCart } from "./support.ts";

const queues = new HeldQueues();
const { STORE } = env;
beforeAll(() => queues.hold());
afterAll(() => queues.release());
beforeEach(() => setClock(T0));
afterEach(() => {
  env.STORE = STORE;
  queues.broken = false;
  vi.useRealTimers();
});

const LEFT = T0 + 31 * MINUTE_MS;

/** A cart with an address, left and woken; returns the hand-over. */
async function left(cart: TestCart): Promise<string> {
  await cart.beacon(add(T0), identified(T0));
  setClock(LEFT);
  await runDurableObjectAlarm(cart.stub);
  const [command] = queues.takeCommands(cart.id);
  if (!command) throw new Error("nothing was handed over");
  return command.effectId;
}

const statusOf = async ({ cart }: TestCart): Promise<string> => {
  const view = await cart.view();
  return view.ok ? view.value.status : view.reason;
};

describe("law 7: time is durable", () => {
  it("an idle cart wakes, counts as abandoned and hands its message over, once", async () => {
    const cart = await newCart();
    await left(cart);
    expect(await statusOf(cart)).toBe("abandoned");
    await cart.cart.nudge();
    await cart.cart.nudge();
    expect(queues.takeCommands(cart.id)).toEqual([]);
  });

  it("a wake that comes a week late does what was due", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    await evictDurableObject(cart.stub);
    setClock(T0 + 7 * DAY_MS);
    await runDurableObjectAlarm(cart.stub);
    expect(await statusOf(cart)).toBe("abandoned");
  });

  it("what the sender's queue lost is handed over again", async () => {
    const cart = await newCart();
    const effect = await left(cart);
    await evictDurableObject(cart.stub);
    setClock(LEFT + MINUTE_MS);
    await runDurableObjectAlarm(cart.stub);
    expect(queues.takeCommands(cart.id)).toMatchObject([{ effectId: effect, storeId: cart.storeId }]);
  });

  it("the handler never throws: an unreachable store delays nothing", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    env.STORE = {
      getByName: () => {
        throw new Error("the store is unreachable");
      },
    } as unknown as typeof STORE;
    setClock(LEFT);
    expect(await failure(() => runDurableObjectAlarm(cart.stub))).toBe("");
    expect(await statusOf(cart)).toBe("abandoned");
    const { alarm } = await rowsOf(cart.stub);
    expect(alarm).toBeGreaterThan(LEFT);
  });

  it("the handler never throws: a full disk is tried again", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    await runInDurableObject(cart.stub, (_, { storage }) => {
      storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON log BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    });
    setClock(LEFT);
    expect(await failure(() => runDurableObjectAlarm(cart.stub))).toBe("");
    expect(await statusOf(cart)).toBe("active");
    await runInDurableObject(cart.stub, (_, { storage }) => void storage.sql.exec("DROP TRIGGER full"));
    expect((await rowsOf(cart.stub)).alarm).not.toBeNull();
    setClock(LEFT + MINUTE_MS);
    await runDurableObjectAlarm(cart.stub);
    expect(await statusOf(cart)).toBe("abandoned");
  });

  it("obeys the rules of today, not those of the last beacon", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    const [campaign] = await cart.store.campaigns();
    await cart.store.deleteCampaign(campaign!.id);
    setClock(LEFT);
    await runDurableObjectAlarm(cart.stub);
    expect(await statusOf(cart)).toBe("abandoned");
    expect(queues.takeCommands(cart.id)).toEqual([]);
  });
});

describe("laws 3, 4 and 5: claims", () => {
  it("of many senders at once one gets the claim", async () => {
    const cart = await newCart();
    const effect = await left(cart);
    const claims = await Promise.all(Array.from({ length: 8 }, () => cart.cart.claim(effect, "outbox", false)));
    expect(claims.filter((c) => c.ok)).toHaveLength(1);
  });

  it("no claim succeeds after an acknowledged order", async () => {
    const cart = await newCart();
    const effect = await left(cart);
    const [, claim] = await Promise.all([cart.beacon(ordered(LEFT)), cart.cart.claim(effect, "outbox", false)]);
    expect(claim.ok).toBe(false);
    expect(await statusOf(cart)).toBe("purchased");
  });

  it("claim, evict, settle: the claim outlives the memory that gave it", async () => {
    const cart = await newCart();
    const effect = await left(cart);
    expect((await cart.cart.claim(effect, "outbox", false)).ok).toBe(true);
    await evictDurableObject(cart.stub);
    expect(await cart.cart.claim(effect, "outbox", false)).toEqual({ ok: false, reason: "already_claimed" });
    expect(await cart.cart.settle(effect, SENT)).toEqual({ ok: true, value: "sent" });
    await evictDurableObject(cart.stub);
    expect(await cart.cart.settle(effect, SENT)).toEqual({ ok: false, reason: "already_sent" });
  });

  it("claim, order, settle is raced, and shown", async () => {
    const cart = await newCart();
    const effect = await left(cart);
    await cart.cart.claim(effect, "outbox", false);
    await cart.beacon(ordered(LEFT));
    await evictDurableObject(cart.stub);
    expect(await cart.cart.settle(effect, SENT)).toEqual({ ok: true, value: "raced" });
    expect(await cart.cart.view()).toMatchObject({ value: { deliveries: [{ status: "raced" }] } });
  });

  it("hands out the cart as it is at the claim", async () => {
    const cart = await newCart();
    const effect = await left(cart);
    expect(await cart.cart.prospect(effect)).toMatchObject({ ok: true, value: { email: "ada@example.com" } });
    await cart.beacon(event("page_viewed", LEFT, { locale: "de" }));
    expect(await cart.cart.claim(effect, "outbox", false)).toMatchObject({
      ok: true,
      value: { totalMinor: 1_250, locale: "de", generation: 1, items: [{ productId: "mug" }] },
    });
  });

  it("a hold, a report and a revocation outlive an eviction", async () => {
    const cart = await newCart();
    const effect = await left(cart);
    await cart.cart.hold(effect, "quiet_hours", LEFT + HOUR_MS);
    await evictDurableObject(cart.stub);
    expect(await cart.cart.claim(effect, "outbox", false)).toEqual({ ok: false, reason: "not_due" });
    setClock(LEFT + HOUR_MS);
    await cart.cart.claim(effect, "outbox", false);
    await cart.cart.settle(effect, SENT);
    const view = await cart.cart.view();
    const delivery = view.ok ? view.value.deliveries[0]!.id : "";
    expect(await cart.cart.report(delivery, "opened")).toEqual({ ok: true, value: null });
    await evictDurableObject(cart.stub);
    expect(await cart.cart.report(delivery, "delivered")).toEqual({ ok: false, reason: "no_change" });
    expect((await cart.cart.restore(1, LEFT)).ok).toBe(true);
    await cart.cart.revokeLinks();
    await evictDurableObject(cart.stub);
    expect(await cart.cart.restore(1, LEFT)).toEqual({ ok: false, reason: "revoked" });
  });

  it("a link restores exactly the generation it was sent for", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0));
    expect(await cart.cart.restore(1, T0)).toMatchObject({ ok: true, value: { items: [{ productId: "mug" }] } });
    await cart.beacon(ordered(T0));
    expect(await cart.cart.restore(1, T0)).toEqual({ ok: false, reason: "closed" });
    setClock(T0 + 1);
    await cart.beacon(add(T0 + 1));
    expect(await cart.cart.restore(1, T0)).toEqual({ ok: false, reason: "closed" });
    expect((await cart.cart.restore(2, T0 + 1)).ok).toBe(true);
  });
});

describe("law 8: decisions are pure", () => {
  it("the log run again explains a whole life, before and after an eviction", async () => {
    const cart = await newCart();
    const effect = await left(cart);
    await cart.cart.claim(effect, "outbox", false);
    await cart.cart.settle(effect, SENT);
    setClock(LEFT + HOUR_MS);
    await cart.beacon(ordered(LEFT + HOUR_MS));
    for (const again of [false, true]) {
      if (again) await evictDurableObject(cart.stub);
      const told = await cart.cart.explain();
      expect(told).toMatchObject({ ok: true, value: { consistent: true, cart: { status: "recovered" } } });
      const earlier = await cart.cart.explain(LEFT);
      expect(earlier).toMatchObject({ value: { cart: { status: "recovering" } } });
    }
  });
});
