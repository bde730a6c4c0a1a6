import { TIMERS_TABLE } from "../kit/timers.ts";

/**
 * `carts`: how far each cart is counted, and its latest summary. `exposures`: the first time a shopper met a step of a
 * campaign; `purchases`: orders of known shoppers as they stand. Keys without rowid: a write is one row.
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
] as const;
