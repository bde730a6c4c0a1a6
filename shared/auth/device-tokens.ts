/**
 * What a browser keeps that had a session of an account: it names the device, and says that it is known to the account.
 * It opens nothing; only the account's lock, which a stranger may cause, does not hold for it. It is bound to the
 * password's hash (`bound`): a new password makes all devices strangers, but the one on which it was chosen.
 */
import { DAY_MS } from "../time.ts";
import { isMac, mac } from "./hmac.ts";

/** Browsers keep no cookie for longer (RFC 6265bis, 5.5). */
export const DEVICE_TTL_MS = 400 * DAY_MS;
const PURPOSE = "device-token";

export interface KnownDevice {
  /** Sixteen random bytes, base64url. */
  id: string;
  userId: string;
}

/** `<user>.<device>.<expiry in seconds, base 36>.<mac>`: fits a cookie without escaping. */
export async function signDevice({ id, userId }: KnownDevice, bound: string, secret: string, now: number) {
  const expires = Math.floor((now + DEVICE_TTL_MS) / 1000).toString(36);
  return `${userId}.${id}.${expires}.${await mac(PURPOSE, [userId, id, expires, bound], secret)}`;
}

/** The device of a genuine token that has not expired. `boundOf` is asked before anything is verified. */
export async function readDevice(
  token: string,
  secret: string,
  now: number,
  boundOf: (userId: string) => Promise<string | null>,
): Promise<KnownDevice | null> {
  const parts = /^([a-z]{2,4}_[0-9a-z]{20})\.([\w-]{22})\.([0-9a-z]{1,8})\.([\w-]{43})$/.exec(token);
  const [, userId = "", id = "", expires = "", given = ""] = parts ?? [];
  if (!parts || now >= Number.parseInt(expires, 36) * 1000) return null;
  const bound = await boundOf(userId);
  if (bound === null || !(await isMac(given, PURPOSE, [userId, id, expires, bound], secret))) return null;
  return { id, userId };
}
