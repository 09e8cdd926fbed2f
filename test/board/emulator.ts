/** The board's firmware for tests: built once, run in the emulator, and what it tells on its console. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Assets, encodeAssets } from "../../devices/board/assets.ts";
import { type ConsoleLine, Emulator } from "../../devices/board/emulator/emulator.ts";
import { missingTools } from "../../src/operator/demo/board-firmware.ts";

const missing = missingTools(process.env["PATH"] ?? "");

/** Whether the emulator cannot be had; where the checks run, it must be. For `describe.skipIf`. */
export const isEmulatorAbsent = missing.length > 0 && process.env["CI"] !== "true";

/** What stands behind a suite's name, for whoever wants to know why it was skipped. */
export const whyAbsent = isEmulatorAbsent
  ? ` (skipped: apt install ${missing.map(({ debian }) => debian).join(" ")})`
  : "";

/** Who keeps the key that a board pays by. */
export type WalletKind = "kept" | "own";

const builds = new Map<WalletKind, Promise<string>>();

/**
 * The image of this wallet, built unless it is there and newer than its sources; `own` fetches libsecp256k1's source.
 *
 * @throws with what the compiler said
 */
export function buildFirmware(wallet: WalletKind): Promise<string> {
  const known = builds.get(wallet) ?? make(wallet);
  builds.set(wallet, known);
  return known;
}

async function make(wallet: WalletKind): Promise<string> {
  await promisify(execFile)("make", ["-s", "-C", "devices/board", wallet]);
  return `build/board/${wallet}.elf`;
}

export type BoardOptions = {
  readonly image: string;
  readonly assets: Assets;
  /** What the board remembers: a folder of the caller's; one that goes with the board when null. */
  readonly store?: string | null;
  /** A tty or `tcp://host:port` that the board's line is on; the emulator's own pty when null. */
  readonly serial?: string | null;
  /** A path that leads to the board's tty, as udev makes them: laid anew each time the board is powered on. */
  readonly link?: string | null;
};

/** A board that can be reset, and whose power can be cut. */
export class EmulatedBoard {
  /** All that it has told since it was first powered on. */
  readonly lines: ConsoleLine[] = [];
  readonly store: string;
  readonly #options: BoardOptions;
  readonly #folder: string;
  readonly #listeners = new Set<(line: ConsoleLine) => void>();
  #emulator: Emulator | null = null;

  private constructor(options: BoardOptions) {
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), "hirewire-board-"));
    this.store = options.store ?? this.#folder;
    writeFileSync(join(this.#folder, "assets"), encodeAssets(options.assets));
  }

  /** Powers a board on; close it with `stop`. */
  static async start(options: BoardOptions): Promise<EmulatedBoard> {
    const board = new EmulatedBoard(options);
    await board.powerOn();
    return board;
  }

  /** The tty of its line, while it has power. */
  get path(): string {
    if (!this.#emulator) throw new Error("the board has no power");
    return this.#emulator.path;
  }

  /** Seconds of a host's core that it has burnt since it was powered on (proc(5): utime and stime of its process). */
  get coreSeconds(): number {
    const fields = readFileSync(`/proc/${this.#emulator?.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Presses its reset button; the line stays as it is. */
  async reset(): Promise<void> {
    await this.#emulator?.reset();
  }

  /** Cuts its power: what is not in its store is lost, and a tty of its own is gone. */
  async cutPower(): Promise<void> {
    const emulator = this.#emulator;
    this.#emulator = null;
    if (this.#options.link) rmSync(this.#options.link, { force: true });
    await emulator?.cutPower();
  }

  async powerOn(): Promise<void> {
    const { image, serial = null, link = null } = this.#options;
    const common = { image, serial, store: this.store, assets: join(this.#folder, "assets") };
    const emulator = await Emulator.start({ ...common, hear: (line) => this.#hear(line) });
    this.#emulator = emulator;
    if (link === null) return;
    symlinkSync(emulator.path, `${link}.new`);
    renameSync(`${link}.new`, link);
  }

  async stop(): Promise<void> {
    await this.#emulator?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The first line, told or still to come, that fits. Fails when the board does. */
  heard(fits: (line: ConsoleLine) => boolean, from = 0): Promise<ConsoleLine> {
    const before = this.lines.slice(from).find(fits);
    if (before) return Promise.resolve(before);
    return new Promise((resolve, reject) => {
      const listener = (line: ConsoleLine) => {
        if (fits(line)) resolve(line);
        else if (!["failed", "crashed"].includes(line.kind)) return;
        else reject(new Error(`the board: ${JSON.stringify(line)}`));
        this.#listeners.delete(listener);
      };
      this.#listeners.add(listener);
    });
  }

  #hear(line: ConsoleLine): void {
    this.lines.push(line);
    for (const listener of this.#listeners) listener(line);
  }
}
