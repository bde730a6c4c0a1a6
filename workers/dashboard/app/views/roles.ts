/** Roles in the words of people. */
import { ROLES, type Role } from "../../../../shared/auth/roles.ts";

const ABOUT: Record<Role, { name: string; does: string }> = {
  store_owner: { name: "Store owner", does: "runs the store, and is the only one who names other owners" },
  admin: { name: "Admin", does: "runs the store: settings, campaigns, members and keys" },
  api_user: { name: "API user", does: "works with carts, shoppers and figures, and changes no settings" },
  customer: { name: "Customer", does: "has an account, and sees nothing of the store" },
};

export const roleName = (role: Role): string => ABOUT[role].name;
export const roleDoes = (role: Role): string => ABOUT[role].does;
export const roleOptions = (allowed: (role: Role) => boolean) =>
  ROLES.filter(allowed).map((value) => ({ value, label: ABOUT[value].name }));
