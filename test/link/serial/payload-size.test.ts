import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PayloadSize } from "../../../src/link/serial/payload-size.ts";
import { randomFrom } from "../../slow/exchange/random.ts";

const AROUND = 12;

/** The payload that is best where each byte spoils its frame with this chance, by trying them all. */
function bestFor(spoiling: number, most: number): number {
  const use = (bytes: number) => (bytes / (bytes + AROUND)) * (1 - spoiling) ** (bytes + AROUND);
  const sizes = Array.from({ length: most - 31 }, (_, at) => at + 32);
  return sizes.reduce((best, bytes) => (use(bytes) > use(best) ? bytes : best));
}

/** Sends frames of the size it asks for over a line that spoils each byte with this chance. */
function live(size: PayloadSize, spoiling: number, frames: number, seed: number): number {
  const random = randomFrom(seed);
  const sizes: number[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const { bytes } = size;
    size.sent(bytes);
    if (random.chance(1 - (1 - spoiling) ** (bytes + AROUND))) size.lost();
    sizes.push(bytes);
  }
  return sizes.slice(-200).reduce((sum, bytes) => sum + bytes, 0) / 200;
}

describe("payload size", () => {
  it("begins with 64 bytes, and with less where less is allowed", () => {
    expect(new PayloadSize(240).bytes).toBe(64);
    expect(new PayloadSize(40).bytes).toBe(40);
    expect(new PayloadSize(1).bytes).toBe(1);
  });

  it("grows to the most on a clean line, within 300 frames", () => {
    const size = new PayloadSize(240);
    live(size, 0, 300, 1);
    expect(size.bytes).toBe(240);
  });

  it("stays between 32 bytes and the most, whatever happens", () => {
    const happenings = fc.array(fc.oneof(fc.integer({ min: 0, max: 240 }), fc.constant("lost" as const)));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 240 }), happenings, (most, all) => {
        const size = new PayloadSize(most);
        for (const one of all) {
          if (one === "lost") size.lost();
          else size.sent(one);
          expect(size.bytes).toBeGreaterThanOrEqual(Math.min(most, 32));
          expect(size.bytes).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  it.each([1e-5, 1e-4, 3e-4, 1e-3, 3e-3])("comes near what is best at bit errors of %d", (bitErrorRate) => {
    const spoiling = 1 - (1 - bitErrorRate) ** 8;
    const best = bestFor(spoiling, 240);
    const use = (bytes: number) => (bytes / (bytes + AROUND)) * (1 - spoiling) ** (bytes + AROUND);
    for (const seed of [1, 2, 3]) {
      const settled = live(new PayloadSize(240), spoiling, 1_000, seed);
      expect(use(settled)).toBeGreaterThan(0.9 * use(best));
    }
  });

  it("forgets a burst after 64 KiB", () => {
    const size = new PayloadSize(240);
    live(size, 0.5, 400, 1);
    expect(size.bytes).toBe(32);
    for (let sent = 0; sent < 65_536; sent += size.bytes + AROUND) size.sent(size.bytes);
    expect(size.bytes).toBe(240);
  });
});
