/** `/v1/stores/:id/members*`: who belongs to a store, and as what. */
import * as z from "zod";
import { mayAssign, PERMISSIONS, ROLES, type Role } from "../../../shared/auth/roles.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { iso, isoOrNull } from "../../../shared/time.ts";
import { pageOf, role } from "../../../shared/views.ts";
import type { Env } from "../../env.ts";
import { notFound, stale } from "../context.ts";
import { MAX_MEMBERS, revokeThoseOf } from "../invitations.ts";
import { endKeysOf } from "../key-makers.ts";
import { revokeUser } from "../revocation.ts";
import { type MemberCall, member, type Route } from "../route.ts";

interface MemberRow {
  user_id: string;
  email: string;
  name: string | null;
  role: Role;
  created_at: number;
  last_login_at: number | null;
  mfa_enabled_at: number | null;
}

const SELECT = `SELECT m.user_id, u.email, u.name, m.role, m.created_at, u.last_login_at, u.mfa_enabled_at
  FROM members m JOIN users u ON u.id = m.user_id WHERE m.store_id = ?`;

const view = (row: MemberRow) => ({
  userId: row.user_id,
  email: row.email,
  name: row.name,
  role: row.role,
  joinedAt: iso(row.created_at),
  lastLoginAt: isoOrNull(row.last_login_at),
  mfaEnabled: row.mfa_enabled_at !== null,
});

async function listMembers({ env, principal }: MemberCall): Promise<Response> {
  const { results } = await env.DB.prepare(`${SELECT} ORDER BY m.created_at, m.user_id LIMIT ${MAX_MEMBERS}`)
    .bind(principal.storeId)
    .all<MemberRow>();
  return json({ items: results.map(view), nextCursor: null });
}

const findMember = (env: Env, storeId: string, userId: string): Promise<MemberRow | null> =>
  env.DB.prepare(`${SELECT} AND m.user_id = ?`).bind(storeId, userId).first<MemberRow>();

async function theMember({ env, principal, params }: MemberCall): Promise<MemberRow> {
  const found = await findMember(env, principal.storeId, params.userId ?? "");
  if (!found) throw notFound("member");
  return found;
}

/** True of every member but the last owner. One condition of the one statement that changes them: races cannot pass it. */
const NOT_LAST =
  "(role <> 'store_owner' OR (SELECT count(*) FROM members WHERE store_id = ? AND role = 'store_owner') > 1)";

const roleChange = z.object({ role });

async function changeRole(call: MemberCall<unknown, z.infer<typeof roleChange>>): Promise<Response> {
  const { env, principal, body } = call;
  const before = await theMember(call);
  for (const named of [before.role, body.role]) allow(call, named);
  if (before.role === body.role) return json({ ...view(before), revokedKeys: 0 });
  const [done, ...ends] = await env.DB.batch([
    env.DB.prepare(`UPDATE members SET role = ? WHERE store_id = ? AND user_id = ? AND role = ? AND ${NOT_LAST}`).bind(
      body.role,
      principal.storeId,
      before.user_id,
      before.role,
      principal.storeId,
    ),
    ...call.audited({
      action: "member.role_changed",
      objectId: before.user_id,
      before: { role: before.role },
      after: { role: body.role },
    }),
    ...endOfRights(call, before.user_id, body.role),
  ]);
  if (done?.meta.changes === 0) throw await whyNot(call, before);
  await revokeUser(env, before.user_id);
  return json({ ...view({ ...before, role: body.role }), revokedKeys: ends.at(-1)?.meta.changes ?? 0 });
}

