/** `npm run evaluate`: fits the project's trainer on one file of a real data set and scores it on another. */
import { SingleBar } from "cli-progress";
import type { Dataset } from "../../shared/model/model.ts";
import { main, numberOption, progress, readOptions, UsageExit } from "./command.ts";
import { type Fitted, fit, judge, probabilities } from "./evaluate/fit.ts";
import { evaluationOf, table } from "./evaluate/report.ts";
import { readTable } from "./evaluate/table.ts";
import { datasetOf, isTask, TASKS, type Task } from "./evaluate/tasks.ts";

const USAGE = `
Usage: npm run evaluate -- --task TASK --train FILE.csv.gz --test FILE.csv.gz [options]

Fits a model on one file's rows and tells how good it is on the other's.
  --task          retailrocket (will this cart be bought, at each moment) or uci (will this session buy)
  --train         the rows to learn from, CSV (plain or gzip)
  --test          the rows to be judged on, of other visitors
  --seed N        of folds, samples and resamples (default 1): the same seed gives the same figures
  --resamples N   of visitors, for the intervals (default 500)
  --json          one JSON line on stdout instead of the table
Takes a minute or two.
`;

await main(import.meta, async () => {
  const options = readOptions(USAGE, {
    task: { type: "string" },
    train: { type: "string" },
    test: { type: "string" },
    seed: { type: "string" },
    resamples: { type: "string" },
    json: { type: "boolean", default: false },
  });
  const { task: name, train, test } = options;
  if (!name || !train || !test) throw new UsageExit(`--task, --train and --test are needed\n\n${USAGE.trim()}`, 1);
  if (!isTask(name)) throw new UsageExit(`--task must be ${Object.keys(TASKS).join(" or ")}, not "${name}"`, 1);
  const seed = numberOption("seed", options.seed, 1, 0, Number.MAX_SAFE_INTEGER);
  const resamples = numberOption("resamples", options.resamples, 500, 0, 10_000);
  const task: Task = TASKS[name];

  const started = performance.now();
  const trainData = datasetOf(task, readTable(train, task.columns, "--train"));
  const testRows = readTable(test, task.columns, "--test");
  const testData = datasetOf(task, testRows);
  progress(
    `evaluate: ${task.about}; ${trainData.labels.length} rows to learn from, ${testRows.length} to be judged on`,
  );
  if (task.shopper) warnOfShared(trainData, testData);
  const fitted = await fitWithBar(trainData, task, seed);
  const scores = probabilities(fitted.model, testData);
  const judged = judge(scores, testData, task.moment && testRows.map(task.moment), resamples, seed);
  const evaluation = evaluationOf(name, fitted, judged, seed, (performance.now() - started) / 1000);
  process.stdout.write(`${options.json ? JSON.stringify(evaluation) : table(evaluation)}\n`);
  return 0;
});

/** Figures on visitors that were learnt from are too good. */
function warnOfShared(train: Dataset, test: Dataset): void {
  const known = new Set(train.groups);
  const shared = new Set(test.groups.filter((visitor) => known.has(visitor))).size;
  if (shared > 0) progress(`warning: ${shared} visitors are in both files; the figures flatter`);
}

async function fitWithBar(data: Dataset, task: Task, seed: number): Promise<Fitted> {
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: "  {bar} {percentage}% | {eta} s left", stream: process.stderr })
    : null;
  bar?.start(1000, 0);
  let shown = 0;
  try {
    return await fit(data, task.options, seed, (share) => {
      const now = Math.round(share * 1000);
      bar?.increment(now - shown);
      shown = now;
    });
  } finally {
    bar?.stop();
  }
}
