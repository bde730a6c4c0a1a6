/**
 * `npm run bench -- predict`: what a prediction costs. Large trees one row at a time and in batches, beside onnxruntime-node;
 * and what the prediction with its reasons adds to an event, beside all that the production build does for one.
 */
import { benchIngest, of, plannedSeconds } from "./ingest.ts";
import { median } from "./load.ts";
import { type EventResult, raceEvents } from "./predict-event.ts";
import { onnxRuntime } from "./predict-peer.ts";
import { contenders, raceTrees, type TreesResult } from "./predict-trees.ts";
import type { Progress } from "./progress.ts";

export interface PredictOptions {
  rounds: number;
  seconds: number;
}

export interface PredictReport {
  rounds: number;
  trees: TreesResult;
  event: EventResult;
  /** The runtime's processor time an event of the production build with the prior, in µs, by events a beacon. */
  build: { 1: number; 5: number };
  /** Why there is nothing beside it. */
  missing: string | null;
}

/** Ways to score the trees, each in two sizes, and the event with and without. */
const RACES = 2 * 4 + 2;
/** Neither threads nor disks are in these races: half the time of the others' slices is enough. */
const each = (seconds: number): number => seconds / 2;

const ingestOf = ({ seconds }: PredictOptions) => ({ rounds: 1, seconds, speedOnly: true });

export const plannedPredictSeconds = (options: PredictOptions): number =>
  Math.round(options.rounds * RACES * each(options.seconds) + plannedSeconds(ingestOf(options)));

export async function benchPredict(options: PredictOptions, progress: Progress): Promise<PredictReport> {
  const { rounds, seconds } = options;
  let missing: string | null = null;
  const runtime = await Promise.resolve()
    .then(onnxRuntime)
    .catch((error: unknown) => {
      missing = error instanceof Error ? error.message : String(error);
      return null;
    });
  const step = (what: string) => () => progress.step(each(seconds), what);
  const trees = await raceTrees(await contenders(runtime), rounds, each(seconds), step("trees"));
  const event = raceEvents(rounds, each(seconds), step("events"));
  const ingest = await benchIngest(ingestOf(options), progress);
  const cpu = (batch: 1 | 5): number => 1000 * median(of(ingest, batch).map((slice) => slice.cpuMs));
  return { rounds, trees, event, build: { 1: cpu(1), 5: cpu(5) }, missing };
}
