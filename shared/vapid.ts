/** The key pair a store's Web Push is signed with (RFC 8292): P-256, in base64url as browsers take it. */
import { base64url, fromBase64url } from "./ids.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const COORDINATE = 32;

export interface VapidKeys {
  /** The uncompressed point: `applicationServerKey` of a subscription. */
  publicKey: string;
  /** The scalar. */
  privateKey: string;
}

export async function newVapidKeys(): Promise<VapidKeys> {
  const pair = (await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as CryptoKeyPair;
  const [point, jwk] = await Promise.all([
    crypto.subtle.exportKey("raw", pair.publicKey) as Promise<ArrayBuffer>,
    crypto.subtle.exportKey("jwk", pair.privateKey) as Promise<JsonWebKey>,
  ]);
  return { publicKey: base64url(new Uint8Array(point)), privateKey: jwk.d ?? "" };
}

/** The key that signs; `null` when the two do not belong together. */
export async function vapidSigner({ publicKey, privateKey }: VapidKeys): Promise<CryptoKey | null> {
  const point = fromBase64url(publicKey);
  if (point?.length !== 1 + 2 * COORDINATE || point[0] !== 4) return null;
  const [x, y] = [base64url(point.subarray(1, 1 + COORDINATE)), base64url(point.subarray(1 + COORDINATE))];
  try {
    const jwk = { kty: "EC", crv: "P-256", x, y, d: privateKey };
    const key = await crypto.subtle.importKey("jwk", jwk, ALGORITHM, false, ["sign"]);
    return (await belongs(key, point)) ? key : null;
  } catch {
    // Not a point of the curve, or not a scalar.
    return null;
  }
}

/** Not every runtime compares the two when it imports them. */
async function belongs(key: CryptoKey, point: Uint8Array): Promise<boolean> {
  const said = new Uint8Array(32);
  const signing = { name: "ECDSA", hash: "SHA-256" };
  const checker = await crypto.subtle.importKey("raw", point as BufferSource, ALGORITHM, false, ["verify"]);
  return crypto.subtle.verify(signing, checker, await crypto.subtle.sign(signing, key, said), said);
}
