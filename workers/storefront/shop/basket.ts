import * as coupon from "./coupon.ts";
import { recall, remember } from "./memory.ts";

export interface Line {
  productId: string;
  variantId?: string;
  name: string;
  cents: number;
  quantity: number;
}

export const MAX_QUANTITY = 20;
export const FREE_DELIVERY_CENTS = 6_000;
const DELIVERY_CENTS = 490;

interface Saved {
  lines: Line[];
  /** Grows with every change, so that the newest snapshot can be told from an old one. */
  revision: number;
}

const EMPTY: Saved = { lines: [], revision: 0 };
let state: Saved = read();
let watchers: (() => void)[] = [];

function read(): Saved {
  const saved = recall<Saved>("basket");
  return saved && Array.isArray(saved.lines) ? saved : EMPTY;
}

function change(lines: Line[]): void {
  state = { lines, revision: state.revision + 1 };
  remember("basket", state);
  for (const watcher of watchers) watcher();
}

export const lines = (): Line[] => state.lines;
export const revision = (): number => state.revision;
export const count = (): number => state.lines.reduce((sum, line) => sum + line.quantity, 0);
export const subtotal = (): number => state.lines.reduce((sum, line) => sum + line.quantity * line.cents, 0);
export const delivery = (): number =>
  subtotal() >= FREE_DELIVERY_CENTS || coupon.freesDelivery() ? 0 : DELIVERY_CENTS;
export const discount = (): number => coupon.discountOn(subtotal());
export const total = (): number => subtotal() - discount() + delivery();
export const find = (productId: string): Line | undefined => state.lines.find((line) => line.productId === productId);

export const clampQuantity = (quantity: number): number =>
  Math.min(MAX_QUANTITY, Math.max(1, Math.round(quantity) || 1));

export function add(line: Omit<Line, "quantity">): void {
  const present = find(line.productId);
  if (present) setQuantity(line.productId, present.quantity + 1);
  else change([...state.lines, { ...line, quantity: 1 }]);
}

export function setQuantity(productId: string, quantity: number): void {
  change(state.lines.map((l) => (l.productId === productId ? { ...l, quantity: clampQuantity(quantity) } : l)));
}

export function remove(productId: string): void {
  change(state.lines.filter((line) => line.productId !== productId));
}

/** Lines whose price is known get the one of today. */
export function reprice(centsOf: (productId: string) => number | undefined): void {
  change(state.lines.map((line) => ({ ...line, cents: centsOf(line.productId) ?? line.cents })));
}

/** The basket was ordered: its code is spent. */
export function clear(): void {
  coupon.apply(null);
  change([]);
}

/** Puts the recovered lines back. What this device had besides stays, below; true when there was such a thing. */
export function restore(recovered: Line[], keepOthers: boolean): boolean {
  const merged = new Map<string, Line>();
  for (const line of recovered) {
    const twin = merged.get(line.productId);
    merged.set(line.productId, { ...line, quantity: clampQuantity(line.quantity + (twin?.quantity ?? 0)) });
  }
  const others = keepOthers ? state.lines.filter((line) => !merged.has(line.productId)) : [];
  change([...merged.values(), ...others]);
  return others.length > 0;
}

/** Called after every change, also one made in another tab. Returns how to stop it. */
export function watch(watcher: () => void): () => void {
  watchers = [...watchers, watcher];
  return () => {
    watchers = watchers.filter((other) => other !== watcher);
  };
}

coupon.onChange(() => {
  for (const watcher of watchers) watcher();
});

addEventListener("storage", (event) => {
  if (event.key !== "oblong.basket") return;
  state = read();
  for (const watcher of watchers) watcher();
});
