/** CSV (RFC 4180), safe to open in a spreadsheet. */

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
