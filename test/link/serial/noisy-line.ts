/** Two ends of a serial line in memory: it takes its time, flips bits and drops bytes, and keeps their order. */
import type { BytePort } from "../../../src/link/serial/reliable.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** A UART's driver hands over what has arrived this often. */
const DELIVERY_MS = 1;
const BITS_PER_BYTE = 10;

/** Numbers in [0, 1) from a 32-bit seed (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function seededBytes(seed: number, length: number): Buffer {
  const random = seededRandom(seed);
  const bytes = Buffer.alloc(length);
  // A third zeros: the byte that framing must hide.
  for (let i = 0; i < length; i++) bytes[i] = random() < 0.33 ? 0 : Math.floor(random() * 256);
  return bytes;
}

export interface Noise {
  bitErrorRate: number;
  byteDropRate: number;
}

interface LineEnd extends BytePort {
  /** What arrives here goes through this first; for recording, cutting and replaying. */
  tap: (bytes: Uint8Array) => Uint8Array;
  /** Hands bytes to this end's listener as if they had come over the line. */
  inject(bytes: Uint8Array): void;
}

/** @param baud - bits per second, ten to a byte */
export function noisyLine(
  clock: VirtualClock,
  options: Noise & { baud: number; seed: number },
): [LineEnd, LineEnd] {
  const random = seededRandom(options.seed);
  const ends = [lineEnd(), lineEnd()] as const;
  for (const [near, far] of [ends, [ends[1], ends[0]]] as const) {
    let queue = Buffer.alloc(0);
    let isMoving = false;
    let ready = 0;
    const move = () => {
      ready += (options.baud / BITS_PER_BYTE / 1_000) * DELIVERY_MS;
      const moved = queue.subarray(0, Math.floor(ready));
      queue = queue.subarray(moved.length);
      ready = queue.length > 0 ? ready - moved.length : 0;
      isMoving = queue.length > 0;
      if (isMoving) clock.after(DELIVERY_MS, move);
      if (moved.length > 0) far.inject(far.tap(spoil(moved, options, random)));
    };
    near.write = (bytes) => {
      queue = Buffer.concat([queue, bytes]);
      if (!isMoving) clock.after(DELIVERY_MS, move);
      isMoving = true;
    };
  }
  return [ends[0], ends[1]];
}

function lineEnd(): LineEnd {
  let listener = (_bytes: Uint8Array) => {};
  return {
    write: () => {},
    onBytes: (heard) => {
      listener = heard;
    },
    tap: (bytes) => bytes,
    inject: (bytes) => listener(bytes),
  };
}

function spoil(bytes: Uint8Array, noise: Noise, random: () => number): Uint8Array {
  if (noise.bitErrorRate === 0 && noise.byteDropRate === 0) return bytes;
  const arrived: number[] = [];
  for (const byte of bytes) {
    if (random() < noise.byteDropRate) continue;
    let spoilt = byte;
    for (let bit = 0; bit < 8 && noise.bitErrorRate > 0; bit++) {
      if (random() < noise.bitErrorRate) spoilt ^= 1 << bit;
    }
    arrived.push(spoilt);
  }
  return Uint8Array.from(arrived);
}
