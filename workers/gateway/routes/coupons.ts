/** `/v1/coupons`, `/v1/coupon-pools*`, `/v1/campaigns/:id/coupons`: kept by the store's actor. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { isCode, MAX_ADDED_BYTES, MAX_ADDED_CODES, MAX_POOL_CODES, MAX_POOLS } from "../../../shared/coupon-codes.ts";
import {
  addedCodesView,
  COUPON_STATUS,
  couponPoolView,
  couponView,
  stepCouponsView,
  viewOfCoupon,
} from "../../../shared/coupons.ts";
import { csvRecords } from "../../../shared/csv.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { base64url, fromBase64url } from "../../../shared/ids.ts";
import { pageOf } from "../../../shared/views.ts";
import { invalid, notFound, pageQuery } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";

const store = ({ env, principal }: MemberCall) => storeStub(env, principal.storeId);

async function listPools(call: MemberCall): Promise<Response> {
  return json({ items: await store(call).couponPools(), nextCursor: null });
}

const newPool = z.object({ name: z.string().trim().min(1).max(200) });

async function createPool(call: MemberCall<unknown, z.infer<typeof newPool>>): Promise<Response> {
  const created = await store(call).createCouponPool(call.body.name);
  if (!created.ok) throw new AppError("CONFLICT", `A store has at most ${MAX_POOLS} pools: delete one first.`);
  call.audit({ action: "coupon_pool.created", objectId: created.value.id, after: created.value });
  return json(created.value, 201);
}

const codesBody = z.union([
  z.object({ codes: z.array(z.string()).min(1).max(MAX_ADDED_CODES) }).meta({ examples: [{ codes: ["SPRING-7Q2M"] }] }),
  z
    .string()
    .describe("As `text/csv` (RFC 4180): a code in the first column of each line; a first line `code` is skipped"),
]);

interface Line {
  line: number;
  code: string;
  broken: boolean;
}

function linesOf(body: z.infer<typeof codesBody>): Line[] {
  if (typeof body !== "string") return body.codes.map((code, i) => ({ line: i + 1, code: code.trim(), broken: false }));
  const records = csvRecords(body);
  const first = records[0]?.cells[0]?.trim().toLowerCase();
  const lines = first === "code" || first === "codes" ? records.slice(1) : records;
  if (lines.length > MAX_ADDED_CODES) throw invalid("(body)", `may have at most ${MAX_ADDED_CODES} codes`);
  return lines.map(({ line, cells, broken }) => ({ line, code: (cells[0] ?? "").trim(), broken }));
}

/** Lines that are named. The answer to a file that is something else would be as long as the file. */
const MAX_REJECTED = 100;

async function addCodes(call: MemberCall<unknown, z.infer<typeof codesBody>>): Promise<Response> {
  const id = call.params.id ?? "";
  const lines = linesOf(call.body);
  const isGood = ({ code, broken }: Line): boolean => !broken && isCode(code);
  const rejected = lines.filter((line) => !isGood(line));
  const good = lines.filter(isGood).map(({ code }) => code);
  const added = await store(call).addPoolCodes(id, good);
  if (!added.ok && added.reason === "not_found") throw notFound("pool");
  if (!added.ok)
    throw new AppError("CONFLICT", `A pool holds at most ${MAX_POOL_CODES} codes: nothing of this was added.`);
  const counts = { ...added.value, rejectedCount: rejected.length };
  call.audit({ action: "coupon_pool.codes_added", objectId: id, after: counts });
  const named = rejected.slice(0, MAX_REJECTED).map(({ line, broken }) => ({
    line,
    message: broken ? "the quotes do not fit" : "a code has 3 to 64 printable characters, without spaces",
  }));
  return json({ ...counts, rejected: named });
}

async function deletePool(call: MemberCall): Promise<Response> {
  const id = call.params.id ?? "";
  const pools = await store(call).couponPools();
  const deleted = await store(call).deleteCouponPool(id);
  if (!deleted.ok && deleted.reason === "not_found") throw notFound("pool");
  if (!deleted.ok)
    throw new AppError("CONFLICT", "An enabled campaign draws from this pool: disable or change it first.");
  call.audit({ action: "coupon_pool.deleted", objectId: id, before: pools.find((pool) => pool.id === id) });
  return new Response(null, { status: 204 });
}

