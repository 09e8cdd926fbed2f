/**
 * A whole market whose buyer is the board's own firmware in the emulator, at the far end of a bad serial cable, and what
 * has to be true of its money in the end, whatever was done to cable and power.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SerialPort } from "serialport";
import { expect } from "vitest";
import type { JobTerms } from "../../../devices/board/assets.ts";
import { readConnectionFile } from "../../../devices/robot/connection-file.ts";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { replay } from "../../../src/exchange/replay.ts";
import type { Executor } from "../../../src/firmware/executor.ts";
import { judgeModule } from "../../../src/firmware/policy.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { verifyJournal } from "../../../src/journal/verify.ts";
import { isOpen } from "../../../src/market/task.ts";
import { writeWallet } from "../../../src/operator/wallet-folder.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import { pairingText } from "../../../src/protocol/pairing.ts";
import { buildFirmware, EmulatedBoard, type WalletKind } from "../../board/emulator.ts";
import { openCableMarket } from "../../serial-cable/cable-market.ts";
import type { SerialCable } from "../../serial-cable/serial-cable.ts";
import { until } from "../../serial-cable/until.ts";
import { PATH_PLAN, planJob, type WholeMarket } from "../../stories/whole-market.ts";
import { expectBooks, expectNothingDoubled } from "../exchange/books-laws.ts";

/** What an emulated UART keeps up with, bits a second. */
const BAUD = 115_200;
const BUYER = "buyer";
const CAP = "19.00";
const MAX_PRICE = amount(1_000n);
/** Milliseconds until an answer is due: faults may last. */
const DUE_MS = 120_000;
/** Inputs burn different amounts; all are offered with one limit. */
const FUEL_MARGIN = 4;

/** A job's task and what the board was told of it. */
export type Told = {
  readonly number: number;
  readonly task: string;
  readonly state: string;
  readonly output: Hex | null;
  readonly isWhole: boolean;
};

export class BoardOnCable {
  readonly market: WholeMarket;
  readonly cable: SerialCable;
  readonly board: EmulatedBoard;
  readonly address: Hex;
  readonly #inputs: readonly Uint8Array[];

  /**
   * The cable is in, and the board has power.
   *
   * @param jobs - what it hires, one after the other
   */
  static async open(options: {
    readonly wallet: WalletKind;
    readonly jobs: number;
    readonly seed: number;
  }): Promise<BoardOnCable> {
    const image = await buildFirmware(options.wallet);
    const { market, cable } = await openCableMarket({ baud: BAUD, seed: options.seed });
    const store = await mkdtemp(join(tmpdir(), "board-store-"));
    market.adopt(() => rm(store, { recursive: true, force: true }));
    const address = await identify(market, store, options.wallet);
    await cable.plug();
    const { assets, inputs } = assetsOf(options.jobs);
    const board = await EmulatedBoard.start({ image, assets, store, serial: cable.boardPath });
    market.adopt(() => board.stop());
    return new BoardOnCable(market, cable, board, address, inputs);
  }

  private constructor(
    market: WholeMarket,
    cable: SerialCable,
    board: EmulatedBoard,
    address: Hex,
    inputs: readonly Uint8Array[],
  ) {
    this.market = market;
    this.cable = cable;
    this.board = board;
    this.address = address;
    this.#inputs = inputs;
  }

  /** Sessions in which the board has heard the terms. */
  get sessions(): number {
    return this.#count("ready");
  }

  /** Jobs that are over. */
  get closed(): number {
    return this.#count("closed");
  }

