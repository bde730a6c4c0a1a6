/**
 * Whose store a path names. A token is issued for one store, but its user may belong to more: under `/v1/stores/:id` they
 * act in that store, with the role they have there. A store they do not belong to does not exist for them.
 */
import { PERMISSIONS, type Role } from "../../shared/auth/roles.ts";
import type { Principal } from "../../shared/auth/tokens.ts";
import type { Env } from "../env.ts";
import { notFound } from "./context.ts";
import type { Route } from "./route.ts";

const STORE_PATH = /^\/v1\/stores\/:id(\/|$)/;

/** The caller as the route's path makes them; costs one indexed read when the store is not the token's. 404 for others'. */
export async function scoped(
  { path }: Pick<Route, "path">,
  params: Record<string, string>,
  principal: Principal,
  env: Env,
): Promise<Principal> {
  const storeId = params.id ?? "";
  if (!STORE_PATH.test(path) || storeId === principal.storeId) return principal;
  if (principal.kind === "key") throw notFound("store");
  const member = await env.DB.prepare("SELECT role FROM members WHERE store_id = ? AND user_id = ?")
    .bind(storeId, principal.userId)
    .first<{ role: Role }>();
  if (!member) throw notFound("store");
  return { ...principal, storeId, role: member.role, permissions: [...PERMISSIONS[member.role]] };
}
