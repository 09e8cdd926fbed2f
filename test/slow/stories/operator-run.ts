/**
 * The operator's run: deploys, starts, enrols, deposits, opens, trades, settles, takes its money out.
 *
 * One device pays thousands of vouchers, one by one; another has work done by a third. A reorganization takes the claim
 * in the middle back. At the end everybody's money is counted, in the journal and on the chain.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { type ConnectionFile, marketOf } from "../../../devices/robot/connection-file.ts";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount, parseAmount } from "../../../src/base/money.ts";
import { replay } from "../../../src/exchange/replay.ts";
import type { State } from "../../../src/exchange/state.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { publishPathPlan } from "../../../src/operator/demo/author.ts";
import { Child, type Line, programPath } from "../../../src/operator/demo/crew.ts";
import { totalOf } from "../../../src/payment/books.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import { encodeMessage } from "../../../src/protocol/message.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { voucherDigest } from "../../../src/protocol/voucher.ts";
import { expectBooks } from "../exchange/books-laws.ts";
import { Operator, type Owned } from "./operator.ts";
import { Postman } from "./postman.ts";
import { Town } from "./town.ts";

export type Plan = {
  /** Seconds between blocks. */
  readonly blockTime: number;
  readonly confirmations: number;
  /** Vouchers that one device pays, one by one. */
  readonly vouchers: number;
  /** Tasks that another device has done by a third. */
  readonly tasks: number;
};

/** What a run came to, for whoever wants figures. */
export type Outcome = {
  readonly seconds: number;
  readonly vouchersPerSecond: number;
  readonly tasks: number;
  readonly claims: number;
  readonly fees: bigint;
};

const units = (text: string) => parseAmount(text, 6);
const ENDOWED = "1000";
const FUNDED = { gateway: "100", payer: "20", scout: "10" } as const;
/** What the gateway opens to each device. */
const OPENED = { payer: "15", arm: "10" } as const;
/** Of one voucher, atomic units. */
const PRICE = 700n;
/** Vouchers on their way at a time. */
const AT_ONCE = 50;
/** Where everybody's money is taken in the end: accounts that nobody sends from. */
const SAFES = {
  gateway: `0x${"51".repeat(20)}`,
  payer: `0x${"52".repeat(20)}`,
  arm: `0x${"53".repeat(20)}`,
} as const satisfies Record<string, Hex>;

