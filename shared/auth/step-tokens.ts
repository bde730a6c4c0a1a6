/**
 * What a login gets that still owes its second factor: five minutes, for this user and store only. Nothing is stored
 * for it. It is bound to the user's row as it was (`bound`: the password's hash, the last code, the last login), so a
 * success, a new password or a new secret kills it. Two parts where an access token has three: it opens nothing else.
 */
import { base64url, fromBase64url } from "../ids.ts";
import { MINUTE_MS } from "../time.ts";
import { isMac, mac } from "./hmac.ts";

export const STEP_TTL_MS = 5 * MINUTE_MS;
const PURPOSE = "step-token mfa";

export interface StepClaims {
  user: string;
  store: string;
  /** Failures of the account when the password was right: so many more and the token is dead. */
  failures: number;
  /** Milliseconds since the epoch. */
  expires: number;
}

export async function signStepToken(claims: StepClaims, bound: string, secret: string): Promise<string> {
  const { user, store, failures, expires } = claims;
  const body = base64url(new TextEncoder().encode(JSON.stringify([user, store, failures, expires])));
  return `${body}.${await mac(PURPOSE, [body, bound], secret)}`;
}

/** The claims of a genuine token that has not expired. `boundOf` is asked before anything is verified. */
export async function readStepToken(
  token: string,
  secret: string,
  now: number,
  boundOf: (user: string) => Promise<string | null>,
): Promise<StepClaims | null> {
  const [, body = "", given = ""] = /^([\w-]{1,400})\.([\w-]{43})$/.exec(token) ?? [];
  const claims = claimsOf(body);
  if (!claims || now >= claims.expires) return null;
  const bound = await boundOf(claims.user);
  if (bound === null || !(await isMac(given, PURPOSE, [body, bound], secret))) return null;
  return claims;
}

function claimsOf(body: string): StepClaims | null {
  const bytes = fromBase64url(body);
  if (!bytes) return null;
  let parts: unknown;
  try {
    parts = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null; // not one of ours
  }
  if (!Array.isArray(parts)) return null;
  const [user, store, failures, expires] = parts as unknown[];
  if (typeof user !== "string" || typeof store !== "string") return null;
  if (typeof failures !== "number" || typeof expires !== "number") return null;
  return { user, store, failures, expires };
}
