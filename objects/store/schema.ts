import { TIMERS_TABLE } from "../kit/timers.ts";

/**
 * `carts`: how far each cart is counted, and its latest summary. `exposures`: the first time a shopper met a step of a
 * campaign; `purchases`: orders of known shoppers as they stand. `coupons`: codes given out, `n` the how-manieth of its step;
 * `redemptions`: orders that used one; `coupon_tallies`: what became of those that were forgotten. `pool_codes`: imported
 * codes in the order in which they are taken. `ai_questions`: those of the day, and what they cost. Keys without rowid: a write is one row, and one more for each index it is in.
 */
export const MIGRATIONS = [
  `CREATE TABLE config (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, created_at INTEGER NOT NULL, settings TEXT NOT NULL);
   CREATE TABLE campaigns (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE carts (id TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, seq INTEGER NOT NULL, wakes_at INTEGER, summary TEXT) WITHOUT ROWID;
   CREATE TABLE rollups (grain TEXT NOT NULL, start INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (grain, start)) WITHOUT ROWID;
   CREATE TABLE totals (id INTEGER PRIMARY KEY CHECK (id = 1), gauges TEXT NOT NULL, counters TEXT NOT NULL);
   ${TIMERS_TABLE}`,
  `CREATE TABLE exposures (campaign TEXT NOT NULL, shopper TEXT NOT NULL, step TEXT NOT NULL, at INTEGER NOT NULL, cart TEXT NOT NULL, version INTEGER NOT NULL,
     arm TEXT NOT NULL, holdout REAL NOT NULL, variant TEXT NOT NULL, probability REAL NOT NULL, window_ms INTEGER NOT NULL, PRIMARY KEY (campaign, shopper, step)) WITHOUT ROWID;
   CREATE TABLE purchases (cart TEXT NOT NULL, id TEXT NOT NULL, shopper TEXT NOT NULL, at INTEGER NOT NULL, minor INTEGER NOT NULL, currency TEXT NOT NULL,
     campaign TEXT, model TEXT, PRIMARY KEY (cart, id)) WITHOUT ROWID;
   CREATE INDEX purchases_shopper ON purchases (shopper);
   CREATE TABLE allocation (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, data TEXT NOT NULL)`,
  `CREATE TABLE coupons (campaign TEXT NOT NULL, step TEXT NOT NULL, n INTEGER NOT NULL, cart TEXT NOT NULL, generation INTEGER NOT NULL, shopper TEXT NOT NULL,
     code TEXT NOT NULL, code_key TEXT NOT NULL, kind TEXT NOT NULL, amount REAL NOT NULL, pool TEXT, seq INTEGER, issued_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL, PRIMARY KEY (campaign, step, n)) WITHOUT ROWID;
   CREATE UNIQUE INDEX coupons_ask ON coupons (cart, generation, campaign, step);
   CREATE UNIQUE INDEX coupons_code ON coupons (code_key) WHERE pool IS NULL;
   CREATE UNIQUE INDEX coupons_pool ON coupons (pool, seq) WHERE pool IS NOT NULL;
   CREATE TABLE redemptions (cart TEXT NOT NULL, order_id TEXT NOT NULL, campaign TEXT NOT NULL, step TEXT NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL,
     PRIMARY KEY (cart, order_id, campaign, step, n)) WITHOUT ROWID;
   CREATE INDEX redemptions_coupon ON redemptions (campaign, step, n);
   CREATE TABLE coupon_tallies (campaign TEXT NOT NULL, step TEXT NOT NULL, redeemed INTEGER NOT NULL, expired INTEGER NOT NULL, PRIMARY KEY (campaign, step)) WITHOUT ROWID;
   CREATE TABLE coupon_pools (id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE pool_codes (pool TEXT NOT NULL, seq INTEGER NOT NULL, code TEXT NOT NULL, code_key TEXT NOT NULL, PRIMARY KEY (pool, seq)) WITHOUT ROWID;
   CREATE UNIQUE INDEX pool_codes_key ON pool_codes (code_key);
   CREATE TABLE signal (id INTEGER PRIMARY KEY CHECK (id = 1), data TEXT NOT NULL)`,
  "CREATE TABLE first_messages (channel TEXT PRIMARY KEY, hour INTEGER NOT NULL, count INTEGER NOT NULL) WITHOUT ROWID",
  "CREATE TABLE serving (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, data TEXT NOT NULL)",
  `CREATE TABLE ai_day (id INTEGER PRIMARY KEY CHECK (id = 1), day INTEGER NOT NULL, neurons REAL NOT NULL);
   CREATE TABLE ai_questions (id TEXT PRIMARY KEY, neurons REAL NOT NULL, settled INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID`,
] as const;
