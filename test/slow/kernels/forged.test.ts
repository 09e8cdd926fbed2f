/** A million forgeries in large batches, through the batch and through the comb of each build: none is taken. */
import { describe, expect, it } from "vitest";
import { buildsHere } from "../../vectors/builds.ts";
import { cancellingPair, Dice, type Hinted, LOUD, QUIET, validPool } from "../../vectors/forge.ts";

const WANTED = 1_000_000;
const SIZES = [256, 512, 1024];
const KEYS = 16;

type Batch = { readonly all: readonly Hinted[]; readonly forged: ReadonlySet<number> };

/** How many of a batch to forge: at times a single one, which nothing else can give away. */
function forgeries(size: number, dice: Dice): number {
  const way = dice.below(6);
  if (way === 0) return 1;
  return way === 1 ? 2 + dice.below(6) : size / 2 + dice.below(size / 2);
}

const { builds } = buildsHere();
const pool = validPool(2048, KEYS);

function draw(dice: Dice): Hinted {
  const found = pool[dice.below(pool.length)];
  if (!found) throw new Error("an empty pool");
  return found;
}

function batchOf(size: number, dice: Dice, build: (typeof builds)[number]): Batch {
  const first = dice.below(pool.length);
  const all = Array.from({ length: size }, (_, at) => pool[(first + at) % pool.length] ?? draw(dice));
  const forged = new Set<number>();
  const count = forgeries(size, dice);
  // one batch in eight has what is refused before the sum, so that it would hide what the sum misses
  const kinds = dice.below(8) === 0 ? [...QUIET, ...LOUD] : QUIET;
  while (forged.size < count) {
    const at = dice.below(size);
    if (forged.has(at)) continue;
    const next = (at + 1) % size;
    const [one, other] = [all[at], all[next]];
    if (!one || !other) continue;
    if (count - forged.size >= 2 && !forged.has(next) && dice.below(4) === 0) {
      [all[at], all[next]] = cancellingPair(one, other, BigInt(1 + dice.below(2 ** 31)));
      forged.add(at).add(next);
      continue;
    }
    // another that differs from it in everything: its neighbour in the pool
    const forge = kinds[dice.below(kinds.length)];
    if (forge) all[at] = forge(one, pool[(first + at + 1) % pool.length] ?? draw(dice), dice, build);
    forged.add(at);
  }
  return { all, forged };
}

describe("forgeries", () => {
  it.each(builds)(
    "are all refused by $variant",
    (build) => {
      const dice = new Dice(20_251_122);
      const taken: string[] = [];
      let [count, batches] = [0, 0];
      for (; count < WANTED; batches++) {
        const size = SIZES[dice.below(SIZES.length)] ?? 256;
        const { all, forged } = batchOf(size, dice, build);
        count += forged.size;
        const signed = all.map((one) => one.signed);
        const hints = batches % 2 === 0 ? {} : { hints: all.map(({ hint }) => hint) };
        if (build.batch(signed, hints)) taken.push(`batch ${batches} of ${size} with ${forged.size}`);
        const verdicts = build.comb(signed);
        for (const [at, verdict] of verdicts.entries()) {
          if (verdict === forged.has(at)) taken.push(`comb, batch ${batches}, signature ${at}: ${verdict}`);
        }
        if (batches % 64 !== 0) continue;
        const good = Array.from({ length: size }, () => draw(dice));
        const holds = build.batch(
          good.map((one) => one.signed),
          { hints: good.map(({ hint }) => hint) },
        );
        if (!holds) taken.push(`batch ${batches}: one without a forgery is refused`);
      }
      expect(taken).toEqual([]);
      expect(count).toBeGreaterThanOrEqual(WANTED);
      expect(batches).toBeGreaterThan(500);
    },
    900_000,
  );
});
