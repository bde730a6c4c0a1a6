/** A data set's file: CSV, plain or gzip, with a header; every cell that a task reads is checked. */
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { csvRecords } from "../../../shared/csv.ts";
import { CommandError, messageOf } from "../command.ts";

/** The cells of one row by column name. */
export interface Row {
  /** An empty cell is `NaN`; anything else but a number fails, naming line and column. */
  number(column: string): number;
  text(column: string): string;
  /** True/False or 1/0. */
  flag(column: string): 0 | 1;
}

const FLAGS: Record<string, 0 | 1> = { true: 1, "1": 1, "1.0": 1, false: 0, "0": 0, "0.0": 0 };

export function readTable(path: string, needed: readonly string[], option: string): Row[] {
  const [header, ...records] = csvRecords(textOf(path, option));
  if (!header || records.length === 0)
    throw new CommandError(`${path} has no rows`, "give a CSV file with a header and rows");
  const places = new Map(header.cells.map((name, place) => [name.trim(), place]));
  const missing = needed.filter((name) => !places.has(name));
  if (missing.length > 0)
    throw new CommandError(`${path} has no column ${missing.join(", ")}`, `does ${option} fit --task? See --help`);
  return records.map(({ line, cells, broken }) => {
    if (broken || cells.length !== header.cells.length)
      throw new CommandError(
        `${path}, line ${line}: ${cells.length} cells, not ${header.cells.length}`,
        "mend the line",
      );
    const text = (column: string): string => cells[places.get(column)!]!.trim();
    const wrong = (column: string, wanted: string): CommandError =>
      new CommandError(`${path}, line ${line}: ${column} is "${text(column)}", not ${wanted}`, "mend the line");
    return {
      text,
      number: (column) => {
        if (text(column) === "") return Number.NaN;
        const value = Number(text(column));
        if (!Number.isFinite(value)) throw wrong(column, "a number");
        return value;
      },
      flag: (column) => {
        const value = FLAGS[text(column).toLowerCase()];
        if (value === undefined) throw wrong(column, "True or False");
        return value;
      },
    };
  });
}

function textOf(path: string, option: string): string {
  if (!existsSync(path)) throw new CommandError(`there is no file ${path}`, `check the path after ${option}`);
  try {
    const bytes = readFileSync(path);
    return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString("utf8");
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${messageOf(error)}`, "is the file whole?");
  }
}
