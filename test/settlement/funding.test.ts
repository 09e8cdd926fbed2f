/** What the gateway's own lanes get from its vault. */
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { amount } from "../../src/base/money.ts";
import { newLane } from "../../src/payment/lane.ts";
import { affordable, topUps } from "../../src/settlement/funding.ts";

const GATEWAY: Hex = `0x${"aa".repeat(20)}`;
const DEVICE: Hex = `0x${"bb".repeat(20)}`;

type Shape = { signed?: bigint; deposit?: bigint; epoch?: number; closeAt?: number; window?: number };

function wanted({ signed = 0n, deposit = 0n, epoch = 0, closeAt = 0, window = 0 }: Shape) {
  const head = { settled: amount(0n), deposit: amount(deposit), closeAt, window, epoch };
  const known = { ...newLane(GATEWAY, DEVICE, GATEWAY), epoch, signed: amount(signed) };
  return topUps([{ known, head }], { laneDeposit: amount(100n), window: 2 });
}

describe("a lane of the gateway's", () => {
  it("that never was open is opened in the configured window", () => {
    expect(wanted({})).toEqual([{ payee: DEVICE, amount: 100n, window: 2, opens: true }]);
  });

  it("is topped up in its own window when less than half of its room is left", () => {
    expect(wanted({ deposit: 100n, signed: 50n, window: 3 })).toEqual([]);
    expect(wanted({ deposit: 100n, signed: 51n, window: 3 })).toEqual([
      { payee: DEVICE, amount: 51n, window: 3, opens: false },
    ]);
  });

  it("that is closing, or was closed, gets nothing", () => {
    expect(wanted({ deposit: 100n, signed: 90n, closeAt: 7 })).toEqual([]);
    expect(wanted({ epoch: 1 })).toEqual([]);
    expect(wanted({ epoch: 1, deposit: 10n })).toHaveLength(1);
  });

  it("is paid in turn, as far as the budget goes", () => {
    const rows = [30n, 50n, 30n].map((sum) => ({ payee: DEVICE, amount: amount(sum), window: 0 }));
    expect(affordable(rows, 110n)).toHaveLength(3);
    expect(affordable(rows, 109n)).toHaveLength(2);
    expect(affordable(rows, 0n)).toEqual([]);
  });
});
