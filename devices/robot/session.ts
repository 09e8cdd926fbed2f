/**
 * One MQTT connection of a device, from its CONNECT to its end, and the login on it.
 *
 * A device shows its token at CONNECT, or by message: where the broker is somebody else's, and where the device does
 * not know the time and has to be told it by a challenge first. On somebody else's broker the gateway may ask for
 * another login at any time, as it knows nobody after a restart.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import mqtt, { type IClientOptions, type IPublishPacket, MqttClient } from "mqtt";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import type { Clock, Instant } from "../../src/base/clock.ts";
import {
  CHALLENGE_PASSWORD,
  clientIdOf,
  signConnectToken,
  TOKEN_LIFE_MS,
} from "../../src/protocol/connect-token.ts";
import { decodeMessage, encodeMessage, type Message, type Terms } from "../../src/protocol/message.ts";
import type { Signer } from "../../src/protocol/signer.ts";
import { parseTopic, TOPIC_ROOT, TOPICS, type Topic, topicOf } from "../../src/protocol/topic.ts";
import { type ConnectionFile, marketOf } from "./connection-file.ts";

type DownTopic = { [T in Topic]: (typeof TOPICS)[T]["down"] extends true ? T : never }[Topic];

type Spoken = Exclude<DownTopic, "challenge">;

/** A message from the gateway. */
export type Incoming = { [T in Spoken]: { readonly topic: T; readonly message: Message<T> } }[Spoken];

export type SessionOptions = {
  readonly file: ConnectionFile;
  readonly signer: Signer;
  readonly slot: string;
  readonly factsheet: () => Message<"factsheet">;
  readonly clock: Clock;
  readonly stream?: (() => Duplex | Promise<Duplex>) | undefined;
  /** Asks for a challenge before it signs anything, as its own time has been refused. */
  readonly asksFirst: boolean;
  /** Gateway time, as far as the device knows it. */
  readonly now: () => Instant;
  /** Its abortion ends the connection at once. */
  readonly signal: AbortSignal;
};

export type SessionListener = {
  /** False when the terms are not to be trusted, which ends the connection. */
  readonly agrees: (terms: Terms) => boolean;
  readonly up: (terms: Terms, index: number) => void;
  /** False when the new terms ask for a new login. */
  readonly changed: (terms: Terms) => boolean;
  readonly down: (reason: string) => void;
  /** A challenge tells the gateway's time. */
  readonly told: (time: Instant) => void;
  readonly heard: (incoming: Incoming) => void;
  readonly ignored: (topic: string, reason: string) => void;
};

/** How a connection ended. `refused` is the CONNACK return code that said no, or would have, else 0. */
export type SessionEnd = { readonly reason: string; readonly refused: number; readonly wasUp: boolean };

/** CONNACK's "server unavailable", "bad user name or password", "not authorized" (MQTT 3.1.1 table 3.1). */
export const CONNACK_UNAVAILABLE = 3;
export const CONNACK_BAD_PASSWORD = 4;
const CONNACK_NOT_AUTHORIZED = 5;

/** The return codes that the refusals of a login by message stand for; others may pass. */
const LOGIN_REFUSALS: Readonly<Record<string, number>> = {
  bad_token: CONNACK_BAD_PASSWORD,
  token_expired: CONNACK_BAD_PASSWORD,
  token_replayed: CONNACK_BAD_PASSWORD,
  unknown_device: CONNACK_NOT_AUTHORIZED,
  wrong_topic: CONNACK_NOT_AUTHORIZED,
};
/** Why a certificate is none of those that are trusted; not its dates, as our clock may be wrong. */
const UNTRUSTED: ReadonlySet<unknown> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
/** From opening the stream, or a challenge, to the terms. */
const LOGIN_MS = 10_000;
/** Challenges that nobody asked for are answered so often at most: signing takes a board its time. */
const CHALLENGE_GAP_MS = 100;
/** From a refused login on a broker that several gateways may share to its end: one of them may be ours. */
const SECOND_WORD_MS = 1_000;
/** For the last words of {@link Session.close}. */
const CLOSE_MS = 2_000;

