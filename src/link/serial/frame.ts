/**
 * One frame of the serial link, to and from bytes.
 *
 * Before stuffing, multi-byte numbers little-endian:
 *
 *     offset  size  field
 *     0       1     bits 0..2: type; bits 3..7: credit, 0..16
 *     1       1     session tag: the low byte of the session id
 *     2       1     sequence number of this frame's payload (`data` only, otherwise 0)
 *     3       1     acknowledged: the next sequence number the sender of this frame wants
 *     4       2     selective: bit i set = `acknowledged + 1 + i` is here already
 *     6       n     payload, 0..240 bytes
 *     6 + n   4     CRC-32 of bytes 0 .. 5 + n (IEEE 802.3, as in zlib: reflected 0xEDB88320, initial
 *                   value and final xor 0xFFFFFFFF)
 *
 * On the wire: COBS of the above (one byte longer, none zero), then one zero byte. Zeros between frames mean
 * nothing; who prints text between two frames writes a zero after it. Sequence numbers count modulo 256.
 *
 *     type  name    meaning
 *     1     data    payload number `sequence` of the stream; an empty payload is the end of the stream
 *     2     ack     only the acknowledgement fields; also the heartbeat
 *     3     nak     as ack, and the last frame heard was broken
 *     4     syn     the board begins a session; payload: see `hello.ts`
 *     5     synack  the gateway agrees; payload: see `hello.ts`
 *     6     reset   the session with this tag does not exist (any more) here
 *
 * Credit: how many data frames from `acknowledged` on the sender of this frame has room for. The sum
 * `acknowledged + credit` never moves back within a session. In syn and synack it is the receive window.
 */
import { crc32 } from "node:zlib";
import { cobsCapacity, decodeCobs, encodeCobs } from "./cobs.ts";

const TYPES = ["data", "ack", "nak", "syn", "synack", "reset"] as const;
const HEADER_BYTES = 6;
const CHECK_BYTES = 4;

/** Largest payload of a frame: header, payload and check then fit one COBS block. */
export const MAX_MTU = 240;
/** Most data frames that may be unacknowledged: what the selective bitmap can describe. */
export const MAX_WINDOW = 16;

export interface Frame {
  type: (typeof TYPES)[number];
  /** 0..255 */
  session: number;
  /** 0..255 */
  sequence: number;
  /** 0..255 */
  acknowledged: number;
  /** 16 bits */
  selective: number;
  /** 0..{@link MAX_WINDOW} */
  credit: number;
  /** 0..{@link MAX_MTU} bytes */
  payload: Uint8Array;
}

/** Most stuffed bytes of a frame that carries `mtu` bytes of payload, without the zero that ends it. */
export function stuffedFrameBytes(mtu: number): number {
  return cobsCapacity(HEADER_BYTES + mtu + CHECK_BYTES);
}

/** The frame as it goes on the wire, its closing zero included. */
export function encodeFrame(frame: Frame): Uint8Array {
  const body = Buffer.allocUnsafe(HEADER_BYTES + frame.payload.length + CHECK_BYTES);
  body[0] = (TYPES.indexOf(frame.type) + 1) | (frame.credit << 3);
  body[1] = frame.session;
  body[2] = frame.sequence;
  body[3] = frame.acknowledged;
  body.writeUInt16LE(frame.selective, 4);
  body.set(frame.payload, HEADER_BYTES);
  const checkAt = body.length - CHECK_BYTES;
  body.writeUInt32LE(crc32(body.subarray(0, checkAt)), checkAt);
  const stuffed = encodeCobs(body);
  const wire = new Uint8Array(stuffed.length + 1);
  wire.set(stuffed);
  return wire;
}

/** The frame in the bytes between two zeros, or `undefined` where they are not a whole and valid frame. */
export function decodeFrame(stuffed: Uint8Array): Frame | undefined {
  const plain = decodeCobs(stuffed);
  if (plain === undefined || plain.length < HEADER_BYTES + CHECK_BYTES) return undefined;
  const body = Buffer.from(plain.buffer, plain.byteOffset, plain.length);
  const checkAt = body.length - CHECK_BYTES;
  if (body.readUInt32LE(checkAt) !== crc32(body.subarray(0, checkAt))) return undefined;
  const kind = body.readUInt8(0);
  const type = TYPES[(kind & 0b111) - 1];
  const credit = kind >> 3;
  if (type === undefined || credit > MAX_WINDOW) return undefined;
  return {
    type,
    session: body.readUInt8(1),
    sequence: body.readUInt8(2),
    acknowledged: body.readUInt8(3),
    selective: body.readUInt16LE(4),
    credit,
    payload: body.subarray(HEADER_BYTES, checkAt),
  };
}
