import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Instance } from "../../src/kernels/instance.ts";
import { startInstance } from "../../src/kernels/kernels.ts";
import { selfTestCurve, selfTestHashes } from "../../src/kernels/self-test.ts";
import { VARIANTS, type Variant } from "../../src/kernels/variant.ts";

const bytesOf = (variant: Variant) =>
  new Uint8Array(readFileSync(new URL(`../../build/kernels/${variant}.wasm`, import.meta.url)));

/** Reads an unsigned LEB128: the number, and where it ends. */
function leb(bytes: Uint8Array, from: number): [value: number, end: number] {
  let [value, at, shift] = [0, from, 0];
  for (; ; at++, shift += 7) {
    const byte = bytes[at] ?? 0;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value >>> 0, at + 1];
  }
}

/** The bodies of a module's functions, as [start, end). */
function bodiesOf(bytes: Uint8Array): [number, number][] {
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at];
    const [length, start] = leb(bytes, at + 1);
    if (id === 10) {
      let [count, from] = leb(bytes, start);
      const bodies: [number, number][] = [];
      for (; count > 0; count--) {
        const [size, body] = leb(bytes, from);
        bodies.push([body, body + size]);
        from = body + size;
      }
      return bodies;
    }
    at = start + length;
  }
  return [];
}

/** What the self-test says of a module, or why it did not get that far. */
function judged(variant: Variant, bytes: Uint8Array): "does not compile" | "refused" | "accepted" {
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(bytes);
  } catch {
    return "does not compile";
  }
  try {
    startInstance(variant, module);
    return "accepted";
  } catch {
    return "refused";
  }
}

/**
 * Instructions that a byte turns into their neighbours, as additions into subtractions. What looks like one may also be
 * the number of a variable; to use another is as wrong.
 */
const FLIPS = [
  // i64.add, i64.sub
  { from: [0x7c], to: [0x7d] },
  // i64x2.add, i64x2.sub
  { from: [0xfd, 0xce, 0x01], to: [0xfd, 0xd1, 0x01] },
  // f64x2.sub, f64x2.mul
  { from: [0xfd, 0xf1, 0x01], to: [0xfd, 0xf2, 0x01] },
  // i64.xor, i64.or
  { from: [0x85], to: [0x84] },
  // i32.add, i32.sub
  { from: [0x6a], to: [0x6b] },
];

/** Places of one kind of instruction in a function, at most `most` of them, spread evenly. */
function placesIn(
  bytes: Uint8Array,
  [start, end]: readonly [number, number],
  from: readonly number[],
  most: number,
) {
  const places: number[] = [];
  for (let at = start; at < end; at++) {
    if (from.every((byte, index) => bytes[at + index] === byte)) places.push(at);
  }
  const step = Math.max(1, Math.floor(places.length / most));
  return places.filter((_, index) => index % step === 0);
}

describe.each(VARIANTS)("the self-test of %s", (variant) => {
  it("passes, again and again", () => {
    const instance = new Instance(variant);
    for (let round = 0; round < 3; round++) {
      expect(selfTestHashes(instance)).toBeNull();
      expect(selfTestCurve(instance)).toBeNull();
    }
  });

  it("passes with memory in use that others left something in", () => {
    const instance = new Instance(variant);
    const at = instance.memory.scratch(2 ** 22);
    instance.memory.bytes.fill(0xa5, at, at + 2 ** 22);
    for (const cell of Object.values(instance.cells)) instance.memory.bytes.fill(0xa5, cell, cell + 32);
    expect(selfTestHashes(instance)).toBeNull();
    expect(selfTestCurve(instance)).toBeNull();
  });

  it("refuses a module with one instruction of its arithmetic exchanged", () => {
    const bytes = bytesOf(variant);
    // the longest functions: hashes, multiplications and squares, without loops that this could make endless
    const bodies = bodiesOf(bytes).toSorted((a, b) => b[1] - b[0] - (a[1] - a[0]));
    const seen = { refused: 0, accepted: 0, "does not compile": 0 };
    for (const body of bodies.slice(0, 9)) {
      for (const { from, to } of FLIPS) {
        for (const at of placesIn(bytes, body, from, 4)) {
          const spoiled = bytes.slice();
          spoiled.set(to, at);
          seen[judged(variant, spoiled)] += 1;
        }
      }
    }
    expect(seen.refused).toBeGreaterThan(30);
    // some stand where a carry comes once in thousands of numbers
    expect(seen.accepted).toBeLessThan(seen.refused / 8);
  });

  it("refuses a module with one bit flipped in a constant of the curve or a hash", () => {
    const bytes = bytesOf(variant);
    const words = [
      // of the generator's x, of Keccak's last round, of the group's order
      0x59f2815b16f81798n,
      0x8000000080008008n,
      0xbfd25e8cd0364141n,
    ];
    for (const word of words) {
      const pattern = new Uint8Array(BigUint64Array.of(word).buffer);
      const at = bytes.findIndex((_, start) => pattern.every((byte, index) => bytes[start + index] === byte));
      expect(at, word.toString(16)).toBeGreaterThan(0);
      const spoiled = bytes.slice();
      spoiled[at + 3] = (spoiled[at + 3] ?? 0) ^ 4;
      expect(judged(variant, spoiled), word.toString(16)).toBe("refused");
    }
  });
});
