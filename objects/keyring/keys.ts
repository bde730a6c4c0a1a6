/** What a signing key is and does; which one is used, and when, is the keyring's affair. */
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { signPaseto } from "../../shared/auth/paseto.ts";
import {
  AUDIENCE,
  type Claims,
  importKey,
  jwtHeader,
  type KeyAlgorithm,
  pasetoFooter,
  registeredClaims,
} from "../../shared/auth/tokens.ts";
import type { Config } from "../../shared/config.ts";

/** The algorithm of the keys that sign now. */
export const algorithmOf = ({ TOKEN_FORMAT, TOKEN_ALGORITHM }: Config): KeyAlgorithm =>
  TOKEN_FORMAT === "paseto" ? "v4.public" : TOKEN_ALGORITHM;

/**
 * A new pair as JWKs. `alg` binds it to one format: a PASETO key is published as an OKP key of `alg: "v4.public"`, which
 * is no JOSE algorithm, so that no JOSE library takes it for a JWT's (`x` is also the key's PASERK: `k4.public.<x>`).
 */
export async function createPair(alg: KeyAlgorithm, kid: string): Promise<{ open: JWK; secret: JWK }> {
  const { publicKey, privateKey } = await generateKeyPair(alg === "ES256" ? "ES256" : "EdDSA", { extractable: true });
  const common = { kid, alg, use: "sig" };
  return {
    open: { ...(await exportJWK(publicKey)), ...common },
    secret: { ...(await exportJWK(privateKey)), ...common },
  };
}

export interface NewToken {
  subject: string;
  /** Beside the registered ones, which it cannot replace. */
  claims: Claims;
  jti: string;
  /** Milliseconds. */
  now: number;
}

/** A token in the key's own format. */
export async function signToken(key: JWK, alg: KeyAlgorithm, kid: string, token: NewToken): Promise<string> {
  const { subject, claims, jti, now } = token;
  const all = { ...claims, ...registeredClaims(subject, jti, now) };
  const secret = await importKey(key, alg);
  if (alg === "v4.public") return signPaseto(all, pasetoFooter(kid), AUDIENCE, secret);
  return new SignJWT(all).setProtectedHeader(jwtHeader(alg, kid)).sign(secret);
}
