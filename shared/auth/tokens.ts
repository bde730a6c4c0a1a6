/**
 * Tokens: signed by the keyring, verified against its published keys without asking anybody. JWT (RFC 9068 `at+jwt`) or
 * PASETO v4.public, as the deployment chose; both kinds of key may be published at once.
 *
 * A token names its key by a mark: a JWT's header, a PASETO's footer, byte for byte as the keyring writes them. Headers are
 * looked up, not interpreted: whatever else a header says (`alg: none`, HS256, `jwk`, `jku`, `x5u`, `crit`, a second `alg`)
 * names no key of ours. Algorithm and format come from the key alone.
 */
import { compactVerify, importJWK, type JSONWebKeySet, type JWK } from "jose";
import { base64url, fromBase64url } from "../ids.ts";
import { openPaseto, PASETO_PREFIX } from "./paseto.ts";
import { PERMISSIONS, type Role } from "./roles.ts";

export const ISSUER = "cartwake";
export const REFRESH_TTL_S = 7 * 24 * 3600;

export const AUDIENCE = "cartwake-api";
export const ACCESS_TTL_S = 15 * 60;

/** What a key is for, its JWK's `alg`. No JOSE library uses a key of another `alg`, so none takes `v4.public` for a JWT. */
export const KEY_ALGORITHMS = ["ES256", "EdDSA", "v4.public"] as const;
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

const MAX_CHARS = 4096;
/** How far the clock of the machine that signed may be ahead of ours. */
const SKEW_S = 60;

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
  /** The token's id; `null` of a secret key. */
  jti: string | null;
  /** Milliseconds since the epoch, to compare with the time of "log out everywhere"; 0 of a secret key. */
  issuedAt: number;
  /** The session's family of refresh tokens; `null` of a secret key. */
  sessionId: string | null;
}

export type Claims = Record<string, unknown>;

/** The claims every token has. `iat` and `exp` in seconds; `ims` is `iat` in milliseconds. */
export interface Registered {
  iss: string;
  aud: string;
  sub: string;
  jti: string;
  iat: number;
  exp: number;
  ims: number;
}

export function registeredClaims(subject: string, jti: string, now: number): Registered {
  const iat = Math.floor(now / 1000);
  return { iss: ISSUER, aud: AUDIENCE, sub: subject, jti, iat, exp: iat + ACCESS_TTL_S, ims: now };
}

/** A JWT's protected header; its members' order is part of the mark. */
export const jwtHeader = (alg: string, kid: string) => ({ alg, kid, typ: "at+jwt" });
/** A PASETO's footer, which names its key; its implicit assertion is the audience. */
export const pasetoFooter = (kid: string): string => JSON.stringify({ kid });

/** The principal of an access token, or `null` for anything forged, expired, for somebody else, or unsigned. */
export async function verifyAccessToken(
  token: string,
  jwks: JSONWebKeySet,
  now = Date.now(),
): Promise<Principal | null> {
  const claims = await verify(token, jwks, now);
  if (!claims) return null;
  const { email, storeId, role, sid = null } = claims;
  if (typeof email !== "string" || typeof storeId !== "string" || storeId === "") return null;
  if (typeof role !== "string" || !Object.hasOwn(PERMISSIONS, role)) return null;
  if (sid !== null && typeof sid !== "string") return null;
  return {
    kind: "user",
    userId: claims.sub,
    email,
    storeId,
    role: role as Role,
    permissions: [...PERMISSIONS[role as Role]],
    expiresAt: claims.exp,
    jti: claims.jti,
    issuedAt: claims.ims,
    sessionId: sid,
  };
}

async function verify(token: string, jwks: JSONWebKeySet, now: number): Promise<(Registered & Claims) | null> {
  const mark = markOf(token);
  const key = mark === null ? undefined : (await keysOf(jwks)).get(mark);
  if (!key) return null;
  const claims =
    key.alg === "v4.public" ? await openPaseto(token, key.key, AUDIENCE) : await openJwt(token, key.key, key.alg);
  return claims && isGood(claims, now) ? claims : null;
}

