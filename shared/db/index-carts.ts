/** The relational index of carts and deliveries: upserts that an older or repeated message cannot undo. */
import type { CartNews, DeliveryNews } from "../events/messages.ts";

const CART = `INSERT INTO carts (store_id, id, incarnation, version, status, item_count, total_minor, currency, shopper_id, email, name, risk,
    created_at, last_activity_at, abandoned_at, recovered_at, order_id)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (store_id, id) DO UPDATE SET incarnation = excluded.incarnation, version = excluded.version, status = excluded.status,
    item_count = excluded.item_count, total_minor = excluded.total_minor, currency = excluded.currency, shopper_id = excluded.shopper_id,
    email = excluded.email, name = excluded.name, risk = excluded.risk, last_activity_at = excluded.last_activity_at,
    abandoned_at = excluded.abandoned_at, recovered_at = excluded.recovered_at, order_id = excluded.order_id
  WHERE (excluded.incarnation, excluded.version) > (carts.incarnation, carts.version)`;

const DELIVERY = `INSERT INTO deliveries (store_id, id, cart_id, version, shopper_id, campaign_id, step_id, variant_id, channel, provider,
    status, history, scheduled_at, claimed_at, sent_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (store_id, id) DO UPDATE SET version = excluded.version, shopper_id = excluded.shopper_id, provider = excluded.provider,
    status = excluded.status, history = excluded.history, claimed_at = excluded.claimed_at, sent_at = excluded.sent_at
  WHERE excluded.version > deliveries.version AND excluded.history <> deliveries.history`;

export function indexStatements(db: D1Database, news: CartNews): D1PreparedStatement[] {
  const { storeId, cartId, incarnation, summary: s } = news;
  const cart = db
    .prepare(CART)
    .bind(
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
    );
  return [cart, ...news.deliveries.map((d) => deliveryStatement(db, news, d))];
}

function deliveryStatement(
  db: D1Database,
  { storeId, cartId, summary }: CartNews,
  d: DeliveryNews,
): D1PreparedStatement {
  const scheduledAt = d.history[0]?.at ?? summary.lastActivityAt;
  return db
    .prepare(DELIVERY)
    .bind(
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
      scheduledAt,
      d.claimedAt,
      d.sentAt,
    );
}
