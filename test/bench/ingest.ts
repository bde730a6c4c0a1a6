/**
 * `npm run bench -- ingest`: beacons through the production build, beside the floor (the least that any durable answer
 * costs on this machine), in interleaved rounds of one run. Only ratios count: each is the median over the rounds.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../workers/cli/build.ts";
import { sleep } from "../../workers/cli/command.ts";
import { DIST } from "../../workers/cli/paths.ts";
import { type Contender, scriptOf, startContender } from "./contender.ts";
import { type LoadResult, median, percentile, runLoad } from "./load.ts";
import { type Merchant, openStore } from "./merchant.ts";
import type { Progress } from "./progress.ts";
import { countSessions, type Operations, sessionSeconds } from "./sessions.ts";
import { Shoppers } from "./shoppers.ts";

const CARTS = 1_000;
const CLIENTS = 48;
const RAMP_MS = 1_500;

export const BATCHES = [1, 5, 10] as const;
export type Batch = (typeof BATCHES)[number];

export interface IngestOptions {
  rounds: number;
  seconds: number;
  /** Skips the counting of operations. */
  speedOnly: boolean;
}

/** One contender's slice of one round. */
export interface Slice {
  name: "floor" | Batch;
  round: number;
  requestsPerSecond: number;
  eventsPerSecond: number;
  p50: number;
  p99: number;
  /** The runtime's processor time an event, its background work included. */
  cpuMs: number;
}

export interface IngestReport {
  rounds: number;
  slices: Slice[];
  operations: Operations[];
}

export const plannedSeconds = ({ rounds, seconds, speedOnly }: IngestOptions): number =>
  Math.round(6 + rounds * 4 * (seconds + RAMP_MS / 1000 + 2) + (speedOnly ? 0 : sessionSeconds(1)));

export async function benchIngest(options: IngestOptions, progress: Progress): Promise<IngestReport> {
  await build({ log: () => {} });
  const folder = mkdtempSync(join(DIST, "bench-"));
  const started: Contender[] = [];
  const start = async (name: string, script?: string): Promise<Contender> => {
    const contender = await startContender(folder, name, { script });
    started.push(contender);
    return contender;
  };
  try {
    progress.step(0, "starting");
    const floor = await start("floor", scriptOf(folder, "floor-worker"));
    const product = await start("product");
    const merchant = await openStore(product.url);
    const slices = await speed(options, floor, product, merchant, progress);
    for (const contender of started.splice(0)) await contender.stop();
    const operations = options.speedOnly ? [] : await count(folder, progress);
    return { rounds: options.rounds, slices, operations };
  } finally {
    for (const contender of started) await contender.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function speed(
  { rounds, seconds }: IngestOptions,
  floor: Contender,
  product: Contender,
  merchant: Merchant,
  progress: Progress,
): Promise<Slice[]> {
  const floorUrl = `${floor.url}/v1/events`;
  for (const [contender, url] of [
    [floor, floorUrl],
    [product, merchant.beacons],
  ] as const) {
    await wakeAll(url);
    await contender.settle();
  }
  progress.step(6, "rounds");
  const slices: Slice[] = [];
  let sent = CARTS;
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 ? ([10, 5, 1, "floor"] as const) : (["floor", 1, 5, 10] as const)) {
      progress.step(0, `round ${round + 1} of ${rounds}: ${name === "floor" ? "floor" : `${name} a beacon`}`);
      const contender = name === "floor" ? floor : product;
      const url = name === "floor" ? floorUrl : merchant.beacons;
      const { slice, allEvents } = await runSlice(contender, url, name, round, seconds);
      slices.push(slice);
      if (name !== "floor") sent += allEvents;
      progress.step(seconds + RAMP_MS / 1000 + 2, "");
    }
  }
  await wakeAll(merchant.beacons, "end", "product_added_to_cart"); // urgent news take along what was gathered
  await counted(merchant, sent + CARTS);
  return slices;
}

/** Law 1, seen from outside: what was acknowledged is counted, all of it and once. */
async function counted(merchant: Merchant, sent: number): Promise<void> {
  let accepted = 0;
  for (let i = 0; i < 20 && accepted !== sent; i++) {
    accepted = (await merchant.usage()).events.accepted;
    await sleep(500);
  }
  if (accepted !== sent) throw new Error(`${sent} events were acknowledged, ${accepted} counted`);
}

/** Every actor exists and is awake before anything is measured; what a new cart costs is counted elsewhere. */
async function wakeAll(url: string, run = "warm", type?: string): Promise<void> {
  const shoppers = new Shoppers(run);
  let cart = 0;
  await runLoad({ url, clients: CLIENTS, next: () => (cart < CARTS ? shoppers.of(`c-${cart++}`, 1, type) : null) });
}

async function runSlice(
  contender: Contender,
  url: string,
  name: Slice["name"],
  round: number,
  seconds: number,
): Promise<{ slice: Slice; allEvents: number }> {
  const shoppers = new Shoppers(`${name}-${round}`, 100 + round);
  const batch = name === "floor" ? 1 : name;
  const cpuBefore = contender.cpuMs();
  const measureFrom = performance.now() + RAMP_MS;
  const until = measureFrom + seconds * 1000;
  const next = () => (performance.now() < until ? shoppers.next(CARTS, batch) : null);
  const load: LoadResult = await runLoad({ url, clients: CLIENTS, next, measureFrom });
  await contender.settle();
  const slice: Slice = {
    name,
    round,
    requestsPerSecond: load.requests / load.seconds,
    eventsPerSecond: load.events / load.seconds,
    p50: percentile(load.latencies, 0.5),
    p99: percentile(load.latencies, 0.99),
    cpuMs: (contender.cpuMs() - cpuBefore) / load.allEvents,
  };
  return { slice, allEvents: load.allEvents };
}

async function count(folder: string, progress: Progress): Promise<Operations[]> {
  progress.step(0, "counting operations");
  const script = scriptOf(folder, "counting-worker");
  const contenders: Contender[] = [];
  for (const batch of BATCHES) contenders.push(await startContender(folder, `sessions-${batch}`, { script }));
  const operations = await Promise.all(BATCHES.map((batch, i) => countSessions(contenders[i]!, batch)));
  progress.step(sessionSeconds(1), "");
  return operations;
}

export const of = (report: IngestReport, name: Slice["name"]): Slice[] =>
  report.slices.filter((slice) => slice.name === name);

/** The median over rounds of one contender's value divided by another's in the same round. */
export function ratio(
  report: IngestReport,
  of_: Slice["name"],
  to: Slice["name"],
  value: (slice: Slice) => number,
): number {
  const bases = of(report, to);
  return median(of(report, of_).map((slice) => value(slice) / value(bases.find((b) => b.round === slice.round)!)));
}
