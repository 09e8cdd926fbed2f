import { describe, expect, it } from "vitest";
import { Instance } from "../../src/kernels/instance.ts";
import { instantiate, moduleOf, VARIANTS } from "../../src/kernels/variant.ts";

describe.each(VARIANTS)("the module %s", (variant) => {
  it("is read and compiled once", () => {
    expect(moduleOf(variant)).toBe(moduleOf(variant));
  });

  it("needs nothing from outside, and exports memory and functions only", () => {
    const exports = instantiate(moduleOf(variant));
    const kinds = Object.entries(exports).map(([name, value]) => [name, typeof value]);
    expect(kinds.length).toBeGreaterThan(40);
    expect(kinds.filter(([, kind]) => kind !== "function")).toEqual([["memory", "object"]]);
  });

  it("multiplies and adds exactly on this machine", () => {
    expect(instantiate(moduleOf(variant)).hasFusedMultiplyAdd()).toBe(1);
  });
});

describe("a module", () => {
  it("of other sources is told by what it does not export", () => {
    const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const isOther = expect.objectContaining({
      code: "kernel_failed",
      message: expect.stringMatching(/no memory.*npm run build:kernels/),
    });
    expect(() => instantiate(empty)).toThrow(isOther);
  });
});

describe("an instance's memory", () => {
  it("keeps what is reserved while scratch and all of it grow", () => {
    const { memory, cells } = new Instance("base");
    memory.write(cells.key, new Uint8Array(64).fill(7));
    const first = memory.reserve(100);
    memory.write(first, new Uint8Array(100).fill(8));
    const small = memory.scratch(1_000);
    memory.bytes.fill(9, small, small + 1_000);
    // in place, as nothing was reserved since
    expect(memory.scratch(3_000_000)).toBe(small);
    const second = memory.reserve(10);
    expect(second).toBeGreaterThanOrEqual(small + 3_000_000);
    expect(memory.scratch(3_000_000)).toBe(small);
    // now it has to move, behind all that is reserved
    const moved = memory.scratch(3_000_001);
    expect(moved).toBeGreaterThanOrEqual(second + 10);
    expect(memory.scratch(6_000_000)).toBe(moved);
    memory.bytes.fill(1, moved, moved + 6_000_000);
    expect(memory.read(cells.key, 64)).toEqual(new Uint8Array(64).fill(7));
    expect(memory.read(first, 100)).toEqual(new Uint8Array(100).fill(8));
    expect(memory.size).toBe(moved + 6_000_000);
  });

  it("gives addresses that SIMD likes", () => {
    const { memory } = new Instance("base");
    for (const length of [1, 15, 16, 17, 99]) expect(memory.reserve(length) % 16).toBe(0);
    expect(memory.scratch(77) % 16).toBe(0);
  });

  it("claims no more for a table than was said", () => {
    const { memory } = new Instance("base");
    const before = memory.reserve(0);
    memory.claim(1_000, (at) => at + 500);
    expect(memory.reserve(0)).toBe(before + 512);
    expect(() => memory.claim(1_000, (at) => at + 1_001)).toThrow(
      expect.objectContaining({ code: "impossible" }),
    );
  });
});
