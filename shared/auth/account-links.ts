/**
 * Links in mails about accounts: the id of a row and an HMAC of it. Nothing secret is stored; the row says until when
 * the link works, and whether it was used. `bound` is what the link stands and falls with and is not in it: when it is
 * another text by the time the link is followed, the link is dead.
 *
 * | kind             | row                         | bound to                                     |
 * | ---------------- | --------------------------- | -------------------------------------------- |
 * | `password_reset` | the mail (`account_mails`)  | the hash of the password it is to replace    |
 * | `invitation`     | the offer (`invitations`)   | the invited address, as the row has it       |
 */
import { isMac, mac } from "./hmac.ts";

export type AccountLinkKind = "password_reset" | "invitation";

/** `<row id>.<mac>`: fits a URL without escaping. */
export const signAccountLink = async (
  kind: AccountLinkKind,
  rowId: string,
  bound: string,
  secret: string,
): Promise<string> => `${rowId}.${await mac(`account-link ${kind}`, [rowId, bound], secret)}`;

/**
 * The row id of a genuine link of this kind, or `null`. `boundOf` tells what such a row's link is bound to now, `null`
 * for a row that there is not or whose link works no more; it is asked before anything is verified.
 */
export async function readAccountLink(
  kind: AccountLinkKind,
  token: string,
  secret: string,
  boundOf: (rowId: string) => Promise<string | null>,
): Promise<string | null> {
  const [, rowId, given] = /^([a-z]{2,4}_[0-9a-z]{20})\.([\w-]{43})$/.exec(token) ?? [];
  if (!rowId || !given) return null;
  const bound = await boundOf(rowId);
  if (bound === null) return null;
  return (await isMac(given, `account-link ${kind}`, [rowId, bound], secret)) ? rowId : null;
}
