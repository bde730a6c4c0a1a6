/** The cron table (wrangler.toml, `triggers`). Every job survives running twice and late. */
import { log } from "../../shared/log.ts";
import { DAY_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";

/** Rows that are of no more use to anybody. */
const RETENTION: [sql: string, keepMs: number][] = [
  ["DELETE FROM sessions WHERE expires_at < ?", DAY_MS],
  ["DELETE FROM failed_events WHERE at < ?", 7 * DAY_MS],
];

export async function runSchedule(cron: string, env: Env, now: number): Promise<void> {
  for (const [sql, keepMs] of RETENTION) {
    const done = await env.DB.prepare(sql)
      .bind(now - keepMs)
      .run();
    if (done.meta.changes > 0) log("info", "retention", { cron, sql: sql.split(" ")[2], rows: done.meta.changes });
  }
}