export class Session {
  readonly #options: SessionOptions;
  readonly #listener: SessionListener;
  readonly #clientId: string;
  readonly #ended = Promise.withResolvers<SessionEnd>();
  #client: MqttClient | null = null;
  /** Of the newest token: the terms that answer it name it. */
  #nonce: Hex;
  #isUp: boolean = false;
  #wasUp: boolean = false;
  #isOver: boolean = false;
  #reason = "the link closed";
  #refused: number = 0;
  /** Whether a login by message has been begun: a challenge that comes before asks for no other. */
  #hasBegun: boolean = false;
  /** Whether a challenge has been asked for that is not there yet. */
  #hasAsked: boolean = false;
  #signedAt: number = Number.NEGATIVE_INFINITY;
  #cancelLogin: () => void = () => {};
  #cancelSoon: () => void = () => {};

  constructor(options: SessionOptions, listener: SessionListener) {
    this.#options = options;
    this.#listener = listener;
    this.#clientId = clientIdOf(options.signer.address, options.slot);
    this.#nonce = newNonce();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** From the CONNECT to the end of the connection; never rejects. */
  async run(): Promise<SessionEnd> {
    const { signal, file, stream } = this.#options;
    const abort = () => this.#drop("closed");
    this.#startLogin();
    try {
      const password = this.#byMessage
        ? CHALLENGE_PASSWORD
        : await this.#token(this.#nonce, this.#options.now());
      const options = this.#clientOptions(password);
      const opened = await stream?.();
      if (this.#isOver || signal.aborted) opened?.destroy();
      else this.#listen(opened ? new MqttClient(() => opened, options) : mqtt.connect(file.broker, options));
    } catch (error) {
      this.#end(error instanceof Error ? error.message : "no stream");
    }
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    const end = await this.#ended.promise;
    signal.removeEventListener("abort", abort);
    return end;
  }

  /** Sends a message now; false when the session is not up, and nothing was sent. */
  publish<T extends Topic>(topic: T, message: Message<T>): boolean {
    if (this.#isUp) this.#send(topic, message);
    return this.#isUp;
  }

  /** Says OFFLINE and ends the connection; resolves when that is out, or after two seconds. */
  async close(): Promise<void> {
    const client = this.#client;
    if (!client || !this.#isUp) return;
    this.#isUp = false;
    const said = Promise.withResolvers<void>();
    const late = this.#options.clock.after(CLOSE_MS, () => said.resolve());
    client.once("close", () => said.resolve());
    // All written, or the other end done, is enough: a line, unlike TCP, need not close then.
    client.stream.once("finish", () => said.resolve()).once("end", () => said.resolve());
    this.#send("connection", { version: 1, state: "OFFLINE" }, () => {
      client.end();
    });
    await said.promise;
    late();
  }

  get #byMessage(): boolean {
    return this.#options.asksFirst || this.#options.file.account !== undefined;
  }

  #clientOptions(password: string): IClientOptions {
    const { file, signer } = this.#options;
    return {
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      keepalive: 30,
      clientId: this.#clientId,
      ...(file.account ?? { username: signer.address, password }),
      ...(file.ca === undefined ? {} : { ca: file.ca }),
      will: {
        topic: topicOf(file, "connection"),
        payload: Buffer.from(encodeMessage("connection", { version: 1, state: "CONNECTION_BROKEN" })),
        qos: 1,
        retain: true,
      },
    };
  }

