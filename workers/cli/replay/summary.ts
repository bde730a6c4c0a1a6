/** What a replay did, in figures, for people and for machines. */
import type { Clickstream } from "./events.ts";
import type { Tally } from "./send.ts";

export interface Summary {
  sessions: number;
  beacons: number;
  events: number;
  accepted: number;
  duplicates: number;
  rejected: number;
  failed: number;
  skipped: number;
  retries: number;
  seconds: number;
  eventsPerSecond: number;
  latencyMs: { p50: number; p99: number };
  skippedBy: Record<string, number>;
  rejectedBy: Record<string, number>;
  retriedBy: Record<string, number>;
  lastFailure: string | null;
  /** Every event sent got an answer: accepted + duplicates + rejected = events. */
  complete: boolean;
}

export function summarise(stream: Clickstream, beacons: number, tally: Tally, seconds: number): Summary {
  const events = stream.events.length;
  const { accepted, duplicates, rejected, failed, retries, latencies, rejections, retriedBy, lastFailure } = tally;
  const sorted = Float64Array.from(latencies).sort();
  return {
    sessions: new Set(stream.events.map(({ session }) => session)).size,
    beacons,
    events,
    ...{ accepted, duplicates, rejected, failed },
    skipped: Object.values(stream.skipped).reduce((sum, count) => sum + count, 0),
    retries,
    seconds: round(seconds),
    eventsPerSecond: round(seconds > 0 ? events / seconds : 0),
    latencyMs: { p50: round(percentile(sorted, 0.5)), p99: round(percentile(sorted, 0.99)) },
    skippedBy: stream.skipped,
    rejectedBy: rejections,
    retriedBy,
    lastFailure,
    complete: accepted + duplicates + rejected === events,
  };
}

/** The nearest-rank percentile of ascending values; 0 of none. */
export const percentile = (sorted: ArrayLike<number>, p: number): number =>
  sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))]!;

const round = (value: number): number => Math.round(value * 100) / 100;

export function table(summary: Summary): string {
  const rows: [string, string | number][] = [
    ["sessions", summary.sessions],
    ["beacons", summary.beacons],
    ["events sent", summary.events],
    ["  accepted", summary.accepted],
    ["  duplicates", summary.duplicates],
    ["  rejected", summary.rejected],
    ["  failed", summary.failed],
    ["rows skipped", summary.skipped],
    ["retries", summary.retries],
    ["seconds", summary.seconds],
    ["events/s", summary.eventsPerSecond],
    ["latency p50", `${summary.latencyMs.p50} ms`],
    ["latency p99", `${summary.latencyMs.p99} ms`],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(14)}${String(value).padStart(12)}`);
  for (const [reason, count] of Object.entries(summary.skippedBy)) lines.push(`  skipped: ${reason} (${count})`);
  for (const [reason, count] of Object.entries(summary.rejectedBy).slice(0, 10))
    lines.push(`  rejected: ${reason} (${count})`);
  for (const [reason, count] of Object.entries(summary.retriedBy).slice(0, 10))
    lines.push(`  retried: ${reason} (${count})`);
  if (summary.lastFailure) lines.push(`  last failure: ${summary.lastFailure}`);
  return lines.join("\n");
}
