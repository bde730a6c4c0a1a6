import { createHash } from "node:crypto";

/** Names and hashes. Random ids are made only in shells; decisions derive theirs with `stableHash`. */

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";

/** A random id such as `st_8k2…`: 20 characters of 36 letters (103 bits). */
export function newId(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  let id = "";
  for (const byte of bytes) id += ALPHABET[byte % 36];
  return `${prefix}_${id}`;
}

/** A random secret of 32 bytes as base64url. */
export const newSecret = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** cyrb53: a fast, well-mixed 53-bit hash (public domain, bryc). For sharding, jitter and derived ids; not for secrets. */
export function stableHash(text: string, seed = 0): number {
  let h1 = 0xdeadbeef ^ seed;
  let h2 = 0x41c6ce57 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    h1 = Math.imul(h1 ^ c, 2654435761);
    h2 = Math.imul(h2 ^ c, 1597334677);
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909);
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909);
  return 4294967296 * (2097151 & h2) + (h1 >>> 0);
}

/** A stable number in [0, 1) for a name: holdout arms, variants, traffic shares. */
export const stableUnit = (text: string): number => stableHash(text) / 2 ** 53;

/** A derived id: the same name gives the same id for ever (106 bits). */
export const derivedId = (prefix: string, name: string): string =>
  `${prefix}_${stableHash(name, 1).toString(36).padStart(11, "0")}${stableHash(name, 2).toString(36).padStart(11, "0")}`;

export function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Inverse of `base64url`; `null` for anything that is not it. */
export function fromBase64url(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return null;
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Crockford's base 32: no letter that looks like a digit. */
const LETTERS = "0123456789abcdefghjkmnpqrstvwxyz";
/** One letter for each byte, by five of its bits: for what people type, and for the ends of links. */
export const base32 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => LETTERS[byte % 32]).join("");
export const isBase32 = (text: string): boolean => [...text].every((letter) => LETTERS.includes(letter));

/** As base64url; of a text its UTF-8. */
export async function sha256(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Like `sha256`, at once: for the names of actors, which must not be personal data. */
export const hashOf = (text: string): string => createHash("sha256").update(text).digest("base64url");

/** A shopper's name: the hash of the store and the address, so that the address itself names nothing. */
export const shopperIdOf = (storeId: string, email: string): string =>
  `sh_${hashOf(`${storeId}\n${email.trim().toLowerCase()}`).slice(0, 27)}`;

/** The name of a shopper who has not said who they are. */
export const isAnonymous = (shopperId: string): boolean => shopperId.startsWith("v_");
export const visitorShopperId = (visitorId: string): string => `v_${visitorId}`;
