/** How far the money of a row has come: promised, in a claim, in a block, past recall, or void. */
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { settlementQuery } from "../../../src/operator/api/settlement.ts";
import { claimedRows } from "../../../src/operator/views/claim-rows.ts";
import type { Fact, FactNamed } from "../../../src/protocol/facts.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import { claimBatch, fundLanes } from "../../../src/settlement/vault-calls.ts";
import {
  BOARD,
  bytes32,
  CHECKER,
  enrolled,
  gateway,
  lane,
  leg,
  MARKET,
  move,
  offerFact,
  ROBOT,
  started,
  voucher,
  voucherFact,
} from "../../journal/signed-facts.ts";
import { append, drafted, readAll, temporary } from "./shelf.ts";

const account = privateKeyToAccount(toHex(new Uint8Array(32).fill(1)));

type Row = readonly [payer: Signer, payee: Hex, cumulative: bigint];

function signedCall(call: { to: Hex; data: Hex }): Promise<Hex> {
  const fees = { maxFeePerGas: 2_000_000_000n, maxPriorityFeePerGas: 1n };
  return account.signTransaction({
    type: "eip1559",
    chainId: 31_337,
    nonce: 300,
    gas: 10n ** 6n,
    ...fees,
    ...call,
  });
}

async function claimOf(rows: readonly Row[]): Promise<Hex> {
  const vouchers = await Promise.all(
    rows.map(([payer, payee, cumulative]) => voucher(payer, payee, cumulative)),
  );
  return signedCall(claimBatch(MARKET.vault, MARKET.token, vouchers));
}

function prepared(transaction: Hex, raw: string, nonce: number, replaces: Hex | null = null): Fact {
  const fees = { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n, replaces, rows: 1 };
  return { kind: "transactionPrepared", transaction, purpose: "claim", nonce, raw, ...fees };
}

function claimed(transaction: Hex, lanes: FactNamed<"claimed">["lanes"]): Fact {
  return { kind: "claimed", transaction, block: 9, gasUsed: 5n, gasCost: 0n, lanes };
}

/** A task that pays the board, and costs the robot ten more than that; with its records. */
async function paid(id: string, gain: bigint, cumulative: bigint, signed: bigint): Promise<Fact[][]> {
  const offer = await offerFact(id, gain + 10n, 0n);
  const { task } = offer;
  const sums = { price: amount(gain + 10n), fee: amount(10n), checks: amount(0n) };
  const parties = { task, requester: ROBOT.address, provider: BOARD.address, fuel: 1 };
  const legs = [await leg(BOARD.address, "run", gain, cumulative)];
  return [
    [await voucherFact(signed, gain + 10n), offer],
    [{ kind: "paid", ...parties, ...sums, legs, receipt: bytes32(1).padEnd(132, "0") as Hex, postings: [] }],
  ];
}

const opening: Fact[][] = [
  [started],
  [
    enrolled(ROBOT.address, "robot-1", "1"),
    enrolled(BOARD.address, "board-3", "3"),
    enrolled(CHECKER.address, "checker", "4"),
  ],
];

function statuses(records: readonly Fact[][], mined: Hex[] = []) {
  const folder = temporary();
  append(folder, drafted([...opening, ...records]));
  const { reader, library, close } = readAll(folder);
  reader.sight = { head: 20, needed: 12, mined: mined.map((transaction) => ({ transaction, block: 19 })) };
  const { rows } = library.page(settlementQuery.parse({}), null);
  const told = rows
    .map(({ kind, status, transaction, confirmations }) => ({ kind, status, transaction, confirmations }))
    .reverse();
  for (const status of ["pending", "sent", "confirmed", "final", "failed"] as const) {
    const wanted = rows.filter((row) => row.status === status);
    expect(library.page(settlementQuery.parse({ status }), null).rows, status).toEqual(wanted);
  }
  close();
  return { told, words: told.map(({ kind, status }) => `${kind} ${status}`) };
}

const [ONE, TWO] = [bytes32(0xd1), bytes32(0xd2)];

