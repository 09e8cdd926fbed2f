/**
 * A robot on a hirewire gateway: it hires compute, serves compute, and is paid, over MQTT.
 *
 *     const lanes = chainLanes({ urls: ["https://rpc.example"], chainId: 1, vault, confirmations: "finalized" });
 *     const robot = await connect({ file: await readConnectionFile("robot.json"), walletPath: "wallet.json", lanes });
 *     const answer = await robot.hire({ firmware, input, fuelLimit: 1e9, maxPrice: parseAmount("0.01", 6) });
 */
import { fromHex, type Hex } from "../../src/base/bytes.ts";
import { type Clock, type Instant, systemClock } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import { type Amount, ZERO } from "../../src/base/money.ts";
import { isSignedBy } from "../../src/kernels/signature.ts";
import type { Message, Terms } from "../../src/protocol/message.ts";
import { keySigner, type Signer } from "../../src/protocol/signer.ts";
import { receiptDigest } from "../../src/protocol/typed-data.ts";
import { Asking, mustRun } from "./ask.ts";
import { Blobs } from "./blobs.ts";
import { newCommandId } from "./command-id.ts";
import { Connection, type StreamSource } from "./connection.ts";
import { type ConnectionFile, marketOf } from "./connection-file.ts";
import { Events, type RobotListener } from "./events.ts";
import {
  type RequestClose,
  randomNonce,
  type Signed,
  signRequestClose,
  signWithdraw,
  type Withdraw,
} from "./exit.ts";
import { Hiring } from "./hire.ts";
import { Income } from "./income.ts";
import type { LaneReader } from "./lane-reader.ts";
import { LaneSight } from "./lane-sight.ts";
import type { Answer, Order } from "./order.ts";
import { Outbox, type Publish, type QueueLimits, type Waiting } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";
import { Payouts } from "./payouts.ts";
import { type ServeOptions, Serving } from "./serve.ts";
import type { Incoming } from "./session.ts";
import { Takings } from "./takings.ts";
import { Turn } from "./turn.ts";
import { Wallet } from "./wallet.ts";

export { Fault, type FaultCode, isFault } from "../../src/base/fault.ts";
export type { Amount } from "../../src/base/money.ts";
export type { Message, Terms } from "../../src/protocol/message.ts";
export type { ConnectionFile } from "./connection-file.ts";
export type { RobotEvent, RobotListener } from "./events.ts";
export type { LaneReader } from "./lane-reader.ts";
export type { Answer, Order, Progress } from "./order.ts";
export type { QueueLimits, Waiting } from "./outbox.ts";
export type { ServeOptions, Serving } from "./serve.ts";
export type { Wallet } from "./wallet.ts";

export type RobotOptions = {
  readonly file: ConnectionFile;
  /**
   * Who tells what the lanes hold: `chainLanes`, `watchtowerLanes` or a reader of your own. `"trustGateway"` takes the
   * gateway's word, and risks all that is not yet claimed.
   */
  readonly lanes: LaneReader | "trustGateway";
  /**
   * The most that may be with the gateway, unspent or unanswered. Unless told, ten times the largest maxPrice, and never
   * less than one offer needs.
   */
  readonly creditLimit?: Amount;
  /** Where promises of money are remembered; without it they are not, beyond the process. */
  readonly walletPath?: string;
  /** Tells the device's connections apart, 1 to 16 of `0-9A-Za-z`; `"0"` unless told. */
  readonly slot?: string;
  /** Opens the byte stream of each session, in place of TCP: for boards on a serial line. */
  readonly stream?: StreamSource;
  readonly clock?: Clock;
  /** What it can do; a device that only buys, unless told. One that serves names its `profiles` and its `memoryMiB`. */
  readonly factsheet?: Partial<Message<"factsheet">>;
  /** What may wait for the gateway before {@link Robot.hire} fails with `queue_full`. */
  readonly queue?: Partial<QueueLimits> & {
    /** Bytes of firmware and inputs that are held for the gateway to pull; 256 MiB unless told. */
    readonly uploads?: number;
  };
  /** Hears all that happens, from before the first session on; what {@link Robot.listen} is given comes after it. */
  readonly onEvent?: RobotListener;
  /** Closes the robot, or ends the attempt to connect. */
  readonly signal?: AbortSignal;
};

/** Chunks of a blob that we ask for: over TCP, and over a line where a long packet would hold up all others. */
const TCP_CHUNK = 32_768;
const LINE_CHUNK = 512;
const MOST_UPLOADS = 268_435_456;
/** Largest prices that may be with the gateway, unless told. */
const CREDIT_PRICES = 10n;
/** Awards kept until the program serves; more than any device runs at a time. */
const MAX_EARLY = 64;

