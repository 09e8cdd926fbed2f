/**
 * A robot on a hirewire gateway: it hires compute, serves compute, and is paid, over MQTT.
 *
 *     const robot = await connectRobot({ file: await readConnectionFile("robot.json"), walletPath: "wallet.json" });
 *     const answer = await robot.hire({ firmware, input, maxPrice: parseAmount("0.01", 6) });
 */
import type { Hex } from "../../src/base/bytes.ts";
import { fromHex } from "../../src/base/bytes.ts";
import { type Clock, type Instant, systemClock } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import { recoverAddress } from "../../src/kernels/signature.ts";
import type { Message, Terms } from "../../src/protocol/message.ts";
import { keySigner, type Signer } from "../../src/protocol/signer.ts";
import { receiptDigest } from "../../src/protocol/typed-data.ts";
import { Blobs } from "./blobs.ts";
import { Connection, type Incoming, type StreamSource } from "./connection.ts";
import { type ConnectionFile, marketOf } from "./connection-file.ts";
import { Events, type RobotListener } from "./events.ts";
import { type Answer, Hiring, type Order } from "./hire.ts";
import { Outbox, type Publish } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";
import { type ServeOptions, Serving } from "./serve.ts";
import { Wallet } from "./wallet.ts";

export type RobotOptions = {
  readonly file: ConnectionFile;
  /** Where promises of money are remembered; without it they are not, beyond the process. */
  readonly walletPath?: string;
  /** Tells the device's connections apart, 1 to 16 of `0-9A-Za-z`; `"0"` unless told. */
  readonly slot?: string;
  /** Opens the byte stream of each session, in place of TCP: for boards on a serial line. */
  readonly stream?: StreamSource;
  readonly clock?: Clock;
  /** What this device says it can do; a device that only buys, unless told. */
  readonly factsheet?: Partial<Message<"factsheet">>;
  /** Closes the robot, or ends the attempt to connect. */
  readonly signal?: AbortSignal;
};

/** Chunks of a blob that we ask for: over TCP, and over a line where a long packet would hold up all others. */
const TCP_CHUNK = 32_768;
const LINE_CHUNK = 512;
/** Awards kept until the program serves; more than any device runs at a time. */
const MAX_EARLY = 64;

/**
 * Connects a device to its gateway and stays connected until closed. Waits for a gateway that is not there yet.
 *
 * @throws {@link Fault} `refused` when the gateway does not know the device or refuses its tokens, `chain_mismatch` when its
 * terms differ from the file's, `books_disagree`, `file_format` or `disk_failed` about the wallet file; the signal's
 * reason when aborted
 */
export async function connectRobot(options: RobotOptions): Promise<Robot> {
  const { file, signal } = options;
  signal?.throwIfAborted();
  const signer = keySigner(fromHex(file.key));
  const path = options.walletPath === undefined ? {} : { path: options.walletPath };
  const wallet = await Wallet.open({ market: marketOf(file), signer, ...path });
  const robot = new Robot(options, signer, wallet);
  const abort = () => void robot.close();
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    await robot.start();
  } catch (error) {
    await robot.close();
    signal?.throwIfAborted();
    throw error;
  }
  return robot;
}

export class Robot {
  readonly #connection: Connection;
  readonly #events = new Events();
  readonly #parts: RobotParts;
  readonly #hiring: Hiring;
  #serving: Serving | null = null;
  /** Awards of this session that came before {@link serve}: an earlier process of this device bid for them. */
  #early: Message<"award">[] = [];
  #isClosed: boolean = false;

