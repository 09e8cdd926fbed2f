/** MQTT 3.1.1 by hand: says what no decent client would say, and sees packets one by one. */
import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { onTestFinished } from "vitest";
import type { Broker } from "../../../src/link/broker/broker.ts";
import type { Device } from "./stand.ts";

const text = (value: string | Uint8Array) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]);
};

/** A packet: type and flags, remaining length, body. */
export function packet(first: number, body: Uint8Array): Buffer {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.of(first, ...length), body]);
}

type ConnectFields = {
  clientId: string;
  username: string;
  password: string;
  keepAlive?: number;
  will?: { topic: string; payload: string };
};

export function connectPacket(fields: ConnectFields): Buffer {
  const { keepAlive = 60, will } = fields;
  const flags = 0b1100_0010 | (will ? 0b0000_0100 : 0);
  const parts = [text("MQTT"), Buffer.of(4, flags, keepAlive >> 8, keepAlive & 255), text(fields.clientId)];
  if (will) parts.push(text(will.topic), text(will.payload));
  parts.push(text(fields.username), text(fields.password));
  return packet(0x10, Buffer.concat(parts));
}

export function publishPacket(
  topic: string,
  payload: string | Uint8Array,
  { qos = 1, retain = false, id = 1 } = {},
): Buffer {
  const idBytes = qos > 0 ? Buffer.of(id >> 8, id & 255) : Buffer.alloc(0);
  const body = Buffer.concat([text(topic), idBytes, Buffer.from(payload)]);
  return packet(0x30 | (qos << 1) | (retain ? 1 : 0), body);
}

export function subscribePacket(filters: readonly string[], id = 1): Buffer {
  const body = filters.map((filter) => Buffer.concat([text(filter), Buffer.of(1)]));
  return packet(0x82, Buffer.concat([Buffer.of(id >> 8, id & 255), ...body]));
}

export const PINGREQ = Buffer.of(0xc0, 0);
export const DISCONNECT = Buffer.of(0xe0, 0);
/** Types of packets that the broker sends, as in {@link Packet}. */
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBCOMP = 7;
export const SUBACK = 9;
export const UNSUBACK = 11;
export const PINGRESP = 13;

type Packet = { type: number; body: Buffer };

type RawClient = {
  stream: Duplex;
  send(...packets: Uint8Array[]): void;
  /** The next packet from the broker, or null when the stream has ended. */
  next(): Promise<Packet | null>;
  /** The types of the next packets. */
  types(count: number): Promise<(number | null)[]>;
};

/** Reads packets off a stream. */
export function rawClient(stream: Duplex): RawClient {
  const packets = readPackets(stream);
  const next = async () => (await packets.next()).value ?? null;
  stream.on("error", () => {});
  onTestFinished(() => {
    stream.destroy();
  });
  return {
    stream,
    send: (...sent) => {
      stream.write(Buffer.concat(sent));
    },
    next,
    async types(count) {
      const types: (number | null)[] = [];
      while (types.length < count) types.push((await next())?.type ?? null);
      return types;
    },
  };
}

async function* readPackets(stream: Duplex): AsyncGenerator<Packet, null> {
  let buffer: Buffer = Buffer.alloc(0);
  const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  for (;;) {
    const found = cut(buffer);
    if (found) {
      buffer = found.rest;
      yield found.packet;
      continue;
    }
    const chunk = await chunks.next().catch(() => null);
    if (chunk === null || chunk.done) return null;
    buffer = Buffer.concat([buffer, chunk.value]);
  }
}

function cut(buffer: Buffer): { packet: Packet; rest: Buffer } | null {
  let length = 0;
  for (let i = 1; i < buffer.length; i++) {
    const byte = buffer[i] ?? 0;
    length += (byte & 127) * 128 ** (i - 1);
    if (byte < 128) {
      const end = i + 1 + length;
      if (buffer.length < end) return null;
      const packet = { type: (buffer[0] ?? 0) >> 4, body: buffer.subarray(i + 1, end) };
      return { packet, rest: buffer.subarray(end) };
    }
  }
  return null;
}

/** A TCP connection that has said nothing yet. */
export async function dial(broker: Pick<Broker, "port">): Promise<RawClient> {
  const socket = connect(broker.port, "127.0.0.1");
  await once(socket, "connect");
  return rawClient(socket);
}

/** The CONNECT of a device, with a good token unless changed. */
export async function goodConnect(device: Device, changes: Partial<ConnectFields> = {}): Promise<Buffer> {
  const clientId = changes.clientId ?? device.clientId();
  const password = changes.password ?? (await device.tokenFor(clientId));
  return connectPacket({ clientId, username: device.address, password, ...changes });
}

/** A raw client whose CONNECT has been accepted. */
export async function dialIn(broker: Broker, device: Device, changes: Partial<ConnectFields> = {}) {
  const client = await dial(broker);
  client.send(await goodConnect(device, changes));
  const connack = await client.next();
  if (connack?.type !== CONNACK || connack.body[1] !== 0) throw new Error("not connected");
  return client;
}
