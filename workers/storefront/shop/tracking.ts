/** All the shop says to Cartwake. The rest of the shop speaks of products and lines. */
import type { Offer, PushState, RestoredCart } from "../snippet/types.ts";
import { type Line, lines, revision } from "./basket.ts";
import { artUrl, CURRENCY, decimal, findProduct, productUrl } from "./catalogue.ts";
import { recall, remember } from "./memory.ts";

export type { PushState };

type Cartwake = ((command: string, ...args: unknown[]) => unknown) & { q?: unknown[][] };
const page = window as typeof window & { cartwake?: Cartwake };

/** Calls before the snippet has loaded wait in the stub's queue. */
function cartwake(command: string, ...args: unknown[]): unknown {
  if (!page.cartwake) {
    const stub: Cartwake = (...call) => void stub.q?.push(call);
    stub.q = [];
    page.cartwake = stub;
  }
  return page.cartwake(command, ...args);
}

/** The publishable key: from the address, else as remembered. It is taken out of the address. */
export function findKey(): string | null {
  const url = new URL(location.href);
  const given = url.searchParams.get("key");
  const key = given && /^cw_pk_[\w-]+$/.test(given) ? given : recall<string>("key");
  if (given !== null) {
    url.searchParams.delete("key");
    history.replaceState(history.state, "", url);
  }
  remember("key", key);
  return key;
}

export function connect(key: string): void {
  const script = document.createElement("script");
  script.async = true;
  script.src = "/cartwake.js";
  script.dataset.key = key;
  document.head.append(script);
}

type Sold = Omit<Line, "quantity"> & { quantity?: number };

function toItem(line: Sold): Record<string, unknown> {
  const product = findProduct(line.productId);
  return {
    productId: line.productId,
    variantId: line.variantId,
    name: line.name,
    price: decimal(line.cents),
    currency: CURRENCY,
    quantity: line.quantity,
    url: new URL(productUrl(line.productId), location.href).href,
    imageUrl: new URL(artUrl(line.productId), location.href).href,
    category: product?.category,
  };
}

export const viewed = (line: Sold, available: boolean) => cartwake("view", { ...toItem(line), available });
export const added = (line: Sold) => cartwake("add", toItem({ ...line, quantity: 1 }));
/** Without a quantity: the whole line is gone. */
export const removed = (line: Line) => cartwake("remove", toItem({ ...line, quantity: undefined }));
export const changed = () => cartwake("cart", lines().map(toItem), revision());
export const cartViewed = () => cartwake("track", "cart_viewed");
export const checkout = (step: "start" | "contact" | "payment" | "failed", data?: object) =>
  cartwake("checkout", step, data);
export const identified = (who: { email: string; name?: string }) => cartwake("identify", who);
export const couponApplied = (code: string) => cartwake("track", "coupon_applied", { code });
export const couponRemoved = (code: string) => cartwake("track", "coupon_removed", { code });
/** `text`: what the shopper agreed to, in the words that stood there. */
export const consented = (consent: { email?: boolean; analytics?: boolean }, text?: string) => {
  const word = (yes: boolean) => (yes ? "granted" : "denied");
  cartwake("consent", Object.fromEntries(Object.entries(consent).map(([channel, yes]) => [channel, word(yes)])), {
    text,
  });
};

export function ordered(id: string, totalCents: number): void {
  cartwake("order", { id, total: decimal(totalCents), currency: CURRENCY, items: lines().map(toItem) });
}

/** The recovered lines, in the shop's own words. `otherCart`: this device was filling another cart until now. */
export function onRestore(handle: (recovered: Line[], otherCart: boolean) => void): void {
  cartwake("on", "restore", (cart: RestoredCart) => {
    const recovered = cart.items.map((item) => ({
      productId: item.productId,
      ...(item.variantId != null && { variantId: String(item.variantId) }),
      name: item.name ?? findProduct(item.productId)?.name ?? "Something lovely",
      cents: Math.round(Number(item.price.amount) * 100),
      quantity: item.quantity,
    }));
    const otherCart = recall<string>("cart") !== cart.cartId;
    remember("cart", cart.cartId);
    handle(recovered, otherCart);
  });
}

/** The shopper took an offer. */
export const onOffer = (handle: (offer: Offer) => void) => cartwake("on", "offer", handle);

/** To be called in a click: browsers ask in answer to one only. */
export const askForPush = (text: string) => cartwake("push", { text });
export const onPush = (handle: (state: PushState) => void) =>
  cartwake("on", "push", ({ state }: { state: PushState }) => handle(state));

/** Remembers which cart this basket is, to know on return whether a link speaks of the same one. */
export const noteCart = () => cartwake("cartId", (id: string) => remember("cart", id));
