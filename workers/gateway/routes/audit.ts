/** `/v1/audit*`: who did what to which object. Rows are only ever added; a weekly job sweeps those of 90 days ago. */
import * as z from "zod";
import { csvLine } from "../../../shared/csv.ts";
import { json } from "../../../shared/http.ts";
import { log } from "../../../shared/log.ts";
import { iso } from "../../../shared/time.ts";
import { pageOf } from "../../../shared/views.ts";
import { instant, paged, pageQuery } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";

interface Row {
  id: string;
  at: number;
  actor_kind: string;
  actor_id: string | null;
  actor_email: string | null;
  action: string;
  object_kind: string;
  object_id: string | null;
  address: string | null;
  user_agent: string | null;
  request_id: string | null;
  before: string | null;
  after: string | null;
}

const entry = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    actor: z.object({
      kind: z.enum(["user", "key", "system"]),
      id: z.string().nullable(),
      email: z.string().nullable().describe("Of a user, as it was then"),
    }),
    action: z.string().describe("`object.happened`, e.g. `store.updated`"),
    object: z.object({ kind: z.string(), id: z.string().nullable() }),
    address: z.string().nullable().describe("Where the request came from"),
    userAgent: z.string().nullable(),
    requestId: z.string().nullable(),
    before: z.unknown().describe("What changed, as it was; secrets are redacted"),
    after: z.unknown().describe("What changed, as it is now; secrets are redacted"),
  })
  .meta({ id: "AuditEntry" });

type Entry = z.infer<typeof entry>;

const view = (row: Row): Entry => ({
  id: row.id,
  at: iso(row.at),
  actor: { kind: row.actor_kind as Entry["actor"]["kind"], id: row.actor_id, email: row.actor_email },
  action: row.action,
  object: { kind: row.object_kind, id: row.object_id },
  address: row.address,
  userAgent: row.user_agent,
  requestId: row.request_id,
  before: parsed(row.before),
  after: parsed(row.after),
});

const parsed = (text: string | null): unknown => (text === null ? null : JSON.parse(text));

const name = z.string().max(200).optional();
const filters = z.object({
  action: name,
  actorId: name,
  objectKind: name,
  objectId: name,
  from: instant.optional(),
  to: instant.optional(),
});
type Filters = z.infer<typeof filters>;

const listQuery = filters.extend(pageQuery.shape);

/** Newest first: the rows after the place where the last page ended. */
async function rowsOf(
  { env, principal }: MemberCall,
  asked: Filters,
  limit: number,
  after?: { time: number; id: string },
) {
  const equal = {
    action: asked.action,
    actor_id: asked.actorId,
    object_kind: asked.objectKind,
    object_id: asked.objectId,
  };
  const conditions: [sql: string, values: (string | number)[] | undefined][] = [
    ["store_id = ?", [principal.storeId]],
    ...Object.entries(equal).map(([column, value]): [string, string[] | undefined] => [
      `${column} = ?`,
      value === undefined ? undefined : [value],
    ]),
    ["at >= ?", asked.from === undefined ? undefined : [Date.parse(asked.from)]],
    ["at <= ?", asked.to === undefined ? undefined : [Date.parse(asked.to)]],
    ["(at, id) < (?, ?)", after && [after.time, after.id]],
  ];
  const said = conditions.filter(([, values]) => values !== undefined);
  const { results } = await env.DB.prepare(
    `SELECT * FROM audit_log WHERE ${said.map(([sql]) => sql).join(" AND ")} ORDER BY at DESC, id DESC LIMIT ?`,
  )
    .bind(...said.flatMap(([, values]) => values ?? []), limit)
    .all<Row>();
  return results;
}

async function listAudit(call: MemberCall<z.infer<typeof listQuery>>): Promise<Response> {
  const { limit, cursor } = call.query;
  const rows = await rowsOf(call, call.query, limit + 1, cursor);
  return json(paged(rows, limit, (row) => [row.at, row.id], view));
}

const exportQuery = filters.pick({ from: true, to: true }).extend({ format: z.enum(["csv", "json"]).default("csv") });

const COLUMNS = [
  "id",
  "at",
  "actorKind",
  "actorId",
  "actorEmail",
  "action",
  "objectKind",
  "objectId",
  "address",
  "userAgent",
  "requestId",
  "before",
  "after",
];

const line = (row: Row): string =>
  csvLine([
    row.id,
    iso(row.at),
    row.actor_kind,
    row.actor_id,
    row.actor_email,
    row.action,
    row.object_kind,
    row.object_id,
    row.address,
    row.user_agent,
    row.request_id,
    row.before,
    row.after,
  ]);

const FORMATS = {
  csv: { type: "text/csv; charset=utf-8; header=present", head: csvLine(COLUMNS), foot: "", row: line },
  json: {
    type: "application/json; charset=utf-8",
    head: "[",
    foot: "\n]\n",
    row: (row: Row, first: boolean) => `${first ? "" : ","}\n${JSON.stringify(view(row))}`,
  },
} as const;

const EXPORT_PAGE = 200;

/** The whole log up to this request, a page in memory at a time. */
async function exportAudit(call: MemberCall<z.infer<typeof exportQuery>>): Promise<Response> {
  const { format, from } = call.query;
  const now = Date.now();
  const asked = { from, to: call.query.to ?? iso(now - 1) };
  const { type, head, foot, row: written } = FORMATS[format];
  const encoder = new TextEncoder();
  let last: Row | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(head)),
    async pull(controller) {
      try {
        const rows = await rowsOf(call, asked, EXPORT_PAGE, last && { time: last.at, id: last.id });
        const text = rows.map((row, i) => written(row, i === 0 && last === undefined)).join("");
        last = rows.at(-1);
        const ends = rows.length < EXPORT_PAGE;
        controller.enqueue(encoder.encode(ends ? text + foot : text));
        if (ends) controller.close();
      } catch (error) {
        // The answer has begun: all that is left is to break it off, so that nobody takes it for whole.
        log("error", "audit_export_failed", { requestId: call.requestId, error });
        controller.error(error);
      }
    },
  });
  call.audit({ action: "audit.exported", after: { format, ...asked } });
  return new Response(body, {
    headers: {
      "content-type": type,
      "content-disposition": `attachment; filename="audit-${iso(now).slice(0, 10)}.${format}"`,
      "cache-control": "no-store",
    },
  });
}

const read = { method: "GET", access: "audit:read", tag: "Stores" } as const;

export const routes: Route[] = [
  member(
    {
      ...read,
      path: "/v1/audit",
      operationId: "listAuditEntries",
      summary: "List who did what, newest first",
      description: "Kept for 90 days.",
      query: listQuery,
      answers: { 200: { description: "A page of the log", schema: pageOf(entry) } },
    },
    listAudit,
  ),
  member(
    {
      ...read,
      path: "/v1/audit/export",
      operationId: "exportAuditLog",
      summary: "Download the audit log as CSV or JSON",
      description:
        "CSV per RFC 4180 with a header line; a cell that a spreadsheet would take for a formula is led by an apostrophe. With `format=json`, an array of entries.",
      query: exportQuery,
      audit: "audit.exported",
      answers: { 200: { description: "A file, newest first", type: "text/csv" } },
    },
    exportAudit,
  ),
];
