/** Who sent a request, as far as the network knows. */

/**
 * The client's network as the edge saw it: an IPv4 address, or the /64 of an IPv6 one, because a single subscriber has
 * all of a /64 to choose from. `null` without an edge in front: a header that clients may write themselves says nothing.
 */
export function networkOf(request: Request): string | null {
  const address = request.headers.get("cf-connecting-ip")?.slice(0, 64).toLowerCase();
  if (!address) return null;
  return address.includes(":") ? prefixOf(address) : address;
}

/** The first four groups of an IPv6 address, written in full; an IPv4 address in IPv6's clothes is itself. */
function prefixOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (mapped) return mapped;
  const [head = "", tail] = address.split("::", 2);
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array<string>(zeros).fill("0"), ...back].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