/** The place of the last coupon of a page; what nobody was given is none. */
const place = z.tuple([z.string().max(64), z.string().max(64), z.int()]);
const cursorOf = (at: z.infer<typeof place>): string => base64url(new TextEncoder().encode(JSON.stringify(at)));

function placeOf(cursor: string): z.infer<typeof place> {
  const bytes = fromBase64url(cursor);
  try {
    return place.parse(JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())));
  } catch {
    throw invalid("cursor", "must be the nextCursor of an earlier page");
  }
}

const listQuery = z.object({
  campaignId: z.string().max(64).optional(),
  cartId: z.string().max(128).optional(),
  code: z.string().max(64).optional().describe("Written in any case"),
  status: z.enum(COUPON_STATUS).optional(),
  limit: pageQuery.shape.limit,
  cursor: z.string().max(400).optional(),
});

async function listCoupons(call: MemberCall<z.infer<typeof listQuery>>): Promise<Response> {
  const { cursor, limit, ...asked } = call.query;
  const after = cursor === undefined ? undefined : placeOf(cursor);
  const rows = await store(call).coupons({ ...asked, limit, after });
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  const now = Date.now();
  return json({
    items: rows.slice(0, limit).map((row) => viewOfCoupon(row, now)),
    nextCursor: last ? cursorOf([last.campaignId, last.stepId, last.n]) : null,
  });
}

async function campaignCoupons(call: MemberCall): Promise<Response> {
  const figures = await store(call).couponFigures(call.params.id ?? "");
  if (!figures.ok) throw notFound("campaign");
  return json({ steps: figures.value });
}

const read = { method: "GET", access: "carts:read", tag: "Coupons" } as const;
const write = { access: "campaigns:write", tag: "Coupons" } as const;

export const routes: Route[] = [
  member(
    {
      ...read,
      path: "/v1/coupons",
      summary: "List the coupons that were given out",
      description:
        "By campaign and step, within them the newest first. Coupons are kept for 90 days after they expired.",
      query: listQuery,
      answers: { 200: { description: "A page of coupons", schema: pageOf(couponView) } },
    },
    listCoupons,
  ),
  member(
    {
      ...read,
      path: "/v1/campaigns/:id/coupons",
      operationId: "getCampaignCoupons",
      summary: "Read what a campaign's steps gave out",
      answers: { 200: { description: "By step", schema: z.object({ steps: z.array(stepCouponsView) }) } },
    },
    campaignCoupons,
  ),
  member(
    {
      ...read,
      path: "/v1/coupon-pools",
      summary: "List the pools of imported codes",
      answers: { 200: { description: "All of them, the newest first", schema: pageOf(couponPoolView) } },
    },
    listPools,
  ),
  member(
    {
      ...write,
      method: "POST",
      path: "/v1/coupon-pools",
      operationId: "createCouponPool",
      summary: "Create a pool for codes of the shop's own",
      body: newPool,
      audit: "coupon_pool.created",
      answers: { 201: { description: "The empty pool", schema: couponPoolView } },
    },
    createPool,
  ),
  member(
    {
      ...write,
      method: "POST",
      path: "/v1/coupon-pools/:id/codes",
      operationId: "addCouponPoolCodes",
      summary: "Import codes into a pool",
      description: `A list as JSON, or CSV with a code in each line's first column: at most ${MAX_ADDED_CODES} codes and 1 MB a call, ${MAX_POOL_CODES} codes a pool. What is no code is named and left out. Codes are given out in the order in which they came.`,
      body: codesBody,
      maxBody: MAX_ADDED_BYTES,
      textBody: "text/csv",
      audit: "coupon_pool.codes_added",
      answers: { 200: { description: "What became of the codes", schema: addedCodesView } },
    },
    addCodes,
  ),
  member(
    {
      ...write,
      method: "DELETE",
      path: "/v1/coupon-pools/:id",
      operationId: "deleteCouponPool",
      summary: "Delete a pool and the codes that are left in it",
      description: "409 while an enabled campaign draws from it. Coupons that were given out stay.",
      audit: "coupon_pool.deleted",
      answers: { 204: { description: "It is gone" } },
    },
    deletePool,
  ),
];
