/** Who is calling: an access token (verified against cached public keys, no actor call) or a secret key. */
import type { JSONWebKeySet } from "jose";
import { keyringStub } from "../../objects/stubs.ts";
import { isUseNews } from "../../shared/auth/api-keys.ts";
import { KeyCache } from "../../shared/auth/key-cache.ts";
import { type Principal, verifyAccessToken } from "../../shared/auth/tokens.ts";
import { findKey, noteUse } from "../../shared/db/api-keys.ts";
import { AppError } from "../../shared/errors.ts";
import { log } from "../../shared/log.ts";
import type { Env } from "../env.ts";

const cache = new KeyCache();

export function publicKeys(env: Env, fresh = false): Promise<JSONWebKeySet> {
  const ask = () => keyringStub(env).jwks();
  return fresh ? cache.fresh(ask, Date.now()) : cache.current(ask, Date.now());
}

/** The public keys to verify this token with: asked for again, within bounds, when it names one that is not known yet. */
export const publicKeysFor = (token: string, env: Env): Promise<JSONWebKeySet> =>
  cache.forToken(token, () => keyringStub(env).jwks(), Date.now());

export async function authenticate(request: Request, env: Env, ctx: ExecutionContext): Promise<Principal> {
  const header = request.headers.get("authorization") ?? "";
  const token = /^Bearer\s+(\S+)$/i.exec(header)?.[1];
  if (!token) throw new AppError("UNAUTHORIZED", "Send an access token or a secret key as Authorization: Bearer …");
  if (token.startsWith("cw_")) return bySecretKey(request, env, ctx, token);
  const principal = await verifyAccessToken(token, await publicKeysFor(token, env));
  if (!principal) throw new AppError("UNAUTHORIZED", "The access token is not valid or has expired.");
  return principal;
}

async function bySecretKey(request: Request, env: Env, ctx: ExecutionContext, key: string): Promise<Principal> {
  const isSecret = key.startsWith("cw_sk_");
  if (isSecret && isFromPage(request))
    throw new AppError(
      "FORBIDDEN",
      "A secret key must never be used in a browser: whoever opens the page can read it. Revoke it, call from your server, and use the publishable key (cw_pk_…) in pages.",
    );
  const now = Date.now();
  const found = isSecret ? await findKey(env.DB, key, now) : null;
  if (found?.kind !== "secret") throw new AppError("UNAUTHORIZED", "The key is not valid.");
  if (isUseNews(found, now))
    ctx.waitUntil(noteUse(env.DB, found, now).catch((error) => log("warn", "key_use_unnoted", { error })));
  return {
    kind: "key",
    userId: found.id,
    email: "",
    storeId: found.storeId,
    role: "api_user",
    permissions: found.scopes,
    expiresAt: Number.MAX_SAFE_INTEGER,
    jti: null,
    issuedAt: 0,
    sessionId: null,
  };
}

/** Browsers send at least one of these with every call of a script; programs on servers send neither. */
const isFromPage = ({ headers }: Request): boolean => headers.has("origin") || headers.has("sec-fetch-site");
