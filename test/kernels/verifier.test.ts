import fc from "fast-check";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { startInstance } from "../../src/kernels/kernels.ts";
import { groupOf, type SignatureCheck } from "../../src/kernels/signature-group.ts";
import { VARIANTS } from "../../src/kernels/variant.ts";
import { FORGIVEN_AFTER, Verifier } from "../../src/kernels/verifier.ts";
import { N, recoverByNoble, rightClaims, SPOILS, watchCalls } from "./claims.ts";

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

/** A claim whose digest is off by `by` times its s, so that its point is off by `by` times the generator. */
function shifted(claim: SignatureCheck, by: bigint): SignatureCheck {
  const s = BigInt(`0x${claim.signature.slice(66, 130)}`);
  const digest = (((BigInt(claim.digest) + by * s) % N) + N) % N;
  return { ...claim, digest: `0x${digest.toString(16).padStart(64, "0")}` as Hex };
}

/** What the kernels get when a batch is judged, and what had been in its places when its coefficients were drawn. */
function watchDraws(verifier: Verifier) {
  const { instance } = verifier;
  const { exports } = instance;
  const seen: { drawn: Uint8Array; judged: Uint8Array; coefficients: Uint8Array }[] = [];
  let memory = new Uint8Array();
  const draw = crypto.getRandomValues.bind(crypto);
  const spy = vi.spyOn(crypto, "getRandomValues").mockImplementation((into) => {
    memory = instance.memory.bytes.slice();
    return draw(into);
  });
  const verifyBatch: typeof exports.verifyBatch = (...args) => {
    const [count, signatures, parities, digests, keys, keyCount, terms, , coefficients] = args;
    const columns = [
      [signatures, 64 * count],
      [parities, count],
      [digests, 32 * count],
      [keys, 4 * count],
      [terms, 4 * keyCount],
    ] as const;
    const taken = (from: Uint8Array) =>
      Uint8Array.from(columns.flatMap(([at, length]) => [...from.subarray(at, at + length)]));
    const { bytes } = instance.memory;
    const weights = bytes.slice(coefficients, coefficients + 16 * count);
    seen.push({ drawn: taken(memory), judged: taken(bytes), coefficients: weights });
    return exports.verifyBatch(...args);
  };
  Object.assign(instance, { exports: { ...exports, verifyBatch } });
  return { seen, end: () => spy.mockRestore() };
}

describe.each(VARIANTS)("a batch on %s", (variant) => {
  const start = () => new Verifier(startInstance(variant));
  const all = (count: number) => Array<boolean>(count).fill(true);

  it("takes no two wrong ones that cancel when all weigh the same", () => {
    const verifier = start();
    const group = right.slice(0, 200);
    expect(verdictsOf(verifier, group)).toEqual(all(200));
    const calls = watchCalls(verifier.instance);
    // by the same key, and by two
    for (const [a, b] of [
      [7, 14],
      [10, 11],
    ] as const) {
      const fresh = new Verifier(verifier.instance);
      verdictsOf(fresh, group);
      calls();
      const [one, other] = [right[a], right[b]];
      const forged = one && other ? group.with(a, shifted(one, 777n)).with(b, shifted(other, -777n)) : [];
      expect(verdictsOf(fresh, forged)).toEqual(all(200).with(a, false).with(b, false));
      expect(calls().verifyBatch).toEqual([200]);
    }
  });

  it("draws its coefficients when all that they weigh is in place, anew for each", () => {
    const verifier = start();
    const { seen, end } = watchDraws(verifier);
    try {
      for (const from of [0, 100, 100]) verdictsOf(verifier, right.slice(from, from + 200));
    } finally {
      end();
    }
    expect(seen).toHaveLength(3);
    for (const { drawn, judged } of seen) expect(Buffer.compare(drawn, judged)).toBe(0);
    const weights = seen.flatMap(({ coefficients }) =>
      Array.from({ length: coefficients.length / 16 }, (_, at) => coefficients.slice(16 * at, 16 * at + 16)),
    );
    expect(new Set(weights.map(String)).size).toBe(weights.length);
    expect(weights.length).toBeGreaterThan(3 * 190);
  });

  it("is how many are judged, with tables and without", () => {
    const verifier = new Verifier(startInstance(variant), { tables: 0, keys: 100 });
    const calls = watchCalls(verifier.instance);
    verdictsOf(verifier, right.slice(0, 15));
    expect(calls()).toEqual({ recoverOne: expect.any(Array), verifyBatch: [8] });
    verdictsOf(verifier, right.slice(0, 7));
    expect(calls()).toEqual({ verifyOne: Array(7).fill(expect.any(Number)) });
    verdictsOf(verifier, right.slice(0, 300));
    expect(calls()).toEqual({ verifyBatch: [300] });
    const withTables = new Verifier(verifier.instance);
    verdictsOf(withTables, right);
    calls();
    for (const [count, way] of [
      [3, { verifyKnown: Array(3).fill(expect.any(Number)) }],
      [4, { verifyComb: [4] }],
      [127, { verifyComb: [127] }],
      [128, { verifyBatch: [128] }],
    ] as const) {
      verdictsOf(withTables, right.slice(0, count));
      expect(calls()).toEqual(way);
    }
  });
});

