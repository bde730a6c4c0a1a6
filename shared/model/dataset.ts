/**
 * Examples in columns, as one block of bytes: what a training run keeps between its steps. Also how they are parted into
 * what is fitted on and what tells how good that is. Pure.
 */
import { stableUnit } from "../ids.ts";
import type { Dataset } from "./model.ts";

/**
 * A data set being written, from parts that are let go one by one: no more is held than what is written. Layout, little-endian:
 * rows and length of the head as 32-bit numbers; the names of the features as JSON, padded to 8; then in 64-bit floats times,
 * groups and each column; at the end a byte for each label.
 */
export class DatasetWriter {
  readonly bytes: Uint8Array;
  readonly #data: Dataset;

  constructor(features: readonly string[], rows: number) {
    const head = new TextEncoder().encode(JSON.stringify(features));
    this.bytes = new Uint8Array(8 + padded(head.length) + rows * 8 * (2 + features.length) + rows);
    const view = new DataView(this.bytes.buffer);
    view.setUint32(0, rows, true);
    view.setUint32(4, head.length, true);
    this.bytes.set(head, 8);
    this.#data = decodeDataset(this.bytes.buffer as ArrayBuffer);
  }

  /** Row `rows[i]` of the part becomes row `places[i]`. */
  take(part: Dataset, rows: ArrayLike<number>, places: ArrayLike<number>): void {
    const own = this.#data;
    const copy = (from: ArrayLike<number>, to: Float64Array | Uint8Array): void => {
      for (let i = 0; i < rows.length; i++) to[places[i]!] = from[rows[i]!]!;
    };
    copy(part.times, own.times);
    copy(part.groups, own.groups);
    copy(part.labels, own.labels);
    part.columns.forEach((column, i) => {
      copy(column, own.columns[i]!);
    });
  }
}

/** The given rows, in that order. */
export function encodeDataset(data: Dataset, rows: Int32Array): Uint8Array {
  const writer = new DatasetWriter(data.features, rows.length);
  writer.take(data, rows, Int32Array.from(rows.keys()));
  return writer.bytes;
}

export const everyRow = (data: Pick<Dataset, "labels">): Int32Array =>
  Int32Array.from({ length: data.labels.length }, (_, row) => row);

/** The columns are views of the given bytes: nothing is copied. Throws for what `encodeDataset` did not make. */
export function decodeDataset(buffer: ArrayBuffer): Dataset {
  const head = new DataView(buffer);
  const rows = head.getUint32(0, true);
  const headLength = head.getUint32(4, true);
  const features = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headLength))) as string[];
  const start = 8 + padded(headLength);
  if (buffer.byteLength !== start + rows * 8 * (2 + features.length) + rows) throw new Error("not a data set");
  const column = (i: number): Float64Array => new Float64Array(buffer, start + i * rows * 8, rows);
  return {
    features,
    times: column(0),
    groups: column(1),
    columns: features.map((_, i) => column(2 + i)),
    labels: new Uint8Array(buffer, buffer.byteLength - rows, rows),
  };
}

const padded = (length: number): number => Math.ceil(length / 8) * 8;

/** Which part is newest: the test's share of the rows by time. */
const TEST_SHARE = 0.2;
/** A test of fewer rows, or fewer of either label, tells too little. */
export const MIN_TEST = { rows: 100, ofEither: 10 };

export interface Split {
  train: Int32Array;
  test: Int32Array;
  /** The test's moments are not earlier than this (ms), all others are. */
  cut: number;
}

/**
 * The newest moments are the test, the earlier ones are trained on, and no shopper is in both: one who came in both times is
 * kept in one of them by a coin of their own, so that either part has shoppers who came back. `after` (ms): if enough moments
 * are later than that, only those are the test; what serves now was fitted on the earlier ones, and would look too good.
 * Moments before `since` (ms) are in neither.
 */
export function splitByTime(data: Heads, after: number | null, since = 0): Split {
  const { groups, times } = data;
  const newest = times.filter((time) => time >= since).sort();
  let cut = newest[Math.floor(newest.length * (1 - TEST_SHARE))] ?? 0;
  if (
    after !== null &&
    after > cut &&
    enough(
      data,
      rowsWhere(data, (row) => times[row]! > after),
    )
  )
    cut = after + 1;
  const TRAIN = 1;
  const TEST = 2;
  const partOf = (row: number): number => (times[row]! < since ? 0 : times[row]! < cut ? TRAIN : TEST);
  const parts = new Map<number, number>();
  for (const row of everyRow(data)) parts.set(groups[row]!, (parts.get(groups[row]!) ?? 0) | partOf(row));
  const keptIn = (group: number): number => {
    const seen = parts.get(group)!;
    return seen === (TRAIN | TEST) ? (stableUnit(`split/${group}`) < 0.5 ? TRAIN : TEST) : seen;
  };
  const rowsOf = (part: number): Int32Array =>
    rowsWhere(data, (row) => partOf(row) === part && keptIn(groups[row]!) === part);
  return { train: rowsOf(TRAIN), test: rowsOf(TEST), cut };
}

/** The oldest first, of one time in the order of shoppers: the same rows are in the same order however they came. */
const rowsWhere = (data: Heads, is: (row: number) => boolean): Int32Array =>
  everyRow(data)
    .filter(is)
    .sort((a, b) => data.times[a]! - data.times[b]! || data.groups[a]! - data.groups[b]! || a - b);

export const positivesIn = (data: Pick<Dataset, "labels">, rows: Int32Array): number =>
  rows.reduce((sum, row) => sum + data.labels[row]!, 0);

function enough(data: Heads, rows: Int32Array): boolean {
  const positives = positivesIn(data, rows);
  return rows.length >= 3 * MIN_TEST.rows && Math.min(positives, rows.length - positives) >= 3 * MIN_TEST.ofEither;
}

/** What a split is told by. */
export type Heads = Pick<Dataset, "labels" | "groups" | "times">;

/** Of parts one after another, without their columns: views of a part would keep all of it. */
export function headsOf(parts: readonly Heads[]): Heads {
  const rows = parts.reduce((sum, { labels }) => sum + labels.length, 0);
  const heads = { labels: new Uint8Array(rows), groups: new Float64Array(rows), times: new Float64Array(rows) };
  let at = 0;
  for (const { labels, groups, times } of parts) {
    heads.labels.set(labels, at);
    heads.groups.set(groups, at);
    heads.times.set(times, at);
    at += labels.length;
  }
  return heads;
}
