/** When a lane is claimed: examples, and laws over any lanes at any price of gas. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { WINDOW_SECONDS } from "../../src/payment/lane.ts";
import { MAX_CLAIM_ROWS } from "../../src/settlement/claim-batch.ts";
import {
  batchesOf,
  type Claimable,
  type ClaimTerms,
  costOf,
  leastDeposit,
  planClaims,
  worthOf,
} from "../../src/settlement/claim-policy.ts";

const GATEWAY: Hex = `0x${"aa".repeat(20)}`;
const TOKEN: Hex = `0x${"cc".repeat(20)}`;
const VAULT: Hex = `0x${"dd".repeat(20)}`;
const HOUR = 3_600_000;
const NOW = 100 * 24 * HOUR;

function addressOf(index: number): Hex {
  return `0x${index.toString(16).padStart(40, "0")}`;
}

type Shape = {
  index?: number;
  settled?: bigint;
  signed: bigint;
  deposit?: bigint;
  closeAt?: number;
  window?: number;
  out?: boolean;
};

function lane({
  index = 1,
  settled = 0n,
  signed,
  deposit = 10n ** 9n,
  closeAt = 0,
  window = 1,
  out,
}: Shape): Claimable {
  const [payer, payee] = out ? [GATEWAY, addressOf(index)] : [addressOf(index), GATEWAY];
  const venue = { chainId: 1, vault: VAULT, token: TOKEN };
  const newest = { ...venue, payee, epoch: 0, cumulative: amount(signed), signature: "0x" as Hex };
  const money = { deposit: amount(deposit), settled: amount(settled), signed: amount(signed) };
  return { payer, payee, token: TOKEN, epoch: 0, ...money, closeAt, window, newest };
}

/** Gas at 10 gwei and a coin at 3,000 of a token with six decimals: a row of the gateway's costs 303,000. */
function terms(changes: Partial<ClaimTerms> = {}): ClaimTerms {
  return {
    ...{ gasPrice: 10_000_000_000n, coinPrice: amount(3_000_000_000n), now: instant(NOW) },
    ...{ everyMs: 24 * HOUR, claimGain: 20, isAsked: false, gateway: GATEWAY },
    waitingSince: () => instant(NOW),
    ...changes,
  };
}

function reasons(lanes: readonly Claimable[], changes: Partial<ClaimTerms> = {}) {
  return planClaims(lanes, terms(changes)).map(({ reason }) => reason);
}

describe("a lane is claimed", () => {
  it("when it brings twenty times its gas, and not one unit below", () => {
    expect(planClaims([lane({ signed: 6_060_000n })], terms())).toMatchObject([
      { value: 6_060_000n, gas: 10_100n, cost: 303_000n, reason: "value" },
    ]);
    expect(reasons([lane({ signed: 6_059_999n })])).toEqual([null]);
  });

  it("at more, when its payee is one of its own", () => {
    expect(reasons([lane({ signed: 11_099_999n, out: true })])).toEqual([null]);
    expect(reasons([lane({ signed: 11_100_000n, out: true })])).toEqual(["value"]);
  });

  it("at once when it is closing, whatever it brings, the first to end first", () => {
    const lanes = [
      lane({ index: 1, signed: 10n ** 8n }),
      lane({ index: 2, signed: 5n, closeAt: 2_000 }),
      lane({ index: 3, signed: 1n, closeAt: 1_000 }),
    ];
    const plan = planClaims(lanes, terms());
    expect(plan.map(({ reason }) => reason)).toEqual(["closing", "closing", "value"]);
    expect(plan.map(({ lane: { closeAt } }) => closeAt)).toEqual([1_000, 2_000, 0]);
  });

  it("when it has waited a quarter of its window, or as long as anything may", () => {
    const waited = (hours: number) => ({ waitingSince: () => instant(NOW - hours * HOUR) });
    expect(reasons([lane({ signed: 400_000n })], waited(5.9))).toEqual([null]);
    expect(reasons([lane({ signed: 400_000n })], waited(6))).toEqual(["age"]);
    expect(reasons([lane({ signed: 400_000n, window: 0 })], waited(0.25))).toEqual(["age"]);
    expect(reasons([lane({ signed: 400_000n, window: 3 })], waited(23))).toEqual([null]);
    expect(reasons([lane({ signed: 400_000n, window: 3 })], waited(24))).toEqual(["age"]);
  });

  it("not for its age when it would cost more than it brings", () => {
    expect(reasons([lane({ signed: 302_999n })], { waitingSince: () => instant(0) })).toEqual([null]);
    expect(reasons([lane({ signed: 1n })], { waitingSince: () => instant(0), coinPrice: null })).toEqual([
      "age",
    ]);
  });

  it("once when its payer has signed four fifths of the deposit", () => {
    const full = { deposit: 1_000_000n };
    expect(reasons([lane({ ...full, signed: 800_000n })])).toEqual(["room"]);
    expect(reasons([lane({ ...full, signed: 799_999n })])).toEqual([null]);
    expect(reasons([lane({ ...full, signed: 1_000_000n, settled: 800_000n })])).toEqual([null]);
  });

  it("in company when a transaction goes anyway and it pays for its own gas", () => {
    const lanes = [
      lane({ index: 1, signed: 10n ** 8n }),
      lane({ index: 2, signed: 303_000n }),
      lane({ index: 3, signed: 302_999n }),
    ];
    expect(reasons(lanes)).toEqual(["value", "company", null]);
  });

  it("when the operator asks, dust and all", () => {
    expect(reasons([lane({ signed: 1n })], { isAsked: true })).toEqual(["asked"]);
  });

  it("never for more than is deposited", () => {
    expect(worthOf(lane({ signed: 500n, deposit: 300n, settled: 100n }))).toBe(200n);
    expect(reasons([lane({ signed: 500n, deposit: 300n, settled: 300n })], { isAsked: true })).toEqual([]);
  });
});

