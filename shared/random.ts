/** Seeded randomness (mulberry32 over mixed seeds): the same seeds give the same numbers for ever, on every engine. */
export interface Random {
  /** In [0, 1). */
  unit(): number;
  /** A whole number in [0, below). */
  below(below: number): number;
  /** The same array, in a random order (Fisher–Yates). */
  shuffle<T extends { length: number; [index: number]: unknown }>(list: T): T;
}

/** In [0, 1), from one 32-bit state (public domain, Tommy Ettinger). */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Several seeds (a run's, a round's number, a purpose) give a stream of their own each. */
export function random(...seeds: number[]): Random {
  let state = 0x243f6a88;
  for (const seed of seeds) {
    // Both halves of a number up to 2^53 count.
    for (const part of [seed | 0, Math.floor(seed / 2 ** 32) | 0]) {
      state = Math.imul(state ^ part, 0x9e3779b1);
      state = Math.imul(state ^ (state >>> 15), 0x85ebca6b);
      state ^= state >>> 13;
    }
  }
  const unit = mulberry32(state);
  const below = (limit: number): number => Math.floor(unit() * limit);
  return {
    unit,
    below,
    shuffle: (list) => {
      for (let i = list.length - 1; i > 0; i--) {
        const j = below(i + 1);
        const held = list[i];
        list[i] = list[j];
        list[j] = held;
      }
      return list;
    },
  };
}
