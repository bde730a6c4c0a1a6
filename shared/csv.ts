/** CSV (RFC 4180): read as it comes, written safe to open in a spreadsheet. */

/** A cell that begins so is taken for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** One line with its line break. `null` is an empty cell; a text that looks like a formula is led by an apostrophe. */
export const csvLine = (cells: readonly (string | number | null)[]): string => `${cells.map(cell).join(",")}\r\n`;

function cell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A record and the line it begins on, from 1; `broken`: its quotes do not fit. */
export interface CsvRecord {
  line: number;
  cells: string[];
  broken: boolean;
}

/**
 * The cell at the start of the text, quoted or not, and what ends it. A quote inside a plain cell is taken as it stands.
 * Nothing backtracks: each alternative is told by its next character.
 */
const CELL = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n][^,\r\n]*)?)(,|\r\n|\n|\r|$)/y;
const REST_OF_LINE = /[^\r\n]*(?:\r\n|\n|\r|$)/y;

/**
 * Every line that is not empty. Line breaks of all systems and a byte order mark are taken. A record whose quotes do not
 * fit ends with its line, so that one wrong quote does not swallow the rest of the file.
 */
export function csvRecords(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let at = text.startsWith("\ufeff") ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const begun = at;
    const record: CsvRecord = { line, cells: [], broken: false };
    for (let end = ","; end === ","; ) {
      CELL.lastIndex = at;
      const found = CELL.exec(text);
      if (!found) {
        record.broken = true;
        REST_OF_LINE.lastIndex = at;
        at += REST_OF_LINE.exec(text)?.[0].length ?? 0;
        break;
      }
      at += found[0].length;
      record.cells.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? "");
      end = found[3] ?? "";
    }
    line += text.slice(begun, at).match(/\r\n|\n|\r/g)?.length ?? 0;
    if (record.broken || record.cells.length > 1 || record.cells[0] !== "") records.push(record);
  }
  return records;
}
