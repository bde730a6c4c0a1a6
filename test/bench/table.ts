/** Aligned columns: the first to the left, numbers to the right. */
export function table(title: string, header: string[], rows: string[][]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const line = (row: string[]): string =>
    widths
      .map((width, column) => (column === 0 ? (row[0] ?? "").padEnd(width) : (row[column] ?? "").padStart(width)))
      .join("   ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("───");
  const body = rows.map((row) => (row[0] === RULE ? rule : line(row)));
  return [title, "", line(header), rule, ...body].map((text) => (text ? `  ${text}` : "")).join("\n");
}

/** A row that draws a rule. */
export const RULE = "\u0000";

export const number = (value: number, digits = 0): string =>
  Number.isFinite(value)
    ? value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
    : "–";

export const times = (value: number): string => `${number(value, 2)}×`;

export const dollars = (value: number): string => `$${number(value, 3)}`;
