/** Access tokens: ES256 JWTs of 15 minutes, verified against the published keys without asking anybody. */
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import { PERMISSIONS, type Role } from "./roles.ts";

export const ISSUER = "cartwake";
export const AUDIENCE = "cartwake-api";
export const ACCESS_TTL_S = 15 * 60;
export const REFRESH_TTL_S = 7 * 24 * 3600;

export interface Principal {
  /** A person with an access token, or a program with a secret key. */
  kind: "user" | "key";
  userId: string;
  email: string;
  storeId: string;
  role: Role;
  permissions: string[];
  /** Seconds since the epoch. */
  expiresAt: number;
  /** The session's family of refresh tokens; `null` of a secret key. */
  sessionId: string | null;
}

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
  const { sub, email, storeId, role, exp, sid = null } = payload;
  if (typeof sub !== "string" || typeof email !== "string" || typeof storeId !== "string" || typeof exp !== "number")
    return null;
  if (typeof role !== "string" || !(role in PERMISSIONS)) return null;
  if (sid !== null && typeof sid !== "string") return null;
  return {
    kind: "user",
    userId: sub,
    email,
    storeId,
    role: role as Role,
    permissions: [...PERMISSIONS[role as Role]],
    expiresAt: exp,
    sessionId: sid,
  };
}
