/** Passwords: scrypt with N = 2^14, r = 8, p = 5 (OWASP), salted, compared in constant time. */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

const COST = { N: 2 ** 14, r: 8, p: 5, maxmem: 64 * 1024 * 1024 };
const LENGTH = 32;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return `scrypt$${salt.toString("base64url")}$${(await derive(password, salt)).toString("base64url")}`;
}

/** Takes the same time for a user who does not exist: pass `null` and it hashes all the same. */
export async function checkPassword(password: string, stored: string | null): Promise<boolean> {
  const [, salt = "", hash = ""] = (stored ?? `scrypt$${"A".repeat(22)}$${"A".repeat(43)}`).split("$");
  const derived = await derive(password, Buffer.from(salt, "base64url"));
  const expected = Buffer.from(hash, "base64url");
  return expected.length === derived.length && timingSafeEqual(expected, derived) && stored !== null;
}

const derive = (password: string, salt: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(password.normalize("NFKC"), salt, LENGTH, COST, (error, key) => (error ? reject(error) : resolve(key))),
  );
