/**
 * What anybody may type into a shop, made fit for a mail that the shop signs: mail programs turn whatever looks like an
 * address into a link, and a stranger's link in a merchant's mail is phishing. Pure.
 */

const MAX_FIRST_NAME = 40;
const MAX_NAME = 100;
/** `https://…`, `www.…`, `evil.example/…`, however wide its letters and dots are written. */
const LINK = /:\/|^\W*www\.|[\p{L}\p{N}-]\.[\p{L}\p{N}-]{2,}[/:?#]/iu;
/** `evil.example` alone: linked too, but `J.R.R.` is a name. */
const DOMAIN = /[\p{L}\p{N}-]\.[\p{L}\p{N}-]{2,}/u;

const without = (text: string, pattern: RegExp): string =>
  text
    .replace(/[\p{Cc}\p{Cf}]/gu, "") // an invisible character would hide an address from us, not from its reader
    .split(/\s+/)
    .filter((word) => !pattern.test(word.normalize("NFKC").replaceAll("。", ".")))
    .join(" ")
    .trim();

/** A product's name: links go, `Node.js` stays. */
export const withoutLinks = (name: string): string => without(name, LINK);

/** Nothing that could be a domain or a mail address stays. */
export const withoutDomains = (text: string): string => without(without(without(text, LINK), DOMAIN), /@/);

/** A person's name. */
export const withoutAddresses = (name: string): string => withoutDomains(name).slice(0, MAX_NAME);

/** The first word of a person's name, of letters, marks, apostrophes, hyphens and dots. */
export const firstNameOf = (name: string): string =>
  (name.split(/\s+/)[0] ?? "").replace(/[^\p{L}\p{M}'’.-]/gu, "").slice(0, MAX_FIRST_NAME);
