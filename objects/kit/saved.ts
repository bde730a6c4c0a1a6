/** One value kept as one row of JSON, for actors whose whole state is small and lives in memory. */
import { migrate } from "./migrate.ts";

const MIGRATIONS = ["CREATE TABLE saved (id INTEGER PRIMARY KEY CHECK (id = 1), data TEXT NOT NULL)"] as const;

export class Saved<T> {
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#sql = storage.sql;
    migrate(storage, MIGRATIONS);
  }

  load(): T | null {
    const row = this.#sql.exec<{ data: string }>("SELECT data FROM saved").toArray()[0];
    return row ? (JSON.parse(row.data) as T) : null;
  }

  save(value: T): void {
    this.#sql.exec(
      "INSERT INTO saved (id, data) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data",
      JSON.stringify(value),
    );
  }
}
