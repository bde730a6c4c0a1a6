/**
 * A secret key is as good as its maker's membership: it ends when they leave the store, or lose a role that covers its
 * scopes. Rotating a key makes it one's own. Publishable keys open nothing that a page does not show, and stay.
 */
import { PERMISSIONS, type Role } from "../../shared/auth/roles.ts";
import type { Principal } from "../../shared/auth/tokens.ts";
import type { Guard } from "../../shared/db/guard.ts";
import { AppError } from "../../shared/errors.ts";
import type { Env } from "../env.ts";
import { auditOfEach } from "./audit.ts";
import type { MemberCall } from "./route.ts";

/** Of keys that open something. Takes the present as its parameter. */
export const LIVE = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)";

/** Who a new key is made by, as SQL: the user, or the one behind the key that calls. `may`: they still have the right to. */
export function makerOf({ kind, userId, storeId, role }: Principal, now: number): { maker: Guard; may: Guard } {
  if (kind === "user")
    return {
      maker: { sql: "?", values: [userId] },
      may: {
        sql: "EXISTS (SELECT 1 FROM members WHERE store_id = ? AND user_id = ? AND role = ?)",
        values: [storeId, userId, role],
      },
    };
  return {
    maker: { sql: "(SELECT created_by FROM api_keys WHERE id = ?)", values: [userId] },
    may: { sql: `EXISTS (SELECT 1 FROM api_keys WHERE id = ? AND ${LIVE})`, values: [userId, now] },
  };
}

/** For a key that was not made: throws when its maker has just lost the right to. */
export async function stillMay(env: Env, { sql, values }: Guard): Promise<void> {
  const row = await env.DB.prepare(`SELECT 1 WHERE ${sql}`)
    .bind(...values)
    .first();
  if (!row) throw new AppError("FORBIDDEN", "You have just lost the right to do this.");
}

/**
 * For a batch whose earlier statements took a member's role away, and left them `role` (`null`: none): the lines of the
 * audit log, then the statement that ends their keys, whose `changes` says how many. They do nothing if the role stayed.
 */
export function endKeysOf(call: MemberCall, userId: string, role: Role | null, now: number): D1PreparedStatement[] {
  const { env, principal } = call;
  const { storeId } = principal;
  const exceeds = "EXISTS (SELECT 1 FROM json_each(scopes) WHERE value NOT IN (SELECT value FROM json_each(?)))";
  const where = `WHERE store_id = ? AND created_by = ? AND kind = 'secret' AND ${LIVE}
    AND (? IS NULL OR ${exceeds}) AND (SELECT role FROM members WHERE store_id = ? AND user_id = ?) IS ?`;
  const allowed = JSON.stringify(role === null ? [] : PERMISSIONS[role]);
  const values = [storeId, userId, now, role, allowed, storeId, userId, role];
  const after = { because: role === null ? "member.removed" : "member.role_changed", member: userId };
  return [
    ...auditOfEach(call, principal, { action: "api_key.revoked", after }, { where: `FROM api_keys ${where}`, values }),
    env.DB.prepare(`UPDATE api_keys SET revoked_at = ? ${where}`).bind(now, ...values),
  ];
}
