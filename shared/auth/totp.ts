/** Codes of authenticator apps: TOTP (RFC 6238) with what all apps take: SHA-1, six digits, thirty seconds. */
import { Secret, TOTP } from "otpauth";

const ISSUER = "Cartwake";
const PERIOD_S = 30;
/** RFC 4226 wants 128 bits at least and recommends 160. */
export const SECRET_BYTES = 20;

const totpOf = (secret: string, email: string): TOTP =>
  new TOTP({ issuer: ISSUER, label: email, secret, algorithm: "SHA1", digits: 6, period: PERIOD_S });

/** The secret in base32, as apps take it by hand. */
export const totpSecret = (bytes: Uint8Array<ArrayBuffer>): string => new Secret({ buffer: bytes.buffer }).base32;

/** `otpauth://totp/…`, what the QR code says. */
export const otpauthUrl = (secret: string, email: string): string => totpOf(secret, email).toString();

/** The time step whose code this is: the present one, the one before or the one after (clocks differ); else `null`. */
export function stepOfCode(secret: string, code: string, now: number): number | null {
  if (!/^\d{6}$/.test(code)) return null;
  const delta = totpOf(secret, "").validate({ token: code, timestamp: now, window: 1 });
  return delta === null ? null : Math.floor(now / 1000 / PERIOD_S) + delta;
}
