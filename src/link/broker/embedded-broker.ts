/**
 * The broker inside the gateway's process: aedes, kept on a short leash.
 *
 * aedes reads and writes packets, matches subscriptions and watches keep-alives. What it would do with a device's
 * message is taken out of its hands: the gateway consumes it in the hook before the PUBACK, and aedes goes on with an
 * empty one on a topic that nobody can read. That also settles echoes, which MQTT 3.1.1 cannot switch off. Last
 * wills and the takeover of a client id are ours too, so that a session's callbacks have one order.
 *
 * aedes 1.2 speaks MQTT 3.1.1 alone. Every session is clean: what a device misses it is told again when it subscribes,
 * and a queue for absent devices would grow without bound.
 */
import type { EventEmitter } from "node:events";
import { createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import {
  Aedes,
  type AedesOptions,
  type Client,
  type ConnectPacket,
  type PublishPacket,
  type SubscribePacket,
  type UnsubscribePacket,
} from "aedes";
import type { Hex } from "../../base/bytes.ts";
import type { Clock, Instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { isRefusal, type Refusal, refuse } from "../../base/refusal.ts";
import { TOPICS, type Topic, type TopicName, topicOf } from "../../protocol/topic.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { admitConnect, returnCodeOf } from "./admission.ts";
import type { Broker, BrokerCallbacks, RefusedAt, Session } from "./broker.ts";
import { FrameGuard, guardStream } from "./frame-guard.ts";
import { NonceMemory } from "./nonce-memory.ts";
import { answerable, checkPublish, mayRead, type Publication, TOPIC_LEVELS } from "./topic-rights.ts";

/** What strangers and slow devices may cost us. */
const BROKER_LIMITS = {
  /** Streams at a time, TCP and attached together. */
  connections: 1_000,
  /** How long a stream may take to send its CONNECT. */
  connectTimeoutMs: 5_000,
  /** How long a device may leave what it is sent unread, once its socket is full. */
  drainTimeoutMs: 10_000,
  /** Bytes that may wait in this process for one device to read them. */
  unsentBytes: 4_194_304,
  /** Longest keep-alive in seconds. A longer one, or none, is taken for this: silence for 1.5 times as long ends it. */
  keepAlive: 300,
  /** Longest packet before CONNECT is accepted; the longest CONNECT of ours has 1,018 bytes. */
  strangerPacketBytes: 1_024,
  /** Longest packet of a session: a chunk of a blob and its topic, with room to spare. */
  packetBytes: 70_000,
  /** CONNECT nonces kept for each device. */
  noncesPerDevice: 256,
} as const;

export type BrokerLimits = { readonly [L in keyof typeof BROKER_LIMITS]: number };

type EmbeddedBrokerOptions = {
  /** Where to listen; 127.0.0.1 unless told, as there is no TLS here. */
  readonly host?: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly market: Market;
  readonly clock: Clock;
  /** When the gateway started: tokens issued before are refused. */
  readonly boot: Instant;
  readonly callbacks: BrokerCallbacks;
  readonly limits?: Partial<BrokerLimits>;
};

/**
 * Serves MQTT 3.1.1 on a TCP port and on attached streams.
 *
 * QoS 2 is served like QoS 1 with two more packets: a repeated PUBLISH reaches the gateway again, which knows its
 * commands by their ids.
 *
 * @throws {@link Fault} `port_busy` when the port cannot be listened on
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<Broker> {
  const limits = { ...BROKER_LIMITS, ...options.limits };
  const aedes = await Aedes.createBroker(aedesOptions(limits));
  const server = createServer({ noDelay: true });
  try {
    const port = await listen(server, options.host ?? "127.0.0.1", options.port);
    return new EmbeddedBroker(options, limits, aedes, server, port).open();
  } catch (error) {
    aedes.close();
    throw error;
  }
}

function aedesOptions(limits: BrokerLimits): AedesOptions {
  return {
    // Any other value lets one frozen subscriber stall everybody, and in-process publishing deadlock.
    concurrency: 0,
    connectTimeout: limits.connectTimeoutMs,
    drainTimeout: limits.drainTimeoutMs,
    maxTopicLevels: TOPIC_LEVELS,
    maxInflightInbound: 100,
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new Fault("port_busy", `cannot listen on ${host}:${port}`, { cause, facts: { host, port } }));
    });
    server.listen(port, host, () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : port);
    });
  });
}

/** One stream that we serve, from before its CONNECT to its end. */
type Connection = {
  readonly stream: Duplex;
  readonly origin: string;
  readonly guard: FrameGuard;
  /** Asked for by a CONNECT; reported if the session ends without a DISCONNECT. */
  will: Publication | null;
  clientId: string;
  /** Null before CONNECT is accepted, and again once the session is over. */
  session: Session | null;
  ready: boolean;
};

class EmbeddedBroker implements Broker {
  readonly port: number;
  readonly #options: EmbeddedBrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #nonces: NonceMemory;
  readonly #connections = new Map<Duplex, Connection>();
  #stopped: Promise<void> | null = null;

  constructor(
    options: EmbeddedBrokerOptions,
    limits: BrokerLimits,
    aedes: Aedes,
    server: Server,
    port: number,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#aedes = aedes;
    this.#server = server;
    this.#nonces = new NonceMemory(limits.noncesPerDevice);
    this.port = port;
  }

  open(): this {
    this.#aedes.preConnect = (client, packet, done) => {
      this.#prepare(client, packet);
      done(null, true);
    };
    this.#aedes.authenticate = (client, username, password, done) => {
      const refusal = this.#admit(client, username ?? "", password?.toString("latin1") ?? "");
      if (refusal === null) return done(null, true);
      done(Object.assign(new Error(refusal.refused), { returnCode: returnCodeOf(refusal.refused) }), null);
    };
    this.#aedes.authorizePublish = (client, packet, done) => {
      const publication = { topic: packet.topic, retain: packet.retain, payload: bytesOf(packet.payload) };
      Object.assign(packet, CONSUMED);
      this.#consume(client && this.#connectionOf(client), publication).then(
        () => done(null),
        (cause: unknown) => done(new Fault("link_lost", "a message was not accepted", { cause })),
      );
    };
    this.#aedes.authorizeSubscribe = (client, subscription, done) => {
      const session = this.#connectionOf(client)?.session;
      // An error would close the connection; null answers 0x80.
      done(null, session && mayRead(session.name, subscription.topic) ? subscription : null);
    };
    this.#aedes.authorizeForward = (client, packet) => {
      if (client.conn.writableLength <= this.#limits.unsentBytes) return packet;
      client.conn.destroy();
      return null;
    };
    this.#aedes.on("subscribe", (subscriptions, client) => {
      if (subscriptions.some(({ qos }) => qos <= 2)) this.#becomeReady(this.#connectionOf(client));
    });
    this.#server.on("connection", (socket) => this.attach(socket, socket.remoteAddress ?? "gone"));
    // An accept that failed, for want of a descriptor say, costs that connection alone.
    this.#server.on("error", () => {});
    return this;
  }

  attach(stream: Duplex, origin: string): void {
    const guard = new FrameGuard(this.#limits.strangerPacketBytes);
    const connection: Connection = {
      stream,
      origin,
      guard,
      will: null,
      clientId: "",
      session: null,
      ready: false,
    };
    if (this.#stopped || this.#connections.size >= this.#limits.connections) {
      stream.destroy();
      if (!this.#stopped) this.#refuse(connection, refuse("too_many"));
      return;
    }
    this.#connections.set(stream, connection);
    stream.once("close", () => {
      this.#end(connection);
      this.#connections.delete(stream);
    });
    guardStream(stream, guard, () => {
      this.#refuse(connection, refuse("too_large"));
      stream.destroy();
    });
    // aedes checks topics before it calls any hook of its own, so this one is put before them.
    const client: Client = this.#aedes.handle(stream);
    const { _parser: parser } = client as unknown as { readonly _parser: EventEmitter };
    parser.prependListener("packet", makeAnswerable);
  }

  publish(device: TopicName, topic: Topic, payload: string): void {
    const { qos } = TOPICS[topic];
    const packet = {
      cmd: "publish",
      topic: topicOf(device, topic),
      payload: Buffer.from(payload),
      qos,
    } as const;
    this.#aedes.publish({ ...packet, retain: false, dup: false }, () => {});
  }

  sessions(): readonly Session[] {
    return [...this.#connections.values()].flatMap(({ session }) => session ?? []);
  }

  drop(device: Hex): void {
    for (const { session, stream } of this.#connections.values()) {
      if (session?.device === device) stream.destroy();
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#close();
    return this.#stopped;
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections.values()) {
      connection.will = null;
      this.#end(connection);
    }
    await closed;
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }

  #connectionOf(client: Client): Connection | undefined {
    return this.#connections.get(client.conn);
  }

  /** Changes a CONNECT to what we grant, and takes its last will away from aedes. */
  #prepare(client: Client, packet: ConnectPacket): void {
    const connection = this.#connectionOf(client);
    const { will, keepalive = 0 } = packet;
    packet.clean = true;
    packet.keepalive = Math.min(keepalive || this.#limits.keepAlive, this.#limits.keepAlive);
    delete packet.will;
    if (!connection) return;
    connection.clientId = packet.clientId;
    if (will) {
      const payload = Uint8Array.from(bytesOf(will.payload));
      connection.will = { topic: will.topic, retain: will.retain ?? false, payload };
    }
  }

  /** Makes the connection a session, ending an older one with its client id. Null, or why not. */
  #admit(client: Client, username: string, password: string): Refusal | null {
    const connection = this.#connectionOf(client);
    if (!connection) return refuse("bad_token");
    const { market, boot, clock, callbacks } = this.#options;
    const { clientId, will } = connection;
    const admission = admitConnect(
      { clientId, username, password, will },
      {
        market,
        boot,
        now: clock.now(),
        nonces: this.#nonces,
        admit: (device) => callbacks.admit(device),
      },
    );
    if ("refusal" in admission) {
      this.#refuse(connection, admission.refusal, { device: admission.device });
      return admission.refusal;
    }
    for (const older of this.#connections.values()) {
      if (older.session?.id === clientId) this.#end(older);
    }
    connection.session = admission.session;
    connection.guard.limit = this.#limits.packetBytes;
    return null;
  }

  /** Passes a device's message on. Rejects where the message must not be acknowledged. */
  async #consume(connection: Connection | null | undefined, publication: Publication): Promise<void> {
    const session = connection?.session;
    if (!session) throw new Fault("link_lost", "the session is over");
    const topic = checkPublish(session.name, publication);
    if (isRefusal(topic)) this.#refuse(connection, topic, { topic: publication.topic.slice(0, 200) });
    else await this.#options.callbacks.onPublish(session, topic, publication.payload);
  }

  #becomeReady(connection: Connection | undefined): void {
    if (!connection?.session || connection.ready) return;
    connection.ready = true;
    this.#options.callbacks.onReady(connection.session);
  }

  /** Ends the session, if there is one, with its last will, and its stream. */
  #end(connection: Connection): void {
    const { session, will, guard, stream } = connection;
    connection.session = null;
    stream.destroy();
    if (!session) return;
    if (will && !guard.saidGoodbye) {
      // Nobody is left to withhold a PUBACK from, so a will that is not accepted is a will not given.
      this.#options.callbacks.onPublish(session, "connection", will.payload).catch(() => {});
    }
    this.#options.callbacks.onGone(session);
  }

  #refuse(connection: Connection, refusal: Refusal, at: Partial<RefusedAt> = {}): void {
    const { session, origin } = connection;
    const device = session?.device ?? null;
    this.#options.callbacks.onRefused(refusal, { device, session, origin, topic: "", ...at });
  }
}

/** What is left of a device's message for aedes to distribute, store and retain: nothing, where nobody may read. */
const CONSUMED = { topic: "consumed", payload: Buffer.alloc(0), retain: false } as const;

function bytesOf(payload: string | Buffer): Uint8Array {
  return typeof payload === "string" ? Buffer.from(payload) : payload;
}

/** Renames what aedes would close the connection for, so that it asks us and the device gets its answer. */
function makeAnswerable(packet: PublishPacket | SubscribePacket | UnsubscribePacket): void {
  if (packet.cmd === "publish") {
    packet.topic = answerable(packet.topic, false);
  } else if (packet.cmd === "subscribe") {
    for (const filter of packet.subscriptions) filter.topic = answerable(filter.topic, true);
  } else if (packet.cmd === "unsubscribe") {
    packet.unsubscriptions = packet.unsubscriptions.map((filter) => answerable(filter, true));
  }
}
