/**
 * Secrets at rest: AES-256-GCM under a key derived from one of the environment's secrets. Whoever copies the database
 * gets nothing they can use. `name` is authenticated with the text: a sealed value does not open under another's name.
 */
import { base64url, fromBase64url } from "../ids.ts";

const VERSION = "s1";
const IV_BYTES = 12;
const encoder = new TextEncoder();

async function keyOf(secret: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode("cartwake sealing s1") },
    material,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

/** `s1.<iv>.<ciphertext>`, base64url. `iv`: twelve random bytes, never used twice. */
export async function seal(text: string, name: string, secret: string, iv: Uint8Array): Promise<string> {
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv: iv as BufferSource, additionalData: encoder.encode(name) },
    await keyOf(secret),
    encoder.encode(text),
  );
  return `${VERSION}.${base64url(iv)}.${base64url(new Uint8Array(sealed))}`;
}

/** The sealed text; `null` when it was changed, belongs to another name, or was sealed with another secret. */
export async function unseal(sealed: string, name: string, secret: string): Promise<string | null> {
  const [version, first = "", second = ""] = sealed.split(".");
  const iv = fromBase64url(first);
  const content = fromBase64url(second);
  if (version !== VERSION || iv?.length !== IV_BYTES || !content) return null;
  try {
    const open = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: iv as BufferSource, additionalData: encoder.encode(name) },
      await keyOf(secret),
      content as BufferSource,
    );
    return new TextDecoder().decode(open);
  } catch {
    return null;
  }
}
