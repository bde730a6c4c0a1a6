/** A cart and its model: whose past it asks for, which weights score it, what it keeps of that, and what it teaches. */
import {
  applyD1Migrations,
  createMessageBatch,
  type D1Migration,
  evictDurableObject,
  runInDurableObject,
} from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { shopperStub } from "../../objects/stubs.ts";
import type { CartNews } from "../../shared/events/messages.ts";
import { shopperIdOf, visitorShopperId } from "../../shared/ids.ts";
import { encodeModel } from "../../shared/model/codec.ts";
import { FEATURE_NAMES, FEATURES } from "../../shared/model/features.ts";
import { MODEL_FORMAT, type Model } from "../../shared/model/model.ts";
import { artefactKey } from "../../shared/model/rollout.ts";
import { NO_SERVING, PRIOR_VERSION } from "../../shared/model/serving.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import { consumeEvents } from "../../workers/ingest/consumer.ts";
import { add, event, identified, ordered } from "../support/cart-life.ts";
import { env, HeldQueues, newCart, rowsOf, setClock, T0, type TestCart, unique, writesDuring } from "./support.ts";

const queues = new HeldQueues();
beforeAll(async () => {
  await applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS);
  queues.hold();
  setClock(T0);
});
afterAll(() => {
  queues.release();
  vi.useRealTimers();
});

/** Always the same probability, and one reason: a weight on the number of additions. */
const constant = (logit: number): Model => ({
  format: MODEL_FORMAT,
  algorithm: "logistic",
  features: ["adds"],
  base: logit,
  forest: null,
  forestWeight: 0,
  linear: { intercept: 0, weight: [0.5], mean: [1], scale: [1] },
  linearWeight: 1,
  calibration: { kind: "none" },
});

async function stored(cart: TestCart, version: string, logit: number): Promise<void> {
  await env.ARTEFACTS.put(artefactKey(cart.storeId, version), encodeModel(constant(logit)));
}

async function serving(cart: TestCart, production: string | null): Promise<TestCart["rules"]> {
  const { version } = await cart.store.serving();
  expect((await cart.store.serve({ ...NO_SERVING, production }, version)).ok).toBe(true);
  return cart.store.rules();
}

/** Beacons do not wait for the shopper or the bucket: this does. */
const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 300));

async function consume(news: CartNews[]): Promise<void> {
  const messages = news.map((body, i) => ({ id: `${i}`, timestamp: new Date(T0), attempts: 1, body }));
  await consumeEvents(createMessageBatch<CartNews>("events", messages), env);
}

interface ExampleRow {
  moment: string;
  label: number;
  features: string;
  probability: number;
  model: string;
  shopper: number;
  closed_at: number;
}
const examples = async ({ storeId, id }: TestCart): Promise<ExampleRow[]> => {
  const query = env.DB.prepare("SELECT * FROM training_moments WHERE store_id = ? AND cart_id = ? ORDER BY at, moment");
  return (await query.bind(storeId, id).all<ExampleRow>()).results;
};

