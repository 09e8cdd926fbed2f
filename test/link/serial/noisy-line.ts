/** Two ends of a serial line in memory: it takes its time, flips bits and drops bytes, and keeps their order. */
import type { BytePort } from "../../../src/link/serial/reliable.ts";
import { type Noise, Spoiler } from "../../serial-cable/noise.ts";
import { randomFrom } from "../../slow/exchange/random.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** A UART's driver hands over what has arrived this often. */
const DELIVERY_MS = 1;
const BITS_PER_BYTE = 10;

export function seededBytes(seed: number, length: number): Buffer {
  const { draw: random } = randomFrom(seed);
  const bytes = Buffer.alloc(length);
  // A third zeros: the byte that framing must hide.
  for (let i = 0; i < length; i++) bytes[i] = random() < 0.33 ? 0 : Math.floor(random() * 256);
  return bytes;
}

interface LineEnd extends BytePort {
  /** What arrives here goes through this first; for recording, cutting and replaying. */
  tap: (bytes: Uint8Array) => Uint8Array;
  /** Hands bytes to this end's listener as if they had come over the line. */
  inject(bytes: Uint8Array): void;
}

/** @param options - bits per second, ten to a byte; what happens to them, also when it changes */
export function noisyLine(
  clock: VirtualClock,
  options: { baud: number; seed: number; noise: Noise },
): [LineEnd, LineEnd] {
  const spoiler = new Spoiler(options.seed);
  spoiler.noise = options.noise;
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
      if (moved.length > 0) far.inject(far.tap(spoiler.spoil(moved)));
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
