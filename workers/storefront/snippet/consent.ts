import { readJson } from "./storage.ts";
import type { ConsentInput, Store } from "./types.ts";

/** Browsing without intent. Carts, checkouts, orders, identity and consent itself are what the shopper asked the shop for. */
const PASSIVE = ["page_viewed", "collection_viewed", "search_submitted", "product_viewed", "exit_intent_detected"];

export const isPassive = (type: string): boolean => PASSIVE.includes(type);

const KEY = "cartwake.consent";

export function rememberConsent(store: Store, consent: ConsentInput): void {
  store.set(KEY, JSON.stringify({ ...readJson<ConsentInput>(store, KEY), ...consent }));
}

/** The shopper's own word wins; without one, Global Privacy Control counts as a no. */
export function mayObserve(store: Store, globalPrivacyControl: boolean): boolean {
  const word = readJson<ConsentInput>(store, KEY)?.analytics;
  return word === "granted" || (word !== "denied" && !globalPrivacyControl);
}
