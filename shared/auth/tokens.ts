/** Access tokens: ES256 JWTs of 15 minutes, verified against the published keys without asking anybody. */
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";

export const ISSUER = "cartwake";
export const AUDIENCE = "cartwake-api";
export const ACCESS_TTL_S = 15 * 60;
export const REFRESH_TTL_S = 7 * 24 * 3600;

export type Role = "admin" | "store_owner" | "api_user" | "customer";

export interface Principal {
  userId: string;
  email: string;
  storeId: string;
  role: Role;
  permissions: string[];
  /** Seconds since the epoch. */
  expiresAt: number;
}

const OWNER = [
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

/** What each role may do. A secret key's scopes are a subset of the same words. */
export const PERMISSIONS: Record<Role, readonly string[]> = {
  admin: OWNER,
  store_owner: OWNER,
  api_user: ["carts:read", "carts:write", "analytics:read", "shoppers:read"],
  customer: [],
};

/** The principal of a token, or `null` for anything forged, expired, for somebody else, or unsigned. */
export async function verifyAccessToken(token: string, jwks: JSONWebKeySet): Promise<Principal | null> {
  if (token.length > 4096) return null;
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), {
      issuer: ISSUER,
      audience: AUDIENCE,
      algorithms: ["ES256"],
    });
    return principalOf(payload);
  } catch {
    return null; // every failure of jose is a refused token; which one is nobody's business
  }
}

function principalOf(payload: JWTPayload): Principal | null {
  const { sub, email, storeId, role, exp } = payload;
  if (typeof sub !== "string" || typeof email !== "string" || typeof storeId !== "string" || typeof exp !== "number")
    return null;
  if (typeof role !== "string" || !(role in PERMISSIONS)) return null;
  return {
    userId: sub,
    email,
    storeId,
    role: role as Role,
    permissions: [...PERMISSIONS[role as Role]],
    expiresAt: exp,
  };
}
