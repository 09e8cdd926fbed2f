/** MQTT packets with damage: the same ones for a seed. */
import { packet, publishPacket, subscribePacket } from "../../link/broker/raw-client.ts";
import type { Random } from "../exchange/random.ts";

const DISCONNECT = 14;
/** Bytes that mean something in many places: lengths, flags, wildcards, ends of numbers. */
const TELLING = [
  0x00, 0x01, 0x02, 0x04, 0x10, 0x23, 0x24, 0x2b, 0x2f, 0x7f, 0x80, 0x82, 0xc0, 0xc2, 0xfe, 0xff,
];
const NASTY_TOPICS = [
  "",
  "#",
  "+",
  "$SYS/broker/new/clients",
  "$SYS/#",
  "$share/g/#",
  "constructor",
  "__proto__",
  "hirewire/v1/__proto__/constructor/offer",
  "hirewire/v1/acme/r-1/hasOwnProperty",
  "\u0000",
  "\ufffd\ud7ff\u{10ffff}",
  "/".repeat(100),
  "a/".repeat(30_000),
  "consumed",
];

/** What a device and a broker can say: every type there is, most of them good. */
export function goodPackets(
  own: (topic: string) => string,
  connects: readonly Buffer[],
  random: Random,
): Buffer {
  const id = () => 1 + random.below(0xffff);
  const acknowledgement = (first: number) => packet(first, Buffer.of(0, 1 + random.below(40)));
  const publish = (topic: string) =>
    publishPacket(topic, Buffer.alloc(random.below(300), 0x20 + random.below(90)), {
      qos: random.below(3),
      retain: random.chance(0.1),
      id: id(),
    });
  const makers = [
    () => random.pick(connects),
    () => publish(own(random.pick(["cancel", "state", "offer", "connection", "result"]))),
    () => publish(own(random.pick(["cancel", "state", "offer", "connection", "result"]))),
    () => publish(own(random.pick(["award", "ack", "nothing", "constructor"]))),
    () => publish(random.pick(NASTY_TOPICS)),
    () => acknowledgement(0x40),
    () => acknowledgement(0x50),
    () => acknowledgement(0x62),
    () => acknowledgement(0x70),
    () => subscribePacket([own("+"), random.pick(NASTY_TOPICS)], id()),
    () => subscribePacket(NASTY_TOPICS.slice(0, 1 + random.below(NASTY_TOPICS.length)), id()),
    () => packet(0xa2, subscribePacket([own("ack")], id()).subarray(2, -1)),
    () => packet(0xc0, Buffer.alloc(0)),
    // What only a broker says, and what no version has.
    () => packet(random.pick([0x20, 0x90, 0xb0, 0xd0, 0x00, 0xf0]), Buffer.alloc(random.below(5))),
  ];
  return random.pick(makers)();
}

/** A copy with one to three changes, anywhere or in the body alone, whose length is right then. */
export function damaged(bytes: Buffer, other: Buffer, random: Random): Buffer {
  if (random.chance(0.25)) return changedOften(bytes, other, random);
  const size = headerBytes(bytes);
  return packet(bytes.readUInt8(0), changedOften(bytes.subarray(size), other, random).subarray(0, 60_000));
}

function changedOften(bytes: Buffer, other: Buffer, random: Random): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let changes = 1 + random.below(3); changes > 0; changes--) result = changed(result, other, random);
  return result;
}

function headerBytes(bytes: Buffer): number {
  let size = 2;
  while (bytes.readUInt8(size - 1) >= 0x80) size += 1;
  return size;
}

function changed(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const ways = [
    () => flipped(bytes, at, 1 << random.below(8)),
    () => flipped(bytes, at, 1 << random.below(8)),
    () => flipped(bytes, at, 1 + random.below(255)),
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))]),
    () => Buffer.concat([bytes.subarray(0, at), Buffer.of(random.pick(TELLING)), bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(0, at), Buffer.of(random.pick(TELLING)), bytes.subarray(at + 1)]),
    // A length that lies, in one to five bytes.
    () => flipped(bytes, 1, 1 + random.below(255)),
    () => Buffer.concat([bytes.subarray(0, 1), lie(random), bytes.subarray(2)]),
    () => Buffer.concat([bytes, bytes]),
    () => Buffer.concat([bytes, other]),
  ];
  return random.pick(ways)();
}

function flipped(bytes: Buffer, at: number, mask: number): Buffer {
  const copy = Buffer.from(bytes);
  if (at < copy.length) copy.writeUInt8(copy.readUInt8(at) ^ mask, at);
  return copy;
}

function lie(random: Random): Buffer {
  const bytes = Array.from({ length: random.below(5) }, () => 0x80 | random.below(128));
  return Buffer.of(...bytes, random.below(128));
}

export type Walk = {
  /** Bytes that the last packet still wants; infinite where no packet of ours is so long. */
  readonly missing: number;
  /** Whether a DISCONNECT comes by. */
  readonly saysGoodbye: boolean;
};

/** Walks the packets of a stream as their fixed headers tell, a half header taken to end in zero. */
export function walk(stream: Buffer, longest: number): Walk {
  let saysGoodbye = false;
  for (let at = 0; at < stream.length; ) {
    const type = stream.readUInt8(at) >> 4;
    let length = 0;
    let size = 1;
    let byte = 0x80;
    while (byte >= 0x80 && size < 5) {
      byte = at + size < stream.length ? stream.readUInt8(at + size) : 0;
      length += (byte & 127) * 128 ** (size - 1);
      size += 1;
    }
    if (byte >= 0x80 || size + length > longest) return { missing: Number.POSITIVE_INFINITY, saysGoodbye };
    if (type === DISCONNECT) saysGoodbye = true;
    at += size + length;
    if (at > stream.length) return { missing: at - stream.length, saysGoodbye };
  }
  return { missing: 0, saysGoodbye };
}
