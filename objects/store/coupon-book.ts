/**
 * The coupons that a store gave out. One actor writes and one transaction decides, so that no concurrency exceeds a budget.
 * The number of a step's last coupon is how many it ever gave out: that row stays, whatever else is forgotten.
 */
import { CODE_BYTES, codeKey, codeOf } from "../../shared/coupon-codes.ts";
import type { CouponRecord, CouponStatus, StepCoupons } from "../../shared/coupons.ts";
import type { CouponAsk, Delta, IssuedCoupon, Purchase } from "../../shared/events/messages.ts";
import type { Campaign } from "../../shared/policy/rules.ts";
import { ok, type Result } from "../../shared/result.ts";
import { DAY_MS } from "../../shared/time.ts";
import type { CouponPools } from "./coupon-pools.ts";
import { decideCoupon, type NoCoupon } from "./coupons.ts";

/** A coupon that is over is forgotten after this long; what was redeemed by then stays counted. */
const KEEP_MS = 90 * DAY_MS;
/** Codes of one order that are looked at. */
const MAX_CODES = 20;

/** Where a coupon stands in the list: campaign, step, number. */
export type CouponPlace = [campaignId: string, stepId: string, n: number];

export interface CouponQuery {
  campaignId?: string | undefined;
  cartId?: string | undefined;
  code?: string | undefined;
  status?: CouponStatus | undefined;
  after?: CouponPlace | undefined;
  limit: number;
}

/** A redemption `r` of the coupon at hand. */
const USES = "r.campaign = coupons.campaign AND r.step = coupons.step AND r.n = coupons.n";
const IS_REDEEMED = `EXISTS (SELECT 1 FROM redemptions AS r WHERE ${USES})`;
const RECORD = `campaign AS campaignId, step AS stepId, n, cart AS cartId, generation, shopper AS shopperId, code, kind, amount, pool AS poolId,
  issued_at AS issuedAt, expires_at AS expiresAt`;
/** With the first order that used the coupon. */
const LISTED = `(SELECT *, (SELECT min(at) FROM redemptions AS r WHERE ${USES}) AS redeemedAt,
  (SELECT order_id FROM redemptions AS r WHERE ${USES} ORDER BY at, order_id LIMIT 1) AS orderId FROM coupons)`;

const STATUS: Record<CouponStatus, string> = {
  redeemed: "redeemedAt IS NOT NULL",
  issued: "redeemedAt IS NULL AND expires_at > ?",
  expired: "redeemedAt IS NULL AND expires_at <= ?",
};

/** What is forgotten at ?1: of campaigns that are there (?2), never the last of a step or of a pool. */
const OLD = `expires_at < ?1 AND (campaign NOT IN (SELECT value FROM json_each(?2)) OR n < (SELECT max(n) FROM coupons AS c WHERE c.campaign = coupons.campaign AND c.step = coupons.step))
  AND (pool IS NULL OR pool NOT IN (SELECT id FROM coupon_pools) OR seq < (SELECT max(seq) FROM coupons AS c WHERE c.pool = coupons.pool))`;

export class CouponBook {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #pools: CouponPools;

