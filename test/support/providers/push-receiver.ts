/** A browser's end of Web Push: decrypts what was encrypted for it (RFC 8291, RFC 8188), by Node's own primitives. */
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";

const KEY_BYTES = 65;
const TAG_BYTES = 16;

export class PushReceiver {
  readonly #ecdh = createECDH("prime256v1");
  readonly #auth: Buffer;

  /** A new subscription, or one whose keys are known (base64url). */
  constructor(known?: { privateKey: string; auth: string }) {
    if (known) this.#ecdh.setPrivateKey(known.privateKey, "base64url");
    else this.#ecdh.generateKeys();
    this.#auth = known ? Buffer.from(known.auth, "base64url") : randomBytes(16);
  }

  get keys(): { p256dh: string; auth: string } {
    return { p256dh: this.#ecdh.getPublicKey("base64url"), auth: this.#auth.toString("base64url") };
  }

  /** The message. Throws when a byte of it is not as its sender meant it. */
  open(body: Buffer): Buffer {
    const salt = body.subarray(0, 16);
    const recordSize = body.readUInt32BE(16);
    if (body[20] !== KEY_BYTES) throw new Error("the key id is the sender's public key");
    const sender = body.subarray(21, 21 + KEY_BYTES);
    const record = body.subarray(21 + KEY_BYTES);
    if (body.length > 4096 || record.length > recordSize) throw new Error("one record of at most 4096 bytes");
    const info = Buffer.concat([Buffer.from("WebPush: info\0"), this.#ecdh.getPublicKey(), sender]);
    const secret = Buffer.from(hkdfSync("sha256", this.#ecdh.computeSecret(sender), this.#auth, info, 32));
    const key = Buffer.from(hkdfSync("sha256", secret, salt, "Content-Encoding: aes128gcm\0", 16));
    const nonce = Buffer.from(hkdfSync("sha256", secret, salt, "Content-Encoding: nonce\0", 12));
    const decipher = createDecipheriv("aes-128-gcm", key, nonce);
    decipher.setAuthTag(record.subarray(-TAG_BYTES));
    const padded = Buffer.concat([decipher.update(record.subarray(0, -TAG_BYTES)), decipher.final()]);
    const end = padded.findLastIndex((byte) => byte !== 0);
    if (padded[end] !== 2) throw new Error("the last record is padded by 2 and zeroes");
    return padded.subarray(0, end);
  }
}
