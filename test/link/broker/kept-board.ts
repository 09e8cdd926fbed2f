/** A board whose wallet the gateway keeps: it logs in with a secret, and seals what it says. */
import { randomBytes } from "node:crypto";
import { duplexPair } from "node:stream";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import type { Broker } from "../../../src/link/broker/broker.ts";
import { clientIdOf } from "../../../src/protocol/connect-token.ts";
import { type Handshake, Opener, Sealer, sealKeys, sealToken } from "../../../src/protocol/seal.ts";
import { parseTopic, type Topic, type TopicName, topicOf } from "../../../src/protocol/topic.ts";
import {
  CONNACK,
  connectPacket,
  PUBACK,
  PUBLISH,
  packet,
  publishPacket,
  rawClient,
  SUBACK,
  subscribePacket,
} from "./raw-client.ts";

type Line = ReturnType<typeof rawClient>;

/** What a board has been paired with. */
export type Pairing = {
  readonly gateway: Hex;
  readonly device: Hex;
  readonly name: TopicName;
  readonly secret: Uint8Array;
};

export type Heard = { readonly topic: Topic; readonly message: Record<string, unknown> };

/** An attached stream, as of a serial session. */
export function plugIn(broker: Broker, origin = "/dev/board"): Line {
  const [ours, theirs] = duplexPair();
  broker.attach(theirs, origin);
  return rawClient(ours);
}

/** A connection in quarantine, subscribed to all of a board's topics. */
export async function knock(line: Line, { device, name }: Pairing, slot = "main"): Promise<Line> {
  line.send(connectPacket({ clientId: clientIdOf(device, slot), username: device, password: "challenge" }));
  const connack = await line.next();
  if (connack?.type !== CONNACK || connack.body[1] !== 0) throw new Error("not connected");
  line.send(subscribePacket([`hirewire/v1/${name.manufacturer}/${name.serialNumber}/+`]));
  if ((await line.next())?.type !== SUBACK) throw new Error("not subscribed");
  return line;
}

/** Says `login`, as it is. */
export function sayLogin(line: Line, { device, name }: Pairing, token: string | null, slot = "main"): void {
  const message = { version: 1, device, slot, token };
  line.send(publishPacket(topicOf(name, "login"), JSON.stringify(message)));
}

/** The next message of ours with its payload as it came, acknowledged; null at the stream's end. */
export async function nextPublish(line: Line): Promise<{ topic: Topic; payload: Buffer } | null> {
  for (;;) {
    const got = await line.next();
    if (got === null) return null;
    if (got.type !== PUBLISH) continue;
    const end = 2 + got.body.readUInt16BE(0);
    const topic = parseTopic(got.body.subarray(2, end).toString())?.topic;
    if (!topic) throw new Error("a topic that is none of ours");
    line.send(packet(PUBACK << 4, got.body.subarray(end, end + 2)));
    return { topic, payload: got.body.subarray(end + 2) };
  }
}

/** The nonce that the gateway wants answered. */
export async function askChallenge(line: Line, pairing: Pairing, slot = "main"): Promise<Hex> {
  sayLogin(line, pairing, null, slot);
  const heard = await nextPublish(line);
  if (heard?.topic !== "challenge") throw new Error(`no challenge but ${heard?.payload}`);
  return JSON.parse(heard.payload.toString()).nonce;
}

export function handshakeOf({ gateway, device }: Pairing, gatewayNonce: Hex, slot = "main"): Handshake {
  return { gateway, device, slot, gatewayNonce, deviceNonce: toHex(randomBytes(16)) };
}

/** A session that has been asked for; the gateway may still have to answer. */
export class KeptBoard {
  readonly line: Line;
  readonly handshake: Handshake;
  readonly up: Sealer;
  readonly down: Opener;
  readonly #pairing: Pairing;
  #lastId = 1;

  private constructor(line: Line, pairing: Pairing, handshake: Handshake) {
    const { up, down } = sealKeys(pairing.secret, handshake);
    this.line = line;
    this.handshake = handshake;
    this.up = new Sealer(up);
    this.down = new Opener(down);
    this.#pairing = pairing;
  }

  /** Asks for a challenge on a fresh connection, and answers it. */
  static async login(line: Line, pairing: Pairing, slot = "main"): Promise<KeptBoard> {
    await knock(line, pairing, slot);
    const handshake = handshakeOf(pairing, await askChallenge(line, pairing, slot), slot);
    sayLogin(line, pairing, sealToken(pairing.secret, handshake), slot);
    return new KeptBoard(line, pairing, handshake);
  }

  /** Seals a text; a value is said as JSON. */
  say(topic: Topic, what: unknown): void {
    const text = typeof what === "string" ? what : JSON.stringify(what);
    this.sayRaw(topic, this.up.seal(topic, Buffer.from(text)));
  }

  /** Publishes a payload as it is. */
  sayRaw(topic: Topic, payload: Uint8Array): void {
    const id = (this.#lastId % 65_535) + 1;
    this.#lastId = id;
    this.line.send(publishPacket(topicOf(this.#pairing.name, topic), payload, { id }));
  }

  /** The text of what is said next, out of its seal; null at the stream's end. */
  async hearText(): Promise<{ readonly topic: Topic; readonly text: string } | null> {
    const heard = await nextPublish(this.line);
    if (heard === null) return null;
    const body = this.down.open(heard.topic, heard.payload);
    if (body === null) throw new Error(`a wrong seal on ${heard.topic}: ${heard.payload}`);
    return { topic: heard.topic, text: Buffer.from(body).toString() };
  }

  /** What is said next; null at the stream's end. */
  async hear(): Promise<Heard | null> {
    const heard = await this.hearText();
    return heard && { topic: heard.topic, message: JSON.parse(heard.text) };
  }

  /** The next message of a topic; others on the way are passed over. */
  async until(topic: Topic): Promise<Record<string, unknown>> {
    for (;;) {
      const heard = await this.hear();
      if (heard === null) throw new Error(`the session ended before any ${topic}`);
      if (heard.topic === topic) return heard.message;
    }
  }
}
