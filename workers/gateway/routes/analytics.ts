/** `/v1/analytics/*`: the store's exact counters. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { json } from "../../../shared/http.ts";
import { GRAIN_MS, iso } from "../../../shared/time.ts";
import { realtimeView } from "../../../shared/views.ts";
import { instant } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";

async function realtime({ env, principal }: MemberCall): Promise<Response> {
  return json(await storeStub(env, principal.storeId).realtime());
}

const rollupQuery = z.object({
  grain: z.enum(["minute", "hour", "day"]).default("hour"),
  from: instant.optional(),
  to: instant.optional(),
});

async function rollups({ env, principal, query }: MemberCall<z.infer<typeof rollupQuery>>): Promise<Response> {
  const { grain } = query;
  const to = query.to === undefined ? Date.now() + 1 : Date.parse(query.to);
  const from = query.from === undefined ? to - 1000 * GRAIN_MS[grain] : Date.parse(query.from);
  const buckets = await storeStub(env, principal.storeId).rollups(grain, from, to);
  return json({ items: buckets.map(({ start, delta }) => ({ start: iso(start), ...delta })), nextCursor: null });
}

const counts = z.record(z.string(), z.number());
const bucket = z
  .object({
    start: z.iso.datetime(),
    events: counts.optional(),
    duplicates: z.number().optional(),
    rejected: z.number().optional(),
    carts: z.number().optional(),
    abandoned: z.number().optional(),
    orders: z.number().optional(),
    recovered: z.number().optional(),
    messages: z.number().optional(),
    revenue: counts.optional().describe("Minor units by currency"),
    recoveredRevenue: counts.optional().describe("Minor units by currency"),
    rows: z.number().optional().describe("Rows written by the carts"),
  })
  .meta({ id: "Rollup" });

const common = { method: "GET", access: "analytics:read", tag: "Analytics" } as const;

export const routes: Route[] = [
  member(
    {
      ...common,
      path: "/v1/analytics/realtime",
      summary: "Read how the store stands now",
      answers: { 200: { description: "Carts by status, revenue at risk and recovered", schema: realtimeView } },
    },
    realtime,
  ),
  member(
    {
      ...common,
      path: "/v1/analytics/rollups",
      summary: "Read exact counters per minute, hour or day",
      query: rollupQuery,
      answers: {
        200: {
          description: "Buckets, oldest first",
          schema: z.object({ items: z.array(bucket), nextCursor: z.null() }),
        },
      },
    },
    rollups,
  ),
];
