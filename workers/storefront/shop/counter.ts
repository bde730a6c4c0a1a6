/** What happens in a shop while somebody makes up their mind: prices fall, and things are sold out. Kept on this device. */
import { recall, remember } from "./memory.ts";

interface Counter {
  /** Everything costs a fifth less. */
  sale: boolean;
  /** Product ids. */
  soldOut: string[];
}

let counter: Counter = { sale: false, soldOut: [], ...recall<Counter>("counter") };

export const isSale = (): boolean => counter.sale;
export const isSoldOut = (id: string): boolean => counter.soldOut.includes(id);
export const priceOf = (cents: number): number => (counter.sale ? Math.round(cents * 0.8) : cents);

function change(to: Partial<Counter>): void {
  counter = { ...counter, ...to };
  remember("counter", counter);
}

export const setSale = (sale: boolean): void => change({ sale });
export const setSoldOut = (id: string, out: boolean): void =>
  change({ soldOut: [...counter.soldOut.filter((other) => other !== id), ...(out ? [id] : [])] });