  /** Made by {@link connectRobot}. */
  constructor(options: RobotOptions, signer: Signer, wallet: Wallet) {
    const { file, stream, slot = "0", clock = systemClock } = options;
    const factsheet: Message<"factsheet"> = {
      ...{ version: 1, name: file.name, profiles: [], memoryMiB: 0 },
      ...options.factsheet,
    };
    this.#connection = new Connection(
      { file, signer, slot, factsheet, clock, ...(stream && { stream }) },
      {
        up: (terms) => this.#up(terms),
        changed: (terms) => this.#parts.wallet.redeposit(terms.lane),
        down: (reason) => this.#events.emit({ kind: "disconnected", reason }),
        heard: (incoming) => this.#heard(incoming),
        ignored: (topic, reason) => this.#events.emit({ kind: "ignored", topic, reason }),
      },
    );
    const publish: Publish = (topic, message) => this.#connection.publish(topic, message);
    const chunkBytes = stream ? LINE_CHUNK : TCP_CHUNK;
    this.#parts = {
      ...{ market: marketOf(file), signer, clock, wallet, events: this.#events },
      now: () => this.#connection.gatewayTime(),
      outbox: new Outbox(publish, clock),
      blobs: new Blobs({ publish, clock, events: this.#events, chunkBytes }),
    };
    this.#hiring = new Hiring(this.#parts);
  }

  /** Resolves at the first session; see {@link Connection.start}. */
  start(): Promise<void> {
    return this.#connection.start();
  }

  /** The device's account. */
  get address(): Hex {
    return this.#parts.signer.address;
  }

  /** What the gateway told at the newest login; null before the first. */
  get terms(): Terms | null {
    return this.#connection.terms;
  }

  get isUp(): boolean {
    return this.#connection.isUp;
  }

  get wallet(): Wallet {
    return this.#parts.wallet;
  }

  /** The gateway's time, in which deadlines are written. */
  gatewayTime(): Instant {
    return this.#connection.gatewayTime();
  }

  /** Hears what happens, in order, until the returned function is called. */
  listen(listener: RobotListener): () => void {
    return this.#events.listen(listener);
  }

  /** Has work done by another device; see {@link Hiring.hire} for what it throws. Any number at a time. */
  async hire(order: Order): Promise<Answer> {
    this.#mustBeOpen();
    return await this.#hiring.hire(order);
  }

  /**
   * Does work for other devices from now on.
   *
   * @throws {@link Fault} `usage` when it serves already or `concurrency` is below 1
   */
  serve(options: ServeOptions): Serving {
    this.#mustBeOpen();
    if (this.#serving?.isStopped === false) throw new Fault("usage", "this robot serves already");
    this.#serving = new Serving(this.#parts, options);
    for (const award of this.#early.splice(0)) this.#watch(this.#serving.awarded(award));
    return this.#serving;
  }

  /** Ends what is open with `link_lost`, says OFFLINE and disconnects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#parts.outbox.stop();
    this.#parts.blobs.stop();
    this.#serving?.abandon();
    await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw new Fault("link_lost", "this robot is closed");
  }

  // Order matters: the told lane first, so that what is repeated and what follows is counted on top of it.
  #up(terms: Terms): void {
    const { wallet } = this.#parts;
    this.#early = [];
    wallet.login(terms.lane);
    this.#events.emit({ kind: "connected", terms });
    if (wallet.doubt) this.#events.emit({ kind: "ignored", topic: "ack", reason: wallet.doubt });
    this.#parts.outbox.repeat();
    this.#parts.blobs.repeat();
  }

  #heard(incoming: Incoming): void {
    const { outbox, blobs } = this.#parts;
    switch (incoming.topic) {
      case "ack":
        outbox.answer(incoming.message.id, { acked: incoming.message });
        break;
      case "refusal":
        this.#refused(incoming.message);
        break;
      case "announce":
        this.#watch(this.#serving?.announced(incoming.message));
        break;
      case "award":
        if (this.#serving) this.#watch(this.#serving.awarded(incoming.message));
        else if (this.#early.length < MAX_EARLY) this.#early.push(incoming.message);
        break;
      case "payment":
        this.#watch(this.#paid(incoming.message));
        break;
      case "receipt":
        this.#receipted(incoming.message);
        break;
      case "answer":
        this.#hiring.answered(incoming.message);
        break;
      case "blob-get":
        blobs.asked(incoming.message);
        break;
      case "blob-data":
        blobs.heard(incoming.message);
        break;
    }
  }

  #refused(refusal: Message<"refusal">): void {
    this.#events.emit({ kind: "refusal", refusal });
    if (refusal.id !== null) this.#parts.outbox.answer(refusal.id, { refused: refusal });
  }

  async #paid({ task, role, amount, voucher }: Message<"payment">): Promise<void> {
    const received = await this.#parts.wallet.receive(voucher);
    if (received === "forged") {
      this.#events.emit({ kind: "ignored", topic: "payment", reason: "bad_signature" });
      return;
    }
    const { cumulative } = voucher;
    if (received === "kept") this.#events.emit({ kind: "payment", task, role, amount, cumulative });
    if (task !== null) this.#serving?.settled(task, role);
  }

  #receipted(receipt: Message<"receipt">): void {
    const { market, signer } = this.#parts;
    if (recoverAddress(receiptDigest(market, receipt), receipt.signature) !== market.gateway) {
      this.#events.emit({ kind: "ignored", topic: "receipt", reason: "bad_signature" });
      return;
    }
    this.#events.emit({ kind: "receipt", receipt });
    this.#hiring.receipted(receipt);
    if (receipt.provider === signer.address) this.#serving?.settled(receipt.task, null);
  }

  #watch(work: Promise<void> | undefined): void {
    work?.catch((error: unknown) => this.#events.emit({ kind: "fault", error }));
  }
}
