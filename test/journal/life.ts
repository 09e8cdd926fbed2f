/** A short life of one gateway with real signatures, in which every kind of fact occurs once or more. */

import { fromHex, type Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import type { Draft, Journal } from "../../src/journal/journal.ts";
import { keccak256 } from "../../src/kernels/digest.ts";
import type { Fact } from "../../src/protocol/facts.ts";
import { invoiceDigest, receiptDigest } from "../../src/protocol/typed-data.ts";
import {
  acceptFact,
  awardFact,
  BOARD,
  bidFact,
  bytes32,
  CHECKER,
  deliverFact,
  draftOf,
  ENDLESS,
  enrolled,
  FUEL,
  gateway,
  lane,
  leg,
  MARKET,
  manifestOf,
  move,
  OUTPUT,
  offerFact,
  ROBOT,
  START,
  started,
  voucher,
  voucherFact,
  workAt,
} from "./signed-facts.ts";

export { BOARD, bytes32, CHECKER, draftOf, ROBOT, START, voucherFact } from "./signed-facts.ts";

async function paidFact(task: Hex): Promise<Fact> {
  const held = `held:${ROBOT.address}` as const;
  const sums = { price: amount(1_500n), fee: amount(10n), checks: amount(500n) };
  const parties = { requester: ROBOT.address, provider: BOARD.address };
  const digest = receiptDigest(MARKET, { task, ...parties, ...workAt(1_000n), ...sums });
  return {
    kind: "paid",
    task,
    ...parties,
    fuel: FUEL,
    ...sums,
    legs: [await leg(BOARD.address, "run", 990n, 990n), await leg(CHECKER.address, "check", 500n, 500n)],
    receipt: await gateway.sign(digest),
    postings: [
      ...move(held, `out:${BOARD.address}`, 990n),
      ...move(held, "fee", 10n),
      ...move(held, `out:${CHECKER.address}`, 500n),
      ...move(held, `credit:${ROBOT.address}`, 1_500n),
    ],
  };
}

/** Enrolment, lanes, and one task through every state to its settlement. */
async function paidTask(): Promise<{ task: Hex; drafts: Fact[][] }> {
  const offer = await offerFact("offer-1", 2_000n, 1_000n);
  const { task } = offer;
  const run = await awardFact(task, "run", BOARD.address, 1_000n, 100);
  const check = await awardFact(task, "check", CHECKER.address, 500n, 0);
  const rerun = {
    kind: "checked" as const,
    task,
    rung: "rerun" as const,
    verdict: "ok" as const,
    output: OUTPUT,
    fuel: FUEL,
    passed: true,
    reason: "",
  };
  const drafts: Fact[][] = [
    [await voucherFact(10_000n, 10_000n), offer],
    [{ kind: "announced", task, bidBy: instant(START + 5_000) }],
    [await bidFact(task, BOARD, 1_000n)],
    [run],
    [await acceptFact(task, "run", BOARD, run.award)],
    [{ kind: "started", task, role: "run", provider: BOARD.address, runBy: instant(START + 40_000) }],
    [await deliverFact(task, "run", BOARD, run.award), check],
    [await acceptFact(task, "check", CHECKER, check.award)],
    [
      await deliverFact(task, "check", CHECKER, check.award),
      { ...rerun, provider: CHECKER.address },
      { kind: "verified", task, verdict: "accepted", rechecked: true },
      await paidFact(task),
    ],
  ];
  return { task, drafts };
}

async function endedTask(): Promise<{ task: Hex; drafts: Fact[][] }> {
  const offer = await offerFact("offer-2", 300n, 0n);
  const { task } = offer;
  const run = await awardFact(task, "run", BOARD.address, 300n, 100);
  const postings = move(`held:${ROBOT.address}`, `credit:${ROBOT.address}`, 300n);
  const drafts: Fact[][] = [
    [await voucherFact(12_500n, 2_500n), offer],
    [run],
    [
      {
        kind: "withdrawn",
        task,
        role: "run",
        provider: BOARD.address,
        how: "declined",
        reason: '=1+1, "busy"',
      },
      {
        ...{ kind: "ended", task, state: "declined", reason: "no other bid", requester: ROBOT.address },
        ...{ price: amount(0n), fee: amount(0n), checks: amount(0n), legs: [], postings },
      },
    ],
  ];
  return { task, drafts };
}

/** An endless task, paid on its result: its run up to the invoice, and the voucher that pays it. */
async function invoicedTask(): Promise<Fact[][]> {
  const offer = await offerFact("offer-3", 800n, 0n, "result", await manifestOf());
  const { task } = offer;
  const run = await awardFact(task, "run", BOARD.address, 800n, 100);
  const owed = `owed:${ROBOT.address}` as const;
  const parties = { requester: ROBOT.address, provider: BOARD.address };
  const sums = { price: amount(800n), fee: amount(8n), checks: amount(0n) };
  const metered = { verdict: ENDLESS.verdict, fuel: FUEL, rate: amount(800n) };
  const salt = bytes32(0x5a);
  const saltedOutput = keccak256(new Uint8Array([...fromHex(salt), ...new Uint8Array(32)]));
  const due = instant(START + 90_000);
  const invoice = { task, award: run.award, provider: BOARD.address, ...metered, saltedOutput, ...sums, due };
  const content = { task, ...parties, ...workAt(800n, ENDLESS), ...sums };
  const receipt = await gateway.sign(receiptDigest(MARKET, content));
  const { verdict, output } = ENDLESS;
  const own = { verdict, output, fuel: FUEL, passed: true, reason: "" };
  return [
    [offer],
    [run],
    [await acceptFact(task, "run", BOARD, run.award)],
    [await deliverFact(task, "run", BOARD, run.award, ENDLESS)],
    [
      { kind: "checked", task, rung: "referee", provider: null, ...own },
      { kind: "verified", task, verdict: "accepted", rechecked: false },
      {
        ...{ kind: "invoiced", task, ...parties, fuel: FUEL, ...sums, salt, saltedOutput, due, receipt },
        legs: [await leg(BOARD.address, "run", 792n, 1_782n)],
        signature: await gateway.sign(invoiceDigest(MARKET, ROBOT.address, invoice)),
        postings: [...move(owed, `out:${BOARD.address}`, 792n), ...move(owed, "fee", 8n)],
      },
    ],
    [
      await voucherFact(13_300n, 800n),
      {
        ...{ kind: "paid", task, ...parties, fuel: FUEL, ...sums, receipt, legs: [] },
        postings: move(`credit:${ROBOT.address}`, owed, 800n),
      },
    ],
  ];
}

/** A task on result that is cancelled while its provider works: the provider is paid, the requester owes it. */
async function cancelledTask(): Promise<Fact[][]> {
  const offer = await offerFact("offer-4", 300n, 0n, "result");
  const { task } = offer;
  const run = await awardFact(task, "run", BOARD.address, 300n, 100);
  const owed = `owed:${ROBOT.address}` as const;
  return [
    [offer, run],
    [await acceptFact(task, "run", BOARD, run.award)],
    [
      {
        ...{ kind: "ended", task, state: "cancelled", reason: "", requester: ROBOT.address },
        ...{ price: amount(300n), fee: amount(3n), checks: amount(0n) },
        legs: [await leg(BOARD.address, "run", 297n, 2_079n)],
        postings: [...move(owed, `out:${BOARD.address}`, 297n), ...move(owed, "fee", 3n)],
      },
    ],
    [
      {
        ...{ kind: "debtPaid", device: ROBOT.address, amount: amount(300n) },
        postings: move(`credit:${ROBOT.address}`, owed, 300n),
      },
    ],
  ];
}

/** What a gateway meets beside its tasks. */
async function incidents(): Promise<Fact[][]> {
  const shown = await voucher(gateway, CHECKER.address, 900n);
  const back = await voucher(gateway, ROBOT.address, 1_000n);
  return [
    [
      { kind: "halted", reason: "the operator says so" },
      { kind: "payingStopped", reason: "the operator says so" },
      { kind: "deviceDisabled", device: CHECKER.address },
    ],
    [
      {
        ...{ kind: "voucherShown", payee: CHECKER.address, amount: amount(400n), voucher: shown },
        postings: move("recovery", `out:${CHECKER.address}`, 400n),
      },
    ],
    [
      { kind: "resumed", reason: "all is well" },
      { kind: "payingResumed", reason: "all is well" },
      { kind: "deviceEnabled", device: CHECKER.address },
    ],
    [
      {
        ...{ kind: "creditPaidOut", device: ROBOT.address, amount: amount(1_000n), voucher: back },
        postings: move(`credit:${ROBOT.address}`, `out:${ROBOT.address}`, 1_000n),
      },
    ],
    [{ kind: "chainReorganized", block: 45, was: bytes32(0xb1), is: bytes32(0xb2) }],
    [
      {
        ...{ kind: "transactionMined", transaction: bytes32(0xc3), block: 50, succeeded: true },
        ...{ gasUsed: 60_000n, gasCost: 120_000_000_000n },
      },
    ],
  ];
}

export type Life = { readonly paid: Hex; readonly ended: Hex; readonly drafts: readonly Draft[] };

/** The drafts of the whole life, about twenty signatures. */
export async function buildLife(): Promise<Life> {
  const paid = await paidTask();
  const ended = await endedTask();
  const prepared = (transaction: Hex, nonce: number): Fact => {
    const fees = { maxFeePerGas: 2_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n, replaces: null };
    return {
      kind: "transactionPrepared",
      transaction,
      purpose: "claim",
      nonce,
      raw: "0x02f8",
      ...fees,
      rows: 2,
    };
  };
  const claimed: Fact = {
    kind: "claimed",
    transaction: bytes32(0xc2),
    block: 44,
    gasUsed: 120_000n,
    gasCost: 240_000_000_000n,
    lanes: [
      lane(ROBOT.address, gateway.address, 12_500n),
      lane(gateway.address, BOARD.address, 990n),
      lane(gateway.address, CHECKER.address, 500n),
    ],
  };
  const records: Fact[][] = [
    [started],
    [
      enrolled(ROBOT.address, "robot-1", "0001"),
      enrolled(BOARD.address, "board-3", "0003"),
      enrolled(CHECKER.address, "checker", "0004"),
    ],
    [
      {
        ...{ kind: "laneReconciled", payer: ROBOT.address, payee: gateway.address, epoch: 0, amount: 7n },
        postings: move(`in:${ROBOT.address}`, `credit:${ROBOT.address}`, amount(7n)),
      },
      { kind: "laneObserved", ...lane(ROBOT.address, gateway.address, 0n), block: 12 },
    ],
    ...paid.drafts,
    ...ended.drafts,
    [prepared(bytes32(0xc1), 7)],
    [
      { kind: "transactionDropped", transaction: bytes32(0xc1), reason: "replaced" },
      prepared(bytes32(0xc2), 7),
    ],
    [claimed],
    ...(await invoicedTask()),
    ...(await cancelledTask()),
    ...(await incidents()),
  ];
  const drafts = records.map((facts, i) => draftOf(facts, START + i * 1_000));
  return { paid: paid.task, ended: ended.task, drafts };
}

/** Appends a whole life, one record at a time. */
export async function live(journal: Journal): Promise<Life> {
  const life = await buildLife();
  for (const draft of life.drafts) journal.append([draft]);
  return life;
}
