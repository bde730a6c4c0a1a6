/** What a stopped runtime left on disk: the truth to which its own counters are held. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface CartFiles {
  carts: number;
  logRows: number;
  events: number;
  /** The sum of what each log row says it cost. */
  countedRows: number;
}

export function inspectCarts(state: string): CartFiles {
  const sum: CartFiles = { carts: 0, logRows: 0, events: 0, countedRows: 0 };
  const files = readdirSync(state, { recursive: true, encoding: "utf8" });
  for (const file of files.filter((path) => /Cart\b.*\.sqlite$/.test(path) && !path.endsWith("metadata.sqlite"))) {
    const database = new DatabaseSync(join(state, file));
    try {
      const row = database
        .prepare(
          `SELECT count(*) AS logRows, total(json_array_length(entry, '$.events')) AS events,
             total(json_extract(entry, '$.delta.rows')) AS countedRows FROM log`,
        )
        .get() as Record<"logRows" | "events" | "countedRows", number>;
      sum.carts += 1;
      sum.logRows += row.logRows;
      sum.events += row.events;
      sum.countedRows += row.countedRows;
    } finally {
      database.close();
    }
  }
  return sum;
}
