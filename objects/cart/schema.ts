/**
 * `log`: one row a command or beacon. `snapshot`: one row, written when the cart's own process changed or the log was
 * compacted. Both have integer keys, so that a row costs one row.
 */
import type { Delta } from "../../shared/events/messages.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import type { Command, Note } from "./commands.ts";
import type { CartState, Facts, Process } from "./state.ts";

export const MIGRATIONS = [
  `CREATE TABLE log (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, entry TEXT NOT NULL);
   CREATE TABLE snapshot (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, state TEXT NOT NULL);`,
] as const;

/** A row of the log. */
export interface LogEntry {
  /** A beacon's accepted events. Their `receivedAt` is the row's `at`. */
  events?: Omit<CartEvent, "receivedAt">[];
  /** Any other command. */
  command?: Exclude<Command, { type: "receive" }>;
  notes?: Note[];
  delta: Delta;
  /** The rules, whenever they changed: the log explains itself. */
  rules?: Rules;
}

export interface Snapshot {
  createdAt: number;
  /** Rows up to here are folded into `base` and gone from the log. */
  baseSeq: number;
  base: Facts;
  baseIds: number[];
  process: Process;
  usage: CartState["usage"];
  rules: Rules;
  /** Rows up to here are known to be counted by the store. */
  confirmed: number;
}
