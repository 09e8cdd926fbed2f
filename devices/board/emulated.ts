/**
 * The board's firmware in an emulator, buying path plans over a serial line.
 *
 *     node devices/board/emulated.ts --path /dev/ttyX|tcp://host:port --image FILE.elf --store FOLDER --serial-number NAME
 *       --firmware FILE [--map FILE] [--scen FILE] [--queries 1] [--seed 1] [--manifest FILE] [--fuel-limit N]
 *       [--max-price N]
 *
 * The board finds what it is in the folder's `slot-0`: a pairing file, or a connection file for an image with a wallet of
 * its own.
 */
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../../src/base/fault.ts";
import { ZERO } from "../../src/base/money.ts";
import { judgeModule } from "../../src/firmware/policy.ts";
import { type KnownQuery, readCourse } from "../robot/plan/course.ts";
import { encodeInput, STATUSES } from "../robot/plan/job.ts";
import { isOptimal, LIMIT_OPTIONS, limitsOf } from "../robot/sim/planning.ts";
import { readOptions, runProgram, say } from "../robot/sim/program.ts";
import { encodeAssets } from "./assets.ts";
import { type ConsoleLine, Emulator } from "./emulator/emulator.ts";

/** How long an answer may take, milliseconds. */
const DUE_MS = 120_000;

/** Offers of one query: a task that fails through no fault of ours is offered again. */
const TRIES = 6;

const BOARD = { manufacturer: "hirewire", model: "emulated Cortex-M3", slot: "0", exposureLimit: ZERO };

/** Passes on what the board tells, and counts the answers of optimal length. */
class Tally {
  readonly done: Promise<void>;
  readonly #queries: readonly KnownQuery[];
  readonly #optimal = new Set<number>();
  readonly #ended = Promise.withResolvers<void>();

  constructor(queries: readonly KnownQuery[]) {
    this.#queries = queries;
    this.done = this.#ended.promise;
  }

  get optimal(): number {
    return this.#optimal.size;
  }

  hear(line: ConsoleLine): void {
    if (line.kind === "done") this.#ended.resolve();
    else if (line.kind === "failed") this.#ended.reject(new Fault("usage", String(line["message"])));
    else if (line.kind === "answer") this.#judge(line);
    else say(line.kind, line);
  }

  #judge(line: ConsoleLine): void {
    const number = Number(line["number"]);
    const query = this.#queries[number];
    const status = STATUSES[Number(line["status"] ?? -1)];
    const moves = { straight: Number(line["straight"]), diagonal: Number(line["diagonal"]) };
    const isRight = line["state"] === "paid" && line["isWhole"] === true && query !== undefined;
    const answer = status === "found" ? { status, ...moves } : status && { status };
    if (isRight && isOptimal(answer, query)) this.#optimal.add(number);
    say("answer", { ...line, queries: 1, optimal: Number(this.#optimal.has(number)) });
  }
}

await runProgram(async (ending) => {
  const options = readOptions({
    ...{ path: null, image: null, store: null, "serial-number": null, firmware: null },
    ...{ ...LIMIT_OPTIONS, map: "", scen: "", queries: "1", seed: "1" },
  });
  // The last query of the course is the board's: the others are a robot's.
  const { grid, queries } = await readCourse({
    map: options.map || null,
    scen: options.scen || null,
    count: Number(options.queries),
    part: "last",
    seed: Number(options.seed),
  });
  const firmware = await readFile(options.firmware);
  const judged = judgeModule(firmware);
  if ("rejection" in judged) throw new Fault("firmware_rejected", judged.reason);
  const { profile, memoryMiB } = judged;
  const { manifest, maxPrice, checkBudget, fuelLimit } = await limitsOf(options, grid, 1);
  const terms = {
    ...{ maxPrice, checkBudget, fuelLimit, dueMs: DUE_MS },
    ...{ memoryMiB, profile, payment: "prepaid" as const },
  };
  const assets = join(options.store, "assets");
  const image = encodeAssets({
    board: { ...BOARD, serialNumber: options["serial-number"] },
    tries: TRIES,
    firmware,
    manifest: manifest ? JSON.stringify(manifest) : null,
    jobs: queries.map((query) => ({ terms, input: encodeInput(grid, [query]) })),
  });
  await writeFile(assets, image);
  const tally = new Tally(queries);
  const emulator = await Emulator.start({
    ...{ image: options.image, store: options.store, assets },
    serial: options.path,
    hear: (line) => tally.hear(line),
  });
  try {
    await Promise.race([tally.done, ended(emulator), aborted(ending)]);
    say("done", { tasks: queries.length, queries: queries.length, optimal: tally.optimal });
  } finally {
    await emulator.stop();
  }
});

async function ended(emulator: Emulator): Promise<never> {
  throw new Fault("usage", `the emulator ended with ${await emulator.ended}`);
}

async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, "abort");
  throw signal.reason;
}
