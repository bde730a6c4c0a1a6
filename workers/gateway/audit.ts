/** The audit log: who did what to which object, from where. Rows are only ever added, and swept after 90 days. */
import type { Principal } from "../../shared/auth/tokens.ts";
import { newId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { redacted } from "./redact.ts";
import type { AuditNote, Call } from "./route.ts";

/** A setting may be long; what is kept of it here is not. */
const MAX_JSON = 8_000;

/** Adds what a request noted. When that fails the request has still been carried out: the log says so, loudly. */
export async function writeAudit(call: Call, principal: Principal | null, notes: AuditNote[]): Promise<void> {
  const { env, request, address, requestId } = call;
  const insert = env.DB.prepare(
    `INSERT INTO audit_log (id, store_id, at, actor_kind, actor_id, actor_email, action, object_kind, object_id, address, user_agent, request_id, before, after)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const rows = notes.flatMap((note) => {
    const storeId = note.actor?.storeId ?? principal?.storeId;
    if (!storeId) return [];
    const kind = note.actor ? "user" : (principal?.kind ?? "system");
    return insert.bind(
      newId("aud"),
      storeId,
      Date.now(),
      kind,
      note.actor?.userId ?? principal?.userId ?? null,
      note.actor?.email ?? (principal?.email || null),
      note.action,
      note.action.split(".")[0] ?? "",
      note.objectId ?? null,
      address === "unknown" ? null : address,
      request.headers.get("user-agent")?.slice(0, 256) ?? null,
      requestId,
      shortened(note.before),
      shortened(note.after),
    );
  });
  if (rows.length === 0) return;
  try {
    await env.DB.batch(rows);
  } catch (error) {
    log("error", "audit_failed", { requestId, actions: notes.map((note) => note.action), error });
  }
}

function shortened(value: unknown): string | null {
  if (value === undefined) return null;
  const text = JSON.stringify(redacted(value));
  return text.length <= MAX_JSON ? text : JSON.stringify({ truncated: text.slice(0, MAX_JSON) });
}
