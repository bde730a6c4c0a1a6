/**
 * 95% intervals of an effect between arms that differ in size, for outcomes that are rare and skewed. Pure.
 *
 * The unit is the shopper, who is what was randomised: carts of one shopper are not independent, and an interval over carts
 * would be too narrow. Revenue per shopper is mostly zero with a long tail, and the held-out arm is small: there Welch's
 * symmetric interval covers the truth in 89–93% of experiments only (test/unit/measure-simulation.test.ts), always missing
 * on the same side. So each arm's mean gets an interval of its own that knows its skewness, and the two are combined:
 *
 * - mean of a skewed value: P. Hall, "On the removal of skewness by transformation", J. R. Statist. Soc. B 54 (1992) 221–228;
 * - proportion: E. B. Wilson, J. Am. Statist. Assoc. 22 (1927) 209–212;
 * - difference: MOVER, the square-and-add of limits. G. Y. Zou, A. Donner, "Construction of confidence limits about effect
 *   measures", Statist. Med. 27 (2008) 1693–1702; for proportions it is method 10 of R. G. Newcombe, Statist. Med. 17 (1998) 873–890.
 */

/** Sums over shoppers: how many, and of a value, its square and its cube. Sums of groups add up. */
export interface Moments {
  n: number;
  sum: number;
  squares: number;
  cubes: number;
}

export interface Interval {
  estimate: number;
  low: number;
  high: number;
}

/** The standard normal's 97.5% quantile. */
const Z = 1.959963984540054;

/** Of the mean of a value. From two shoppers on; with one, or when all values are equal, it has no width. */
export function meanInterval({ n, sum, squares, cubes }: Moments): Interval {
  const mean = sum / n;
  const variance = n > 1 ? Math.max(0, (squares - n * mean * mean) / (n - 1)) : 0;
  // Below this the sums' rounding is all there is.
  if (variance <= 1e-12 * (squares / n)) return { estimate: mean, low: mean, high: mean };
  const deviation = Math.sqrt(variance);
  const skewness = (cubes / n - (3 * mean * squares) / n + 2 * mean ** 3) / deviation ** 3;
  const root = Math.sqrt(n);
  return {
    estimate: mean,
    low: mean - (deviation / root) * unskewed(Z, skewness, root),
    high: mean - (deviation / root) * unskewed(-Z, skewness, root),
  };
}

/**
 * The quantile of the studentized mean that belongs to the normal quantile `z`: the inverse of Hall's
 * g(t) = t + γt²/(3√n) + γ²t³/(27n) + γ/(6√n), a cubic that can be inverted everywhere.
 */
function unskewed(z: number, skewness: number, root: number): number {
  if (Math.abs(skewness) < 1e-9) return z;
  const cube = 1 + skewness * (z / root - skewness / (6 * root * root));
  return ((3 * root) / skewness) * (Math.cbrt(cube) - 1);
}

/** Of the probability behind `successes` among `n` (more than 0). */
export function proportionInterval(successes: number, n: number): Interval {
  const share = successes / n;
  const square = Z * Z;
  const centre = (share + square / (2 * n)) / (1 + square / n);
  const half = (Z / (1 + square / n)) * Math.sqrt((share * (1 - share)) / n + square / (4 * n * n));
  return { estimate: share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** Two independent groups, and how much their difference weighs. */
export interface Contrast {
  weight: number;
  a: Interval;
  b: Interval;
}

/** Of Σ weight · (a − b), over independent strata; weights are positive. */
export function differenceInterval(strata: readonly Contrast[]): Interval {
  let estimate = 0;
  let below = 0;
  let above = 0;
  for (const { weight, a, b } of strata) {
    estimate += weight * (a.estimate - b.estimate);
    below += weight ** 2 * ((a.estimate - a.low) ** 2 + (b.high - b.estimate) ** 2);
    above += weight ** 2 * ((a.high - a.estimate) ** 2 + (b.estimate - b.low) ** 2);
  }
  return { estimate, low: estimate - Math.sqrt(below), high: estimate + Math.sqrt(above) };
}
