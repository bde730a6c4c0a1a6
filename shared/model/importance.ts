/** What a model goes by. Pure. */
import type { Scorer } from "./scorer.ts";
import type { Importance } from "./views.ts";

/**
 * Of each feature the mean size of its contribution to the log-odds (`Scorer.explain`) over the given rows, the largest first;
 * one that moved nothing is left out. `columns` belong to `features`; a feature of the model that they lack is missing.
 */
export function importanceOf(
  scorer: Scorer,
  features: readonly string[],
  columns: readonly ArrayLike<number>[],
  rows: number,
): Importance[] {
  const sources = scorer.features.map((name) => columns[features.indexOf(name)] ?? null);
  const vector = new Float64Array(sources.length);
  const effects = new Float64Array(sources.length);
  const sums = new Float64Array(sources.length);
  for (let row = 0; row < rows; row++) {
    sources.forEach((source, i) => {
      vector[i] = source ? source[row]! : Number.NaN;
    });
    scorer.explain(vector, effects);
    for (let i = 0; i < sums.length; i++) sums[i]! += Math.abs(effects[i]!);
  }
  return scorer.features
    .map((feature, i) => ({ feature, effect: sums[i]! / Math.max(1, rows) }))
    .filter(({ effect }) => effect > 0)
    .sort((a, b) => b.effect - a.effect);
}
