/**
 * Training examples of a generation, read back from the log when it has ended: what was known after each row, and nothing
 * later. Kept nowhere before, so they cost no row. Pure.
 */
import { type End, type Ending, type Example, MOMENTS, type MomentName } from "../../shared/model/example.ts";
import { FEATURE_VERSION, featuresAt } from "../../shared/model/features.ts";
import type { ShopperHistory } from "../../shared/model/history.ts";
import { EventWindow } from "./fold.ts";
import { shopperOf } from "./reach.ts";
import type { CartState, Facts, Process } from "./state.ts";
import { eventsOf, type LogRow } from "./storage.ts";

/** Digits that a feature keeps: more say nothing, and are paid for. */
const DIGITS = 6;

/** What ended between two states of a cart. */
export function endsBetween(before: Process, after: Process, now: number): End[] {
  if (before === after) return [];
  const gone = before.closed.filter((c) => !after.closed.some((known) => known.generation === c.generation));
  const closed = after.closed.filter((c) => !before.closed.some((known) => known.generation === c.generation));
  const isNow = (status: Process["status"]): boolean => after.status === status && before.status !== status;
  const { generation } = after;
  return [
    ...gone.map((c): End => ({ generation: c.generation, how: "void", at: c.at })),
    ...closed.map((c): End => ({ generation: c.generation, how: "bought", at: c.at })),
    ...(isNow("abandoned") ? [{ generation, how: "left", at: now } as const] : []),
    ...(isNow("expired") ? [{ generation, how: "expired", at: now } as const] : []),
  ];
}

/** The news of these ends. `rows`: what is left of the log, all of it after the state's base. */
export function endingsOf(ends: readonly End[], state: CartState, rows: () => LogRow[]): Ending[] {
  return ends.map((end) => {
    const { how, generation } = end;
    const isOver = how === "bought" || how === "expired";
    const known = isOver ? rows() : [];
    const examples = isOver ? examplesOf(state, known, generation, spanOf(end, known)) : [];
    const adds = state.facts.generation === generation ? (state.facts.counts.product_added_to_cart ?? 0) : 1;
    return { ...end, shopperId: shopperOf(state), adds, examples };
  });
}

/** The rows that an end is about: up to its own, after an earlier one's that taught what came before. */
function spanOf({ generation, how, at }: End, rows: readonly LogRow[]): { after: number; until: number } {
  const ends = rows.flatMap(({ seq, entry }) => (entry.delta.ends ?? []).map((end) => ({ ...end, seq })));
  const mine = ends.filter((end) => end.generation === generation);
  const until = mine.find((end) => end.how === how && end.at === at)?.seq ?? 0;
  return { after: mine.findLast((end) => end.how === "expired" && end.seq < until)?.seq ?? 0, until };
}

/** Of the log's rows, whatever became of the generation since. A moment before the compacted base is lost. */
export function examplesOf(
  state: CartState,
  rows: readonly LogRow[],
  generation: number,
  { after, until } = { after: 0, until: Infinity },
): Example[] {
  const boughtAt = state.facts.orders.find((order) => order.generation === generation)?.receivedAt ?? null;
  const { timezone: timeZone, expireAfterMs } = state.rules;
  const taken = new Set<MomentName>();
  const found: Example[] = [];
  for (const { row, facts, last, history } of walk(state, rows)) {
    if (row.seq > until) break;
    if (facts.generation !== generation || facts.closedAt !== null || facts.items.length === 0) continue;
    for (const moment of momentsAt(facts, last, row)) {
      if (taken.has(moment)) continue;
      taken.add(moment);
      if (row.seq <= after) continue;
      const [probability, model] = row.entry.score ?? [0, "none"];
      const label = boughtAt !== null && boughtAt >= row.at && boughtAt - row.at <= expireAfterMs ? 1 : 0;
      const vector = featuresAt(facts, { now: row.at, history, timeZone });
      const features = vector.map((value) => (Number.isNaN(value) ? null : Number(value.toPrecision(DIGITS))));
      found.push({ moment, at: row.at, label, features, featureVersion: FEATURE_VERSION, probability, model });
    }
  }
  return found;
}

interface Known {
  row: LogRow;
  facts: Facts;
  /** Before this row. */
  last: Facts;
  history: ShopperHistory | null;
}

/** The facts after each row of the log, as they were known then. */
function* walk({ base, history: known }: CartState, rows: readonly LogRow[]): Generator<Known> {
  const window = new EventWindow(base, [], base);
  // What no row tells was told in one that is compacted away.
  let history = rows.some(({ entry }) => entry.history) ? null : known;
  for (const row of rows) {
    const last = window.facts;
    history = row.entry.history ?? history;
    for (const event of eventsOf(row)) window.add(event);
    yield { row, facts: window.facts, last, history };
  }
}

/** What this row was the moment of. */
function momentsAt(facts: Facts, last: Facts, { entry }: LogRow): MomentName[] {
  const isNew = facts.generation !== last.generation;
  const reached = (value: (facts: Facts) => number, mark: number): boolean =>
    value(facts) >= mark && (isNew || value(last) < mark);
  const started = ({ counts }: Facts): number => counts.checkout_started ?? 0;
  const leaving = ({ counts }: Facts): number => counts.exit_intent_detected ?? 0;
  const after = (count: number): boolean => reached(({ trail }) => trail.eventsAfterAdd, count);
  const is: Record<MomentName, boolean> = {
    add: isNew || last.items.length === 0,
    "add+1": after(1),
    "add+2": after(2),
    "add+3": after(3),
    "add+5": after(5),
    "add+10": after(10),
    checkout: reached(started, 1),
    exit: reached(leaving, 1),
    left: entry.notes?.some(({ code }) => code === "abandoned") ?? false,
  };
  return MOMENTS.filter((moment) => is[moment]);
}
