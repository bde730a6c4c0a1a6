/**
 * Who gets what in a campaign: by a stable hash of names, so that the same shopper is in the same arm for ever, whoever
 * asks, and nothing need be stored to know it. The arm and the variants are hashed under different names: they are independent.
 */
import { stableUnit } from "../ids.ts";

export type Arm = "treated" | "held_out";

/** The held-out share is fixed by name before the first message; who is held out at a small share is so at a larger one. */
export const isHeldOut = (storeId: string, campaignId: string, shopperId: string, share: number): boolean =>
  share > 0 && stableUnit(`holdout/${storeId}/${campaignId}/${shopperId}`) < share;

export interface Weighted {
  id: string;
  weight: number;
}

/**
 * The variant that a name falls on, and with which probability a name falls there: its share of the weights. When no
 * variant has a weight the first one is taken, always.
 */
export function pickVariant<V extends Weighted>(variants: readonly V[], name: string): V & { probability: number } {
  const total = variants.reduce((sum, v) => sum + v.weight, 0);
  let point = stableUnit(name) * total;
  for (const variant of variants) {
    point -= variant.weight;
    if (point < 0) return { ...variant, probability: variant.weight / total };
  }
  const last = variants.findLast((v) => v.weight > 0); // rounding may leave a point at the very end
  return last ? { ...last, probability: last.weight / total } : { ...variants[0]!, probability: 1 };
}
