/**
 * What a new model must show before it serves, declared before anything is measured. Pure.
 *
 * 1. Offline, on shoppers and times it was not fitted on: better than what serves now, beyond chance, and calibrated.
 * 2. In the shadow, on carts that closed after it was made: not worse.
 * 3. As the canary, on the carts it scored: not worse, still calibrated, and those carts are bought no more rarely.
 *
 * Both models score the same rows, so their log losses are compared in pairs, and rows of a shopper count as dependent
 * (`clusterError`). A model that is merely as good stays out at the first gate: what serves does not change without a gain. Looking
 * often finds harm by chance: before the last look only what is beyond `INTERIM_Z` ends a run, which all looks together reach
 * by chance in 2.5% of all runs at most (Bonferroni).
 */
import { DAY_MS, HOUR_MS } from "../time.ts";
import { clusterError, meanGap } from "./drift.ts";
import type { ModelMetrics } from "./views.ts";

export const GATES = {
  /** Of examples, and of either outcome, to fit on at all. */
  minRows: 500,
  minOfEither: 50,
  /** Of the test part's log loss: production's minus the candidate's must be above 0 by this many standard errors (5%, one-sided). */
  offlineZ: 1.645,
  /** The candidate may rank a little worse where it predicts better. */
  aucSlack: 0.02,
  /** Fewer shoppers, or purchases, or carts that were not bought, say nothing: normal quantiles do not hold for them. */
  judgedShoppers: 50,
  judgedOfEither: 10,
  /** Over what chance alone shows in so few rows. */
  ece: 0.03,
  /** How often a waiting run looks, and for how long it waits at most in each stage. */
  lookMs: 6 * HOUR_MS,
  stageMs: 7 * DAY_MS,
  /** A stage may end well before its time from so many rows, of either outcome, and looks (a day of them). */
  shadowRows: 500,
  shadowOfEither: 30,
  canaryCarts: 200,
  canaryOfEither: 20,
  minLooks: 4,
  canaryShare: 0.1,
  /** One-sided 2.5% over all looks of a stage. */
  interimZ: 3.12,
  /** At the last look: 5% for log loss, 1% for purchases. */
  finalZ: 1.645,
  purchaseZ: 2.326,
  /** Mean prediction against purchases in the canary's carts: further off than this, beyond chance. */
  canaryGap: 0.05,
} as const;

/** The last look of a stage. */
export const LAST_LOOK = GATES.stageMs / GATES.lookMs;

export interface Verdict {
  pass: boolean;
  /** What spoke against it, or for it. */
  reason: string;
}
export type Look = Verdict | "wait";

/** The same rows scored by both. */
export interface PairedRows {
  labels: ArrayLike<number>;
  groups: ArrayLike<number>;
  candidate: ArrayLike<number>;
  production: ArrayLike<number>;
}

export interface Paired {
  rows: number;
  positives: number;
  shoppers: number;
  /** Mean log loss of the candidate minus that of production, in nats: below 0 is better. */
  difference: number;
  /** Its standard error over shoppers. */
  error: number;
}

/** No probability is nearer to 0 or 1: one row must not weigh as much as all others. */
const EDGE = 1e-6;

export const logLossOf = (probability: number, label: number): number => {
  const p = Math.min(1 - EDGE, Math.max(EDGE, probability));
  return label === 1 ? -Math.log(p) : -Math.log(1 - p);
};

export function pairedLogLoss({ labels, groups, candidate, production }: PairedRows): Paired {
  const rows = labels.length;
  const differences = new Float64Array(rows);
  let positives = 0;
  let difference = 0;
  for (let i = 0; i < rows; i++) {
    differences[i] = logLossOf(candidate[i]!, labels[i]!) - logLossOf(production[i]!, labels[i]!);
    difference += differences[i]! / rows;
    positives += labels[i]!;
  }
  const shoppers = new Set(Array.from(groups)).size;
  return { rows, positives, shoppers, difference, error: clusterError((i) => differences[i]! - difference, groups) };
}

const speaks = (rows: number, positives: number): boolean =>
  Math.min(positives, rows - positives) >= GATES.judgedOfEither;

/** Standard errors by which the candidate is worse; 0 where too little is known, or both say the same. */
const worseBy = ({ rows, positives, shoppers, difference, error }: Paired): number =>
  shoppers >= GATES.judgedShoppers && speaks(rows, positives) && error > 0 ? difference / error : 0;

