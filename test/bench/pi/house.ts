/**
 * The gateway as its own process on a chain of its own, and robots in this one: what it needs of a machine is read from
 * the outside, as the kernel counts it.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chainLanes } from "../../../devices/robot/chain-lanes.ts";
import { readConnectionFile } from "../../../devices/robot/connection-file.ts";
import { connect, type Robot } from "../../../devices/robot/robot.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { makeWorld, type World } from "../../../src/operator/demo/world.ts";
import { PROFILES } from "../../../src/protocol/fuel.ts";
import { type LocalChain, startLocalChain } from "../../../src/settlement/local-chain.ts";
import { taskModule } from "../../firmware/module.ts";
import { PRICE, rateFor } from "../../stories/whole-market.ts";

/** Gives back its input. */
const FIRMWARE = taskModule({ memory: [1, 4] });

/** Bytes of each task's input, and so of its output. */
const INPUT = 100;
const FUEL = 10_000;

/** As `npm run build` makes it, which is what the image runs. */
const PROGRAM = "dist/src/hirewire.js";

/** The image's own settings, which make memory small (docker/Dockerfile). */
const IMAGE_ENVIRONMENT = {
  NODE_OPTIONS: "--max-semi-space-size=1 --v8-pool-size=1",
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRIM_THRESHOLD_: "65536",
  MALLOC_MMAP_THRESHOLD_: "65536",
};

let isBuilt = false;

function build(): void {
  if (!isBuilt) execFileSync("node_modules/.bin/tsc", ["-p", "tsconfig.dist.json"]);
  isBuilt = true;
}

export type Names = { readonly requesters: readonly string[]; readonly providers: readonly string[] };

export class PiHouse {
  readonly world: World;
  readonly #local: LocalChain;
  /** The gateway's data folder. */
  readonly folder: string;
  #child: ChildProcess | null = null;
  #executor: Executor | null = null;
  readonly #robots: Robot[] = [];
  #tasks = 0;

  private constructor(world: World, local: LocalChain, folder: string) {
    this.world = world;
    this.#local = local;
    this.folder = folder;
  }

  /** A chain, and a data folder with settings; no gateway runs yet. `settings` is appended to its gateway.toml. */
  static async open(names: Names, settings = ""): Promise<PiHouse> {
    build();
    const folder = mkdtempSync(join(tmpdir(), "hirewire-pi-"));
    const local = await startLocalChain();
    const options = {
      folder,
      local,
      clock: systemClock,
      serialPath: "tcp://127.0.0.1:9",
      names,
      times: 100n,
    };
    const world = await makeWorld(options);
    appendFileSync(world.config, settings);
    return new PiHouse(world, local, folder);
  }

  /**
   * Starts `hirewire run` as the image does; milliseconds from the start of its process until it says that it serves.
   */
  async start(): Promise<number> {
    const began = performance.now();
    const args = [PROGRAM, "run", "--config", this.world.config, "--listen", "127.0.0.1:0"];
    const env = { ...process.env, ...IMAGE_ENVIRONMENT, HIREWIRE_LOG: "silent" };
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env });
    this.#child = child;
    const gone = once(child, "exit").then(([code]) => Promise.reject(new Error(`it ended: ${code}`)));
    const port = new Promise<number>((resolve) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const found = /mqtt:\/\/127\.0\.0\.1:(\d+)/.exec(line);
        if (found) resolve(Number(found[1]));
      });
    });
    const found = await Promise.race([port, gone]);
    gone.catch(() => undefined);
    this.world.connect(found);
    return performance.now() - began;
  }

  /** Ends the gateway. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  async close(): Promise<void> {
    await Promise.all(this.#robots.map((robot) => robot.close()));
    await this.stop();
    await this.#executor?.stop();
    await this.#local.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Connects a device; a provider works in an executor of this process. */
  async connect(name: string, provides: boolean, parallel = 64): Promise<Robot> {
    const device = this.world.devices.find((one) => one.name === name);
    const file = await readConnectionFile(device?.connectionFile ?? name);
    const { chain, rpc } = this.world;
    const lanes = chainLanes({ urls: [rpc], chainId: chain.chainId, vault: chain.vault, confirmations: 1 });
    const factsheet = provides ? { profiles: [...PROFILES], memoryMiB: 64 } : {};
    const creditLimit = amount(4n * PRICE * BigInt(parallel));
    const robot = await connect({ file, factsheet, lanes, creditLimit });
    this.#robots.push(robot);
    if (provides) {
      this.#executor ??= await startExecutor();
      const trust = { firmware: new Set([hashBlob(FIRMWARE)]), authors: new Set<never>() };
      const price = PRICE / 2n + BigInt(this.#robots.length);
      const executor = this.#executor;
      robot.serve({
        executor,
        trust,
        rate: ({ fuelLimit }) => rateFor(price, fuelLimit),
        concurrency: parallel,
      });
    }
    return robot;
  }

  /** Has `count` tasks done, `parallel` under way at a time, the requesters in turn. Returns the seconds it took. */
  async work(requesters: readonly Robot[], count: number, parallel: number): Promise<number> {
    const began = performance.now();
    let left = count;
    const worker = async (_: unknown, at: number) => {
      const robot = requesters[at % requesters.length];
      while (robot && left-- > 0) await this.#hire(robot);
    };
    await Promise.all(Array.from({ length: parallel }, worker));
    return (performance.now() - began) / 1_000;
  }

  /** Bytes that the gateway and what it started have caused to be written to disks, proc_pid_io(5). */
  writtenBytes(): number {
    return this.#processes().reduce((sum, pid) => sum + writtenBy(pid), 0);
  }

  /** Resident bytes of the gateway's process alone. */
  residentBytes(): number {
    return 1_024 * figure(this.#child?.pid ?? 0, "status", /^VmRSS:\s+(\d+)/m);
  }

  /** Proportional bytes of its executors' processes, in which what is shared counts in parts, proc_pid_smaps(5). */
  executorBytes(): number {
    const [, ...others] = this.#processes();
    return others.reduce((sum, pid) => sum + 1_024 * figure(pid, "smaps_rollup", /^Pss:\s+(\d+)/m), 0);
  }

  /** The gateway's process, and those that it started. */
  #processes(): number[] {
    const known = [this.#child?.pid ?? 0];
    for (const pid of known) known.push(...childrenOf(pid));
    return known;
  }

  async #hire(robot: Robot): Promise<void> {
    const input = Buffer.alloc(INPUT, `${this.#tasks++} `);
    const terms = { maxPrice: PRICE, checkBudget: amount(0n), deadlineMs: 600_000, fuelLimit: FUEL };
    const answer = await robot.hire({ firmware: FIRMWARE, input, ...terms });
    if (answer.state !== "paid") throw new Error(`a task ended ${answer.state}: ${answer.reason}`);
  }
}

/** Bytes that a process has caused to be written to disks, proc_pid_io(5). */
export function writtenBy(pid: number): number {
  return figure(pid, "io", /^write_bytes: (\d+)/m);
}

async function startExecutor(): Promise<Executor> {
  const executor = new Executor({ clock: systemClock });
  await executor.start();
  return executor;
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    return readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
      .trim()
      .split(" ")
      .filter(Boolean)
      .map(Number);
  });
}

/** A number of a file of `/proc`; 0 of a process that has ended. */
function figure(pid: number, file: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(`/proc/${pid}/${file}`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
