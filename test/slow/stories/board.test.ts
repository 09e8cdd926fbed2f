/**
 * The board's own firmware, on an emulated Cortex-M3, in a market where nothing else is emulated: the command line, the
 * gateway, a chain, a provider in a process of its own, and a cable that is a pty.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Assets, JobTerms } from "../../../devices/board/assets.ts";
import type { ConsoleLine } from "../../../devices/board/emulator/emulator.ts";
import { marketOf } from "../../../devices/robot/connection-file.ts";
import { encodeInput } from "../../../devices/robot/plan/job.ts";
import { shortestLength } from "../../../devices/robot/plan/reference.ts";
import { randomQueries, warehouse } from "../../../devices/robot/plan/warehouse.ts";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount, parseAmount, ZERO } from "../../../src/base/money.ts";
import { replay } from "../../../src/exchange/replay.ts";
import type { State } from "../../../src/exchange/state.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { addressOfKey } from "../../../src/kernels/signature.ts";
import { type Publication, publishPathPlan } from "../../../src/operator/demo/author.ts";
import { Child, programPath } from "../../../src/operator/demo/crew.ts";
import {
  buildFirmware,
  EmulatedBoard,
  isEmulatorAbsent,
  type WalletKind,
  whyAbsent,
} from "../../board/emulator.ts";
import { expectBooks } from "../exchange/books-laws.ts";
import { Operator, type Owned } from "./operator.ts";
import { Town } from "./town.ts";

const units = (text: string) => parseAmount(text, 6);
const DEPOSIT = "2";
/** Of an order: what it may cost, and as much again for a second opinion. */
const PRICE = amount(20_000n);
const GRID = warehouse(7);
/** The longest first: the last one costs the least. */
const QUERIES = randomQueries(GRID, 12, 7)
  .map((query) => ({ ...query, length: shortestLength(GRID, query) ?? 0 }))
  .toSorted((a, b) => b.length - a.length);

let folder: string;
let town: Town;
let operator: Operator;
let arm: Owned;
let publication: Publication;
/** Where the gateway looks for the board's tty. */
let link: string;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  if (isEmulatorAbsent) return;
  folder = mkdtempSync(join(tmpdir(), "hirewire-story-"));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  link = join(folder, "tty-board");
  town = await Town.open(folder, 1, units("1000"));
  closing.push(() => town.stop());
  const serial = `\n[limits]\non_result = "1.00"\n\n[[serial]]\npath = "${link}"\nbaud = 115200\n`;
  operator = await Operator.settle(town, join(folder, "gateway"), 1, serial);
  closing.push(() => operator.stop());
  await town.giveCoin(operator.address);
  arm = await operator.enrol("arm");
  await operator.fund("gateway", "100");
  await operator.hirewire("lane", "open", "arm", "10");
  publication = await publishPathPlan(folder);
  await startProvider();
}, 120_000);

afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

/** Somebody else's, who trusts the author of the path planner. */
async function startProvider(): Promise<void> {
  const serving = Promise.withResolvers<void>();
  const files = [
    "--connection",
    arm.path,
    "--wallet",
    join(folder, "arm.wallet"),
    "--trust",
    publication.trust,
  ];
  const sight = ["--rpc", town.url, "--confirmations", "1", "--rate", "85000000"];
  const provider = new Child(
    "arm",
    [programPath("devices/robot/sim/provider.ts"), ...files, ...sight],
    (line) => {
      if (line.kind === "serving") serving.resolve();
      if (line.kind === "failed") serving.reject(new Error(String(line["message"])));
    },
  );
  closing.push(() => provider.stop());
  await serving.promise;
}

/** The assets of a board that has these jobs. */
function jobsOf(payments: readonly Partial<JobTerms>[]): Assets {
  const terms: JobTerms = {
    ...{ maxPrice: PRICE, checkBudget: PRICE, fuelLimit: 100_000_000, dueMs: 60_000 },
    ...{ memoryMiB: 64, payment: "prepaid" as const, profile: "task/1" as const },
  };
  return {
    board: { manufacturer: "acme", serialNumber: "m3-0001", model: "M3 kit", slot: "0", exposureLimit: ZERO },
    firmware: readFileSync(publication.firmware),
    manifest: JSON.stringify(JSON.parse(readFileSync(publication.manifest, "utf8"))),
    jobs: payments.map((special, at) => ({
      terms: { ...terms, ...special },
      input: encodeInput(GRID, [query(at)]),
    })),
  };
}

function query(number: number) {
  const found = number === 3 ? QUERIES.at(-1) : QUERIES[number];
  if (!found) throw new Error(`there is no query ${number}`);
  return found;
}

async function powerOn(wallet: WalletKind, assets: Assets, store: string): Promise<EmulatedBoard> {
  const board = await EmulatedBoard.start({ image: await buildFirmware(wallet), assets, store, link });
  onTestFinished(() => board.stop());
  return board;
}

