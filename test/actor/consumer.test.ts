/** The events consumer and the cron, on a real D1. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { shopperStub } from "../../objects/stubs.ts";
import { exampleStatements } from "../../shared/db/examples.ts";
import type { CartNews, DeliveryNews } from "../../shared/events/messages.ts";
import { MOMENTS } from "../../shared/model/example.ts";
import { FEATURE_NAMES, FEATURE_VERSION } from "../../shared/model/features.ts";
import { DAY_MS } from "../../shared/time.ts";
import type { Env } from "../../workers/env.ts";
import { consumeEvents } from "../../workers/ingest/consumer.ts";
import { runSchedule } from "../../workers/jobs/cron.ts";
import { env, newStore, T0 } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));

const delivery = (id: string, at = T0, over: Partial<DeliveryNews> = {}): DeliveryNews => ({
  id,
  effectId: "e",
  campaignId: "cmp",
  stepId: "s",
  variantId: "a",
  channel: "email",
  status: "scheduled",
  dueAt: at,
  claimedAt: null,
  sentAt: null,
  provider: null,
  history: [{ status: "scheduled", at, reason: 'quote " and comma ,' }],
  ...over,
});

const news = (storeId: string, cartId: string, version: number, over: Partial<CartNews> = {}): CartNews => ({
  storeId,
  cartId,
  incarnation: T0,
  entries: [{ seq: version, at: T0, delta: { events: { page_viewed: 1 } } }],
  summary: {
    version,
    status: "active",
    itemCount: 1,
    totalMinor: 1_000,
    currency: "EUR",
    shopperId: "v_1",
    email: null,
    name: 'O"Hara',
    abandonmentRisk: 0.25,
    createdAt: T0,
    lastActivityAt: T0,
    abandonedAt: null,
    recoveredAt: null,
    wakesAt: null,
    order: null,
  },
  deliveries: [],
  index: true,
  ...over,
});

interface Told {
  points: AnalyticsEngineDataPoint[];
  statements: number;
  retried: number;
}

/** Gives the consumer one batch; says what it wrote. */
async function consume(bodies: CartNews[], over: Partial<Env> = {}): Promise<Told> {
  const told: Told = { points: [], statements: 0, retried: 0 };
  const DB = {
    prepare: (sql: string) => env.DB.prepare(sql),
    batch: (statements: D1PreparedStatement[]) => {
      told.statements += statements.length;
      return env.DB.batch(statements);
    },
  } as unknown as D1Database;
  const ANALYTICS = { writeDataPoint: (point: AnalyticsEngineDataPoint) => void told.points.push(point) };
  const messages = bodies.map((body) => ({
    body,
    attempts: 1,
    timestamp: new Date(),
    ack: () => undefined,
    retry: () => void told.retried++,
  }));
  await consumeEvents({ messages } as unknown as MessageBatch<CartNews>, { ...env, DB, ANALYTICS, ...over } as Env);
  return told;
}

const rows = async (table: string, storeId: string): Promise<Record<string, unknown>[]> =>
  (await env.DB.prepare(`SELECT * FROM ${table} WHERE store_id = ? ORDER BY 2`).bind(storeId).all()).results;
const ids = async (table: string, storeId: string): Promise<unknown[]> =>
  (await rows(table, storeId)).map((row) => row.id ?? row.delivery_id);
const mailed = (storeId: string, deliveryId: string, at = T0): Promise<unknown> =>
  env.DB.prepare(
    "INSERT INTO outbox (store_id, delivery_id, at, recipient, subject, html, text, recovery_url, unsubscribe_url) VALUES (?, ?, ?, 'a@b.example', '', '', '', '', '')",
  )
    .bind(storeId, deliveryId, at)
    .run();

describe("training examples", () => {
  it("an end that was none leaves none behind, in whatever batches it is told", async () => {
    const { id } = await newStore();
    const features = FEATURE_NAMES.map(() => 1);
    const known = { moment: "add", at: T0, label: 1, features, featureVersion: FEATURE_VERSION } as const;
    const end = { generation: 1, at: T0, shopperId: "v_1", adds: 1 };
    const bought = (cart: string) =>
      news(id, cart, 1, {
        endings: [{ ...end, how: "bought", examples: [{ ...known, probability: 0.5, model: "prior" }] }],
      });
    const voided = (cart: string) => news(id, cart, 2, { endings: [{ ...end, how: "void", examples: [] }] });
    await consume([bought("kept"), bought("apart"), bought("together"), voided("together")]);
    await consume([voided("apart")]);
    expect((await rows("training_examples", id)).map((row) => row.cart_id)).toEqual(["kept"]);
  });

  it("of carts that were bought again and again come in statements that D1 takes", async () => {
    const { id } = await newStore();
    const features = FEATURE_NAMES.map((_, i) => Math.sqrt(i));
    const known = {
      at: T0,
      label: 1,
      features,
      featureVersion: FEATURE_VERSION,
      probability: 0.5,
      model: "prior",
    } as const;
    const examples = MOMENTS.map((moment) => ({ moment, ...known }));
    const endings = Array.from({ length: 12 }, (_, i) => {
      return { generation: i + 1, how: "bought" as const, at: T0, shopperId: "v_1", adds: 1, examples };
    });
    const bound: number[] = [];
    const DB = {
      prepare: () => ({ bind: (...values: unknown[]) => void bound.push(...values.map((v) => String(v).length)) }),
    } as unknown as D1Database;
    exampleStatements(
      DB,
      Array.from({ length: 40 }, (_, i) => news(id, `c${i}`, 1, { endings })),
    );
    expect(bound.length).toBeGreaterThan(0);
    expect(Math.max(...bound)).toBeLessThan(2_000_000); // a value of D1 has no more bytes
  });
});