describe("the store's own model", () => {
  it("scores the cart once its weights are here; until then the prior does, and no beacon waits", async () => {
    const cart = await newCart();
    const version = unique("m");
    await stored(cart, version, 2);
    const rules = await serving(cart, version);
    await cart.cart.beacon([add(T0)], rules);
    await settled();
    await cart.cart.beacon([add(T0 + 1)], rules);
    const [first, second] = queues.take(cart.id);
    expect(first?.summary.abandonmentRisk).not.toBeCloseTo(1 - 1 / (1 + Math.exp(-2)), 3);
    expect(second?.summary.abandonmentRisk).toBeCloseTo(1 - 1 / (1 + Math.exp(-2.5)), 3);
    const view = await cart.cart.view();
    expect(view.ok && view.value.prediction.model).toBe(version);
    const other = await cart.cart.prediction();
    expect(other.ok && other.value.purchaseProbability).toBeCloseTo(1 / (1 + Math.exp(-2.5)), 3);
  });

  it("what was predicted stays what it was: explained from the log, whatever serves by now", async () => {
    const cart = await newCart();
    const version = unique("m");
    await stored(cart, version, -2);
    const rules = await serving(cart, version);
    await cart.cart.view();
    await cart.cart.beacon([add(T0)], rules);
    await settled();
    await cart.cart.beacon([add(T0 + 1)], rules);
    const without = await serving(cart, null);
    await cart.cart.beacon([event("cart_viewed", T0 + 2)], without);
    await evictDurableObject(cart.stub);
    const explained = await cart.cart.explain();
    expect(explained.ok && explained.value.consistent).toBe(true);
    const models = explained.ok ? explained.value.decisions.map(({ prediction }) => prediction?.model) : [];
    expect(models).toEqual([PRIOR_VERSION, version, PRIOR_VERSION]);
    const now = await cart.cart.view();
    expect(now.ok && now.value.prediction.model).toBe(PRIOR_VERSION);
    const asked = await cart.cart.prediction(version);
    expect(asked.ok && asked.value.model).toBe(version);
  });

  it("a version whose weights are gone or no model leaves the prior in charge", async () => {
    const cart = await newCart();
    const broken = unique("m");
    await env.ARTEFACTS.put(artefactKey(cart.storeId, broken), "not a model");
    for (const version of [unique("gone"), broken]) {
      const rules = await serving(cart, version);
      await cart.cart.beacon([add(T0)], rules);
      await settled();
      const view = await cart.cart.view();
      expect(view.ok && view.value.prediction.model).toBe(PRIOR_VERSION);
    }
  });

  it("is another store's nowhere", async () => {
    const [one, other] = [await newCart(), await newCart()];
    const version = unique("m");
    await stored(one, version, 3);
    const rules = await serving(other, version);
    await other.cart.beacon([add(T0)], rules);
    await settled();
    const view = await other.cart.view();
    expect(view.ok && view.value.prediction.model).toBe(PRIOR_VERSION);
  });
});

describe("what an eviction and a long log leave of it", () => {
  it("the last prediction stays, also when the row that held it was compacted away", async () => {
    const cart = await newCart();
    const version = unique("m");
    await stored(cart, version, 2);
    const rules = await serving(cart, version);
    await cart.cart.beacon([event("page_viewed", T0)], rules);
    await cart.cart.view();
    await cart.cart.beacon([add(T0)], rules);
    const risk = queues.take(cart.id).at(-1)!.summary.abandonmentRisk;
    expect(risk).toBeCloseTo(1 - 1 / (1 + Math.exp(-2)), 3);
    // Rows of commands alone, until none with an event is left.
    for (let i = 0; i < 400; i++) await cart.cart.revokeLinks();
    await cart.store.apply(queues.take(cart.id));
    await cart.cart.nudge();
    const { log, snapshots } = await rowsOf(cart.stub);
    expect([log < 200, snapshots]).toEqual([true, 1]);
    await evictDurableObject(cart.stub);
    await cart.cart.revokeLinks();
    expect(queues.take(cart.id).at(-1)!.summary.abandonmentRisk).toBe(risk);
  });

  it("a cart that was forgotten and begun anew asks for its shopper's past again", async () => {
    const cart = await newCart({ expireAfterDays: 1, retentionDays: 1 });
    const visitorId = unique("v");
    const shopper = shopperStub(env, cart.storeId, visitorShopperId(visitorId));
    await cart.beacon(add(T0, { visitorId }));
    await settled();
    for (const days of [2, 4, 6]) {
      await cart.store.apply(queues.take(cart.id));
      setClock(T0 + days * DAY_MS);
      await cart.cart.nudge();
    }
    expect((await cart.cart.view()).ok).toBe(false);
    await shopper.ended({ cartId: "other", part: "1/1", at: T0, bought: true, adds: 1 }, "bought");
    const now = T0 + 7 * DAY_MS;
    setClock(now);
    await cart.beacon(add(now, { visitorId }));
    await settled();
    await cart.beacon(event("cart_viewed", now + 1), ordered(now + 2));
    await cart.beacon(event("page_viewed", now + 3));
    setClock(T0);
    queues.take(cart.id);
    const { history } = await shopper.past(cart.id);
    expect(history.purchases).toBe(1);
    const logged = await runInDurableObject(cart.stub, (_, { storage }) =>
      storage.sql.exec<{ entry: string }>("SELECT entry FROM log WHERE seq > 0 ORDER BY seq").toArray(),
    );
    expect(logged.some(({ entry }) => JSON.parse(entry).history?.purchases === 1)).toBe(true);
  });
});

