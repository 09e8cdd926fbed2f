import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Clock, instant, systemClock } from "../../src/base/clock.ts";
import type { Variant } from "../../src/kernels/variant.ts";
import { rightClaim } from "./claims.ts";

const bytesOf = (variant: Variant) =>
  new Uint8Array(readFileSync(new URL(`../../build/kernels/${variant}.wasm`, import.meta.url)));

const isFault = expect.objectContaining({ code: "kernel_failed" });

/** Each test starts kernels of its own: what one chose or lost is no other's. */
beforeEach(() => vi.resetModules());

const fresh = async () => ({
  ...(await import("../../src/kernels/kernels.ts")),
  ...(await import("../../src/kernels/calibration.ts")),
  ...(await import("../../src/kernels/digest.ts")),
  ...(await import("../../src/kernels/signature.ts")),
});

/** The low 8 bytes of the generator's x, in both variants' memory. */
function withSpoiledGenerator(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const pattern = new Uint8Array(BigUint64Array.of(0x59f2815b16f81798n).buffer);
  const spoiled = bytes.slice();
  for (let at = 0; at < bytes.length; at++) {
    if (pattern.every((byte, index) => bytes[at + index] === byte)) spoiled[at] = 0;
  }
  return spoiled;
}

/** As if the engine had no relaxed SIMD. */
const notCompiling = Uint8Array.of(0, 0x61, 0x73, 0x6d, 9, 0, 0, 0);

describe("the kernels", () => {
  it("start on first use, with the fused variant where there is one, and stay", async () => {
    const { kernels, curveKernels, fallenVariants } = await fresh();
    const first = kernels();
    expect(first.variant).toBe("relaxed");
    const { size } = first.memory;
    expect(curveKernels()).toBe(first);
    expect(first.memory.size).toBeGreaterThan(size);
    expect(kernels()).toBe(first);
    expect([...fallenVariants()]).toEqual([]);
  });

  it("may be loaded from bytes, as in a browser", async () => {
    const { loadKernels, curveKernels, fallenVariants } = await fresh();
    await loadKernels({ base: bytesOf("base"), relaxed: bytesOf("relaxed") });
    expect(curveKernels().variant).toBe("relaxed");
    expect([...fallenVariants()]).toEqual([]);
  });

  it("work once they are loaded, whatever was tried before", async () => {
    const { loadKernels, curveKernels, fallenVariants } = await fresh();
    const noFiles = vi.spyOn(process, "getBuiltinModule").mockImplementation(() => undefined);
    try {
      expect(() => curveKernels()).toThrow(isFault);
      await loadKernels({ base: withSpoiledGenerator(bytesOf("base")) });
      expect(() => curveKernels()).toThrow(isFault);
      await loadKernels({ base: bytesOf("base"), relaxed: bytesOf("relaxed") });
      expect(curveKernels().variant).toBe("relaxed");
      expect([...fallenVariants()]).toEqual([]);
    } finally {
      noFiles.mockRestore();
    }
  });

  it("do without the fused variant where there is none, where it does not compile, or answers wrongly", async () => {
    const relaxed = [undefined, notCompiling, withSpoiledGenerator(bytesOf("relaxed"))];
    const reasons = [/not given/, /version|magic/, /self-test/];
    for (const [at, module] of relaxed.entries()) {
      vi.resetModules();
      const { loadKernels, curveKernels, kernels, fallenVariants, recoverAddress, usableInstance } =
        await fresh();
      await loadKernels(module ? { base: bytesOf("base"), relaxed: module } : { base: bytesOf("base") });
      expect(curveKernels().variant).toBe("base");
      expect(kernels().variant).toBe("base");
      expect(fallenVariants().get("relaxed")).toMatch(reasons[at] ?? /^$/);
      expect(usableInstance("relaxed")).toBeNull();
      const { digest, signature, by } = await rightClaim(1, 1);
      expect(recoverAddress(digest, signature)).toBe(by);
    }
  });

  it("do not run without a right base", async () => {
    const { loadKernels, curveKernels, recoverAddress, checkSigners } = await fresh();
    await loadKernels({ base: withSpoiledGenerator(bytesOf("base")) });
    const { digest, signature, by } = await rightClaim(1, 1);
    for (let again = 0; again < 2; again++) {
      expect(() => curveKernels()).toThrow(isFault);
      expect(() => recoverAddress(digest, signature)).toThrow(isFault);
      expect(() => checkSigners([{ digest, signature, by }])).toThrow(isFault);
    }
  });

  it("do not run without base at all, nor with a module of other sources", async () => {
    const { loadKernels } = await fresh();
    await expect(loadKernels({ base: notCompiling })).rejects.toThrow(isFault);
    vi.resetModules();
    const { loadKernels: again, kernels } = await fresh();
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    await again({ base: empty, relaxed: empty });
    expect(() => kernels()).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/build:kernels/) }),
    );
  });
});