describe("the index", () => {
  it("takes a full batch in a few statements, and an older or repeated message changes nothing", async () => {
    const { id } = await newStore();
    const batch = Array.from({ length: 100 }, (_, i) =>
      news(id, `c${i}`, 2, { deliveries: [delivery(`d${i}a`), delivery(`d${i}b`)] }),
    );
    const told = await consume(batch);
    expect([told.retried, told.statements]).toEqual([0, 4]);
    expect(await rows("carts", id)).toHaveLength(100);
    expect((await rows("carts", id))[0]).toMatchObject({ name: 'O"Hara', risk: 0.25, email: null, total_minor: 1_000 });
    const [first] = await rows("deliveries", id);
    expect(JSON.parse(String(first!.history))).toEqual(delivery("d").history);
    const before = [await rows("carts", id), await rows("deliveries", id)];
    await consume([...batch, news(id, "c0", 1, { deliveries: [delivery("d0a", T0, { status: "sent" })] })]);
    expect([await rows("carts", id), await rows("deliveries", id)]).toEqual(before);
  });

  it("of two news of a cart in one batch the newer stays, in whatever order", async () => {
    const { id } = await newStore();
    await consume([news(id, "c", 3), news(id, "c", 2), news(id, "d", 1), news(id, "d", 2)]);
    expect(await rows("carts", id)).toMatchObject([{ version: 3 }, { version: 2 }]);
  });

  it("a cart is listed under whoever its shopper turned out to be, and older news do not turn that back", async () => {
    const { id } = await newStore();
    const by = (version: number, shopperId: string): CartNews => {
      const told = news(id, "c", version);
      return { ...told, summary: { ...told.summary, shopperId } };
    };
    await consume([by(1, "v_1")]);
    await consume([by(3, "sh_1"), by(2, "v_2")]);
    expect(await rows("carts", id)).toMatchObject([{ version: 3, shopper_id: "sh_1" }]);
    await consume([by(2, "v_2")]);
    expect(await rows("carts", id)).toMatchObject([{ version: 3, shopper_id: "sh_1" }]);
  });

  it("news too large for one statement go in several", async () => {
    const { id } = await newStore();
    const history = Array.from({ length: 2_000 }, () => ({
      status: "scheduled" as const,
      at: T0,
      reason: "x".repeat(50),
    }));
    await consume(
      Array.from({ length: 20 }, (_, i) => news(id, `c${i}`, 1, { deliveries: [delivery(`d${i}`, T0, { history })] })),
    );
    expect(await rows("deliveries", id)).toHaveLength(20);
  });
});

