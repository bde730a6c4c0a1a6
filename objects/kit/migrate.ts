/**
 * Numbered, append-only migrations of an actor's tables, run synchronously in its constructor. One that changed after
 * it was applied, or a database from the future, is an error: better no actor than one that misreads its own past.
 */
import { stableHash } from "../../shared/ids.ts";

export function migrate(storage: DurableObjectStorage, migrations: readonly string[]): void {
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec("CREATE TABLE IF NOT EXISTS _migrations (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL)");
    const applied = sql.exec<{ id: number; hash: number }>("SELECT id, hash FROM _migrations ORDER BY id").toArray();
    if (applied.length > migrations.length)
      throw new Error(`storage has ${applied.length} migrations, the code ${migrations.length}`);
    migrations.forEach((statements, id) => {
      const hash = stableHash(statements);
      const known = applied[id];
      if (known && known.hash !== hash) throw new Error(`migration ${id} was changed after it was applied`);
      if (known) return;
      sql.exec(statements);
      sql.exec("INSERT INTO _migrations (id, hash) VALUES (?, ?)", id, hash);
    });
  });
}
