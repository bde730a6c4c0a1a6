/** The store's counting tables. One transaction a batch of news, however many carts it is about. */
import type { AppliedCart, CartNews, Delta, Entry } from "../../shared/events/messages.ts";
import { DAY_MS, GRAIN_MS, type Grain, HOUR_MS } from "../../shared/time.ts";
import {
  acceptedIn,
  addDelta,
  applyNews,
  bucketsOf,
  emptyGauges,
  type Gauges,
  type KnownCart,
  moveGauges,
} from "./rollup.ts";

/** A cart that is gone is remembered this long, so that an echo of its news is not counted again. */
const TOMBSTONE_MS = 7 * DAY_MS;

/** How long buckets are kept: two days of minutes, ninety of hours, days for ever (a row a day). */
const KEEP_MS: Record<Grain, number> = { minute: 2 * DAY_MS, hour: 90 * DAY_MS, day: 3650 * DAY_MS };

interface CartRow extends Record<string, SqlStorageValue> {
  id: string;
  incarnation: number;
  seq: number;
  summary: string | null;
}

/** Who keeps facts of its own about what is counted, within the same transaction. */
interface Tally {
  count(cartId: string, delta: Delta): void;
}

export interface Counted {
  applied: AppliedCart[];
  /** The entries that were new. */
  fresh: Entry[];
}

export class Counters {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #tallies: readonly Tally[];
  #gauges: Gauges;
  #counters: Delta;

  constructor(storage: DurableObjectStorage, tallies: readonly Tally[]) {
    this.#storage = storage;
    this.#tallies = tallies;
    this.#sql = storage.sql;
    const row = this.#sql
      .exec<{ gauges: string; counters: string }>("SELECT gauges, counters FROM totals")
      .toArray()[0];
    this.#gauges = row ? JSON.parse(row.gauges) : emptyGauges();
    this.#counters = row ? JSON.parse(row.counters) : {};
  }

  get gauges(): Gauges {
    return this.#gauges;
  }

  /** Since the store began. */
  get totals(): Delta {
    return this.#counters;
  }

