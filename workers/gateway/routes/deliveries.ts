/** `/v1/deliveries*`: what was planned, sent and kept back. `to` in full only with `shoppers:read`. */
import * as z from "zod";
import { json } from "../../../shared/http.ts";
import { iso, isoOrNull } from "../../../shared/time.ts";
import { type DeliveryStatus, type DeliveryView, deliveryView, pageOf } from "../../../shared/views.ts";
import { notFound, paged, pageQuery } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";

interface Row {
  id: string;
  cart_id: string;
  shopper_id: string;
  campaign_id: string;
  step_id: string;
  variant_id: string | null;
  channel: DeliveryView["channel"];
  provider: string | null;
  status: DeliveryStatus;
  history: string;
  scheduled_at: number;
  claimed_at: number | null;
  sent_at: number | null;
  recipient: string | null;
  subject: string | null;
  html?: string | null;
  text?: string | null;
  image_url: string | null;
  recovery_url: string | null;
  unsubscribe_url: string | null;
}

const FROM = "FROM deliveries d LEFT JOIN outbox o ON o.store_id = d.store_id AND o.delivery_id = d.id";
const COLUMNS = "d.*, o.recipient, o.subject, o.image_url, o.recovery_url, o.unsubscribe_url";

const listQuery = pageQuery.extend({ cartId: z.string().max(128).optional(), status: z.string().max(32).optional() });

async function listDeliveries({ env, principal, query }: MemberCall<z.infer<typeof listQuery>>): Promise<Response> {
  const { limit, cursor } = query;
  const where = ["d.store_id = ?"];
  const values: (string | number)[] = [principal.storeId];
  for (const [parameter, column] of [
    ["cartId", "d.cart_id"],
    ["status", "d.status"],
  ] as const) {
    const value = query[parameter];
    if (value === undefined) continue;
    where.push(`${column} = ?`);
    values.push(value);
  }
  if (cursor) {
    where.push("(d.scheduled_at, d.id) < (?, ?)");
    values.push(cursor.time, cursor.id);
  }
  const sql = `SELECT ${COLUMNS} ${FROM} WHERE ${where.join(" AND ")} ORDER BY d.scheduled_at DESC, d.id DESC LIMIT ?`;
  const { results } = await env.DB.prepare(sql)
    .bind(...values, limit + 1)
    .all<Row>();
  const full = principal.permissions.includes("shoppers:read");
  return json(
    paged(
      results,
      limit,
      (row) => [row.scheduled_at, row.id],
      (row) => view(row, full),
    ),
  );
}

async function getDelivery({ env, principal, params }: MemberCall): Promise<Response> {
  const row = await env.DB.prepare(`SELECT ${COLUMNS}, o.html, o.text ${FROM} WHERE d.store_id = ? AND d.id = ?`)
    .bind(principal.storeId, params.id ?? "")
    .first<Row>();
  if (!row) throw notFound("delivery");
  return json(view(row, principal.permissions.includes("shoppers:read")));
}

function view(row: Row, full: boolean): DeliveryView {
  const history = JSON.parse(row.history) as { status: DeliveryStatus; at: number; reason?: string }[];
  return {
    id: row.id,
    cartId: row.cart_id,
    shopperId: row.shopper_id,
    campaignId: row.campaign_id,
    stepId: row.step_id,
    variantId: row.variant_id,
    channel: row.channel,
    provider: row.provider,
    status: row.status,
    statusHistory: history.map(({ at, ...entry }) => ({ ...entry, at: iso(at) })),
    scheduledAt: iso(row.scheduled_at),
    claimedAt: isoOrNull(row.claimed_at),
    sentAt: isoOrNull(row.sent_at),
    to: full ? row.recipient : masked(row.recipient),
    recoveryUrl: row.recovery_url || null,
    unsubscribeUrl: row.unsubscribe_url || null,
    ...messageOf(row),
  };
}

/** What was rendered, as its channel has it. A list shows no bodies. */
function messageOf({ channel, subject, html, text, image_url }: Row): Partial<DeliveryView> {
  const isWhole = html !== undefined;
  if (channel === "push") return { title: subject, imageUrl: image_url, ...(isWhole ? { body: text ?? null } : {}) };
  if (channel === "sms") return isWhole ? { text: text ?? null } : {};
  return { subject, ...(isWhole ? { html: html ?? null, text: text ?? null } : {}) };
}

/** An address without its name, a number without its middle. A device is a hash already. */
const masked = (recipient: string | null): string | null =>
  recipient?.replace(/^(.).*(@.*)$/, "$1…$2").replace(/^(\+\d{2}).*(\d{2})$/, "$1…$2") ?? null;

const read = { method: "GET", access: "carts:read", tag: "Deliveries" } as const;

export const routes: Route[] = [
  member(
    {
      ...read,
      path: "/v1/deliveries",
      summary: "List deliveries, newest first, without the messages' bodies",
      query: listQuery,
      answers: { 200: { description: "A page of deliveries", schema: pageOf(deliveryView) } },
    },
    listDeliveries,
  ),
  member(
    {
      ...read,
      path: "/v1/deliveries/:id",
      summary: "Read a delivery",
      description: "The local default provider keeps the rendered message here.",
      answers: { 200: { description: "The delivery", schema: deliveryView } },
    },
    getDelivery,
  ),
];
