import { beforeAll, describe, expect, it } from "vitest";
import { startInstance } from "../../src/kernels/kernels.ts";
import { groupOf, type SignatureCheck } from "../../src/kernels/signature-group.ts";
import { Verifier } from "../../src/kernels/verifier.ts";
import { rightClaims } from "./claims.ts";

const KEYS = 12;
const EACH = 24;

/** Of each key, its claims. */
let claims: readonly (readonly SignatureCheck[])[];
const instance = startInstance("base");
const TABLE = instance.prepareCurve().tables.length;

beforeAll(async () => {
  const all = await rightClaims(KEYS * EACH, KEYS);
  claims = Array.from({ length: KEYS }, (_, key) => all.filter((_, at) => at % KEYS === key));
});

const of = (key: number, count: number) => claims[key]?.slice(0, count) ?? [];

/** A claim of one key that its neighbour made. */
function forged(key: number): SignatureCheck {
  const [own, other] = [of(key, 1)[0], of((key + 1) % KEYS, 1)[0]];
  if (!own || !other) throw new Error("no claims");
  return { ...other, by: own.by };
}

const countRight = (verifier: Verifier, checks: readonly SignatureCheck[]) => {
  const bits = verifier.judge(groupOf(checks));
  return checks.filter((_, at) => ((bits[at >> 3] ?? 0) >> (at & 7)) & 1).length;
};

const capped = (tables: number, keys = 100) => new Verifier(instance, { tables: tables * TABLE, keys });

describe("known keys", () => {
  it("get a table once they come back, not on first sight", () => {
    const verifier = capped(4);
    expect(countRight(verifier, of(0, 2))).toBe(2);
    expect(verifier.keys).toMatchObject({ size: 1, tableBytes: 0 });
    expect(countRight(verifier, of(0, EACH))).toBe(EACH);
    expect(verifier.keys).toMatchObject({ size: 1, tableBytes: TABLE });
  });

  it("stay below the cap whatever comes, and every verdict stays right while tables go from key to key", () => {
    const verifier = capped(3);
    for (const key of [0, 1, 2, 3, 4, 0, 5, 1, 6, 2, 2, 7, 0, 8, 9, 10, 11, 3, 4, 0]) {
      const group = [...of(key, EACH), forged(key)];
      expect(countRight(verifier, group)).toBe(EACH);
      expect(verifier.keys.tableBytes).toBeLessThanOrEqual(3 * TABLE);
      // now by the table that was just built, and one by one
      expect(countRight(verifier, of(key, 2))).toBe(2);
      expect(countRight(verifier, [forged(key)])).toBe(0);
    }
    expect(verifier.keys).toMatchObject({ size: KEYS, tableBytes: 3 * TABLE });
  });

  it("use memory again that others gave back", () => {
    const verifier = capped(2);
    for (let key = 0; key < KEYS; key++) countRight(verifier, of(key, EACH));
    const { size } = instance.memory;
    for (let round = 0; round < 3; round++) {
      for (let key = 0; key < KEYS; key++) expect(countRight(verifier, of(key, EACH))).toBe(EACH);
    }
    expect(instance.memory.size).toBe(size);
  });

  it("lose no table to a key of the same group", () => {
    const verifier = capped(3);
    const everyone = claims.flatMap((_, key) => [...of(key, EACH), forged(key)]);
    for (let round = 0; round < 3; round++) {
      expect(countRight(verifier, everyone)).toBe(KEYS * EACH);
      expect(verifier.keys.tableBytes).toBe(3 * TABLE);
    }
  });

  it("keep their table within a group, even where a new one has no room", () => {
    const verifier = capped(10, 1);
    for (let round = 0; round < 2; round++) expect(countRight(verifier, of(0, EACH))).toBe(EACH);
    expect(verifier.keys.tableBytes).toBe(TABLE);
    const group = [...of(0, EACH), ...of(1, EACH)];
    expect(countRight(verifier, group)).toBe(2 * EACH);
    const asOther = of(1, EACH).map((claim) => ({ ...claim, by: of(0, 1)[0]?.by ?? "0x" }));
    expect(countRight(verifier, [...group, ...asOther])).toBe(2 * EACH);
  });

  it("do without tables when the cap has no room for one", () => {
    const verifier = capped(0.9);
    expect(countRight(verifier, [...of(0, EACH), forged(0)])).toBe(EACH);
    expect(countRight(verifier, [...of(0, EACH), forged(0)])).toBe(EACH);
    expect(verifier.keys.tableBytes).toBe(0);
  });

  it("earn a new table after they lost one", () => {
    const verifier = capped(1);
    countRight(verifier, of(0, EACH));
    countRight(verifier, of(1, EACH));
    const before = verifier.keys.tableBytes;
    expect(countRight(verifier, of(0, 2))).toBe(2);
    expect(verifier.keys.use(of(0, 1)[0]?.by ?? "0x", 0)?.table).toBe(0);
    expect(verifier.keys.use(of(1, 1)[0]?.by ?? "0x", 0)?.table).toBeGreaterThan(0);
    expect(before).toBe(TABLE);
  });

  it("are forgotten from the longest unused on when there are too many", () => {
    const verifier = capped(3, 4);
    for (let key = 0; key < 6; key++) expect(countRight(verifier, of(key, EACH))).toBe(EACH);
    expect(verifier.keys.size).toBe(4);
    const isKnown = (key: number) => verifier.keys.use(of(key, 1)[0]?.by ?? "0x", 0) !== null;
    expect([0, 1, 2, 3, 4, 5].map(isKnown)).toEqual([false, false, true, true, true, true]);
    expect(countRight(verifier, [...of(0, EACH), forged(0)])).toBe(EACH);
    expect(verifier.keys.size).toBe(4);
    const { size } = instance.memory;
    for (let key = 0; key < KEYS; key++) expect(countRight(verifier, of(key, EACH))).toBe(EACH);
    expect(instance.memory.size).toBe(size);
  });

  it("may be more in one group than are remembered", () => {
    const verifier = capped(3, 4);
    const everyone = claims.flatMap((_, key) => [...of(key, 2), forged(key)]);
    for (let round = 0; round < 3; round++) expect(countRight(verifier, everyone)).toBe(2 * KEYS);
    countRight(verifier, of(0, 1));
    expect(countRight(verifier, [...of(1, 1), forged(2)])).toBe(1);
  });
});
