/** What a campaign caused: its treated shoppers against its held-out ones. Pure. */
import type { Arm } from "./assign.ts";
import { differenceInterval, type Interval, type Moments, meanInterval, proportionInterval } from "./interval.ts";

/**
 * Shoppers of one arm that met a campaign while it had this holdout, and what they bought within the window after they did.
 * Each shopper counts once, from the first due message on, sent or not: by intention to treat.
 */
export interface Tally {
  arm: Arm;
  /** The held-out share at that time. */
  holdout: number;
  /** Revenue per shopper, in minor units of the store's currency. */
  revenue: Moments;
  /** Shoppers who bought. */
  buyers: number;
}

export interface Incremental {
  /** Treated shoppers that the figures are about, and the held-out ones they were compared with. */
  treated: number;
  heldOut: number;
  /** Added probability that a treated shopper buys. */
  conversion: Interval;
  /** Added minor units per treated shopper, and of all of them. */
  revenuePerShopper: Interval;
  revenue: Interval;
  /** Added buyers. */
  buyers: Interval;
}

/** An arm with fewer is too little: below, the intervals no longer hold what they promise. */
export const MIN_SHOPPERS = 30;
export const MIN_BUYERS = 10;

/**
 * Shoppers who came while the campaign had another holdout are compared among themselves, and the differences are weighted by
 * the treated: otherwise a change of the share would pass off a change of season as an effect. Periods in which an arm is
 * too small are left out; `null`: all of them.
 */
export function incremental(tallies: readonly Tally[]): Incremental | null {
  const pairs = [...new Set(tallies.map((t) => t.holdout))].flatMap((holdout) => {
    const [treated, heldOut] = (["treated", "held_out"] as const).map((arm) =>
      tallies.find((t) => t.holdout === holdout && t.arm === arm),
    );
    return treated && heldOut && isEnough(treated) && isEnough(heldOut) ? [{ treated, heldOut }] : [];
  });
  const treated = pairs.reduce((sum, pair) => sum + pair.treated.revenue.n, 0);
  if (treated === 0) return null;
  const contrasts = (of: (tally: Tally) => Interval) =>
    pairs.map((pair) => ({ weight: pair.treated.revenue.n, a: of(pair.treated), b: of(pair.heldOut) }));
  const revenue = differenceInterval(contrasts((t) => meanInterval(t.revenue)));
  const buyers = differenceInterval(contrasts((t) => proportionInterval(t.buyers, t.revenue.n)));
  return {
    treated,
    heldOut: pairs.reduce((sum, pair) => sum + pair.heldOut.revenue.n, 0),
    conversion: scaled(buyers, 1 / treated),
    revenuePerShopper: scaled(revenue, 1 / treated),
    revenue,
    buyers,
  };
}

const isEnough = ({ revenue, buyers }: Tally): boolean => revenue.n >= MIN_SHOPPERS && buyers >= MIN_BUYERS;

const scaled = ({ estimate, low, high }: Interval, by: number): Interval => ({
  estimate: estimate * by,
  low: low * by,
  high: high * by,
});
