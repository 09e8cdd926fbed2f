/** Every path of both builds against @noble/curves and OpenSSL, on signatures made to be hard. */
import { describe, expect, it } from "vitest";
import { buildsHere } from "../../vectors/builds.ts";
import { foreignGroups, foreignTrials } from "../../vectors/foreign.ts";
import { everyGroup } from "../../vectors/groups.ts";
import { batchLaw, opensslLaw, pointLaw, scalarsLaw, sumLaw } from "../../vectors/laws.ts";
import { holdsByNoble } from "../../vectors/oracle.ts";
import { digestOf } from "../../vectors/outputs.ts";
import { pointFailures } from "../../vectors/points.ts";
import { sizesWrong } from "../../vectors/sizes.ts";
import { groupFailures, trialFailures } from "../../vectors/suite.ts";
import { everyTrial } from "../../vectors/trials.ts";

const { builds } = buildsHere();
const SAMPLE = 7;

describe("signatures made to measure", () => {
  const trials = [...everyTrial(), ...foreignTrials()];
  const groups = [...everyGroup(), ...foreignGroups()];

  it("are many, of either verdict and either rule", () => {
    const count = (wanted: (trial: (typeof trials)[number]) => boolean) => trials.filter(wanted).length;
    expect(count(({ expected }) => expected)).toBeGreaterThan(1_000);
    expect(count(({ expected }) => !expected)).toBeGreaterThan(500);
    expect(count(({ signed }) => signed.parity === 2)).toBeGreaterThan(500);
    expect(groups.filter(({ expected }) => expected).length).toBeGreaterThan(100);
    expect(groups.filter(({ expected }) => !expected).length).toBeGreaterThan(100);
  });

  it("are what @noble/curves says they are (every seventh; all of them in the long edition)", () => {
    const sample = trials.filter((_, index) => index % SAMPLE === 0);
    expect(sample.filter(({ signed, expected }) => holdsByNoble(signed) !== expected)).toEqual([]);
  });

  it.each(builds)("are judged so on every path of $variant", (build) => {
    expect([...trialFailures(build, trials)]).toEqual([]);
  });

  it.each(builds)("are judged so in batches by $variant", (build) => {
    expect([...groupFailures(build, groups)]).toEqual([]);
  });

  it.each(builds)(
    "go with sums, recovered keys, Schnorr signatures and hashed points of $variant",
    (build) => {
      expect([...pointFailures(build)]).toEqual([]);
    },
  );

  it("are judged so in groups of every size", () => {
    expect(sizesWrong(builds, [...Array.from({ length: 20 }, (_, at) => at + 1), 255, 257, 515], 5)).toEqual(
      [],
    );
  });

  it("give the same bytes in every build", () => {
    expect(new Set(builds.map(digestOf)).size).toBe(1);
  });
});

describe("at random", () => {
  it("u1, u2 and the key are no matter", () => scalarsLaw(builds, 40));
  it("R, s and the digest are no matter", () => pointLaw(builds, 40));
  it("signatures of OpenSSL hold", () => opensslLaw(builds, 40));
  it("relations in a batch are no matter", () => batchLaw(builds, 25));
  it("sums of points are right", () => sumLaw(builds, 25));
});
