/**
 * The demo: a whole market on one machine, nothing simulated but the money and the devices' bodies.
 *
 * A supervisor. Chain, gateway, robots and board are processes of their own that end when it does; the gateway is
 * started again when it dies, because that has to cost nothing.
 */
import { mkdirSync } from "node:fs";
import { relative } from "node:path";
import type { Hex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { startLocalChain } from "../../settlement/local-chain.ts";
import { askGateway } from "../control/client.ts";
import { invitation } from "../web/login-verb.ts";
import { type Audit, audit } from "./audit.ts";
import { type Publication, publishPathPlan } from "./author.ts";
import { type BoardFirmware, buildBoardFirmware } from "./board-firmware.ts";
import { Child, type Line, programPath } from "./crew.ts";
import { layCable } from "./null-modem.ts";
import { type DemoIo, jsonReport, mfuel, perMfuel, type Report, textReport, usdt } from "./report.ts";
import { NOBODY, Rows } from "./rows.ts";
import { makeWorld, type World } from "./world.ts";

export type DemoOptions = {
  readonly folder: string;
  readonly json: boolean;
  readonly map: string | null;
  readonly scen: string | null;
  readonly queries: number;
  readonly batch: number;
  readonly seed: number;
  /** Goes on with tasks after the summary, until it is stopped. */
  readonly stay: boolean;
  /** Where programs are looked for, as in `PATH`. */
  readonly path: string;
  readonly clock: Clock;
  readonly io: DemoIo;
  /** Ends the demo early. */
  readonly signal: AbortSignal;
};

const REQUESTER = "scout-1";
const BOARD = "board-1";
/** Between an answer and the next offer of a worker, where the demo goes on to be watched. */
const PAUSE_MS = 1_000;

/** Rates in atomic units for 10^12 of fuel. */
const PROVIDERS = [
  { name: "arm-1", rate: "85000000" },
  { name: "arm-2", rate: "90000000" },
] as const;

/** Runs the demo; 0 when every figure agrees. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { io, json, folder, clock } = options;
  const report = json ? jsonReport(io) : textReport(io);
  const closing: (() => Promise<unknown>)[] = [];
  try {
    mkdirSync(folder, { recursive: true });
    const local = await startLocalChain();
    closing.push(() => local.stop());
    const cable = await layCable(folder);
    closing.push(() => cable.stop());
    const firmware = await buildBoardFirmware(options.path, options.signal, () =>
      report.note("building the board's firmware"),
    );
    const names = {
      ...{ requesters: [REQUESTER, BOARD], providers: PROVIDERS.map(({ name }) => name) },
      kept: "image" in firmware ? BOARD : null,
    };
    const page = "127.0.0.1:0";
    const times = options.stay ? 50n : 1n;
    const world = await makeWorld({ folder, local, clock, serialPath: cable.ends[0], names, page, times });
    report.stage(
      "chain",
      `anvil ${world.chain.chainId} at ${local.url}: LaneVault ${world.chain.vault}, play USDT ${world.token}`,
    );
    const publication = await publishPathPlan(folder);
    const stage = new Stage(options, report, { world, publication, firmware, boardPath: cable.ends[1] });
    closing.push(() => stage.stop());
    report.stage("serial", `one board on a ${cable.how}: ${howBoardRuns(firmware)}`);
    return await stage.play();
  } catch (fault) {
    if (options.signal.aborted) {
      report.note("stopped; the data folder stays", { folder });
      return 130;
    }
    throw fault;
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** What everybody on the stage works with. */
type Props = {
  readonly world: World;
  readonly publication: Publication;
  readonly firmware: BoardFirmware;
  readonly boardPath: string;
};

function howBoardRuns(firmware: BoardFirmware): string {
  if ("why" in firmware) return `simulated, as ${firmware.why}`;
  return "its own firmware, on an emulated Cortex-M3";
}

/** The running part: gateway, devices, and what they say. */
class Stage {
  readonly #options: DemoOptions;
  readonly #report: Report;
  readonly #world: World;
  readonly #publication: Publication;
  readonly #firmware: BoardFirmware;
  readonly #boardPath: string;
  readonly #rows: Rows;
  readonly #devices = new Set<Child>();
  readonly #ready = Promise.withResolvers<number>();
  readonly #failed = Promise.withResolvers<never>();
  #gateway: Child | null = null;
  #isStopping: boolean = false;
  #restarts = 0;
  /** By provider: fuel per second as its benchmark has measured it, with 64 MiB of memory at most. */
  readonly #speeds = new Map<string, number>();
  /** Where the broker listens, once it has said so: a gateway started again must be found there. */
  #port = 0;
  #lastPaid = 1;
  #settled = Promise.withResolvers<Line>();

  constructor(options: DemoOptions, report: Report, { world, publication, firmware, boardPath }: Props) {
    this.#options = options;
    this.#report = report;
    this.#world = world;
    this.#publication = publication;
    this.#firmware = firmware;
    this.#boardPath = boardPath;
    const names = new Map<Hex, string>(world.devices.map(({ address, name }) => [address, name]));
    this.#rows = new Rows((address) => names.get(address) ?? address.slice(0, 10));
    this.#failed.promise.catch(() => undefined);
    const abort = () => {
      this.#isStopping = true;
      this.#failed.reject(options.signal.reason);
    };
    options.signal.addEventListener("abort", abort, { once: true });
  }

  async play(): Promise<number> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    const startedAt = this.#options.clock.now();
    this.#startGateway(0);
    const port = await this.#orFail(this.#ready.promise);
    this.#world.connect(port);
    this.#report.stage("gateway", `MQTT on 127.0.0.1:${port}, data in ${this.#world.folder}`);
    this.#report.stage("page", await this.#pageLink());
    await this.#orFail(Promise.all(PROVIDERS.map((provider) => this.#startProvider(provider))));
    const done = await this.#orFail(this.#round([]));
    const { refusals } = await this.#orFail(this.#settle());
    const books = await audit(this.#world);
    const code = this.#conclude(done, books, { refusals, elapsedMs: this.#options.clock.now() - startedAt });
    return this.#options.stay ? await this.#goOn(code) : code;
  }

  /** Where a browser sees all of this; the link logs in once. */
  async #pageLink(): Promise<string> {
    const answer = await askGateway(this.#world.folder, { do: "login", role: "operator" });
    return invitation.parse(answer).link;
  }

  /** One course: the robot hires for all of its paths but the last, which is the board's. */
  #round(seed: readonly string[], pause: readonly string[] = []): Promise<Line[]> {
    return Promise.all([this.#startRequester([...seed, ...pause]), this.#startBoard(seed)]);
  }

  /** Course after course, at a pace that somebody can watch. Being stopped is how it ends. */
  async #goOn(code: number): Promise<number> {
    const { seed, signal } = this.#options;
    this.#report.note("going on until Ctrl-C", { stay: true });
    for (let number = 1; ; number++) {
      try {
        const pause = ["--pause", String(PAUSE_MS)];
        await this.#orFail(this.#round(["--seed", String(seed + number)], pause));
        await this.#orFail(this.#settle());
      } catch (fault) {
        if (!signal.aborted) throw fault;
        this.#report.note("stopped; the data folder stays", { folder: this.#world.folder });
        return code;
      }
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#devices].map((device) => device.stop()));
    await this.#gateway?.stop();
  }

  #orFail<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failed.promise]);
  }

  #startGateway(port: number): void {
    const args = ["run", "--config", this.#world.config, "--listen", `127.0.0.1:${port}`, "--json"];
    const child = new Child("gateway", [programPath("src/hirewire.ts"), ...args], (line) =>
      this.#hearGateway(line),
    );
    this.#gateway = child;
    this.#report.note(`gateway process ${child.process.pid}`, {
      process: "gateway",
      pid: child.process.pid ?? 0,
    });
    void child.ended.then((code) => this.#gatewayEnded(code));
  }

  #gatewayEnded(code: number | null): void {
    if (this.#isStopping) return;
    if (code !== null) {
      this.#failed.reject(new Fault("impossible", `the gateway ended with exit code ${code}`));
      return;
    }
    this.#restarts++;
    this.#report.note("the gateway was killed; starting it again on the same data", {
      restarts: this.#restarts,
    });
    this.#startGateway(this.#port);
  }

  #hearGateway(line: Line): void {
    // What is taken away from it at the end is no fault.
    if (this.#isStopping) return;
    if (line.kind === "ready") {
      this.#port = Number(line["port"]);
      this.#ready.resolve(this.#port);
      if (this.#restarts > 0) this.#report.note("the gateway is back", { restarts: this.#restarts });
      if (this.#isSettling) this.#gateway?.send({ kind: "settle" });
    }
    if (line.kind === "facts") this.#hearFacts(Number(line["index"]), line["facts"] as readonly unknown[]);
    if (line.kind === "settled") this.#settled.resolve(line);
    if (line.kind === "settleFailed") {
      this.#failed.reject(new Fault("transaction_failed", `settlement failed: ${String(line["message"])}`));
    }
    if (line.kind === "fault") this.#report.note(`gateway: ${String(line["message"])}`, line);
  }

  #hearFacts(index: number, facts: readonly unknown[]): void {
    for (const fact of facts) {
      const row = this.#rows.take(fact);
      if (row) this.#report.task(row);
      if (row && row.provider !== NOBODY) this.#lastPaid = index;
    }
  }

  #isSettling: boolean = false;

  async #settle(): Promise<Line> {
    this.#settled = Promise.withResolvers<Line>();
    this.#isSettling = true;
    this.#gateway?.send({ kind: "settle" });
    const line = await this.#settled.promise;
    this.#isSettling = false;
    return line;
  }

  /** A device that has a key of its own. */
  #startDevice(name: string, program: string, args: readonly string[], hear: (line: Line) => void): void {
    const device = this.#world.devices.find((one) => one.name === name);
    if (!device) throw new Fault("impossible", `the demo has no device ${name}`);
    const { connectionFile, walletFile } = device;
    const files = ["--connection", connectionFile, "--wallet", walletFile];
    const sight = ["--rpc", this.#world.rpc, "--confirmations", "1"];
    this.#startChild(name, program, [...files, ...sight, ...args], hear);
  }

  #startChild(name: string, program: string, args: readonly string[], hear: (line: Line) => void): void {
    let isDone = false;
    const child = new Child(name, [programPath(program), ...args], (line) => {
      if (line.kind === "done") isDone = true;
      if (line.kind === "failed") {
        this.#failed.reject(new Fault("refused", `${name}: ${String(line["message"])}`));
      }
      hear(line);
    });
    this.#devices.add(child);
    void child.ended.then((code) => {
      this.#devices.delete(child);
      if (!this.#isStopping && !(isDone && code === 0))
        this.#failed.reject(new Fault("impossible", `${name} ended with ${code}`));
    });
  }

  #startProvider({ name, rate }: (typeof PROVIDERS)[number]): Promise<void> {
    const serving = Promise.withResolvers<void>();
    const args = ["--rate", rate, "--trust", this.#publication.trust];
    this.#startDevice(name, "devices/robot/sim/provider.ts", args, (line) => {
      if (line.kind !== "serving") return;
      const speed = Number((line["fuelPerSecond"] as Record<string, number>)["64"]);
      this.#speeds.set(name, speed);
      const price = `${perMfuel(BigInt(rate))} USDT per Mfuel, more while it is busy`;
      this.#report.stage("provider", `${name} asks ${price}; burns ${mfuelPerSecond(speed)}`);
      serving.resolve();
    });
    return serving.promise;
  }

  #startRequester(more: readonly string[]): Promise<Line> {
    const done = Promise.withResolvers<Line>();
    const batch = ["--part", "but-last", "--batch", String(this.#options.batch)];
    const args = [...this.#courseArgs(), ...batch, ...more];
    this.#startDevice(REQUESTER, "devices/robot/sim/requester.ts", args, (line) => {
      if (line.kind === "course" && more.length === 0) {
        const { tasks, width, height, source } = line;
        const what = `${line["queries"]} shortest paths on ${line["map"]} (${width}x${height}) in ${tasks} tasks`;
        this.#report.stage("requester", `${REQUESTER} hires for ${what}; optimum: ${source}`);
      }
      if (line.kind === "unanswered" && !this.#isStopping)
        this.#report.note(`offered again: ${line["state"]} ${line["reason"]}`, line);
      if (line.kind === "done") done.resolve(line);
    });
    return done.promise;
  }

  #courseArgs(): string[] {
    const { map, scen, queries, seed } = this.#options;
    const course = [
      "--map",
      map ?? "",
      "--scen",
      scen ?? "",
      "--queries",
      String(queries),
      "--seed",
      String(seed),
    ];
    const { firmware, manifest } = this.#publication;
    return ["--firmware", firmware, "--manifest", manifest, ...course];
  }

  #startBoard(more: readonly string[]): Promise<Line> {
    const done = Promise.withResolvers<Line>();
    const hear = (line: Line) => {
      if (line.kind === "done") done.resolve(line);
    };
    const args = [...this.#courseArgs(), "--path", this.#boardPath, ...more];
    if ("why" in this.#firmware) {
      this.#startDevice(BOARD, "devices/board/board.ts", args, hear);
    } else {
      const files = ["--image", this.#firmware.image, "--store", this.#world.store, "--serial-number", BOARD];
      this.#startChild(BOARD, "devices/board/emulated.ts", [...files, ...args], hear);
    }
    return done.promise;
  }

  #conclude(done: readonly Line[], books: Audit, run: Readonly<Record<string, unknown>>): number {
    const sum = (key: string) => done.reduce((total, line) => total + Number(line[key] ?? 0), 0);
    const queries = sum("queries");
    const optimal = sum("optimal");
    const agree = books.agree && books.paid === books.settled;
    this.#report.audited(books);
    const { paid, settled, fees, credit, entries, tasks, payments, rechecked, transactions, gas } = books;
    const { fuel, fuelCost } = books;
    const perMfuelPaid = usdtPerMfuel(fuelCost, fuel);
    const speeds = [...this.#speeds].map(([name, speed]) => `${name} ${mfuelPerSecond(speed)}`);
    const summary = {
      ...{ tasks, queries, optimal, rechecked, payments },
      ...{ fuel, perMfuel: perMfuelPaid, fuelPerSecond: Object.fromEntries(this.#speeds) },
      ...{ paid: usdt(paid), settled: usdt(settled), fees: usdt(fees), credit: usdt(credit), agree },
      ...{
        transactions,
        gas: Number(gas),
        gasPerPayment: payments > 0 ? Math.round(Number(gas) / payments) : 0,
      },
      ...{ restarts: this.#restarts, entries, ...run, data: this.#world.folder },
    };
    const data = `--data ${relative(process.cwd(), this.#world.folder)}`;
    const command = import.meta.url.endsWith(".js") ? "npx hirewire" : "npm run -s hirewire --";
    this.#report.summary(summary, [
      `${tasks} tasks paid, ${rechecked} of them run twice; ${optimal} of ${queries} paths have the optimal length`,
      `${mfuel(fuel)} Mfuel at ${perMfuelPaid} USDT per Mfuel; measured: ${speeds.join(", ")}`,
      `providers received ${usdt(paid)} USDT in ${payments} payments, fees ${usdt(fees)}, credit left ${usdt(credit)}`,
      `settled ${usdt(settled)} USDT by ${transactions.join(", ")}`,
      `gas ${gas} = ${summary.gasPerPayment} per payment; journal and chain ${agree ? "agree to the atomic unit" : "DISAGREE"}`,
      "",
      "look further:",
      `  ${command} log ${data}`,
      `  ${command} log show ${this.#lastPaid} ${data}`,
      `  ${command} log verify ${data}`,
    ]);
    return agree && optimal === queries ? 0 : 1;
  }
}

/** What a million of fuel has cost on average, USDT: four digits are enough, as each price was rounded up. */
function usdtPerMfuel(cost: bigint, fuel: number): string {
  return fuel > 0 ? String(Number((Number(cost) / fuel).toPrecision(4))) : "0";
}

function mfuelPerSecond(speed: number): string {
  return `${Math.round(speed / 1e6)} Mfuel/s`;
}