describe("a claim's bytes", () => {
  it("say which vouchers of which lanes they claim", async () => {
    const raw = await claimOf([
      [ROBOT, gateway.address, 700n],
      [gateway, BOARD.address, 90n],
      [gateway, CHECKER.address, 2n ** 95n],
      [CHECKER, gateway.address, 1n],
    ]);
    const rows = claimedRows(raw, MARKET);
    expect(rows.map(({ payer, payee, cumulative }) => [payer, payee, cumulative])).toEqual([
      [ROBOT.address, gateway.address, 700n],
      [CHECKER.address, gateway.address, 1n],
      [gateway.address, BOARD.address, 90n],
      [gateway.address, CHECKER.address, 2n ** 95n],
    ]);
  });

  it("are nothing where they are another call, or none", async () => {
    const funding = fundLanes(MARKET.vault, gateway.address, MARKET.token, [
      { payee: BOARD.address, amount: amount(5n), window: 1 },
    ]);
    for (const raw of [
      await signedCall(funding),
      "0x",
      "0x02",
      "0x02f8",
      "0x02f8ff",
      "0xc0",
      (await claimOf([[ROBOT, gateway.address, 1n]])).slice(0, 120),
    ]) {
      expect(claimedRows(raw, MARKET)).toEqual([]);
    }
  });
});

