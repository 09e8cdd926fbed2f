/** Useful bytes over what the line could carry, one way, with a hash of all that went in and came out. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { CableOptions } from "../../serial-cable/serial-cable.ts";
import { joinLines } from "./joined-lines.ts";

const BITS_PER_BYTE = 10;

export type Goodput = {
  /** Of the line's rate, 0 to 1. */
  readonly share: number;
  readonly bytes: number;
  /** Whether what came out is what went in, all of it, once and in order. */
  readonly isWhole: boolean;
};

/**
 * From the board to the gateway, for so long.
 *
 * @param warmMs - not counted: the link finds out what the line is like
 */
export async function goodput(
  options: CableOptions & { readonly baud: number },
  { warmMs, ms }: { readonly warmMs: number; readonly ms: number },
): Promise<Goodput> {
  const { gateway, board, close } = await joinLines(options);
  try {
    const sent = pour(board, options.seed);
    const got = drink(gateway);
    await sleep(warmMs);
    const [from, before] = [performance.now(), got.bytes()];
    await sleep(ms);
    const bytes = got.bytes() - before;
    const elapsed = performance.now() - from;
    const hash = await sent.stop();
    while (got.bytes() < sent.bytes()) await once(gateway, "data");
    const share = ((bytes / elapsed) * 1_000) / (options.baud / BITS_PER_BYTE);
    return { share, bytes: sent.bytes(), isWhole: got.hash() === hash };
  } finally {
    await close();
  }
}

/** Writes as fast as the stream takes it. */
export function pour(stream: Duplex, seed: number, most = Number.POSITIVE_INFINITY) {
  const hash = createHash("sha256");
  let bytes = 0;
  let turn = seed;
  let isStopped = false;
  const run = async () => {
    while (!isStopped && bytes < most) {
      const piece = createHash("sha512").update(String(turn++)).digest();
      // whole writes of no round size, a part of them with zeros: what framing must hide
      const chunk = Buffer.concat([piece, Buffer.alloc(turn % 23), piece]).subarray(0, most - bytes);
      hash.update(chunk);
      bytes += chunk.length;
      if (!stream.write(chunk)) await once(stream, "drain");
    }
  };
  const running = run();
  return {
    bytes: () => bytes,
    /** Resolves with the hash of everything written, when the stream has taken it. */
    stop: async () => {
      isStopped = true;
      await running;
      return hash.digest("hex");
    },
    finished: async () => {
      await running;
      return hash.digest("hex");
    },
  };
}

/** Reads everything. */
export function drink(stream: Duplex) {
  const hash = createHash("sha256");
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  return { bytes: () => bytes, hash: () => hash.digest("hex") };
}
