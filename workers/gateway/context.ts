/** What handlers have in common: pages of lists, versions, and the ways to say no. */
import * as z from "zod";
import { AppError } from "../../shared/errors.ts";

export interface Page {
  limit: number;
  cursor?: Cursor | undefined;
}

/** Where the previous page ended. */
interface Cursor {
  time: number;
  id: string;
}

const cursor = z
  .string()
  .regex(/^\d{1,16}_.{1,200}$/, "must be the nextCursor of an earlier page")
  .transform((text): Cursor => {
    const at = text.indexOf("_");
    return { time: Number(text.slice(0, at)), id: text.slice(at + 1) };
  });

/** `?limit=&cursor=`: at most 200 rows, newest first. */
export const pageQuery = z.object({
  limit: z.coerce
    .number("must be a whole number from 1 to 200")
    .int("must be a whole number from 1 to 200")
    .min(1)
    .max(200)
    .default(50),
  cursor: cursor.optional(),
});

/** A time in a query. */
export const instant = z
  .string()
  .max(64)
  .refine((at) => !Number.isNaN(Date.parse(at)), "must be an ISO 8601 time")
  .meta({ description: "ISO 8601", examples: ["2026-11-21T10:00:00Z"] });

/** `{ items, nextCursor }` of one row more than the page holds. */
export function paged<R, T>(
  rows: R[],
  limit: number,
  key: (row: R) => [time: number, id: string],
  view: (row: R) => T,
): { items: T[]; nextCursor: string | null } {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { items: rows.slice(0, limit).map(view), nextCursor: last ? key(last).join("_") : null };
}

/** `If-Match: "3"` → 3; absent → null. */
export function ifMatch(request: Request): number | null {
  const given = request.headers.get("if-match");
  if (given === null || given === "*") return null;
  const version = /^(?:W\/)?"?(\d+)"?$/.exec(given)?.[1];
  if (!version) throw invalid("If-Match", "must be the version that was read");
  return Number(version);
}

/** A 400 about one field. */
export const invalid = (field: string, message: string): AppError =>
  new AppError("VALIDATION_ERROR", `${field}: ${message}`, [{ field, message, code: "invalid" }]);

export const notFound = (what: string): AppError => new AppError("NOT_FOUND", `No such ${what}.`);
export const stale = (): AppError =>
  new AppError("CONFLICT", "Somebody changed it meanwhile: read it again and repeat your change.");
