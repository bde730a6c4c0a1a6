import { isSoldOut, priceOf } from "./counter.ts";
import { PRODUCTS, type Product } from "./products.ts";

export { isSoldOut, PRODUCTS, type Product };
export const CURRENCY = "EUR";
const BASE = import.meta.env.BASE_URL;

export const findProduct = (id: string | null): Product | undefined => PRODUCTS.find((product) => product.id === id);
/** What it costs now. */
export const cents = (product: Product): number => priceOf(product.cents);

export const productUrl = (id: string): string => `${BASE}?product=${encodeURIComponent(id)}`;
export const artUrl = (id: string): string => `${BASE}art/${findProduct(id) ? id : "other"}.svg`;

/** `1800` → `18.00`, the way money travels. */
export const decimal = (cents: number): string => (cents / 100).toFixed(2);

const format = new Intl.NumberFormat("en-IE", { style: "currency", currency: CURRENCY });
/** `1800` → `€18.00`, the way money is shown. */
export const euro = (cents: number): string => format.format(cents / 100);