/** Everybody may leave; to send somebody else away takes the permission. */
async function removeMember(call: MemberCall): Promise<Response> {
  const { env, principal, params } = call;
  const leaves = principal.kind === "user" && principal.userId === params.userId;
  if (!leaves && !principal.permissions.includes("members:write"))
    throw new AppError("FORBIDDEN", "This needs the permission members:write.");
  const before = await theMember(call);
  if (!leaves) allow(call, before.role);
  const [done] = await env.DB.batch([
    env.DB.prepare(`DELETE FROM members WHERE store_id = ? AND user_id = ? AND role = ? AND ${NOT_LAST}`).bind(
      ...[principal.storeId, before.user_id, before.role, principal.storeId],
    ),
    ...call.audited({
      action: "member.removed",
      objectId: before.user_id,
      before: { email: before.email, role: before.role },
    }),
    ...endOfRights(call, before.user_id, null),
  ]);
  if (done?.meta.changes === 0) throw await whyNot(call, before);
  await revokeUser(env, before.user_id);
  return new Response(null, { status: 204 });
}

/**
 * What a member held by an earlier role ends with it, in the same batch: invitations to what `role` (`null`: none) may not
 * give, and last, secret keys that may do more than it.
 */
function endOfRights(call: MemberCall, userId: string, role: Role | null): D1PreparedStatement[] {
  const now = Date.now();
  const canGive = (named: Role) =>
    role !== null &&
    PERMISSIONS[role].includes("members:write") &&
    mayAssign({ role, permissions: PERMISSIONS[role] }, named);
  const lost = ROLES.filter((named) => !canGive(named));
  return [
    revokeThoseOf(call.env, call.principal.storeId, userId, { role, lost }, now),
    ...endKeysOf(call, userId, role, now),
  ];
}

/** Throws unless the caller may give or take this role. */
export function allow({ principal }: Pick<MemberCall, "principal">, named: Role): void {
  if (mayAssign(principal, named)) return;
  throw new AppError(
    "FORBIDDEN",
    named === "store_owner" && principal.role !== "store_owner"
      ? "Only an owner of the store makes or unmakes owners."
      : `You may not give or take the role ${named}: it may do more than you.`,
  );
}

/** Why a change met nobody: the member is the last owner, or was changed meanwhile. */
async function whyNot({ env, principal }: MemberCall, before: MemberRow): Promise<AppError> {
  const now = await findMember(env, principal.storeId, before.user_id);
  if (!now) return notFound("member");
  return now.role === before.role
    ? new AppError("CONFLICT", "This is the store's last owner: make somebody else an owner first.")
    : stale();
}

const memberView = z
  .object({
    userId: z.string(),
    email: z.string(),
    name: z.string().nullable(),
    role,
    joinedAt: z.iso.datetime(),
    lastLoginAt: z.iso.datetime().nullable(),
    mfaEnabled: z.boolean(),
  })
  .meta({ id: "Member" });

const tag = "Stores";

export const routes: Route[] = [
  member(
    {
      method: "GET",
      path: "/v1/stores/:id/members",
      access: "members:write",
      tag,
      summary: "List a store's members",
      answers: {
        200: { description: `Those who joined first come first; at most ${MAX_MEMBERS}`, schema: pageOf(memberView) },
      },
    },
    listMembers,
  ),
  member(
    {
      method: "PATCH",
      path: "/v1/stores/:id/members/:userId",
      access: "members:write",
      tag,
      summary: "Change a member's role",
      description:
        "Nobody gives a role that may do more than they, and only owners make or unmake owners. 409 for the last owner. The member's access tokens are void at once, and invitations to roles they may not give any more; secret keys they made whose scopes exceed the new role are revoked (`revokedKeys` says how many). A refresh gives a token with the new role.",
      body: roleChange,
      audit: "member.role_changed",
      answers: { 200: { description: "The member", schema: memberView.extend({ revokedKeys: z.number().int() }) } },
    },
    changeRole,
  ),
  member(
    {
      method: "DELETE",
      path: "/v1/stores/:id/members/:userId",
      access: "member",
      tag,
      summary: "Leave a store, or remove a member",
      description:
        "Everybody may leave; removing others needs `members:write`. 409 for the last owner. Their access tokens are void, and the invitations they sent; secret keys they made are revoked. Rotate a key first that is to live on.",
      audit: "member.removed",
      answers: { 204: { description: "They belong to the store no more" } },
    },
    removeMember,
  ),
];
