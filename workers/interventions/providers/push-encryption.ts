/** Web Push's message encryption (RFC 8291, RFC 8188): only the browser that subscribed can read the message. */
import { fromBase64url } from "../../../shared/ids.ts";

const CURVE = { name: "ECDH", namedCurve: "P-256" } as const;
const RECORD_BYTES = 4096;
const KEY_BYTES = 65;
/** Salt, record size, length of the key, the key. */
const HEADER_BYTES = 16 + 4 + 1 + KEY_BYTES;
const TAG_BYTES = 16;

/** What fits into the one record that every push service takes: all but header, delimiter and tag. */
export const MAX_PUSH_BYTES = RECORD_BYTES - HEADER_BYTES - 1 - TAG_BYTES;

/** The keys of a subscription, base64url. */
export interface SubscriptionKeys {
  p256dh: string;
  auth: string;
}

/** What must be new for every message. */
export interface Ephemeral {
  salt: Uint8Array;
  keys: CryptoKeyPair;
}

export const newEphemeral = async (): Promise<Ephemeral> => ({
  salt: crypto.getRandomValues(new Uint8Array(16)),
  keys: (await crypto.subtle.generateKey(CURVE, true, ["deriveBits"])) as CryptoKeyPair,
});

/** The body of a push message (`Content-Encoding: aes128gcm`). Throws when the keys are none. */
export async function encryptPush(
  plain: Uint8Array,
  { p256dh, auth }: SubscriptionKeys,
  { salt, keys }: Ephemeral,
): Promise<Uint8Array> {
  if (plain.length > MAX_PUSH_BYTES) throw new RangeError(`a push message has at most ${MAX_PUSH_BYTES} bytes`);
  const receiver = bytesOf(p256dh);
  const sender = new Uint8Array((await crypto.subtle.exportKey("raw", keys.publicKey)) as ArrayBuffer);
  const shared = await agreed(keys.privateKey, receiver);
  const secret = await hkdf(bytesOf(auth), shared, join(text("WebPush: info\0"), receiver, sender), 32);
  const key = await hkdf(salt, secret, text("Content-Encoding: aes128gcm\0"), 16);
  const nonce = await hkdf(salt, secret, text("Content-Encoding: nonce\0"), 12);
  const cipher = await crypto.subtle.importKey("raw", key as BufferSource, "AES-GCM", false, ["encrypt"]);
  // 2: the last record.
  const record = join(plain, new Uint8Array([2]));
  const encryption = { name: "AES-GCM", iv: nonce as BufferSource };
  const sealed = await crypto.subtle.encrypt(encryption, cipher, record as BufferSource);
  return join(salt, new Uint8Array([0, 0, RECORD_BYTES >> 8, 0, KEY_BYTES]), sender, new Uint8Array(sealed));
}

async function agreed(privateKey: CryptoKey, receiver: Uint8Array): Promise<Uint8Array> {
  const publicKey = await crypto.subtle.importKey("raw", receiver as BufferSource, CURVE, false, []);
  const agreement = { name: "ECDH", public: publicKey } as Parameters<typeof crypto.subtle.deriveBits>[0];
  return new Uint8Array(await crypto.subtle.deriveBits(agreement, privateKey, 256));
}

/** RFC 5869 with SHA-256: extract, then expand. */
async function hkdf(salt: Uint8Array, secret: Uint8Array, info: Uint8Array, bytes: number): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", secret as BufferSource, "HKDF", false, ["deriveBits"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: salt as BufferSource, info: info as BufferSource };
  return new Uint8Array(await crypto.subtle.deriveBits(derivation, key, bytes * 8));
}

const text = (ascii: string): Uint8Array => new TextEncoder().encode(ascii);
const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

function bytesOf(base64url: string): Uint8Array {
  const bytes = fromBase64url(base64url.replace(/=+$/, ""));
  if (!bytes) throw new TypeError("not base64url");
  return bytes;
}
