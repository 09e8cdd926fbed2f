/**
 * The gateway as a client of somebody else's MQTT broker: mosquitto, EMQX or any other that speaks 3.1.1 or 5.
 *
 * Such a broker says on which topic a message came and nothing of who sent it, so devices log in by message
 * (`login.ts`), and who may publish on whose topics is for the broker's own rights to keep: with mosquitto,
 * `pattern readwrite hirewire/v1/acme/%u/#` for devices and `topic readwrite hirewire/v1/#` for the gateway's account.
 * What money depends on is signed all the same.
 *
 * A PUBACK there proves nothing: it is the gateway's own word, `ack`, that a device waits for. Whatever is lost with
 * the link, a device says again at its next login.
 */
import type { Duplex } from "node:stream";
import type { Hex } from "../../base/bytes.ts";
import type { Clock, Instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { isRefusal, type Refusal, refuse } from "../../base/refusal.ts";
import { decodeMessage, encodeMessage, type Message, parseJson } from "../../protocol/message.ts";
import { topicLevel } from "../../protocol/scalar.ts";
import { SEAL_TOKEN } from "../../protocol/seal.ts";
import { parseTopic, TOPIC_ROOT, TOPICS, type Topic, type TopicName, topicOf } from "../../protocol/topic.ts";
import type { Market } from "../../protocol/typed-data.ts";
import type {
  Broker,
  BrokerCallbacks,
  BrokerFigures,
  RefusedAt,
  Session,
  SessionName,
  WaitingBoard,
} from "./broker.ts";
import { type Account, ExternalLink } from "./external-link.ts";
import { BROKER_LIMITS, type BrokerLimits } from "./limits.ts";
import { answerLogin, challengeFor, isSigned, readLogin } from "./login.ts";
import { NonceMemory } from "./nonce-memory.ts";
import { isOwnEcho } from "./own-echo.ts";
import { Throttle } from "./throttle.ts";
import { Turnstile } from "./turnstile.ts";

export type ExternalBrokerOptions = {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string;
  /** 5, or 4 for MQTT 3.1.1. */
  readonly version: 4 | 5;
  readonly account: Account | null;
  /** PEM of the certificates to trust in place of the machine's. */
  readonly ca: string | null;
  /** A random one unless told. */
  readonly clientId?: string;
  readonly market: Market;
  readonly clock: Clock;
  /** When the gateway started: tokens issued before are refused. */
  readonly boot: Instant;
  readonly callbacks: BrokerCallbacks;
  /** Shared with other brokers of this gateway, so that a token opens one session on one of them. */
  readonly nonces?: NonceMemory;
  readonly limits?: Partial<BrokerLimits>;
  /** Told when the link is lost or a try has failed; the next one follows by itself. */
  readonly onFault?: (fault: Fault) => void;
};

/** Other gateways' devices may be many, and each of their names is looked up among all of ours. */
const LOOK_MS = 10;
/** A device without a session is asked to log in at most so often. */
const ASK_AGAIN_MS = 1_000;

/**
 * Serves the devices of an external broker. Resolves when the link is up, or cannot be made yet and is tried again.
 *
 * @throws {@link Fault} `refused` when the broker does not take the account, or refuses it the devices' topics
 */
export async function startExternalBroker(options: ExternalBrokerOptions): Promise<Broker> {
  const broker = new ExternalBroker(options);
  await broker.open();
  return broker;
}

/** All that has been heard under one name. */
type Peer = {
  readonly name: TopicName;
  readonly turnstile: Turnstile;
  /** Oldest first. */
  sessions: readonly Session[];
  askedAt: number;
};

class ExternalBroker implements Broker {
  readonly port: number = 0;
  readonly urls: readonly string[];
  readonly #options: ExternalBrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #link: ExternalLink;
  readonly #nonces: NonceMemory;
  /** Of those who have a session, are known, or are logging in just now. */
  readonly #peers = new Map<string, Peer>();
  /** Names that are admitted, as of the last time that we asked, and those that have logged in since. */
  #known: Set<string> = new Set();
  readonly #messages: Throttle;
  readonly #logins: Throttle;
  readonly #strangers: Throttle;
  /** When a name that nobody knows may say something again. */
  #strangersAt = 0;
  /** When a name that nobody knew may be looked up again. */
  #lookAt = 0;
  #delayed = 0;
  #isStopped: boolean = false;

  constructor(options: ExternalBrokerOptions) {
    const { url, version, account, ca, clientId, clock } = options;
    this.#options = options;
    this.urls = [url];
    this.#limits = { ...BROKER_LIMITS, ...options.limits };
    const limits = this.#limits;
    this.#nonces = options.nonces ?? new NonceMemory(limits.noncesPerDevice);
    this.#messages = new Throttle(limits.deviceMessageRate, limits.deviceMessageBurst, clock);
    this.#logins = new Throttle(limits.deviceConnectRate, limits.deviceConnectBurst, clock);
    this.#strangers = new Throttle(limits.addressConnectRate, limits.addressConnectBurst, clock);
    const common = { url, version, account, ca, clock, packetBytes: limits.packetBytes, filters: FILTERS };
    this.#link = new ExternalLink(clientId === undefined ? common : { ...common, clientId }, {
      up: () => this.#askAll(),
      down: () => this.#endAll(),
      failed: (fault) => options.onFault?.(fault),
      heard: (topic, payload, isRetained) => this.#heard(topic, payload, isRetained),
    });
  }

  get figures(): BrokerFigures {
    const { isUp, unsent, unsentBytes } = this.#link;
    const sessions = this.sessions().length;
    const queued = { queuedMessages: unsent, queuedBytes: unsentBytes };
    return { connections: isUp ? 1 : 0, sessions, ...queued, delayed: this.#delayed };
  }

  async open(): Promise<void> {
    await this.#link.start();
  }

  publish(device: TopicName, topic: Topic, payload: string): void {
    if (this.#peers.get(keyOf(device))?.sessions.length) this.#link.publish(topicOf(device, topic), payload);
  }

  /** Ends the stream: there is nobody here who could read it. */
  attach(stream: Duplex): void {
    stream.destroy(new Fault("impossible", "an external broker serves no streams of ours"));
  }

  waiting(): readonly WaitingBoard[] {
    return [];
  }

  pair({ serialNumber }: WaitingBoard): Promise<void> {
    return Promise.reject(new Fault("link_lost", `${serialNumber} is not on a serial line of ours`));
  }

  sessions(): readonly Session[] {
    return [...this.#peers.values()].flatMap(({ sessions }) => sessions);
  }

  drop(device: Hex): void {
    for (const peer of this.#peers.values()) {
      if (!peer.sessions.some((session) => session.device === device)) continue;
      this.#known.delete(keyOf(peer.name));
      this.#endPeer(peer);
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#endAll();
    await this.#link.close();
  }

  /** After a time without a link nobody's session is known to live: everybody is asked to log in. */
  #askAll(): void {
    const names = [...(this.#options.callbacks.known?.() ?? [])];
    this.#known = new Set(names.map(keyOf));
    for (const name of names) this.#ask(name);
  }

  #endAll(): void {
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    for (const peer of peers) this.#end(peer);
  }

  #end(peer: Peer): void {
    const { sessions, turnstile } = peer;
    peer.sessions = [];
    turnstile.clear();
    for (const session of sessions) this.#options.callbacks.onGone(session);
  }

  /** Ends the sessions of a name. Whoever still is there is asked for another. */
  #endPeer(peer: Peer): void {
    this.#end(peer);
    this.#forget(peer.name);
    this.#ask(peer.name);
  }

  #ask(name: TopicName): void {
    this.#say(name, "challenge", challengeFor(null, this.#options.clock.now()));
  }

  #heard(text: string, payload: Uint8Array, isRetained: boolean): Promise<void> | null {
    const named = parseTopic(text);
    // What was retained is of the past, whoever left it.
    if (this.#isStopped || isRetained || !named || !isName(named)) return null;
    const { topic, ...name } = named;
    const isLogin = topic === "login";
    if (!TOPICS[topic].up || isOwnEcho(topic, payload)) return null;
    // Other gateways may have devices on this broker: to those we are silent.
    if (!isLogin && !this.#isOurs(name)) return null;
    if (payload.length > TOPICS[topic].limit) {
      this.#refuse(refuse("too_large"), { topic: text, session: this.#newest(name) });
      return null;
    }
    if (topic === "pair") {
      this.#refuse(refuse("wrong_topic"), { topic: text, session: this.#newest(name) });
      return null;
    }
    const peer = this.#peerOf(name);
    const enter = () => (isLogin ? this.#login(name, payload) : this.#consume(name, topic, payload));
    const entered = peer?.turnstile.pass(() => this.#take(name, isLogin), enter);
    if (entered !== undefined && entered !== null) return entered;
    this.#refuse(refuse("too_many"), { topic: text, session: this.#newest(name) });
    if (peer?.sessions.length) this.#endPeer(peer);
    return null;
  }

  #isOurs(name: TopicName): boolean {
    const key = keyOf(name);
    if (this.#known.has(key) || this.#peers.has(key)) return true;
    const now = this.#options.clock.now();
    if (now < this.#lookAt) return false;
    this.#lookAt = now + LOOK_MS;
    return this.#isKnown(name);
  }

  /** Whether a name is admitted now; it may have been enrolled since the link was made. */
  #isKnown(name: TopicName): boolean {
    const key = keyOf(name);
    if (this.#known.has(key)) return true;
    for (const known of this.#options.callbacks.known?.() ?? []) {
      if (keyOf(known) === key) this.#known.add(key);
    }
    return this.#known.has(key);
  }

  #newest(name: TopicName): Session | null {
    return this.#peers.get(keyOf(name))?.sessions.at(-1) ?? null;
  }

  /** Takes what a message costs its device's rates. Returns the milliseconds that it has to wait. */
  #take(name: TopicName, isLogin: boolean): number {
    const key = keyOf(name);
    const wait = Math.max(this.#messages.take(key), isLogin ? this.#logins.take(key) : 0);
    if (wait > 0) this.#delayed++;
    return wait;
  }

  /** The peer of a name; null when nobody knows the name and too many such have spoken. */
  #peerOf(name: TopicName): Peer | null {
    const key = keyOf(name);
    const there = this.#peers.get(key);
    if (there) return there;
    const { clock } = this.#options;
    if (!this.#known.has(key)) {
      const now = clock.now();
      if (now < this.#strangersAt) return null;
      this.#strangersAt = now + this.#strangers.take("");
    }
    const turnstile = new Turnstile(this.#limits.underWay, clock);
    const peer: Peer = { name, turnstile, sessions: [], askedAt: Number.NEGATIVE_INFINITY };
    this.#peers.set(key, peer);
    return peer;
  }

  /** Forgets a name that was only heard of. */
  #forget(name: TopicName): void {
    const key = keyOf(name);
    const peer = this.#peers.get(key);
    if (peer && peer.sessions.length === 0 && !this.#known.has(key)) this.#peers.delete(key);
  }

  /** Passes a device's message on, or asks it to log in. */
  async #consume(name: TopicName, topic: Topic, payload: Uint8Array): Promise<void> {
    const peer = this.#peers.get(keyOf(name));
    const session = peer?.sessions.at(-1);
    if (!peer || !session) return this.#demandLogin(name, topic);
    const accepted = this.#options.callbacks.onPublish(session, topic, payload);
    if (topic === "connection" && isFarewell(payload)) this.#endPeer(peer);
    // What was not accepted is said again after the next login, and not before.
    await accepted.catch(() => this.#endPeer(peer));
  }

  #demandLogin(name: TopicName, topic: Topic): void {
    const peer = this.#peers.get(keyOf(name));
    this.#forget(name);
    // A last will comes when it comes, and asks for no answer.
    if (topic === "connection") return;
    const refusal = refuse("login_required");
    this.#refuse(refusal, { topic: topicOf(name, topic) });
    const now = this.#options.clock.now();
    if (!peer || now - peer.askedAt < ASK_AGAIN_MS) return;
    peer.askedAt = now;
    this.#tell(name, topic, refusal);
    this.#ask(name);
  }

  async #login(name: TopicName, payload: Uint8Array): Promise<void> {
    const login = readLogin(payload);
    if (isRefusal(login)) return this.#refuseLogin(name, login, null);
    const { market, boot, clock, callbacks } = this.#options;
    const now = clock.now();
    if (!isSigned(login)) {
      this.#say(name, "challenge", challengeFor(login.slot, now));
      return this.#forget(name);
    }
    if (login.token.startsWith(SEAL_TOKEN)) {
      const hint =
        "a kept wallet logs in at the gateway's own broker or on a serial line: here nothing is sealed";
      return this.#refuseLogin(name, refuse("bad_token", hint), null);
    }
    const admit = (device: Hex) => callbacks.admit(device);
    const secretOf = (device: Hex) => callbacks.secretOf?.(device) ?? null;
    const rules = { market, boot, now, nonces: this.#nonces, admit, secretOf, name, challenge: null };
    const peer = this.#peers.get(keyOf(name));
    const answered = answerLogin(login, rules).then((outcome) => {
      // the link or the name may be gone by now
      if (this.#isStopped || this.#peers.get(keyOf(name)) !== peer) return;
      if ("refusal" in outcome) this.#refuseLogin(name, outcome.refusal, outcome.device);
      else this.#welcome(name, outcome.session);
    });
    // Whatever comes behind a login was said by the session that it opens.
    await peer?.turnstile.shutUntil(answered.catch(() => this.#forget(name)));
  }

  #welcome(name: TopicName, who: SessionName): void {
    const { url: origin, clock } = this.#options;
    const session: Session = { ...who, way: "elsewhere", origin, since: clock.now() };
    const key = keyOf(name);
    const peer = this.#peers.get(key);
    if (!peer) return;
    const others = peer.sessions.filter(({ device }) => device === session.device);
    const older = others.find(({ id }) => id === session.id);
    if (!older && others.length >= this.#limits.slotsPerDevice) {
      this.#refuseLogin(name, refuse("too_many"), session.device);
      return;
    }
    const { onGone, onReady } = this.#options.callbacks;
    // A name that has gone over to another device takes the sessions of the former one with it.
    const ended = peer.sessions.filter((one) => one === older || one.device !== session.device);
    peer.sessions = [...peer.sessions.filter((one) => !ended.includes(one)), session];
    this.#known.add(key);
    for (const one of ended) onGone.call(this.#options.callbacks, one);
    onReady.call(this.#options.callbacks, session);
  }

  /** A token that is not signed for us, under a name that is not ours, may be meant for another gateway. */
  #refuseLogin(name: TopicName, refusal: Refusal, device: Hex | null): void {
    this.#refuse(refusal, { device, topic: topicOf(name, "login") });
    if (device !== null || this.#isKnown(name)) this.#tell(name, "login", refusal);
    this.#forget(name);
  }

  #tell(name: TopicName, topic: Topic, { refused: code, hint }: Refusal): void {
    this.#say(name, "refusal", { version: 1, id: null, topic, code, hint });
  }

  #say<T extends Topic>(name: TopicName, topic: T, message: Message<T>): void {
    if (!this.#isStopped) this.#link.publish(topicOf(name, topic), encodeMessage(topic, message));
  }

  #refuse(refusal: Refusal, at: Partial<RefusedAt>): void {
    const device = at.session?.device ?? null;
    const where = { device, session: null, topic: "", origin: this.#options.url, ...at };
    this.#options.callbacks.onRefused(refusal, where);
  }
}

/** Every topic that devices publish on, of all of them. */
const FILTERS: Readonly<Record<string, 0 | 1>> = Object.fromEntries(
  Object.entries(TOPICS)
    .filter(([, { up }]) => up)
    .map(([topic, { qos }]) => [`${TOPIC_ROOT}/+/+/${topic}`, qos]),
);

function keyOf({ manufacturer, serialNumber }: TopicName): string {
  return `${manufacturer}/${serialNumber}`;
}

function isName({ manufacturer, serialNumber }: TopicName): boolean {
  return topicLevel.safeParse(manufacturer).success && topicLevel.safeParse(serialNumber).success;
}

/** Whether a device's `connection` message says that it is gone. */
function isFarewell(payload: Uint8Array): boolean {
  const message = decodeMessage("connection", parseJson(payload));
  return message !== null && message.state !== "ONLINE";
}
