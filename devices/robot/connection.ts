/**
 * A device's session with its gateway, over and over: CONNECT with a fresh token, subscribe, say what we are, hear
 * the terms, and again after a pause when the link is lost.
 *
 * Every session has an MQTT client of its own. A client that reconnects by itself would send its unacked packets
 * again before ours and out of order; what must not be lost is in the outbox, which repeats it.
 */
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { type IClientOptions, MqttClient } from "mqtt";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { type Clock, type Instant, instant } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import { clientIdOf, signConnectToken, TOKEN_LIFE_MS } from "../../src/protocol/connect-token.ts";
import { decodeMessage, encodeMessage, type Message, type Terms } from "../../src/protocol/message.ts";
import type { Signer } from "../../src/protocol/signer.ts";
import { parseTopic, TOPIC_ROOT, TOPICS, type Topic, topicOf } from "../../src/protocol/topic.ts";
import { brokerAddress, type ConnectionFile, marketOf } from "./connection-file.ts";

/** Opens the byte stream of one session, in place of TCP; asked again for each session. */
export type StreamSource = () => Duplex | Promise<Duplex>;

type DownTopic = { [T in Topic]: (typeof TOPICS)[T]["down"] extends true ? T : never }[Topic];

/** A message from the gateway. */
export type Incoming = { [T in DownTopic]: { readonly topic: T; readonly message: Message<T> } }[DownTopic];

export type ConnectionListener = {
  /** The gateway has told its terms: messages can be published from here on. */
  /** `index` is the journal's at the login: what was acknowledged at or below it is counted in the terms. */
  readonly up: (terms: Terms, index: number) => void;
  /** The gateway has told its terms again: the lane's deposit is another. */
  readonly changed: (terms: Terms) => void;
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
};

/** How a session ended. `refused` is the return code of a CONNACK that said no, else 0. */
type SessionEnd = { readonly reason: string; readonly refused: number; readonly wasUp: boolean };

