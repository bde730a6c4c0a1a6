/** `/v1/carts*`: the list from the index, everything about one cart from its actor. */
import { cartStub, storeStub } from "../../../objects/stubs.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { toMinor, toMoney } from "../../../shared/money.ts";
import { iso, isoOrNull } from "../../../shared/time.ts";
import type { CartListItem, CartStatus } from "../../../shared/views.ts";
import { badQuery, type MemberCall, notFound, paged, pageOf } from "../context.ts";

const STATUSES = ["active", "abandoned", "recovering", "purchased", "recovered", "expired", "merged"];

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

/** `GET /v1/carts?status=&minValue=&q=`: newest first. `minValue` in whole units of the store's currency; `q` in id, e-mail address and name. */
export async function listCarts({ env, principal, url }: MemberCall): Promise<Response> {
  const { limit, after } = pageOf(url);
  const settings = await storeStub(env, principal.storeId).settings();
  if (!settings.ok) throw notFound("store");
  const { currency } = settings.value;
  const where = ["store_id = ?"];
  const values: (string | number)[] = [principal.storeId];
  const status = url.searchParams.get("status");
  if (status !== null) {
    const wanted = [...new Set(status.split(","))];
    if (wanted.some((s) => !STATUSES.includes(s))) throw badQuery("status", `must be among ${STATUSES.join(", ")}`);
    where.push(`status IN (${wanted.map(() => "?").join(", ")})`);
    values.push(...wanted);
  }
  const minValue = url.searchParams.get("minValue");
  if (minValue !== null) {
    const minor = toMinor(minValue, currency);
    if (minor === null) throw badQuery("minValue", "must be an amount");
    where.push("total_minor >= ?");
    values.push(minor);
  }
  const q = url.searchParams.get("q")?.slice(0, 100);
  if (q) {
    where.push("(instr(lower(id), ?) OR instr(lower(coalesce(email, '')), ?) OR instr(lower(coalesce(name, '')), ?))");
    values.push(q.toLowerCase(), q.toLowerCase(), q.toLowerCase());
  }
  if (after) {
    where.push("(created_at, id) < (?, ?)");
    values.push(after.time, after.id);
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

export async function getCart(call: MemberCall): Promise<Response> {
  const cart = await stub(call).view();
  if (!cart.ok) throw notFound("cart");
  return json(cart.value, 200, { etag: `"${cart.value.version}"` });
}

export async function getTimeline(call: MemberCall): Promise<Response> {
  const timeline = await stub(call).timeline();
  if (!timeline.ok) throw notFound("cart");
  return json(timeline.value);
}

/** `?at=` an ISO time: the cart as it was then, and every decision up to it, made again from the log. */
export async function explainCart(call: MemberCall): Promise<Response> {
  const given = call.url.searchParams.get("at");
  const at = given === null ? undefined : Date.parse(given);
  if (at !== undefined && Number.isNaN(at)) throw badQuery("at", "must be an ISO 8601 time");
  const explained = await stub(call).explain(at);
  if (explained.ok) return json(explained.value);
  if (explained.reason === "compacted")
    throw new AppError("CONFLICT", "The beginning of this cart's log was compacted: see its timeline.");
  throw notFound("cart");
}

/** 204: no recovery link sent so far opens this cart any more. */
export async function revokeLinks(call: MemberCall): Promise<Response> {
  await stub(call).revokeLinks();
  return new Response(null, { status: 204 });
}

function stub({ env, principal, params }: MemberCall) {
  const id = params.id ?? "";
  if (id.length === 0 || id.length > 128 || id.includes("/")) throw notFound("cart");
  return cartStub(env, principal.storeId, id);
}
