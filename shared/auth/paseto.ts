/**
 * PASETO v4.public (github.com/paseto-standard/paseto-spec, Version4): a JSON message signed by Ed25519 together with a
 * footer and an implicit assertion that is never sent. The signature is the runtime's own: in JavaScript, as paseto-ts has
 * it, one verification takes several milliseconds. The registered claims `iat` and `exp` are RFC 3339 texts there, numbers here.
 */
import { base64url, fromBase64url } from "../ids.ts";

export const PASETO_PREFIX = "v4.public.";
const SIGNATURE_BYTES = 64;
const encoder = new TextEncoder();

/** The specification's pre-authentication encoding: no two lists of pieces give the same bytes. */
function preAuthEncoding(...pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + 8 + piece.length, 8));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(pieces.length), true);
  let at = 8;
  for (const piece of pieces) {
    view.setBigUint64(at, BigInt(piece.length), true);
    bytes.set(piece, at + 8);
    at += 8 + piece.length;
  }
  return bytes;
}

const bytesToSign = (message: Uint8Array, footer: Uint8Array, assertion: string): Uint8Array<ArrayBuffer> =>
  preAuthEncoding(encoder.encode(PASETO_PREFIX), message, footer, encoder.encode(assertion));

/** `claims` hold `iat` and `exp` in seconds. */
export async function signPaseto(
  claims: { iat: number; exp: number },
  footer: string,
  assertion: string,
  key: CryptoKey,
): Promise<string> {
  const texts = { ...claims, iat: timeText(claims.iat), exp: timeText(claims.exp) };
  const message = encoder.encode(JSON.stringify(texts));
  const tail = encoder.encode(footer);
  const signature = await crypto.subtle.sign("Ed25519", key, bytesToSign(message, tail, assertion));
  const body = new Uint8Array([...message, ...new Uint8Array(signature)]);
  return `${PASETO_PREFIX}${base64url(body)}.${base64url(tail)}`;
}

/** The claims of a token that this key signed under this assertion, `iat` and `exp` in seconds; else `null`. */
export async function openPaseto(
  token: string,
  key: CryptoKey,
  assertion: string,
): Promise<Record<string, unknown> | null> {
  const [body = "", tail = "", ...rest] = token.startsWith(PASETO_PREFIX)
    ? token.slice(PASETO_PREFIX.length).split(".")
    : [];
  const bytes = fromBase64url(body);
  const footer = fromBase64url(tail);
  if (!bytes || !footer || rest.length > 0 || bytes.length <= SIGNATURE_BYTES) return null;
  const message = bytes.subarray(0, -SIGNATURE_BYTES);
  const signature = bytes.subarray(-SIGNATURE_BYTES) as BufferSource;
  if (!(await crypto.subtle.verify("Ed25519", key, signature, bytesToSign(message, footer, assertion)))) return null;
  const claims = JSON.parse(new TextDecoder().decode(message)) as Record<string, unknown>;
  return { ...claims, iat: secondsOf(claims.iat), exp: secondsOf(claims.exp) };
}

const timeText = (seconds: number): string => new Date(seconds * 1000).toISOString();
/** NaN for what is no time. */
const secondsOf = (text: unknown): number => (typeof text === "string" ? Date.parse(text) / 1000 : Number.NaN);
