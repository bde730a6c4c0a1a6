import { TIMERS_TABLE } from "../kit/timers.ts";

/** `carts`: how far each cart is counted, and its latest summary. Keys without rowid: a write is one row. */
export const MIGRATIONS = [
  `CREATE TABLE config (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, created_at INTEGER NOT NULL, settings TEXT NOT NULL);
   CREATE TABLE campaigns (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE carts (id TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, seq INTEGER NOT NULL, wakes_at INTEGER, summary TEXT) WITHOUT ROWID;
   CREATE TABLE rollups (grain TEXT NOT NULL, start INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (grain, start)) WITHOUT ROWID;
   CREATE TABLE totals (id INTEGER PRIMARY KEY CHECK (id = 1), gauges TEXT NOT NULL, counters TEXT NOT NULL);
   ${TIMERS_TABLE}`,
] as const;
