/** Which secret keys end when their maker leaves the store, or gets another role, for the dialogs that ask. Pure. */
import { PERMISSIONS, type Role } from "../../../../../shared/auth/roles.ts";
import type { ApiKey } from "../../api/identity.ts";

/** By the server's rule; `role` null: their maker is removed. `at` in milliseconds since the epoch. */
export function lostKeys(keys: readonly ApiKey[], userId: string, role: Role | null, at: number): ApiKey[] {
  const allowed: readonly string[] = role === null ? [] : PERMISSIONS[role];
  return keys.filter(
    ({ kind, createdBy, revokedAt, expiresAt, scopes }) =>
      kind === "secret" &&
      createdBy?.userId === userId &&
      revokedAt === null &&
      (expiresAt === null || Date.parse(expiresAt) > at) &&
      (role === null || scopes.some((scope) => !allowed.includes(scope))),
  );
}

const MOST_NAMED = 5;

/** `2 secret keys they made stop working at once: ERP, cw_sk_a1b2c3….`; `null` when there is none. */
export function lossOf(lost: readonly ApiKey[]): string | null {
  if (lost.length === 0) return null;
  const names = lost.slice(0, MOST_NAMED).map(({ name, prefix }) => name || `${prefix ?? "cw_sk_"}…`);
  const named = names.join(", ") + (lost.length > MOST_NAMED ? ", and others" : "");
  const keys = lost.length === 1 ? "1 secret key they made stops" : `${lost.length} secret keys they made stop`;
  return `${keys} working at once: ${named}.`;
}
