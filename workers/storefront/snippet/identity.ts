import { readJson } from "./storage.ts";
import type { Clock, Store } from "./types.ts";

const SESSION_IDLE_MS = 30 * 60_000;
const REMEMBERED_ORDERS = 20;

/** A random UUID. `crypto.randomUUID` exists only in secure contexts; old phones have neither it nor `getRandomValues`. */
export function randomId(random: () => number, source: Partial<Crypto> | undefined = globalThis.crypto): string {
  try {
    if (source?.randomUUID) return source.randomUUID();
  } catch {
    // fall through
  }
  return "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c) =>
    (+c ^ ((random() * 16) >> (+c / 4))).toString(16),
  );
}

export type Identity = ReturnType<typeof createIdentity>;

/** Who is shopping: visitor (for ever), session (until 30 idle minutes), tab (of this window) and cart (until it is ordered). */
export function createIdentity(local: Store, session: Store, clock: Clock) {
  const fresh = () => randomId(clock.random);
  const persistent = (store: Store, key: string, prefix: string): string => {
    const known = store.get(key);
    if (known) return known;
    const id = prefix + fresh();
    store.set(key, id);
    return id;
  };

  return {
    visitorId: () => persistent(local, "cartwake.visitor", "v-"),
    tabId: () => persistent(session, "cartwake.tab", "t-"),

    /** The running session; asking for it keeps it alive. */
    sessionId(): string {
      const now = clock.now();
      const last = readJson<{ id: string; at: number }>(local, "cartwake.session");
      const id = last?.id && Math.abs(now - last.at) < SESSION_IDLE_MS ? last.id : `s-${fresh()}`;
      local.set("cartwake.session", JSON.stringify({ id, at: now }));
      return id;
    },

    cartId: () => persistent(local, "cartwake.cart", "c-"),

    adoptCart(id: string): void {
      local.set("cartwake.cart", id);
      local.remove("cartwake.ordered");
    },

    cartIsOrdered: () => local.get("cartwake.ordered") !== null,

    /** A new basket begins: an ordered cart's id is left behind, an open one's is kept. */
    openCart(): void {
      if (local.get("cartwake.ordered") === null) return;
      local.remove("cartwake.ordered");
      local.remove("cartwake.cart");
    },

    /**
     * Remembers the order and marks its cart as done. False when it was reported before: a thank-you page that is loaded
     * again must not close the basket that the shopper has filled since.
     */
    closeCart(orderId: string): boolean {
      const orders = readJson<string[]>(local, "cartwake.orders") ?? [];
      if (orders.includes(orderId)) return false;
      local.set("cartwake.orders", JSON.stringify([...orders, orderId].slice(-REMEMBERED_ORDERS)));
      local.set("cartwake.ordered", "1");
      return true;
    },
  };
}
