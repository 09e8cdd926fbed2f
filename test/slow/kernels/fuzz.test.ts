/** The long edition of `made-to-measure.test.ts`. */
import { describe, expect, it } from "vitest";
import { buildsHere } from "../../vectors/builds.ts";
import { foreignTrials } from "../../vectors/foreign.ts";
import { everyGroup } from "../../vectors/groups.ts";
import { batchLaw, opensslLaw, pointLaw, scalarsLaw, sumLaw } from "../../vectors/laws.ts";
import { holdsByNoble } from "../../vectors/oracle.ts";
import { sizesWrong } from "../../vectors/sizes.ts";
import { everyTrial } from "../../vectors/trials.ts";

const { builds } = buildsHere();

describe("at random, for long", () => {
  it("every signature made to measure is what @noble/curves says it is", () => {
    const trials = [...everyTrial(), ...foreignTrials()];
    expect(trials.filter(({ signed, expected }) => holdsByNoble(signed) !== expected)).toEqual([]);
  });

  it("every batch made to measure is what @noble/curves says it is", () => {
    const wrong = everyGroup().filter(({ all, expected }) => all.every(holdsByNoble) !== expected);
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  it("groups of every size are judged right", () => {
    expect(
      sizesWrong(
        builds,
        Array.from({ length: 80 }, (_, at) => at + 1),
        7,
      ),
    ).toEqual([]);
    expect(sizesWrong(builds, [256, 258, 511, 512, 513, 1023, 1025, 2049, 5000], 16)).toEqual([]);
    expect(sizesWrong(builds, [160, 1024], 150)).toEqual([]);
    expect(sizesWrong(builds, [20_000], 1)).toEqual([]);
  });

  it("u1, u2 and the key are no matter", () => scalarsLaw(builds, 2_000));
  it("R, s and the digest are no matter", () => pointLaw(builds, 2_000));
  it("signatures of OpenSSL hold", () => opensslLaw(builds, 2_000));
  it("relations in a batch are no matter", () => batchLaw(builds, 600));
  it("sums of points are right", () => sumLaw(builds, 600));
});