/** CONNACK's "server unavailable" and "bad user name or password" (MQTT 3.1.1 table 3.1): trying again may help. */
const CONNACK_UNAVAILABLE = 3;
const CONNACK_BAD_PASSWORD = 4;
/** Tokens refused in a row before the first session until we give up: a clock a few seconds behind may do that. */
const MOST_REFUSALS = 10;
const BACK_OFF_FIRST_MS = 50;
const BACK_OFF_MOST_MS = 5_000;
/** From opening the stream to the terms. */
const LOGIN_MS = 10_000;
/** For the last words of {@link Connection.close}. */
const CLOSE_MS = 2_000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #closing = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  #running: Promise<void> | null = null;
  /** The client of a session that is up. */
  #client: MqttClient | null = null;
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
   * @throws {@link Fault} `refused` when the broker does not know the device or refuses ten tokens in a row,
   * `chain_mismatch` when the gateway's
   * terms are not those of the connection file, `link_lost` when closed before
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
    return this.#client !== null;
  }

  /** The gateway's time, as told at the newest login and counted on by our clock. */
  gatewayTime(): Instant {
    return instant(this.#options.clock.now() + this.#ahead);
  }

  /** Sends a message now; false when no session is up, and nothing was sent. */
  publish<T extends Topic>(topic: T, message: Message<T>): boolean {
    if (!this.#client) return false;
    this.#send(this.#client, topic, message);
    return true;
  }

  /** Says OFFLINE, ends the session and opens no other. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client && !this.#closing.signal.aborted) {
      const said = Promise.withResolvers<void>();
      const late = this.#options.clock.after(CLOSE_MS, () => said.resolve());
      client.once("close", () => said.resolve());
      // All written, or the other end done, is enough: a line, unlike TCP, need not close then.
      client.stream.once("finish", () => said.resolve()).once("end", () => said.resolve());
      this.#send(client, "connection", { version: 1, state: "OFFLINE" }, () => {
        client.end();
      });
      await said.promise;
      late();
    }
    this.#closing.abort(new Fault("link_lost", "the connection was closed"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let refusals = 0;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const end = await this.#session();
      refusals = end.refused === CONNACK_BAD_PASSWORD ? refusals + 1 : 0;
      const isFinal =
        end.refused !== 0 &&
        end.refused !== CONNACK_UNAVAILABLE &&
        (refusals === 0 || refusals >= MOST_REFUSALS);
      if (end.wasUp) attempt = 0;
      else if (isFinal && !this.#terms) {
        this.#first.reject(
          new Fault("refused", end.reason, { facts: { code: "bad_token", hint: end.reason } }),
        );
        return;
      }
      const most = Math.min(BACK_OFF_MOST_MS, BACK_OFF_FIRST_MS * 2 ** Math.min(attempt, 16));
      await this.#options.clock.sleep(Math.random() * most, signal).catch(() => {});
    }
    this.#first.reject(signal.reason);
  }

  /** One session from its token to its end; never rejects. */
  async #session(): Promise<SessionEnd> {
    const { file, signer, slot, stream } = this.#options;
    const clientId = clientIdOf(signer.address, slot);
    const nonce = toHex(crypto.getRandomValues(new Uint8Array(32)));
    const issued = this.gatewayTime();
    const claim = { clientId, issued, expires: issued + TOKEN_LIFE_MS, nonce };
    try {
      const password = await signConnectToken(marketOf(file), signer, claim);
      const opened = stream ? await stream() : openTcp(file.broker);
      const client = new MqttClient(() => opened, this.#clientOptions(clientId, password));
      return await this.#live(client, nonce);
    } catch (error) {
      return { reason: error instanceof Error ? error.message : "no stream", refused: 0, wasUp: false };
    }
  }

  #clientOptions(clientId: string, password: string): IClientOptions {
    const { file, signer } = this.#options;
    return {
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      keepalive: 30,
      clientId,
      username: signer.address,
      password,
      will: {
        topic: topicOf(file, "connection"),
        payload: Buffer.from(encodeMessage("connection", { version: 1, state: "CONNECTION_BROKEN" })),
        qos: 1,
        retain: true,
      },
    };
  }

  #live(client: MqttClient, nonce: Hex): Promise<SessionEnd> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      let reason = "the link closed";
      let refused = 0;
      let wasUp = false;
      const drop = (why: string) => {
        reason = why;
        client.end(true);
        end();
      };
      const abort = () => drop("closed");
      const cancelLogin = clock.after(LOGIN_MS, () => drop("no terms from the gateway in time"));
      const end = () => {
        cancelLogin();
        signal.removeEventListener("abort", abort);
        client.off("close", end).off("message", hear).off("connect", greet);
        client.end(true);
        this.#client = null;
        if (wasUp) this.#listener.down(reason);
        resolve({ reason, refused, wasUp });
      };
      const hear = (topic: string, payload: Buffer) => {
        const incoming = this.#read(topic, payload);
        if (!incoming) return;
        const isLogin = incoming.topic === "ack" && incoming.message.id === nonce.slice(2);
        const terms = isLogin ? incoming.message.terms : undefined;
        if (!terms) return this.#listener.heard(incoming);
        if (!this.#agrees(terms)) return drop("the gateway's terms are not those of the connection file");
        if (wasUp) return this.#changed(terms, drop);
        cancelLogin();
        wasUp = true;
        this.#up(client, terms, incoming.topic === "ack" ? incoming.message.journalIndex : 0);
      };
      const greet = () => this.#greet(client, drop);
      client.on("close", end).on("message", hear).on("connect", greet);
      client.on("error", (error: Error & { code?: unknown }) => {
        reason = error.message;
        // MQTT.js gives a CONNACK's return code as a number, and a socket's error as a text.
        refused = typeof error.code === "number" ? error.code : 0;
      });
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
    });
  }

  #greet(client: MqttClient, drop: (why: string) => void): void {
    const { file, factsheet } = this.#options;
    const filter = `${TOPIC_ROOT}/${file.manufacturer}/${file.serialNumber}/+`;
    client.subscribe(filter, { qos: 1 }, (error, granted) => {
      if (error || granted?.some(({ qos }) => qos === 128))
        return drop("the broker refused the subscription");
      this.#send(client, "connection", { version: 1, state: "ONLINE" });
      this.#send(client, "factsheet", factsheet());
    });
  }

  #up(client: MqttClient, terms: Terms, index: number): void {
    this.#client = client;
    this.#terms = terms;
    this.#ahead = terms.time - this.#options.clock.now();
    this.#listener.up(terms, index);
    this.#first.resolve();
  }

  /** The lane has moved on chain. A new life of it is for a new login, which settles what is signed in it. */
  #changed(terms: Terms, drop: (why: string) => void): void {
    if (terms.lane.epoch !== this.#terms?.lane.epoch) {
      drop("the lane has begun a new epoch");
      return;
    }
    this.#terms = terms;
    this.#listener.changed(terms);
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

  /** The gateway's message in these bytes; null for our own echo and for what is not a message. */
  #read(text: string, payload: Buffer): Incoming | null {
    const topic = parseTopic(text)?.topic;
    if (topic === undefined || !isDown(topic)) return null;
    if (payload.length > TOPICS[topic].limit) return this.#drop(topic, "too_large");
    let value: unknown;
    try {
      value = JSON.parse(payload.toString("utf8"));
    } catch {
      return this.#drop(topic, "bad_json");
    }
    const message = decodeMessage(topic, value);
    if (!message) return this.#drop(topic, "bad_schema");
    if ("from" in message && message.from === "device") return null;
    // The schema of this topic made the message, so topic and message belong together.
    return { topic, message } as Incoming;
  }

  #drop(topic: Topic, reason: string): null {
    this.#listener.ignored(topic, reason);
    return null;
  }

  // Without looking at the outcome: a lost command is repeated by the outbox, a lost chunk is asked for again.
  #send<T extends Topic>(
    client: MqttClient,
    topic: T,
    message: Message<T>,
    sent: () => void = () => {},
  ): void {
    const { qos, retain } = TOPICS[topic];
    client.publish(topicOf(this.#options.file, topic), encodeMessage(topic, message), { qos, retain }, sent);
  }
}

function isDown(topic: Topic): topic is DownTopic {
  return TOPICS[topic].down;
}

function openTcp(broker: string): Duplex {
  const address = brokerAddress(broker);
  if (!address) throw new Fault("file_format", "the broker is not mqtt://host:port");
  return connectTcp({ host: address.host, port: address.port, noDelay: true });
}
