import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { amount } from "../../src/base/money.ts";
import { isRefusal } from "../../src/base/refusal.ts";
import { type Lane, misplaced, newLane, observe, roomOf, signedWith, worth } from "../../src/payment/lane.ts";
import type { Voucher } from "../../src/protocol/voucher.ts";

const address = (fill: string): Hex => `0x${fill.repeat(20)}`;
const PAYER = address("a1");
const PAYEE = address("b2");
const TOKEN = address("c3");

const laneWith = (change: Partial<Lane>): Lane => ({ ...newLane(PAYER, PAYEE, TOKEN), ...change });
const VENUE = { chainId: 5, vault: address("d4") };
const unsigned = (cumulative: bigint, change: Partial<Omit<Voucher, "signature" | "cumulative">> = {}) => ({
  ...VENUE,
  ...{ payee: PAYEE, token: TOKEN, epoch: 0, cumulative: amount(cumulative) },
  ...change,
});
const voucher = (cumulative: bigint, epoch = 0) => ({
  ...unsigned(cumulative, { epoch }),
  signature: `0x${"00".repeat(65)}` as const,
});
const seen = (epoch: number, deposit: bigint, settled: bigint, closeAt = 0) => ({
  epoch,
  deposit: amount(deposit),
  settled: amount(settled),
  closeAt,
  window: 2,
});

describe("a voucher", () => {
  const lane = laneWith({ deposit: amount(100n), signed: amount(40n) });

  it("is worth what it adds to its lane", () => {
    expect(worth(lane, unsigned(41n))).toBe(1n);
    expect(worth(lane, unsigned(100n))).toBe(60n);
  });

  it.each([
    ["signs nothing more", unsigned(40n), "voucher_stale"],
    ["signs less", unsigned(39n), "voucher_stale"],
    ["signs more than is there", unsigned(101n), "voucher_over_deposit"],
  ])("that %s is refused", (_, offered, refused) => {
    expect(worth(lane, offered)).toMatchObject({ refused });
  });

  it.each([
    ["epoch", { epoch: 1 }],
    ["payee", { payee: PAYER }],
    ["token", { token: PAYER }],
    ["vault", { vault: PAYER }],
    ["chain", { chainId: 6 }],
  ])("of another %s is refused by that name", (name, change) => {
    expect(misplaced(lane, VENUE, unsigned(50n))).toBeNull();
    expect(misplaced(lane, VENUE, unsigned(50n, change))).toMatchObject({ refused: `voucher_wrong_${name}` });
  });

  it("takes the room that it is worth", () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 200n),
        fc.bigInt(0n, 200n),
        fc.bigInt(0n, 200n),
        (deposit, signed, cumulative) => {
          fc.pre(signed <= deposit);
          const before = laneWith({ deposit: amount(deposit), signed: amount(signed) });
          const gain = worth(before, unsigned(cumulative));
          expect(isRefusal(gain)).toBe(!(cumulative > signed && cumulative <= deposit));
          if (isRefusal(gain)) return;
          const after = signedWith(before, voucher(cumulative));
          expect(roomOf(before) - roomOf(after)).toBe(gain);
          expect(after.newest).toEqual(voucher(cumulative));
        },
      ),
    );
  });
});

describe("a lane", () => {
  it("has no room while it is closing, or with less deposit than was signed", () => {
    expect(roomOf(laneWith({ deposit: amount(10n), signed: amount(4n) }))).toBe(6n);
    expect(roomOf(laneWith({ deposit: amount(10n), signed: amount(4n), closeAt: 1 }))).toBe(0n);
    expect(roomOf(laneWith({ deposit: amount(3n), signed: amount(4n) }))).toBe(0n);
  });

  it("keeps what was signed when the chain shows a deposit, a claim or its closing", () => {
    const lane = signedWith(laneWith({ deposit: amount(10n) }), voucher(7n));
    const later = observe(lane, seen(0, 20n, 5n, 99));
    expect(later).toEqual({ ...lane, deposit: 20n, settled: 5n, closeAt: 99, window: 2 });
  });

  it("forgets vouchers of the epoch before", () => {
    const lane = signedWith(laneWith({ deposit: amount(10n) }), voucher(7n));
    expect(observe(lane, seen(1, 30n, 0n))).toMatchObject({ epoch: 1, signed: 0n, newest: null });
    expect(worth(observe(lane, seen(1, 30n, 0n)), unsigned(7n, { epoch: 1 }))).toBe(7n);
  });

  it("has signed at least what was claimed, even where the voucher is not known any more", () => {
    expect(observe(laneWith({}), seen(0, 10n, 6n)).signed).toBe(6n);
  });
});
