/** What the simulated shoppers of the demo shop look at, and who they are. Prices are minor units of EUR. */
import { PRODUCTS } from "../../storefront/shop/products.ts";

export interface Product {
  id: string;
  name: string;
  priceMinor: number;
  category: string;
}

export const CATALOGUE: readonly Product[] = PRODUCTS.map(({ id, name, cents, category }) => ({
  id,
  name,
  priceMinor: cents,
  category,
}));

export const FIRST_NAMES = [
  ...["Mia", "Jonas", "Lea", "Paul", "Clara", "Emil", "Ida", "Felix", "Nora", "Anton", "Greta", "Oskar"],
  ...["Luisa", "Theo", "Marta", "Hugo", "Elin", "Noah", "Alma", "Levi", "Sofia", "Jan", "Tilda", "Milan"],
] as const;
export const LAST_NAMES = [
  ...["Koch", "Brandt", "Vogel", "Sommer", "Winter", "Lorenz", "Berger", "Keller", "Busch", "Arnold"],
  ...["Falk", "Hansen", "Novak", "Rossi", "Moreau", "Jansen", "Lind", "Weiss", "Engel", "Roth"],
] as const;

export const DEVICES = [
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
] as const;

export const PLACES = [
  { locale: "de-DE", timezone: "Europe/Berlin" },
  { locale: "de-AT", timezone: "Europe/Vienna" },
  { locale: "nl-NL", timezone: "Europe/Amsterdam" },
  { locale: "fr-FR", timezone: "Europe/Paris" },
  { locale: "en-IE", timezone: "Europe/Dublin" },
] as const;

export const REFERRERS = [
  "https://www.google.com/",
  "https://www.instagram.com/",
  "https://duckduckgo.com/",
  "",
] as const;
