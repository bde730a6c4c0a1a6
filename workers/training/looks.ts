/** A waiting run's looks at how the new model does on carts that closed since. */
import { type ExampleCursor, type ExampleRow, examplePage } from "../../shared/db/training.ts";
import { FEATURE_NAMES } from "../../shared/model/features.ts";
import {
  type CanaryLook,
  judgeCanary,
  judgeShadow,
  type Look,
  type PairedRows,
  pairedLogLoss,
} from "../../shared/model/gates.ts";
import { armOf } from "../../shared/model/rollout.ts";
import { scoreColumns } from "../../shared/model/score-rows.ts";
import type { Scorer } from "../../shared/model/scorer.ts";
import type { ServingState } from "../../shared/model/serving.ts";
import type { Env } from "../env.ts";
import { columnsOf, cursorOf } from "./collect.ts";
import type { RunId } from "./files.ts";
import { scorerOf, servingOf, servingScorer } from "./models.ts";

/** A look reads the newest so many rows at most. */
const MAX_ROWS = 20_000;
const PAGE = 5_000;

/** Under whose name a version is tried, since when (ms), and what served then. */
export interface Trial {
  version: string;
  production: string | null;
  since: number;
}

/** `gone`: the version is not in the trial any more, or something else serves. Somebody decided by hand. */
export type Seen = Look | { gone: string };

const handsOff = (serving: ServingState, { version, production }: Trial, isTried: boolean): { gone: string } | null => {
  if (serving.production === version) return { gone: "promoted by hand" };
  if (!isTried) return { gone: "taken out of its trial by hand" };
  return serving.production === production ? null : { gone: "what serves was changed by hand" };
};

export async function lookAtShadow(env: Env, { storeId }: RunId, trial: Trial, look: number): Promise<Seen> {
  const serving = await servingOf(env, storeId);
  const gone = handsOff(serving, trial, serving.shadow === trial.version);
  if (gone) return gone;
  const seen = await closedSince(env, storeId, trial, () => true);
  return judgeShadow(pairedLogLoss(seen.rows), look);
}

/**
 * Of the carts that closed since the canary began. Those that expired were opened before it, as were as many of the other arm: in a
 * week the arms differ by what the canary did, and by nothing else.
 */
export async function lookAtCanary(env: Env, { storeId }: RunId, trial: Trial, look: number): Promise<Seen> {
  const serving = await servingOf(env, storeId);
  const gone = handsOff(serving, trial, serving.canary?.version === trial.version);
  if (gone) return gone;
  const { rows, arms } = await closedSince(env, storeId, trial, (cartId) => armOf(serving, cartId) === "canary");
  return judgeCanary({ rows, ...arms }, look);
}

interface Closed {
  /** Of the carts that are asked for, scored by both. */
  rows: PairedRows;
  arms: Pick<CanaryLook, "canary" | "production">;
}

async function closedSince(
  env: Env,
  storeId: string,
  { version, production, since }: Trial,
  isTried: (cartId: string) => boolean,
): Promise<Closed> {
  const scorers = [await scorerOf(env, storeId, version), await servingScorer(env, storeId, production)] as const;
  const rows = {
    labels: [] as number[],
    groups: [] as number[],
    candidate: [] as number[],
    production: [] as number[],
  };
  const arms = { canary: { carts: 0, bought: 0 }, production: { carts: 0, bought: 0 } };
  const counted = new Set<string>();
  for await (const page of pagesSince(env, storeId, since)) {
    for (const { cartId, incarnation, generation, label } of page) {
      const cart = `${cartId}/${incarnation}/${generation}`;
      if (counted.has(cart)) continue;
      counted.add(cart);
      const arm = arms[isTried(cartId) ? "canary" : "production"];
      arm.carts++;
      arm.bought += label;
    }
    const tried = page.filter(({ cartId }) => isTried(cartId));
    const [candidate, served] = scorers.map((scorer) => scored(scorer, tried)) as [Float64Array, Float64Array];
    tried.forEach(({ label, shopper }, i) => {
      rows.labels.push(label);
      rows.groups.push(shopper);
      rows.candidate.push(candidate[i]!);
      rows.production.push(served[i]!);
    });
  }
  return { rows, arms };
}

function scored(scorer: Scorer, rows: ExampleRow[]): Float64Array {
  const { columns } = columnsOf(rows);
  return scoreColumns(scorer, FEATURE_NAMES, columns, rows.length);
}

/** Whoever closed has a known outcome: nothing else bounds the moments. */
const EVER = Number.MAX_SAFE_INTEGER;

async function* pagesSince(env: Env, storeId: string, since: number): AsyncGenerator<ExampleRow[]> {
  const query = { closedAfter: since, closedUntil: EVER, atAfter: 0, atUntil: EVER, share: 1000 };
  let after: ExampleCursor | null = null;
  for (let read = 0; read < MAX_ROWS; read += PAGE) {
    const page: ExampleRow[] = await examplePage(env.DB, storeId, query, PAGE, after);
    yield page;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = cursorOf(last);
  }
}
