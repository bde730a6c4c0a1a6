/** Where a cart is kept: load, append, compact. The only file of this folder that speaks SQL. */
import type { Entry } from "../../shared/events/messages.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import type { Prediction, Predictor } from "../../shared/model/prediction.ts";
import { prior } from "../../shared/model/prior.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { idHash, MAX_WEIGHT, momentOf, weightOf } from "./decide.ts";
import { snapshotOf } from "./entry.ts";
import { before, fold } from "./fold.ts";
import { CREATE_LOG, type LogEntry, SNAPSHOT_SEQ, type Snapshot } from "./schema.ts";
import { type CartState, emptyState } from "./state.ts";
import { upcast } from "./upcast.ts";

/** The log is compacted when it holds more rows than this, down to half of it. */
export const MAX_LOG_ROWS = 256;
const MAX_BASE_IDS = 20_000;

interface Row extends Record<string, SqlStorageValue> {
  seq: number;
  at: number;
  entry: string;
}

export interface LogRow {
  seq: number;
  at: number;
  entry: LogEntry;
}

export interface Loaded {
  state: CartState;
  createdAt: number;
  lastSeq: number;
  baseSeq: number;
  /** Rows the store is known to have counted. */
  confirmed: number;
  /** The last trace that the log knows of. */
  trace: string | null;
}

export class CartStorage {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  /** The table is made by the first write: asking about a cart that does not exist leaves nothing behind. */
  #ready: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#ready = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'log'").toArray().length > 0;
  }

  /** The last snapshot and the log after it, folded. `null` when nothing was ever committed. */
  load(storeId: string, cartId: string): Loaded | null {
    if (!this.#ready) return null;
    const row = this.#sql.exec<{ entry: string }>("SELECT entry FROM log WHERE seq = ?", SNAPSHOT_SEQ).toArray()[0];
    const snapshot = row ? (JSON.parse(row.entry) as Snapshot) : null;
    const rows = this.rows(snapshot?.baseSeq ?? 0);
    const first = rows[0];
    if (!snapshot && !first) return null;
    const rules = rows.findLast((r) => r.entry.rules)?.entry.rules ?? snapshot?.rules;
    if (!rules) throw new Error("a cart without rules: its first row is missing");
    const state = emptyState(storeId, cartId, rules);
    if (snapshot) Object.assign(state, upcast(snapshot));
    state.usage = usageAfter(snapshot, rows);
    state.events = rows.flatMap(eventsOf).sort((a, b) => (before(a, b) ? -1 : 1));
    state.known = new Set([...state.baseIds, ...state.events.map((e) => idHash(e.id))]);
    state.facts = fold(state.base, state.events);
    state.weight = state.events.reduce((sum, event) => sum + weightOf(event), 0);
    state.history = rows.findLast((r) => r.entry.history)?.entry.history ?? snapshot?.history ?? null;
    state.prediction = lastPrediction(state, rows, snapshot);
    return {
      state,
      createdAt: snapshot?.createdAt ?? first!.at,
      lastSeq: rows.at(-1)?.seq ?? snapshot?.seq ?? 0,
      baseSeq: snapshot?.baseSeq ?? 0,
      confirmed: snapshot?.confirmed ?? 0,
      trace: rows.findLast((r) => r.entry.trace)?.entry.trace ?? null,
    };
  }

  /** One command, one transaction: its row, and the snapshot when the cart's own process changed. */
  append(seq: number, at: number, entry: LogEntry, snapshot: Snapshot | null): void {
    this.#storage.transactionSync(() => {
      if (!this.#ready) this.#sql.exec(CREATE_LOG);
      this.#sql.exec("INSERT INTO log (seq, at, entry) VALUES (?, ?, ?)", seq, at, JSON.stringify(entry));
      if (snapshot) this.#saveSnapshot(snapshot);
    });
    this.#ready = true;
  }

  rows(afterSeq: number, limit = -1): LogRow[] {
    return this.#sql
      .exec<Row>("SELECT seq, at, entry FROM log WHERE seq > ? ORDER BY seq LIMIT ?", afterSeq, limit)
      .toArray()
      .map((row) => ({ seq: row.seq, at: row.at, entry: JSON.parse(row.entry) as LogEntry }));
  }

  /** What the store is to be told about the rows after `seq`. */
  entries(afterSeq: number, limit: number): Entry[] {
    return this.rows(afterSeq, limit).map(({ seq, at, entry }) => ({ seq, at, delta: entry.delta }));
  }

  /**
   * Folds the older half of the log into the base, which forgets their order but not their effect: an event that
   * happened before the base and arrives after it is applied on top. Returns the state with its smaller window.
   */
  compact(
    state: CartState,
    meta: { createdAt: number; lastSeq: number; confirmed: number; baseSeq: number },
  ): number | null {
    if (!isLong(meta.lastSeq - meta.baseSeq, state.weight)) return null;
    const rows = this.rows(meta.baseSeq);
    const upTo = Math.min(meta.confirmed, rows[rows.length - newest(rows)]!.seq - 1);
    const old = rows.filter((row) => row.seq <= upTo);
    if (old.length === 0) return null;
    const gone = old.flatMap(eventsOf).sort((a, b) => (before(a, b) ? -1 : 1));
    const ids = [...state.baseIds, ...gone.map((e) => idHash(e.id))].slice(-MAX_BASE_IDS);
    const { createdAt, confirmed, lastSeq: seq } = meta;
    const folded = { ...state, base: fold(state.base, gone), baseIds: ids };
    const snapshot = snapshotOf(folded, { seq, createdAt, baseSeq: upTo, confirmed });
    this.#storage.transactionSync(() => {
      this.#saveSnapshot(snapshot);
      this.#sql.exec("DELETE FROM log WHERE seq > ? AND seq <= ?", SNAPSHOT_SEQ, upTo);
    });
    return upTo;
  }

  async forget(): Promise<void> {
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
    this.#ready = false;
  }

  #saveSnapshot(snapshot: Snapshot): void {
    this.#sql.exec(
      "INSERT INTO log (seq, at, entry) VALUES (?, 0, ?) ON CONFLICT (seq) DO UPDATE SET entry = excluded.entry",
      SNAPSHOT_SEQ,
      JSON.stringify(snapshot),
    );
  }
}