/**
 * Connects a device to its gateway and stays connected until closed. Waits for a gateway that is not there yet.
 *
 * @throws {@link Fault} `refused` when the gateway does not know the device or refuses its tokens, `chain_mismatch` when its
 * terms differ from the file's, `books_disagree`, `file_format` or `disk_failed` about the wallet file; the signal's
 * reason when aborted
 */
export async function connect(options: RobotOptions): Promise<Robot> {
  const { file, signal } = options;
  signal?.throwIfAborted();
  const signer = keySigner(fromHex(file.key));
  const path = options.walletPath === undefined ? {} : { path: options.walletPath };
  const wallet = await Wallet.open({ market: marketOf(file), signer, ...path });
  const robot = new Robot(options, signer, wallet);
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
  readonly #asking: Asking;
  readonly #hiring: Hiring;
  readonly #payouts: Payouts;
  /** The command that shows the gateway its own voucher, this session. */
  #shown: string | null = null;
  #serving: Serving | null = null;
  /** Awards of this session that came before {@link serve}: an earlier process of this device bid for them. */
  #early: Message<"award">[] = [];
  readonly #income: Income;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => void this.close();
  #closed: Promise<void> | null = null;

  /** Made by {@link connect}. */
  constructor(options: RobotOptions, signer: Signer, wallet: Wallet) {
    const { file, stream, slot = "0", clock = systemClock, queue = {}, signal, creditLimit } = options;
    this.#signal = signal;
    if (options.onEvent) this.#events.listen(options.onEvent);
    const buys = { version: 1 as const, name: file.name, profiles: [], memoryMiB: 0 };
    const factsheet = () => this.#asking.factsheet;
    this.#connection = new Connection(
      { file, signer, slot, factsheet, clock, ...(stream && { stream, isAlone: true }) },
      {
        up: (terms, index) => this.#up(terms, index),
        changed: (terms) => this.#changed(terms),
        down: (reason) => this.#events.emit({ kind: "disconnected", reason }),
        heard: (incoming) => this.#heard(incoming),
        ignored: (topic, reason) => this.#events.emit({ kind: "ignored", topic, reason }),
      },
    );
    const publish: Publish = (topic, message) => this.#connection.publish(topic, message);
    const market = marketOf(file);
    const terms = () => this.#connection.terms;
    const sight = { source: options.lanes, market, device: signer.address, terms, clock };
    this.#parts = {
      ...{ market, signer, clock, wallet, terms, events: this.#events },
      ...{ lanes: new LaneSight(sight), takings: new Takings(), turn: new Turn() },
      creditLimit: (need) => {
        const usual = CREDIT_PRICES * wallet.largestPrice;
        return creditLimit ?? (usual > need ? usual : need);
      },
      factsheet: { ...buys, ...options.factsheet },
      now: () => this.#connection.gatewayTime(),
      ...{ outbox: new Outbox(publish, clock, queue), publish, uploads: queue.uploads ?? MOST_UPLOADS },
      blobs: new Blobs({ publish, clock, events: this.#events, chunkBytes: stream ? LINE_CHUNK : TCP_CHUNK }),
    };
    this.#asking = new Asking(this.#parts, publish);
    this.#hiring = new Hiring(this.#parts);
    this.#payouts = new Payouts(this.#parts);
    this.#income = new Income(this.#parts, {
      served: (payment) => this.#serving?.paid(payment),
      paidOut: (payment) => this.#payouts.paid(payment),
    });
  }

  /** Resolves at the first session; see {@link Connection.start}. */
  start(): Promise<void> {
    this.#signal?.addEventListener("abort", this.#abort, { once: true });
    if (this.#signal?.aborted) this.#abort();
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

  /** Commands that the gateway has not answered: `queued` without a session, and `sent`. */
  get waiting(): Waiting {
    return this.#parts.outbox.waiting;
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
   * @throws {@link Fault} `usage` when it serves already, `concurrency` is below 1, or the factsheet names no profile or
   * no memory
   */
  serve(options: ServeOptions): Serving {
    this.#mustBeOpen();
    if (this.#serving?.isStopped === false) throw new Fault("usage", "this robot serves already");
    mustRun(this.#parts.factsheet);
    const serving = new Serving(this.#parts, options);
    this.#serving = serving;
    for (const award of this.#early.splice(0)) this.#watch(serving.awarded(award));
    const { ask: rates = [], speed = null } = options;
    const standing = { rates, speed, measured: this.gatewayTime(), isServing: () => !serving.isStopped };
    if (options.ask || speed) this.#watch(this.#asking.stand(standing));
    return serving;
  }

  /**
   * Asks for all credit back, on the gateway's lane to this device; resolves with how much that was. Nothing is offered
   * meanwhile. See {@link Payouts.ask} for what it throws.
   */
  async payout(): Promise<Amount> {
    this.#mustBeOpen();
    return await this.#payouts.ask();
  }

  /**
   * Signs the order to close this device's lane to the gateway, which anybody may carry to the vault: the gateway is not
   * asked, and this device needs no gas.
   *
   * @param deadline - last second at which it is valid, unix seconds
   * @param fee - for whoever carries it, out of this device's vault
   * @throws {@link Fault} as {@link LaneReader.lane}, unless the gateway's word is taken
   */
  async exitOrder(deadline: number, fee: Amount = ZERO): Promise<Signed<RequestClose>> {
    const { market, signer, wallet, lanes } = this.#parts;
    const { gateway: payee, token } = market;
    const epoch = lanes.isTrusting ? wallet.epoch : (await lanes.lane()).epoch;
    const order = { payer: signer.address, payee, token, epoch, deadline, nonce: randomNonce(), fee };
    return await signRequestClose(market, signer, order);
  }

  /** Signs the order to send tokens out of this device's vault, which anybody may carry there. */
  async withdrawOrder(
    order: Pick<Withdraw, "amount" | "to" | "deadline">,
    fee: Amount = ZERO,
  ): Promise<Signed<Withdraw>> {
    const { market, signer } = this.#parts;
    const { token } = market;
    const whole = { account: signer.address, token, ...order, nonce: randomNonce(), fee };
    return await signWithdraw(market, signer, whole);
  }

  /** Ends what is open with `link_lost`, says OFFLINE and disconnects; once, however often it is asked. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#parts.turn.stop(new Fault("link_lost", "the robot was closed"));
    this.#hiring.stop();
    this.#parts.outbox.stop();
    this.#payouts.stop();
    this.#parts.blobs.stop();
    this.#serving?.abandon();
    this.#asking.stop();
    await this.#connection.close();
    await this.#parts.wallet.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #mustBeOpen(): void {
    if (this.#closed !== null) throw new Fault("link_lost", "this robot is closed");
  }

  // Order matters: the told lane first, so that what is repeated and what follows is counted on top of it.
  #up(terms: Terms, index: number): void {
    const { wallet } = this.#parts;
    this.#early = [];
    this.#parts.lanes.forget();
    wallet.login(terms.lane, index);
    this.#events.emit({ kind: "connected", terms });
    if (wallet.doubt) this.#events.emit({ kind: "ignored", topic: "ack", reason: wallet.doubt });
    this.#show(terms.reverse);
    this.#watch(this.#asking.renew());
    this.#parts.outbox.repeat();
    this.#parts.blobs.repeat();
  }

  #changed(terms: Terms): void {
    const { lanes, wallet } = this.#parts;
    lanes.forget();
    wallet.redeposit(terms.lane);
    this.#hiring.payAgain();
  }

  /** A gateway that has lost its disk signs below what it has signed, unless it is shown. */
  #show(told: Terms["reverse"]): void {
    const { wallet, outbox, now } = this.#parts;
    if (this.#shown !== null) outbox.close(this.#shown);
    this.#shown = null;
    const voucher = wallet.received.at(-1);
    if (!voucher || voucher.epoch < told.epoch) return;
    if (voucher.epoch === told.epoch && voucher.cumulative <= told.signed) return;
    this.#shown = newCommandId(now());
    outbox.send("voucher", { version: 1, id: this.#shown, voucher });
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
      case "invoice":
        this.#hiring.invoiced(incoming.message);
        break;
      case "payment":
        this.#watch(this.#income.paid(incoming.message));
        break;
      case "receipt":
        this.#receipted(incoming.message);
        break;
      case "answer":
        this.#hiring.answered(incoming.message);
        this.#payouts.creditTold(incoming.message.credit);
        break;
      case "progress":
        this.#hiring.progressed(incoming.message);
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

  #receipted(receipt: Message<"receipt">): void {
    const { market, signer } = this.#parts;
    if (!isSignedBy(market.gateway, receiptDigest(market, receipt), receipt.signature)) {
      this.#events.emit({ kind: "ignored", topic: "receipt", reason: "bad_signature" });
      return;
    }
    this.#events.emit({ kind: "receipt", receipt });
    this.#hiring.receipted(receipt);
    if (receipt.provider === signer.address) this.#serving?.receipted(receipt);
  }

  #watch(work: Promise<void> | undefined): void {
    work?.catch((error: unknown) => this.#events.emit({ kind: "fault", error }));
  }
}