/** The part of a token that names its key. A PASETO's has its prefix, which no JWT's header can have. */
function markOf(token: string): string | null {
  if (token.length > MAX_CHARS) return null;
  const parts = token.split(".");
  if (token.startsWith(PASETO_PREFIX)) return parts.length === 4 ? PASETO_PREFIX + parts[3] : null;
  return parts.length === 3 ? parts[0]! : null;
}

/** `null` for every failure of jose: which one is nobody's business. */
async function openJwt(token: string, key: CryptoKey, alg: string): Promise<Claims | null> {
  try {
    const { payload } = await compactVerify(token, key, { algorithms: [alg] });
    return JSON.parse(new TextDecoder().decode(payload)) as Claims;
  } catch {
    return null;
  }
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** A good signature is not enough: for us, by us, now, and for no longer than we ever sign. */
function isGood(claims: Claims, now: number): claims is Registered & Claims {
  const { iss, aud, sub, jti, iat, exp, ims } = claims;
  if (iss !== ISSUER || aud !== AUDIENCE || !isText(sub) || !isText(jti)) return false;
  if (!Number.isInteger(iat) || !Number.isInteger(exp) || !Number.isInteger(ims)) return false;
  const [issued, expires] = [iat as number, exp as number];
  if (Math.floor((ims as number) / 1000) !== issued || expires - issued > ACCESS_TTL_S) return false;
  return issued <= now / 1000 + SKEW_S && expires > now / 1000;
}

interface VerificationKey {
  alg: KeyAlgorithm;
  key: CryptoKey;
}
/** By the mark that a token names its key by. */
type KeySet = Map<string, VerificationKey>;

/** Importing costs as much as verifying: done once for each set, and forgotten with it. */
const imported = new WeakMap<JSONWebKeySet, KeySet>();

async function keysOf(jwks: JSONWebKeySet): Promise<KeySet> {
  const known = imported.get(jwks);
  if (known) return known;
  const set: KeySet = new Map();
  for (const jwk of jwks.keys) {
    const alg = KEY_ALGORITHMS.find((name) => name === jwk.alg);
    if (!alg || !jwk.kid) continue;
    const key = { alg, key: await importKey(jwk, alg) };
    const mark =
      alg === "v4.public"
        ? PASETO_PREFIX + encoded(pasetoFooter(jwk.kid))
        : encoded(JSON.stringify(jwtHeader(alg, jwk.kid)));
    set.set(mark, key);
  }
  imported.set(jwks, set);
  return set;
}

const encoded = (text: string): string => base64url(new TextEncoder().encode(text));

/** A published or private JWK as a key for this algorithm only. Ed25519 is the same curve for `EdDSA` and `v4.public`. */
export async function importKey({ kty, crv, x, y, d }: JWK, alg: KeyAlgorithm): Promise<CryptoKey> {
  const jwk = { kty, crv, x, ...(y ? { y } : {}), ...(d ? { d } : {}) } as JWK;
  const key = await importJWK(jwk, alg === "ES256" ? "ES256" : "EdDSA");
  if (key instanceof Uint8Array) throw new TypeError("a symmetric key signs no tokens");
  return key;
}

/** The key id a token claims, well-formed as ours are; nothing of it is verified. */
export function keyIdOf(token: string): string | null {
  const mark = markOf(token);
  const bytes = mark === null ? null : fromBase64url(mark.slice(mark.lastIndexOf(".") + 1));
  if (!bytes) return null;
  try {
    const { kid } = JSON.parse(new TextDecoder().decode(bytes)) as { kid?: unknown };
    return typeof kid === "string" && /^key_[a-z0-9]{20}$/.test(kid) ? kid : null;
  } catch {
    return null; // no JSON, or no object: it names nothing
  }
}
