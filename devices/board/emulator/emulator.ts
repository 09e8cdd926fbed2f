/**
 * The board's firmware in an emulated Cortex-M3: `qemu-system-arm`, UART 0 as a serial line, UART 1 as JSON lines.
 *
 * It ends with this process, even when that is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { Fault } from "../../../src/base/fault.ts";
import { Monitor } from "./monitor.ts";

export type EmulatorOptions = {
  /** An ELF file of `make -C devices/board emulator`. */
  readonly image: string;
  /** What `encodeAssets` has made, as a file. */
  readonly assets: string;
  /** The folder whose files `slot-0`… are what the board remembers. */
  readonly store: string;
  /** A tty, or `tcp://host:port` to connect to; null: a pty of the emulator's own, see {@link Emulator.path}. */
  readonly serial: string | null;
  /** Hears each line of the board's console. */
  readonly hear: (line: ConsoleLine) => void;
};

/** What the board tells on its console. */
export type ConsoleLine = { readonly kind: string } & Readonly<Record<string, unknown>>;

/** Where the firmware looks for its assets: `MPS2_ASSETS`. */
const ASSETS_ADDRESS = "0x21000000";

/** Ends the emulator when our end of the pipe closes, however we end. */
const TIED_TO_PIPE = '(cat <&3; kill $$) >/dev/null 2>&1 & exec "$@" 3<&-';

const PTY = /^char device redirected to (\/\S+) \(label line\)$/;

/** One power-on of the board, until its power is cut. */
export class Emulator {
  /** The tty of the board's line: the other end of the emulator's pty, or what it was told. */
  readonly path: string;
  /** The exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #monitor: Monitor;

  private constructor(child: ChildProcess, path: string, ended: Promise<number | null>) {
    this.#process = child;
    this.path = path;
    this.ended = ended;
    this.#monitor = new Monitor(child.stdio[4] as Duplex);
  }

  /**
   * Powers the board on; it runs when this returns.
   *
   * @throws {@link Fault} `usage` when the emulator does not start, with what it said
   */
  static async start(options: EmulatorOptions): Promise<Emulator> {
    const child = spawn("/bin/sh", ["-c", TIED_TO_PIPE, "sh", "qemu-system-arm", ...argumentsOf(options)], {
      // Ctrl-C in a terminal is for us alone.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
    });
    for (const stream of child.stdio) stream?.on("error", () => undefined);
    // Until we let go of them they hold up "close", the pipe by the shell that waits for its end.
    child.once("exit", () => {
      for (const at of [3, 4]) child.stdio[at]?.destroy();
    });
    const ended = once(child, "close").then(() => child.exitCode);
    let complaint = "";
    child.stderr?.on("data", (bytes: Buffer) => {
      complaint += bytes.toString();
    });
    const pty = Promise.withResolvers<string>();
    if (child.stdout) {
      const lines = createInterface({ input: child.stdout }).on("line", (text) => {
        const path = PTY.exec(text)?.[1];
        if (path) pty.resolve(path);
        else options.hear(parseLine(text));
      });
      lines.on("error", () => undefined);
    }
    const failed = ended.then((code): never => {
      throw new Fault("usage", `qemu-system-arm ended with ${code}: ${complaint.trim()}`);
    });
    failed.catch(() => undefined);
    const path = await Promise.race([options.serial ?? pty.promise, failed]);
    const emulator = new Emulator(child, path, ended);
    // An emulator that ends says why; that its monitor is gone tells nobody anything.
    await Promise.race([emulator.#monitor.open().catch(() => failed), failed]);
    return emulator;
  }

  /** The emulator's process. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Presses the board's reset button: what it has in memory is gone, the line stays. */
  async reset(): Promise<void> {
    await this.#monitor.execute("system_reset");
  }

  /** Cuts the power, at whatever instruction the board is. */
  async cutPower(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.ended;
  }

  /** Ends the emulator. */
  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.ended;
  }
}

function argumentsOf({ image, assets, store, serial }: EmulatorOptions): string[] {
  const machine = ["-M", "mps2-an385", "-display", "none", "-nodefaults", "-kernel", image];
  const loader = `loader,file=${escaped(assets)},addr=${ASSETS_ADDRESS},force-raw=on`;
  const line = ["-chardev", chardevOf(serial), "-serial", "chardev:line"];
  const console = ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"];
  const monitor = ["-chardev", "socket,id=monitor,fd=4", "-mon", "chardev=monitor,mode=control"];
  const files = `enable=on,target=native,arg=board,arg=${escaped(store)}`;
  return [...machine, "-device", loader, ...line, ...console, ...monitor, "-semihosting-config", files];
}

function chardevOf(serial: string | null): string {
  if (serial === null) return "pty,id=line";
  const url = serial.startsWith("tcp://") ? new URL(serial) : null;
  if (url) return `socket,id=line,host=${url.hostname},port=${url.port},nodelay=on`;
  return `serial,id=line,path=${escaped(serial)}`;
}

/** A comma ends a value; two are one. */
function escaped(path: string): string {
  return path.replaceAll(",", ",,");
}

function parseLine(text: string): ConsoleLine {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "kind" in value) return value as ConsoleLine;
  } catch {
    // Cut off by a reset.
  }
  return { kind: "text", text };
}
