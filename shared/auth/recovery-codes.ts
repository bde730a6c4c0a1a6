/** Codes for who has lost the second factor: fifty bits each, shown once, kept as an HMAC that needs our secret to test. */
import { base32, isBase32 } from "../ids.ts";
import { mac } from "./hmac.ts";

export const RECOVERY_CODES = 10;
export const RECOVERY_CODE_BYTES = 10;

/** `xxxxx-xxxxx` from ten random bytes. */
export function recoveryCode(bytes: Uint8Array): string {
  const letters = base32(bytes);
  return `${letters.slice(0, 5)}-${letters.slice(5)}`;
}

/** A code as people type it: in capitals, without the hyphen, with an O for a zero; `null` for what is none. */
export function plainRecoveryCode(typed: string): string | null {
  const code = typed.toLowerCase().replace(/[\s-]/g, "").replaceAll("o", "0").replace(/[il]/g, "1");
  return code.length === 10 && isBase32(code) ? code : null;
}

/** `code`: plain. */
export const hashRecoveryCode = (userId: string, code: string, secret: string): Promise<string> =>
  mac("recovery-code", [userId, code], secret);
