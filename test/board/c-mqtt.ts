/** The board's MQTT client in C on one end of a line in memory, and the stream of its sessions at the other. */
import type { Duplex } from "node:stream";
import { SerialLink } from "../../src/link/serial/reliable.ts";
import { noisyLine } from "../link/serial/noisy-line.ts";
import { VirtualClock } from "../link/serial/virtual-clock.ts";
import type { Noise } from "../serial-cable/noise.ts";
import { CProgram } from "./host-build.ts";

/** What the client has called, with its arguments; a message once it is whole. */
export type Call =
  | { call: "link_up" | "published" | "down" | "refused" }
  | { call: "connected" | "subscribed"; code: number }
  | { call: "message"; topic: string; payload: Buffer };

export type Flags = "automatic" | "echo" | "fickle";
const FLAGS: readonly Flags[] = ["automatic", "echo", "fickle"];

export class CMqtt {
  readonly clock = new VirtualClock();
  readonly calls: Call[] = [];
  readonly program: CProgram;
  /** Told of each session's stream at the gateway. */
  onStream = (_stream: Duplex) => {};
  /** Messages that began and did not end, with what came of them. */
  readonly torn: { topic: string; length: number; payload: Buffer }[] = [];
  readonly #boardEnd: ReturnType<typeof noisyLine>[0];
  /** Whether the newest session has its subscription. */
  isSubscribed: boolean = false;
  readonly #counts = new Map<Call["call"], number>();
  #cancelTick = () => {};
  #message: { topic: string; length: number; payload: Buffer } | null = null;

  constructor(noise: Noise = {}, name = "asan/mqtt") {
    const [boardEnd, gatewayEnd] = noisyLine(this.clock, { baud: 921_600, seed: 1, noise });
    this.#boardEnd = boardEnd;
    this.program = new CProgram(name);
    boardEnd.onBytes((bytes) => this.#tell("t", bytes));
    const onSession = (stream: Duplex) => {
      stream.on("error", () => {});
      this.onStream(stream);
    };
    new SerialLink({
      port: gatewayEnd,
      role: "gateway",
      clock: this.clock,
      baud: 921_600,
      onSession,
    }).start();
  }

  boot(firstSessionId: number): void {
    const id = Buffer.alloc(4);
    id.writeUInt32LE(firstSessionId);
    this.#tell("b", id);
  }

  flags(...flags: Flags[]): void {
    this.#tell("f", Buffer.of(flags.reduce((bits, flag) => bits | (1 << FLAGS.indexOf(flag)), 0)));
  }

  connect(clientId: string, username: string, password: string): void {
    this.#tell("c", Buffer.from(`${clientId}\0${username}\0${password}`));
  }

  subscribe(filter: string): void {
    this.#tell("s", Buffer.from(filter));
  }

  publish(
    topic: string,
    payload: Uint8Array | string,
    qos: 0 | 1 = 1,
    from: "memory" | "source" = "memory",
  ): void {
    const head = Buffer.of(qos, from === "source" ? 1 : 0);
    this.#tell("p", Buffer.concat([head, Buffer.from(`${topic}\0`), Buffer.from(payload)]));
  }

  restart(): void {
    this.#tell("r");
  }

  /** How often the client has called something. */
  count(call: Call["call"]): number {
    return this.#counts.get(call) ?? 0;
  }

  /** Resolves when a call has come for the `times`-th time in all. */
  async until(call: Call["call"], times = 1): Promise<void> {
    await this.clock.runUntil(() => this.count(call) >= times);
  }

  #tell(what: string, bytes?: Uint8Array): void {
    this.#cancelTick();
    const { records, waitMs } = this.program.tell(what, this.clock.elapsedMs, bytes);
    for (const record of records) this.#hear(record.what, record.bytes);
    this.#cancelTick = this.clock.after(waitMs, () => this.#tell("k"));
  }

  #note(call: Call): void {
    this.calls.push(call);
    this.#counts.set(call.call, this.count(call.call) + 1);
    if (call.call === "subscribed" || call.call === "down") this.isSubscribed = call.call === "subscribed";
  }

  #hear(what: string, bytes: Buffer): void {
    if (what === "w") this.#boardEnd.write(bytes);
    if (what === "l") this.#note({ call: "link_up" });
    if (what === "C") this.#note({ call: "connected", code: bytes.readUInt32LE() });
    if (what === "S") this.#note({ call: "subscribed", code: bytes.readUInt32LE() });
    if (what === "P") this.#note({ call: "published" });
    if (what === "n") this.#note({ call: "refused" });
    if (what === "m") {
      const topic = bytes.subarray(4).toString("latin1");
      this.#message = { topic, length: bytes.readUInt32LE(), payload: Buffer.alloc(0) };
    }
    const message = this.#message;
    if (what === "y" && message) message.payload = Buffer.concat([message.payload, bytes]);
    if (what === "e" && message) {
      this.#note({ call: "message", topic: message.topic, payload: message.payload });
      this.#message = null;
    }
    if (what === "d") {
      this.#note({ call: "down" });
      if (message) this.torn.push(message);
      this.#message = null;
    }
  }
}
