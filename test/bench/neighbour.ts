/**
 * A flood beside a neighbour: how long one tenant's light calls take alone, and while another tenant, who has the default
 * limit, calls with fifty clients far beyond it and is refused.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { sleep } from "../../workers/cli/command.ts";
import type { Flood } from "./flood.ts";
import { closedLoop, median, percentile } from "./load.ts";
import type { Merchant } from "./merchant.ts";
import { number, table, times } from "./table.ts";

const FLOODERS = 50;
/** Between two calls of the neighbour. */
const PACE_MS = 10;
/** By then the flood has used its limit up. */
const RAMP_MS = 1_500;

export interface Latencies {
  calls: number;
  p50: number;
  p99: number;
}

export interface NeighbourSlice {
  alone: Latencies;
  beside: Latencies;
  /** The flood's calls by status. */
  flood: Record<number, number>;
  floodPerSecond: number;
}

export const neighbourSeconds = (seconds: number): number => 2 * (seconds + RAMP_MS / 1000);

/** One after the other, in one run. */
export async function besideFlood(
  base: string,
  flooder: Merchant,
  neighbour: Merchant,
  seconds: number,
): Promise<NeighbourSlice> {
  const url = `${base}/auth/me`;
  const alone = await light(url, neighbour, seconds);
  const workerData: Flood = { url, clients: FLOODERS, headers: bearer(flooder) };
  const thread = new Worker(new URL("./flood.ts", import.meta.url), { workerData });
  const began = performance.now();
  const beside = await light(url, neighbour, seconds);
  const lasted = (performance.now() - began) / 1000;
  thread.postMessage("stop");
  const [flood] = (await once(thread, "message")) as [Record<number, number>];
  await once(thread, "exit");
  const calls = Object.values(flood).reduce((sum, n) => sum + n, 0);
  if (!((flood[429] ?? 0) > calls / 2)) throw new Error(`the flood was not refused: ${JSON.stringify(flood)}`);
  return { alone, beside, flood, floodPerSecond: calls / lasted };
}

const bearer = ({ accessToken }: Merchant) => ({ authorization: `Bearer ${accessToken}` });

/** One client with pauses, every call of whom is answered well. */
async function light(url: string, merchant: Merchant, seconds: number): Promise<Latencies> {
  const measureFrom = performance.now() + RAMP_MS;
  const until = measureFrom + seconds * 1000;
  const { latencies } = await closedLoop({
    url,
    clients: 1,
    measureFrom,
    next: async () => {
      await sleep(PACE_MS);
      return performance.now() < until ? { method: "GET", headers: bearer(merchant), body: "" } : null;
    },
    check: (_, { status, body }) => {
      if (status !== 200) throw new Error(`the neighbour got ${status} ${body.slice(0, 300)}`);
    },
  });
  return { calls: latencies.length, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
}

export interface NeighbourSummary {
  alone: Latencies;
  beside: Latencies;
  /** Beside the flood : alone, medians over the rounds. */
  ratios: { p50: number; p99: number };
  floodPerSecond: number;
  refusedShare: number;
}

export function neighbourSummaryOf(slices: NeighbourSlice[]): NeighbourSummary {
  const mid = (value: (slice: NeighbourSlice) => number): number => Math.round(median(slices.map(value)) * 1e3) / 1e3;
  const latencies = (of: (slice: NeighbourSlice) => Latencies): Latencies => ({
    calls: slices.reduce((sum, slice) => sum + of(slice).calls, 0),
    p50: mid((slice) => of(slice).p50),
    p99: mid((slice) => of(slice).p99),
  });
  return {
    alone: latencies((slice) => slice.alone),
    beside: latencies((slice) => slice.beside),
    ratios: {
      p50: mid(({ alone, beside }) => beside.p50 / alone.p50),
      p99: mid(({ alone, beside }) => beside.p99 / alone.p99),
    },
    floodPerSecond: mid((slice) => slice.floodPerSecond),
    refusedShare: mid(({ flood }) => (flood[429] ?? 0) / Object.values(flood).reduce((sum, n) => sum + n, 0)),
  };
}

export function neighbourTable({ alone, beside, ratios, floodPerSecond, refusedShare }: NeighbourSummary): string {
  const refused = `${number(refusedShare * 100, 1)} % of them refused`;
  return table(
    `A flood beside a neighbour: ${FLOODERS} callers of one tenant, ${number(floodPerSecond)} calls/s, ${refused}`,
    ["light calls of another tenant", "calls", "p50 ms", "p99 ms"],
    [
      ["alone", number(alone.calls), number(alone.p50, 2), number(alone.p99, 2)],
      ["beside the flood", number(beside.calls), number(beside.p50, 2), number(beside.p99, 2)],
      ["beside : alone", "", times(ratios.p50), times(ratios.p99)],
    ],
  );
}
