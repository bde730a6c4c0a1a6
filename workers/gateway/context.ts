/** What every handler of the merchant surface is given. */

import type * as z from "zod";
import type { Principal } from "../../shared/auth/tokens.ts";
import { AppError } from "../../shared/errors.ts";
import { fieldErrors } from "../../shared/events/schema.ts";
import { readJson } from "../../shared/http.ts";
import type { Env } from "../env.ts";

export interface Call {
  request: Request;
  env: Env;
  ctx: ExecutionContext;
  url: URL;
  params: Record<string, string>;
  requestId: string;
}

/** A call by somebody who said who they are: a member of the store, or one of its secret keys. */
export interface MemberCall extends Call {
  principal: Principal;
}

/** The body, parsed by its schema; a 400 names every wrong field. */
export async function body<S extends z.ZodType>(call: Call, schema: S): Promise<z.infer<S>> {
  const parsed = schema.safeParse(await readJson(call.request));
  if (!parsed.success)
    throw new AppError("VALIDATION_ERROR", "The body is not valid.", fieldErrors(parsed.error.issues));
  return parsed.data;
}

export interface Page {
  limit: number;
  /** Where the previous page ended: `time,id`. */
  after: { time: number; id: string } | null;
}

/** `?limit=&cursor=`: at most 200 rows, newest first. */
export function pageOf(url: URL, standard = 50): Page {
  const limit = Number(url.searchParams.get("limit") ?? standard);
  if (!Number.isInteger(limit) || limit < 1 || limit > 200)
    throw badQuery("limit", "must be a whole number from 1 to 200");
  const cursor = url.searchParams.get("cursor");
  if (cursor === null) return { limit, after: null };
  const [, time, id] = /^(\d{1,16})_(.{1,200})$/.exec(cursor) ?? [];
  if (!time || !id) throw badQuery("cursor", "must be the nextCursor of an earlier page");
  return { limit, after: { time: Number(time), id } };
}

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

export const badQuery = (field: string, message: string): AppError =>
  new AppError("VALIDATION_ERROR", `The query is not valid: ${field} ${message}.`, [
    { field, message, code: "invalid" },
  ]);

/** `If-Match: "3"` → 3; absent → null. */
export function ifMatch(request: Request): number | null {
  const given = request.headers.get("if-match");
  if (given === null || given === "*") return null;
  const version = /^(?:W\/)?"?(\d+)"?$/.exec(given)?.[1];
  if (!version) throw badQuery("If-Match", "must be the version that was read");
  return Number(version);
}

export const notFound = (what: string): AppError => new AppError("NOT_FOUND", `No such ${what}.`);
export const stale = (): AppError =>
  new AppError("CONFLICT", "Somebody changed it meanwhile: read it again and repeat your change.");
