/**
 * The relational index of carts and deliveries: upserts that an older or repeated message cannot undo, and the removal
 * of carts that are gone. Rows travel as JSON, many to a statement: a Worker may ask D1 only so often an invocation.
 */
import type { CartNews, DeliveryNews } from "../events/messages.ts";

/** Rows and characters of JSON a statement; D1 binds at most 2 MB. */
const MAX_ROWS = 100;
const MAX_JSON = 500_000;

// `WHERE true`: without it SQLite reads ON CONFLICT as the condition of a join.
const CARTS = `INSERT INTO carts (store_id, id, incarnation, version, status, item_count, total_minor, currency, shopper_id, email, name, risk,
    created_at, last_activity_at, abandoned_at, recovered_at, order_id)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9,
    value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15, value ->> 16
  FROM json_each(?) WHERE true
  ON CONFLICT (store_id, id) DO UPDATE SET incarnation = excluded.incarnation, version = excluded.version, status = excluded.status,
    item_count = excluded.item_count, total_minor = excluded.total_minor, currency = excluded.currency, email = excluded.email,
    name = excluded.name, risk = excluded.risk, last_activity_at = excluded.last_activity_at, abandoned_at = excluded.abandoned_at, recovered_at = excluded.recovered_at, order_id = excluded.order_id
  WHERE (excluded.incarnation, excluded.version) > (carts.incarnation, carts.version)`;

/**
 * Whose cart it turned out to be, after the upsert of the same rows. Apart from it, since a column that is set is written again
 * in each index that it is in, changed or not: one more row for every news of a cart.
 */
const SHOPPERS = `UPDATE carts SET shopper_id = told.value ->> 8 FROM json_each(?) AS told
  WHERE carts.store_id = told.value ->> 0 AND carts.id = told.value ->> 1 AND carts.incarnation = told.value ->> 2
    AND carts.version = told.value ->> 3 AND carts.shopper_id <> told.value ->> 8`;

const DELIVERIES = `INSERT INTO deliveries (store_id, id, cart_id, version, shopper_id, campaign_id, step_id, variant_id, channel, provider,
    status, history, scheduled_at, claimed_at, sent_at)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9,
    value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14
  FROM json_each(?) WHERE true
  ON CONFLICT (store_id, id) DO UPDATE SET version = excluded.version, shopper_id = excluded.shopper_id, channel = excluded.channel,
    provider = excluded.provider, status = excluded.status, history = excluded.history, claimed_at = excluded.claimed_at, sent_at = excluded.sent_at
  WHERE excluded.version > deliveries.version AND excluded.history <> deliveries.history`;

/** The deliveries of carts that are gone; those of a cart of the same name that was born later (an incarnation is a time) stay. */
const GONE_DELIVERIES = `SELECT d.id FROM json_each(?1) AS gone
  JOIN deliveries AS d ON d.store_id = gone.value ->> 0 AND d.cart_id = gone.value ->> 1
  LEFT JOIN carts AS c ON c.store_id = d.store_id AND c.id = d.cart_id AND c.incarnation > gone.value ->> 2
  WHERE d.store_id = ?2 AND (c.incarnation IS NULL OR d.scheduled_at < c.incarnation)`;
/** In this order: the first needs the rows that the next ones delete. */
const FORGET = [
  `DELETE FROM outbox WHERE store_id = ?2 AND delivery_id IN (${GONE_DELIVERIES})`,
  `DELETE FROM deliveries WHERE store_id = ?2 AND id IN (${GONE_DELIVERIES})`,
  `DELETE FROM carts WHERE store_id = ?2 AND id IN (SELECT c.id FROM json_each(?1) AS gone
     JOIN carts AS c ON c.store_id = gone.value ->> 0 AND c.id = gone.value ->> 1 AND c.incarnation <= gone.value ->> 2
     WHERE c.store_id = ?2)`,
];

/** Upserts for what the index keeps of these news. */
export function indexStatements(db: D1Database, batch: readonly CartNews[]): D1PreparedStatement[] {
  const told = batch.filter((news) => news.index && !news.gone);
  const carts = chunks(told.map(cartRow)).flatMap((rows) => [CARTS, SHOPPERS].map((sql) => db.prepare(sql).bind(rows)));
  const deliveries = chunks(told.flatMap((news) => news.deliveries.map((d) => deliveryRow(news, d))));
  return [...carts, ...deliveries.map((rows) => db.prepare(DELIVERIES).bind(rows))];
}

/** Deletes what is kept of one store's carts that have said their last. Twice is as good as once. */
export function forgetStatements(db: D1Database, storeId: string, batch: readonly CartNews[]): D1PreparedStatement[] {
  const gone = batch.filter((news) => news.gone).map((news) => [news.storeId, news.cartId, news.incarnation]);
  return chunks(gone).flatMap((rows) => FORGET.map((sql) => db.prepare(sql).bind(rows, storeId)));
}

export type Row = (string | number | null)[];

const cartRow = ({ storeId, cartId, incarnation, summary: s }: CartNews): Row => [
  storeId,
  cartId,
  incarnation,
  s.version,
  s.status,
  s.itemCount,
  s.totalMinor,
  s.currency,
  s.shopperId,
  s.email,
  s.name,
  s.abandonmentRisk,
  s.createdAt,
  s.lastActivityAt,
  s.abandonedAt,
  s.recoveredAt,
  s.order?.id ?? null,
];

const deliveryRow = ({ storeId, cartId, summary }: CartNews, d: DeliveryNews): Row => [
  storeId,
  d.id,
  cartId,
  summary.version,
  summary.shopperId,
  d.campaignId,
  d.stepId,
  d.variantId,
  d.channel,
  d.provider,
  d.status,
  JSON.stringify(d.history),
  d.history[0]?.at ?? summary.lastActivityAt,
  d.claimedAt,
  d.sentAt,
];

/** JSON arrays of rows, none too long for a statement. */
export function chunks(rows: readonly Row[]): string[] {
  const done: string[] = [];
  let open: string[] = [];
  let size = 0;
  for (const row of rows) {
    const json = JSON.stringify(row);
    if (open.length === MAX_ROWS || (open.length > 0 && size + json.length > MAX_JSON)) {
      done.push(`[${open.join()}]`);
      open = [];
      size = 0;
    }
    open.push(json);
    size += json.length;
  }
  if (open.length > 0) done.push(`[${open.join()}]`);
  return done;
}
