/**
 * A gateway with its devices on a broker that is somebody else's: the gateway a process of its own, the devices robots of
 * the SDK in this one. Some hire, some work, one pays voucher after voucher, whatever becomes of broker and gateway.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { chainLanes } from "../../../devices/robot/chain-lanes.ts";
import { marketOf, readConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { Answer } from "../../../devices/robot/order.ts";
import { connect, type Robot } from "../../../devices/robot/robot.ts";
import type { ServeOptions } from "../../../devices/robot/serve.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { replay } from "../../../src/exchange/replay.ts";
import type { State } from "../../../src/exchange/state.ts";
import type { Executor } from "../../../src/firmware/executor.ts";
import type { Trust } from "../../../src/firmware/trust.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { makeWorld, type World } from "../../../src/operator/demo/world.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import type { LocalChain } from "../../../src/settlement/local-chain.ts";
import { Program } from "../../stories/program.ts";
import { PATH_PLAN, planJob, rateFor } from "../../stories/whole-market.ts";
import { expectBooks, expectNothingDoubled } from "../exchange/books-laws.ts";
import { SteadyPayer } from "../stories/steady-payer.ts";

const PRICE = 900n;
const MAX_PRICE = amount(1_500n);
const TRUST: Trust = { firmware: new Set([hashBlob(PATH_PLAN)]), authors: new Set() };
/** Of the buyer: far above all that can be under way. */
const CREDIT_LIMIT = amount(60_000n);
/** Tasks under way at a time, and for how long: one whose only provider was out of reach ends unpaid. */
const HIRES = 2;
const DEADLINE_MS = 15_000;

export type ShopOptions = {
  /** Tells its devices from another shop's on the same broker. */
  readonly name: string;
  readonly folder: string;
  readonly local: LocalChain;
  readonly executor: Executor;
  /** Where the gateway connects, and where its devices do. */
  readonly gatewayAt: string;
  readonly devicesAt: string;
  readonly version: "3.1.1" | "5";
};

export class Shop {
  readonly #options: ShopOptions;
  readonly #world: World;
  readonly #robots: Robot[] = [];
  readonly #answers: Answer[] = [];
  readonly #changes = new EventTarget();
  #payer: SteadyPayer | null = null;
  #market: Market | null = null;
  #gateway: Program;
  #hiring: Promise<unknown> = Promise.resolve();
  #isTired: boolean = false;

  /** Opens when the gateway runs and every device has its terms; trading begins at once. */
  static async open(options: ShopOptions): Promise<Shop> {
    const { name, folder, local } = options;
    const names = { requesters: [`${name}-buyer`, `${name}-payer`], providers: [`${name}-arm`] };
    const serialPath = "tcp://127.0.0.1:9";
    const world = await makeWorld({ folder, local, clock: systemClock, serialPath, names });
    world.connect(1);
    const shop = new Shop(options, world);
    await shop.#ready();
    await shop.#begin();
    return shop;
  }

  private constructor(options: ShopOptions, world: World) {
    this.#options = options;
    this.#world = world;
    const { gatewayAt, devicesAt, version } = options;
    const text = readFileSync(world.config, "utf8").replace(/\[\[serial\]\]\n.*\n/, "");
    const broker = `[broker]\nlisten = []\n\n[broker.external]\nurl = "${gatewayAt}"\nversion = "${version}"\n`;
    writeFileSync(world.config, `${text}\n${broker}\n[firmware]\ncores = 2\n\n[market]\ncheck_rate = 0\n`);
    for (const { connectionFile } of world.devices) {
      const file = JSON.parse(readFileSync(connectionFile, "utf8")) as object;
      const account = { username: "", password: "" };
      writeFileSync(connectionFile, JSON.stringify({ ...file, broker: devicesAt, account }));
    }
    this.#gateway = this.#spawn();
  }

