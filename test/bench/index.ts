/** `npm run bench [-- NAME]`: the benchmarks, each beside its peer in one run, printed as ratios. */
import { main, numberOption, readOptions, UsageExit } from "../../workers/cli/command.ts";
import { benchIngest, plannedSeconds } from "./ingest.ts";
import { progressBar } from "./progress.ts";
import { summaryOf, tablesOf } from "./report.ts";

const USAGE = `
Usage: npm run bench [-- ingest] [--json] [--rounds 3] [--seconds 2] [--speed-only]

Measures the production build beside its peer, both on this machine in one run: only the ratios mean anything.
  ingest         beacons: throughput, latency, CPU, rows written, and what a million events cost
  --json         one line for machines
  --rounds       interleaved rounds
  --seconds      measured seconds of each contender in each round
  --speed-only   leaves out the counting of operations
`;

await main(import.meta, async () => {
  const args = process.argv.slice(2);
  const names = args[0] && !args[0].startsWith("-") ? [args.shift()] : ["ingest"];
  if (names[0] !== "ingest") throw new UsageExit(`there is no benchmark "${names[0]}"\n\n${USAGE.trim()}`, 1);
  const given = readOptions(
    USAGE,
    {
      json: { type: "boolean" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      "speed-only": { type: "boolean" },
    },
    args,
  );
  const options = {
    rounds: numberOption("rounds", given.rounds, 3, 1, 20),
    seconds: numberOption("seconds", given.seconds, 2, 1, 60),
    speedOnly: given["speed-only"] === true,
  };
  const progress = progressBar(plannedSeconds(options));
  const report = await benchIngest(options, progress).finally(() => progress.end());
  process.stdout.write(given.json ? `${JSON.stringify(summaryOf(report))}\n` : `\n${tablesOf(report)}\n\n`);
  return 0;
});