describe("a lane's least deposit", () => {
  it("is a multiple of what claiming it costs", () => {
    const gas = { gasPrice: 10_000_000_000n, gateway: GATEWAY };
    expect(leastDeposit({ payee: GATEWAY }, { ...gas, coinPrice: amount(3_000_000_000n) }, 50)).toBe(
      15_150_000n,
    );
    expect(leastDeposit({ payee: GATEWAY }, { ...gas, coinPrice: null }, 50)).toBe(0n);
  });

  it("rounds costs up", () => {
    expect(costOf(1n, { gasPrice: 1n, coinPrice: amount(1n) })).toBe(1n);
    expect(costOf(0n, { gasPrice: 1n, coinPrice: amount(1n) })).toBe(0n);
  });
});

const anyLane = fc
  .record({
    index: fc.integer({ min: 1, max: 50 }),
    sums: fc.tuple(...[1, 2, 3].map(() => fc.bigInt({ min: 0n, max: 10n ** 12n }))),
    closeAt: fc.constantFrom(0, 0, 0, 5_000),
    window: fc.integer({ min: 0, max: 3 }),
    out: fc.boolean(),
  })
  .map(({ sums, ...rest }) => {
    const [settled = 0n, signed = 0n, deposit = 0n] = sums.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    return lane({ settled, signed, deposit, ...rest });
  });

const anyTerms = fc.record({
  gasPrice: fc.bigInt({ min: 1n, max: 10n ** 12n }),
  coinPrice: fc.option(fc.bigInt({ min: 1n, max: 10n ** 11n }).map(amount)),
  waited: fc.integer({ min: 0, max: 10 * 24 * HOUR }),
  claimGain: fc.double({ min: 1, max: 100, noNaN: true }),
  isAsked: fc.boolean(),
});

describe("at any price and age", () => {
  it("what is claimed for its worth brings its gas, what is closing goes, and nobody waits past its window's quarter", () => {
    const check = (lanes: Claimable[], { waited, ...rest }: { waited: number } & Partial<ClaimTerms>) => {
      const plan = planClaims(lanes, terms({ ...rest, waitingSince: () => instant(NOW - waited) }));
      expect(plan).toHaveLength(lanes.filter((each) => worthOf(each) > 0n).length);
      const isGoing = plan.some(({ reason }) => reason !== null);
      for (const { lane: each, value, cost, reason } of plan) {
        expect(value).toBe(worthOf(each));
        if (each.closeAt !== 0) expect(reason).toBe("closing");
        if (rest.isAsked) expect(reason).not.toBeNull();
        const pays = cost === null || value >= cost;
        if (reason === null) {
          expect(isGoing && pays).toBe(false);
          const quarter = ((WINDOW_SECONDS[each.window] ?? 0) * 1_000) / 4;
          expect(pays && waited >= quarter).toBe(false);
        } else if (reason !== "closing" && reason !== "asked") {
          expect(pays).toBe(true);
        }
      }
      const ranks = plan.map(({ reason }) => (reason === "closing" ? 0 : reason === null ? 2 : 1));
      expect(ranks).toEqual([...ranks].sort());
    };
    fc.assert(fc.property(fc.array(anyLane, { maxLength: 12 }), anyTerms, check));
  });

  it("every lane is in one batch, and none is too large", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 * MAX_CLAIM_ROWS }), (count) => {
        const lanes = Array.from({ length: count }, (_, index) => lane({ index, signed: 5n }));
        const batches = batchesOf(lanes);
        expect(batches.flat()).toEqual(lanes);
        expect(batches.every(({ length }) => length > 0 && length <= MAX_CLAIM_ROWS)).toBe(true);
      }),
      { numRuns: 10 },
    );
  });
});
