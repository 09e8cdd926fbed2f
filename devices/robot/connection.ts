/**
 * A device's session with its gateway, over and over: connect, log in, subscribe, say what we are, hear the terms, and
 * again after a pause when the link is lost.
 *
 * Every session has an MQTT client of its own. A client that reconnects by itself would send its unacked packets
 * again before ours and out of order; what must not be lost is in the outbox, which repeats it.
 */
import type { Duplex } from "node:stream";
import { type Clock, type Instant, instant } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import type { Message, Terms } from "../../src/protocol/message.ts";
import type { Signer } from "../../src/protocol/signer.ts";
import type { Topic } from "../../src/protocol/topic.ts";
import { BackOff } from "./back-off.ts";
import type { ConnectionFile } from "./connection-file.ts";
import {
  CONNACK_BAD_PASSWORD,
  CONNACK_UNAVAILABLE,
  type Incoming,
  Session,
  type SessionEnd,
} from "./session.ts";

/** Opens the byte stream of one session, in place of TCP; asked again for each session. */
export type StreamSource = () => Duplex | Promise<Duplex>;

export type ConnectionListener = {
  /** The gateway has told its terms: messages can be published from here on. */
  /** `index` is the journal's at the login: what was acknowledged at or below it is counted in the terms. */
  readonly up: (terms: Terms, index: number) => void;
  /** The gateway has told its terms again: the lane's deposit is another. */
  readonly changed: (terms: Terms) => void;
  /** There is no session, and why: it is over, or a try has failed for another reason than the one before. */
  readonly down: (reason: string) => void;
  readonly heard: (incoming: Incoming) => void;
  /** A message that is none of the gateway's was dropped. */
  readonly ignored: (topic: string, reason: string) => void;
};

export type ConnectionOptions = {
  readonly file: ConnectionFile;
  readonly signer: Signer;
  /** Tells this connection from the device's others; part of the client id. */
  readonly slot: string;
  /** What the device says of itself, at the beginning of each session. */
  readonly factsheet: () => Message<"factsheet">;
  readonly clock: Clock;
  readonly stream?: StreamSource;
  /** No fleet shares the way to the gateway, as on a serial line: pauses stay short. */
  readonly isAlone?: boolean;
};

/** Tokens refused in a row before the first session until we give up: a clock a few seconds behind may do that. */
const MOST_REFUSALS = 10;
/** Which tries, after tokens were refused, ask for a challenge: a robot's clock may be wrong by any time. */
const CHALLENGE_EVERY = 3;
/** The longest pause where no fleet shares the way: a cable is pulled more often than a network. */
const ALONE_MS = 200;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #closing = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  #running: Promise<void> | null = null;
  #session: Session | null = null;
  #terms: Terms | null = null;
  /** Gateway time less our clock, milliseconds. */
  #ahead = 0;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /**
   * Connects, and keeps connecting until {@link close}. Resolves at the first session's terms; a link that is not
   * there yet is waited for.
   *
   * @throws {@link Fault} `refused` when the broker does not know the device or refuses ten tokens in a row, or its
   * certificate is not one to trust; `chain_mismatch` when the gateway's terms are not those of the connection file;
   * `link_lost` when closed before
   */
  start(): Promise<void> {
    this.#running ??= this.#run();
    return this.#first.promise;
  }

  /** The newest terms; null before the first session. */
  get terms(): Terms | null {
    return this.#terms;
  }

  get isUp(): boolean {
    return this.#session?.isUp === true;
  }

  /** The gateway's time, as told at the newest login and counted on by our clock. */
  gatewayTime(): Instant {
    return instant(this.#options.clock.now() + this.#ahead);
  }

  /** Sends a message now; false when no session is up, and nothing was sent. */
  publish<T extends Topic>(topic: T, message: Message<T>): boolean {
    return this.#session?.publish(topic, message) === true;
  }

  /** Says OFFLINE, ends the session and opens no other. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) await this.#session?.close();
    this.#closing.abort(new Fault("link_lost", "the connection was closed"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { clock, isAlone } = this.#options;
    const backOff = isAlone ? new BackOff(ALONE_MS) : new BackOff();
    let refusals = 0;
    let told = "";
    while (!signal.aborted) {
      const begun = clock.now();
      const end = await this.#connect(refusals % CHALLENGE_EVERY === CHALLENGE_EVERY - 1);
      refusals = end.refused === CONNACK_BAD_PASSWORD ? refusals + 1 : 0;
      const isFinal =
        end.refused !== 0 &&
        end.refused !== CONNACK_UNAVAILABLE &&
        (refusals === 0 || refusals >= MOST_REFUSALS);
      if (!end.wasUp && isFinal && !this.#terms) {
        this.#first.reject(
          new Fault("refused", end.reason, { facts: { code: "bad_token", hint: end.reason } }),
        );
        return;
      }
      // of many tries that fail alike only the first is told
      if (!end.wasUp && end.reason !== told && !signal.aborted) this.#listener.down(end.reason);
      told = end.wasUp ? "" : end.reason;
      const pause = backOff.pause(end.wasUp ? clock.now() - begun : 0, Math.random());
      await clock.sleep(pause, signal).catch(() => {});
    }
    this.#first.reject(signal.reason);
  }

  async #connect(asksFirst: boolean): Promise<SessionEnd> {
    const now = () => this.gatewayTime();
    const { signal } = this.#closing;
    const session = new Session(
      { ...this.#options, asksFirst, now, signal },
      {
        agrees: (terms) => this.#agrees(terms),
        up: (terms, index) => this.#up(terms, index),
        changed: (terms) => this.#changed(terms),
        down: (reason) => this.#listener.down(reason),
        told: (time) => this.#told(time),
        heard: (incoming) => this.#listener.heard(incoming),
        ignored: (topic, reason) => this.#listener.ignored(topic, reason),
      },
    );
    this.#session = session;
    return await session.run();
  }

  #told(time: Instant): void {
    this.#ahead = time - this.#options.clock.now();
  }

  #up(terms: Terms, index: number): void {
    this.#terms = terms;
    this.#told(terms.time);
    this.#listener.up(terms, index);
    this.#first.resolve();
  }

  /** The lane has moved on chain. A new life of it is for a new login, which settles what is signed in it. */
  #changed(terms: Terms): boolean {
    if (terms.lane.epoch !== this.#terms?.lane.epoch) return false;
    this.#terms = terms;
    this.#listener.changed(terms);
    return true;
  }

  #agrees(terms: Terms): boolean {
    const { file } = this.#options;
    const agrees =
      terms.gateway === file.gateway &&
      terms.chainId === file.chainId &&
      terms.vault === file.vault &&
      terms.token === file.token;
    if (!agrees) {
      this.#first.reject(
        new Fault("chain_mismatch", "the gateway's terms are not those of the connection file"),
      );
    }
    return agrees;
  }
}