/** A clock of which a call to `now` is the time that passes: `calls` of them make a millisecond. */
function countingClock(callsIn: (slice: number) => number): Clock {
  let [time, calls, slice] = [0, 0, 0];
  return {
    now: () => {
      if (++calls >= callsIn(slice)) [time, calls] = [time + 1, 0];
      return instant(time);
    },
    sleep: () => {
      slice += 1;
      return Promise.resolve();
    },
    after: () => () => {},
  };
}

describe("the calibration", () => {
  it("takes what is fastest on this machine", async () => {
    const { calibrate, kernels, keccak256 } = await fresh();
    const { variant, rates, keccakWays, sha256Ways } = await calibrate(systemClock);
    expect(kernels().variant).toBe(variant);
    expect(rates[variant]).toBe(Math.max(rates.base ?? 0, rates.relaxed ?? 0));
    expect(Math.min(rates.base ?? 0, rates.relaxed ?? 0)).toBeGreaterThan(0);
    expect([1, 2]).toContain(keccakWays);
    expect([1, 4]).toContain(sha256Ways);
    expect(keccak256(new Uint8Array())).toMatch(/^0xc5d24601/);
  });

  // two slices start the variants, then they take turns
  it.each([
    ["base", 0],
    ["relaxed", 1],
  ] as const)("takes %s where that is faster", async (variant, turn) => {
    const { calibrate, curveKernels, recoverAddress } = await fresh();
    const found = await calibrate(countingClock((slice) => (slice % 2 === turn ? 40 : 12)));
    expect(found.variant).toBe(variant);
    expect(found).toMatchObject(
      variant === "base" ? { keccakWays: 1, sha256Ways: 1 } : { keccakWays: 2, sha256Ways: 4 },
    );
    expect(curveKernels().variant).toBe(variant);
    const { digest, signature, by } = await rightClaim(2, 2);
    expect(recoverAddress(digest, signature)).toBe(by);
  });

  it("tells people what it has found", async () => {
    const { calibrate, describeKernels } = await fresh();
    const found = await calibrate(countingClock((slice) => (slice % 2 === 0 ? 40 : 12)));
    const { base, relaxed } = found.rates;
    expect(describeKernels(found)).toBe(`base, ${base} signatures/ms; relaxed ${relaxed}`);
    vi.resetModules();
    const { loadKernels, calibrate: again, describeKernels: describeAgain } = await fresh();
    await loadKernels({ base: bytesOf("base") });
    expect(describeAgain(await again(systemClock))).toMatch(
      /^base, [1-9]\d* signatures\/ms; relaxed fell away: was not given$/,
    );
  });

  it("ends on a clock that stands still", async () => {
    const { calibrate } = await fresh();
    expect((await calibrate(countingClock(() => Infinity))).variant).toBe("relaxed");
  });

  it("has one to take where the other has fallen away", async () => {
    const { loadKernels, calibrate } = await fresh();
    await loadKernels({ base: bytesOf("base") });
    const { variant, rates } = await calibrate(countingClock(() => 20));
    expect(variant).toBe("base");
    expect(Object.keys(rates)).toEqual(["base"]);
  });
});
