/** The code that is on the basket. A real shop looks its worth up; this one believes the offer that brought it. */
import { recall, remember } from "./memory.ts";

export interface Coupon {
  code: string;
  /** `null`: typed in, and this shop has no till that could know it. */
  kind: "percent" | "amount" | "free_shipping" | "pool" | null;
  amount: number;
  expiresAt: string | null;
}

let applied: Coupon | null = recall<Coupon>("coupon");
let watchers: (() => void)[] = [];

export function current(): Coupon | null {
  return applied?.expiresAt && Date.parse(applied.expiresAt) < Date.now() ? null : applied;
}

export function apply(coupon: Coupon | null): void {
  applied = coupon;
  remember("coupon", coupon);
  for (const watcher of watchers) watcher();
}

export const onChange = (watcher: () => void): void => {
  watchers = [...watchers, watcher];
};

/** What comes off a subtotal, in cents. */
export function discountOn(subtotal: number): number {
  const coupon = current();
  if (coupon?.kind === "percent") return Math.round((subtotal * Math.min(100, coupon.amount)) / 100);
  return coupon?.kind === "amount" ? Math.min(subtotal, Math.round(coupon.amount * 100)) : 0;
}

export const freesDelivery = (): boolean => current()?.kind === "free_shipping";
