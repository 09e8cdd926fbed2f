/**
 * A PUBLISH packet as bytes, in one buffer. Source: MQTT 3.1.1 section 3.3.
 *
 * The general encoder writes a packet in seven pieces, each of which costs the stream as much as all of it.
 */
import type { Sealer } from "../../protocol/seal.ts";

/**
 * A PUBLISH that is neither retained nor a duplicate; at QoS 1 its identifier is still zero.
 *
 * @param room - bytes that the payload has left at its end, still to be written
 */
export function publishPacket(topic: string, payload: Uint8Array, qos: 0 | 1, room = 0): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const length = 2 + topicBytes + 2 * qos + payload.length + room;
  const lengthBytes = length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4;
  const packet = Buffer.allocUnsafe(1 + lengthBytes + length);
  packet[0] = 0x30 | (qos << 1);
  let at = 1;
  for (let rest = length, i = 1; i <= lengthBytes; i++, rest >>>= 7) {
    packet[at++] = (rest & 0x7f) | (i < lengthBytes ? 0x80 : 0);
  }
  at = packet.writeUInt16BE(topicBytes, at);
  at += packet.write(topic, at);
  if (qos === 1) at = packet.writeUInt16BE(0, at);
  packet.set(payload, at);
  return packet;
}

/** Gives a {@link publishPacket} of QoS 1 its identifier, 1 to 65,535. */
export function writeMessageId(packet: Buffer, id: number): void {
  packet.writeUInt16BE(id, topicEnd(packet, topicStart(packet)));
}

/** Seals the payload of a {@link publishPacket} that has left room for it. */
export function sealPayload(packet: Buffer, sealer: Sealer): void {
  const start = topicStart(packet);
  const end = topicEnd(packet, start);
  const isQos1 = packet[0] === 0x32;
  sealer.sealInPlace(packet.toString("utf8", start + 2, end), packet.subarray(isQos1 ? end + 2 : end));
}

/** Where the topic's length stands. */
function topicStart(packet: Buffer): number {
  let at = 1;
  while ((packet[at++] ?? 0) >= 0x80);
  return at;
}

function topicEnd(packet: Buffer, start: number): number {
  return start + 2 + packet.readUInt16BE(start);
}
