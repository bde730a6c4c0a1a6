/**
 * The store's pools of imported codes. Codes are taken in the order in which they came; how far a pool is taken follows from
 * the coupons given out, so that no counter can disagree with them.
 */
import { codeKey, MAX_POOL_CODES, MAX_POOLS } from "../../shared/coupon-codes.ts";
import type { CouponPoolView } from "../../shared/coupons.ts";
import { newId } from "../../shared/ids.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { iso } from "../../shared/time.ts";

/** Codes that one statement carries: its parameter may have 2 MB. */
const CHUNK = 1_000;

export class CouponPools {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  list(): CouponPoolView[] {
    return this.#sql
      .exec<{ id: string; name: string; created_at: number }>("SELECT * FROM coupon_pools ORDER BY created_at DESC, id")
      .toArray()
      .map(({ id, name, created_at }) => {
        const [added, taken] = [this.#added(id), this.#taken(id)];
        return { id, name, createdAt: iso(created_at), added, taken, left: added - taken };
      });
  }

  has(id: string): boolean {
    return this.#sql.exec("SELECT 1 FROM coupon_pools WHERE id = ?", id).toArray().length > 0;
  }

  create(name: string, now: number): Result<CouponPoolView, "too_many"> {
    if (this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM coupon_pools").one().n >= MAX_POOLS)
      return no("too_many");
    const id = newId("pool");
    this.#sql.exec("INSERT INTO coupon_pools (id, name, created_at) VALUES (?, ?, ?)", id, name, now);
    return ok({ id, name, createdAt: iso(now), added: 0, taken: 0, left: 0 });
  }

  /** Good codes (`isCode`), all of them or, when the pool cannot hold them, none. */
  add(id: string, codes: readonly string[]): Result<{ added: number; duplicates: number }, "not_found" | "pool_full"> {
    return this.#storage.transactionSync(() => {
      if (!this.has(id)) return no("not_found");
      const byKey = new Map<string, string>();
      for (const code of codes) if (!byKey.has(codeKey(code))) byKey.set(codeKey(code), code);
      const known = this.#known([...byKey.keys()]);
      const fresh = [...byKey].filter(([key]) => !known.has(key));
      const added = this.#added(id);
      if (added + fresh.length > MAX_POOL_CODES) return no("pool_full");
      for (let i = 0; i < fresh.length; i += CHUNK)
        this.#sql.exec(
          `INSERT INTO pool_codes (pool, seq, code, code_key)
           SELECT ?, ? + key, value ->> 1, value ->> 0 FROM json_each(?)`,
          id,
          added + 1 + i,
          JSON.stringify(fresh.slice(i, i + CHUNK)),
        );
      return ok({ added: fresh.length, duplicates: codes.length - fresh.length });
    });
  }

  /** The pool goes with what is left in it. Codes given out stay known until their coupons are forgotten. */
  delete(id: string): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec("DELETE FROM pool_codes WHERE pool = ? AND seq > ?", id, this.#taken(id));
      this.#sql.exec("DELETE FROM coupon_pools WHERE id = ?", id);
    });
  }

  /** The code that is taken next; `null` when there is none, or no such pool. */
  next(id: string): { seq: number; code: string } | null {
    if (!this.has(id)) return null;
    return (
      this.#sql
        .exec<{ seq: number; code: string }>(
          "SELECT seq, code FROM pool_codes WHERE pool = ? AND seq > ? ORDER BY seq LIMIT 1",
          id,
          this.#taken(id),
        )
        .toArray()[0] ?? null
    );
  }

  /** Codes of pools that are gone, whose coupons are forgotten too. */
  trim(): void {
    this.#sql.exec(
      `DELETE FROM pool_codes WHERE pool NOT IN (SELECT id FROM coupon_pools)
       AND NOT EXISTS (SELECT 1 FROM coupons WHERE coupons.pool = pool_codes.pool AND coupons.seq = pool_codes.seq)`,
    );
  }

  /** Which of these a pool has, or were given out. */
  #known(keys: readonly string[]): Set<string> {
    const known = new Set<string>();
    for (let i = 0; i < keys.length; i += CHUNK) {
      const rows = this.#sql.exec<{ key: string }>(
        `SELECT value AS key FROM json_each(?) WHERE EXISTS (SELECT 1 FROM pool_codes WHERE code_key = value)
         OR EXISTS (SELECT 1 FROM coupons WHERE code_key = value AND pool IS NULL)`,
        JSON.stringify(keys.slice(i, i + CHUNK)),
      );
      for (const { key } of rows) known.add(key);
    }
    return known;
  }

  #added(id: string): number {
    return this.#sql.exec<Max>("SELECT max(seq) AS n FROM pool_codes WHERE pool = ?", id).one().n ?? 0;
  }

  #taken(id: string): number {
    return this.#sql.exec<Max>("SELECT max(seq) AS n FROM coupons WHERE pool = ?", id).one().n ?? 0;
  }
}

type Max = { n: number | null };
