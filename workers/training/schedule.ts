/**
 * What training does by the clock. Every store has an hour of the week for a run, and one of the day for the drift watch, both by
 * the hash of its id, so that they do not all begin at once. Every job survives running twice and late.
 */
import { countExamples, lastRun } from "../../shared/db/training.ts";
import { stableHash } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { GATES } from "../../shared/model/gates.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { watchDrift } from "./drift.ts";
import { sweepRuns } from "./files.ts";
import { startTraining, wakeSilentRuns } from "./start.ts";

/** The cron comes every five minutes; the first one of an hour does its stores. */
const FIRST_RUN_MS = 5 * MINUTE_MS;
const HOURS_A_DAY = 24;
const HOURS_A_WEEK = 7 * HOURS_A_DAY;
/** A scheduled run again, a little earlier than a week after the last: its slot is an hour wide. */
const AGAIN_MS = 6 * DAY_MS;
/** An invocation may ask D1 a thousand times, and each store asks a few. */
const MAX_STORES = 100;
const PAGE = 1_000;
const MAX_PAGES = 100;
/** No run takes that long. */
const LEFT_MS = 30 * DAY_MS;

export async function runTrainingSchedule(env: Env, now: number): Promise<void> {
  await wakeSilentRuns(env, now);
  if (now % HOUR_MS >= FIRST_RUN_MS) return;
  const hour = Math.floor(now / HOUR_MS);
  await each(await storesOf(env, hour), (storeId) => inItsHour(env, storeId, hour, now));
  if (hour % HOURS_A_WEEK === 0) log("info", "runs_swept", { files: await sweepRuns(env, now - LEFT_MS) });
}

/** Of the day. */
const slotOf = (storeId: string): number => stableHash(`drift/${storeId}`) % HOURS_A_DAY;
/** Of the week: one of the hours of its day's slot. */
const isItsWeek = (storeId: string, hour: number): boolean =>
  Math.floor(hour / HOURS_A_DAY) % 7 === stableHash(`train/${storeId}`) % 7;

async function storesOf(env: Env, hour: number): Promise<string[]> {
  const due: string[] = [];
  let after = "";
  for (let page = 0; page < MAX_PAGES; page++) {
    const { results } = await env.DB.prepare("SELECT id FROM stores WHERE id > ? ORDER BY id LIMIT ?")
      .bind(after, PAGE)
      .all<{ id: string }>();
    due.push(...results.map(({ id }) => id).filter((id) => slotOf(id) === hour % HOURS_A_DAY));
    after = results.at(-1)?.id ?? "";
    if (results.length < PAGE) break;
  }
  if (due.length <= MAX_STORES) return due;
  log("warn", "training_stores_late", { stores: due.length, done: MAX_STORES });
  // Another hundred each day.
  const from = (Math.floor(hour / HOURS_A_DAY) * MAX_STORES) % due.length;
  return [...due.slice(from), ...due.slice(0, from)].slice(0, MAX_STORES);
}

async function inItsHour(env: Env, storeId: string, hour: number, now: number): Promise<void> {
  await watchDrift(env, storeId, now);
  if (isItsWeek(storeId, hour)) await trainIfWorth(env, storeId, now);
}

/** Only with enough outcomes that the last run did not see: a run that would end as too few is not begun. */
async function trainIfWorth(env: Env, storeId: string, now: number): Promise<void> {
  const last = await lastRun(env.DB, storeId, "schedule");
  if (last && last.started_at > now - AGAIN_MS) return;
  const fresh = { closedAfter: last?.started_at ?? 0, closedUntil: now, atAfter: 0, atUntil: now, share: 1000 };
  const { rows } = await countExamples(env.DB, storeId, fresh, GATES.minRows);
  if (rows >= GATES.minRows) await startTraining(env, storeId, "schedule");
}

/** One store's failure is its own. */
async function each(stores: string[], work: (storeId: string) => Promise<void>): Promise<void> {
  for (const storeId of stores) {
    try {
      await work(storeId);
    } catch (error) {
      log("error", "training_schedule_failed", { storeId, error });
    }
  }
}
