/** Failure test 4: what is wrong with some vouchers of a batch is nothing to the others. */

import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { toHex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { type ClaimRow, encodeClaimBatch, MAX_CLAIM_ROWS } from "../../../src/settlement/claim-batch.ts";
import { type Actor, type Sent, startWorld, type World } from "../../settlement/world.ts";

const GOOD = 450;
/** Of each kind of bad row. */
const BAD = 10;
const DEPOSIT = 1_000n;
const DAY = 86_400;

let world: World;
let payees: readonly Actor[];
let lanes: readonly { readonly payer: Actor; readonly payee: Actor }[];
let good: readonly ClaimRow[];
let bad: readonly ClaimRow[];

beforeAll(async () => {
  world = await startWorld();
  payees = world.others.slice(0, 4);
  lanes = Array.from({ length: GOOD + 5 * BAD }, (_, at) => {
    const payee = payees[at % payees.length];
    if (!payee) throw new Error("nobody to pay");
    return { payer: newActor(), payee };
  });
  await world.send(world.owner, world.token, "mint", [world.owner.address, 10n ** 9n]);
  await world.send(world.owner, world.token, "approve", [world.vault, 10n ** 9n]);
  for (const { payer, payee } of lanes) await deposit(payer, payee);
  good = await Promise.all(
    lanes.slice(0, GOOD).map(({ payer, payee }, at) => world.voucher(payer, payee, 0, BigInt(1 + at))),
  );
  const spoilt = [];
  for (const [kind, make] of [badSignature, overDeposit, replayed].entries()) {
    // one after the other: they all send from one account
    for (const [at, ends] of lanesOf(kind).entries()) spoilt.push(await make(ends, at));
  }
  bad = [...spoilt, ...(await ended(lanesOf(3), lanesOf(4)))];
}, 120_000);
afterAll(() => world.local.stop());

function newActor(): Actor {
  const privateKey = toHex(randomKey());
  const key = privateKeyToAccount(privateKey);
  return { address: key.address.toLowerCase() as Hex, key, privateKey };
}

/** The lanes of one kind of bad row. */
function lanesOf(kind: number) {
  return lanes.slice(GOOD + kind * BAD, GOOD + (kind + 1) * BAD);
}

async function deposit(payer: Actor, payee: Actor): Promise<void> {
  const args = [payer.address, payee.address, world.token, DEPOSIT];
  expect((await world.send(world.owner, world.vault, "depositLane", args)).ok).toBe(true);
}

type Ends = { readonly payer: Actor; readonly payee: Actor };

/** Half of them say another amount than was signed, half were signed for another payee. */
async function badSignature({ payer, payee }: Ends, at: number): Promise<ClaimRow> {
  const row = await world.voucher(payer, at % 2 === 0 ? payee : world.owner, 0, 500n);
  return at % 2 === 0 ? { ...row, cumulative: amount(501n) } : { ...row, payee: payee.address };
}

/** The lane has paid all that it holds: a higher promise has nothing behind it. */
async function overDeposit({ payer, payee }: Ends): Promise<ClaimRow> {
  await world.claim(world.owner, [await world.voucher(payer, payee, 0, DEPOSIT)]);
  return await world.voucher(payer, payee, 0, DEPOSIT + 1n);
}

async function replayed({ payer, payee }: Ends): Promise<ClaimRow> {
  const row = await world.voucher(payer, payee, 0, 300n);
  await world.claim(world.owner, [row]);
  return row;
}

/** Vouchers of a life that is over: of lanes that were opened again, and of some that were not. */
async function ended(reopened: readonly Ends[], closed: readonly Ends[]): Promise<ClaimRow[]> {
  const all = [...reopened, ...closed];
  const rows = await Promise.all(all.map(({ payer, payee }) => world.voucher(payer, payee, 0, 700n)));
  for (const { payer, payee } of all) {
    const lane = { payer: payer.address, payee: payee.address, token: world.token };
    const order = await world.order(payer, "RequestClose", { ...lane, epoch: 0 });
    const args = [...Object.values(lane), 0, order];
    expect((await world.send(world.owner, world.vault, "requestCloseWithSig", args)).ok).toBe(true);
  }
  await world.pass(DAY);
  for (const { payer, payee } of all) {
    const args = [payer.address, payee.address, world.token];
    expect((await world.send(world.owner, world.vault, "finalizeClose", args)).ok).toBe(true);
  }
  for (const { payer, payee } of reopened) await deposit(payer, payee);
  return rows;
}

/** Bad rows between good ones, the same every time: every tenth. */
function mixed(): ClaimRow[] {
  const rows = [...good];
  for (const [at, row] of bad.entries()) rows.splice(at * 10, 0, row);
  return rows;
}

async function vaults(): Promise<bigint[]> {
  return await Promise.all(payees.map((payee) => world.vaultOf(payee)));
}

/** Rows that paid anything, by the vault's own events. */
function paidRows(sent: readonly Sent[]): number {
  const events = sent.flatMap(({ events: all }) => all).filter(({ eventName }) => eventName === "Claimed");
  return events.reduce((sum, { args }) => sum + (args["rows"] as unknown[]).length, 0);
}

/** What the vault holds is what it owes, to the atomic unit. */
async function expectBalanced(): Promise<void> {
  let owed = 0n;
  for (const actor of [...payees, ...lanes.map(({ payer }) => payer)]) owed += await world.vaultOf(actor);
  for (const { payer, payee } of lanes) {
    const lane = await world.lane(payer, payee);
    owed += lane.deposit - lane.settled;
  }
  expect(await world.tokensOf(world.vault)).toBe(owed);
}

/** Sends every row, checks that exactly the good ones paid what they say, and that nothing pays again. */
async function expectGoodPaid(send: (rows: readonly ClaimRow[]) => Promise<Sent[]>): Promise<void> {
  const before = await vaults();
  const sent = await send(mixed());
  expect(sent.map(({ ok }) => ok)).toEqual(sent.map(() => true));
  expect(paidRows(sent)).toBe(GOOD);
  for (const [at, payee] of payees.entries()) {
    const due = good
      .filter((row) => row.payee === payee.address)
      .reduce((sum, { cumulative }) => sum + cumulative, 0n);
    expect((await world.vaultOf(payee)) - (before[at] ?? 0n)).toBe(due);
  }
  await expectBalanced();
  expect(paidRows(await send(mixed()))).toBe(0);
}

describe("4 a 500-row batch with 50 bad rows", () => {
  it("4 a 500-row batch with 50 bad rows, as settlement sends it, pays 450 and reverts nothing", async () => {
    expect(mixed()).toHaveLength(500);
    const clean = await world.snapshot();
    await expectGoodPaid(async (rows) => [
      await world.claim(world.owner, rows.slice(0, MAX_CLAIM_ROWS)),
      await world.claim(world.owner, rows.slice(MAX_CLAIM_ROWS)),
    ]);
    await world.revert(clean);
  });

  it("4 a 500-row batch with 50 bad rows, in one transaction, pays 450 and reverts nothing", async () => {
    const clean = await world.snapshot();
    await expectGoodPaid(async (rows) => {
      const [head, rest] = [rows.slice(0, MAX_CLAIM_ROWS), rows.slice(MAX_CLAIM_ROWS)];
      const tail = encodeClaimBatch(world.token, rest).slice(42);
      const batch = `${encodeClaimBatch(world.token, head)}${tail}`;
      return [await world.send(world.owner, world.vault, "claimBatch", [batch])];
    });
    await world.revert(clean);
  });

  it("4 a voucher above the deposit pays the deposit, once, however often and however high", async () => {
    const [{ payer, payee } = { payer: world.owner, payee: world.owner }] = lanes;
    const before = await world.vaultOf(payee);
    const rows = await Promise.all(
      [DEPOSIT + 5n, DEPOSIT + 1n, 2n ** 96n - 1n].map((sum) => world.voucher(payer, payee, 0, sum)),
    );
    expect(paidRows([await world.claim(world.owner, rows)])).toBe(1);
    expect((await world.vaultOf(payee)) - before).toBe(DEPOSIT);
    await expectBalanced();
  });
});
