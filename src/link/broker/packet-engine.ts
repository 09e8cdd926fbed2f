/**
 * aedes, reduced to what it does well: it reads and writes packets, keeps the order of a CONNECT, answers SUBSCRIBE and
 * QoS 2, and watches keep-alives.
 *
 * It distributes nothing. What a device publishes is the gateway's, and what a device is sent goes past it, so that its
 * topic tree, its retained store and its offline queues stay empty. aedes 1.2 speaks MQTT 3.1.1 alone.
 */
import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { Aedes, type Client, type PublishPacket, type SubscribePacket, type UnsubscribePacket } from "aedes";
import { writeToStream } from "mqtt-packet";
import { answerable, TOPIC_LEVELS } from "./topic-rights.ts";

// else it keeps each number that two bytes can hold as a buffer of its own, 8 MB in all
writeToStream.cacheNumbers = false;

/** Longest time that a Node timer takes, milliseconds. */
const NEVER = 2 ** 31 - 1;

/** Packets that may follow a CONNECT before its answer, which may wait for a disk. */
const EARLY_PACKETS = 1_000;

/** QoS 2 messages of one connection that have no PUBREL yet. */
const HALF_OPEN = 100;

/** Of aedes' stores, the two that are never written to: offline queues and retained messages. */
type Stores = {
  outgoingStream: () => Iterable<never>;
  createRetainedStreamCombi: () => { pipe(): void };
};

type Done = (error?: Error | null) => void;

/** A packet of any kind, as the parser gives it. */
export type AnyPacket =
  | PublishPacket
  | SubscribePacket
  | UnsubscribePacket
  | { readonly cmd: "puback" | "pubrec" | "pubrel" | "pubcomp"; readonly messageId: number }
  | { readonly cmd: "connect"; readonly protocolVersion?: number }
  | { readonly cmd: "pingreq" }
  | { readonly cmd: "disconnect" };

const FROM_CLIENTS: ReadonlySet<string> = new Set<AnyPacket["cmd"]>([
  "connect",
  "publish",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "subscribe",
  "unsubscribe",
  "pingreq",
  "disconnect",
]);

/** What happens on one stream before aedes acts on it. */
export type PacketTap = {
  /** A packet that a client may send. */
  onPacket(packet: AnyPacket): void;
  /** Bytes that are no MQTT 3.1.1 packet of a client. Nothing that follows them is read. */
  onBadPacket(): void;
  /** More packets before the answer to CONNECT than are kept, or more half-open QoS 2 messages. */
  onExcess(): void;
};

export class PacketEngine extends Aedes {
  constructor() {
    super({
      // Any other value lets one frozen subscriber stall everybody, and in-process publishing deadlock.
      concurrency: 0,
      // Both are the connection's own affair.
      connectTimeout: NEVER,
      drainTimeout: 0,
      maxTopicLevels: TOPIC_LEVELS,
      maxInflightInbound: HALF_OPEN,
      queueLimit: EARLY_PACKETS,
    });
  }

  /** Makes it ready to serve. */
  override async listen(): Promise<void> {
    await super.listen();
    const { persistence } = this as unknown as { readonly persistence: Stores };
    // They are asked at each CONNECT and SUBSCRIBE, and make a third of its garbage to tell that they are empty.
    persistence.outgoingStream = () => [];
    persistence.createRetainedStreamCombi = () => ({ pipe: () => {} });
  }

  /** Serves a stream. Returns what makes aedes deaf to the packets that it has read but not looked at yet. */
  serve(stream: Duplex, tap: PacketTap): () => void {
    const client: Client = this.handle(stream);
    const { _parser: parser } = client as unknown as { readonly _parser: EventEmitter };
    // aedes checks topics before it calls any hook of its own, so these are put before its own.
    parser.prependListener("packet", (packet: AnyPacket) => {
      if (FROM_CLIENTS.has(packet.cmd) && isNumbered(packet)) {
        makeAnswerable(packet);
        tap.onPacket(packet);
      } else {
        tap.onBadPacket();
      }
    });
    parser.prependListener("error", (error: Error) => {
      if (error.message === "Client queue limit reached") tap.onExcess();
      else tap.onBadPacket();
    });
    client.prependListener("error", (error: Error) => {
      if (error.message.startsWith("maxInflightInbound exceeded")) tap.onExcess();
      // mqtt-packet ends a stream with this where the answer to a packet cannot be written.
      else if (error.message.startsWith("Invalid ")) tap.onBadPacket();
    });
    return () => parser.removeAllListeners("packet");
  }

  /** Distributes nothing. */
  override publish(...args: readonly unknown[]): void {
    (args.at(-1) as Done)(null);
  }

  override subscribe(_topic: string, _deliver: unknown, done: () => void): void {
    done();
  }

  override unsubscribe(_topic: string, _deliver: unknown, done?: () => void): void {
    done?.();
  }
}

/** Whether the packet id is 1 to 65,535 where there must be one. Source: MQTT 3.1.1 section 2.3.1. */
function isNumbered(packet: AnyPacket): boolean {
  if (packet.cmd === "connect" || packet.cmd === "pingreq" || packet.cmd === "disconnect") return true;
  if (packet.cmd === "publish" && packet.qos === 0) return true;
  // The parser gives -1 for one that is cut off.
  return packet.messageId !== undefined && packet.messageId > 0;
}

/** Renames what aedes would close the connection for, so that it asks us and the device gets its answer. */
function makeAnswerable(packet: AnyPacket): void {
  if (packet.cmd === "publish") {
    packet.topic = answerable(packet.topic, false);
  } else if (packet.cmd === "subscribe") {
    for (const filter of packet.subscriptions) filter.topic = answerable(filter.topic, true);
  } else if (packet.cmd === "unsubscribe") {
    packet.unsubscriptions = packet.unsubscriptions.map((filter) => answerable(filter, true));
  }
}
