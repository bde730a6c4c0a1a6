/**
 * What the results of campaigns are counted from: rows of facts, not sums. Which news came first, or twice, leaves no trace:
 * the first exposure in time stays, the last word on a purchase stays, and the figures are queries over both.
 */
import type { Delta, Exposure, Purchase } from "../../shared/events/messages.ts";
import type { CampaignTally, VariantTally } from "../../shared/measure/results.ts";
import { DAY_MS } from "../../shared/time.ts";

/** A shopper counts for this long, and from then on may be counted anew. Longer than any window (policy/rules.ts). */
const KEEP_MS = 180 * DAY_MS;
/** Rows of exposures kept per campaign; the oldest go first, in both arms alike. */
const MAX_EXPOSURES = 100_000;
/** How late a cart may tell of an exposure. */
const LATE_MS = 7 * DAY_MS;

/**
 * What each row of `seen` (`shopper`, `at`, `window_ms`) bought within its window. The store's currency is ?2: money of others
 * is not added up. An order that two carts tell of is one order.
 */
const bought = (columns: string, group: string): string =>
  `SELECT ${columns}, count(p.id) AS orders, coalesce(sum(CASE WHEN p.currency = ?2 THEN p.minor END), 0) AS minor,
     count(CASE WHEN p.currency <> ?2 THEN 1 END) AS foreign_orders, count(CASE WHEN p.campaign = ?1 THEN 1 END) AS credited,
     coalesce(sum(CASE WHEN p.campaign = ?1 AND p.currency = ?2 THEN p.minor END), 0) AS credited_minor,
     count(CASE WHEN p.campaign = ?1 AND p.model LIKE '%click' THEN 1 END) AS clicks,
     count(CASE WHEN p.campaign = ?1 AND p.model LIKE '%open' THEN 1 END) AS opens
   FROM seen LEFT JOIN (SELECT *, min(cart) FROM purchases GROUP BY shopper, id) AS p ON p.shopper = seen.shopper AND p.at >= seen.at AND p.at <= seen.at + seen.window_ms
   GROUP BY ${group}`;

const SUMS = `count(*) AS shoppers, sum(orders > 0) AS buyers, sum(orders) AS orders, sum(minor) AS minor, sum(foreign_orders) AS foreignOrders,
  sum(credited) AS credited, sum(credited_minor) AS creditedMinor, sum(clicks) AS clicks, sum(opens) AS opens`;

/** A shopper's exposure to a campaign is the first to any of its steps: SQLite takes the row of the minimum. */
const BY_ARM = `WITH seen AS (SELECT shopper, min(at) AS at, arm, holdout, window_ms FROM exposures WHERE campaign = ?1 GROUP BY shopper),
  outcomes AS (${bought("seen.arm, seen.holdout, seen.at + seen.window_ms > ?3 AS running", "seen.shopper")})
  SELECT arm, holdout, ${SUMS}, sum(running) AS running, sum(1.0 * minor * minor) AS squares, sum(1.0 * minor * minor * minor) AS cubes
  FROM outcomes GROUP BY arm, holdout ORDER BY holdout, arm DESC`;

const BY_VARIANT = `WITH seen AS (SELECT shopper, step, at, arm, variant, window_ms FROM exposures WHERE campaign = ?1),
  outcomes AS (${bought("seen.step, seen.variant, seen.arm, seen.at + seen.window_ms <= ?3 AS done", "seen.shopper, seen.step")})
  SELECT step, variant, arm, ${SUMS}, sum(done) AS done, sum(done AND orders > 0) AS doneBuyers
  FROM outcomes GROUP BY step, variant, arm ORDER BY step, variant, arm DESC`;

/** Shoppers who met the campaign before ?2, or before the newest rows that are kept: with all of their steps, or a later one would pass for the first. */
const TRIM = `DELETE FROM exposures WHERE campaign = ?1 AND shopper IN (SELECT shopper FROM exposures WHERE campaign = ?1 GROUP BY shopper
  HAVING min(at) < max(?2, coalesce((SELECT at FROM exposures WHERE campaign = ?1 ORDER BY at DESC LIMIT 1 OFFSET ${MAX_EXPOSURES - 1}), 0)))`;

export class Measurement {
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#sql = storage.sql;
  }

  /** Within the transaction that counts the cart's entry, which comes once and in the order of its log. */
  count(cartId: string, { exposures = [], purchases = [] }: Delta): void {
    for (const exposure of exposures) this.#expose(cartId, exposure);
    for (const purchase of purchases) this.#buy(cartId, purchase);
  }

  byArm(campaignId: string, currency: string, now: number): CampaignTally[] {
    return this.#sql.exec<Row<CampaignTally>>(BY_ARM, campaignId, currency, now).toArray();
  }

  byVariant(campaignId: string, currency: string, now: number): VariantTally[] {
    return this.#sql.exec<Row<VariantTally>>(BY_VARIANT, campaignId, currency, now).toArray();
  }

  forget(campaignId: string): void {
    this.#sql.exec("DELETE FROM exposures WHERE campaign = ?", campaignId);
  }

  trim(now: number): void {
    const campaigns = this.#sql.exec<{ campaign: string }>("SELECT DISTINCT campaign FROM exposures").toArray();
    for (const { campaign } of campaigns) this.#sql.exec(TRIM, campaign, now - KEEP_MS);
    // What no exposure that is kept, or may still be told, looks back to.
    this.#sql.exec(
      "DELETE FROM purchases WHERE at < min(?1, coalesce((SELECT min(at) FROM exposures), ?1))",
      now - LATE_MS,
    );
  }

  #expose(cartId: string, exposure: Exposure): void {
    this.#sql.exec(
      `INSERT INTO exposures (campaign, shopper, step, at, cart, version, arm, holdout, variant, probability, window_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET at = excluded.at, cart = excluded.cart, version = excluded.version, arm = excluded.arm,
         holdout = excluded.holdout, variant = excluded.variant, probability = excluded.probability, window_ms = excluded.window_ms
       WHERE (excluded.at, excluded.cart) < (exposures.at, exposures.cart)`,
      exposure.campaignId,
      exposure.shopperId,
      exposure.stepId,
      exposure.at,
      cartId,
      exposure.campaignVersion,
      exposure.arm,
      exposure.holdout,
      exposure.variantId,
      exposure.probability,
      exposure.windowMs,
    );
  }

  #buy(cartId: string, { orderId, shopperId, at, minor, currency, credit, ...purchase }: Purchase): void {
    if (purchase.void) {
      this.#sql.exec("DELETE FROM purchases WHERE cart = ? AND id = ?", cartId, orderId);
      return;
    }
    this.#sql.exec(
      `INSERT INTO purchases (cart, id, shopper, at, minor, currency, campaign, model) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET shopper = excluded.shopper, at = excluded.at, minor = excluded.minor, currency = excluded.currency,
         campaign = excluded.campaign, model = excluded.model`,
      cartId,
      orderId,
      shopperId,
      at,
      minor,
      currency,
      credit?.campaignId ?? null,
      credit?.model ?? null,
    );
  }
}

type Row<T> = { [K in keyof T]: T[K] & SqlStorageValue };
