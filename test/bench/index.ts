/** `npm run bench [-- NAME]`: the benchmarks, each beside its peer in one run, printed as ratios. */
import { main, numberOption, readOptions, UsageExit } from "../../workers/cli/command.ts";
import { type AuthOptions, benchAuth, plannedAuthSeconds } from "./auth.ts";
import { authSummaryOf, authTablesOf } from "./auth-report.ts";
import { benchIngest, type IngestOptions, plannedSeconds } from "./ingest.ts";
import { benchPredict, type PredictOptions, plannedPredictSeconds } from "./predict.ts";
import { predictSummaryOf, predictTablesOf } from "./predict-report.ts";
import { progressBar } from "./progress.ts";
import { summaryOf, tablesOf } from "./report.ts";
import { benchTimers, plannedTimersSeconds, type TimersOptions } from "./timers.ts";
import { timersSummaryOf, timersTablesOf } from "./timers-report.ts";

const USAGE = `
Usage: npm run bench [-- ingest|auth|timers|predict] [--json] [--rounds 3] [--seconds 2] [--speed-only] [--carts 3000] [--full]

Measures the production build beside its peer, both on this machine in one run: only the ratios mean anything.
  ingest         beacons: throughput, latency, CPU, rows written, and what a million events cost
  auth           access tokens: verification, an authenticated route, a login, a flood beside a neighbour
  timers         steps that fall due together: lateness, CPU, memory; few files and a kill in the middle (6 minutes)
  predict        large trees one at a time and in batches; what a prediction with reasons adds to an event
  --json         one line for machines
  --rounds       interleaved rounds
  --seconds      measured seconds of each contender in each round
  --speed-only   leaves out the counting of operations (ingest)
  --carts        steps due in the same second (timers)
  --full         50,000 steps in ten minutes instead of 5,000 in one (timers)
`;

interface Result {
  summary: object;
  tables: string;
}

async function ingest(options: IngestOptions): Promise<Result> {
  const progress = progressBar(plannedSeconds(options));
  const report = await benchIngest(options, progress).finally(() => progress.end());
  return { summary: summaryOf(report), tables: tablesOf(report) };
}

async function auth(options: AuthOptions): Promise<Result> {
  const progress = progressBar(plannedAuthSeconds(options));
  const report = await benchAuth(options, progress).finally(() => progress.end());
  return { summary: authSummaryOf(report), tables: authTablesOf(report) };
}

async function timers(options: TimersOptions): Promise<Result> {
  const progress = progressBar(plannedTimersSeconds(options));
  const report = await benchTimers(options, progress).finally(() => progress.end());
  return { summary: timersSummaryOf(report), tables: timersTablesOf(report) };
}

async function predict(options: PredictOptions): Promise<Result> {
  const progress = progressBar(plannedPredictSeconds(options));
  const report = await benchPredict(options, progress).finally(() => progress.end());
  return { summary: predictSummaryOf(report), tables: predictTablesOf(report) };
}

const BENCHES: Record<string, (options: IngestOptions & TimersOptions) => Promise<Result>> = {
  ingest,
  auth,
  timers,
  predict,
};

await main(import.meta, async () => {
  const args = process.argv.slice(2);
  const name = args[0] && !args[0].startsWith("-") ? args.shift()! : "ingest";
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (!bench) throw new UsageExit(`there is no benchmark "${name}"\n\n${USAGE.trim()}`, 1);
  const given = readOptions(
    USAGE,
    {
      json: { type: "boolean" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      "speed-only": { type: "boolean" },
      carts: { type: "string" },
      full: { type: "boolean" },
    },
    args,
  );
  const options = {
    rounds: numberOption("rounds", given.rounds, 3, 1, 20),
    seconds: numberOption("seconds", given.seconds, 2, 1, 60),
    speedOnly: given["speed-only"] === true,
    carts: numberOption("carts", given.carts, 3_000, 100, 20_000),
    full: given.full === true,
  };
  const { summary, tables } = await bench(options);
  process.stdout.write(given.json ? `${JSON.stringify(summary)}\n` : `\n${tables}\n\n`);
  return 0;
});
