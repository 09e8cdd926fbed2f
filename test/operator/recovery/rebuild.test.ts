import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { replay } from "../../../src/exchange/replay.ts";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { verifyJournal } from "../../../src/journal/verify.ts";
import {
  foundLanes,
  type RebuildSources,
  rebuild,
  type SeenLane,
} from "../../../src/operator/recovery/rebuild.ts";
import { recoveryOf, totalOf } from "../../../src/payment/books.ts";
import { reconcile } from "../../../src/payment/reconcile.ts";
import type { FactNamed } from "../../../src/protocol/facts.ts";
import { keySigner, type Signer } from "../../../src/protocol/signer.ts";
import { type Voucher, voucherDigest } from "../../../src/protocol/voucher.ts";

const signerOf = (fill: number) => keySigner(new Uint8Array(32).fill(fill));
const GATEWAY = signerOf(1);
const ROBOT = signerOf(2);
const BOARD = signerOf(3);
const STRANGER = signerOf(4);

const MARKET = {
  gateway: GATEWAY.address,
  chainId: 31_337,
  vault: `0x${"aa".repeat(20)}`,
  token: `0x${"bb".repeat(20)}`,
} as const;

async function voucherOf(
  payer: Signer,
  payee: Hex,
  cumulative: bigint,
  over: Partial<Voucher> = {},
): Promise<Voucher> {
  const { chainId, vault, token } = MARKET;
  const unsigned = { chainId, vault, token, payee, epoch: 0, cumulative: amount(cumulative), ...over };
  return { ...unsigned, signature: await payer.sign(voucherDigest(unsigned)) };
}

function laneOf(payer: Signer, payee: Signer, deposit: bigint, settled: bigint, epoch = 0): SeenLane {
  const state = { epoch, deposit: amount(deposit), settled: amount(settled), closeAt: 0, window: 1 };
  return { payer: payer.address, payee: payee.address, token: MARKET.token, ...state, block: 12 };
}

function enrolment(device: Hex, name: string): FactNamed<"deviceEnrolled"> {
  return { kind: "deviceEnrolled", device, owner: null, name, manufacturer: "acme", serialNumber: name };
}

function rebuilt(over: Partial<RebuildSources>, vouchers: readonly Voucher[] = []) {
  const result = rebuild({
    market: MARKET,
    started: { decimals: 6, feeBasisPoints: 100 },
    at: instant(1_795_341_600_000),
    lanes: [laneOf(ROBOT, GATEWAY, 1_000n, 300n), laneOf(GATEWAY, BOARD, 1_000n, 200n)],
    vouchers: vouchers.map((voucher, at) => ({ voucher, file: `file-${at}` })),
    devices: [enrolment(ROBOT.address, "robot-1")],
    keepsCredit: true,
    reason: "rebuilt",
    ...over,
  });
  const lanes = foundLanes(result.state, MARKET);
  const of = (direction: "in" | "out", device: Signer) =>
    lanes.find((one) => one.direction === direction && one.device === device.address);
  return {
    ...result,
    in: (device: Signer) => of("in", device),
    out: (device: Signer) => of("out", device),
    why: result.leftOut.map(({ why }) => (why === "older" ? why : why.refused)),
  };
}

/** Writes the records to a journal, and checks all that is ever checked of one. */
function mustHold({ drafts, state }: Pick<ReturnType<typeof rebuild>, "drafts" | "state">): void {
  const journal = memoryJournal();
  journal.append(drafts);
  expect(verifyJournal(journal.entries()).held).toBe(drafts.length);
  expect(replay(journal, MARKET)).toEqual(state);
  const { books } = state.payment;
  const gained = totalOf(books, "in") + recoveryOf(books);
  expect(gained).toBe(totalOf(books, "out") + totalOf(books, "credit"));
}

