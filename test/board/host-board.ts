/** The board's C client as a program of this machine, under AddressSanitizer and UBSan, behind a TCP port. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";

const missing = ["make", "gcc"].filter((tool) => spawnSync(tool, ["--version"]).error !== undefined);

/** Whether it cannot be built here; where the checks run, it must be. For `describe.skipIf`. */
export const isHostAbsent = missing.length > 0 && process.env["CI"] !== "true";

/** What stands behind a suite's name, for whoever wants to know why it was skipped. */
export const whyHostAbsent = isHostAbsent ? ` (skipped: apt install ${missing.join(" ")})` : "";

export type HostProgram = "board-kept" | "board-own" | "answers-kept" | "answers-own";

/**
 * Builds a program of `devices/board/host` unless it is there and newer than its sources.
 *
 * @returns where it is
 * @throws with what the compiler said
 */
export async function buildHost(program: HostProgram): Promise<string> {
  await promisify(execFile)("make", ["-s", "-C", "devices/board", program]);
  return `build/board/host/${program}`;
}

/** What the program tells; `kind` says what of. */
export type HostLine = { readonly kind: string } & Readonly<Record<string, unknown>>;

export type HostJob = {
  readonly firmware: Uint8Array;
  readonly input: Uint8Array;
  readonly maxPrice: bigint;
  readonly fuelLimit: number;
  readonly checkBudget?: bigint;
  readonly payment?: "prepaid" | "result";
  readonly manifest?: string;
};

export class HostBoard {
  /** All that it has told since it was first switched on. */
  readonly lines: HostLine[] = [];
  /** What the sanitizers and the program itself have complained of. */
  readonly complaints: string[] = [];
  readonly store: string;
  readonly #jobs: string;
  readonly #program: string;
  readonly #server: Server;
  readonly #listeners = new Set<() => void>();
  #child: ChildProcess | null = null;
  #socket: Socket | null = null;
  #carried = 0;

  private constructor(program: string, folder: string, server: Server) {
    this.#program = program;
    this.#server = server;
    this.store = join(folder, "store");
    this.#jobs = join(folder, "jobs");
    mkdirSync(this.store);
    mkdirSync(this.#jobs);
  }

  /** A board without power and with an empty store. Goes with the test. */
  static async open(program: string): Promise<HostBoard> {
    const folder = mkdtempSync(join(tmpdir(), "hirewire-host-board-"));
    const server = createServer((socket) => board.#plug(socket));
    const board = new HostBoard(program, folder, server);
    onTestFinished(async () => {
      await board.cutPower();
      board.unplug();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return board;
  }

  /** What a gateway opens. */
  get path(): string {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("the port is closed");
    return `tcp://127.0.0.1:${address.port}`;
  }

  /** Puts a job where the board looks for it. */
  give(number: number, job: HostJob): void {
    const { firmware, input, maxPrice, fuelLimit, checkBudget = 0n, payment = "prepaid", manifest } = job;
    const put = (name: string, bytes: Uint8Array | string) => writeFileSync(join(this.#jobs, name), bytes);
    put(`${number}.firmware`, firmware);
    put(`${number}.input`, input);
    if (manifest !== undefined) put(`${number}.manifest`, manifest);
    const lines = {
      ...{ firmware: `${number}.firmware`, input: `${number}.input`, maxPrice, checkBudget, fuelLimit },
      ...{ dueMs: 60_000, memoryMiB: 64, profile: "task/1", payment },
      ...(manifest === undefined ? {} : { manifest: `${number}.manifest` }),
    };
    const text = Object.entries(lines).map(([name, value]) => `${name} ${value}\n`);
    put(`${number}.job`, text.join(""));
  }

  /** @param exposureLimit - atomic units, 0 for none */
  powerOn(exposureLimit = 0n): void {
    const child = spawn(this.#program, [this.store, this.#jobs, "-", String(exposureLimit)]);
    this.#child = child;
    child.stdin.on("error", () => {});
    child.stdout.on("data", (bytes: Buffer) => {
      this.#socket?.write(bytes);
      this.#carry(bytes);
    });
    createInterface(child.stderr).on("line", (line) => this.#hear(line));
  }

  /** What it has not saved is lost; the gateway's port stays open. */
  async cutPower(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    const gone = once(child, "close");
    child.kill("SIGKILL");
    await gone;
  }

  /** Resolves to its exit code, when it ends by itself. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (!child) throw new Error("the board has no power");
    if (child.exitCode === null) await once(child, "close");
    return child.exitCode;
  }

  /** The gateway's port is gone for a moment. */
  unplug(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  /** Resolves when so many bytes more have gone either way, or a line was told that fits. */
  async carries(count: number, fits: (line: HostLine) => boolean): Promise<void> {
    const goal = this.#carried + count;
    while (this.#carried < goal && !this.lines.some(fits)) {
      if (this.complaints.length > 0) throw new Error(this.complaints.join("\n"));
      await this.#news();
    }
  }

  /** The first line from `from` on, told or still to come, that fits. */
  async heard(fits: (line: HostLine) => boolean, from = 0): Promise<HostLine> {
    for (;;) {
      const line = this.lines.slice(from).find(fits);
      if (line) return line;
      if (this.complaints.length > 0) throw new Error(this.complaints.join("\n"));
      await this.#news();
    }
  }

  /** Something was told, or has gone over the line. */
  #news(): Promise<void> {
    return new Promise((resolve) => this.#listeners.add(resolve));
  }

  #tell(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const told of listeners) told();
  }

  #plug(socket: Socket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      this.#child?.stdin?.write(bytes);
      this.#carry(bytes);
    });
  }

  #carry(bytes: Buffer): void {
    this.#carried += bytes.length;
    this.#tell();
  }

  #hear(line: string): void {
    if (line.startsWith("{")) this.lines.push(JSON.parse(line));
    else this.complaints.push(line);
    this.#tell();
  }
}