/** @throws when anything is not as the operator may expect it */
export async function operatorRun(folder: string, plan: Plan): Promise<Outcome> {
  const from = systemClock.now();
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const town = await Town.open(folder, plan.blockTime, units(ENDOWED));
    closing.push(() => town.stop());
    const operator = await Operator.settle(town, join(folder, "gateway"), plan.confirmations);
    closing.push(() => operator.stop());
    const devices = await moveIn(town, operator);
    const rate = await trade(town, operator, devices, plan);
    await moveOut(town, operator, devices);
    const state = readBooks(operator, devices.payer.file);
    const fees = await expectAgreement(town, operator, devices, state);
    const claims = operator.facts.filter(({ kind }) => kind === "claimed").length;
    const tasks = [...state.market.tasks.values()].filter(({ state: stage }) => stage === "settled").length;
    const seconds = (systemClock.now() - from) / 1_000;
    return { seconds, vouchersPerSecond: rate, tasks, claims, fees };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

type Devices = { readonly [K in "payer" | "scout" | "arm"]: Owned };

/** Enrols, deposits and opens. */
async function moveIn(town: Town, operator: Operator): Promise<Devices> {
  await town.giveCoin(operator.address);
  const devices = {
    payer: await operator.enrol("payer"),
    scout: await operator.enrol("scout"),
    arm: await operator.enrol("arm"),
  };
  for (const [name, sum] of Object.entries(FUNDED)) await operator.fund(name, sum);
  for (const [name, sum] of Object.entries(OPENED)) await operator.hirewire("lane", "open", name, sum);
  return devices;
}

/** Vouchers and tasks, with a claim in the middle that a reorganization takes back; vouchers per second. */
async function trade(town: Town, operator: Operator, devices: Devices, plan: Plan): Promise<number> {
  const payer = await Payer.connect(devices.payer.file);
  const half = Math.floor(plan.vouchers / 2);
  const working = haveWorkDone(town, devices, plan);
  const first = await payer.pay(half);
  const settling = operator.hirewire("settle", "--now");
  const claim = await operator.fact(
    ({ kind, purpose }) => kind === "transactionPrepared" && purpose === "claim",
  );
  await town.reorganizeAway(claim["transaction"] as Hex);
  const second = await payer.pay(plan.vouchers - half);
  await settling;
  expect(await working).toMatchObject({ tasks: plan.tasks, optimal: plan.tasks });
  expect(payer.signed).toBe(BigInt(plan.vouchers) * PRICE);
  // what it has not spent comes back to it, on the gateway's lane
  await payer.askBack();
  await payer.leave();
  return plan.vouchers / (first + second);
}

/** Settles, and takes everybody's money out of the vault. */
async function moveOut(town: Town, operator: Operator, devices: Devices): Promise<void> {
  await operator.hirewire("settle", "--now");
  const lanes = await operator.hirewire("lane", "list", "--json");
  expect(lanes.map(({ unclaimed }) => unclaimed)).toEqual(lanes.map(() => "0.000000"));
  await operator.hirewire("withdraw", "all", "--to", SAFES.gateway);
  await operator.withdrawOf("payer", devices.payer, SAFES.payer);
  await operator.withdrawOf("arm", devices.arm, SAFES.arm);
  // it said at its start that its key had nothing for gas, and then nothing that an operator has to look after
  expect(operator.faults.map(({ code }) => code)).toEqual(["gas_low"]);
  await operator.verify();
  expect(await town.tokensOf(town.wallet.address)).toBe(units(ENDOWED) - depositedIn());
}

function depositedIn(): bigint {
  return Object.values(FUNDED).reduce((sum, one) => sum + units(one), 0n);
}

function readBooks({ data }: Operator, file: ConnectionFile): State {
  const journal = openJournal(data, { readOnly: true });
  try {
    return replay(journal, marketOf(file));
  } finally {
    journal.close();
  }
}

/** Journal and chain agree to the atomic unit, lane by lane and in all; the fees that the gateway has earned. */
async function expectAgreement(
  town: Town,
  { address: gateway }: Operator,
  devices: Devices,
  state: State,
): Promise<bigint> {
  const { payment } = state;
  const { vault } = devices.payer.file;
  expectBooks(state);
  let inLanes = 0n;
  for (const [at, lanes] of [payment.incoming, payment.outgoing].entries()) {
    for (const [device, known] of lanes) {
      const ends = at === 0 ? ([device, gateway] as const) : ([gateway, device] as const);
      const lane = await town.laneOf(vault, ...ends);
      expect([lane.settled, lane.deposit]).toEqual([known.signed, known.deposit]);
      inLanes += lane.deposit - lane.settled;
    }
  }
  const addressOf = (name: keyof Devices) => keySigner(fromHex(devices[name].file.key)).address;
  const accounts = [gateway, ...(["payer", "scout", "arm"] as const).map(addressOf)];
  for (const account of accounts) expect(await town.vaultOf(vault, account)).toBe(0n);
  expect(await town.tokensOf(vault)).toBe(inLanes);
  const { books } = payment;
  const given = (name: keyof Devices) => payment.outgoing.get(addressOf(name))?.signed ?? 0n;
  expect(await town.tokensOf(SAFES.payer)).toBe(given("payer"));
  expect(await town.tokensOf(SAFES.arm)).toBe(given("arm"));
  // the gateway took out what it put in, less what is in its lanes, and what it was paid: fees, and credit it owes
  const opened = Object.values(OPENED).reduce((sum, one) => sum + units(one), 0n);
  const taken = await town.tokensOf(SAFES.gateway);
  expect(taken).toBe(units(FUNDED.gateway) - opened + totalOf(books, "in"));
  expect(taken - units(FUNDED.gateway) + opened).toBe(
    totalOf(books, "fee") + totalOf(books, "credit") + given("payer") + given("arm"),
  );
  expect(creditOf(payment, addressOf("payer"))).toBe(0n);
  expect(taken + given("payer") + given("arm") + inLanes).toBe(depositedIn());
  return totalOf(books, "fee");
}

/** A device that pays and pays, each voucher worth {@link PRICE} more than the one before. */
class Payer {
  signed = 0n;
  readonly #postman: Postman;
  readonly #file: ConnectionFile;
  #ids = 0;

  private constructor(file: ConnectionFile, postman: Postman) {
    this.#file = file;
    this.#postman = postman;
  }

  static async connect(file: ConnectionFile): Promise<Payer> {
    const socket = connect(Number(new URL(file.broker).port), "127.0.0.1");
    await once(socket, "connect");
    return new Payer(file, await Postman.connect(marketOf(file), keySigner(fromHex(file.key)), file, socket));
  }

  /** So many vouchers, each of them acknowledged; the seconds that it took. */
  async pay(count: number): Promise<number> {
    const from = systemClock.now();
    const { chainId, vault, token, gateway: payee, key } = this.#file;
    const signer = keySigner(fromHex(key));
    for (let paid = 0; paid < count; paid++) {
      this.signed += PRICE;
      const unsigned = { chainId, vault, payee, token, epoch: 0, cumulative: amount(this.signed) };
      const voucher = { ...unsigned, signature: await signer.sign(voucherDigest(unsigned)) };
      const id = this.#id();
      const text = encodeMessage("voucher", { version: 1, id, voucher });
      this.#postman.send({ id, topic: "voucher", text });
      if (paid % AT_ONCE === 0) await this.#postman.settled();
    }
    await this.#acknowledged();
    return (systemClock.now() - from) / 1_000;
  }

  async askBack(): Promise<void> {
    const id = this.#id();
    this.#postman.send({ id, topic: "payout", text: encodeMessage("payout", { version: 1, id }) });
    await this.#acknowledged();
  }

  leave(): Promise<void> {
    return this.#postman.leave();
  }

  async #acknowledged(): Promise<void> {
    await this.#postman.settled();
    const refused = [...this.#postman.answers].filter(([, [answer]]) => answer !== "ack");
    expect(refused).toEqual([]);
  }

  #id(): string {
    this.#ids += 1;
    return `p-${this.#ids}`;
  }
}

