/**
 * A gateway that is killed with SIGKILL again and again, under a stream of vouchers and of tasks.
 *
 * Between two lives its journal is read: everything that anybody was told stands in it. At the end everything that was
 * signed is claimed, and the chain has paid exactly that.
 */
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "vitest";
import { chainLanes } from "../../../devices/robot/chain-lanes.ts";
import { marketOf, readConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import type { Answer } from "../../../devices/robot/order.ts";
import { connect, type Robot } from "../../../devices/robot/robot.ts";
import type { ServeOptions } from "../../../devices/robot/serve.ts";
import type { Trust } from "../../../devices/robot/trust.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { replay } from "../../../src/exchange/replay.ts";
import type { State } from "../../../src/exchange/state.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { makeWorld, type World } from "../../../src/operator/demo/world.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import { startLocalChain } from "../../../src/settlement/local-chain.ts";
import { Program } from "../../stories/program.ts";
import { PATH_PLAN, planJob, rateFor } from "../../stories/whole-market.ts";
import { expectBooks, expectNothingDoubled } from "../exchange/books-laws.ts";
import { SteadyPayer } from "./steady-payer.ts";

/** What all the killing came to; a JSON line of it is for whoever wants figures. */
export type Toll = {
  readonly kills: number;
  /** Killed before the gateway was ready, while it read its journal for instance. */
  readonly early: number;
  readonly vouchers: number;
  readonly paidTasks: number;
  /** Acknowledged to payers and told to payees, atomic units. */
  readonly acknowledged: bigint;
  readonly records: number;
  readonly seconds: number;
};

const NAMES = { requesters: ["payer", "scout"], providers: ["arm-1", "arm-2"] } as const;
const MAX_PRICE = amount(1_500n);
const TRUST: Trust = { firmware: new Set([hashBlob(PATH_PLAN)]), authors: new Set() };
/** Of the requester: far above all that can be under way, as this is no story of limits. */
const CREDIT_LIMIT = amount(60_000n);
/** Lives of a gateway that is ready, milliseconds: most end soon, some come as far as awards and payments. */
const SHORT_MS = 600;
const LONG_MS = 3_000;
/** Most records of a life that is ended by what it writes. */
const LIFE_RECORDS = 120;
/** One life in so many does not come to be ready. */
const EARLY = 6;
/** About what a start takes, milliseconds. */
const EARLY_MS = 800;

export class KillStory {
  readonly #world: World;
  readonly #rpc: string;
  readonly #closing: (() => Promise<unknown>)[] = [];
  readonly #robots = new Map<string, Robot>();
  readonly #answers: Answer[] = [];
  /** What devices have said against their gateway, which is honest. */
  readonly #accusations: RobotEvent[] = [];
  #payer: SteadyPayer | null = null;
  #gateway: Program;
  #market: Market | null = null;
  #port = 0;
  #early = 0;
  #isTired: boolean = false;

  /** @param kills - how often the gateway dies */
  static async tell(folder: string, kills: number): Promise<Toll> {
    const from = systemClock.now();
    const local = await startLocalChain();
    const common = { folder, local, clock: systemClock, serialPath: "tcp://127.0.0.1:9" };
    const story = new KillStory(await makeWorld({ ...common, names: NAMES }), local.url);
    story.#closing.push(() => local.stop());
    try {
      const toll = await story.#play(kills);
      return { ...toll, seconds: (systemClock.now() - from) / 1_000 };
    } finally {
      for (const close of story.#closing.reverse()) await close();
    }
  }

  private constructor(world: World, rpc: string) {
    this.#world = world;
    this.#rpc = rpc;
    this.#gateway = this.#spawn();
  }

  async #play(kills: number): Promise<Omit<Toll, "seconds">> {
    this.#closing.push(() => this.#end());
    await this.#ready();
    this.#world.connect(this.#port);
    const payer = await this.#open();
    const hiring = [1, 2, 3].map((worker) => this.#hireOn(worker));
    for (let kill = 1; kill <= kills; kill++) {
      await this.#kill(kill % EARLY === 0);
      this.#inquire();
      this.#gateway = this.#spawn();
    }
    await this.#ready();
    this.#isTired = true;
    await Promise.all([payer.rest(), ...hiring]);
    const toll = { vouchers: payer.vouchers, acknowledged: this.#acknowledged(payer) };
    const records = await this.#settle(payer);
    const paidTasks = this.#answers.filter(({ state }) => state === "paid").length;
    return { kills, early: this.#early, paidTasks, records, ...toll };
  }

  /** All devices, from their connection files. */
  async #open(): Promise<SteadyPayer> {
    const executor = new Executor({ clock: systemClock });
    await executor.start();
    this.#closing.push(() => executor.stop());
    for (const [name, price] of [
      ["arm-1", 900n],
      ["arm-2", 950n],
    ] as const) {
      const robot = await this.#robot(name);
      const rate: ServeOptions["rate"] = ({ fuelLimit }) => rateFor(price, fuelLimit);
      robot.serve({ executor, trust: TRUST, rate, concurrency: 4 });
    }
    await this.#robot("scout");
    const payer = new SteadyPayer(await readConnectionFile(this.#fileOf("payer")));
    this.#closing.push(() => payer.close());
    this.#payer = payer;
    await payer.start();
    return payer;
  }

  async #robot(name: string): Promise<Robot> {
    const file = await readConnectionFile(this.#fileOf(name));
    this.#market = marketOf(file);
    const { chainId, vault } = file;
    const robot = await connect({
      file,
      lanes: chainLanes({ urls: [this.#rpc], chainId, vault, confirmations: 1 }),
      factsheet: name.startsWith("arm") ? { profiles: ["task/1"], memoryMiB: 64 } : {},
      walletPath: join(this.#world.folder, `${name}.wallet.json`),
      creditLimit: CREDIT_LIMIT,
    });
    robot.listen((event) => {
      if (event.kind === "breached" || event.kind === "gatewayOverdue") this.#accusations.push(event);
    });
    this.#robots.set(name, robot);
    this.#closing.push(() => robot.close());
    return robot;
  }

  #fileOf(name: string): string {
    const device = this.#world.devices.find((one) => one.name === name);
    if (!device) throw new Error(`nobody is called ${name}`);
    return device.connectionFile;
  }

  /** Has one thing after the other done. */
  async #hireOn(worker: number): Promise<void> {
    const scout = this.#robotOf("scout");
    for (let number = 0; !this.#isTired; number++) {
      const order = { ...planJob(1_000 * worker + number), maxPrice: MAX_PRICE, checkBudget: MAX_PRICE };
      this.#answers.push(await scout.hire(order));
    }
  }

  #robotOf(name: string): Robot {
    const robot = this.#robots.get(name);
    if (!robot) throw new Error(`${name} is not connected`);
    return robot;
  }

  #spawn(): Program {
    const listen = ["--listen", `127.0.0.1:${this.#port}`];
    return new Program(["run", "--config", this.#world.config, ...listen, "--json"]);
  }

  async #ready(): Promise<void> {
    const gateway = this.#gateway;
    const ended = gateway.ended().then(() => {
      throw new Error(`the gateway ended by itself: ${gateway.stderr}`);
    });
    const ready = await Promise.race([gateway.heard(({ kind }) => kind === "ready"), ended]);
    this.#port = Number(ready["port"]);
  }

  /** Waits for a moment that nobody can foresee, and kills. */
  async #kill(isEarly: boolean): Promise<void> {
    const { process: child } = this.#gateway;
    if (isEarly) {
      this.#early += 1;
      await systemClock.sleep(Math.random() * EARLY_MS);
    } else {
      await this.#ready();
      const luck = Math.random();
      if (luck < 0.4) await this.#written();
      else await systemClock.sleep(Math.random() * (luck < 0.8 ? SHORT_MS : LONG_MS));
    }
    if (child.exitCode !== null) throw new Error(`the gateway ended by itself: ${this.#gateway.stderr}`);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(child.signalCode).toBe("SIGKILL");
  }

  /** Some records of this life are on disk. */
  async #written(): Promise<void> {
    let left = 1 + Math.floor(Math.random() * LIFE_RECORDS);
    await new Promise<void>((resolve) => {
      this.#gateway.listen(({ kind }) => {
        if (kind === "facts" && --left === 0) resolve();
      });
    });
  }

  /** What the journal knows while nobody runs: all that anybody was told, and nothing that was not signed. */
  #inquire(): void {
    const payer = this.#payer;
    if (!payer) return;
    const { payment, market } = this.#read();
    const here = payment.incoming.get(payer.address)?.signed ?? 0n;
    expect(here >= payer.acked, `${here} of ${payer.acked} that were acknowledged`).toBe(true);
    expect(here <= payer.signed, `${here} of ${payer.signed} that were signed`).toBe(true);
    for (const [name, { address, wallet }] of this.#robots) {
      const received = wallet.received.at(-1)?.cumulative ?? 0n;
      const given = payment.outgoing.get(address)?.signed ?? 0n;
      expect(given >= received, `${name} holds ${received}, the journal says ${given}`).toBe(true);
      const signed = payment.incoming.get(address)?.signed ?? 0n;
      expect(wallet.signed >= signed, `${name} signed ${wallet.signed}, the journal says ${signed}`).toBe(
        true,
      );
    }
    for (const { task, spent, state } of this.#answers) {
      const known = market.tasks.get(task);
      expect([known?.end?.spent, state]).toEqual([spent, known?.state === "settled" ? "paid" : known?.state]);
    }
  }

  #read(): State {
    if (!this.#market) throw new Error("no device has told the market");
    const journal = openJournal(this.#world.folder, { readOnly: true });
    try {
      return replay(journal, this.#market);
    } finally {
      journal.close();
    }
  }

  #acknowledged(payer: SteadyPayer): bigint {
    const received = [...this.#robots.values()].map(({ wallet }) => wallet.received.at(-1)?.cumulative ?? 0n);
    return received.reduce((sum, one) => sum + one, payer.acked + this.#robotOf("scout").wallet.signed);
  }

  /** Nothing is under way any more: what was signed is claimed, and is the same wherever one looks. */
  async #settle(payer: SteadyPayer): Promise<number> {
    expect(payer.refusals).toEqual([]);
    expect(payer.acked).toBe(payer.signed);
    const settle = new Program(["settle", "--now", "--config", this.#world.config]);
    expect(await settle.ended(), settle.stderr).toBe(0);
    await this.#end();
    const state = this.#read();
    const { payment } = state;
    expectBooks(state);
    expect(payment.incoming.get(payer.address)?.signed).toBe(payer.signed);
    expect(creditOf(payment, payer.address)).toBe(payer.signed);
    const { address, wallet } = this.#robotOf("scout");
    const spent = this.#answers.reduce((sum, one) => sum + one.spent, 0n);
    const back = wallet.received.at(-1)?.cumulative ?? 0n;
    expect(payment.incoming.get(address)?.signed).toBe(wallet.signed);
    expect(spent + back + creditOf(payment, address)).toBe(wallet.signed);
    for (const robot of this.#robots.values()) {
      const given = payment.outgoing.get(robot.address)?.signed ?? 0n;
      expect(robot.wallet.received.at(-1)?.cumulative ?? 0n).toBe(given);
    }
    await this.#expectClaimed(state);
    const records = await this.#audit();
    expect(this.#accusations).toEqual([]);
    return records;
  }

  async #expectClaimed({ payment }: State): Promise<void> {
    const { chain, token } = this.#world;
    const all = [...payment.incoming.values(), ...payment.outgoing.values()];
    const keys = all.map(({ payer, payee }): { payer: Hex; payee: Hex; token: Hex } => ({
      payer,
      payee,
      token,
    }));
    const { lanes } = await chain.lanes(keys, "head");
    expect(lanes.map(({ settled }) => settled)).toEqual(all.map(({ signed }) => signed));
  }

  /** Every hash and signature, and that nothing was done twice; the number of records. */
  async #audit(): Promise<number> {
    const verify = new Program(["log", "verify", "--data", this.#world.folder]);
    expect(await verify.ended(), verify.stderr).toBe(0);
    const journal = openJournal(this.#world.folder, { readOnly: true });
    try {
      expectNothingDoubled(journal);
      return journal.head().index;
    } finally {
      journal.close();
    }
  }

  /** Ends the gateway as an operator does. */
  async #end(): Promise<void> {
    const { process: child } = this.#gateway;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  }
}
