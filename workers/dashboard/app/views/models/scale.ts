/** Where figures stand on a chart. Pure. */
export interface Scale {
  low: number;
  high: number;
  ticks: number[];
}

/** From `low` to at least `high`, at round steps, about `count` of them. */
export function scaleOf(low: number, high: number, count = 5): Scale {
  const span = high - low > 0 ? high - low : 1;
  const rough = span / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((size) => size * magnitude).find((size) => size >= rough - 1e-12)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil((low + span) / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { low: ticks[0]!, high: ticks.at(-1)!, ticks };
}

/** 0 to 1 along the scale; kept within it. */
export const along = ({ low, high }: Pick<Scale, "low" | "high">, value: number): number =>
  Math.min(1, Math.max(0, (value - low) / (high - low)));
