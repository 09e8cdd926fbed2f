/** A whole market in one process: real chain, real gateway, real robots over real MQTT, real WASM. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { chainLanes } from "../../devices/robot/chain-lanes.ts";
import { readConnectionFile } from "../../devices/robot/connection-file.ts";
import type { LaneReader } from "../../devices/robot/lane-reader.ts";
import type { Order } from "../../devices/robot/order.ts";
import { encodeInput } from "../../devices/robot/plan/job.ts";
import { randomQueries, warehouse } from "../../devices/robot/plan/warehouse.ts";
import { connect, type Robot, type RobotOptions } from "../../devices/robot/robot.ts";
import type { ServeOptions } from "../../devices/robot/serve.ts";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { type Amount, amount } from "../../src/base/money.ts";
import type { RefusalCode } from "../../src/base/refusal.ts";
import { hashBlob } from "../../src/blob/blob.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { Executor } from "../../src/firmware/executor.ts";
import type { Trust } from "../../src/firmware/trust.ts";
import { Gateway } from "../../src/gateway.ts";
import type { Entry } from "../../src/journal/journal.ts";
import type { TimeParts } from "../../src/obstacles.ts";
import { makeWorld, type World } from "../../src/operator/demo/world.ts";
import type { Fact, FactKind, FactNamed } from "../../src/protocol/facts.ts";
import { PROFILES } from "../../src/protocol/fuel.ts";
import { keySigner } from "../../src/protocol/signer.ts";
import { type LocalChain, startLocalChain } from "../../src/settlement/local-chain.ts";
import { fuelOf } from "./fuel.ts";

export const PATH_PLAN = readFileSync("build/firmware/path-plan.wasm");

/** A small job for {@link PATH_PLAN}; other numbers, other paths. */
function planInput(number: number): Uint8Array {
  const grid = warehouse(3, {
    columns: 2,
    rows: 3,
    rackLength: 4,
    rackDepth: 1,
    aisle: 2,
    palletsPerMille: 0,
  });
  return encodeInput(grid, randomQueries(grid, 2, number));
}

/** A small job for {@link PATH_PLAN}, and the fuel that it burns to the last one: at that limit the most is the price. */
export function planJob(number: number): Pick<Order, "firmware" | "input" | "fuelLimit"> {
  const input = planInput(number);
  return { firmware: PATH_PLAN, input, fuelLimit: fuelOf(PATH_PLAN, input) };
}

export const PRICE = amount(1_000n);

/** The highest rate at which a run costs no more than a price. */
export function rateFor(price: bigint, fuel: number): Amount {
  return amount((price * 10n ** 12n) / BigInt(fuel));
}

/** Which gateway to start, where there are several; `facts` is where its story goes. */
export type House = { readonly config: string; readonly facts: Fact[] };

export class WholeMarket {
  readonly world: World;
  readonly local: LocalChain;
  readonly facts: Fact[] = [];
  readonly refused: RefusalCode[] = [];
  /** What would have ended the process. */
  readonly broken: unknown[] = [];
  /** What the operator was told. */
  readonly faults: unknown[] = [];
  /** What every provider trusts by its hash, unless it is told; stories add to it. */
  readonly trusted = new Set<Hex>([hashBlob(PATH_PLAN)]);
  /** The clock that its gateways go by; the machine's, beyond doubt, while there is none. */
  time: TimeParts | null = null;
  #gateway: Gateway | null = null;
  readonly #closing: (() => Promise<unknown>)[] = [];
  readonly #change: (config: Config) => void;

  private constructor(world: World, local: LocalChain, change: (config: Config) => void) {
    this.world = world;
    this.local = local;
    this.#change = change;
  }

  /** One buyer `buyer`, and providers; `change` edits the gateway's settings. */
  static async open(change?: (config: Config) => void, providers?: readonly string[]): Promise<WholeMarket> {
    const market = await WholeMarket.found(change, providers);
    market.gateway = await market.startGateway(0);
    market.world.connect(market.gateway.port);
    return market;
  }

