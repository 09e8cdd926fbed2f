import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { startInstance } from "../../src/kernels/kernels.ts";
import { groupOf, type SignatureCheck } from "../../src/kernels/signature-group.ts";
import { VARIANTS } from "../../src/kernels/variant.ts";
import { Verifier } from "../../src/kernels/verifier.ts";
import { recoverByNoble, rightClaims, SPOILS } from "./claims.ts";

const COUNT = 400;
let right: readonly SignatureCheck[];
const wrong: SignatureCheck[] = [];

beforeAll(async () => {
  right = await rightClaims(COUNT, 7);
  for (const [at, spoil] of Object.values(SPOILS).entries()) {
    const claim = right[at];
    if (claim) wrong.push(spoil(claim));
  }
});

function verdictsOf(verifier: Verifier, checks: readonly SignatureCheck[]): boolean[] {
  const bits = verifier.judge(groupOf(checks));
  expect(bits).toHaveLength(Math.ceil(checks.length / 8));
  return checks.map((_, at) => (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1);
}

describe("what spoils a claim", () => {
  it.each(Object.keys(SPOILS))("%s: nobody's, as noble says", (name) => {
    const claim = wrong[Object.keys(SPOILS).indexOf(name)];
    expect(claim).toBeDefined();
    if (claim && claim.digest.length === 66) {
      expect(recoverByNoble(claim.digest, claim.signature) === claim.by).toBe(false);
    }
  });
});

describe.each(VARIANTS)("a verifier on %s", (variant) => {
  // one for all groups: each finds the keys and tables that those before it left
  const verifier = new Verifier(startInstance(variant));

  it.each([0, 1, 2, 3, 4, 5, 8, 9, 31, 64, 255, 256, 257, COUNT])("takes %d right ones", (count) => {
    expect(verdictsOf(verifier, right.slice(0, count))).toEqual(Array(count).fill(true));
  });

  it("takes right ones of keys that it has never seen, in a group of every size", () => {
    for (const count of [1, 2, 7, 8, 9, 40, COUNT]) {
      expect(verdictsOf(new Verifier(verifier.instance), right.slice(0, count))).toEqual(
        Array(count).fill(true),
      );
    }
  });

  it.each([1, 3, 6, 20, 300])("finds every wrong one alone among %d", (count) => {
    const fresh = new Verifier(verifier.instance);
    for (const [at, bad] of wrong.entries()) {
      const place = (at * 7) % count;
      const group = right.slice(0, count).with(place, bad);
      for (const one of [fresh, verifier]) {
        expect(verdictsOf(one, group), Object.keys(SPOILS)[at]).toEqual(
          group.map((_, index) => index !== place),
        );
      }
    }
  });

  it("says of any mixture what noble says of each", () => {
    const pool = [...right.slice(0, 60), ...wrong];
    const expected = new Map(
      pool.map((claim) => {
        const signer = claim.digest.length === 66 ? recoverByNoble(claim.digest, claim.signature) : null;
        return [claim, signer === claim.by] as const;
      }),
    );
    const group = fc.array(fc.constantFrom(...pool), { maxLength: 90 });
    fc.assert(
      fc.property(fc.array(group, { maxLength: 4 }), fc.boolean(), (groups, isFresh) => {
        const one = isFresh ? new Verifier(verifier.instance) : verifier;
        for (const checks of groups) {
          expect(verdictsOf(one, checks)).toEqual(checks.map((claim) => expected.get(claim)));
        }
      }),
      { numRuns: 40 },
    );
  });

  it("takes one right signature any number of times over", () => {
    const [claim] = right;
    const group = claim ? Array<SignatureCheck>(300).fill(claim) : [];
    expect(verdictsOf(verifier, group)).toEqual(Array(300).fill(true));
    expect(verdictsOf(new Verifier(verifier.instance), group)).toEqual(Array(300).fill(true));
  });

  it("takes groups of more than one lot", () => {
    const many = Array.from({ length: 2_100 }, (_, at) => right[at % COUNT]).filter(
      (one) => one !== undefined,
    );
    const [bad] = wrong;
    const group = bad ? many.with(1_500, bad) : [];
    expect(verdictsOf(verifier, group)).toEqual(group.map((_, at) => at !== 1_500));
  });

  it("learns no key for an account that is not its own", () => {
    const fresh = new Verifier(verifier.instance);
    verdictsOf(fresh, wrong);
    const ends = wrong.filter(({ digest, signature, by }) => recoverByNoble(digest, signature) === by);
    expect(ends).toEqual([]);
    expect(fresh.keys.size).toBe(0);
  });
});
