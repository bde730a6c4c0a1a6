/** The tables of a Limiter. They are made with its first row and go with its last: most subjects are seen once. */
import { migrate } from "../kit/migrate.ts";
import { TIMERS_TABLE } from "../kit/timers.ts";
import type { Window } from "./decide.ts";

const MIGRATIONS = [
  `CREATE TABLE windows (name TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE revoked (id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE cutoff (id INTEGER PRIMARY KEY CHECK (id = 1), before INTEGER NOT NULL, until INTEGER NOT NULL);
   ${TIMERS_TABLE}`,
  "CREATE TABLE watchers (room TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID",
] as const;

/** Every token issued at or before `before` (ms) is void; the last of them expires at `until`. */
export interface Cutoff {
  before: number;
  until: number;
}

interface Loaded {
  windows: Map<string, Window>;
  revoked: Map<string, number>;
  cutoff: Cutoff | null;
  watchers: Map<string, number>;
}

export class LimiterStorage {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  #ready: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#ready = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = '_migrations'").toArray().length > 0;
    if (this.#ready) migrate(storage, MIGRATIONS);
  }

  get ready(): boolean {
    return this.#ready;
  }

  load(): Loaded {
    if (!this.#ready) return { windows: new Map(), revoked: new Map(), cutoff: null, watchers: new Map() };
    const windows = this.#sql.exec<{ name: string; data: string }>("SELECT name, data FROM windows").toArray();
    const revoked = this.#sql.exec<{ id: string; until: number }>("SELECT id, until FROM revoked").toArray();
    const watchers = this.#sql.exec<{ room: string; until: number }>("SELECT room, until FROM watchers").toArray();
    const cutoff = this.#sql.exec<{ before: number; until: number }>("SELECT before, until FROM cutoff").toArray()[0];
    return {
      windows: new Map(windows.map(({ name, data }) => [name, JSON.parse(data) as Window])),
      revoked: new Map(revoked.map(({ id, until }) => [id, until])),
      cutoff: cutoff ?? null,
      watchers: new Map(watchers.map(({ room, until }) => [room, until])),
    };
  }

  /** Makes the tables, then runs `write`, all in one transaction. */
  write(write: (sql: SqlStorage) => void): void {
    this.#storage.transactionSync(() => {
      if (!this.#ready) migrate(this.#storage, MIGRATIONS);
      write(this.#sql);
    });
    this.#ready = true;
  }

  async forget(): Promise<void> {
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
    this.#ready = false;
  }
}

export const saveWindow = (sql: SqlStorage, name: string, window: Window): void =>
  void sql.exec(
    "INSERT INTO windows (name, data) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET data = excluded.data",
    name,
    JSON.stringify(window),
  );

export const saveRevoked = (sql: SqlStorage, id: string, until: number): void =>
  void sql.exec(
    "INSERT INTO revoked (id, until) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET until = excluded.until",
    id,
    until,
  );

export const saveWatcher = (sql: SqlStorage, room: string, until: number): void =>
  void sql.exec(
    "INSERT INTO watchers (room, until) VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET until = excluded.until",
    room,
    until,
  );

export const saveCutoff = (sql: SqlStorage, { before, until }: Cutoff): void =>
  void sql.exec(
    "INSERT INTO cutoff (id, before, until) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET before = excluded.before, until = excluded.until",
    before,
    until,
  );