const figure = (value: number): string => value.toFixed(4);
const against = ({ difference, error }: Paired): string =>
  `log loss ${figure(Math.abs(difference))} ± ${figure(1.96 * error)} ${difference > 0 ? "worse" : "better"} than production's`;

/** What a perfectly calibrated model shows on average over ten bins: E|N(0, s)| = s · √(2/π), s² = p(1 − p) / (n / 10). */
function chanceEce({ positives, rows, shoppers }: ModelMetrics): number {
  const rate = positives / rows;
  return Math.sqrt((2 / Math.PI) * rate * (1 - rate) * (10 / shoppers));
}

export function judgeOffline(candidate: ModelMetrics, production: ModelMetrics, paired: Paired): Verdict {
  const limit = GATES.ece + 2 * chanceEce(candidate);
  if (!(-worseBy(paired) > GATES.offlineZ)) return { pass: false, reason: `no clear gain: ${against(paired)}` };
  if (!(candidate.rocAuc.low > 0.5)) return { pass: false, reason: "ranks carts no better than chance" };
  if (!(candidate.rocAuc.value >= production.rocAuc.value - GATES.aucSlack))
    return {
      pass: false,
      reason: `ranks worse: ROC-AUC ${figure(candidate.rocAuc.value)}, production ${figure(production.rocAuc.value)}`,
    };
  if (!(candidate.ece.value <= limit))
    return { pass: false, reason: `not calibrated: ECE ${figure(candidate.ece.value)}, at most ${figure(limit)}` };
  return { pass: true, reason: against(paired) };
}

/** `look` counts from 1 to `LAST_LOOK`, one each `lookMs`. */
export function judgeShadow(paired: Paired, look: number): Look {
  const z = worseBy(paired);
  if (z > GATES.interimZ) return { pass: false, reason: `in the shadow, ${against(paired)}` };
  const { rows, positives } = paired;
  const enough = rows >= GATES.shadowRows && Math.min(positives, rows - positives) >= GATES.shadowOfEither;
  if (look < LAST_LOOK && !(enough && look >= GATES.minLooks)) return "wait";
  const pass = !(z > GATES.finalZ);
  return { pass, reason: rows === 0 ? "in the shadow, no cart closed" : `in the shadow, ${against(paired)}` };
}

/** Carts of an arm that closed since the canary began, and how many of them were bought. */
export interface ArmCarts {
  carts: number;
  bought: number;
}

/** Standard errors by which `a` buys more rarely than `b`, with a pooled variance; 0 where too little is known. */
export function rarerBy(a: ArmCarts, b: ArmCarts): number {
  if (Math.min(a.carts, b.carts) < GATES.judgedShoppers || !speaks(a.carts + b.carts, a.bought + b.bought)) return 0;
  const pooled = (a.bought + b.bought) / (a.carts + b.carts);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / a.carts + 1 / b.carts));
  return error > 0 ? (b.bought / b.carts - a.bought / a.carts) / error : 0;
}

export interface CanaryLook {
  /** Rows of the canary's carts. */
  rows: PairedRows;
  canary: ArmCarts;
  production: ArmCarts;
}

export function judgeCanary({ rows, canary, production }: CanaryLook, look: number): Look {
  const paired = pairedLogLoss(rows);
  const gap = meanGap({ scores: rows.candidate, labels: rows.labels, groups: rows.groups });
  const enough =
    canary.carts >= GATES.canaryCarts && Math.min(canary.bought, canary.carts - canary.bought) >= GATES.canaryOfEither;
  const last = look >= LAST_LOOK || (enough && look >= GATES.minLooks);
  const [lossZ, purchaseZ] = last ? [GATES.finalZ, GATES.purchaseZ] : [GATES.interimZ, GATES.interimZ];
  if (worseBy(paired) > lossZ) return { pass: false, reason: `as the canary, ${against(paired)}` };
  const known = paired.shoppers >= GATES.judgedShoppers && speaks(paired.rows, paired.positives);
  if (gap && known && Math.abs(gap.gap) - GATES.canaryGap > lossZ * gap.error)
    return { pass: false, reason: `the canary predicted ${figure(gap.predicted)}, and ${figure(gap.observed)} bought` };
  if (rarerBy(canary, production) > purchaseZ)
    return {
      pass: false,
      reason: `${figure(canary.bought / canary.carts)} of the canary's carts were bought, of production's ${figure(production.bought / production.carts)}`,
    };
  if (!last) return "wait";
  return {
    pass: true,
    reason: canary.carts === 0 ? "no cart of the canary closed" : `as the canary, ${against(paired)}`,
  };
}