/** Is the log due to be compacted? By its rows, or by what they hold. */
export const isLong = (rows: number, weight: number): boolean => rows > MAX_LOG_ROWS || weight > MAX_WEIGHT / 2;

/** How many of the newest rows stay: at least one, at most half of each bound. */
function newest(rows: LogRow[]): number {
  let weight = 0;
  let count = 0;
  for (const row of rows.toReversed()) {
    weight += eventsOf(row).reduce((sum, event) => sum + weightOf(event), 0);
    if (count > 0 && (count >= MAX_LOG_ROWS / 2 || weight > MAX_WEIGHT / 4)) break;
    count += 1;
  }
  return count;
}

/** As it was before the eviction, but for its reasons; of what older code wrote as the prior sees it. */
function lastPrediction(state: CartState, rows: readonly LogRow[], snapshot: Snapshot | null): Prediction {
  const scored = rows.findLast((row) => row.entry.score);
  if (scored) return recorded(scored)(state.facts, momentOf(state, scored.at));
  const kept = snapshot?.score;
  if (kept) return { purchaseProbability: kept.probability, model: kept.model, reasons: [], at: kept.at };
  return prior(state.facts, momentOf(state, state.facts.lastReceivedAt));
}

/** What was predicted when the row was written; of older rows what the prior says. */
export function recorded({ entry }: LogRow): Predictor {
  const { score } = entry;
  if (!score) return prior;
  const [purchaseProbability, model] = score;
  return (_, { now }) => ({ purchaseProbability, model, reasons: [], at: now });
}

export const eventsOf = (row: LogRow): CartEvent[] =>
  (row.entry.events ?? []).map((event) => ({ ...event, receivedAt: row.at }));

function usageAfter(snapshot: Snapshot | null, rows: LogRow[]): CartState["usage"] {
  const usage = snapshot ? { ...snapshot.usage } : { accepted: 0, duplicates: 0, rejected: 0 };
  for (const row of rows) {
    if (row.seq <= (snapshot?.seq ?? 0)) continue;
    usage.accepted += row.entry.events?.length ?? 0;
    usage.duplicates += row.entry.delta.duplicates ?? 0;
    usage.rejected += row.entry.delta.rejected ?? 0;
  }
  return usage;
}

/** The rules a log was begun under: what `explain` starts from. */
export const firstRules = (rows: LogRow[], fallback: Rules): Rules =>
  rows.find((r) => r.entry.rules)?.entry.rules ?? fallback;
