import { describe, expect, it } from "vitest";
import { ALL_PERMISSIONS, mayAssign, PERMISSIONS, ROLES, type Role } from "../../shared/auth/roles.ts";

const as = (role: Role, permissions: readonly string[] = PERMISSIONS[role]) => ({ role, permissions });

describe("who may give or take a role", () => {
  it.each([
    ["store_owner", ["admin", "store_owner", "api_user", "customer"]],
    ["admin", ["admin", "api_user", "customer"]],
    ["api_user", ["api_user", "customer"]],
    ["customer", ["customer"]],
  ] as const)("%s: %j", (role, may) => {
    expect(ROLES.filter((named) => mayAssign(as(role), named))).toEqual(may);
  });

  it("a key assigns what its scopes cover, and never owners", () => {
    const key = (scopes: readonly string[]) => ROLES.filter((named) => mayAssign(as("api_user", scopes), named));
    expect(key(["members:write"])).toEqual(["customer"]);
    expect(key(["members:write", ...PERMISSIONS.api_user])).toEqual(["api_user", "customer"]);
    expect(key(ALL_PERMISSIONS)).toEqual(["admin", "api_user", "customer"]);
  });

  it("every permission is somebody's", () => {
    expect(new Set(ROLES.flatMap((role) => PERMISSIONS[role]))).toEqual(new Set(ALL_PERMISSIONS));
  });
});
