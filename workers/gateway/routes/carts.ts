/** `/v1/carts*`: the list from the index, everything about one cart from its actor. */
import * as z from "zod";
import { cartStub, storeStub } from "../../../objects/stubs.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { toMinor, toMoney } from "../../../shared/money.ts";
import { iso, isoOrNull } from "../../../shared/time.ts";
import {
  type CartListItem,
  type CartStatus,
  cartListItem,
  cartStatus,
  cartView,
  explainView,
  pageOf,
  timelineView,
} from "../../../shared/views.ts";
import { instant, invalid, notFound, paged, pageQuery } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";

interface Row {
  id: string;
  version: number;
  status: CartStatus;
  item_count: number;
  total_minor: number;
  currency: string | null;
  shopper_id: string;
  email: string | null;
  name: string | null;
  risk: number;
  created_at: number;
  last_activity_at: number;
  abandoned_at: number | null;
  recovered_at: number | null;
}

const isStatus = (text: string): text is CartStatus => cartStatus.options.some((known) => known === text);
const statuses = z
  .string()
  .refine((text) => text.split(",").every(isStatus), `must be among ${cartStatus.options.join(", ")}`)
  .transform((text) => [...new Set(text.split(","))])
  .describe(`One of ${cartStatus.options.join(", ")}, or several with commas`);

const listQuery = pageQuery.extend({
  status: statuses.optional(),
  minValue: z.string().max(32).optional().describe("In whole units of the store's currency"),
  q: z.string().optional().describe("Looked for in id, e-mail address and name; its first 100 characters count"),
});

/** Newest first. */
async function listCarts({ env, principal, query }: MemberCall<z.infer<typeof listQuery>>): Promise<Response> {
  const { limit, cursor, status, minValue } = query;
  const settings = await storeStub(env, principal.storeId).settings();
  if (!settings.ok) throw notFound("store");
  const { currency } = settings.value;
  const where = ["store_id = ?"];
  const values: (string | number)[] = [principal.storeId];
  if (status) {
    where.push(`status IN (${status.map(() => "?").join(", ")})`);
    values.push(...status);
  }
  if (minValue !== undefined) {
    const minor = toMinor(minValue, currency);
    if (minor === null) throw invalid("minValue", "must be an amount");
    where.push("total_minor >= ?");
    values.push(minor);
  }
  const q = query.q?.slice(0, 100).toLowerCase();
  if (q) {
    where.push("(instr(lower(id), ?) OR instr(lower(coalesce(email, '')), ?) OR instr(lower(coalesce(name, '')), ?))");
    values.push(q, q, q);
  }
  if (cursor) {
    where.push("(created_at, id) < (?, ?)");
    values.push(cursor.time, cursor.id);
  }
  const sql = `SELECT * FROM carts WHERE ${where.join(" AND ")} ORDER BY created_at DESC, id DESC LIMIT ?`;
  const { results } = await env.DB.prepare(sql)
    .bind(...values, limit + 1)
    .all<Row>();
  return json(
    paged(
      results,
      limit,
      (row) => [row.created_at, row.id],
      (row) => listView(row, currency),
    ),
  );
}

/** As the live topic tells it: a cart that is in no currency yet is in the store's. */
const listView = (row: Row, fallback: string): CartListItem => ({
  id: row.id,
  status: row.status,
  version: row.version,
  itemCount: row.item_count,
  total: toMoney(row.total_minor, row.currency ?? fallback),
  shopper: { id: row.shopper_id, email: row.email, name: row.name },
  abandonmentRisk: Math.round(row.risk * 1e4) / 1e4,
  createdAt: iso(row.created_at),
  lastActivityAt: iso(row.last_activity_at),
  abandonedAt: isoOrNull(row.abandoned_at),
  recoveredAt: isoOrNull(row.recovered_at),
});

async function getCart(call: MemberCall): Promise<Response> {
  const cart = await stub(call).view();
  if (!cart.ok) throw notFound("cart");
  return json(cart.value, 200, { etag: `"${cart.value.version}"` });
}

async function getTimeline(call: MemberCall): Promise<Response> {
  const timeline = await stub(call).timeline();
  if (!timeline.ok) throw notFound("cart");
  return json(timeline.value);
}

const explainQuery = z.object({ at: instant.optional() });

async function explainCart(call: MemberCall<z.infer<typeof explainQuery>>): Promise<Response> {
  const { at } = call.query;
  const explained = await stub(call).explain(at === undefined ? undefined : Date.parse(at));
  if (explained.ok) return json(explained.value);
  if (explained.reason === "compacted")
    throw new AppError("CONFLICT", "The beginning of this cart's log was compacted: see its timeline.");
  throw notFound("cart");
}

async function revokeLinks(call: MemberCall): Promise<Response> {
  const revoked = await stub(call).revokeLinks();
  if (!revoked.ok) throw notFound("cart");
  return new Response(null, { status: 204 });
}

function stub({ env, principal, params }: MemberCall) {
  const id = params.id ?? "";
  if (id.length === 0 || id.length > 128 || id.includes("/")) throw notFound("cart");
  return cartStub(env, principal.storeId, id);
}

const read = { method: "GET", access: "carts:read", tag: "Carts" } as const;

export const routes: Route[] = [
  member(
    {
      ...read,
      path: "/v1/carts",
      summary: "List carts, newest first",
      query: listQuery,
      answers: { 200: { description: "A page of carts", schema: pageOf(cartListItem) } },
    },
    listCarts,
  ),
  member(
    {
      ...read,
      path: "/v1/carts/:id",
      summary: "Read a cart: items, prediction, journey, timers and deliveries",
      answers: { 200: { description: "The cart as it is now", schema: cartView } },
    },
    getCart,
  ),
  member(
    {
      ...read,
      path: "/v1/carts/:id/timeline",
      summary: "Read what happened to a cart, what it decided and what was sent",
      answers: { 200: { description: "Oldest first", schema: timelineView } },
    },
    getTimeline,
  ),
  member(
    {
      ...read,
      path: "/v1/carts/:id/explain",
      summary: "Explain why each message was sent or not",
      description:
        "The cart as it was at a time, and every decision up to it, made again from the log. 409 when the beginning of the log was compacted.",
      query: explainQuery,
      problems: ["CONFLICT"],
      answers: { 200: { description: "The decisions, oldest first", schema: explainView } },
    },
    explainCart,
  ),
  member(
    {
      method: "DELETE",
      path: "/v1/carts/:id/links",
      access: "carts:write",
      tag: "Carts",
      summary: "Revoke the recovery links of a cart",
      audit: "cart.links_revoked",
      answers: { 204: { description: "No link sent so far opens this cart any more" } },
    },
    revokeLinks,
  ),
];
