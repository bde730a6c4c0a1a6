/** The cron table (wrangler.toml, `triggers`). Every job survives running twice and late. */
import { RECOVERY_TTL_MS } from "../../shared/auth/links.ts";
import { sweepArtefacts } from "../../shared/db/models.ts";
import { log } from "../../shared/log.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { forgetAccountMails, sweepAccountMails } from "./account-mails.ts";

/** Rows that are of no more use to anybody. */
const RETENTION: [sql: string, keepMs: number][] = [
  ["DELETE FROM sessions WHERE expires_at < ?", DAY_MS],
  ["DELETE FROM invitations WHERE expires_at < ?", 30 * DAY_MS],
  ["DELETE FROM api_keys WHERE coalesce(revoked_at, expires_at) < ?", 90 * DAY_MS],
  ["DELETE FROM failed_events WHERE at < ?", 7 * DAY_MS],
  ["DELETE FROM idempotency_keys WHERE created_at < ?", DAY_MS],
  ["DELETE FROM sms_numbers WHERE at < ?", 400 * DAY_MS],
  ["DELETE FROM short_links WHERE at < ?", RECOVERY_TTL_MS],
  ["DELETE FROM sms_replies WHERE at < ?", 400 * DAY_MS],
];

/** Copies of carts whose farewell was lost: these columns say when anything last happened. */
const LOST: [table: string, id: string, column: string][] = [
  ["carts", "id", "last_activity_at"],
  ["deliveries", "id", "scheduled_at"],
  ["outbox", "delivery_id", "at"],
];
const LOST_MS = 400 * DAY_MS;
/** What training learned from and said. Too old to tell of the shop as it is. */
const TAUGHT: typeof LOST = [
  ["training_runs", "id", "started_at"],
  ["drift_reports", "at", "at"],
];
const EXAMPLES: (typeof LOST)[number] = [
  "training_examples",
  "closed_at, cart_id, incarnation, generation",
  "closed_at",
];
/** Examples are many, and in the order of stores and times: so only those that go are read. */
const STORE_BY_STORE = "store_id IN (SELECT id FROM stores) AND ";
const CHUNK = 500;
const MAX_CHUNKS = 20;
/** No index orders these tables by age, so they are read as a whole: once a day, by the first run of it. */
const FIRST_RUN_MS = 5 * MINUTE_MS;

/** Sundays at three. Days of the week count from 1 on this platform: the name cannot be misread. */
export const WEEKLY = "0 3 * * SUN";
const AUDIT_MS = 90 * DAY_MS;
/** A model's artefact is written before its row: one this old without a row will never have one. */
const ORPHAN_MS = 7 * DAY_MS;
/** An invocation may ask D1 a thousand times. */
const MAX_AUDIT_CHUNKS = 900;

export async function runSchedule(cron: string, env: Env, now: number): Promise<void> {
  if (cron === WEEKLY) return weekly(env, now);
  for (const [sql, keepMs] of RETENTION) {
    const done = await env.DB.prepare(sql)
      .bind(now - keepMs)
      .run();
    if (done.meta.changes > 0) log("info", "retention", { cron, sql: sql.split(" ")[2], rows: done.meta.changes });
  }
  await sweepAccountMails(env, now);
  if (now % DAY_MS >= FIRST_RUN_MS) return;
  await forgetAccountMails(env, now);
  for (const lost of LOST) await sweep(env, lost, now - LOST_MS);
  for (const taught of TAUGHT) await sweep(env, taught, now - LOST_MS);
  await sweep(env, EXAMPLES, now - LOST_MS, STORE_BY_STORE);
}

async function weekly(env: Env, now: number): Promise<void> {
  await sweepAudit(env, now - AUDIT_MS);
  const artefacts = await sweepArtefacts(env.DB, env.ARTEFACTS, now - ORPHAN_MS);
  if (artefacts > 0) log("warn", "artefacts_swept", { artefacts });
}

/** What is left after the last chunk is tomorrow's work. */
async function sweep(env: Env, [table, id, column]: (typeof LOST)[number], before: number, where = ""): Promise<void> {
  const statement = env.DB.prepare(
    `DELETE FROM ${table} WHERE (store_id, ${id}) IN (SELECT store_id, ${id} FROM ${table} WHERE ${where}${column} < ? LIMIT ${CHUNK})`,
  ).bind(before);
  let rows = 0;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const { changes } = (await statement.run()).meta;
    rows += changes;
    if (changes < CHUNK) break;
  }
  if (rows > 0) log("info", "old_rows_swept", { table, rows });
}

/** The one place where lines of the audit log are deleted: in chunks, until none is left that is too old. */
async function sweepAudit(env: Env, before: number): Promise<void> {
  const statement = env.DB.prepare(
    `DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE at < ? LIMIT ${CHUNK})`,
  ).bind(before);
  let rows = 0;
  for (let chunk = 0; chunk < MAX_AUDIT_CHUNKS; chunk++) {
    const { changes } = (await statement.run()).meta;
    rows += changes;
    if (changes < CHUNK) break;
  }
  log("info", "audit_swept", { rows });
}
