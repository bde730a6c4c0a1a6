/**
 * Queue `events`: batches of cart news to the D1 index, the store's counters and Analytics Engine. Every step is
 * idempotent: the index by version, the counters by sequence number, and points only for entries counted just now.
 * The index and the shoppers come before the store, because a cart that learns it is counted will not tell again. The points come right
 * after the store, because no second run knows what was new.
 */
import { meterStub, shopperStub, storeStub } from "../../objects/stubs.ts";
import { exampleStatements } from "../../shared/db/examples.ts";
import { forgetStatements, indexStatements } from "../../shared/db/index-carts.ts";
import {
  type AppliedCart,
  type CartNews,
  type Delta,
  type Entry,
  isProbe,
  type QueueProbe,
} from "../../shared/events/messages.ts";
import type { ConsentChannel, ConsentRecord } from "../../shared/events/types.ts";
import { visitorShopperId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { count, countAges } from "../../shared/metrics.ts";
import { callActor } from "../../shared/retry.ts";
import { traceIdOf } from "../../shared/trace.ts";
import type { Env } from "../env.ts";
import { hintAtRisk } from "./hints.ts";

/** Analytics Engine takes this many points an invocation, and silently no more. */
const MAX_POINTS = 250;

export async function consumeEvents(batch: MessageBatch<CartNews | QueueProbe>, env: Env): Promise<void> {
  countAges("events", batch.messages, Date.now());
  const stores = await byStore(batch, env);
  let room = MAX_POINTS;
  let dropped = 0;
  for (const [storeId, messages] of stores) {
    try {
      const news = messages.map((m) => m.body);
      await write(env, [...indexStatements(env.DB, news), ...exampleStatements(env.DB, news)]);
      await introduce(env, storeId, news);
      await remember(env, storeId, news);
      const applied = await callActor("store", () => storeStub(env, storeId).apply(news));
      const fresh = freshEntries(news, applied);
      countDecisions(fresh);
      const points = pointsOf(fresh);
      for (const point of points.slice(0, room)) env.ANALYTICS.writeDataPoint(point);
      dropped += Math.max(0, points.length - room);
      room = Math.max(0, room - points.length);
      await write(env, forgetStatements(env.DB, storeId, news));
      for (const message of messages) message.ack();
      await hintAtRisk(env, storeId, news, Date.now());
      for (const { cartId, traceparent } of news)
        if (traceparent) log("info", "news_applied", { storeId, cart: cartId, traceId: traceIdOf(traceparent) });
    } catch (error) {
      const traceIds = messages.flatMap((m) => traceIdOf(m.body.traceparent) ?? []);
      log("warn", "events_batch_failed", { storeId, messages: messages.length, traceIds, error });
      count("cartwake_queue_retries_total", { queue: "events" }, messages.length);
      for (const message of messages) message.retry({ delaySeconds: Math.min(60, 2 ** message.attempts) });
    }
  }
  if (dropped > 0) log("warn", "points_dropped", { count: dropped });
}

/** The news by store; probes are answered on the way. */
async function byStore(
  batch: MessageBatch<CartNews | QueueProbe>,
  env: Env,
): Promise<Map<string, Message<CartNews>[]>> {
  const stores = new Map<string, Message<CartNews>[]>();
  for (const message of batch.messages) {
    if (isNews(message)) {
      const list = stores.get(message.body.storeId) ?? [];
      list.push(message);
      stores.set(message.body.storeId, list);
    } else {
      if (isProbe(message.body)) await noteProbe(message.body, env);
      message.ack();
    }
  }
  return stores;
}

/** The next probe comes within a minute or so: one that could not be noted is only missed. */
async function noteProbe({ probe }: QueueProbe, env: Env): Promise<void> {
  try {
    await meterStub(env).probeArrived(probe);
  } catch (error) {
    log("warn", "probe_unnoted", { error });
  }
}

const isNews = (message: Message<CartNews | QueueProbe>): message is Message<CartNews> => !isProbe(message.body);

async function write(env: Env, statements: D1PreparedStatement[]): Promise<void> {
  if (statements.length > 0) await env.DB.batch(statements);
}

/**
 * Who an anonymous visitor turned out to be, and what was said about consent: their arbiter knows it before another cart of
 * theirs asks, from another device perhaps. Telling twice changes nothing.
 */
async function introduce(env: Env, storeId: string, news: readonly CartNews[]): Promise<void> {
  const introductions = news.map(async ({ shopper, summary: { shopperId } }) => {
    if (!shopper) return;
    const { visitorId } = shopper;
    if (visitorId !== null) {
      const visitor = () => shopperStub(env, storeId, visitorShopperId(visitorId));
      const moved = await callActor("shopper", () => visitor().mergeInto(shopperId));
      // What the store counts tells the cart that the arbiter knows everything.
      if (moved.ok && moved.value === "moving") throw new Error("the visitor's past is still on its way");
    }
    for (const [channel, record] of Object.entries(shopper.consent) as [ConsentChannel, ConsentRecord][])
      await callActor("shopper", () => shopperStub(env, storeId, shopperId).consent(channel, record));
  });
  await Promise.all(introductions);
}

/** What became of carts, to whom they were: the model knows their next one by it. Telling twice changes nothing. */
async function remember(env: Env, storeId: string, news: readonly CartNews[]): Promise<void> {
  const told = news.flatMap(({ cartId, incarnation, endings = [] }) =>
    endings.map(({ shopperId, generation, how, at, adds }) => {
      const outcome = { cartId, part: `${incarnation}/${generation}`, at, bought: how === "bought", adds };
      return callActor("shopper", () => shopperStub(env, storeId, shopperId).ended(outcome, how));
    }),
  );
  await Promise.all(told);
}

interface FreshEntry {
  news: CartNews;
  entry: Entry;
}

/** The entries that the store counted just now for the first time, each once, however often the batch tells them. */
function freshEntries(news: readonly CartNews[], applied: readonly AppliedCart[]): FreshEntry[] {
  const known = new Map(applied.map((cart) => [cart.cartId, cart]));
  const seen = new Set<string>();
  return news.flatMap((told) => {
    const { from, seq: upTo } = known.get(told.cartId) ?? { from: 0, seq: 0 };
    return told.entries.flatMap((entry) => {
      const name = `${told.incarnation}/${entry.seq}/${told.cartId}`;
      if (entry.seq <= from || entry.seq > upTo || seen.has(name)) return [];
      seen.add(name);
      return [{ news: told, entry }];
    });
  });
}

const DECISIONS = {
  carts: "opened",
  abandoned: "abandoned",
  messages: "messaged",
  orders: "ordered",
  recovered: "recovered",
} as const satisfies Partial<Record<keyof Delta, string>>;

function countDecisions(fresh: readonly FreshEntry[]): void {
  for (const { entry } of fresh)
    for (const [field, decision] of Object.entries(DECISIONS) as [keyof typeof DECISIONS, string][])
      count("cartwake_cart_decisions_total", { decision }, entry.delta[field] ?? 0);
}

/** One point per cart and type of event newly counted: `index` the store, blobs `[type, cart, status]`, doubles `[count, total]`. */
function pointsOf(fresh: readonly FreshEntry[]): AnalyticsEngineDataPoint[] {
  const counts = new Map<string, { type: string; count: number; news: CartNews }>();
  for (const { news, entry } of fresh)
    for (const [type, count] of Object.entries(entry.delta.events ?? {})) {
      const key = `${type}/${news.cartId}`;
      counts.set(key, { type, count: (counts.get(key)?.count ?? 0) + count, news });
    }
  return [...counts.values()].map(({ type, count, news: { storeId, cartId, summary } }) => ({
    indexes: [storeId.slice(0, 96)],
    blobs: [type, cartId, summary.status, summary.currency ?? ""],
    doubles: [count, summary.totalMinor],
  }));
}
