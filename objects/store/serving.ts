/** Which models score the store's carts: one row, whose version is part of the rules' own. */
import { NO_SERVING, type Serving, type ServingState } from "../../shared/model/serving.ts";

export class ServingModels {
  readonly #sql: SqlStorage;
  #serving: Serving;
  #version: number;

  constructor({ sql }: DurableObjectStorage) {
    this.#sql = sql;
    const row = sql.exec<{ version: number; data: string }>("SELECT version, data FROM serving").toArray()[0];
    this.#version = row?.version ?? 0;
    this.#serving = row ? (JSON.parse(row.data) as Serving) : NO_SERVING;
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  get current(): Serving {
    return this.#serving;
  }

  get state(): ServingState {
    return { ...this.#serving, version: this.#version };
  }

  put({ production, canary, shadow, previous }: Serving): void {
    const serving: Serving = { production, canary, shadow, previous };
    const version = this.#version + 1;
    this.#sql.exec(
      "INSERT INTO serving (id, version, data) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data",
      version,
      JSON.stringify(serving),
    );
    this.#version = version;
    this.#serving = serving;
  }
}