describe("rebuild", () => {
  it("takes each side to the higher of what is settled and what the highest voucher says", async () => {
    const result = rebuilt({}, [
      await voucherOf(ROBOT, GATEWAY.address, 500n),
      await voucherOf(ROBOT, GATEWAY.address, 750n),
      await voucherOf(GATEWAY, BOARD.address, 640n),
      await voucherOf(GATEWAY, BOARD.address, 100n),
    ]);
    expect(result.in(ROBOT)).toMatchObject({
      claimable: 450n,
      credit: 450n,
      lane: { signed: 750n, settled: 300n },
    });
    expect(result.out(BOARD)).toMatchObject({ claimable: 440n, lane: { signed: 640n, settled: 200n } });
    expect(result.why.toSorted()).toEqual(["older", "older"]);
    mustHold(result);
  });

  it("takes what is settled where nobody has a voucher: spent, and nobody's credit", () => {
    const result = rebuilt({});
    expect(result.in(ROBOT)).toMatchObject({
      claimable: 0n,
      credit: 0n,
      lane: { signed: 300n, newest: null },
    });
    expect(result.out(BOARD)).toMatchObject({ claimable: 0n, lane: { signed: 200n, newest: null } });
    expect(recoveryOf(result.state.payment.books)).toBe(-100n);
    mustHold(result);
  });

  it("gives no credit for unclaimed vouchers when it is told so", async () => {
    const vouchers = [await voucherOf(ROBOT, GATEWAY.address, 750n)];
    const result = rebuilt({ keepsCredit: false }, vouchers);
    expect(result.in(ROBOT)).toMatchObject({ claimable: 450n, credit: 0n, lane: { signed: 750n } });
    mustHold(result);
  });

  it("leaves out by name what anything speaks against", async () => {
    const good = await voucherOf(ROBOT, GATEWAY.address, 500n);
    const bad: [Voucher, string][] = [
      [await voucherOf(ROBOT, GATEWAY.address, 900n, { chainId: 1 }), "voucher_wrong_chain"],
      [await voucherOf(ROBOT, GATEWAY.address, 901n, { vault: MARKET.token }), "voucher_wrong_vault"],
      [await voucherOf(ROBOT, GATEWAY.address, 902n, { token: MARKET.vault }), "voucher_wrong_token"],
      [await voucherOf(ROBOT, BOARD.address, 903n), "voucher_wrong_payee"],
      [await voucherOf(ROBOT, GATEWAY.address, 904n, { epoch: 1 }), "voucher_wrong_epoch"],
      [await voucherOf(STRANGER, GATEWAY.address, 905n), "bad_signature"],
      [{ ...good, cumulative: amount(906n) }, "bad_signature"],
      [{ ...good, cumulative: amount(907n), signature: `0x${"00".repeat(65)}` }, "bad_signature"],
      [await voucherOf(ROBOT, GATEWAY.address, 1_001n), "voucher_over_deposit"],
      [await voucherOf(STRANGER, BOARD.address, 908n), "voucher_wrong_payee"],
      [await voucherOf(GATEWAY, BOARD.address, 909n, { epoch: 1 }), "voucher_wrong_epoch"],
      [await voucherOf(GATEWAY, BOARD.address, 910n, { chainId: 1 }), "voucher_wrong_chain"],
    ];
    for (const [voucher, code] of bad) {
      const result = rebuilt({}, [voucher, good]);
      expect(result.why).toEqual([code]);
      expect(result.leftOut[0]).toMatchObject({ file: "file-0", voucher });
      expect(result.in(ROBOT)?.lane.signed).toBe(500n);
      expect(result.out(BOARD)?.lane.signed).toBe(200n);
    }
    const all = rebuilt({}, [...bad.map(([voucher]) => voucher), good]);
    expect(all.leftOut).toHaveLength(bad.length);
    mustHold(all);
  });

  it("knows a void voucher of an older epoch from one that counts", async () => {
    const lanes = [laneOf(ROBOT, GATEWAY, 800n, 0n, 2), laneOf(GATEWAY, BOARD, 800n, 50n, 1)];
    const result = rebuilt({ lanes }, [
      await voucherOf(ROBOT, GATEWAY.address, 700n, { epoch: 1 }),
      await voucherOf(ROBOT, GATEWAY.address, 20n, { epoch: 2 }),
      await voucherOf(GATEWAY, BOARD.address, 700n, { epoch: 0 }),
      await voucherOf(GATEWAY, BOARD.address, 60n, { epoch: 1 }),
    ]);
    expect(result.in(ROBOT)).toMatchObject({ claimable: 20n, lane: { epoch: 2, signed: 20n } });
    expect(result.out(BOARD)).toMatchObject({ claimable: 10n, lane: { epoch: 1, signed: 60n } });
    mustHold(result);
  });

  it("takes a voucher of the same text from several places once", async () => {
    const voucher = await voucherOf(ROBOT, GATEWAY.address, 500n);
    const result = rebuilt({}, [voucher, voucher, voucher]);
    expect(result.leftOut).toEqual([]);
    expect(result.in(ROBOT)?.claimable).toBe(200n);
  });

  it("takes vouchers of a lane that is closing, past its end too: they are claimed or lost", async () => {
    const closing = { ...laneOf(ROBOT, GATEWAY, 1_000n, 0n), closeAt: 5 };
    const result = rebuilt({ lanes: [closing] }, [await voucherOf(ROBOT, GATEWAY.address, 9n)]);
    expect(result.in(ROBOT)).toMatchObject({ claimable: 9n, lane: { closeAt: 5 } });
  });

  it("never signs below a voucher of its own above its deposit, and claims no more than that", async () => {
    const result = rebuilt({}, [await voucherOf(GATEWAY, BOARD.address, 1_500n)]);
    expect(result.out(BOARD)).toMatchObject({ claimable: 800n, lane: { signed: 1_500n } });
  });

  it("enrols the roster, payees and payers with a voucher, and nobody who only opened a lane", async () => {
    const lanes = [
      laneOf(ROBOT, GATEWAY, 1_000n, 300n),
      laneOf(STRANGER, GATEWAY, 1_000n, 0n),
      laneOf(GATEWAY, BOARD, 1_000n, 200n),
    ];
    const without = rebuilt({ lanes });
    expect([...without.state.roster.keys()]).toEqual([ROBOT.address, BOARD.address]);
    expect(without.state.roster.get(BOARD.address)).toMatchObject({
      name: `device-${BOARD.address.slice(2, 10)}`,
      serialNumber: BOARD.address.slice(2),
    });
    const voucher = await voucherOf(STRANGER, GATEWAY.address, 5n);
    expect(rebuilt({ lanes }, [voucher]).state.roster.has(STRANGER.address)).toBe(true);
    mustHold(without);
  });

  it("leaves nothing to square for the first look at the chain, nor once all is claimed", async () => {
    const { state } = rebuilt({}, [
      await voucherOf(ROBOT, GATEWAY.address, 750n),
      await voucherOf(GATEWAY, BOARD.address, 640n),
    ]);
    const looks = [
      laneOf(ROBOT, GATEWAY, 1_000n, 300n),
      laneOf(ROBOT, GATEWAY, 1_000n, 750n),
      laneOf(GATEWAY, BOARD, 1_000n, 200n),
      laneOf(GATEWAY, BOARD, 1_000n, 640n),
    ];
    expect(looks.map((lane) => reconcile(state.payment, MARKET, lane))).toEqual(looks.map(() => null));
  });

  it("starts halted, and knows its home", () => {
    const { state } = rebuilt({});
    expect(state.halted).toBe("rebuilt");
    expect(state.home).toEqual(MARKET);
  });

  it("holds for any lanes and any vouchers: never above the deposit, never below what is settled", async () => {
    const sums = [0n, 100n, 200n, 400n];
    type Held = { readonly voucher: Voucher; readonly lane: "in" | "out" | "none" };
    const pool: Held[] = [];
    for (const cumulative of sums) {
      for (const epoch of [0, 1]) {
        pool.push({ lane: "in", voucher: await voucherOf(ROBOT, GATEWAY.address, cumulative, { epoch }) });
        pool.push({ lane: "out", voucher: await voucherOf(GATEWAY, BOARD.address, cumulative, { epoch }) });
      }
      pool.push({ lane: "none", voucher: await voucherOf(STRANGER, GATEWAY.address, cumulative) });
    }
    const side = fc.record({
      deposit: fc.constantFrom(...sums),
      part: fc.nat(100),
      epoch: fc.constantFrom(0, 1),
    });
    type Side = { deposit: bigint; part: number; epoch: number };
    const settledOf = ({ deposit, part }: Side) => (deposit * BigInt(part)) / 100n;
    /** The highest that a lane's own vouchers of its epoch say, up to `most`. */
    const highest = (held: readonly Held[], lane: Held["lane"], of: Side, most: bigint) =>
      held
        .filter((one) => one.lane === lane && one.voucher.epoch === of.epoch)
        .map(({ voucher }) => voucher.cumulative)
        .filter((cumulative) => cumulative <= most)
        .reduce<bigint>((top, cumulative) => (cumulative > top ? cumulative : top), settledOf(of));
    fc.assert(
      fc.property(side, side, fc.subarray(pool), fc.boolean(), (into, out, held, keepsCredit) => {
        const lanes = [
          laneOf(ROBOT, GATEWAY, into.deposit, settledOf(into), into.epoch),
          laneOf(GATEWAY, BOARD, out.deposit, settledOf(out), out.epoch),
        ];
        const vouchers = held.map(({ voucher }) => voucher);
        const result = rebuilt({ lanes, keepsCredit }, vouchers);
        mustHold(result);
        const signed = highest(held, "in", into, into.deposit);
        const claimable = signed - settledOf(into);
        const credit = keepsCredit ? claimable : 0n;
        expect(result.in(ROBOT)).toMatchObject({ claimable, credit, lane: { signed } });
        const own = highest(held, "out", out, 400n);
        expect(result.out(BOARD)?.lane.signed).toBe(own);
        expect(settledOf(out) + (result.out(BOARD)?.claimable ?? 0n)).toBeLessThanOrEqual(out.deposit);
      }),
      { numRuns: 30 },
    );
  });
});
