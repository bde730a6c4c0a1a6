import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Merchant, until } from "../support/merchant.ts";
import { unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SIMULATE = join(ROOT, "workers/cli/simulate.ts");
const REES46 = resolve(ROOT, "../shared/data/rees46_oct2019_sample.csv.gz");

/** Rows of the real file that are replayed; `npm run test:replay` takes all of them. */
const ROWS = Number(process.env.CARTWAKE_REPLAY_ROWS ?? 1_500);

let system: System;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cartwake-replay-"));
  system = await startSystem();
});
afterAll(async () => {
  await system?.stop();
  rmSync(folder, { recursive: true, force: true });
  expect(unexpectedIn(system.logs())).toEqual([]);
});

interface Summary {
  sessions: number;
  events: number;
  accepted: number;
  duplicates: number;
  rejected: number;
  failed: number;
  skipped: number;
  eventsPerSecond: number;
  complete: boolean;
}

/** The simulator as a merchant starts it. */
function simulate(shop: Merchant, source: string[], more: string[] = []): Promise<Summary> {
  const args = ["--url", system.url, "--key", shop.account.key, "--json", "--batch", "25", ...source, ...more];
  const child = spawn(process.execPath, [SIMULATE, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((done, failed) => {
    child.once("error", failed);
    child.once("close", (code) =>
      code === 0 ? done(JSON.parse(stdout) as Summary) : failed(new Error(`simulate: ${code} ${stderr}`)),
    );
  });
}

/** What a file says, counted without any of the product's code. */
interface Recount {
  carts: string[];
  byType: Record<string, number>;
  orders: number;
  /** Minor units. */
  revenue: number;
  items: Map<string, number>;
}

interface Click {
  cart: string;
  type: string;
  order?: string;
  cents?: number;
  product?: string;
  at: number;
}

function recount(clicks: Click[]): Recount {
  const byType: Record<string, number> = {};
  const orders = new Map<string, number>();
  const carts = new Map<string, Click[]>();
  for (const click of clicks) {
    byType[click.type] = (byType[click.type] ?? 0) + 1;
    if (click.type === "checkout_completed") orders.set(`${click.cart}/${click.order}`, click.cents ?? 0);
    carts.set(click.cart, [...(carts.get(click.cart) ?? []), click]);
  }
  return {
    carts: [...carts.keys()].sort(),
    byType,
    orders: orders.size,
    revenue: [...orders.values()].reduce((sum, cents) => sum + cents, 0),
    items: new Map([...carts].map(([cart, list]) => [cart, itemsOf(list)])),
  };
}

/** How many pieces lie in a cart at its end: adds count up, an order ends it, the next add begins anew. */
function itemsOf(clicks: Click[]): number {
  let count = 0;
  let closed = false;
  for (const { type } of clicks.sort((a, b) => a.at - b.at)) {
    if (type === "checkout_completed") closed = true;
    if (type !== "product_added_to_cart") continue;
    count = closed ? 1 : count + 1;
    closed = false;
  }
  return count;
}

/** Everything the merchant can count, in one comparable object. */
async function numbers(shop: Merchant) {
  const [usage, carts, realtime] = [await shop.usage(), await shop.carts(), await shop.realtime()];
  const days = await shop.rollups();
  const events: Record<string, number> = {};
  const sum = { carts: 0, orders: 0, revenue: 0 };
  for (const day of days) {
    for (const [type, count] of Object.entries(day.events ?? {})) events[type] = (events[type] ?? 0) + count;
    sum.carts += day.carts ?? 0;
    sum.orders += day.orders ?? 0;
    sum.revenue += Object.values(day.revenue ?? {}).reduce((total, cents) => total + cents, 0);
  }
  return {
    usage: {
      accepted: usage.events.accepted,
      rejected: usage.events.rejected,
      carts: usage.carts,
      orders: usage.orders,
    },
    byType: usage.byType,
    rollups: { events, ...sum },
    purchasedRevenue: realtime.purchasedRevenue,
    gauges: [realtime.activeCarts, realtime.purchasedCarts, realtime.recoveredCarts, realtime.abandonedCarts],
    list: carts
      .map(({ id, status, itemCount, total, shopper }) => ({
        id,
        status,
        itemCount,
        total,
        shopper: shopper.id.length,
      }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

const counted = (shop: Merchant, accepted: number, duplicates: number) =>
  until(
    "the store has counted the replay",
    async () => {
      const { events } = await shop.usage();
      if (events.accepted > accepted || events.duplicates > duplicates) throw new Error(JSON.stringify(events));
      return events.accepted === accepted && events.duplicates === duplicates;
    },
    { within: 60_000, every: 250 },
  );

/** Replays into a fresh store, again, and shuffled into another one; every number against the recount. */
async function prove(source: string[], wanted: Recount, currency: string): Promise<void> {
  const total = Object.values(wanted.byType).reduce((sum, n) => sum + n, 0);
  const shop = await Merchant.register(system.url, { currency });
  const first = await simulate(shop, source);
  console.log("replay, first run:", JSON.stringify(first));
  expect(first).toMatchObject({
    sessions: wanted.carts.length,
    accepted: total,
    duplicates: 0,
    rejected: 0,
    complete: true,
  });
  expect(first.accepted + first.duplicates + first.rejected).toBe(first.events);
  await counted(shop, total, 0);
  const once = await until("the list is complete", async () => {
    const now = await numbers(shop);
    return now.list.length === wanted.carts.length && now;
  });
  expect(once.list.map((c) => c.id)).toEqual(wanted.carts);
  expect(once.usage).toEqual({ accepted: total, rejected: 0, carts: wanted.carts.length, orders: wanted.orders });
  expect(once.byType).toEqual(wanted.byType);
  expect(once.rollups).toEqual({
    events: wanted.byType,
    carts: wanted.carts.length,
    orders: wanted.orders,
    revenue: wanted.revenue,
  });
  expect(once.purchasedRevenue).toEqual({ amount: (wanted.revenue / 100).toFixed(2), currency });
  expect(once.gauges.reduce((sum, n) => sum + n, 0)).toBe(wanted.carts.length);
  const items = await until("the list is up to date", async () => {
    const list = (await shop.carts()).map((c) => [c.id, c.itemCount] as const);
    return list.every(([id, count]) => wanted.items.get(id) === count) && list;
  });
  expect(items).toHaveLength(wanted.carts.length);

  const again = await simulate(shop, source);
  console.log("replay, second run:", JSON.stringify(again));
  expect(again).toMatchObject({ accepted: 0, duplicates: total, rejected: 0, complete: true });
  await counted(shop, total, total);
  expect(await numbers(shop)).toEqual(once);

  const mixed = await Merchant.register(system.url, { currency });
  const shuffled = await simulate(mixed, source, ["--shuffle", "7"]);
  console.log("replay, shuffled:", JSON.stringify(shuffled));
  expect(shuffled).toMatchObject({ accepted: total, duplicates: 0, rejected: 0, complete: true });
  await counted(mixed, total, 0);
  await until("the shuffled list is the same", async () => {
    const now = await numbers(mixed);
    return JSON.stringify(now.list) === JSON.stringify(once.list);
  });
  expect(await numbers(mixed)).toEqual(once);
}

describe("a clickstream replayed through the simulator", { timeout: 400_000 }, () => {
  test("a small file of API events", async () => {
    const lines: object[] = [];
    const clicks: Click[] = [];
    const start = Date.parse("2026-01-05T10:00:00Z");
    for (let session = 0; session < 40; session++) {
      const cart = `syn-${session}`;
      const say = (step: number, type: string, data: object, more: Partial<Click> = {}) => {
        const at = start + session * 7_000 + step * 1_000;
        lines.push({
          ...{ id: `${cart}-${step}`, type, version: 1, occurredAt: new Date(at).toISOString() },
          ...{ cartId: cart, visitorId: `v-${session % 9}`, data },
        });
        clicks.push({ cart, type, at, ...more });
      };
      const item = (n: number) => ({
        productId: `p${n}`,
        name: `P ${n}`,
        price: `${n}.50`,
        currency: "EUR",
        quantity: 1,
      });
      say(0, "page_viewed", {});
      say(1, "product_viewed", { item: item(session % 5) });
      for (let n = 0; n < session % 4; n++) say(2 + n, "product_added_to_cart", { item: item(n + 1) });
      if (session % 3 === 0) {
        const order = { id: `o-${session}`, total: `${session}.25`, currency: "EUR" };
        say(10, "checkout_completed", { order }, { order: order.id, cents: session * 100 + 25 });
      }
      if (session % 6 === 0) say(11, "product_added_to_cart", { item: item(9) });
    }
    const file = join(folder, "events.ndjson");
    writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);
    await prove(["--file", file], recount(clicks), "EUR");
  });

  test.skipIf(!existsSync(REES46))("real events of REES46 (skipped without its file)", async () => {
    const type: Record<string, string> = {
      view: "product_viewed",
      cart: "product_added_to_cart",
      purchase: "checkout_completed",
    };
    const [, ...rows] = gunzipSync(readFileSync(REES46)).toString("utf8").trimEnd().split("\n");
    const clicks = rows.slice(0, ROWS).map((row, line): Click => {
      const [time = "", kind = "", product, , , , price = "", , cart = ""] = row.split(",");
      // Rows of one second keep the order of the file; each purchase row is an order of its own.
      const at = Date.parse(time.replace(" UTC", "Z").replace(" ", "T")) + line / rows.length;
      const cents = Math.round(Number(price) * 100);
      return { cart, type: type[kind]!, product, at, order: String(line), cents };
    });
    await prove(["--dataset", REES46, "--limit", String(ROWS)], recount(clicks), "USD");
  });
});
