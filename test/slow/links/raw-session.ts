/**
 * A device's session with a gateway, packet by packet over TCP: it sees the very moment of a PUBACK, and can stop
 * reading there.
 */
import { connect, type Socket } from "node:net";
import { toHex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { clientIdOf, signConnectToken, TOKEN_LIFE_MS } from "../../../src/protocol/connect-token.ts";
import { decodeMessage, type Message, parseJson } from "../../../src/protocol/message.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import { parseTopic, type Topic, type TopicName, topicOf } from "../../../src/protocol/topic.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import {
  CONNACK,
  connectPacket,
  PUBACK,
  PUBLISH,
  packet,
  publishPacket,
  subscribePacket,
} from "../../link/broker/raw-client.ts";

/** A message of the gateway's. */
export type Heard = { [T in Topic]: { readonly topic: T; readonly message: Message<T> } }[Topic];

export type RawSessionListener = {
  /** Synchronous: nothing behind the packet has been looked at. */
  readonly onPuback: (packetId: number) => void;
  readonly onMessage: (heard: Heard) => void;
  /** What a listener has thrown; the session is cut by then. */
  readonly onFault: (fault: unknown) => void;
};

export type Identity = { readonly market: Market; readonly signer: Signer; readonly name: TopicName };

export class RawSession {
  readonly #socket: Socket;
  readonly #name: TopicName;
  readonly #listener: RawSessionListener;
  readonly #terms = Promise.withResolvers<void>();
  #bytes: Buffer = Buffer.alloc(0);
  #packetId = 0;
  #nonce = "";
  #isCut: boolean = false;

  /** Resolves when the terms are there; rejects when the gateway ends the stream before. */
  readonly up: Promise<void>;

  /** Connects, and subscribes to all that is the device's. */
  constructor(port: number, who: Identity, listener: RawSessionListener) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#name = who.name;
    this.#listener = listener;
    this.#socket.once("close", () => this.#terms.reject(new Error("the gateway ended the session")));
    this.#socket.on("error", () => undefined);
    this.#socket.on("data", (chunk: Buffer) => {
      try {
        this.#read(chunk);
      } catch (fault) {
        this.cut();
        listener.onFault(fault);
      }
    });
    this.up = this.#logIn(who).then(() => this.#terms.promise);
    this.#terms.promise.catch(() => undefined);
  }

  /** Publishes at QoS 1; the packet id by which its PUBACK is known. */
  send(topic: Topic, text: string): number {
    const id = this.#nextId();
    this.#socket.write(publishPacket(topicOf(this.#name, topic), text, { id }));
    return id;
  }

  /** Reads no more, not even what has come already, and ends the stream. */
  cut(): void {
    this.#isCut = true;
    this.#socket.destroy();
  }

  async #logIn({ market, signer, name }: Identity): Promise<void> {
    const nonce = toHex(crypto.getRandomValues(new Uint8Array(32)));
    this.#nonce = nonce.slice(2);
    const clientId = clientIdOf(signer.address, "raw");
    const issued = systemClock.now();
    const claim = { clientId, issued, expires: issued + TOKEN_LIFE_MS, nonce };
    const password = await signConnectToken(market, signer, claim);
    const all = topicOf(name, "ack").replace(/[^/]+$/, "+");
    this.#socket.write(connectPacket({ clientId, username: signer.address, password, keepAlive: 0 }));
    this.#socket.write(subscribePacket([all], this.#nextId()));
  }

  #nextId(): number {
    this.#packetId = (this.#packetId % 65_535) + 1;
    return this.#packetId;
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      if (this.#isCut) return;
      const length = lengthOf(this.#bytes);
      if (length === null || this.#bytes.length < length.end) return;
      const [first = 0] = this.#bytes;
      const body = this.#bytes.subarray(length.start, length.end);
      this.#bytes = this.#bytes.subarray(length.end);
      this.#take(first, body);
    }
  }

  #take(first: number, body: Buffer): void {
    const type = first >> 4;
    if (type === CONNACK && body[1] !== 0) this.#terms.reject(new Error(`CONNECT refused with ${body[1]}`));
    if (type === PUBACK) this.#listener.onPuback(body.readUInt16BE(0));
    if (type !== PUBLISH) return;
    const at = 2 + body.readUInt16BE(0);
    const topic = parseTopic(body.toString("utf8", 2, at))?.topic;
    const hasId = (first & 0b110) !== 0;
    if (hasId) this.#socket.write(packet(PUBACK << 4, body.subarray(at, at + 2)));
    if (topic) this.#hear(topic, body.subarray(hasId ? at + 2 : at));
  }

  #hear(topic: Topic, payload: Uint8Array): void {
    const message = decodeMessage(topic, parseJson(payload));
    if (!message) throw new Error(`no message of ${topic}: ${Buffer.from(payload)}`);
    if ("id" in message && message.id === this.#nonce) this.#terms.resolve();
    // the schema of this topic made the message, so topic and message belong together
    else this.#listener.onMessage({ topic, message } as Heard);
  }
}

/** Where a packet's body starts and ends; null while its header is not whole. */
function lengthOf(bytes: Buffer): { readonly start: number; readonly end: number } | null {
  let length = 0;
  for (let at = 1; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    length += (byte & 127) * 128 ** (at - 1);
    if (byte < 128) return { start: at + 1, end: at + 1 + length };
  }
  return null;
}