/** Claims of the key that takes the `key`th turn of seven. */
const ofKey = (key: number) => right.filter((_, at) => at % 7 === key);

describe("a key", () => {
  const instance = startInstance("base");
  const calls = watchCalls(instance);
  const withTables = () => new Verifier(instance);
  const without = () => new Verifier(instance, { tables: 0, keys: 100 });
  const spoil = (at: number) => {
    const claim = right[at];
    return claim ? right.with(at, shifted(claim, 1n)) : [];
  };
  const verdicts = (verifier: Verifier, checks: readonly SignatureCheck[]) => {
    calls();
    return verdictsOf(verifier, checks);
  };

  it.each([
    ["with tables", withTables],
    ["without tables", without],
  ])(
    "that has spoiled a batch costs the exact way once, and stays out of the next ones, %s",
    (name, open) => {
      const verifier = open();
      verdicts(verifier, right);
      const expected = right.map((_, at) => at !== 9);
      expect(verdicts(verifier, spoil(9))).toEqual(expected);
      const exactly = (count: number) =>
        name === "with tables"
          ? { verifyComb: [count] }
          : { verifyOne: Array(count).fill(expect.any(Number)) };
      expect(calls()).toEqual({ verifyBatch: [COUNT], ...exactly(COUNT) });
      const doubted = ofKey(2).length;
      // again, and then nothing wrong: the others' batch is not spoiled any more
      for (const group of [spoil(9), right]) {
        const found = verdicts(verifier, group);
        expect(found).toEqual(group === right ? right.map(() => true) : expected);
        expect(calls()).toEqual({ verifyBatch: [COUNT - doubted], ...exactly(doubted) });
      }
    },
  );

  it("is forgiven after so many right signatures", () => {
    const verifier = without();
    verdicts(verifier, right);
    verdicts(verifier, spoil(9));
    const own = ofKey(2);
    const group = Array.from(
      { length: FORGIVEN_AFTER - 1 },
      (_, at) => own[at % own.length] ?? own[0],
    ).filter((one) => one !== undefined);
    verdicts(verifier, group);
    expect(calls().verifyBatch).toBeUndefined();
    verdicts(verifier, right);
    expect(calls().verifyBatch).toEqual([COUNT - own.length]);
    verdicts(verifier, right);
    expect(calls()).toEqual({ verifyBatch: [COUNT] });
  });

  it.each([
    ["with tables", withTables],
    ["without tables", without],
  ])("is not doubted for what spoiled no batch: anybody can name it, %s", (_, open) => {
    const verifier = open();
    verdicts(verifier, right);
    for (let key = 0; key < 7; key++) {
      const [claim] = ofKey(key);
      const bad = claim ? [shifted(claim, 1n)] : [];
      expect(verdicts(verifier, bad)).toEqual([false]);
      expect(verdicts(verifier, [...bad, ...bad, ...bad, ...bad, ...bad])).toEqual(Array(5).fill(false));
    }
    verdicts(verifier, right);
    expect(calls()).toEqual({ verifyBatch: [COUNT] });
  });
});

describe("a guest", () => {
  const guestVerdicts = (verifier: Verifier, checks: readonly SignatureCheck[]) => {
    const bits = verifier.judgeGuests(groupOf(checks));
    return checks.map((_, at) => (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1);
  };

  it("is judged as everybody is, known or not, with a table or without", () => {
    const instance = startInstance("base");
    const checks = [...right.slice(0, 9), ...wrong];
    const expected = checks.map((_, at) => at < 9);
    const verifier = new Verifier(instance);
    expect(guestVerdicts(verifier, checks)).toEqual(expected);
    verdictsOf(verifier, right.slice(0, 20));
    expect(guestVerdicts(verifier, checks)).toEqual(expected);
    verdictsOf(verifier, right);
    expect(guestVerdicts(verifier, checks)).toEqual(expected);
    const calls = watchCalls(instance);
    guestVerdicts(verifier, right.slice(0, 3));
    expect(calls()).toEqual({ verifyKnown: Array(3).fill(expect.any(Number)) });
  });

  it("is not remembered, and moves nobody's key or table", () => {
    const instance = startInstance("base");
    const table = instance.prepareCurve().tables.length;
    const verifier = new Verifier(instance, { tables: table, keys: 2 });
    verdictsOf(verifier, ofKey(0));
    verdictsOf(verifier, ofKey(1).slice(0, 1));
    const { size } = instance.memory;
    for (let round = 0; round < 3; round++) guestVerdicts(verifier, right);
    expect(verifier.keys).toMatchObject({ size: 2, tableBytes: table });
    expect(instance.memory.size).toBe(size);
    const found = [0, 1].map((key) => verifier.keys.find(ofKey(key)[0]?.by ?? "0x"));
    expect(found.map((key) => key?.uses)).toEqual([ofKey(0).length, 1]);
    // the one that was unused for longest is still the first to go
    verdictsOf(verifier, ofKey(2).slice(0, 1));
    expect(verifier.keys.find(ofKey(0)[0]?.by ?? "0x")).toBeNull();
  });
});