/** One device has paths planned, another one plans them; both look at their lanes themselves. */
async function haveWorkDone(town: Town, { scout, arm }: Devices, plan: Plan): Promise<Line> {
  const folder = dirname(arm.path);
  const { promise: done, resolve, reject } = Promise.withResolvers<Line>();
  const start = (name: string, program: string, { path }: Owned, args: readonly string[]) => {
    const files = ["--connection", path, "--wallet", `${path}.wallet`];
    const sight = ["--rpc", town.url, "--confirmations", String(plan.confirmations)];
    return new Child(name, [programPath(program), ...files, ...sight, ...args], (line) => {
      if (line.kind === "done") resolve(line);
      if (line.kind === "failed") reject(new Error(`${name}: ${String(line["message"])}`));
      if (line.kind === "serving") served.resolve();
    });
  };
  const served = Promise.withResolvers<void>();
  const { manifest, trust, firmware } = await publishPathPlan(folder);
  const provider = start("arm", "devices/robot/sim/provider.ts", arm, ["--trust", trust]);
  try {
    await Promise.race([served.promise, done]);
    const course = ["--firmware", firmware, "--manifest", manifest, "--queries", String(plan.tasks)];
    const requester = start("scout", "devices/robot/sim/requester.ts", scout, course);
    const line = await done;
    await requester.stop();
    return line;
  } finally {
    await provider.stop();
  }
}