  constructor(storage: DurableObjectStorage, pools: CouponPools) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#pools = pools;
  }

  /** Writes three rows for a coupon that is new (its own and two of indexes), none for one that is known. */
  issue(ask: CouponAsk, campaign: Campaign | null, now: number): Result<IssuedCoupon, NoCoupon> {
    return this.#storage.transactionSync(() => {
      const { campaignId, stepId, coupon } = ask;
      const issued = this.#issued(campaignId, stepId);
      const taken = coupon.kind === "pool" ? this.#pools.next(coupon.poolId ?? "") : null;
      const code = coupon.kind === "pool" ? (taken?.code ?? null) : this.#newCode();
      const decided = decideCoupon(ask, { known: this.#known(ask), campaign, issued, code }, now);
      if (!decided.ok) return decided;
      const given = decided.value.coupon;
      if (decided.value.isNew)
        this.#write(ask, given, issued + 1, taken && { pool: coupon.poolId ?? "", seq: taken.seq }, now);
      return ok(given);
    });
  }

  /** Within the transaction that counts the cart's entry: what an order used is redeemed, what it gave back is not. */
  count(cartId: string, { purchases = [] }: Delta): void {
    for (const purchase of purchases) this.#redeem(cartId, purchase);
  }

  /** By campaign and step, the newest first within them. One more than the limit, when there are more. */
  list({ campaignId, cartId, code, status, after, limit }: CouponQuery, now: number): CouponRecord[] {
    const where: [condition: string, ...values: SqlStorageValue[]][] = [];
    if (campaignId !== undefined) where.push(["campaign = ?", campaignId]);
    if (cartId !== undefined) where.push(["cart = ?", cartId]);
    if (code !== undefined) {
      const place = this.#find(code);
      if (!place) return [];
      where.push(["(campaign, step, n) = (?, ?, ?)", ...place]);
    }
    if (status) where.push(status === "redeemed" ? [STATUS.redeemed] : [STATUS[status], now]);
    if (after) where.push(["(campaign, step, n) < (?, ?, ?)", ...after]);
    const conditions = where.map(([condition]) => condition).join(" AND ") || "true";
    const sql = `SELECT ${RECORD}, orderId, redeemedAt FROM ${LISTED} WHERE ${conditions}
      ORDER BY campaign DESC, step DESC, n DESC LIMIT ?`;
    const values = where.flatMap(([, ...given]) => given);
    return this.#sql.exec<Row<CouponRecord>>(sql, ...values, limit + 1).toArray();
  }

  /** What the steps of a campaign gave out, also those it has no longer. Reads a row per coupon that is not forgotten. */
  figures(campaign: Campaign, now: number): StepCoupons[] {
    const rows = this.#sql
      .exec<{ step: string; redeemed: number; expired: number }>(
        `SELECT step, sum(redeemed) AS redeemed, sum(expired) AS expired FROM (
           SELECT step, ${IS_REDEEMED} AS redeemed, expires_at <= ?2 AND NOT ${IS_REDEEMED} AS expired FROM coupons WHERE campaign = ?1
           UNION ALL SELECT step, redeemed, expired FROM coupon_tallies WHERE campaign = ?1) GROUP BY step`,
        campaign.id,
        now,
      )
      .toArray();
    const giving = campaign.steps.filter((step) => step.coupon).map(({ id }) => id);
    return [...new Set([...giving, ...rows.map((row) => row.step)])].map((stepId) => {
      const { redeemed, expired } = rows.find(({ step }) => step === stepId) ?? { redeemed: 0, expired: 0 };
      const issued = this.#issued(campaign.id, stepId);
      const budget = campaign.steps.find(({ id }) => id === stepId)?.coupon?.budget ?? null;
      return { stepId, budget, issued, redeemed, expired, left: Math.max(0, (budget ?? 0) - issued) };
    });
  }

  /** Coupons long over become figures. `campaigns`: the ids of those that are there. */
  trim(campaigns: readonly string[], now: number): void {
    const known = JSON.stringify(campaigns);
    this.#storage.transactionSync(() => {
      this.#sql.exec(
        `INSERT INTO coupon_tallies (campaign, step, redeemed, expired)
         SELECT campaign, step, sum(used), sum(NOT used) FROM (SELECT campaign, step, ${IS_REDEEMED} AS used FROM coupons WHERE ${OLD})
         WHERE campaign IN (SELECT value FROM json_each(?2)) GROUP BY campaign, step
         ON CONFLICT DO UPDATE SET redeemed = redeemed + excluded.redeemed, expired = expired + excluded.expired`,
        now - KEEP_MS,
        known,
      );
      this.#sql.exec(`DELETE FROM coupons WHERE ${OLD}`, now - KEEP_MS, known);
      this.#sql.exec("DELETE FROM coupon_tallies WHERE campaign NOT IN (SELECT value FROM json_each(?))", known);
      this.#sql.exec(
        "DELETE FROM redemptions WHERE NOT EXISTS (SELECT 1 FROM coupons AS c WHERE c.campaign = redemptions.campaign AND c.step = redemptions.step AND c.n = redemptions.n)",
      );
      this.#pools.trim();
    });
  }

  #issued(campaignId: string, stepId: string): number {
    const sql = "SELECT max(n) AS n FROM coupons WHERE campaign = ? AND step = ?";
    return this.#sql.exec<{ n: number | null }>(sql, campaignId, stepId).one().n ?? 0;
  }

  #known({ campaignId, stepId, cartId, generation }: CouponAsk): IssuedCoupon | null {
    const row = this.#sql
      .exec<Row<IssuedCoupon>>(
        "SELECT code, kind, amount, expires_at AS expiresAt FROM coupons WHERE cart = ? AND generation = ? AND campaign = ? AND step = ?",
        cartId,
        generation,
        campaignId,
        stepId,
      )
      .toArray()[0];
    return row ?? null;
  }

  #write(
    ask: CouponAsk,
    coupon: IssuedCoupon,
    n: number,
    from: { pool: string; seq: number } | null,
    now: number,
  ): void {
    this.#sql.exec(
      `INSERT INTO coupons (campaign, step, n, cart, generation, shopper, code, code_key, kind, amount, pool, seq, issued_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ask.campaignId,
      ask.stepId,
      n,
      ask.cartId,
      ask.generation,
      ask.shopperId,
      coupon.code,
      codeKey(coupon.code),
      coupon.kind,
      coupon.amount,
      from?.pool ?? null,
      from?.seq ?? null,
      now,
      coupon.expiresAt,
    );
  }

  /** A code that nobody has. */
  #newCode(): string {
    for (;;) {
      const code = codeOf(crypto.getRandomValues(new Uint8Array(CODE_BYTES)));
      const sql =
        "SELECT 1 FROM pool_codes WHERE code_key = ?1 UNION SELECT 1 FROM coupons WHERE code_key = ?1 AND pool IS NULL";
      if (this.#sql.exec(sql, code).toArray().length === 0) return code;
    }
  }

  /** A code that was given out here, however it is written. */
  #find(code: string): CouponPlace | null {
    const row = this.#sql
      .exec<{ campaign: string; step: string; n: number }>(
        `SELECT campaign, step, n FROM coupons WHERE code_key = ?1 AND pool IS NULL
         UNION SELECT c.campaign, c.step, c.n FROM pool_codes AS p JOIN coupons AS c ON c.pool = p.pool AND c.seq = p.seq WHERE p.code_key = ?1`,
        codeKey(code),
      )
      .toArray()[0];
    return row ? [row.campaign, row.step, row.n] : null;
  }

  /** Rows of facts: the last word on an order stays, and which order of two used a code follows from both. */
  #redeem(cartId: string, { orderId, at, coupons = [], ...purchase }: Purchase): void {
    const codes = purchase.void ? [] : coupons.slice(0, MAX_CODES);
    const used = codes.map((code) => this.#find(code)).filter((place) => place !== null);
    const known = this.#sql
      .exec<{ campaign: string; step: string; n: number }>(
        "SELECT campaign, step, n FROM redemptions WHERE cart = ? AND order_id = ?",
        cartId,
        orderId,
      )
      .toArray();
    const isSame = ({ campaign, step, n }: (typeof known)[number]) =>
      used.some((place) => place[0] === campaign && place[1] === step && place[2] === n);
    if (known.length > 0 && !known.every(isSame))
      this.#sql.exec("DELETE FROM redemptions WHERE cart = ? AND order_id = ?", cartId, orderId);
    for (const place of used)
      this.#sql.exec(
        "INSERT INTO redemptions (cart, order_id, campaign, step, n, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        cartId,
        orderId,
        ...place,
        at,
      );
  }
}

type Row<T> = { [K in keyof T]: T[K] & SqlStorageValue };
