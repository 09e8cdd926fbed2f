/** Very many bytes through real ptys with all sorts of harm, as fast as two processors can, hashed at both ends. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { Noise } from "../../serial-cable/noise.ts";
import { drink, pour } from "./goodput.ts";
import { joinLines } from "./joined-lines.ts";

/** What part of the bytes meets what. */
const PARTS: readonly { readonly share: number; readonly noise: Noise }[] = [
  { share: 0.3, noise: {} },
  { share: 0.25, noise: { bitErrorRate: 1e-5 } },
  { share: 0.2, noise: { bitErrorRate: 1e-4 } },
  { share: 0.03, noise: { bitErrorRate: 1e-3 } },
  { share: 0.1, noise: { dropRate: 1e-3 } },
  { share: 0.12, noise: { bitErrorRate: 1e-5, dropRate: 1e-4, insertRate: 1e-4, burstRate: 1e-5 } },
];

export type Bulk = {
  readonly bytes: number;
  /** Bytes that were wrong, lost or doubled, at least. */
  readonly harmed: number;
  readonly seconds: number;
  /** Frames that were broken on the way and noticed. */
  readonly badFrames: number;
};

/** @param bytes - in all, half of them each way */
export async function bulk(bytes: number, seed: number): Promise<Bulk> {
  const from = performance.now();
  const sum = { bytes: 0, harmed: 0, badFrames: 0 };
  for (const [at, { share, noise }] of PARTS.entries()) {
    const { gateway, board, lines, close } = await joinLines({ baud: null, seed: seed + at, noise });
    try {
      const each = Math.ceil((bytes * share) / 2);
      const ways = [
        carry(board, gateway, seed + at, each),
        carry(gateway, board, seed + PARTS.length + at, each),
      ];
      sum.harmed += (await Promise.all(ways)).reduce((total, one) => total + one, 0);
      sum.bytes += 2 * each;
      sum.badFrames += lines.gateway.stats.badFrames + lines.board.stats.badFrames;
    } finally {
      await close();
    }
  }
  return { ...sum, seconds: (performance.now() - from) / 1_000 };
}

/** How many bytes came otherwise than they went. */
async function carry(from: Duplex, to: Duplex, seed: number, bytes: number): Promise<number> {
  const [sent, got] = [pour(from, seed, bytes), drink(to)];
  const hash = await sent.finished();
  while (got.bytes() < bytes) await once(to, "data");
  if (got.hash() === hash) return 0;
  return Math.max(1, Math.abs(got.bytes() - bytes));
}
