/**
 * What the gateway needs from an MQTT broker, whichever one serves.
 *
 * The broker knows who speaks and on which topic; it knows nothing of what messages mean. All that devices publish
 * ends at the gateway, and all that they receive comes from it: no device ever hears another one, or itself.
 */
import type { Duplex } from "node:stream";
import type { Hex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import type { Refusal } from "../../base/refusal.ts";
import type { Message } from "../../protocol/message.ts";
import type { Topic, TopicName } from "../../protocol/topic.ts";

/** Whose session one is, as its login has proved it. */
export type SessionName = {
  /** The client id: `address-slot`. One connection has it at a time. */
  readonly id: string;
  readonly device: Hex;
  readonly name: TopicName;
  readonly slot: string;
  /** Of its CONNECT token, or of the challenge that it has answered: names this connection when the gateway answers it. */
  readonly nonce: Hex;
};

/** One authenticated connection of a device. */
export type Session = SessionName & {
  /** How it came: by a listener of ours, on a stream of ours, or through somebody else's broker. */
  readonly way: "listener" | "wire" | "elsewhere";
  /** The peer's address, the name that the stream was attached with, or the other broker's URL. */
  readonly origin: string;
  /** When it logged in. */
  readonly since: Instant;
};

/** Where something was refused. */
export type RefusedAt = {
  /** Null until a signature has proved it. */
  readonly device: Hex | null;
  /** Null for what was refused before or at CONNECT. */
  readonly session: Session | null;
  /** As the device wrote it, at most 200 characters; empty for a CONNECT or an oversized frame. */
  readonly topic: string;
  /** The peer's address, or the name that the stream was attached with. */
  readonly origin: string;
};

/** What the broker asks and tells. For one session the order is: onPublish and onReady, the last will, onGone. */
export type BrokerCallbacks = {
  /**
   * Who may connect. Called after the token's signature and times hold. Null when the device is not enrolled.
   *
   * A rejection closes the connection; whoever rejects reports why, the broker does not.
   */
  admit(device: Hex): TopicName | null | Promise<TopicName | null>;
  /**
   * The secret that a device proves itself with whose wallet the gateway keeps, 32 bytes; null for any other. Whoever has
   * one logs in by it and in no other way, at the gateway's own broker alone, and its payloads are sealed.
   */
  secretOf?(device: Hex): Uint8Array | null;
  /** The devices that are admitted now. An external broker asks them to log in whenever it has lost sight of them. */
  known?(): Iterable<TopicName>;
  /**
   * A message of a device on one of its own up-topics, size and retain flag checked.
   *
   * The PUBACK waits for the promise. A rejection withholds it and closes the connection, so that the device sends
   * the message again later; whoever rejects reports why, the broker does not. The same message may come twice, at
   * any QoS. The bytes must be copied if kept. A last will comes as the device's `connection` message.
   */
  onPublish(session: Session, topic: Topic, payload: Uint8Array): Promise<void>;
  /** The device has sent a ping: it has nothing to say and is there. Somebody else's broker keeps those to itself. */
  onPing?(session: Session): void;
  /** The device has subscribed: what is published from this call on reaches it. Called at most once per session. */
  onReady(session: Session): void;
  /** The session is over. Called exactly once for every session, ready or not. */
  onGone(session: Session): void;
  /**
   * Something that nobody but the broker can refuse. For a publish, the session can be told by a refusal message.
   *
   * Of each connection that the broker ends for what the peer did or left undone, it is called exactly once. A
   * connection that the peer ends or lets fall silent, that another one takes over, or that ends by `drop` or `stop`,
   * is not refused.
   */
  onRefused(refusal: Refusal, at: RefusedAt): void;
};

/** How busy a broker is. */
export type BrokerFigures = {
  /** Streams, with those that are not logged in yet. */
  readonly connections: number;
  readonly sessions: number;
  /** Messages and their bytes that wait until devices have acknowledged earlier ones. */
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /** How often since the start a connection had to wait because it, its device or its address was over a rate. */
  readonly delayed: number;
};

/** A board on a serial line that has no wallet yet and wants to be paired. One object for as long as it waits. */
export type WaitingBoard = TopicName & {
  /** As the board says: printable ASCII. */
  readonly model: string;
  /** The name that its stream was attached with. */
  readonly origin: string;
};

/** What a waiting board is given, and what follows from its answer. */
export type PairingHandover = {
  readonly message: Message<"pairing">;
  /** Whether the board's answer proves that it has saved that. */
  isProof(proof: Hex): boolean;
  /** Saves the gateway's half. The board's PUBACK waits for it; one that rejects is told to whoever pairs. */
  save(): Promise<void>;
};

export interface Broker {
  /**
   * Hands a message over to every session of the device that subscribed to it; never waits for delivery. Not an
   * error when none is connected: nothing is kept for devices that are away.
   */
  publish(device: TopicName, topic: Topic, payload: string): void;
  /** Serves MQTT on a byte stream of ours, such as a serial session. The broker destroys it at the session's end. */
  attach(stream: Duplex, origin: string): void;
  /** The sessions that live, oldest first. */
  sessions(): readonly Session[];
  /** The boards that wait to be paired, oldest first; none where boards cannot be attached. */
  waiting(): readonly WaitingBoard[];
  /**
   * Gives a waiting board its pairing; resolves when it has saved it and so have we.
   *
   * @throws {@link import("../../base/fault.ts").Fault} `link_lost` when the board does not wait any more or goes away in
   * the middle, `timed_out`, `refused` when its proof is wrong, `usage` when it is being paired already; what `save` throws.
   * Unless `save` was called nothing has happened
   */
  pair(board: WaitingBoard, handover: PairingHandover): Promise<void>;
  /** Ends every session of a device, which may not come back unless it is admitted again. */
  drop(device: Hex): void;
  /** The port of the first listener; 0 without one. */
  readonly port: number;
  /** Where devices reach the broker, one URL a listener. */
  readonly urls: readonly string[];
  readonly figures: BrokerFigures;
  /** Ends every session and frees the ports. No callback comes after it resolves; last wills are not reported. */
  stop(): Promise<void>;
}
