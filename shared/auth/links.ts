/**
 * Signed links in messages: `/r/…` restores a cart, `/u/…` leads to the page where one unsubscribes. A token is its content and an HMAC-SHA256 of it;
 * nothing is stored for it (an SMS has a short one: `shared/db/short-links.ts`), nobody can make or change one, and a recovery link dies with its expiry, its cart's
 * purchase, or a revocation in the cart.
 */
import { base64url, fromBase64url } from "../ids.ts";
import type { MessageChannel } from "../policy/rules.ts";
import { DAY_MS } from "../time.ts";

export const RECOVERY_TTL_MS = 30 * DAY_MS;

/**
 * `r`: recover. `u`: unsubscribe (never expires: the law wants the link in an old mail to work) from the channel of the
 * message, with its locale.
 */
export type LinkClaims =
  | { kind: "r"; store: string; cart: string; generation: number; delivery: string; at: number }
  | { kind: "u"; store: string; shopper: string; channel: MessageChannel; at: number; locale?: string };

const encoder = new TextEncoder();

const keyOf = (secret: string): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);

export async function signLink(claims: LinkClaims, secret: string): Promise<string> {
  const body = base64url(encoder.encode(JSON.stringify(claims)));
  const mac = await crypto.subtle.sign("HMAC", await keyOf(secret), encoder.encode(body));
  return `${body}.${base64url(new Uint8Array(mac))}`;
}

/** The claims of a genuine, unexpired link of this kind, or `null`. Compares in constant time (`subtle.verify`). */
export async function readLink<K extends LinkClaims["kind"]>(
  token: string,
  kind: K,
  secret: string,
  now: number,
): Promise<Extract<LinkClaims, { kind: K }> | null> {
  const [body = "", mac = "", ...rest] = token.length <= 2048 ? token.split(".") : [];
  const signature = fromBase64url(mac);
  const content = fromBase64url(body);
  if (!signature || !content || rest.length > 0 || body === "") return null;
  const genuine = await crypto.subtle.verify(
    "HMAC",
    await keyOf(secret),
    signature as BufferSource,
    encoder.encode(body),
  );
  if (!genuine) return null;
  const claims = JSON.parse(new TextDecoder().decode(content)) as LinkClaims;
  if (claims.kind !== kind) return null;
  if (claims.kind === "r" && now > claims.at + RECOVERY_TTL_MS) return null;
  return claims as Extract<LinkClaims, { kind: K }>;
}
