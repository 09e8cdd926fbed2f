/** Groups of every size: the last of a chunk, of a pair, of a byte of the bitmap. */
import type { Build } from "./build.ts";
import { type Hinted, validPool } from "./forge.ts";

const flipped = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, at) => (at === 31 ? byte ^ 1 : byte));

/** A group of this size is taken, its last or one in three forged is not, and the comb tells which. */
function* sizeFailures(build: Build, pool: readonly Hinted[], size: number): Generator<string> {
  const all = Array.from({ length: size }, (_, at) => pool[(at * 7) % pool.length]).filter((one) => !!one);
  const signed = all.map((one) => one.signed);
  const hints = all.map(({ hint }) => hint);
  const forgeIf = (wanted: (at: number) => boolean) =>
    signed.map((one, at) => (wanted(at) ? { ...one, digest: flipped(one.digest) } : one));
  const last = forgeIf((at) => at === size - 1);
  const third = forgeIf((at) => at % 3 === 1);
  const right = [
    build.batch(signed),
    build.batch(signed, { hints }),
    !build.batch(last),
    !build.batch(last, { hints }),
    build.comb(signed).every(Boolean),
    build.comb(last).every((verdict, at) => verdict === (at !== size - 1)),
    build.comb(third).every((verdict, at) => verdict === (at % 3 !== 1)),
  ];
  for (const [index, holds] of right.entries()) if (!holds) yield `size ${size}: check ${index}`;
}

/** Sizes at which some build is wrong. Signatures repeat above 1,024. */
export function sizesWrong(builds: readonly Build[], sizes: readonly number[], keys: number): string[] {
  const pool = validPool(1_024, keys);
  return builds.flatMap((build) =>
    sizes.flatMap((size) =>
      [...sizeFailures(build, pool, size)].map((failure) => `${build.variant}, ${failure}`),
    ),
  );
}