/** Paid, proven, whole, and as long as a shortest path is. */
function expectPlanned(number: number, answer: ConsoleLine): void {
  expect(answer).toMatchObject({ number, state: "paid", verdict: "ok", status: 0 });
  expect(answer).toMatchObject({ isProven: true, isWhole: true });
  const length = Number(answer["straight"]) + Number(answer["diagonal"]) * Math.SQRT2;
  expect(length).toBeCloseTo(query(number).length, 6);
}

const answerTo = (number: number) => (line: ConsoleLine) =>
  line.kind === "answer" && line["number"] === number;

/** Everything is claimed: so many tasks, and journal and chain say the same of the board's lane. */
async function expectSettled(device: Hex, tasks: number): Promise<State> {
  await operator.hirewire("settle", "--now");
  await operator.verify();
  const journal = openJournal(operator.data, { readOnly: true });
  try {
    const state = replay(journal, marketOf(arm.file));
    expectBooks(state);
    const known = state.payment.incoming.get(device);
    const lane = await town.laneOf(arm.file.vault, device, operator.address);
    expect([lane.settled, lane.deposit]).toEqual([known?.signed, units(DEPOSIT)]);
    const its = [...state.market.tasks.values()].filter(({ requester }) => requester === device);
    expect(its.map(({ state: stage }) => stage)).toEqual(Array(tasks).fill("settled"));
    const earned = state.payment.outgoing.get(addressOfKey(fromHex(arm.file.key)))?.signed;
    expect(
      (await town.laneOf(arm.file.vault, operator.address, addressOfKey(fromHex(arm.file.key)))).settled,
    ).toBe(earned);
    return state;
  } finally {
    journal.close();
  }
}

describe.skipIf(isEmulatorAbsent)(`the board's own firmware${whyAbsent}`, { timeout: 90_000 }, () => {
  it("is paired over its cable, hires, pays out of the wallet that the gateway keeps, and not above its cap", async () => {
    // the second order would take more than the cap leaves
    const assets = { ...jobsOf([{}, { maxPrice: units("1.5") }, {}]), tries: 2 };
    const store = join(folder, "kept-store");
    mkdirSync(store);
    const board = await powerOn("kept", assets, store);
    await expect
      .poll(() => operator.hirewire("device", "pair", "--json"), { timeout: 20_000 })
      .toMatchObject([{ manufacturer: "acme", serialNumber: "m3-0001", model: "M3 kit" }]);
    const [paired] = await operator.hirewire("device", "pair", "kept-1", "--cap", "1.00", "--json");
    await board.heard(({ kind }) => kind === "paired");
    const poor = await board.heard(({ kind }) => kind === "ready");
    expect(poor).toMatchObject({ number: 0, deposit: "0" });
    await operator.fund("kept-1", DEPOSIT);

    expectPlanned(0, await board.heard(answerTo(0)));
    // its button is pressed while it hires for the last time
    await board.heard(({ kind, number }) => kind === "offered" && number === 2);
    await board.reset();
    expectPlanned(2, await board.heard(answerTo(2)));
    expect(await board.heard(({ kind }) => kind === "done")).toMatchObject({ tasks: 3 });

    const refusals = board.lines.filter(({ kind }) => kind === "refused");
    expect(refusals.map(({ number, code }) => [number, code])).toEqual(Array(2).fill([1, "over_cap"]));
    const device = paired?.["device"] as Hex;
    const from = { burnt: board.coreSeconds, at: systemClock.now() };
    const state = await expectSettled(device, 2);
    // nothing is left to do: it sleeps
    const burnt = board.coreSeconds - from.burnt;
    expect(burnt).toBeLessThan(0.1 * Math.max(1, (systemClock.now() - from.at) / 1_000));
    expect(state.payment.incoming.get(device)?.signed).toBeLessThanOrEqual(units("1.00"));
  });

  it("signs for itself, beforehand and on result, by a connection file in its store", async () => {
    // what is owed at a time is never more than was paid before
    const onResult: Partial<JobTerms> = {
      payment: "result",
      fuelLimit: 20_000_000,
      maxPrice: amount(2_000n),
      checkBudget: ZERO,
    };
    const assets = jobsOf([{}, {}, {}, onResult]);
    const scout = await operator.enrol("own-1");
    const device = addressOfKey(fromHex(scout.file.key));
    await operator.fund("own-1", DEPOSIT);
    const store = join(folder, "own-store");
    mkdirSync(store);
    copyFileSync(scout.path, join(store, "slot-0"));
    const board = await powerOn("own", assets, store);
    const bill = await board.heard(({ kind }) => kind === "invoicePaid");
    expect(bill).toMatchObject({ number: 3 });
    await board.heard(({ kind }) => kind === "done");
    const told = [0, 1, 2, 3].map((number) => board.lines.find(answerTo(number)));
    for (const [number, answer] of told.entries()) expectPlanned(number, answer ?? { kind: "none" });
    expect(told[3]?.["spent"]).toBe(bill["price"]);
    const state = await expectSettled(device, 4);
    expect(state.payment.incoming.get(device)?.signed).toBe(BigInt(String(bill["signed"])));
  });
});
