/**
 * One table, made by the cart's first write: a cart pays for every row, its schema's too. Row `seq` of `log` is a
 * command or a beacon; row 0 is the snapshot, written when the cart's own process changed or the log was compacted. What
 * the rows hold is JSON and grows by optional fields: `upcast.ts` reads what older code wrote.
 */
import type { Delta } from "../../shared/events/messages.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import type { ShopperHistory } from "../../shared/model/history.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import type { Command, Note } from "./commands.ts";
import type { CartState, Facts, Process } from "./state.ts";

export const CREATE_LOG = "CREATE TABLE log (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, entry TEXT NOT NULL)";

/** Rows that making the table writes, as the platform counts them. */
export const CREATE_LOG_ROWS = 2;

export const SNAPSHOT_SEQ = 0;

/** A row of the log. */
export interface LogEntry {
  /** A beacon's accepted events. Their `receivedAt` is the row's `at`. */
  events?: Omit<CartEvent, "receivedAt">[];
  /** Any other command. */
  command?: Exclude<Command, { type: "receive" }>;
  notes?: Note[];
  delta: Delta;
  /** Probability and model of the prediction that was made with it. */
  score?: [probability: number, model: string];
  /** The shopper's past, when the cart was told of it. */
  history?: ShopperHistory;
  /** The trace (`traceparent`), whenever another one reached the cart. */
  trace?: string;
  /** The rules, whenever they changed: the log explains itself. */
  rules?: Rules;
}

export interface Snapshot {
  /** The row that this is the state after. */
  seq: number;
  createdAt: number;
  /** Rows up to here are folded into `base` and gone from the log. */
  baseSeq: number;
  base: Facts;
  baseIds: number[];
  process: Process;
  /** Absent from what older code wrote, like the next one. */
  history?: ShopperHistory | null;
  /** Of the last prediction; rows that had it may be compacted away. */
  score?: { probability: number; model: string; at: number };
  usage: CartState["usage"];
  rules: Rules;
  /** Rows up to here are known to be counted by the store. */
  confirmed: number;
}
