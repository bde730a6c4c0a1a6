/**
 * Queue `events`: batches of cart news to the D1 index, the store's counters and Analytics Engine. Every step is
 * idempotent: the index by version, the counters by sequence number, and points only for entries counted just now.
 * The index comes before the store, because a cart that learns it is counted will not tell again.
 */
import { shopperStub, storeStub } from "../../objects/stubs.ts";
import { indexStatements } from "../../shared/db/index-carts.ts";
import type { AppliedCart, CartNews } from "../../shared/events/messages.ts";
import { log } from "../../shared/log.ts";
import type { Env } from "../env.ts";

/** D1 statements a batch call; Analytics Engine points an invocation. */
const D1_BATCH = 50;
const POINTS = 250;

export async function consumeEvents(batch: MessageBatch<CartNews>, env: Env): Promise<void> {
  const stores = new Map<string, Message<CartNews>[]>();
  for (const message of batch.messages) {
    const list = stores.get(message.body.storeId) ?? [];
    list.push(message);
    stores.set(message.body.storeId, list);
  }
  let points = 0;
  for (const [storeId, messages] of stores) {
    try {
      const news = messages.map((m) => m.body);
      await writeIndex(env, news);
      const applied = await storeStub(env, storeId).apply(news);
      await tellShoppers(env, storeId, applied);
      points += writePoints(env, news, applied, POINTS - points);
      for (const message of messages) message.ack();
    } catch (error) {
      log("warn", "events_batch_failed", { storeId, messages: messages.length, error });
      for (const message of messages) message.retry({ delaySeconds: Math.min(60, 2 ** message.attempts) });
    }
  }
}

async function writeIndex(env: Env, news: CartNews[]): Promise<void> {
  const statements = news.filter((n) => n.index).flatMap((n) => indexStatements(env.DB, n));
  for (let i = 0; i < statements.length; i += D1_BATCH) await env.DB.batch(statements.slice(i, i + D1_BATCH));
}

/** Where a known shopper's cart now stands, for their history. Latest wins, so a repeated message changes nothing. */
async function tellShoppers(env: Env, storeId: string, applied: AppliedCart[]): Promise<void> {
  const known = applied.flatMap(({ cartId, moved }) =>
    moved?.email && moved.status !== "active" ? [{ cartId, moved }] : [],
  );
  await Promise.all(
    known.map(({ cartId, moved }) =>
      shopperStub(env, storeId, moved.shopperId).cart(cartId, moved.status, moved.lastActivityAt),
    ),
  );
}

/** One point per newly counted event type of a row: `index` the store, blobs `[type, cart, status]`, doubles `[count, total]`. */
function writePoints(env: Env, news: CartNews[], applied: AppliedCart[], room: number): number {
  let written = 0;
  for (const { cartId, entries, storeId, summary } of news) {
    const known = applied.find((a) => a.cartId === cartId);
    if (!known) continue;
    for (const { seq, delta } of entries) {
      if (seq <= known.from || seq > known.seq) continue;
      for (const [type, count] of Object.entries(delta.events ?? {})) {
        if (written >= room) return written;
        env.ANALYTICS.writeDataPoint({
          indexes: [storeId.slice(0, 96)],
          blobs: [type, cartId, summary.status, summary.currency ?? ""],
          doubles: [count, summary.totalMinor],
        });
        written += 1;
      }
    }
  }
  return written;
}
