/** Columns cut into quantile bins: what histogram splits are found on. */
import type { Dataset } from "../model.ts";

/** Bins of values; one more is for missing values, so that a bin's number fits in a byte. */
export const MAX_BINS = 255;

/**
 * Of each feature: `edges[b]` is the largest value of bin `b`, as a threshold `x <= edge`; the last edge is the largest number,
 * so that a split there parts known values from missing ones. The missing bin's number is `edges.length`.
 */
export interface Binned {
  edges: Float64Array[];
  columns: Uint8Array[];
  /** Where each feature's bins begin in a histogram of all features. */
  offsets: Int32Array;
  /** Bins of all features, the missing ones too. */
  total: number;
}

export function binColumns(columns: Dataset["columns"], maxBins = MAX_BINS): Binned {
  const edges = columns.map((column) => edgesOf(column, Math.min(maxBins, MAX_BINS)));
  const offsets = new Int32Array(columns.length);
  let total = 0;
  edges.forEach((own, feature) => {
    offsets[feature] = total;
    total += own.length + 1;
  });
  return { edges, columns: columns.map((column, feature) => binsOf(column, edges[feature]!)), offsets, total };
}

/** A value between neighbours `low < high`: `low <= it < high`, also where no number lies between them. */
function between(low: number, high: number): number {
  const middle = low + (high - low) / 2;
  return middle < high ? middle : low;
}

/** Each distinct value a bin of its own where there are few; else bins of about equally many rows, a value never in two. */
export function edgesOf(column: Float64Array, maxBins: number): Float64Array {
  const sorted = column.filter((value) => !Number.isNaN(value)).sort();
  const values: number[] = [];
  const counts: number[] = [];
  for (const value of sorted) {
    if (value === values[values.length - 1]) counts[counts.length - 1]!++;
    else {
      values.push(value);
      counts.push(1);
    }
  }
  const edges: number[] = [];
  let rows = 0;
  let rowsLeft = sorted.length;
  for (let i = 0; i + 1 < values.length && edges.length + 1 < maxBins; i++) {
    rows += counts[i]!;
    // The rows that are left share the bins that are left: one very common value costs the others no bins.
    if (values.length > maxBins && rows < rowsLeft / (maxBins - edges.length)) continue;
    edges.push(between(values[i]!, values[i + 1]!));
    rowsLeft -= rows;
    rows = 0;
  }
  return Float64Array.from([...edges, Number.MAX_VALUE]);
}

function binsOf(column: Float64Array, edges: Float64Array): Uint8Array {
  const bins = new Uint8Array(column.length);
  const last = edges.length - 1;
  for (let row = 0; row < column.length; row++) {
    const value = column[row]!;
    if (Number.isNaN(value)) {
      bins[row] = last + 1;
      continue;
    }
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= edges[middle]!) high = middle;
      else low = middle + 1;
    }
    bins[row] = low;
  }
  return bins;
}
