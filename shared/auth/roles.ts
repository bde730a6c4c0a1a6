/** What each role may do. A secret key's scopes are a subset of the same words. */

export const ROLES = ["admin", "store_owner", "api_user", "customer"] as const;
export type Role = (typeof ROLES)[number];

export const ALL_PERMISSIONS = [
  "carts:read",
  "carts:write",
  "campaigns:write",
  "analytics:read",
  "members:write",
  "models:write",
  "shoppers:read",
  "shoppers:erase",
  "stores:write",
  "audit:read",
] as const;
export type Permission = (typeof ALL_PERMISSIONS)[number];

export const PERMISSIONS: Record<Role, readonly Permission[]> = {
  admin: ALL_PERMISSIONS,
  store_owner: ALL_PERMISSIONS,
  api_user: ["carts:read", "carts:write", "analytics:read", "shoppers:read"],
  customer: [],
};

/**
 * Whether somebody may give this role, or take it from who has it: they may do themselves all that it may do, and only
 * owners make or unmake owners.
 */
export const mayAssign = (by: { role: Role; permissions: readonly string[] }, role: Role): boolean =>
  PERMISSIONS[role].every((permission) => by.permissions.includes(permission)) &&
  (role !== "store_owner" || by.role === "store_owner");
