/**
 * Many durable timers over one alarm, for actors whose delays do not follow from their state. A row is deleted only
 * after its handler succeeded; one that its own handler re-armed is spared (its generation moved on); failures back off
 * per row and park, visibly, after a limit. `run` never throws: after six throws the platform gives up for ever.
 */
import { log } from "../../shared/log.ts";
import { HOUR_MS, SECOND_MS } from "../../shared/time.ts";
import { Alarm } from "./alarm.ts";

const MAX_TRIES = 10;

interface Row extends Record<string, SqlStorageValue> {
  key: string;
  due: number;
  generation: number;
  tries: number;
}

export const TIMERS_TABLE = `CREATE TABLE timers (
  key TEXT PRIMARY KEY, due INTEGER NOT NULL, generation INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;`;

export class Timers {
  readonly #ctx: DurableObjectState;
  readonly #alarm: Alarm;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    this.#alarm = new Alarm(ctx);
  }

  /** Sets or moves a timer; moving it later leaves the alarm alone. */
  set(key: string, due: number): void {
    this.#ctx.storage.sql.exec(
      `INSERT INTO timers (key, due) VALUES (?, ?)
       ON CONFLICT (key) DO UPDATE SET due = excluded.due, generation = generation + 1, tries = 0`,
      key,
      due,
    );
    this.#alarm.arm(due);
  }

  /** Sets the timer unless it is already armed for then or earlier; a parked one is not armed. */
  setEarliest(key: string, due: number): void {
    const known = this.#ctx.storage.sql.exec<Row>("SELECT * FROM timers WHERE key = ?", key).toArray()[0];
    if (!known || known.due > due || known.tries >= MAX_TRIES) this.set(key, due);
  }

  /** The body of `alarm()`: runs what is due, then arms for what comes next. */
  async run(now: number, handle: (key: string) => Promise<void> | void): Promise<void> {
    this.#alarm.rang();
    const { sql } = this.#ctx.storage;
    const due = sql
      .exec<Row>("SELECT * FROM timers WHERE due <= ? AND tries < ? ORDER BY due LIMIT 100", now, MAX_TRIES)
      .toArray();
    for (const row of due) {
      try {
        await handle(row.key);
        sql.exec("DELETE FROM timers WHERE key = ? AND generation = ?", row.key, row.generation);
      } catch (error) {
        const tries = row.tries + 1;
        const again = now + Math.min(HOUR_MS, SECOND_MS * 2 ** tries);
        sql.exec(
          "UPDATE timers SET tries = ?, due = ? WHERE key = ? AND generation = ?",
          tries,
          again,
          row.key,
          row.generation,
        );
        log(tries >= MAX_TRIES ? "error" : "warn", tries >= MAX_TRIES ? "timer_parked" : "timer_failed", {
          timer: row.key,
          tries,
          error,
        });
      }
    }
    const next = sql
      .exec<{ due: number | null }>("SELECT min(due) AS due FROM timers WHERE tries < ?", MAX_TRIES)
      .one();
    this.#alarm.arm(next.due);
  }
}
