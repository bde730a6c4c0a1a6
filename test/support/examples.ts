/** Training examples of a made-up shop, whose outcomes follow from their features by a law that a model can learn. Seeded. */
import type { Example } from "../../shared/model/example.ts";
import { FEATURE_NAMES, FEATURE_VERSION, type FeatureName } from "../../shared/model/features.ts";
import { random } from "./random.ts";

const DAY_MS = 86_400_000;

const COLUMNS = "store_id, closed_at, cart_id, incarnation, generation, shopper, moments";
/** In the order of `COLUMNS`, but for the moments, which are not yet JSON. */
type CartValues = [string, number, string, number, number, number, Example[]];

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

const MOMENTS = ["add", "add+1", "add+3", "checkout"] as const;
const place = (name: FeatureName): number => FEATURE_NAMES.indexOf(name);

/** One to four moments a cart; a tenth of the values is missing in a fifth of the columns. */
function* endedCarts(options: ExampleOptions): Generator<CartValues> {
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
    const label = unit() < 1 / (1 + Math.exp(-odds)) ? (1 as const) : (0 as const);
    const moments = Array.from({ length: 1 + below(4) }, (_, i) => {
      const features = own.map((value, i) =>
        i % 5 === 4 && unit() < 0.1 ? null : i % 3 === 0 ? Math.round(value * 20) / 10 : value + 0.2 * normal(),
      );
      const known = { moment: MOMENTS[i]!, at, label, features, featureVersion: FEATURE_VERSION } as const;
      return { ...known, probability: 0.3, model: "prior" };
    });
    yield [storeId, closedAt, `${prefix}${cart}`, 1, 1, shopper, moments];
  }
}

/** As much of a D1 database as writing takes; Miniflare's and the platform's both have it. */
interface Database {
  prepare(sql: string): { bind(...values: unknown[]): { run(): Promise<unknown> } };
}

/** Answers how many moments there are. */
export async function insertExamples(db: Database, options: ExampleOptions): Promise<number> {
  const values = COLUMNS.split(", ")
    .map((_, i) => `json_extract(value, '$[${i}]')`)
    .join(", ");
  const insert = db.prepare(`INSERT INTO training_examples (${COLUMNS}) SELECT ${values} FROM json_each(?) WHERE true`);
  let chunk: (string | number)[][] = [];
  let rows = 0;
  for (const [storeId, closedAt, cartId, incarnation, generation, shopper, moments] of endedCarts(options)) {
    chunk.push([storeId, closedAt, cartId, incarnation, generation, shopper, JSON.stringify(moments)]);
    rows += moments.length;
    if (chunk.length < 400) continue;
    await insert.bind(JSON.stringify(chunk)).run();
    chunk = [];
  }
  if (chunk.length > 0) await insert.bind(JSON.stringify(chunk)).run();
  return rows;
}
