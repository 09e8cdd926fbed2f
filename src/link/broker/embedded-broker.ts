/**
 * The broker inside the gateway's process: aedes, kept on a short leash.
 *
 * aedes reads and answers packets. What it would do with a device's message is taken out of its hands: the gateway
 * consumes it in the hook before the PUBACK, and nothing is distributed. That also settles echoes, which MQTT 3.1.1
 * cannot switch off. What a device is sent goes past aedes; last wills, client ids and their takeover are ours too, so
 * that a session's callbacks have one order.
 *
 * Every session is clean: what a device misses it is told again when it subscribes, and a queue for absent devices
 * would grow without bound.
 */
import type { Duplex } from "node:stream";
import type { Client, PublishPacket } from "aedes";
import type { Hex } from "../../base/bytes.ts";
import type { Clock, Instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { isRefusal, refuse } from "../../base/refusal.ts";
import { type Topic, type TopicName, topicOf } from "../../protocol/topic.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { ownerOf } from "./admission.ts";
import type {
  Broker,
  BrokerCallbacks,
  BrokerFigures,
  PairingHandover,
  Session,
  WaitingBoard,
} from "./broker.ts";
import { Connection, type ConnectionContext } from "./connection.ts";
import { Entry } from "./entry.ts";
import { BROKER_LIMITS, type BrokerLimits } from "./limits.ts";
import { type ListenAt, type Listener, openListener } from "./listener.ts";
import { NonceMemory } from "./nonce-memory.ts";
import { type AnyPacket, PacketEngine } from "./packet-engine.ts";
import { SessionTable } from "./session-table.ts";
import { tellRefusal } from "./tell-refusal.ts";
import { Throttle } from "./throttle.ts";
import { checkPublish, mayRead } from "./topic-rights.ts";

export type EmbeddedBrokerOptions = {
  /** Where to listen; may be empty, for attached streams alone. */
  readonly listen: readonly ListenAt[];
  readonly market: Market;
  readonly clock: Clock;
  /** When the gateway started: tokens issued before are refused. */
  readonly boot: Instant;
  readonly callbacks: BrokerCallbacks;
  readonly limits?: Partial<BrokerLimits>;
  /** Shared with another broker of the same gateway, so that no token opens a session on each. */
  readonly nonces?: NonceMemory;
};

/**
 * Serves MQTT 3.1.1 where it is told to listen and on attached streams.
 *
 * QoS 2 is served like QoS 1 with two more packets: a repeated PUBLISH reaches the gateway again, which knows its
 * commands by their ids.
 *
 * @throws {@link Fault} `port_busy` and `config_syntax`, as {@link openListener}
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<Broker> {
  const broker = new EmbeddedBroker(options);
  try {
    return await broker.open();
  } catch (error) {
    await broker.stop();
    throw error;
  }
}

class EmbeddedBroker implements Broker {
  readonly #options: EmbeddedBrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #engine = new PacketEngine();
  readonly #listeners: Listener[] = [];
  readonly #context: ConnectionContext;
  readonly #connections = new Map<Duplex, Connection>();
  /** Those that were no session when that was last looked at, oldest first. */
  readonly #strangers = new Set<Connection>();
  readonly #perAddress = new Map<string, number>();
  readonly #sessions = new SessionTable<Connection>();
  readonly #entry: Entry;
  readonly #addressConnects: Throttle;
  readonly #addressMessages: Throttle;
  readonly #deviceMessages: Throttle;
  #delayed = 0;
  #stopped: Promise<void> | null = null;

  constructor(options: EmbeddedBrokerOptions) {
    this.#options = options;
    const limits = { ...BROKER_LIMITS, ...options.limits };
    const { clock, callbacks } = options;
    this.#limits = limits;
    this.#context = { limits, clock, callbacks, onOver: (session) => this.#sessions.remove(session) };
    const nonces = options.nonces ?? new NonceMemory(limits.noncesPerDevice);
    const admit = (device: Hex) => callbacks.admit(device);
    const secretOf = (device: Hex) => callbacks.secretOf?.(device) ?? null;
    this.#entry = new Entry({ ...options, limits, nonces, admit, secretOf, sessions: this.#sessions });
    this.#addressConnects = new Throttle(limits.addressConnectRate, limits.addressConnectBurst, clock);
    this.#addressMessages = new Throttle(limits.addressMessageRate, limits.addressMessageBurst, clock);
    this.#deviceMessages = new Throttle(limits.deviceMessageRate, limits.deviceMessageBurst, clock);
  }

  get port(): number {
    return this.#listeners[0]?.port ?? 0;
  }

  get urls(): readonly string[] {
    return this.#listeners.map(({ url }) => url);
  }

  get figures(): BrokerFigures {
    let [queuedMessages, queuedBytes] = [0, 0];
    for (const { outgoing } of this.#connections.values()) {
      queuedMessages += outgoing.queuedMessages;
      queuedBytes += outgoing.queuedBytes;
    }
    const delayed = this.#delayed + this.#entry.delayed;
    const [connections, sessions] = [this.#connections.size, this.#sessions.size];
    return { connections, sessions, queuedMessages, queuedBytes, delayed };
  }

  async open(): Promise<this> {
    this.#hook();
    await this.#engine.listen();
    for (const at of this.#options.listen) {
      this.#listeners.push(await openListener(at, (stream, origin) => this.#serve(stream, origin, false)));
    }
    return this;
  }

  attach(stream: Duplex, origin: string): void {
    this.#serve(stream, origin, true);
  }

  /** @param isWired - whether it is a stream of ours, on which a board may ask to be paired */
  #serve(stream: Duplex, origin: string, isWired: boolean): void {
    if (this.#stopped !== null) {
      stream.destroy();
      return;
    }
    const connection = new Connection(stream, origin, this.#context, isWired);
    // What had been written to it before was too much.
    if (connection.isOver) return;
    const { address } = connection;
    const { connectTimeoutMs } = this.#limits;
    const delay = this.#addressConnects.take(address);
    if (delay > connectTimeoutMs || !this.#makeRoom(address)) {
      connection.end(refuse("too_many"));
      return;
    }
    this.#connections.set(stream, connection);
    this.#strangers.add(connection);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    stream.once("close", () => this.#closed(connection));
    connection.expire(connectTimeoutMs + delay);
    this.#delay(connection, delay);
    connection.silence = this.#engine.serve(stream, {
      onPacket: (packet) => this.#look(connection, packet),
      onBadPacket: () => connection.end(refuse("bad_packet")),
      onExcess: () => connection.end(refuse("too_many")),
    });
  }

  publish(device: TopicName, topic: Topic, payload: string): void {
    let bytes: Buffer | null = null;
    for (const connection of this.#sessions.named(device)) {
      bytes ??= Buffer.from(payload);
      connection.publish(topic, topicOf(device, topic), bytes);
    }
  }

  sessions(): readonly Session[] {
    return this.#sessions.sessions();
  }

  waiting(): readonly WaitingBoard[] {
    return this.#entry.waitingRoom.waiting();
  }

  pair(board: WaitingBoard, handover: PairingHandover): Promise<void> {
    return this.#entry.waitingRoom.pair(board, handover);
  }

  drop(device: Hex): void {
    for (const { session, request, stream } of this.#connections.values()) {
      // One that is being admitted was on the roster a moment ago.
      const owner = session?.device ?? ownerOf(request?.clientId ?? "")?.device;
      if (owner === device) stream.destroy();
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#close();
    return this.#stopped;
  }

  async #close(): Promise<void> {
    const closed = this.#listeners.map((listener) => listener.close());
    for (const connection of this.#connections.values()) {
      connection.dropWill();
      connection.end();
    }
    await Promise.all(closed);
    await new Promise<void>((resolve) => this.#engine.close(resolve));
  }

  /**
   * Whether another stream may be served. Where all places are taken, whoever has been about its login for longest gives
   * way: silence must not keep out those who have a token.
   */
  #makeRoom(address: string): boolean {
    const { connections, connectionsPerAddress } = this.#limits;
    const isCrowd = (this.#perAddress.get(address) ?? 0) >= connectionsPerAddress;
    if (!isCrowd && this.#connections.size < connections) return true;
    for (const connection of this.#strangers) {
      // a board that waits to be paired is on a wire, and its place is bounded by another limit
      const isKnown = connection.session !== null || this.#entry.waitingRoom.has(connection);
      if (isKnown) this.#strangers.delete(connection);
      else if (!connection.stream.destroyed && (!isCrowd || connection.address === address)) {
        connection.end(refuse("too_many"));
        return true;
      }
    }
    return false;
  }

  #closed(connection: Connection): void {
    const { stream, address } = connection;
    connection.end();
    this.#connections.delete(stream);
    this.#strangers.delete(connection);
    const left = (this.#perAddress.get(address) ?? 0) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }

  #hook(): void {
    const engine = this.#engine;
    engine.preConnect = (client, packet, done) => {
      const connection = this.#connectionOf(client);
      if (connection) this.#entry.prepare(connection, packet);
      done(null, true);
    };
    engine.authenticate = (client, username = "", password = Buffer.alloc(0), done) => {
      const connection = this.#connectionOf(client);
      if (!connection) return done(null, false);
      this.#entry.connect(connection, username, password.toString("latin1")).then(
        (returnCode) => {
          if (returnCode === 0) done(null, true);
          else done(Object.assign(new Error("refused"), { returnCode }), null);
        },
        () => connection.end(),
      );
    };
    engine.authorizePublish = (client, packet, done) => {
      this.#consume(client && this.#connectionOf(client), packet, done);
    };
    engine.authorizeSubscribe = (client, subscription, done) => {
      // An error would close the connection; null answers 0x80.
      done(null, this.#mayRead(this.#connectionOf(client), subscription.topic) ? subscription : null);
    };
    engine.on("subscribe", (subscriptions, client) => {
      const connection = this.#connectionOf(client);
      for (const { topic, qos } of subscriptions) if (qos <= 2) connection?.filters.add(topic, qos);
      connection?.becomeReady();
    });
    engine.on("unsubscribe", (filters, client) => {
      for (const filter of filters) this.#connectionOf(client)?.filters.remove(filter);
    });
  }

  #connectionOf(client: Client): Connection | undefined {
    return this.#connections.get(client.conn);
  }

  #delay(connection: Connection, ms: number): void {
    if (ms > 0 && connection.gate.delay(ms)) this.#delayed++;
  }

  /** Sees every packet before aedes does. */
  #look(connection: Connection, packet: AnyPacket): void {
    if (connection.isOver) return;
    if (packet.cmd === "puback" && connection.outgoing.acknowledged(packet.messageId)) return;
    connection.outgoing.look();
    const { address, session, request } = connection;
    if (session && packet.cmd === "pingreq") this.#options.callbacks.onPing?.(session);
    const debt = session ? this.#deviceMessages.take(session.device) : 0;
    this.#delay(connection, Math.max(this.#addressMessages.take(address), debt));
    // CONNECT comes first, and once. Source: MQTT 3.1.1 section 3.1.
    if ((packet.cmd === "connect") !== (request === null)) connection.end(refuse("bad_packet"));
    else if (packet.cmd === "connect" && packet.protocolVersion !== 4) connection.lose(refuse("bad_packet"));
    else if (filtersOf(packet) === 0) connection.end(refuse("bad_packet"));
    else if (filtersOf(packet) > MOST_FILTERS) connection.end(refuse("too_many"));
  }

  #mayRead(connection: Connection | undefined, filter: string): boolean {
    if (connection?.session) return mayRead(connection.session.name, filter);
    return connection !== undefined && this.#entry.mayRead(connection, filter);
  }

  /** Ends a session that somebody else has spoken in: whose seal is wrong. */
  #expel(connection: Connection, name: TopicName, topic: string): void {
    const refusal = refuse("bad_seal");
    tellRefusal(connection, name, topic, refusal);
    connection.endPolitely(refusal, { topic: topic.slice(0, 200) });
  }

  /** Passes a device's message on; `done` is told when it may be acknowledged, or that it must not be. */
  #consume(connection: Connection | undefined | null, packet: PublishPacket, done: Done): void {
    if (!connection || connection.isOver) {
      done(new Fault("link_lost", "the session is over"));
      return;
    }
    const { topic, retain } = packet;
    const said = { topic, retain, payload: bytesOf(packet.payload) };
    const { session, gate } = connection;
    if (!session) {
      // The end of a refused connection waits for its refusal to be read, not for a PUBACK.
      const answered = () => connection.isOver || done(null);
      this.#entry.login(connection, said).then(answered, () => connection.end());
      return;
    }
    const payload = connection.bodyOf(said);
    if (payload === null) {
      this.#expel(connection, session.name, topic);
      return;
    }
    const own = checkPublish(session.name, { ...said, payload });
    if (isRefusal(own) || own === "login" || own === "pair") {
      const refusal = isRefusal(own) ? own : refuse("wrong_topic");
      connection.refuse(refusal, { topic: topic.slice(0, 200) });
      done(null);
      return;
    }
    gate.start();
    this.#options.callbacks.onPublish(session, own, payload).then(
      () => {
        done(null);
        gate.finish();
      },
      (cause: unknown) => done(new Fault("link_lost", "a message was not accepted", { cause })),
    );
  }
}

type Done = (error?: Error | null) => void;

/** Filters in one SUBSCRIBE or UNSUBSCRIBE. A device has fewer topics to read. */
const MOST_FILTERS = 64;

/** Of a SUBSCRIBE or UNSUBSCRIBE, which must have one; 1 for any other packet. Source: MQTT 3.1.1 section 3.8.3. */
function filtersOf(packet: AnyPacket): number {
  if (packet.cmd === "subscribe") return packet.subscriptions.length;
  return packet.cmd === "unsubscribe" ? packet.unsubscriptions.length : 1;
}

function bytesOf(payload: string | Buffer): Uint8Array {
  return typeof payload === "string" ? Buffer.from(payload) : payload;
}
