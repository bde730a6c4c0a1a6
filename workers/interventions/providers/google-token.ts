/** Access tokens of Google service accounts (RFC 7523): a signed claim, exchanged for a token that lives an hour. */
import { importPKCS8, SignJWT } from "jose";
import { hashOf } from "../../../shared/ids.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../../shared/time.ts";
import { objectOf, readBody, Unsendable } from "./api.ts";

const SCOPE = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** A token this close to its end is not begun with. */
const MARGIN_MS = MINUTE_MS;
const MAX_CACHED = 500;

export interface ServiceAccount {
  clientEmail: string;
  privateKey: string;
}

const tokens = new Map<string, { token: string; until: number }>();

const nameOf = ({ clientEmail, privateKey }: ServiceAccount, url: string): string =>
  hashOf(JSON.stringify([clientEmail, privateKey, url]));

/** The account's token, remembered by this isolate. Throws `Unsendable` when Google gives none. */
export async function accessToken(account: ServiceAccount, url: string, timeoutMs: number): Promise<string> {
  const now = Date.now();
  const name = nameOf(account, url);
  const known = tokens.get(name);
  if (known && known.until > now) return known.token;
  const body = new URLSearchParams({ grant_type: GRANT, assertion: await claim(account, url, now) }).toString();
  const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  const answer = objectOf(await readBody(response));
  const { access_token: token, expires_in: seconds } = answer;
  if (response.status !== 200 || typeof token !== "string" || typeof seconds !== "number")
    throw refused(response.status, answer);
  if (tokens.size >= MAX_CACHED) tokens.clear();
  tokens.set(name, { token, until: now + Math.min(seconds * SECOND_MS, HOUR_MS) - MARGIN_MS });
  return token;
}

/** The token was refused: the next message asks for another. */
export const forgetToken = (account: ServiceAccount, url: string): void => void tokens.delete(nameOf(account, url));

function refused(status: number, { error, error_description: description }: Record<string, unknown>): Unsendable {
  const reason = `token: ${status} ${error ?? "no token"} ${description ?? ""}`.trim();
  // 4xx: the key was withdrawn, or is another account's.
  const blamed = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return new Unsendable(reason.slice(0, 300), blamed ? { account: true } : { retryable: true });
}

async function claim({ clientEmail, privateKey }: ServiceAccount, url: string, now: number): Promise<string> {
  const key = await importPKCS8(privateKey, "RS256").catch(() => {
    throw new Unsendable("the service account's private key cannot be read", { account: true });
  });
  const seconds = Math.floor(now / SECOND_MS);
  return new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: "RS256", typ: "JWT" })
    .setIssuer(clientEmail)
    .setAudience(url)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + HOUR_MS / SECOND_MS)
    .sign(key);
}
