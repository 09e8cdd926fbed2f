import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Noise, Spoiler } from "./noise.ts";

const BYTES = 200_000;

function spoilt(noise: Noise, seed = 1, bytes: Buffer = Buffer.alloc(BYTES)) {
  const spoiler = new Spoiler(seed);
  spoiler.noise = noise;
  return { arrived: spoiler.spoil(bytes), harm: spoiler.harm };
}

const flips = (bytes: Buffer) =>
  bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);

describe("noise", () => {
  it.each([1e-5, 1e-4, 1e-3, 1e-2])("flips bits at a rate of %d", (bitErrorRate) => {
    const { arrived, harm } = spoilt({ bitErrorRate });
    const expected = BYTES * 8 * bitErrorRate;
    expect(arrived.length).toBe(BYTES);
    expect(flips(arrived)).toBe(harm);
    // five standard deviations
    expect(Math.abs(harm - expected)).toBeLessThan(5 * Math.sqrt(expected));
  });

  it("loses and invents bytes at their rates", () => {
    const lost = BYTES - spoilt({ dropRate: 1e-3 }).arrived.length;
    const more = spoilt({ insertRate: 1e-3 }).arrived.length - BYTES;
    for (const count of [lost, more]) expect(Math.abs(count - 200)).toBeLessThan(71);
  });

  it("does the same harm for the same seed, whatever the pieces, and none without a rate", () => {
    const rate = fc.double({ min: 0, max: 0.1, noNaN: true });
    const noises = fc.record({ bitErrorRate: rate });
    fc.assert(
      fc.property(
        noises,
        fc.integer(),
        fc.array(fc.uint8Array(), { maxLength: 8 }),
        (noise, seed, pieces) => {
          const spoiler = new Spoiler(seed);
          spoiler.noise = noise;
          const apart = pieces.map((piece) => spoiler.spoil(Buffer.from(piece)));
          const whole = Buffer.concat(pieces);
          expect(Buffer.concat(apart).equals(spoilt(noise, seed, whole).arrived)).toBe(true);
          expect(spoilt({}, seed, whole).arrived.equals(whole)).toBe(true);
        },
      ),
    );
  });

  it("replaces bytes in bursts, and keeps their number", () => {
    const { arrived, harm } = spoilt({ burstRate: 1e-4, burstBytes: 50 });
    expect(arrived.length).toBe(BYTES);
    expect(harm).toBeGreaterThan(100);
    expect(arrived.filter((byte) => byte !== 0).length).toBeLessThanOrEqual(harm);
  });
});