describe("a row", () => {
  it("is pending, then sent up to what a claim covers, then in a block, then final", async () => {
    const [first, second] = [await paid("a", 100n, 100n, 110n), await paid("b", 50n, 150n, 170n)];
    const raw = await claimOf([
      [gateway, BOARD.address, 100n],
      [ROBOT, gateway.address, 110n],
    ]);
    const both = [...first, ...second];
    expect(statuses(both).words).toEqual([
      ...["earned pending", "spent pending", "fee pending"],
      ...["earned pending", "spent pending", "fee pending"],
    ]);
    const sent = [...both, [prepared(ONE, raw, 4)]];
    const under = ["earned sent", "spent sent", "fee sent", "earned pending", "spent pending", "fee pending"];
    expect(statuses(sent).words).toEqual(under);
    expect(statuses(sent).told[0]).toMatchObject({ transaction: ONE, confirmations: null });
    const mined = statuses(sent, [ONE]);
    expect(mined.words).toEqual(under.map((word) => word.replace("sent", "confirmed")));
    expect(mined.told[0]).toMatchObject({ transaction: ONE, confirmations: 2 });
    const over = [
      ...sent,
      [
        claimed(ONE, [
          lane(gateway.address, BOARD.address, 100n),
          lane(ROBOT.address, gateway.address, 110n),
        ]),
      ],
    ];
    expect(statuses(over).words).toEqual([
      ...under.map((word) => word.replace("sent", "final")),
      ...["settled final", "settled final"],
    ]);
    expect(statuses(over).told[2]).toMatchObject({ transaction: ONE, confirmations: 12 });
  });

  it("is pending again when its claim is dropped or reverts, and sent with the one that replaces it", async () => {
    const records = await paid("a", 100n, 100n, 110n);
    const raw = await claimOf([[gateway, BOARD.address, 100n]]);
    const sent = [...records, [prepared(ONE, raw, 4)]];
    expect(statuses([...sent, [{ kind: "transactionDropped", transaction: ONE, reason: "" }]]).words[0]).toBe(
      "earned pending",
    );
    const reverted = {
      kind: "transactionMined" as const,
      transaction: ONE,
      block: 9,
      gasUsed: 1n,
      gasCost: 0n,
      succeeded: false,
    };
    expect(statuses([...sent, [reverted]]).words[0]).toBe("earned pending");
    const replaced = [...sent, [prepared(TWO, raw, 4, ONE)]];
    expect(statuses(replaced).told[0]).toMatchObject({ status: "sent", transaction: TWO });
    const over = statuses([...replaced, [claimed(ONE, [lane(gateway.address, BOARD.address, 100n)])]]);
    expect(over.told[0]).toMatchObject({ status: "final", transaction: ONE });
  });

  it("is final when the chain shows more settled, by whoever claimed it", async () => {
    const records = await paid("a", 100n, 100n, 110n);
    const seen: Fact = { kind: "laneObserved", ...lane(gateway.address, BOARD.address, 100n), block: 8 };
    expect(statuses([...records, [seen]]).told[0]).toMatchObject({ status: "final", transaction: null });
    // our own claim, seen before it is recorded, is the one it came by
    const raw = await claimOf([[gateway, BOARD.address, 100n]]);
    const ours = [
      ...records,
      [prepared(ONE, raw, 4)],
      [seen],
      [claimed(ONE, [lane(gateway.address, BOARD.address, 100n)])],
    ];
    expect(statuses(ours).told[0]).toMatchObject({ status: "final", transaction: ONE });
    expect(statuses(ours).words.at(-1)).toBe("settled final");
  });

  it("is failed when a close has made void what was not claimed, and nothing else is", async () => {
    const [first, second] = [await paid("a", 100n, 100n, 110n), await paid("b", 50n, 150n, 170n)];
    const partly: Fact = { kind: "laneObserved", ...lane(gateway.address, BOARD.address, 100n), block: 8 };
    const closed: Fact = {
      kind: "laneObserved",
      ...lane(gateway.address, BOARD.address, 0n),
      epoch: 1,
      block: 9,
    };
    const voucherOne = await voucher(gateway, BOARD.address, 30n);
    const after: Fact = {
      ...{ kind: "creditPaidOut", device: BOARD.address, amount: amount(30n) },
      ...{
        voucher: { ...voucherOne, epoch: 1 },
        postings: move(`credit:${BOARD.address}`, `out:${BOARD.address}`, 30n),
      },
    };
    const { words } = statuses([...first, ...second, [partly], [closed], [after]]);
    expect(words).toEqual([
      ...["earned final", "spent pending", "fee pending"],
      ...["earned failed", "spent pending", "fee pending", "returned pending"],
    ]);
  });

  it("is earned at once when no voucher could be signed, once, and settled with the payout of that", async () => {
    const [first, ended] = await paid("a", 100n, 100n, 110n);
    const credit = move(`held:${ROBOT.address}`, `credit:${BOARD.address}`, 100n);
    const unsigned = (ended ?? []).map((fact) =>
      fact.kind === "paid" ? { ...fact, legs: [], postings: credit } : fact,
    );
    const payout = async (sum: bigint, cumulative: bigint): Promise<Fact> => ({
      ...{ kind: "creditPaidOut", device: BOARD.address, amount: amount(sum) },
      voucher: await voucher(gateway, BOARD.address, cumulative),
      postings: move(`credit:${BOARD.address}`, `out:${BOARD.address}`, sum),
    });
    const seen = (settled: bigint): Fact => {
      return { kind: "laneObserved", ...lane(gateway.address, BOARD.address, settled), block: 8 };
    };
    const stopped = [first ?? [], unsigned];
    expect(statuses([...stopped, [seen(0n)]]).words).toEqual([
      "earned pending",
      "spent pending",
      "fee pending",
    ]);
    const inPart = [...stopped, [await payout(60n, 60n)], [seen(60n)]];
    expect(statuses(inPart).words).toEqual(["earned pending", "spent pending", "fee pending"]);
    const whole = [...inPart, [await payout(40n, 100n)], [seen(100n)]];
    expect(statuses(whole).words).toEqual(["earned final", "spent pending", "fee pending"]);
    // what comes back besides is no pay
    expect(statuses([...whole, [await payout(7n, 107n)]]).words.at(-1)).toBe("returned pending");
  });

  it("waits, when its requester owes it, until that is signed and claimed", async () => {
    const offer = await offerFact("a", 110n, 0n, "result");
    const { task } = offer;
    const owed = `owed:${ROBOT.address}` as const;
    const bill = {
      requester: ROBOT.address,
      price: amount(110n),
      fee: amount(0n),
      checks: amount(0n),
      legs: [],
    };
    const ended: Fact = {
      ...{ kind: "ended", task, state: "cancelled", reason: "", ...bill },
      postings: move(owed, "fee", 110n),
    };
    const seen = (settled: bigint): Fact => {
      return { kind: "laneObserved", ...lane(ROBOT.address, gateway.address, settled), block: 8 };
    };
    const before = [[await voucherFact(500n, 500n)], [offer], [ended], [seen(500n)]];
    expect(statuses(before).words).toEqual(["spent pending"]);
    const good: Fact = {
      kind: "debtPaid",
      device: ROBOT.address,
      amount: amount(110n),
      postings: move(`credit:${ROBOT.address}`, owed, 110n),
    };
    const signed = [...before, [await voucherFact(610n, 110n), good]];
    expect(statuses([...signed, [seen(609n)]]).words).toEqual(["spent pending"]);
    expect(statuses([...signed, [seen(610n)]]).words).toEqual(["spent final"]);
  });

  it("is paid out of money that was claimed before, and so final at once", async () => {
    const records = await paid("a", 100n, 100n, 110n);
    const early = [
      records[0] ?? [],
      [claimed(ONE, [lane(ROBOT.address, gateway.address, 110n)])],
      records[1] ?? [],
    ];
    const { told } = statuses(early);
    expect(told.find(({ kind }) => kind === "spent")).toMatchObject({ status: "final", transaction: ONE });
  });
});
