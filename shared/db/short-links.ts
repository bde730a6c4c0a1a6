/**
 * Short recovery links, for SMS: twenty letters that stand for what a long link (`shared/auth/links.ts`) says of itself.
 * They are a hundred bits of an HMAC over the delivery: nobody guesses one, whoever reads the database has none, and a
 * message that is composed again has the same one.
 */
import { mac } from "../auth/hmac.ts";
import { type LinkClaims, RECOVERY_TTL_MS } from "../auth/links.ts";
import { base32, fromBase64url, isBase32, sha256 } from "../ids.ts";

type RecoveryClaims = Extract<LinkClaims, { kind: "r" }>;

const LETTERS = 20;

const isShort = (token: string): boolean => token.length === LETTERS && isBase32(token);

/** The token of a link to this cart, kept before anybody is told of it. */
export async function shortenLink(
  db: D1Database,
  { store, cart, generation, delivery, at }: Omit<RecoveryClaims, "kind">,
  secret: string,
): Promise<string> {
  const bytes = fromBase64url(await mac("short-link", [store, cart, String(generation), delivery], secret))!;
  const token = base32(bytes.subarray(0, LETTERS));
  await db
    .prepare(
      `INSERT INTO short_links (hash, store_id, cart_id, generation, delivery_id, at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (hash) DO UPDATE SET at = excluded.at`,
    )
    .bind(await sha256(token), store, cart, generation, delivery, at)
    .run();
  return token;
}

/** What a short link says; `null` for one that nobody was sent, or that has expired. */
export async function readShortLink(db: D1Database, token: string, now: number): Promise<RecoveryClaims | null> {
  if (!isShort(token)) return null;
  return db
    .prepare(
      `SELECT 'r' AS kind, store_id AS store, cart_id AS cart, generation, delivery_id AS delivery, at
       FROM short_links WHERE hash = ? AND at >= ?`,
    )
    .bind(await sha256(token), now - RECOVERY_TTL_MS)
    .first<RecoveryClaims>();
}
