/** What a million events cost at list prices, from counted operations. Pure. */
import type { Operations } from "./sessions.ts";

/** Dollars a million. */
const PRICE = {
  request: 0.3,
  cpuMs: 0.02,
  actorRequest: 0.15,
  actorSecond: 1.6,
  row: 1,
  message: 1.2,
  point: 0.25,
} as const;

/** An actor's call keeps it awake about this long in production (the commit's confirmation included). */
const CALL_SECONDS = 0.02;

export interface CostLine {
  name: string;
  /** Operations an event. */
  perEvent: number;
  /** Dollars a million events. */
  dollars: number;
}

const sumOf = (counts: Record<string, number>, prefix: string): number =>
  Object.entries(counts).reduce((sum, [name, n]) => (name.startsWith(prefix) ? sum + n : sum), 0);

/** Rows of the carts themselves: log, snapshots, schema, alarms. */
export const cartRows = ({ counts }: Operations): number => sumOf(counts, "rows.Cart") + (counts["alarms.Cart"] ?? 0);

/** `cpuMs`: processor time an event, everything included. */
export function costOf(operations: Operations, cpuMs: number): CostLine[] {
  const { counts, events } = operations;
  const calls = sumOf(counts, "calls.");
  const otherRows = sumOf(counts, "rows.") + sumOf(counts, "alarms.") - cartRows(operations) - (counts["rows.D1"] ?? 0);
  const line = (name: string, count: number, price: number): CostLine => ({
    name,
    perEvent: count / events,
    dollars: (count / events) * price,
  });
  const named = [
    line("Worker requests", (counts.requests ?? 0) + (counts.batches ?? 0), PRICE.request),
    line("Worker CPU, ms", cpuMs * events, PRICE.cpuMs),
    line("actor requests", calls, PRICE.actorRequest),
    line("actor seconds", (counts.awakeMs ?? 0) / 1000 + calls * CALL_SECONDS, PRICE.actorSecond),
    line("rows: carts", cartRows(operations), PRICE.row),
    line("rows: store", otherRows, PRICE.row),
    line("rows: D1", counts["rows.D1"] ?? 0, PRICE.row),
    line("queue messages", sumOf(counts, "messages."), PRICE.message),
    line("data points", counts.points ?? 0, PRICE.point),
  ];
  return [...named, { name: "all in", perEvent: Number.NaN, dollars: named.reduce((sum, l) => sum + l.dollars, 0) }];
}
