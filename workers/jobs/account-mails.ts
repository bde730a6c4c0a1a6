/** Mails about accounts whose hint was lost, whose sender died, or that nobody will ask about any more. */
import { log } from "../../shared/log.ts";
import { DAY_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";

/** The queue takes no more at once. */
const MAX_HINTS = 100;
const KEEP_MS = 30 * DAY_MS;

/** Hints again at rows that are due, and parks those that were claimed and never settled: they may have been sent. */
export async function sweepAccountMails(env: Env, now: number): Promise<void> {
  const parked = await env.DB.prepare(
    "UPDATE account_mails SET status = 'unknown', reason = 'the sender never answered', due_at = NULL WHERE due_at <= ? AND status = 'sending'",
  )
    .bind(now)
    .run();
  if (parked.meta.changes > 0) log("error", "account_mails_parked", { rows: parked.meta.changes });
  const { results } = await env.DB.prepare(
    "SELECT id FROM account_mails WHERE due_at <= ? AND status = 'queued' ORDER BY due_at LIMIT ?",
  )
    .bind(now, MAX_HINTS)
    .all<{ id: string }>();
  if (results.length === 0) return;
  log("warn", "account_mails_swept", { rows: results.length });
  try {
    await env.INTERVENTIONS.sendBatch(results.map(({ id }) => ({ body: { kind: "account_mail", id } })));
  } catch (error) {
    log("error", "account_mail_hints_lost", { rows: results.length, error }); // the next run finds them again
  }
}

/** No index orders them by age: once a day. */
export async function forgetAccountMails(env: Env, now: number): Promise<void> {
  await env.DB.prepare("DELETE FROM account_mails WHERE expires_at < ?")
    .bind(now - KEEP_MS)
    .run();
}
