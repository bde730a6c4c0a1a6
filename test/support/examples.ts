/** Training examples of a made-up shop, whose outcomes follow from their features by a law that a model can learn. Seeded. */
import { FEATURE_NAMES, FEATURE_VERSION, type FeatureName } from "../../shared/model/features.ts";
import { random } from "./random.ts";

const DAY_MS = 86_400_000;

/** In the order of `EXAMPLE_COLUMNS`. */
export type ExampleValues = (string | number)[];
export const EXAMPLE_COLUMNS =
  "store_id, closed_at, cart_id, incarnation, generation, moment, at, shopper, label, feature_version, features, probability, model";

export interface ExampleOptions {
  storeId: string;
  carts: number;
  seed: number;
  /** Moments lie between these (ms); carts close up to `openMs` later. */
  from: number;
  to: number;
  openMs?: number;
  prefix?: string;
  /** Turns the law around, or takes it away: 1 is the law, 0 is chance. */
  law?: number;
}

const MOMENTS = ["add", "add+1", "add+3", "checkout"];
const place = (name: FeatureName): number => FEATURE_NAMES.indexOf(name);

/** One to four rows a cart; a tenth of the values is missing in a fifth of the columns. */
export function* exampleRows(options: ExampleOptions): Generator<ExampleValues> {
  const { storeId, carts, seed, from, to, openMs = DAY_MS, prefix = "c", law = 1 } = options;
  const { unit, below } = random(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit());
  for (let cart = 0; cart < carts; cart++) {
    const at = Math.floor(from + unit() * (to - from));
    const closedAt = Math.floor(at + unit() * openMs);
    const shopper = 1 + below(Math.ceil(carts * 0.8));
    const own = FEATURE_NAMES.map(() => normal());
    const odds =
      -0.8 +
      law *
        (1.1 * own[place("adds")]! + 0.9 * own[place("checkoutStage")]! * (own[place("removes")]! > 0 ? 0.2 : 1.2)) -
      law * 0.8 * Math.abs(own[place("idleMinutes")]!);
    const label = unit() < 1 / (1 + Math.exp(-odds)) ? 1 : 0;
    for (let row = 1 + below(4); row > 0; row--) {
      const features = own.map((value, i) =>
        i % 5 === 4 && unit() < 0.1 ? null : i % 3 === 0 ? Math.round(value * 20) / 10 : value + 0.2 * normal(),
      );
      const key = [storeId, closedAt, `${prefix}${cart}`, 1, 1, MOMENTS[row - 1]!];
      yield [...key, at, shopper, label, FEATURE_VERSION, JSON.stringify(features), 0.3, "prior-1"];
    }
  }
}

/** As much of a D1 database as writing takes; Miniflare's and the platform's both have it. */
interface Database {
  prepare(sql: string): { bind(...values: unknown[]): { run(): Promise<unknown> } };
}

export async function insertExamples(db: Database, options: ExampleOptions): Promise<number> {
  const values = EXAMPLE_COLUMNS.split(", ")
    .map((_, i) => `json_extract(value, '$[${i}]')`)
    .join(", ");
  const insert = db.prepare(
    `INSERT INTO training_examples (${EXAMPLE_COLUMNS}) SELECT ${values} FROM json_each(?) WHERE true`,
  );
  let chunk: ExampleValues[] = [];
  let rows = 0;
  for (const row of exampleRows(options)) {
    chunk.push(row);
    rows++;
    if (chunk.length < 1_000) continue;
    await insert.bind(JSON.stringify(chunk)).run();
    chunk = [];
  }
  if (chunk.length > 0) await insert.bind(JSON.stringify(chunk)).run();
  return rows;
}
