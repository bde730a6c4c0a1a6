/**
 * What a store's questions to language models cost, by the UTC day, in neurons. A question reserves the most that it can
 * cost before it is asked; what it did cost takes that place afterwards. One that never comes back stays as reserved.
 */
import { no, ok, type Result } from "../../shared/result.ts";
import { floorTo } from "../../shared/time.ts";

export class AiBudget {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** The same question (`id`) is asked once a day. Writes two rows. */
  reserve(id: string, neurons: number, limit: number, now: number): Result<null, "budget_spent" | "already_asked"> {
    return this.#storage.transactionSync(() => {
      const spent = this.#today(now);
      if (this.#sql.exec("SELECT 1 FROM ai_questions WHERE id = ?", id).toArray().length > 0)
        return no("already_asked");
      if (neurons > limit - spent) return no("budget_spent");
      this.#sql.exec("INSERT INTO ai_questions (id, neurons) VALUES (?, ?)", id, neurons);
      this.#sql.exec("UPDATE ai_day SET neurons = neurons + ?", neurons);
      return ok(null);
    });
  }

  /** What it cost after all. A second time changes nothing, and neither does an answer of yesterday. */
  settle(id: string, neurons: number): void {
    this.#storage.transactionSync(() => {
      const row = this.#sql
        .exec<{ neurons: number }>("SELECT neurons FROM ai_questions WHERE id = ? AND settled = 0", id)
        .toArray()[0];
      if (!row) return;
      this.#sql.exec("UPDATE ai_questions SET neurons = ?, settled = 1 WHERE id = ?", neurons, id);
      this.#sql.exec("UPDATE ai_day SET neurons = max(0, neurons + ?)", neurons - row.neurons);
    });
  }

  /** Neurons of this day so far, reserved ones included. */
  spent(now: number): number {
    const row = this.#sql.exec<{ day: number; neurons: number }>("SELECT day, neurons FROM ai_day").toArray()[0];
    return row?.day === floorTo(now, "day") ? row.neurons : 0;
  }

  /** A new day begins with the first question of it; a clock that went back begins none. */
  #today(now: number): number {
    const day = floorTo(now, "day");
    const row = this.#sql.exec<{ day: number; neurons: number }>("SELECT day, neurons FROM ai_day").toArray()[0];
    if (row && row.day >= day) return row.neurons;
    this.#sql.exec("DELETE FROM ai_questions");
    this.#sql.exec(
      "INSERT INTO ai_day (id, day, neurons) VALUES (1, ?, 0) ON CONFLICT (id) DO UPDATE SET day = excluded.day, neurons = 0",
      day,
    );
    return 0;
  }
}
