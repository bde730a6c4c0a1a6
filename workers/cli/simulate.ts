/** `npm run simulate`: replays a clickstream against a server as real beacons. */
import { createReadStream, existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { SingleBar } from "cli-progress";
import { CommandError, main, messageOf, numberOption, progress, readOptions, UsageExit } from "./command.ts";
import { type Clickstream, collect } from "./replay/events.ts";
import { generated } from "./replay/generated.ts";
import { readNdjson } from "./replay/ndjson.ts";
import { readRees46 } from "./replay/rees46.ts";
import { replay } from "./replay/replay.ts";
import { table } from "./replay/summary.ts";

const USAGE = `
Usage: npm run simulate -- --url URL --key KEY [--file EVENTS.ndjson | --dataset FILE.csv.gz] [options]

Replays a clickstream as beacons. Without a file: 200 made-up shoppers of the demo shop.
  --url           where the server answers, e.g. http://127.0.0.1:8787
  --key           the store's publishable key (cw_pk_...)
  --file          API events, one JSON object a line (plain or gzip)
  --dataset       a REES46 clickstream, CSV (plain or gzip): one session is one cart
  --rate N        at most N events a second
  --speedup N     real-time spacing, N times faster
  --limit N       only the first N events
  --shuffle SEED  mixes the order of events and beacons
  --batch N       events in a beacon at most (default 10, most 100)
  --concurrency N beacons under way at once (default 16)
  --json          one JSON line on stdout instead of the table
Sending the same file again yields duplicates only. Exits 1 when an event got no answer.
`;

/** The file's lines, gunzipped if it is gzip. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  if (!existsSync(path)) throw new CommandError(`there is no file ${path}`, "check the path after --file or --dataset");
  let rest = "";
  try {
    for await (const chunk of await textOf(path)) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${messageOf(error)}`, "is the file whole?");
  }
  if (rest !== "") yield rest;
}

async function textOf(path: string): Promise<AsyncIterable<string>> {
  const file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
  await file.close();
  const bytes = createReadStream(path);
  if (buffer[0] !== 0x1f || buffer[1] !== 0x8b) return bytes.setEncoding("utf8");
  // A failure of the file or of the format ends the last stream, and reaches who reads it.
  return pipeline(bytes, createGunzip(), () => {}).setEncoding("utf8") as AsyncIterable<string>;
}

export function readStream(source: { file?: string; dataset?: string }, limit?: number): Promise<Clickstream> {
  if (source.file !== undefined) return collect(readNdjson(linesOf(source.file)), limit);
  if (source.dataset !== undefined) return collect(readRees46(linesOf(source.dataset)), limit);
  return collect(generated(), limit);
}

await main(import.meta, async () => {
  const options = readOptions(USAGE, {
    url: { type: "string" },
    key: { type: "string" },
    file: { type: "string" },
    dataset: { type: "string" },
    rate: { type: "string" },
    speedup: { type: "string" },
    limit: { type: "string" },
    shuffle: { type: "string" },
    batch: { type: "string" },
    concurrency: { type: "string" },
    json: { type: "boolean", default: false },
  });
  const { url, key, file, dataset, rate, speedup, shuffle } = options;
  if (!url || !key) throw new UsageExit(`--url and --key are needed\n\n${USAGE.trim()}`, 1);
  if (!URL.canParse(url))
    throw new UsageExit(`--url must be an address such as http://127.0.0.1:8787, not "${url}"`, 1);
  if (file !== undefined && dataset !== undefined) throw new UsageExit("give --file or --dataset, not both", 1);
  if (speedup !== undefined && (rate !== undefined || shuffle !== undefined))
    throw new UsageExit("--speedup keeps the spacing: give it without --rate and --shuffle", 1);
  const pacing = {
    rate: rate === undefined ? undefined : numberOption("rate", rate, 0, 0.01, 1e6),
    speedup: speedup === undefined ? undefined : numberOption("speedup", speedup, 1, 0.001, 1e9),
    shuffle: shuffle === undefined ? undefined : numberOption("shuffle", shuffle, 0, 0, 2 ** 32),
    batch: numberOption("batch", options.batch, 10, 1, 100),
    concurrency: numberOption("concurrency", options.concurrency, 16, 1, 1_000),
  };
  const limit = numberOption("limit", options.limit, Number.POSITIVE_INFINITY, 1, Number.MAX_SAFE_INTEGER);

  const stream = await readStream({ file, dataset }, limit);
  if (stream.events.length === 0)
    throw new CommandError(
      `no event in ${file ?? dataset}: ${JSON.stringify(stream.skipped)}`,
      "see --help for the forms",
    );
  progress(`simulate: ${stream.events.length} events read`);
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: "  {bar} {percentage}% | {value}/{total} events | {eta} s left", stream: process.stderr })
    : null;
  bar?.start(stream.events.length, 0);
  let summary: Awaited<ReturnType<typeof replay>>;
  try {
    const target = { url: url.replace(/\/+$/, ""), key };
    summary = await replay(stream, { ...target, ...pacing, onSent: (events) => bar?.increment(events) });
  } finally {
    bar?.stop();
  }
  process.stdout.write(`${options.json ? JSON.stringify(summary) : table(summary)}\n`);
  if (!summary.complete)
    progress(
      `error: ${summary.failed} events got no answer\nnext:  run the same command again, what arrived is not counted twice`,
    );
  return summary.complete ? 0 : 1;
});
