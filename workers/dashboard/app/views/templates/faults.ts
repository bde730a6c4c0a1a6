/** What is wrong with a template, as the API tells it: `html`, `line 3, column 5: unknown variable foo`. Pure. */
import type { ProblemField } from "../../api/http.ts";

export interface PlacedFault {
  message: string;
  /** Line and column from 1; `null` for what is wrong with the whole. */
  at: { line: number; column: number } | null;
}

export function faultOf(told: string): PlacedFault {
  const [, line, column, message] = /^line (\d+), column (\d+): (.*)$/s.exec(told) ?? [];
  return message === undefined
    ? { message: told, at: null }
    : { message, at: { line: Number(line), column: Number(column) } };
}

export const faultsAt = (fields: readonly ProblemField[], path: string): PlacedFault[] =>
  fields.filter(({ field }) => field === path).map(({ message }) => faultOf(message));

/** Where in the text a place is, from 0; the end of the line or of the text when there is no such place any more. */
export function offsetOf(text: string, { line, column }: { line: number; column: number }): number {
  let start = 0;
  for (let i = 1; i < line; i++) {
    const end = text.indexOf("\n", start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  const end = text.indexOf("\n", start);
  return Math.min(start + column - 1, end < 0 ? text.length : end);
}
