/**
 * A week of a gateway in a minute or two: tasks all the time, devices that come and go, a chain that is away for a while,
 * a disk that fills up, an operator who restarts it, and a supply that fails.
 *
 * The gateway is a process of its own with its data on a small disk; the robots are here.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { makeWorld, type World } from "../../../src/operator/demo/world.ts";
import { startLocalChain } from "../../../src/settlement/local-chain.ts";
import { Program } from "../../stories/program.ts";
import { CutProxy } from "../links/cut-proxy.ts";
import { Crew } from "./crew.ts";
import { Lives } from "./lives.ts";
import { SmallDisk } from "./small-disk.ts";
import { expectAgreement } from "./week-books.ts";

export type WeekPlan = {
  /** Tasks that are done and paid for: 1,500 or more, so that each trouble meets some. */
  readonly tasks: number;
  /** Of the disk that holds the gateway's data, MiB. */
  readonly diskMiB: number;
};

type Counts = Readonly<Record<string, number>>;

/** What a week came to, for whoever wants figures. */
export type WeekFigures = {
  readonly tasks: number;
  readonly seconds: number;
  readonly lives: number;
  readonly devices: number;
  readonly entries: number;
  /** MiB of the gateway's memory at the end of each day; the last life begins on the fourth day. */
  readonly memory: readonly number[];
  /** MiB that its data takes in the end. */
  readonly diskMiB: number;
  /** How tasks ended, what was refused, and what the operator was told: how often. */
  readonly ends: Counts;
  readonly refusals: Counts;
  readonly faults: Counts;
};

const REQUESTERS = ["forklift", "picker", "sweeper", "scout"];
const PROVIDERS = ["arm-1", "arm-2", "arm-3", "arm-4", "arm-5", "arm-6"];
/** Tasks under way of each requester. */
const AT_ONCE = 13;
const DAYS = 7;
/** Atomic units of a task; one provider asks for more than the other. */
const PRICE = 900n;
const MIB = 1_048_576;
/** What has to stay free of the disk, MiB. */
const RESERVE = 8;
/** The day on which the last life begins, from 0. */
const LAST_LIFE = 3;
/** How much more memory the gateway may have at the end than when the first day of its last life was over, MiB. */
const GROWTH_MIB = 24;
/** How long the chain is away, milliseconds. */
const OUTAGE_MS = 3_000;

/** How long the disk is full before the supply fails, milliseconds. */
const FULL_MS = 2_000;

type Stage = {
  readonly world: World;
  readonly disk: SmallDisk;
  readonly proxy: CutProxy;
  readonly lives: Lives;
  readonly crew: Crew;
};