  apply(batch: readonly CartNews[], now: number): Counted {
    const before = { gauges: this.#gauges, counters: this.#counters };
    try {
      return this.#storage.transactionSync(() => this.#applyAll(batch, now));
    } catch (error) {
      this.#gauges = before.gauges;
      this.#counters = before.counters;
      throw error;
    }
  }

  #applyAll(batch: readonly CartNews[], now: number): Counted {
    const carts = new Map<string, { known: KnownCart | null; from: number; moved: boolean }>();
    const fresh: Entry[] = [];
    for (const news of batch) {
      const seen = carts.get(news.cartId);
      const known = seen ? seen.known : this.#cart(news.cartId);
      const applied = applyNews(known, news);
      // A cart that is gone stays counted where it ended.
      if (applied.moved && !news.gone)
        this.#gauges = moveGauges(this.#gauges, known?.summary ?? null, applied.cart.summary);
      fresh.push(...applied.fresh);
      for (const tally of this.#tallies) for (const { delta } of applied.fresh) tally.count(news.cartId, delta);
      const from = seen?.from ?? (known && known.incarnation === applied.cart.incarnation ? known.seq : 0);
      carts.set(news.cartId, { known: applied.cart, from, moved: applied.moved || (seen?.moved ?? false) });
    }
    for (const [id, { known }] of carts) if (known) this.#saveCart(id, known, now);
    for (const [key, delta] of bucketsOf(fresh)) this.#addToBucket(key, delta);
    for (const { delta } of fresh) this.#counters = addDelta(this.#counters, delta);
    this.#saveTotals();
    const applied = [...carts].map(([cartId, { known, from, moved }]) => ({
      cartId,
      seq: known?.seq ?? 0,
      from,
      moved: moved ? (known?.summary ?? null) : null,
    }));
    return { applied, fresh };
  }

  /** Events that were refused before they reached any cart. */
  countRejected(count: number, now: number): void {
    this.#storage.transactionSync(() => {
      for (const [key, delta] of bucketsOf([{ seq: 0, at: now, delta: { rejected: count } }]))
        this.#addToBucket(key, delta);
      this.#counters = addDelta(this.#counters, { rejected: count });
      this.#saveTotals();
    });
  }

  /** How far a cart is counted; 0 when all we know is an earlier cart of that name. */
  seen(cartId: string, incarnation: number): number {
    const known = this.#cart(cartId);
    return known?.incarnation === incarnation ? known.seq : 0;
  }

  /** Buckets of a grain, oldest first; `from` and `to` in ms. */
  rollups(grain: Grain, from: number, to: number): { start: number; delta: Delta }[] {
    return this.#sql
      .exec<{ start: number; data: string }>(
        "SELECT start, data FROM rollups WHERE grain = ? AND start >= ? AND start < ? ORDER BY start LIMIT 3000",
        grain,
        from,
        to,
      )
      .toArray()
      .map((row) => ({ start: row.start, delta: JSON.parse(row.data) as Delta }));
  }

  /** Accepted events in each of the last `count` minutes, oldest first; the last one is still running. */
  eventsByMinute(now: number, count: number): number[] {
    const minute = GRAIN_MS.minute;
    const last = now - (now % minute);
    const rows = new Map(
      this.rollups("minute", last - (count - 1) * minute, last + minute).map((r) => [r.start, acceptedIn(r.delta)]),
    );
    return Array.from({ length: count }, (_, i) => rows.get(last - (count - 1 - i) * minute) ?? 0);
  }

  /** Carts that should have woken before `deadline` and did not say so, the latest first to be due first. */
  overdue(deadline: number, limit: number): string[] {
    const rows = this.#sql
      .exec<{ id: string }>(
        "SELECT id FROM carts WHERE wakes_at < ? AND summary IS NOT NULL ORDER BY wakes_at LIMIT ?",
        deadline,
        limit,
      )
      .toArray();
    return rows.map((row) => row.id);
  }

  /** There is no such cart any more: its farewell was lost. */
  buried(cartId: string, now: number): void {
    this.#sql.exec("UPDATE carts SET summary = NULL, wakes_at = ? WHERE id = ?", now + TOMBSTONE_MS, cartId);
  }

  nudged(cartId: string, now: number): void {
    this.#sql.exec("UPDATE carts SET wakes_at = ? WHERE id = ?", now + HOUR_MS, cartId);
  }

  /** Old buckets, and the tombstones of carts that are gone for good. */
  trim(now: number): void {
    for (const grain of Object.keys(KEEP_MS) as Grain[]) {
      this.#sql.exec("DELETE FROM rollups WHERE grain = ? AND start < ?", grain, now - KEEP_MS[grain]);
    }
    this.#sql.exec("DELETE FROM carts WHERE summary IS NULL AND wakes_at < ?", now);
  }

  #cart(id: string): KnownCart | null {
    const row = this.#sql.exec<CartRow>("SELECT * FROM carts WHERE id = ?", id).toArray()[0];
    return row
      ? { incarnation: row.incarnation, seq: row.seq, summary: row.summary ? JSON.parse(row.summary) : null }
      : null;
  }

  #saveCart(id: string, { incarnation, seq, summary }: KnownCart, now: number): void {
    this.#sql.exec(
      `INSERT INTO carts (id, incarnation, seq, wakes_at, summary) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET incarnation = excluded.incarnation, seq = excluded.seq, wakes_at = excluded.wakes_at, summary = excluded.summary`,
      id,
      incarnation,
      seq,
      summary ? summary.wakesAt : now + TOMBSTONE_MS,
      summary ? JSON.stringify(summary) : null,
    );
  }

  #addToBucket(key: string, delta: Delta): void {
    const [grain = "", start = "0"] = key.split("/");
    const row = this.#sql
      .exec<{ data: string }>("SELECT data FROM rollups WHERE grain = ? AND start = ?", grain, Number(start))
      .toArray()[0];
    const data = JSON.stringify(addDelta(row ? (JSON.parse(row.data) as Delta) : {}, delta));
    this.#sql.exec(
      "INSERT INTO rollups (grain, start, data) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET data = excluded.data",
      grain,
      Number(start),
      data,
    );
  }

  #saveTotals(): void {
    this.#sql.exec(
      "INSERT INTO totals (id, gauges, counters) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET gauges = excluded.gauges, counters = excluded.counters",
      JSON.stringify(this.#gauges),
      JSON.stringify(this.#counters),
    );
  }
}
