/** A seeded generator (mulberry32): the same seed gives the same test for ever, and a failure names its seed. */
import { mulberry32 } from "../../shared/random.ts";

export interface Random {
  /** In [0, 1). */
  unit(): number;
  /** An integer in [0, below). */
  below(below: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  shuffle<T>(list: readonly T[]): T[];
}

export function random(seed: number): Random {
  const unit = mulberry32(Math.imul(seed + 1, 0x9e3779b1));
  const below = (limit: number): number => Math.floor(unit() * limit);
  return {
    unit,
    below,
    chance: (probability) => unit() < probability,
    pick: (list) => list[below(list.length)]!,
    shuffle: (list) => {
      const copy = [...list];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
  };
}