  #listen(client: MqttClient): void {
    this.#client = client;
    client.on("close", () => this.#end());
    client.on("connect", () => {
      if (client.stream instanceof Socket) client.stream.setNoDelay(true);
      this.#subscribe(client);
    });
    client.on("message", (topic, payload, packet) => this.#hear(topic, payload, packet));
    client.on("error", (error: Error & { code?: unknown }) => {
      this.#reason = error.message;
      // MQTT.js gives a CONNACK's return code as a number, and a socket's error as a text.
      if (typeof error.code === "number") this.#refused = error.code;
      // Who answers there is not whom the connection file names, and will not be at the next try.
      else if (UNTRUSTED.has(error.code)) this.#refused = CONNACK_NOT_AUTHORIZED;
    });
  }

  #startLogin(): void {
    this.#cancelLogin();
    this.#cancelLogin = this.#options.clock.after(LOGIN_MS, () =>
      this.#drop("no terms from the gateway in time"),
    );
  }

  #drop(why: string, refused = this.#refused): void {
    this.#refused = refused;
    this.#end(why);
  }

  #end(reason = this.#reason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelLogin();
    this.#cancelSoon();
    this.#client?.end(true);
    const wasTold = this.#isUp;
    this.#isUp = false;
    if (wasTold) this.#listener.down(reason);
    this.#ended.resolve({ reason, refused: this.#refused, wasUp: this.#wasUp });
  }

  #subscribe(client: MqttClient): void {
    const { file } = this.#options;
    // On somebody else's broker `+` would bring back all that we say ourselves.
    const topics = file.account ? DOWN_TOPICS.map((topic) => topicOf(file, topic)) : [allOf(file)];
    client.subscribe(topics, { qos: 1 }, (error, granted) => {
      if (this.#isOver) return;
      if (error || granted?.some(({ qos }) => qos === 128)) this.#drop("the broker refused the subscription");
      else if (!this.#byMessage) this.#introduce();
      else this.#beginLogin();
    });
  }

  #introduce(): void {
    this.#send("connection", { version: 1, state: "ONLINE" });
    this.#send("factsheet", this.#options.factsheet());
  }

  #beginLogin(): void {
    this.#hasBegun = true;
    const { signer, slot, asksFirst, now } = this.#options;
    this.#hasAsked = asksFirst;
    if (asksFirst) this.#send("login", { version: 1, device: signer.address, slot, token: null });
    else void this.#logIn(this.#nonce, now());
  }

  async #token(nonce: Hex, issued: Instant): Promise<string> {
    const { file, signer } = this.#options;
    const claim = { clientId: this.#clientId, issued, expires: issued + TOKEN_LIFE_MS, nonce };
    return await signConnectToken(marketOf(file), signer, claim);
  }

  async #logIn(nonce: Hex, issued: Instant): Promise<void> {
    const { signer, slot, clock } = this.#options;
    this.#nonce = nonce;
    this.#signedAt = clock.now();
    try {
      const token = await this.#token(nonce, issued);
      if (!this.#isOver) this.#send("login", { version: 1, device: signer.address, slot, token });
    } catch (error) {
      this.#drop(error instanceof Error ? error.message : "no signature");
    }
  }

  #challenged({ slot, nonce, time }: Message<"challenge">): void {
    const isAskedFor = this.#hasAsked && slot === this.#options.slot;
    // One for a slot is an answer: to another connection, or by a gateway that is not ours and was slower.
    if (!this.#hasBegun || (slot !== null && !isAskedFor)) return;
    this.#hasAsked = false;
    this.#listener.told(time);
    if (this.#isUp) {
      this.#isUp = false;
      this.#listener.down("the gateway asks for a new login");
    }
    this.#startLogin();
    if (isAskedFor) void this.#logIn(nonce, time);
    else this.#logInSoon();
  }

  /** Terms that come before then answer the login that the gateway had not seen yet. */
  #logInSoon(): void {
    const { clock, now } = this.#options;
    this.#cancelSoon();
    const wait = Math.max(0, this.#signedAt + CHALLENGE_GAP_MS - clock.now());
    // with a nonce of our own: that of a challenge to everybody is good for the fastest of the device's connections
    this.#cancelSoon = clock.after(wait, () => void this.#logIn(newNonce(), now()));
  }

  #hear(text: string, payload: Buffer, { retain }: IPublishPacket): void {
    // The gateway retains nothing: this is somebody else's, or of another time.
    if (this.#isOver || retain) return;
    const incoming = this.#read(text, payload);
    if (!incoming) return;
    if (incoming.topic === "refusal" && incoming.message.topic === "login")
      this.#loginRefused(incoming.message);
    else if (incoming.topic === "ack" && incoming.message.id === this.#nonce.slice(2)) {
      const { terms, journalIndex } = incoming.message;
      if (terms) this.#told(terms, journalIndex);
      else this.#listener.heard(incoming);
    } else this.#listener.heard(incoming);
  }

  #told(terms: Terms, index: number): void {
    if (!this.#listener.agrees(terms)) {
      this.#drop("the gateway's terms are not those of the connection file");
    } else if (this.#isUp) {
      if (!this.#listener.changed(terms)) this.#drop("the lane has begun a new epoch");
    } else {
      this.#cancelLogin();
      this.#cancelSoon();
      if (this.#byMessage) this.#introduce();
      this.#isUp = true;
      this.#wasUp = true;
      this.#refused = 0;
      this.#listener.up(terms, index);
    }
  }

  /**
   * Anybody whom the broker lets publish on our topics may get a login refused, and another gateway there with a device
   * of our name refuses ours: that ends no session that is up, nor a login that our gateway accepts.
   */
  #loginRefused({ code, hint }: Message<"refusal">): void {
    if (this.#isUp || !this.#byMessage) {
      this.#listener.ignored("refusal", code);
      return;
    }
    const drop = () => this.#drop(`${code}: ${hint}`, LOGIN_REFUSALS[code] ?? CONNACK_UNAVAILABLE);
    this.#cancelLogin();
    if (this.#options.file.account) this.#cancelLogin = this.#options.clock.after(SECOND_WORD_MS, drop);
    else drop();
  }

  /** The gateway's message in these bytes; null for a challenge, for our own echo and for what is not a message. */
  #read(text: string, payload: Buffer): Incoming | null {
    const topic = parseTopic(text)?.topic;
    if (topic === undefined || !isDown(topic)) return null;
    if (payload.length > TOPICS[topic].limit) return this.#ignore(topic, "too_large");
    let value: unknown;
    try {
      value = JSON.parse(payload.toString("utf8"));
    } catch {
      return this.#ignore(topic, "bad_json");
    }
    const message = decodeMessage(topic, value);
    if (!message) return this.#ignore(topic, "bad_schema");
    if ("from" in message && message.from === "device") return null;
    if (topic === "challenge") {
      this.#challenged(message as Message<"challenge">);
      return null;
    }
    // The schema of this topic made the message, so topic and message belong together.
    return { topic, message } as Incoming;
  }

  #ignore(topic: Topic, reason: string): null {
    this.#listener.ignored(topic, reason);
    return null;
  }

  // Without looking at the outcome: a lost command is repeated by the outbox, a lost chunk is asked for again.
  #send<T extends Topic>(topic: T, message: Message<T>, sent: () => void = () => {}): void {
    const { qos, retain } = TOPICS[topic];
    const { file } = this.#options;
    this.#client?.publish(topicOf(file, topic), encodeMessage(topic, message), { qos, retain }, sent);
  }
}

const DOWN_TOPICS = (Object.keys(TOPICS) as readonly Topic[]).filter(isDown);

function isDown(topic: Topic): topic is DownTopic {
  return TOPICS[topic].down;
}

function allOf({ manufacturer, serialNumber }: ConnectionFile): string {
  return `${TOPIC_ROOT}/${manufacturer}/${serialNumber}/+`;
}

function newNonce(): Hex {
  return toHex(crypto.getRandomValues(new Uint8Array(32)));
}
