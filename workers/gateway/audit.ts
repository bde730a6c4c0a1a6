/** The audit log: who did what to which object, from where. Rows are only ever added, and swept after 90 days. */
import type { Principal } from "../../shared/auth/tokens.ts";
import { newId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { redacted } from "./redact.ts";
import type { AuditNote, Call } from "./route.ts";

/** A setting may be long; what is kept of it here is not. */
const MAX_JSON = 8_000;

type Origin = Pick<Call, "env" | "request" | "address" | "requestId">;

/** Where the lines of a note come from: `where` begins with `FROM` or `WHERE`; `id` and `objectId` are SQL of its rows. */
interface Source {
  where: string;
  values: unknown[];
  id?: string;
  objectId?: string;
}

/** One line, if the statement before it in the batch changed anything: a change and its line are there together, or neither. */
const WITH_THE_CHANGE: Source = { where: "WHERE changes() > 0", values: [] };
const ALWAYS: Source = { where: "", values: [] };

/** `null` for what happened in nobody's store. */
function statementOf(
  call: Origin,
  principal: Principal | null,
  note: AuditNote,
  source: Source,
): D1PreparedStatement | null {
  const { env, request, address, requestId } = call;
  const storeId = note.actor?.storeId ?? principal?.storeId;
  if (!storeId) return null;
  const { where, values, id = "?", objectId = "?" } = source;
  return env.DB.prepare(
    `INSERT INTO audit_log (id, object_id, store_id, at, actor_kind, actor_id, actor_email, action, object_kind, address, user_agent, request_id, before, after)
     SELECT ${id}, ${objectId}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? ${where}`,
  ).bind(
    ...(source.id ? [] : [newId("aud")]),
    ...(source.objectId ? [] : [note.objectId ?? null]),
    storeId,
    Date.now(),
    note.actor ? "user" : (principal?.kind ?? "system"),
    note.actor?.userId ?? principal?.userId ?? null,
    note.actor?.email ?? (principal?.email || null),
    note.action,
    note.action.split(".")[0] ?? "",
    address === "unknown" ? null : address,
    request.headers.get("user-agent")?.slice(0, 256) ?? null,
    requestId,
    shortened(note.before),
    shortened(note.after),
    ...values,
  );
}

/** The line of the change that is the statement before it in the same batch. */
export function auditOfChange(call: Origin, principal: Principal | null, note: AuditNote): D1PreparedStatement[] {
  const line = statementOf(call, principal, note, WITH_THE_CHANGE);
  return line ? [line] : [];
}

/** One line for each row of `from`, whose column `id` is the object's: put it before the statement that changes them. */
export function auditOfEach(
  call: Origin,
  principal: Principal,
  note: AuditNote,
  from: { where: string; values: unknown[] },
): D1PreparedStatement[] {
  const source = { ...from, id: "'aud_' || lower(hex(randomblob(10)))", objectId: "id" };
  const lines = statementOf(call, principal, note, source);
  return lines ? [lines] : [];
}

/** Adds what a request noted. When that fails the request has still been carried out: the log says so, loudly. */
export async function writeAudit(call: Origin, principal: Principal | null, notes: AuditNote[]): Promise<void> {
  const rows = notes.flatMap((note) => statementOf(call, principal, note, ALWAYS) ?? []);
  if (rows.length === 0) return;
  try {
    await call.env.DB.batch(rows);
  } catch (error) {
    log("error", "audit_failed", { requestId: call.requestId, actions: notes.map((note) => note.action), error });
  }
}

function shortened(value: unknown): string | null {
  if (value === undefined) return null;
  const text = JSON.stringify(redacted(value));
  return text.length <= MAX_JSON ? text : JSON.stringify({ truncated: text.slice(0, MAX_JSON) });
}
