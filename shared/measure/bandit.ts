/**
 * Thompson sampling by its probabilities: an arm gets the share of traffic that it has as its probability to be the best.
 * Instead of drawing from the posteriors at each decision the probabilities are computed, so that decisions stay pure and
 * the probability of what was chosen is known and logged.
 *
 * Sources: W. R. Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika 25 (1933) 285–294;
 * S. L. Scott, "A modern Bayesian look at the multi-armed bandit", Appl. Stochastic Models Bus. Ind. 26 (2010) 639–658
 * ("randomized probability matching"). Pure and deterministic: numerical integration, no random numbers.
 */

/** Shoppers whose window is over: how many bought, and how many did not. */
export interface Trials {
  successes: number;
  failures: number;
}

/** No arm's share falls below this, or half of an equal share where there are more than ten arms: what is bad today is still watched. */
export const FLOOR = 0.05;
export const floorOf = (arms: number): number => Math.min(FLOOR, 1 / (2 * arms));

const CELLS = 4096;
/** Standard deviations around the means that the integration looks at. */
const REACH = 8;

/** The share of each arm: floor + (1 − floors) · P(best). They sum to 1. */
export function shares(arms: readonly Trials[]): number[] {
  const floor = floorOf(arms.length);
  return bestProbabilities(arms).map((p) => floor + (1 - floor * arms.length) * p);
}

/**
 * P(arm k is the best) = ∫ f_k(x) · Π_{j≠k} F_j(x) dx over Beta(1 + successes, 1 + failures), by the midpoint rule. At most
 * 20 arms: 80,000 densities, a few milliseconds.
 */
export function bestProbabilities(arms: readonly Trials[]): number[] {
  const posteriors = arms.map(({ successes, failures }) => ({ alpha: 1 + successes, beta: 1 + failures }));
  const [from, to] = range(posteriors);
  const masses = posteriors.map((posterior) => massesOf(posterior, from, to));
  const best = posteriors.map(() => 0);
  const below = posteriors.map(() => 0);
  for (let cell = 0; cell < CELLS; cell++) {
    // Of the cell's own mass half counts as below: two arms in one cell share it.
    const cumulated = masses.map((mass, k) => below[k]! + mass[cell]! / 2);
    const prefix = [1];
    for (const F of cumulated) prefix.push(prefix.at(-1)! * F);
    let suffix = 1;
    for (let k = masses.length - 1; k >= 0; k--) {
      const mass = masses[k]![cell]!;
      best[k]! += mass * prefix[k]! * suffix;
      suffix *= cumulated[k]!;
      below[k]! += mass;
    }
  }
  const sum = best.reduce((total, p) => total + p, 0);
  return best.map((p) => p / sum);
}

interface Beta {
  alpha: number;
  beta: number;
}

function range(posteriors: readonly Beta[]): [number, number] {
  let [from, to] = [1, 0];
  for (const { alpha, beta } of posteriors) {
    const total = alpha + beta;
    const mean = alpha / total;
    const reach = REACH * Math.sqrt((mean * (1 - mean)) / (total + 1));
    from = Math.min(from, Math.max(0, mean - reach));
    to = Math.max(to, Math.min(1, mean + reach));
  }
  return [from, to];
}

/** The probability of each cell; together 1. */
function massesOf({ alpha, beta }: Beta, from: number, to: number): number[] {
  const logs = Array.from({ length: CELLS }, (_, cell) => {
    const x = from + ((to - from) * (cell + 0.5)) / CELLS;
    return (alpha - 1) * Math.log(x) + (beta - 1) * Math.log1p(-x);
  });
  const top = logs.reduce((max, log) => Math.max(max, log), -Infinity);
  const raw = logs.map((log) => Math.exp(log - top));
  const sum = raw.reduce((total, mass) => total + mass, 0);
  return raw.map((mass) => mass / sum);
}
