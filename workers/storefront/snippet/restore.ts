import type { RestoredCart } from "./types.ts";

export const RESTORE_TIMEOUT_MS = 5_000;

/** Splits a recovery link's address into its token and the address without it, which is what the shopper should see, share and send. */
export function takeToken(href: string): { token: string | null; href: string } {
  const url = new URL(href);
  const token = url.searchParams.get("cartwake");
  if (!token) return { token: null, href };
  url.searchParams.delete("cartwake");
  return { token, href: url.href };
}

/** The cart behind a recovery link; `null` when the link is spent, wrong or out of reach. */
export async function fetchCart(
  fetch: (url: string, init: RequestInit) => Promise<Response>,
  origin: string,
  token: string,
): Promise<RestoredCart | null> {
  try {
    const response = await fetch(`${origin}/r/${encodeURIComponent(token)}/cart`, { credentials: "omit" });
    const cart: RestoredCart | null = response.ok ? await response.json() : null;
    return cart && typeof cart.cartId === "string" && Array.isArray(cart.items) ? cart : null;
  } catch {
    return null;
  }
}
