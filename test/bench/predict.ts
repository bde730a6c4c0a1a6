/**
 * `npm run bench -- predict`: what a prediction costs. Large trees one row at a time and in batches, beside onnxruntime-node;
 * and what the prediction with its reasons adds to an event, beside all that the production build does for one.
 */
import { type BuildResult, QUIET_SECONDS, raceBuild } from "./predict-build.ts";
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
  build: BuildResult;
  /** Why there is nothing beside it. */
  missing: string | null;
}

/** Ways to score the trees, each in two sizes, and the event with and without. */
const RACES = 2 * 4 + 2;
/** Neither threads nor disks are in these races: half the time of the others' slices is enough. */
const each = (seconds: number): number => seconds / 2;

export const plannedPredictSeconds = ({ rounds, seconds }: PredictOptions): number =>
  Math.round(rounds * (RACES * each(seconds) + 2 * (seconds + QUIET_SECONDS)));

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
  const build = await raceBuild(rounds, seconds, () => progress.step(seconds + QUIET_SECONDS, "production build"));
  return { rounds, trees, event, build, missing };
}
