/**
 * Queue `events`: batches of cart news to the D1 index, the store's counters and Analytics Engine. Every step is
 * idempotent: the index by version, the counters by sequence number, and points only for entries counted just now.
 * The index comes before the store, because a cart that learns it is counted will not tell again. The points come right
 * after the store, because no second run knows what was new.
 */
import { storeStub } from "../../objects/stubs.ts";
import { forgetStatements, indexStatements } from "../../shared/db/index-carts.ts";
import type { AppliedCart, CartNews } from "../../shared/events/messages.ts";
import { log } from "../../shared/log.ts";
import type { Env } from "../env.ts";

/** Analytics Engine takes this many points an invocation, and silently no more. */
const MAX_POINTS = 250;

export async function consumeEvents(batch: MessageBatch<CartNews>, env: Env): Promise<void> {
  const stores = new Map<string, Message<CartNews>[]>();
  for (const message of batch.messages) {
    const list = stores.get(message.body.storeId) ?? [];
    list.push(message);
    stores.set(message.body.storeId, list);
  }
  let room = MAX_POINTS;
  let dropped = 0;
  for (const [storeId, messages] of stores) {
    try {
      const news = messages.map((m) => m.body);
      await write(env, indexStatements(env.DB, news));
      const points = pointsOf(news, await storeStub(env, storeId).apply(news));
      for (const point of points.slice(0, room)) env.ANALYTICS.writeDataPoint(point);
      dropped += Math.max(0, points.length - room);
      room = Math.max(0, room - points.length);
      await write(env, forgetStatements(env.DB, storeId, news));
      for (const message of messages) message.ack();
    } catch (error) {
      log("warn", "events_batch_failed", { storeId, messages: messages.length, error });
      for (const message of messages) message.retry({ delaySeconds: Math.min(60, 2 ** message.attempts) });
    }
  }
  if (dropped > 0) log("warn", "points_dropped", { count: dropped });
}

async function write(env: Env, statements: D1PreparedStatement[]): Promise<void> {
  if (statements.length > 0) await env.DB.batch(statements);
}

/** One point per cart and type of event newly counted: `index` the store, blobs `[type, cart, status]`, doubles `[count, total]`. */
function pointsOf(news: readonly CartNews[], applied: readonly AppliedCart[]): AnalyticsEngineDataPoint[] {
  const known = new Map(applied.map((cart) => [cart.cartId, cart]));
  const counts = new Map<string, { type: string; count: number; news: CartNews }>();
  for (const told of news) {
    const { from, seq: upTo } = known.get(told.cartId) ?? { from: 0, seq: 0 };
    for (const { seq, delta } of told.entries) {
      if (seq <= from || seq > upTo) continue;
      for (const [type, count] of Object.entries(delta.events ?? {})) {
        const key = `${type}/${told.cartId}`;
        counts.set(key, { type, count: (counts.get(key)?.count ?? 0) + count, news: told });
      }
    }
  }
  return [...counts.values()].map(({ type, count, news: { storeId, cartId, summary } }) => ({
    indexes: [storeId.slice(0, 96)],
    blobs: [type, cartId, summary.status, summary.currency ?? ""],
    doubles: [count, summary.totalMinor],
  }));
}
