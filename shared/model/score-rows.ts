/** Scores of many rows at once. Pure. */
import type { Scorer } from "./scorer.ts";

const BLOCK = 1_000;

/** Probabilities of rows in columns, found by the features' names; one that the rows do not have is missing. */
export function scoreColumns(
  scorer: Scorer,
  features: readonly string[],
  columns: readonly ArrayLike<number>[],
  rows: number,
): Float64Array {
  const width = scorer.features.length;
  const sources = scorer.features.map((name) => columns[features.indexOf(name)] ?? null);
  const out = new Float64Array(rows);
  const block = new Float64Array(BLOCK * width);
  for (let from = 0; from < rows; from += BLOCK) {
    const count = Math.min(BLOCK, rows - from);
    sources.forEach((source, feature) => {
      for (let i = 0; i < count; i++) block[i * width + feature] = source ? source[from + i]! : Number.NaN;
    });
    scorer.batch(block, count, out.subarray(from, from + count));
  }
  return out;
}
