/** Features by name, each told from a row; and what is made of them. */
import type { Row } from "./table.ts";

export type Told = Record<string, (row: Row) => number>;

/** Under other names, changed by `by`. */
export const mapped = (told: Told, name: (name: string) => string, by: (value: number, row: Row) => number): Told =>
  Object.fromEntries(Object.entries(told).map(([own, of]) => [name(own), (row: Row) => by(of(row), row)]));

export const those = (told: Told, names: RegExp): Told =>
  Object.fromEntries(Object.entries(told).filter(([name]) => names.test(name)));

/** What cannot be told, a division by nothing for one, is missing. */
export const finite = (told: Told): Told =>
  mapped(
    told,
    (name) => name,
    (value) => (Number.isFinite(value) ? value : Number.NaN),
  );

/** One 0/1 feature for each value of a column. */
export const isOneOf = (column: string, values: readonly number[]): Told =>
  Object.fromEntries(values.map((value) => [`${column}_${value}`, (row: Row) => Number(row.number(column) === value)]));

/** 0, 1, … below `count`. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, value) => value);
