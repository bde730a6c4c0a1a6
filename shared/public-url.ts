/** Which addresses lead into the public internet. Pure. */

/** Names that lead nowhere in public (RFC 6761, RFC 6762, RFC 8375, RFC 9476 and habit). */
const PRIVATE =
  /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home|corp|private|arpa|test|invalid|onion|alt)$/;
/** At least two labels, the last one no number: what remains are public names, and no IP address however written. */
const PUBLIC = /^(?=.{4,253}$)(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+(?:[a-z]{2,63}|xn--[a-z\d-]{1,59})$/;

/** https at a public name, on the usual port, without a password. */
export function isPublicHttps(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, port, username, password } = new URL(address);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" && port === "" && PUBLIC.test(hostname) && !PRIVATE.test(hostname);
}