  /** The same before its gateway runs. */
  static async found(
    change: (config: Config) => void = () => undefined,
    providers: readonly string[] = ["first", "second"],
  ): Promise<WholeMarket> {
    const folder = mkdtempSync(join(tmpdir(), "hirewire-market-"));
    const local = await startLocalChain();
    const names = { requesters: ["buyer"], providers };
    const clock = systemClock;
    const world = await makeWorld({ folder, local, clock, serialPath: "tcp://127.0.0.1:9", names });
    const market = new WholeMarket(world, local, change);
    market.#closing.push(
      async () => await market.#gateway?.stop(),
      () => local.stop(),
      () => Promise.resolve(rmSync(folder, { recursive: true, force: true })),
    );
    return market;
  }

  /** The gateway that runs now. */
  get gateway(): Gateway {
    if (!this.#gateway) throw new Error("no gateway runs in this process");
    return this.#gateway;
  }

  set gateway(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** Has something ended before the market is. */
  adopt(close: () => Promise<unknown>): void {
    this.#closing.unshift(close);
  }

  startGateway(port: number, { config: file, facts }: House = this.#house()): Promise<Gateway> {
    const config = readConfig(file);
    config.serial.length = 0;
    config.broker.listen = [`127.0.0.1:${port}`];
    this.#change(config);
    const key = fromHex(readFileSync(join(dirname(file), "gateway.key"), "utf8").trim());
    return Gateway.start({
      config,
      signer: keySigner(key),
      transactionSigner: privateKeyToAccount(toHex(key)),
      ...(this.time ? { clock: this.time.clock, time: this.time } : { clock: systemClock }),
      draw: Math.random,
      salt: () => toHex(crypto.getRandomValues(new Uint8Array(32))),
      readSecret: (path) => readFileSync(path, "utf8"),
      onEntries: (entries: readonly Entry[]) => facts.push(...entries.flatMap((entry) => entry.facts)),
      onRefused: (refusal) => this.refused.push(refusal.refused),
      onFault: (fault) => this.faults.push(fault),
      onBroken: (fault) => this.broken.push(fault),
    });
  }

  #house(): House {
    return { config: this.world.config, facts: this.facts };
  }

  /** Reads lanes from the chain, as a device's owner would. */
  lanes(vault: Hex = this.world.chain.vault): LaneReader {
    const { chain, rpc } = this.world;
    return chainLanes({ urls: [rpc], chainId: chain.chainId, vault, confirmations: 1 });
  }

  async robot(name: string, serves: boolean, options: Partial<RobotOptions> = {}): Promise<Robot> {
    const device = this.world.devices.find((one) => one.name === name);
    const file = await readConnectionFile(device?.connectionFile ?? name);
    const factsheet = serves ? { profiles: [...PROFILES], memoryMiB: 64 } : {};
    const robot = await connect({ file, factsheet, lanes: this.lanes(), ...options });
    this.adopt(() => robot.close());
    return robot;
  }

  /** A provider whose rate makes the whole fuel limit cost `price`, and that runs in `executor`, by default honestly. */
  async provider(
    name: string,
    price: bigint,
    executor?: ServeOptions["executor"],
    concurrency = 4,
    options: Partial<RobotOptions> = {},
  ): Promise<Robot> {
    const robot = await this.robot(name, true, options);
    const honest = executor ?? (await this.executor());
    const trust: Trust = { firmware: this.trusted, authors: new Set() };
    const rate: ServeOptions["rate"] = ({ fuelLimit }) => rateFor(price, fuelLimit);
    robot.serve({ executor: honest, trust, rate, concurrency });
    return robot;
  }

  async executor(): Promise<Executor> {
    const executor = new Executor({ clock: systemClock });
    await executor.start();
    this.#closing.push(() => executor.stop());
    return executor;
  }

  of<K extends FactKind>(kind: K): FactNamed<K>[] {
    return this.facts.filter((fact): fact is FactNamed<K> => fact.kind === kind);
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0)) await close();
  }
}
