/** Journal against chain: what is taken as it is, and what is told. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { amount } from "../../src/base/money.ts";
import { type Lane, type LaneSeen, newLane } from "../../src/payment/lane.ts";
import { compare, compareClosed } from "../../src/settlement/reconciliation.ts";

const A: Hex = `0x${"aa".repeat(20)}`;
const B: Hex = `0x${"bb".repeat(20)}`;

type Sums = { epoch?: number; deposit?: bigint; settled?: bigint; closeAt?: number; window?: number };

function seen({ epoch = 0, deposit = 100n, settled = 0n, closeAt = 0, window = 1 }: Sums): LaneSeen {
  return { epoch, deposit: amount(deposit), settled: amount(settled), closeAt, window };
}

function known(signed: bigint, sums: Sums = {}): Lane {
  return { ...newLane(A, B, A), ...seen(sums), signed: amount(signed) };
}

const theirs = { isOurs: false, isReorganized: false };
const ours = { isOurs: true, isReorganized: false };

describe("a lane in the same life", () => {
  it("that has not changed gives nothing", () => {
    expect(compare(known(50n), seen({}), ours)).toEqual({ steps: [], disagreement: null, isHeld: false });
  });

  it("with a claim of what the journal knows, a deposit or a close is taken as it is", () => {
    for (const now of [seen({ settled: 50n }), seen({ deposit: 200n }), seen({ closeAt: 9 })]) {
      expect(compare(known(50n), now, ours)).toEqual({ steps: [now], disagreement: null, isHeld: false });
    }
  });

  it("with a claim above what was signed: on a lane to us a voucher not seen, on our own a disagreement", () => {
    const now = seen({ settled: 60n });
    expect(compare(known(50n), now, theirs)).toEqual({ steps: [now], disagreement: null, isHeld: false });
    const disagreement = { of: "settled above what is signed", chain: 60n, journal: 50n };
    expect(compare(known(50n), now, ours)).toEqual({ steps: [now], disagreement, isHeld: false });
  });

  it("that has lost money is believed, and told unless blocks are gone", () => {
    const now = seen({ deposit: 0n });
    const disagreement = { of: "deposit", chain: 0n, journal: 100n };
    expect(compare(known(50n), now, theirs)).toEqual({ steps: [now], disagreement, isHeld: false });
    expect(compare(known(50n), now, { ...theirs, isReorganized: true })).toEqual({
      steps: [now],
      disagreement: null,
      isHeld: false,
    });
    const unsettled = compare(known(50n, { settled: 40n }), seen({ settled: 30n }), theirs);
    expect(unsettled.disagreement).toEqual({ of: "settled", chain: 30n, journal: 40n });
  });

  it("in an earlier life than the journal's is told, and not taken", () => {
    const disagreement = { of: "epoch", chain: 0n, journal: 1n };
    expect(compare(known(0n, { epoch: 1 }), seen({}), theirs)).toEqual({
      steps: [],
      disagreement,
      isHeld: false,
    });
  });
});

describe("a lane that was closed while nobody looked", () => {
  it("shows what its old life paid at last, then the new one", () => {
    const now = seen({ epoch: 1, deposit: 7n });
    const found = compareClosed(
      known(90n, { settled: 10n }),
      now,
      [{ epoch: 0, settled: amount(90n) }],
      theirs,
    );
    expect(found.steps).toEqual([seen({ settled: 90n, closeAt: 1 }), now]);
    expect(found.disagreement).toBeNull();
  });

  it("several times shows every life in order", () => {
    const now = seen({ epoch: 3, deposit: 0n });
    const ends = [2, 0, 1].map((epoch) => ({ epoch, settled: amount(BigInt(epoch * 10)) }));
    const found = compareClosed(known(0n, { closeAt: 5 }), now, ends, theirs);
    expect(found.steps.map(({ epoch, settled }) => [epoch, settled])).toEqual([
      [1, 10n],
      [2, 20n],
      [3, 0n],
    ]);
  });

  it("and whose end is not found takes nothing more, and is not taken for void", () => {
    const found = compareClosed(known(90n), seen({ epoch: 1 }), [], theirs);
    expect(found.steps).toEqual([seen({ closeAt: 1 })]);
    expect(found.isHeld).toBe(true);
    expect(found.disagreement).toEqual({ of: "epoch", chain: 1n, journal: 0n });
    expect(compareClosed(known(90n, { closeAt: 1 }), seen({ epoch: 1 }), [], theirs).steps).toEqual([]);
  });

  it("and paid more than we signed on it is told", () => {
    const ends = [{ epoch: 0, settled: amount(91n) }];
    const found = compareClosed(known(90n), seen({ epoch: 1, deposit: 0n }), ends, ours);
    expect(found.disagreement).toEqual({ of: "settled above what is signed", chain: 91n, journal: 90n });
  });
});

describe("whatever changes", () => {
  it("the last step is what the chain shows, or the lane is told of", () => {
    const sum = fc.bigInt({ min: 0n, max: 200n });
    const sums = fc.record({
      epoch: fc.integer({ min: 0, max: 3 }),
      deposit: sum,
      settled: sum,
      closeAt: fc.constantFrom(0, 9),
    });
    const holds = (before: Sums, now: Sums, signed: bigint, isOurs: boolean) => {
      const lane = known(signed, before);
      const shown = seen(now);
      const terms = { isOurs, isReorganized: false };
      const ends = Array.from({ length: shown.epoch }, (_, epoch) => ({ epoch, settled: amount(1n) }));
      const isClosed = shown.epoch > lane.epoch;
      const { steps, disagreement } = isClosed
        ? compareClosed(lane, shown, ends, terms)
        : compare(lane, shown, terms);
      const last = steps.at(-1) ?? seen(before);
      if (disagreement === null) {
        expect(last).toEqual(shown);
        if (isOurs && !isClosed) expect(shown.settled).toBeLessThanOrEqual(lane.signed);
      }
      expect(steps.map(({ epoch }) => epoch)).toEqual([...steps.map(({ epoch }) => epoch)].sort());
    };
    fc.assert(fc.property(sums, sums, sum, fc.boolean(), holds));
  });
});
