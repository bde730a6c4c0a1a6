/**
 * Shops and shoppers of the simulator: drawn by seed, plain data. What is drawn here is stable; how a visit goes is in `visits.ts`.
 */
import { type Random, random } from "../../shared/random.ts";

/** Draws of the shapes that the simulator needs. */
export interface Dice extends Random {
  chance(probability: number): boolean;
  /** Standard normal (Box & Muller 1958). */
  normal(): number;
  /** Log-normal by its median and the standard deviation of its logarithm. */
  lognormal(median: number, sigma: number): number;
  /** An index, as likely as its weight. */
  weighted(weights: readonly number[]): number;
}

export function dice(...seeds: number[]): Dice {
  const draw = random(...seeds);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - draw.unit())) * Math.cos(2 * Math.PI * draw.unit());
  return {
    ...draw,
    normal,
    chance: (probability) => draw.unit() < probability,
    lognormal: (median, sigma) => median * Math.exp(sigma * normal()),
    weighted(weights) {
      let left = draw.unit() * weights.reduce((sum, weight) => sum + weight, 0);
      for (let i = 0; i < weights.length - 1; i++) {
        left -= weights[i]!;
        if (left < 0) return i;
      }
      return weights.length - 1;
    },
  };
}

export const logistic = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** Shops differ in how well they sell, and in what their storefront tells. */
export interface Shop {
  /** Of every shopper's intent there, in log-odds. */
  appeal: number;
  medianPriceMinor: number;
  products: number;
  tells: Record<"views" | "pages" | "cartViews" | "checkout" | "failures" | "leaving" | "sessions" | "device", boolean>;
  /** Writes to those who left a cart. */
  writes: boolean;
  /** Shows offers to those who are about to leave. */
  offers: boolean;
  coupons: boolean;
}

export interface Shopper {
  number: number;
  shop: Shop;
  /** Stable, in log-odds: who bought before buys again. */
  propensity: number;
  /** Above 0: waits for offers, looks for codes. */
  thrift: number;
  /** Share of the carts that begin on a phone. */
  mobileShare: number;
  /** Has an account and is signed in. */
  signedIn: boolean;
  /** Carts that are begun, at most. */
  carts: number;
}

const WORLD = 1;

function shopOf(seed: number, number: number): Shop {
  const { normal, lognormal, chance } = dice(seed, WORLD, number);
  return {
    appeal: 0.3 * normal(),
    medianPriceMinor: lognormal(4_000, 0.8),
    products: Math.round(lognormal(400, 1)),
    tells: {
      views: chance(0.95),
      pages: chance(0.8),
      cartViews: chance(0.75),
      checkout: chance(0.85),
      failures: chance(0.8),
      leaving: chance(0.7),
      sessions: chance(0.8),
      device: chance(0.9),
    },
    writes: chance(0.6),
    offers: chance(0.3),
    coupons: chance(0.6),
  };
}

/** Shoppers come in the proportions that this has: few come often. */
const SHOPPERS_PER_SHOP = 50;

export function shopperOf(seed: number, number: number): Shopper {
  const shop = shopOf(seed, Math.floor(number / SHOPPERS_PER_SHOP));
  const { normal, chance, unit } = dice(seed, 2, number);
  const propensity = 1.2 * normal();
  return {
    number,
    shop,
    propensity,
    thrift: normal(),
    mobileShare: unit() < 0.6 ? 0.9 : 0.1,
    signedIn: chance(logistic(-1.7 + 0.6 * propensity)),
    carts: 1 + Math.min(24, Math.floor(-Math.log(1 - unit()) * 2.2 * Math.exp(0.3 * propensity))),
  };
}
