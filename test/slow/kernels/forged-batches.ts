/** Small batches with a forgery in each, shared out among the builds: none is taken. */
import { expect, it } from "vitest";
import { buildsHere } from "../../vectors/builds.ts";
import { Dice, type Hinted, QUIET, validPool } from "../../vectors/forge.ts";

/** As often as they stand here. */
const SIZES = [1, 1, 1, 2, 2, 3];

const { builds } = buildsHere();
const pool = validPool(1024, 4);

const from = (list: readonly Hinted[], at: number): Hinted => {
  const found = list[at % list.length];
  if (!found) throw new Error("an empty pool");
  return found;
};

/** The test of so many batches, shared out among the builds of this machine. */
export function refusesForgedBatches(wanted: number): void {
  it.each(builds)(
    "are all refused by $variant",
    (build) => {
      const dice = new Dice(7_919);
      const each = Math.ceil(wanted / builds.length);
      const taken: number[] = [];
      for (let batch = 0; batch < each; batch++) {
        const first = dice.below(pool.length);
        const size = SIZES[dice.below(SIZES.length)] ?? 1;
        const all = Array.from({ length: size }, (_, at) => from(pool, first + at));
        const at = dice.below(size);
        const forge = QUIET[dice.below(QUIET.length)];
        if (forge) all[at] = forge(from(all, at), from(pool, first + at + 1), dice, build);
        const hints = all.map(({ hint }) => hint);
        if (
          build.batch(
            all.map(({ signed }) => signed),
            { hints },
          )
        )
          taken.push(batch);
      }
      expect(taken).toEqual([]);
      const good = Array.from({ length: 3 }, (_, at) => from(pool, at));
      const hints = good.map(({ hint }) => hint);
      expect(
        build.batch(
          good.map(({ signed }) => signed),
          { hints },
        ),
      ).toBe(true);
    },
    900_000,
  );
}