/** @throws when anything is not as its operator may expect it */
export async function liveWeek(folder: string, plan: WeekPlan): Promise<WeekFigures> {
  const closing: (() => unknown)[] = [];
  try {
    return await new Week(await open(folder, plan, closing), plan.tasks).live();
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** The chain and the small disk, a world on them, its gateway, and all its devices. */
async function open(folder: string, { diskMiB }: WeekPlan, closing: (() => unknown)[]): Promise<Stage> {
  const local = await startLocalChain();
  closing.push(() => local.stop());
  const disk = new SmallDisk(diskMiB);
  closing.push(() => disk.close());
  const proxy = await CutProxy.open(Number(new URL(local.url).port));
  closing.push(() => proxy.close());
  const names = { requesters: REQUESTERS, providers: PROVIDERS };
  const common = { local, clock: systemClock, serialPath: "tcp://127.0.0.1:9", times: 4n };
  const world = await makeWorld({ ...common, folder: disk.folder, names });
  const settings = readFileSync(world.config, "utf8").replace(local.url, `http://127.0.0.1:${proxy.port}`);
  writeFileSync(world.config, settings.replace("poll_ms = 2000", "poll_ms = 500"));
  appendFileSync(world.config, `\n[disk]\nreserve = ${RESERVE * MIB}\n`);
  const lives = await Lives.begin(world.config);
  closing.push(() => lives.end("SIGTERM"));
  world.connect(lives.port);
  const executor = new Executor({ clock: systemClock });
  await executor.start();
  closing.push(() => executor.stop());
  mkdirSync(folder, { recursive: true });
  const { chainId, vault } = world.chain;
  const crew = new Crew({ folder, rpc: local.url, chainId, vault, executor });
  closing.push(() => crew.close());
  for (const { name, connectionFile } of world.devices) {
    const at = PROVIDERS.indexOf(name);
    await crew.join(name, connectionFile, at < 0 ? null : PRICE + BigInt(at));
  }
  return { world, disk, proxy, lives, crew };
}

class Week {
  readonly #stage: Stage;
  readonly #tasks: number;
  readonly #from = systemClock.now();
  readonly #memory: number[] = [];
  /** The provider that is away. */
  #away: string | null = null;

  constructor(stage: Stage, tasks: number) {
    this.#stage = stage;
    this.#tasks = tasks;
  }

  async live(): Promise<WeekFigures> {
    const { crew, lives, disk, world } = this.#stage;
    const hiring = crew.hire(REQUESTERS, this.#tasks, AT_ONCE);
    await Promise.race([Promise.all([hiring, this.#pass()]), lives.died]);
    await hirewire("settle", "--now", "--config", world.config);
    await lives.end("SIGTERM");
    await crew.close();
    const verified = await hirewire("log", "verify", "--data", world.folder);
    const entries = await expectAgreement(world, crew);
    expect(verified).toContain(`${entries.toLocaleString("en")} entries hold`);
    expect(crew.accusations).toEqual([]);
    expect(this.#memory).toHaveLength(DAYS);
    const first = this.#memory[LAST_LIFE] ?? 0;
    expect(this.#memory.at(-1), `MiB by day: ${this.#memory.join(" ")}`).toBeLessThan(first + GROWTH_MIB);
    const seconds = Math.round((systemClock.now() - this.#from) / 1_000);
    return {
      ...{ tasks: crew.paid, seconds, lives: lives.count, devices: crew.wallets().size, entries },
      ...{ memory: this.#memory, diskMiB: Math.round(disk.used / MIB) },
      ...{ ends: counts(crew.ends), refusals: counts(crew.refusals), faults: counts(lives.faults) },
    };
  }

  async #pass(): Promise<void> {
    const { crew, lives } = this.#stage;
    const troubles: readonly ((() => Promise<void>) | null)[] = [
      () => this.#restart("SIGTERM"),
      () => this.#cutChain(),
      () => this.#fillDisk(),
      () => this.#failTwice(),
      () => this.#cutChain(),
      null,
      null,
    ];
    for (const [at, trouble] of troubles.entries()) {
      await this.#change(at + 1);
      await trouble?.();
      await crew.until(Math.floor((this.#tasks * (at + 1)) / DAYS));
      this.#memory.push(Math.round(lives.memory));
    }
  }

  /** One device leaves, whatever it is doing; the one that left a day ago is back, and there is a new one. */
  async #change(day: number): Promise<void> {
    const { crew, world, lives } = this.#stage;
    const fileOf = (name: string) => join(world.folder, `${name}.connection.json`);
    if (this.#away) await crew.join(this.#away, fileOf(this.#away), PRICE);
    this.#away = null;
    if (day === DAYS) return;
    this.#away = PROVIDERS[day % PROVIDERS.length] ?? null;
    if (this.#away) await crew.leave(this.#away);
    const name = `new-${day}`;
    const where = ["--broker", `mqtt://127.0.0.1:${lives.port}`, "--out", fileOf(name)];
    const enrolled = lives.wrote((fact) => fact.kind === "deviceEnrolled" && fact["name"] === name);
    await hirewire("device", "add", name, ...where, "--config", world.config);
    await enrolled;
    await crew.join(name, fileOf(name), PRICE);
  }

  async #restart(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const { lives } = this.#stage;
    await lives.end(signal);
    await lives.begin();
  }

  async #failTwice(): Promise<void> {
    const { crew } = this.#stage;
    await this.#restart("SIGKILL");
    await crew.until(crew.paid + 20);
    await this.#restart("SIGKILL");
  }

  /** Work goes on while the chain is away. */
  async #cutChain(): Promise<void> {
    const { crew, proxy } = this.#stage;
    const before = crew.paid;
    proxy.cut();
    await Promise.all([systemClock.sleep(OUTAGE_MS), crew.until(before + 20)]);
    proxy.mend();
  }

  /**
   * Near the disk's end no offers are taken. On a full one the gateway ends by that name, if the supply does not fail
   * before; and it does not start before there is room.
   */
  async #fillDisk(): Promise<void> {
    const { crew, disk, lives } = this.#stage;
    disk.fill((RESERVE - 4) * MIB);
    await crew.refused("disk_full");
    disk.empty();
    await crew.until(crew.paid + 20);
    disk.fill(0);
    const end = await lives.endBy(FULL_MS);
    const byName = { code: 1, why: expect.stringContaining("disk_full") };
    if (end) expect(end).toEqual(byName);
    expect(await lives.fail()).toEqual(byName);
    disk.empty();
    await lives.begin();
  }
}

/** Runs a command to its end, which must be a good one; what it printed. */
async function hirewire(...args: readonly string[]): Promise<string> {
  const program = new Program(args);
  expect(await program.ended(), `hirewire ${args.join(" ")}: ${program.stderr}`).toBe(0);
  return program.said.map(({ text }) => text).join("\n");
}

function counts(all: ReadonlyMap<string, number>): Counts {
  return Object.fromEntries([...all].sort(([one], [other]) => (one < other ? -1 : 1)));
}
