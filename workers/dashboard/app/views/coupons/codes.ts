/** Codes on their way into a pool: made here, or from a file of any length. Pure. */
import { codeOf, MAX_ADDED_BYTES, MAX_ADDED_CODES } from "../../../../../shared/coupon-codes.ts";
import { csvLine, csvRecords } from "../../../../../shared/csv.ts";
import type { AddedCodes } from "../../api/coupons.ts";

/** A piece of a file that the API takes at once. */
export interface CsvPart {
  text: string;
  /** Of the file, from 1. */
  firstLine: number;
}

/** A file in pieces, each of whole records. `limits`: of one piece. */
export function csvParts(file: string, limits = { codes: MAX_ADDED_CODES, bytes: MAX_ADDED_BYTES }): CsvPart[] {
  const starts = lineStarts(file);
  const at = (line: number): number => starts[line - 1] ?? file.length;
  const records = csvRecords(file);
  const parts: CsvPart[] = [];
  let part: CsvPart | null = null;
  let room = { codes: 0, bytes: 0 };
  for (const [i, { line }] of records.entries()) {
    const text = file.slice(at(line), at(records[i + 1]?.line ?? starts.length + 1));
    const bytes = new TextEncoder().encode(text).length;
    if (!part || room.codes < 1 || room.bytes < bytes) {
      part = { text: "", firstLine: line };
      parts.push(part);
      room = { ...limits };
    }
    part.text += text;
    room = { codes: room.codes - 1, bytes: room.bytes - bytes };
  }
  return parts;
}

function lineStarts(text: string): number[] {
  return [0, ...Array.from(text.matchAll(/\r\n|\n|\r/g), (found) => found.index + found[0].length)];
}

/** What became of a file so far, with its next piece. */
export function withPart(
  sum: AddedCodes | null,
  next: AddedCodes,
  { firstLine }: Pick<CsvPart, "firstLine">,
): AddedCodes {
  const rejected = next.rejected.map(({ line, message }) => ({ line: line + firstLine - 1, message }));
  return {
    added: (sum?.added ?? 0) + next.added,
    duplicates: (sum?.duplicates ?? 0) + next.duplicates,
    rejected: [...(sum?.rejected ?? []), ...rejected],
    rejectedCount: (sum?.rejectedCount ?? 0) + next.rejectedCount,
  };
}

/** Codes that cannot be guessed. `random` fills the bytes. */
export function newCodes(
  count: number,
  prefix: string,
  bytesEach: number,
  random: (bytes: Uint8Array<ArrayBuffer>) => void,
): string[] {
  const bytes = new Uint8Array(bytesEach);
  return Array.from({ length: count }, () => {
    random(bytes);
    return prefix + codeOf(bytes);
  });
}

export const csvOf = (codes: readonly string[]): string => ["code", ...codes].map((code) => csvLine([code])).join("");
