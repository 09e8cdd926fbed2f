/**
 * A serial cable with a mind of its own, between two real ptys: it takes its time, flips bits, loses and invents bytes,
 * and can be pulled out of the gateway and put back.
 *
 *     gateway -- pty -- socat -- [ up, down: paced, spoilt ] -- socat -- pty -- board
 *
 * The board's side may also be a device that is there already, as qemu's pty is. Only the gateway's path vanishes when the
 * cable is pulled: a board with a supply of its own does not notice.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SerialPort } from "serialport";
import { Direction } from "./direction.ts";
import { hasProgram } from "./has-program.ts";
import type { Noise } from "./noise.ts";
import { openPty, type RelayEnd } from "./pty-end.ts";

/** Whether this machine has what a cable is made of. */
export const hasSocat = hasProgram("socat", "-V");

export type CableOptions = {
  /** Bits a second each way; null for a line that takes no time. */
  readonly baud: number | null;
  /** 32 bits. */
  readonly seed: number;
  readonly noise?: Noise;
  /** The device at the board's end; without it a pty is made. */
  readonly boardDevice?: string;
};

export class SerialCable {
  /** What a gateway opens; not there before {@link plug}. */
  readonly gatewayPath: string;
  /** What a board opens, or its device. */
  readonly boardPath: string;
  /** From the board to the gateway. */
  readonly up: Direction;
  /** From the gateway to the board. */
  readonly down: Direction;
  readonly #folder: string;
  #gateway: RelayEnd | null = null;
  #board: RelayEnd | null = null;

  /** A cable that is in the board, and not yet in the gateway. */
  static async open(options: CableOptions): Promise<SerialCable> {
    const cable = new SerialCable(options, await mkdtemp(join(tmpdir(), "serial-cable-")));
    const onBytes = (bytes: Buffer) => {
      if (cable.#gateway) cable.up.take(bytes);
    };
    const { boardDevice: device } = options;
    cable.#board = await (device === undefined
      ? openPty(cable.boardPath, onBytes)
      : openDevice(device, onBytes));
    cable.up.tap = cable.#board;
    return cable;
  }

  private constructor({ baud, seed, noise = {}, boardDevice }: CableOptions, folder: string) {
    this.#folder = folder;
    this.gatewayPath = join(folder, "gateway");
    this.boardPath = boardDevice ?? join(folder, "board");
    this.up = new Direction(baud, seed, (bytes) => this.#gateway?.write(bytes));
    this.down = new Direction(baud, seed + 1, (bytes) => this.#board?.write(bytes));
    this.noise = noise;
  }

  /** In both directions, from now on. */
  set noise(noise: Noise) {
    this.up.noise = noise;
    this.down.noise = noise;
  }

  /** Puts the cable into the gateway; resolves when its path is there. */
  async plug(): Promise<void> {
    this.#gateway = await openPty(this.gatewayPath, (bytes) => this.down.take(bytes));
    this.down.tap = this.#gateway;
  }

  /** Pulls it out, with all that is under way; the gateway's path is gone. */
  async pull(): Promise<void> {
    const gateway = this.#gateway;
    this.#gateway = null;
    this.up.cut();
    await gateway?.close();
    this.down.cut();
  }

  /** Pulls it out of both and leaves nothing behind. */
  async dispose(): Promise<void> {
    await this.pull();
    await this.#board?.close();
    this.#board = null;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A device that somebody else has made. */
async function openDevice(path: string, onBytes: (bytes: Buffer) => void): Promise<RelayEnd> {
  const port = new SerialPort({ path, baudRate: 921_600, hupcl: false, autoOpen: false });
  port.open();
  await once(port, "open");
  // its owner may end before the cable does
  port.on("error", () => undefined);
  port.on("data", onBytes);
  return {
    pause: () => port.pause(),
    resume: () => port.resume(),
    write: (bytes) => {
      if (port.isOpen) port.write(bytes);
    },
    close: async () => {
      if (port.isOpen) await new Promise((resolve) => port.close(resolve));
    },
  };
}
