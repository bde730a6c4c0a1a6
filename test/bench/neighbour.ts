/**
 * A flood beside a neighbour: how long one tenant's light calls take alone, and while another tenant, who has the default
 * limit, calls with fifty clients far beyond it and is refused. The floor is a flood of calls that cost the least: one
 * process serves all of them here, and whoever calls beside fifty others waits for them, whatever they ask.
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
const RAMP_MS = 1_000;

export interface Latencies {
  calls: number;
  p50: number;
  p99: number;
}

export interface NeighbourSlice {
  alone: Latencies;
  floor: Latencies;
  beside: Latencies;
  /** The refused flood's calls, and how many of them were. */
  flood: { perSecond: number; refused: number };
}

export const neighbourSeconds = (seconds: number): number => 3 * (seconds + RAMP_MS / 1000);

/** One after the other, in one run. */
export async function besideFlood(
  base: string,
  flooder: Merchant,
  neighbour: Merchant,
  seconds: number,
): Promise<NeighbourSlice> {
  const calls = () => light(`${base}/auth/me`, neighbour, seconds);
  const alone = await calls();
  const floor = await during({ url: `${base}/health/live`, clients: FLOODERS, headers: {} }, calls);
  await useUp(`${base}/auth/me`, flooder);
  const beside = await during({ url: `${base}/auth/me`, clients: FLOODERS, headers: bearer(flooder) }, calls);
  const all = Object.values(beside.statuses).reduce((sum, n) => sum + n, 0);
  const refused = (beside.statuses[429] ?? 0) / all;
  if (!(refused > 0.5)) throw new Error(`the flood was not refused: ${JSON.stringify(beside.statuses)}`);
  const flood = { perSecond: all / beside.seconds, refused };
  return { alone, floor: floor.found, beside: beside.found, flood };
}

/** Calls until the first is refused. */
async function useUp(url: string, merchant: Merchant): Promise<void> {
  let refused = false;
  await closedLoop({
    url,
    clients: FLOODERS,
    measureFrom: Number.POSITIVE_INFINITY,
    next: () => (refused ? null : { method: "GET", headers: bearer(merchant), body: "" }),
    check: (_, { status }) => {
      refused ||= status === 429;
    },
  });
}

/** What is found while a flood goes on; the flood's calls by status. */
async function during<T>(workerData: Flood, work: () => Promise<T>) {
  const thread = new Worker(new URL("./flood.ts", import.meta.url), { workerData });
  const began = performance.now();
  const found = await work();
  const seconds = (performance.now() - began) / 1000;
  thread.postMessage("stop");
  const [statuses] = (await once(thread, "message")) as [Record<number, number>];
  await once(thread, "exit");
  return { found, seconds, statuses };
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

interface Ratios {
  p50: number;
  p99: number;
}

export interface NeighbourSummary extends NeighbourSlice {
  /** Medians over the rounds. */
  besideToAlone: Ratios;
  besideToFloor: Ratios;
}

export function neighbourSummaryOf(slices: NeighbourSlice[]): NeighbourSummary {
  const mid = (value: (slice: NeighbourSlice) => number): number => Math.round(median(slices.map(value)) * 1e3) / 1e3;
  const latencies = (name: "alone" | "floor" | "beside"): Latencies => ({
    calls: slices.reduce((sum, slice) => sum + slice[name].calls, 0),
    p50: mid((slice) => slice[name].p50),
    p99: mid((slice) => slice[name].p99),
  });
  const ratios = (to: "alone" | "floor"): Ratios => ({
    p50: mid((slice) => slice.beside.p50 / slice[to].p50),
    p99: mid((slice) => slice.beside.p99 / slice[to].p99),
  });
  return {
    alone: latencies("alone"),
    floor: latencies("floor"),
    beside: latencies("beside"),
    flood: { perSecond: mid(({ flood }) => flood.perSecond), refused: mid(({ flood }) => flood.refused) },
    besideToAlone: ratios("alone"),
    besideToFloor: ratios("floor"),
  };
}

export function neighbourTable({ alone, floor, beside, flood, ...ratios }: NeighbourSummary): string {
  const row = (name: string, { calls, p50, p99 }: Latencies) => [name, number(calls), number(p50, 2), number(p99, 2)];
  const refused = `${number(flood.refused * 100, 1)} % of them refused`;
  return table(
    `A flood beside a neighbour: ${FLOODERS} callers of one tenant, ${number(flood.perSecond)} calls/s, ${refused}`,
    ["light calls of another tenant", "calls", "p50 ms", "p99 ms"],
    [
      row("alone", alone),
      row("floor: beside a flood of GET /health/live", floor),
      row("beside the refused flood", beside),
      ["beside : alone", "", times(ratios.besideToAlone.p50), times(ratios.besideToAlone.p99)],
      ["beside : floor", "", times(ratios.besideToFloor.p50), times(ratios.besideToFloor.p99)],
    ],
  );
}
