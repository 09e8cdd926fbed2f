/** Robots that hire and serve for a week, come and go, and keep their wallets meanwhile. */
import { join } from "node:path";
import { chainLanes } from "../../../devices/robot/chain-lanes.ts";
import { readConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import type { Answer } from "../../../devices/robot/order.ts";
import { connect, isFault, type Robot } from "../../../devices/robot/robot.ts";
import type { ServeOptions } from "../../../devices/robot/serve.ts";
import type { Trust } from "../../../devices/robot/trust.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { PATH_PLAN, planJob, rateFor } from "../../stories/whole-market.ts";

const MAX_PRICE = amount(1_500n);
const TRUST: Trust = { firmware: new Set([hashBlob(PATH_PLAN)]), authors: new Set() };
/** Of a requester: far above all that can be under way, as this is no story of limits. */
const CREDIT_LIMIT = amount(10_000_000n);
/** How long a requester waits before it offers again what was refused, milliseconds. */
const AGAIN_MS = 100;

type Place = {
  /** Of wallets. */
  readonly folder: string;
  readonly rpc: string;
  readonly vault: Hex;
  readonly chainId: number;
  readonly executor: ServeOptions["executor"];
};

export class Crew {
  readonly #place: Place;
  readonly #robots = new Map<string, Robot>();
  /** Of everybody who was ever there: the total that its wallet has signed, and that it has received. */
  readonly #wallets = new Map<Hex, { readonly signed: bigint; readonly received: bigint }>();
  /** What devices have said against their gateway, which is honest. */
  readonly accusations: RobotEvent[] = [];
  /** How often an order was refused, by code. */
  readonly refusals = new Map<string, number>();
  /** How tasks have ended. */
  readonly ends = new Map<string, number>();
  readonly spent = new Map<Hex, bigint>();
  #wanted = 0;
  #paid = 0;
  #jobs = 0;
  #isOver: boolean = false;
  readonly #milestones = new Map<() => void, number>();
  readonly #refusing: { readonly code: string; readonly resolve: () => void }[] = [];

  constructor(place: Place) {
    this.#place = place;
  }

  get paid(): number {
    return this.#paid;
  }

  get size(): number {
    return this.#robots.size;
  }

  /** Connects a device with the wallet that it had, and has it serve where it is a provider. */
  async join(name: string, connectionFile: string, price: bigint | null): Promise<void> {
    const { folder, rpc, vault, chainId, executor } = this.#place;
    const robot = await connect({
      file: await readConnectionFile(connectionFile),
      lanes: chainLanes({ urls: [rpc], chainId, vault, confirmations: 1 }),
      factsheet: price === null ? {} : { profiles: ["task/1"], memoryMiB: 64 },
      walletPath: join(folder, `${name}.wallet.json`),
      creditLimit: CREDIT_LIMIT,
    });
    robot.listen((event) => {
      if (event.kind === "breached" || event.kind === "gatewayOverdue") this.accusations.push(event);
    });
    this.#robots.set(name, robot);
    if (price === null) return;
    const rate: ServeOptions["rate"] = ({ fuelLimit }) => rateFor(price, fuelLimit);
    robot.serve({ executor, trust: TRUST, rate, concurrency: 16 });
  }

  /** Leaves, whatever it is doing. */
  async leave(name: string): Promise<void> {
    const robot = this.#robots.get(name);
    if (!robot) throw new Error(`${name} is not here`);
    this.#robots.delete(name);
    await robot.close();
    this.#remember(robot);
  }

  /** Has so many tasks done, `atOnce` by each of these requesters; resolves when all of them are paid for. */
  async hire(names: readonly string[], tasks: number, atOnce: number): Promise<void> {
    this.#wanted = tasks;
    const workers = names.flatMap((name) => Array.from({ length: atOnce }, () => this.#workFor(name)));
    await Promise.all(workers);
  }

  /** Resolves when so many tasks in all are paid for. */
  until(paid: number): Promise<void> {
    if (this.#paid >= paid) return Promise.resolve();
    return new Promise((resolve) => this.#milestones.set(resolve, paid));
  }

  /** Resolves when an offer is refused with this code from now on. */
  refused(code: string): Promise<void> {
    return new Promise((resolve) => this.#refusing.push({ code, resolve }));
  }

  async close(): Promise<void> {
    this.#isOver = true;
    for (const name of [...this.#robots.keys()]) await this.leave(name);
  }

  /** By address, what wallets say: of those that are here, and of those that have left. */
  wallets(): ReadonlyMap<Hex, { readonly signed: bigint; readonly received: bigint }> {
    for (const robot of this.#robots.values()) this.#remember(robot);
    return this.#wallets;
  }

  #remember({ address, wallet }: Robot): void {
    const received = wallet.received.at(-1)?.cumulative ?? 0n;
    this.#wallets.set(address, { signed: wallet.signed, received });
  }

  async #workFor(name: string): Promise<void> {
    while (this.#wanted > 0 && !this.#isOver) {
      this.#wanted -= 1;
      const isPaid = await this.#haveDone(name, this.#jobs++);
      if (!isPaid) this.#wanted += 1;
    }
  }

  async #haveDone(name: string, job: number): Promise<boolean> {
    const robot = this.#robots.get(name);
    if (!robot) throw new Error(`${name} is not here`);
    try {
      const answer = await robot.hire({ ...planJob(job), maxPrice: MAX_PRICE, checkBudget: MAX_PRICE });
      this.#ended(robot.address, answer);
      return answer.state === "paid";
    } catch (fault) {
      if (!isFault(fault, "refused")) throw fault;
      const code = String(fault.facts["code"]);
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
      for (const one of this.#refusing) if (one.code === code) one.resolve();
      await systemClock.sleep(AGAIN_MS);
      return false;
    }
  }

  #ended(requester: Hex, { state, reason, spent }: Answer): void {
    const how = state === "paid" ? state : `${state}: ${reason}`;
    this.ends.set(how, (this.ends.get(how) ?? 0) + 1);
    this.spent.set(requester, (this.spent.get(requester) ?? 0n) + spent);
    if (state !== "paid") return;
    this.#paid += 1;
    for (const [resolve, paid] of this.#milestones) {
      if (paid > this.#paid) continue;
      this.#milestones.delete(resolve);
      resolve();
    }
  }
}