describe("the shopper's past", () => {
  it("is asked for once something is in the cart, costs no row, and is in the log from the next beacon on", async () => {
    const cart = await newCart();
    const visitorId = unique("v");
    const shopper = shopperStub(env, cart.storeId, visitorShopperId(visitorId));
    await shopper.ended({ cartId: "earlier", part: "1/1", at: T0 - DAY_MS, bought: true, adds: 3 }, "bought");
    await cart.beacon(add(T0, { visitorId }));
    await settled();
    const writes = await writesDuring(cart.stub, () => cart.beacon(event("cart_viewed", T0 + 1)));
    expect(writes.rows).toBe(1);
    await cart.beacon(event("cart_viewed", T0 + 2));
    await evictDurableObject(cart.stub);
    await cart.beacon(ordered(T0 + MINUTE_MS));
    const [news] = queues.take(cart.id).filter(({ endings }) => endings);
    const vectors = news!.endings![0]!.examples.map(
      (example) => example.features[FEATURE_NAMES.indexOf("priorPurchases")],
    );
    expect(vectors).toContain(null);
    expect(vectors).toContain(1);
  });

  it("is that of whoever the shopper turns out to be", async () => {
    const cart = await newCart();
    const known = shopperIdOf(cart.storeId, "ada@example.com");
    await shopperStub(env, cart.storeId, known).ended(
      { cartId: "earlier", part: "1/1", at: T0 - DAY_MS, bought: false, adds: 1 },
      "left",
    );
    await cart.beacon(add(T0, { visitorId: unique("v") }));
    await settled();
    await cart.beacon(identified(T0 + 1));
    await settled();
    await cart.beacon(event("cart_viewed", T0 + 2));
    await cart.beacon(ordered(T0 + 3));
    const ending = queues.take(cart.id).flatMap(({ endings }) => endings ?? [])[0]!;
    const column = FEATURE_NAMES.indexOf("priorCarts");
    expect(ending.shopperId).toBe(known);
    expect(ending.examples.at(-1)?.features[column]).toBe(1);
  });

  it("moves with the visitor to who they are", async () => {
    const { storeId } = await newCart();
    const visitor = visitorShopperId(unique("v"));
    const known = shopperIdOf(storeId, `${unique("a")}@example.com`);
    const outcome = { cartId: "c", part: "1/1", at: T0 - DAY_MS, bought: true, adds: 1 };
    await shopperStub(env, storeId, visitor).ended(outcome, "bought");
    expect(await shopperStub(env, storeId, visitor).mergeInto(known)).toEqual({ ok: true, value: "moved" });
    const { history } = await shopperStub(env, storeId, known).past("other");
    expect([history.carts, history.purchases]).toEqual([1, 1]);
    await shopperStub(env, storeId, visitor).ended({ ...outcome, cartId: "d" }, "bought");
    expect((await shopperStub(env, storeId, visitor).past("other")).history).toMatchObject({
      shopperId: known,
      purchases: 2,
    });
  });
});

describe("what a cart teaches", () => {
  it("its end is written as examples, once, however often it is told; and its shopper remembers it", async () => {
    const cart = await newCart();
    const visitorId = unique("v");
    await cart.beacon(event("product_viewed", T0, { visitorId }));
    await cart.beacon(add(T0 + 1));
    await cart.beacon(event("checkout_started", T0 + 2));
    await cart.beacon(ordered(T0 + 3));
    const news = queues.take(cart.id);
    await consume(news);
    const rows = await examples(cart);
    expect(rows.map(({ moment }) => moment)).toEqual(expect.arrayContaining(["add", "checkout"]));
    expect(rows.every(({ label, model }) => label === 1 && model === PRIOR_VERSION)).toBe(true);
    expect(rows.every(({ features }) => (JSON.parse(features) as unknown[]).length === FEATURES.length)).toBe(true);
    await consume(news);
    expect(await examples(cart)).toEqual(rows);
    const shopper = shopperStub(env, cart.storeId, visitorShopperId(visitorId));
    expect((await shopper.past("next")).history).toMatchObject({ carts: 1, purchases: 1, lastBought: true });
    expect(JSON.stringify(rows)).not.toContain(visitorId);
  });

  it("a cart that expires was not bought", async () => {
    const cart = await newCart({ expireAfterDays: 1 });
    await cart.beacon(add(T0));
    setClock(T0 + 2 * DAY_MS);
    await cart.cart.nudge();
    setClock(T0);
    await consume(queues.take(cart.id));
    const rows = await examples(cart);
    expect(rows.map(({ label }) => label)).toEqual(rows.map(() => 0));
    expect(rows.length).toBeGreaterThan(0);
  });
});