describe("law 10: a cart that is gone", () => {
  const gone = (storeId: string, cartId: string, incarnation = T0) =>
    news(storeId, cartId, 9, { gone: true, incarnation, entries: [] });

  it("leaves no row behind, its neighbours stay, and saying it twice is no harm", async () => {
    const [{ id }, other] = [await newStore(), await newStore()];
    await consume([
      news(id, "c", 1, { deliveries: [delivery("d1")] }),
      news(id, "stays", 1, { deliveries: [delivery("d2")] }),
      news(other.id, "c", 1, { deliveries: [delivery("d1")] }),
    ]);
    for (const store of [id, other.id]) await mailed(store, "d1");
    await mailed(id, "d2");
    expect((await consume([gone(id, "c")])).retried + (await consume([gone(id, "c")])).retried).toBe(0);
    expect([await ids("carts", id), await ids("deliveries", id), await ids("outbox", id)]).toEqual([
      ["stays"],
      ["d2"],
      ["d2"],
    ]);
    expect([await ids("carts", other.id), await ids("deliveries", other.id), await ids("outbox", other.id)]).toEqual([
      ["c"],
      ["d1"],
      ["d1"],
    ]);
  });

  it("takes nothing of a later cart of the same name with it", async () => {
    const { id } = await newStore();
    await consume([news(id, "c", 5, { deliveries: [delivery("old")] })]);
    const born = T0 + DAY_MS;
    await consume([news(id, "c", 1, { incarnation: born, deliveries: [delivery("new", born + 1)] })]);
    await consume([gone(id, "c")]);
    expect(await rows("carts", id)).toMatchObject([{ incarnation: born }]);
    expect(await ids("deliveries", id)).toEqual(["new"]);
  });

  it("in the same batch as its last news is forgotten too", async () => {
    const { id } = await newStore();
    await consume([gone(id, "c"), news(id, "c", 1, { deliveries: [delivery("d1")] })]);
    expect([await ids("carts", id), await ids("deliveries", id)]).toEqual([[], []]);
  });

  it("whose farewell was lost is swept after 400 days, by the first run of a day", async () => {
    const { id } = await newStore();
    const old = { ...news(id, "old", 1).summary, lastActivityAt: T0 - DAY_MS };
    await consume([
      news(id, "old", 1, { summary: old, deliveries: [delivery("d1", T0 - DAY_MS)] }),
      news(id, "young", 1, { deliveries: [delivery("d2")] }),
    ]);
    await mailed(id, "d1", T0 - DAY_MS);
    await mailed(id, "d2");
    const midnight = Math.floor(T0 / DAY_MS) * DAY_MS + 400 * DAY_MS;
    await runSchedule("*/5 * * * *", env, midnight + 6 * 60_000);
    expect(await ids("carts", id)).toEqual(["old", "young"]);
    await runSchedule("*/5 * * * *", env, midnight);
    await runSchedule("*/5 * * * *", env, midnight);
    expect([await ids("carts", id), await ids("deliveries", id), await ids("outbox", id)]).toEqual([
      ["young"],
      ["d2"],
      ["d2"],
    ]);
  });
});

describe("a shopper's arbiter", () => {
  const told = (storeId: string, shopperId: string, at = T0): CartNews => {
    const one = news(storeId, "c", 1, { shopper: { visitorId: "v-1", consent: { email: { value: "denied", at } } } });
    return { ...one, summary: { ...one.summary, shopperId } };
  };

  it("hears who a visitor is and what was declined, before any cart asks it; twice changes nothing", async () => {
    const { id } = await newStore();
    await shopperStub(env, id, "v_v-1").suppress("sms", "stop");
    await consume([told(id, "sh_ada"), told(id, "sh_ada")]);
    const ada = await shopperStub(env, id, "sh_ada").profile();
    expect(ada).toMatchObject({
      adopted: ["v_v-1"],
      consent: { email: { value: "denied" }, sms: { value: "denied" } },
    });
    await consume([told(id, "sh_ada")]);
    for (const name of ["sh_ada", "v_v-1"]) expect(await shopperStub(env, id, name).profile()).toEqual(ada);
  });

  it("that cannot be told is told again: until then the store counts nothing, so that the cart is not done with it", async () => {
    const { id, store } = await newStore();
    const away = { getByName: () => ({ mergeInto: () => Promise.reject(new Error("away")) }) };
    const SHOPPER = away as unknown as Env["SHOPPER"];
    expect((await consume([told(id, "sh_ada")], { SHOPPER })).retried).toBe(1);
    expect(await store.seen("c", T0)).toBe(0);
    expect((await consume([told(id, "sh_ada")])).retried).toBe(0);
    expect(await store.seen("c", T0)).toBe(1);
    expect((await shopperStub(env, id, "sh_ada").profile()).consent.email?.value).toBe("denied");
  });
});

describe("points", () => {
  it("are one per cart and type, with the count of all fresh entries, once", async () => {
    const { id } = await newStore();
    const entry = (seq: number) => ({ seq, at: T0, delta: { events: { page_viewed: 2, product_viewed: 1 } } });
    const batch = [news(id, "c", 2, { entries: [entry(1), entry(2)] }), news(id, "c", 3, { entries: [entry(3)] })];
    expect((await consume(batch)).points).toEqual([
      { indexes: [id], blobs: ["page_viewed", "c", "active", "EUR"], doubles: [6, 1_000] },
      { indexes: [id], blobs: ["product_viewed", "c", "active", "EUR"], doubles: [3, 1_000] },
    ]);
    expect((await consume(batch)).points).toEqual([]);
  });

  it("over the platform's limit are dropped aloud", async () => {
    const { id } = await newStore();
    const events = { page_viewed: 1, product_viewed: 1, product_added_to_cart: 1 };
    const batch = Array.from({ length: 100 }, (_, i) =>
      news(id, `c${i}`, 1, { entries: [{ seq: 1, at: T0, delta: { events } }] }),
    );
    const lines = vi.spyOn(console, "log").mockImplementation(() => undefined);
    expect((await consume(batch)).points).toHaveLength(250);
    const said = lines.mock.calls.map(([line]) => JSON.parse(String(line)));
    lines.mockRestore();
    expect(said).toContainEqual(expect.objectContaining({ level: "warn", event: "points_dropped", count: 50 }));
  });
});
