/** The first steps of a run: which examples there are, reading them page by page, and parting them. */
import { storeStub } from "../../objects/stubs.ts";
import { modelRow } from "../../shared/db/models.ts";
import {
  countExamples,
  type ExampleCursor,
  type ExampleQuery,
  type ExampleRow,
  examplePage,
} from "../../shared/db/training.ts";
import {
  DatasetWriter,
  encodeDataset,
  everyRow,
  type Heads,
  headsOf,
  MIN_TEST,
  positivesIn,
  splitByTime,
} from "../../shared/model/dataset.ts";
import { FEATURE_NAMES } from "../../shared/model/features.ts";
import { GATES } from "../../shared/model/gates.ts";
import type { Dataset } from "../../shared/model/model.ts";
import { callActor } from "../../shared/retry.ts";
import { DAY_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { deleteFile, putFile, type RunId, withDataset } from "./files.ts";

/**
 * The newest examples that are looked at, and how many of them are read at most: what fits an isolate's memory. Of those that are
 * read some seven tenths are fitted on: the newest are the test, and no shopper is in both.
 */
export const MAX_READ = 200_000;
export const MAX_ROWS = 75_000;
/** D1 answers so many in one piece of some megabytes. */
const PAGE = 5_000;
export const KEEP_MS = 400 * DAY_MS;

export interface Plan {
  query: ExampleQuery;
  /** The examples that what serves was fitted on end here (ms); `null` of the prior. */
  servedUntil: number | null;
  production: string | null;
}

/**
 * Purchases are known at once and their absence only when a cart expires: of younger moments there would be too many
 * purchases. A text: why nothing can be fitted yet.
 */
export async function planRun(env: Env, { storeId }: RunId, now: number): Promise<Plan | string> {
  const settings = await callActor("the store", () => storeStub(env, storeId).settings());
  if (!settings.ok) return "the store does not exist";
  const { production } = await callActor("the store", () => storeStub(env, storeId).serving());
  const atUntil = Math.floor(now - settings.value.expireAfterDays * DAY_MS);
  const all: ExampleQuery = { closedAfter: now - KEEP_MS, closedUntil: now, atAfter: 0, atUntil, share: 1000 };
  const { rows, positives } = await countExamples(env.DB, storeId, all, MAX_READ);
  const missing = tooFew(rows, positives);
  if (missing) return missing;
  const served = production === null ? null : await modelRow(env.DB, storeId, production);
  const share = Math.max(1, Math.min(1000, Math.floor((1000 * MAX_ROWS) / rows)));
  return { query: { ...all, share }, servedUntil: served?.window_to ?? null, production };
}

/** What is missing; an empty text when nothing is. */
export function tooFew(rows: number, positives: number): string {
  const { minRows, minOfEither } = GATES;
  const lacks = [
    [minRows - rows, "examples"],
    [minOfEither - positives, "purchases"],
    [minOfEither - (rows - positives), "carts that were not bought"],
  ] as const;
  const missing = lacks.filter(([count]) => count > 0).map(([count, what]) => `${count} more ${what}`);
  return missing.length === 0 ? "" : `too few outcomes: ${missing.join(", ")} are needed`;
}

export interface PageRead {
  rows: number;
  /** No row so far was closed before this (ms). */
  oldest: number;
  /** `null` after the last page. */
  next: ExampleCursor | null;
}

export async function readPage(
  env: Env,
  run: RunId,
  { query }: Plan,
  number: number,
  before: PageRead,
): Promise<PageRead> {
  const limit = Math.min(PAGE, MAX_ROWS - before.rows);
  const found = await examplePage(env.DB, run.storeId, query, limit, before.next);
  const data = columnsOf(found);
  await putFile(env, run, pageName(number), encodeDataset(data, everyRow(data)));
  const rows = before.rows + found.length;
  const last = found.at(-1);
  const more = last !== undefined && found.length === limit && rows < MAX_ROWS;
  return { rows, oldest: last?.closedAt ?? before.oldest, next: more ? cursorOf(last) : null };
}

export const cursorOf = ({ closedAt, cartId, incarnation, generation, moment }: ExampleRow): ExampleCursor => ({
  closedAt,
  cartId,
  incarnation,
  generation,
  moment,
});

export function columnsOf(rows: readonly ExampleRow[]): Dataset {
  return {
    features: [...FEATURE_NAMES],
    columns: FEATURE_NAMES.map((_, i) => Float64Array.from(rows, ({ vector }) => vector[i]!)),
    labels: Uint8Array.from(rows, ({ label }) => label),
    groups: Float64Array.from(rows, ({ shopper }) => shopper),
    times: Float64Array.from(rows, ({ at }) => at),
  };
}

export interface Parts {
  train: number;
  test: number;
  from: number;
  to: number;
}

/**
 * Writes `train` and `test`. A text: why they are too small. Of moments before the oldest end that was read, those that were bought
 * at once are missing and those that expired later are not: they are left out.
 */
export async function partRows(
  env: Env,
  run: RunId,
  { servedUntil }: Plan,
  pages: number,
  oldest: number,
): Promise<Parts | string> {
  const heads = await readHeads(env, run, pages);
  const { train, test } = splitByTime(heads, servedUntil, oldest);
  const missing = tooFew(train.length, positivesIn(heads, train));
  if (missing) return missing;
  const bought = positivesIn(heads, test);
  if (test.length < MIN_TEST.rows || Math.min(bought, test.length - bought) < MIN_TEST.ofEither)
    return "too few outcomes: the newest ones are not enough to test a model on";
  await putFile(env, run, "train", await gathered(env, run, train));
  await putFile(env, run, "test", await gathered(env, run, test));
  return {
    train: train.length,
    test: test.length,
    from: heads.times[train[0]!]!,
    to: heads.times[train[train.length - 1]!]!,
  };
}

/** Page by page: a page is let go before the next one is read. */
async function readHeads(env: Env, run: RunId, pages: number): Promise<Heads> {
  const parts: Heads[] = [];
  for (let page = 0; page < pages; page++)
    parts.push(await withDataset(env, run, pageName(page), (data) => headsOf([data])));
  return headsOf(parts);
}

/** The given rows, counted over all pages, in that order. All pages but the last are full. */
async function gathered(env: Env, run: RunId, rows: Int32Array): Promise<Uint8Array> {
  const writer = new DatasetWriter(FEATURE_NAMES, rows.length);
  const last = rows.reduce((most, row) => Math.max(most, Math.floor(row / PAGE)), 0);
  for (let page = 0; page <= last; page++) {
    const places = Int32Array.from(rows.keys()).filter((place) => Math.floor(rows[place]! / PAGE) === page);
    const own = places.map((place) => rows[place]! - page * PAGE);
    await withDataset(env, run, pageName(page), (data) => writer.take(data, own, places));
  }
  return writer.bytes;
}

const pageName = (page: number): string => `page-${page}`;

export async function forgetPages(env: Env, run: RunId, pages: number): Promise<void> {
  for (let page = 0; page < pages; page++) await deleteFile(env, run, pageName(page));
}
