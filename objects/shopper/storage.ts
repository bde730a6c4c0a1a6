/** Where a shopper is kept: in one row, or, once it has moved, in another. The only file of this folder that speaks SQL. */
import { migrate } from "../kit/migrate.ts";
import { TIMERS_TABLE } from "../kit/timers.ts";
import { type Moved, type Shopper, STRANGER } from "./decide.ts";
import type { Past } from "./past.ts";

const MIGRATIONS = [
  `CREATE TABLE profile (id INTEGER PRIMARY KEY CHECK (id = 1), data TEXT NOT NULL);
   CREATE TABLE sends (delivery_id TEXT PRIMARY KEY, at INTEGER NOT NULL, status TEXT NOT NULL) WITHOUT ROWID;
   ${TIMERS_TABLE}`,
  // Sends had rows of their own, and all of them were mails.
  `INSERT OR IGNORE INTO profile (id, data) SELECT 1, '{}' WHERE EXISTS (SELECT 1 FROM sends);
   UPDATE profile SET data = json_set(data, '$.sends', json((
     SELECT json_group_array(json_object('deliveryId', delivery_id, 'channel', 'email', 'at', at, 'status', status))
     FROM (SELECT * FROM sends ORDER BY at))));
   DROP TABLE sends;`,
] as const;

/** A key of its own: most visitors leave nothing but a tombstone, and that is then the only row there is. */
const MOVED = "moved";
/** One too: many a visitor leaves nothing but a cart. */
const PAST = "past";

export class ShopperStorage {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  /** The tables are made by the first write: asking about a shopper that does not exist leaves nothing behind. */
  #ready: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#ready = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = '_migrations'").toArray().length > 0;
    if (this.#ready) migrate(storage, MIGRATIONS);
  }

  /** `null` when nothing was ever kept, or everything was handed over. */
  load(): Shopper | null {
    const row = this.#ready && this.#sql.exec<{ data: string }>("SELECT data FROM profile").toArray()[0];
    return row ? { ...STRANGER, ...(JSON.parse(row.data) as Partial<Shopper>) } : null;
  }

  save(shopper: Shopper): void {
    this.open();
    this.#sql.exec(
      "INSERT INTO profile (id, data) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data",
      JSON.stringify(shopper),
    );
  }

  past(): Past {
    return this.#storage.kv.get<Past>(PAST) ?? [];
  }

  savePast(past: Past): void {
    this.#storage.kv.put(PAST, past);
  }

  /** Everything but the way to who they are now. */
  forget(): void {
    if (this.#ready) this.#sql.exec("DELETE FROM profile");
    this.#storage.kv.delete(PAST);
  }

  moved(): Moved | null {
    return this.#storage.kv.get<Moved>(MOVED) ?? null;
  }

  saveMoved(moved: Moved): void {
    this.#storage.kv.put(MOVED, moved);
  }

  /** The tables, the timers' too. */
  open(): void {
    if (this.#ready) return;
    migrate(this.#storage, MIGRATIONS);
    this.#ready = true;
  }
}
