/** HMAC-SHA256 over named parts: what is signed for one purpose is worth nothing for another. */
import { base64url, fromBase64url } from "../ids.ts";

const encoder = new TextEncoder();

const keyOf = (secret: string): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);

/** As JSON, so that no two lists of parts are the same text. */
const textOf = (purpose: string, parts: readonly string[]): BufferSource =>
  encoder.encode(JSON.stringify([purpose, ...parts])) as BufferSource;

export async function mac(purpose: string, parts: readonly string[], secret: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.sign("HMAC", await keyOf(secret), textOf(purpose, parts))));
}

/** Compares in constant time (`subtle.verify`). */
export async function isMac(
  given: string,
  purpose: string,
  parts: readonly string[],
  secret: string,
): Promise<boolean> {
  const bytes = fromBase64url(given);
  if (bytes?.length !== 32) return false;
  return crypto.subtle.verify("HMAC", await keyOf(secret), bytes as BufferSource, textOf(purpose, parts));
}
