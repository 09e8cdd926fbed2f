/**
 * The whole main job on one machine: enrolled and funded devices, a robot's offer and a board's on a serial line, bid,
 * award, run, the checker and the gateway's own run, payment, one claim on a chain, the journal verified.
 *
 * Gateway and provider are the machine's; the chain and those who pay are this one's.
 */
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { audit } from "../../../src/operator/demo/audit.ts";
import { type Publication, publishPathPlan } from "../../../src/operator/demo/author.ts";
import { layCable } from "../../../src/operator/demo/null-modem.ts";
import { makeWorld, type World } from "../../../src/operator/demo/world.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import { startLocalChain } from "../../../src/settlement/local-chain.ts";
import { freePort } from "../../free-port.ts";
import { Actor, type Machine } from "./actor.ts";
import { namesOf, plainFacts } from "./plain-facts.ts";

/** This process's own, from the sources. */
export const HERE: Machine = {
  node: process.execPath,
  programs: join(import.meta.dirname, "../../.."),
  extension: ".ts",
  env: {},
};

export type JobOutcome = {
  /** All that happened, in order: see `plain-facts.ts`. */
  readonly story: readonly string[];
  /** Journal and chain hold the same, to the atomic unit, for every lane and account. */
  readonly agrees: boolean;
  readonly tasks: number;
  readonly rechecked: number;
  readonly fuel: number;
  readonly paid: bigint;
  readonly settled: bigint;
  readonly optimal: number;
  /** What `log verify` said on the machine. */
  readonly verified: string;
  /** The same, said here. */
  readonly verifiedHere: string;
  /** Seconds since the start, by what was reached. */
  readonly seconds: Readonly<Record<string, number>>;
};

const ROBOT = "scout-1";
const BOARD = "board-1";
const PROVIDER = "arm-1";
/** The gateway runs every answer again, and an emulated provider has time to accept. */
const SETTINGS = `
[market]
check_rate = 1
accept_ms = 60000
`;

/**
 * @param folder - an empty one, for all that is written
 * @throws Error when a program does not end well, with what it said
 */
export async function mainJob(machine: Machine, folder: string): Promise<JobOutcome> {
  mkdirSync(folder, { recursive: true });
  const closing: (() => unknown)[] = [];
  try {
    const local = await startLocalChain();
    closing.push(() => local.stop());
    const cable = await layCable(folder);
    closing.push(() => cable.stop());
    const names = { requesters: [ROBOT, BOARD], providers: [PROVIDER] };
    const options = { folder, local, clock: systemClock, serialPath: cable.ends[0], names };
    const world = await makeWorld({ ...options, page: "127.0.0.1:0" });
    appendFileSync(world.config, SETTINGS);
    const job = new Job(machine, world, await publishPathPlan(folder), cable.ends[1]);
    closing.push(() => job.kill());
    return await job.play();
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

class Job {
  readonly #machine: Machine;
  readonly #world: World;
  readonly #publication: Publication;
  readonly #cableEnd: string;
  readonly #actors: Actor[] = [];
  readonly #seconds: Record<string, number> = {};
  readonly #from = systemClock.now();

  constructor(machine: Machine, world: World, publication: Publication, cableEnd: string) {
    this.#machine = machine;
    this.#world = world;
    this.#publication = publication;
    this.#cableEnd = cableEnd;
  }

  async play(): Promise<JobOutcome> {
    const { config, folder } = this.#world;
    const port = await freePort();
    this.#world.connect(port);
    const run = ["run", "--config", config, "--listen", `127.0.0.1:${port}`, "--json"];
    // both begin at once: the provider tries until the gateway is there
    const gateway = this.#start(this.#machine, "src/hirewire", run);
    const trust = ["--trust", this.#publication.trust];
    const provider = this.#device(this.#machine, PROVIDER, "devices/robot/sim/provider", trust);
    await gateway.heard("ready");
    this.#reached("gateway ready");
    await provider.heard("serving");
    this.#reached("provider serving");
    const optimal =
      (await this.#hire(ROBOT, "devices/robot/sim/requester", ["--part", "but-last"])) +
      (await this.#hire(BOARD, "devices/board/board", ["--path", this.#cableEnd]));
    this.#reached("answers");
    gateway.send({ kind: "settle" });
    await gateway.heard("settled");
    this.#reached("settled");
    await provider.stop();
    await gateway.stop();
    this.#reached("stopped");
    const [verified, verifiedHere] = await Promise.all([this.#verify(this.#machine), this.#verify(HERE)]);
    this.#reached("verified");
    const { agree, tasks, rechecked, fuel, paid, settled } = await audit(this.#world);
    const story = plainFacts(
      factsIn(folder),
      namesOf([...this.#world.parties, { name: "gateway", address: this.#world.gateway }]),
    );
    const counts = { tasks, rechecked, fuel, paid, settled, optimal };
    return { story, agrees: agree, ...counts, verified, verifiedHere, seconds: this.#seconds };
  }

  kill(): void {
    for (const actor of this.#actors) actor.kill();
  }

  #start(machine: Machine, program: string, args: readonly string[]): Actor {
    const actor = new Actor(machine, program, args);
    this.#actors.push(actor);
    return actor;
  }

  #device(machine: Machine, name: string, program: string, args: readonly string[]): Actor {
    const device = this.#world.devices.find((one) => one.name === name);
    if (!device) throw new Error(`there is no device ${name}`);
    const files = ["--connection", device.connectionFile, "--wallet", device.walletFile];
    const sight = ["--rpc", this.#world.rpc, "--confirmations", "1"];
    return this.#start(machine, program, [...files, ...sight, ...args]);
  }

  /** One who has a path planned; how many of its answers are as short as they can be. */
  async #hire(name: string, program: string, more: readonly string[]): Promise<number> {
    const { firmware, manifest } = this.#publication;
    const course = ["--firmware", firmware, "--manifest", manifest, "--queries", "2"];
    const requester = this.#device(HERE, name, program, [...course, ...more]);
    const { optimal } = await requester.heard("done");
    await requester.end();
    return Number(optimal);
  }

  async #verify(machine: Machine): Promise<string> {
    const verifier = this.#start(machine, "src/hirewire", ["log", "verify", "--data", this.#world.folder]);
    await verifier.end();
    return verifier.lines.map(({ text }) => String(text)).join("\n");
  }

  #reached(what: string): void {
    this.#seconds[what] = (systemClock.now() - this.#from) / 1_000;
  }
}

function factsIn(folder: string): readonly Fact[] {
  const journal = openJournal(folder, { readOnly: true });
  try {
    return [...journal.entries()].flatMap(({ facts }) => facts);
  } finally {
    journal.close();
  }
}
