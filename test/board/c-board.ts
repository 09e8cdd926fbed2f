/** The board's link in C on one end of a line in memory, and what it says. */
import { createHash, type Hash } from "node:crypto";
import type { BytePort } from "../../src/link/serial/reliable.ts";
import type { VirtualClock } from "../link/serial/virtual-clock.ts";
import { type Answer, CProgram } from "./host-build.ts";

/** The board's clock passes 2^32 after this many milliseconds. */
const UNTIL_WRAP_MS = 2_500;

/** Counters of `hw_link_counters`, in their order. */
const COUNTERS = [
  "framesSent",
  "framesResent",
  "framesReceived",
  "badFrames",
  "discardedBytes",
  "refusedFrames",
] as const;

export class CBoard {
  readonly program: CProgram;
  /** `up` and `down`, in the order they came. */
  readonly events: string[] = [];
  /** Bytes of the stream since the newest session began, and their SHA-256 so far. */
  received = 0;
  readonly #clock: VirtualClock;
  readonly #port: BytePort;
  #hash: Hash = createHash("sha256");
  #cancelTick = () => {};

  /** @param name - of the Makefile's programs */
  constructor(clock: VirtualClock, port: BytePort, name = "asan/link") {
    this.#clock = clock;
    this.#port = port;
    this.program = new CProgram(name);
    port.onBytes((bytes) => this.take(bytes));
  }

  /** Switches it on, also anew: nothing is remembered, nothing said about it. */
  boot(firstSessionId: number): void {
    const id = Buffer.alloc(4);
    id.writeUInt32LE(firstSessionId);
    this.#tell("b", id);
  }

  take(bytes: Uint8Array): void {
    this.#tell("t", bytes);
  }

  /** Queues bytes for the stream, however many. */
  send(bytes: Uint8Array): void {
    this.#tell("s", bytes);
  }

  /** From now on all that it receives goes back. */
  echo(): void {
    this.#tell("e");
  }

  restart(): void {
    this.#tell("r");
  }

  counters(): Record<(typeof COUNTERS)[number], number> {
    const { records } = this.program.tell("c", this.#now);
    const bytes = records.find(({ what }) => what === "c")?.bytes ?? Buffer.alloc(0);
    const entries = COUNTERS.map((name, index) => [name, bytes.readUInt32LE(4 * index)]);
    return Object.fromEntries(entries);
  }

  /** SHA-256 of what was received since the newest session began, in hex. */
  sha256(): string {
    return this.#hash.copy().digest("hex");
  }

  get isUp(): boolean {
    return this.events.at(-1) === "up";
  }

  get #now(): number {
    return this.#clock.elapsedMs + 2 ** 32 - UNTIL_WRAP_MS;
  }

  #tell(what: string, bytes?: Uint8Array): void {
    this.#cancelTick();
    const answer = this.program.tell(what, this.#now, bytes);
    this.#hear(answer);
    this.#cancelTick = this.#clock.after(answer.waitMs, () => this.#tell("k"));
  }

  #hear({ records }: Answer): void {
    for (const { what, bytes } of records) {
      if (what === "w") this.#port.write(bytes);
      if (what === "r") {
        this.received += bytes.length;
        this.#hash.update(bytes);
      }
      if (what === "u") {
        this.events.push("up");
        this.received = 0;
        this.#hash = createHash("sha256");
      }
      if (what === "d") this.events.push("down");
    }
  }
}