  #count(kind: string): number {
    return this.board.lines.filter((line) => line.kind === kind).length;
  }

  /** Resolves when so many more jobs are over. */
  async work(jobs: number, limitMs = 60_000): Promise<void> {
    const goal = this.closed + jobs;
    await until(() => this.closed >= goal || this.#failure() !== undefined, limitMs);
    expect(this.#failure()).toBeUndefined();
  }

  #failure() {
    return this.board.lines.find(({ kind }) => kind === "failed" || kind === "crashed");
  }

  /** What the board has told of its answers, the newest of each job. */
  told(): Told[] {
    const all = this.board.lines.filter(({ kind }) => kind === "answer") as unknown as Told[];
    return [...new Map(all.map((one) => [one.number, one])).values()];
  }

  /**
   * Cuts the board's power, lets the gateway finish, and looks at everything: the journal, the lane, every answer, the
   * bytes of every output, and whether the port is free.
   */
  async audit(): Promise<{ readonly paid: number; readonly told: number }> {
    const { market, cable, board, address } = this;
    await board.cutPower();
    const look = () => {
      const journal = openJournal(market.world.folder, { readOnly: true });
      return {
        journal,
        state: replay(journal, market.gateway.market),
        [Symbol.dispose]: () => journal.close(),
      };
    };
    await until(() => {
      using now = look();
      return ![...now.state.market.tasks.values()].some(isOpen);
    }, DUE_MS);
    using end = look();
    verifyJournal(end.journal.entries());
    expectNothingDoubled(end.journal);
    expectBooks(end.state);
    const tasks = [...end.state.market.tasks.values()].filter(({ requester }) => requester === address);
    const spent = tasks.reduce((sum, { end: ended }) => sum + (ended?.spent ?? 0n), 0n);
    const { payment } = end.state;
    expect(payment.incoming.get(address)?.signed).toBe(spent + creditOf(payment, address));
    const told = this.told();
    for (const { task, state } of told) expect(tasks.find(({ id }) => id === task)?.state).toBe(state);
    // one job, one task: whatever was repeated, nothing was bought twice
    expect(new Set(told.map(({ task }) => task)).size).toBe(told.length);
    expect(tasks.length - told.length).toBeLessThanOrEqual(1);
    await this.#expectOutputs(told);
    expect(market.faults.filter((fault) => codeOf(fault) !== "link_lost")).toEqual([]);
    expect(market.broken).toEqual([]);
    await market.gateway.stop();
    try {
      await expectFree(cable.gatewayPath);
    } finally {
      // another one takes its place, until the market closes
      market.gateway = await market.startGateway(0);
    }
    return { paid: tasks.filter(({ state }) => state === "paid").length, told: told.length };
  }

  /** What the board has got is what the firmware makes of its input. */
  async #expectOutputs(told: readonly Told[]): Promise<void> {
    const executor = await this.market.executor();
    for (const { number, state, output, isWhole } of told) {
      if (state !== "paid") continue;
      expect(isWhole, `output of job ${number}`).toBe(true);
      expect(output, `output of job ${number}`).toBe(await outputOf(executor, this.#inputs[number]));
    }
  }
}

async function outputOf(executor: Executor, input: Uint8Array | undefined): Promise<Hex> {
  if (!input) throw new Error("no such job");
  const run = await executor.run({
    ...{ firmware: PATH_PLAN, input, fuelLimit: 1e9, maxOutput: 1_048_576, wallMs: 10_000 },
  });
  if (run.verdict !== "ok") throw new Error(`the run ended ${run.verdict}`);
  return hashBlob(run.output);
}

/** Nobody holds the port. */
async function expectFree(path: string): Promise<void> {
  const port = new SerialPort({ path, baudRate: BAUD, autoOpen: false });
  const failed = await new Promise<Error | null>((resolve) => port.open(resolve));
  expect(failed).toBeNull();
  await new Promise((resolve) => port.close(resolve));
}

function codeOf(fault: unknown): unknown {
  return typeof fault === "object" && fault !== null && "code" in fault ? fault.code : fault;
}

/** Puts into the board's store who it is, and into the gateway's folder what it has to keep for it. */
async function identify(market: WholeMarket, store: string, wallet: WalletKind): Promise<Hex> {
  const device = market.world.devices.find(({ name }) => name === BUYER);
  if (!device) throw new Error("nobody buys here");
  const slot = join(store, "slot-0");
  if (wallet === "own") {
    writeFileSync(slot, readFileSync(device.connectionFile));
    return device.address;
  }
  const { key, manufacturer, serialNumber, name, gateway, chainId, vault, token } = await readConnectionFile(
    device.connectionFile,
  );
  const secret = toHex(crypto.getRandomValues(new Uint8Array(32)));
  const { address } = device;
  writeWallet(market.world.folder, { version: 1, device: address, name, key, secret, cap: CAP });
  const place = { version: 1 as const, manufacturer, serialNumber, name };
  writeFileSync(slot, pairingText({ ...place, secret, device: address, gateway, chainId, vault, token }));
  return address;
}

function assetsOf(count: number) {
  const judged = judgeModule(PATH_PLAN);
  if ("rejection" in judged) throw new Error(judged.reason);
  const jobs = Array.from({ length: count }, (_, at) => planJob(at + 1));
  const fuelLimit = FUEL_MARGIN * (jobs[0]?.fuelLimit ?? 0);
  const terms: JobTerms = {
    ...{ maxPrice: MAX_PRICE, checkBudget: ZERO, fuelLimit, dueMs: DUE_MS },
    ...{ memoryMiB: judged.memoryMiB, profile: judged.profile, payment: "prepaid" },
  };
  const inputs = jobs.map(({ input }) => input);
  const board = {
    ...{ manufacturer: "hirewire", serialNumber: BUYER, model: "emulated Cortex-M3" },
    ...{ slot: "0", exposureLimit: ZERO },
  };
  const assets = {
    ...{ board, firmware: PATH_PLAN, manifest: null },
    jobs: inputs.map((input) => ({ terms, input })),
  };
  return { assets, inputs };
}
