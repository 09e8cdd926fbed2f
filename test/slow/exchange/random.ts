/** Numbers drawn from a seed, so that a life that went wrong can be lived again (mulberry32). */
export type Random = {
  /** Uniform in `[0, 1)`. */
  draw(): number;
  /** A whole number from 0 up to, and without, `bound`. */
  below(bound: number): number;
  chance(probability: number): boolean;
  pick<T>(all: readonly T[]): T;
};

/** @param seed - 32 bits */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const draw = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number) => Math.floor(draw() * bound);
  return {
    draw,
    below,
    chance: (probability) => draw() < probability,
    pick<T>(all: readonly T[]): T {
      const one = all[below(all.length)];
      if (one === undefined) throw new Error("nothing to pick from");
      return one;
    },
  };
}
