/** Seeded randomness (mulberry32): the same seed gives the same stream of shoppers. */
import { mulberry32 } from "../../../shared/random.ts";

export interface Random {
  /** In [0, 1). */
  next(): number;
  chance(probability: number): boolean;
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number;
  pick<T>(from: readonly T[]): T;
}

export function random(seed: number): Random {
  const next = mulberry32(seed);
  return {
    next,
    chance: (probability) => next() < probability,
    whole: (min, max) => min + Math.floor(next() * (max - min + 1)),
    pick: (from) => from[Math.floor(next() * from.length)]!,
  };
}
