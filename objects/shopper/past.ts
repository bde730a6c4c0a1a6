/** What became of a shopper's carts: what the model may know of them. Pure. */
import type { ShopperHistory } from "../../shared/model/history.ts";
import type { Shopper } from "./decide.ts";

/** One generation of one cart. */
export interface Outcome {
  cartId: string;
  /** Which of that name, and which generation of it: `incarnation/generation`. */
  part: string;
  at: number;
  bought: boolean;
  adds: number;
}

/** Oldest first. */
export type Past = readonly Outcome[];

const MAX_CARTS = 50;

/** Known once, whatever is told twice; the same object when nothing changed. Bought is the last word until it is taken back. */
export function remember(past: Past, outcome: Outcome): Past {
  const known = past.find((other) => same(other, outcome));
  if (known && (known.bought === outcome.bought || known.bought)) return past;
  return [...past.filter((other) => other !== known), outcome].sort(byTime).slice(-MAX_CARTS);
}

/** It was no end after all. */
export const takeBack = (past: Past, outcome: Outcome): Past =>
  past.some((other) => same(other, outcome)) ? past.filter((other) => !same(other, outcome)) : past;

export const united = (ours: Past, theirs: Past): Past => theirs.reduce(remember, ours);

const same = (a: Outcome, b: Outcome): boolean => a.cartId === b.cartId && a.part === b.part;
const byTime = (a: Outcome, b: Outcome): number => a.at - b.at || (a.cartId < b.cartId ? -1 : 1);

/** Of the cart that asks only what was bought before. */
export function historyOf(past: Past, shopperId: string, { sends, answered }: Shopper, asking: string): ShopperHistory {
  const carts = past.filter(({ cartId, bought }) => cartId !== asking || bought);
  const last = carts.at(-1);
  const bought = carts.filter((outcome) => outcome.bought);
  return {
    shopperId,
    carts: carts.length,
    purchases: bought.length,
    adds: carts.reduce((sum, { adds }) => sum + adds, 0),
    lastCartAt: last?.at ?? null,
    lastBought: last?.bought ?? null,
    lastPurchaseAt: bought.at(-1)?.at ?? null,
    messages: sends.filter(({ status }) => status === "sent").length,
    answered: Object.keys(answered).length,
  };
}