  /** Tasks that were paid for, and vouchers acknowledged. */
  get done(): { readonly paid: number; readonly vouchers: bigint } {
    const paid = this.#answers.filter(({ state }) => state === "paid").length;
    return { paid, vouchers: this.#payer?.acked ?? 0n };
  }

  /** Resolves when so many more tasks have been paid for, and vouchers acknowledged meanwhile. */
  async tradesOn(tasks: number): Promise<void> {
    const { paid, vouchers } = this.done;
    while (this.done.paid < paid + tasks || this.done.vouchers === vouchers) {
      // nobody stops hiring before the end, unless something is wrong
      await Promise.race([once(this.#changes, "done"), this.#hiring]);
    }
  }

  /** Sends a signal to the gateway; resolves when the process is over, or at once where that only stops it. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const { process: child } = this.#gateway;
    child.kill(signal);
    if (signal === "SIGSTOP" || signal === "SIGCONT") return;
    await once(child, "exit");
    const { exitCode, signalCode } = child;
    expect([exitCode, signalCode], this.#gateway.stderr).toEqual(
      signal === "SIGTERM" ? [0, null] : [null, signal],
    );
  }

  /** Starts the gateway again; resolves when it serves. */
  async restart(): Promise<void> {
    this.#gateway = this.#spawn();
    await this.#ready();
  }

  /** Takes no new work; resolves when all that was begun has ended and the gateway is off. */
  async rest(): Promise<void> {
    this.#isTired = true;
    await Promise.all([this.#payer?.rest(), this.#hiring]);
    await this.signal("SIGTERM");
  }

  /** After {@link rest}: journal, books, wallets and answers all say the same. */
  async audit(): Promise<{ readonly paid: number; readonly records: number; readonly vouchers: number }> {
    const verify = new Program(["log", "verify", "--data", this.#world.folder]);
    expect(await verify.ended(), verify.stderr).toBe(0);
    const journal = openJournal(this.#world.folder, { readOnly: true });
    try {
      expectNothingDoubled(journal);
      if (!this.#market) throw new Error("no device has told the market");
      const state = replay(journal, this.#market);
      expectBooks(state);
      this.#expectAgreement(state);
      const { paid } = this.done;
      return { paid, records: journal.head().index, vouchers: this.#payer?.vouchers ?? 0 };
    } finally {
      journal.close();
    }
  }

  async close(): Promise<void> {
    this.#isTired = true;
    const { process: child } = this.#gateway;
    child.kill("SIGKILL");
    await this.#payer?.close();
    await Promise.all(this.#robots.map((robot) => robot.close()));
  }

  #spawn(): Program {
    return new Program(["run", "--config", this.#world.config, "--json"]);
  }

  async #ready(): Promise<void> {
    const gateway = this.#gateway;
    const ended = gateway.ended().then(() => {
      throw new Error(`the gateway ended by itself: ${gateway.stderr}`);
    });
    ended.catch(() => undefined);
    await Promise.race([gateway.heard(({ kind }) => kind === "ready"), ended]);
  }

  async #begin(): Promise<void> {
    const { name, executor } = this.#options;
    const rate: ServeOptions["rate"] = ({ fuelLimit }) => rateFor(PRICE, fuelLimit);
    const arm = await this.#robot(`${name}-arm`);
    arm.serve({ executor, trust: TRUST, rate, concurrency: 2 });
    const buyer = await this.#robot(`${name}-buyer`);
    this.#payer = new SteadyPayer(await readConnectionFile(this.#fileOf(`${name}-payer`)));
    await this.#payer.start(1);
    this.#hiring = Promise.all(Array.from({ length: HIRES }, (_, worker) => this.#hireOn(buyer, worker)));
    // whoever waits for it is told; once the shop is closed nobody does
    this.#hiring.catch(() => undefined);
  }

  async #robot(name: string): Promise<Robot> {
    const file = await readConnectionFile(this.#fileOf(name));
    this.#market = marketOf(file);
    const { chainId, vault } = file;
    const robot = await connect({
      file,
      lanes: chainLanes({ urls: [this.#world.rpc], chainId, vault, confirmations: 1 }),
      factsheet: name.endsWith("arm") ? { profiles: ["task/1"], memoryMiB: 64 } : {},
      walletPath: join(this.#world.folder, `${name}.wallet.json`),
      creditLimit: CREDIT_LIMIT,
    });
    this.#robots.push(robot);
    return robot;
  }

  #fileOf(name: string): string {
    const device = this.#world.devices.find((one) => one.name === name);
    if (!device) throw new Error(`nobody is called ${name}`);
    return device.connectionFile;
  }

  async #hireOn(buyer: Robot, worker: number): Promise<void> {
    for (let number = 0; !this.#isTired; number++) {
      const order = { ...planJob(1_000 * worker + number), maxPrice: MAX_PRICE, checkBudget: MAX_PRICE };
      this.#answers.push(await buyer.hire({ ...order, deadlineMs: DEADLINE_MS }));
      this.#changes.dispatchEvent(new Event("done"));
    }
  }

  #expectAgreement({ payment, market }: State): void {
    const payer = this.#payer;
    if (!payer) throw new Error("nobody has paid");
    expect(payer.refusals).toEqual([]);
    expect(payment.incoming.get(payer.address)?.signed).toBe(payer.signed);
    expect(payer.acked).toBe(payer.signed);
    for (const { task, spent, state } of this.#answers) {
      const known = market.tasks.get(task);
      expect([known?.state === "settled" ? "paid" : known?.state, known?.end?.spent]).toEqual([state, spent]);
    }
    expect(market.tasks.size).toBe(this.#answers.length);
    for (const { address, wallet } of this.#robots) {
      const given = payment.outgoing.get(address)?.signed ?? 0n;
      expect(wallet.received.at(-1)?.cumulative ?? 0n).toBe(given);
      expect(payment.incoming.get(address)?.signed ?? 0n).toBe(wallet.signed);
    }
    const [, buyer] = this.#robots;
    if (!buyer) throw new Error("nobody has hired");
    const spent = this.#answers.reduce((sum, one) => sum + one.spent, 0n);
    const back = buyer.wallet.received.at(-1)?.cumulative ?? 0n;
    expect(spent + back + creditOf(payment, buyer.address)).toBe(buyer.wallet.signed);
  }
}
