/** Tokens that only the holder of the real signing key can make: read from the state folder of a test's own server. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { importJWK, type JWK, SignJWT } from "jose";
import { unseal } from "../../shared/auth/sealing.ts";
import { secretsOf } from "../../workers/cli/state.ts";

interface SigningKey {
  kid: string;
  jwk: JWK;
}

/** The current signing key of a server's keyring. */
export async function signingKey(state: string): Promise<SigningKey> {
  const { AUTH_SECRET } = secretsOf(state);
  const files = readdirSync(state, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".sqlite"));
  for (const file of files) {
    const database = new DatabaseSync(join(state, file), { readOnly: true });
    try {
      const found = database.prepare("SELECT kid, private FROM keys WHERE retires_at IS NULL").get();
      if (!found) continue;
      const kid = String(found.kid);
      const text = await unseal(String(found.private), kid, AUTH_SECRET);
      if (text !== null) return { kid, jwk: JSON.parse(text) as JWK };
    } catch {
      // Another actor's storage: it has no such table.
    } finally {
      database.close();
    }
  }
  throw new Error(`no keyring among ${files.length} databases`);
}

export interface TokenShape {
  claims: Record<string, unknown>;
  kid?: string;
  issuer?: string;
  audience?: string;
  issuedAt?: number;
  expiresAt?: number;
}

/** An access token with any of its parts changed, properly signed by `jwk`. Times in seconds. */
export async function signToken(jwk: JWK, shape: TokenShape): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const issuedAt = shape.issuedAt ?? now;
  return new SignJWT({ jti: "tok_of_a_test", ims: issuedAt * 1000, ...shape.claims })
    .setProtectedHeader({ alg: "ES256", ...(shape.kid ? { kid: shape.kid } : {}), typ: "at+jwt" })
    .setIssuer(shape.issuer ?? "cartwake")
    .setAudience(shape.audience ?? "cartwake-api")
    .setIssuedAt(issuedAt)
    .setExpirationTime(shape.expiresAt ?? now + 900)
    .sign(await importJWK(jwk, "ES256"));
}
