/** Where figures stand on a chart. Pure. */
import type { Estimate } from "../../../../../shared/model/views.ts";

export interface Bounds {
  low: number;
  high: number;
}

export interface Scale extends Bounds {
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
export const along = ({ low, high }: Bounds, value: number): number =>
  Math.min(1, Math.max(0, (value - low) / (high - low)));

/** A chart, in units of its own; around what is plotted there is room for the names. */
export const AREA = { width: 480, left: 58, right: 30, top: 32, bottom: 44 };

export interface Plot {
  x(value: number): number;
  y(value: number): number;
  /** Of the points in order; what has no figure is left out. */
  line(points: readonly (readonly [x: number, y: number | null])[]): string;
}

export function plotOf(x: Bounds, y: Bounds, height: number): Plot {
  const px = (value: number) => round(AREA.left + along(x, value) * (AREA.width - AREA.left - AREA.right));
  const py = (value: number) => round(height - AREA.bottom - along(y, value) * (height - AREA.top - AREA.bottom));
  return {
    x: px,
    y: py,
    line: (points) =>
      points
        .filter((point): point is [number, number] => point[1] !== null)
        .map(([at, value], i) => `${i === 0 ? "M" : "L"}${px(at)} ${py(value)}`)
        .join(""),
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** What holds all of them, with a little room. */
export function boundsOf(estimates: readonly (Estimate | undefined)[]): Bounds {
  const known = estimates.filter((one) => one !== undefined);
  const low = Math.min(...known.map((one) => one.low));
  const high = Math.max(...known.map((one) => one.high));
  const room = (high - low) * 0.08 || 0.01;
  return { low: low - room, high: high + room };
}
