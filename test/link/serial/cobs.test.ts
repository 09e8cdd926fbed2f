import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cobsCapacity, decodeCobs, encodeCobs } from "../../../src/link/serial/cobs.ts";

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

// The examples of Cheshire and Baker's method as they are commonly tabulated.
const KNOWN: [name: string, plain: number[], stuffed: number[]][] = [
  ["nothing", [], [1]],
  ["one zero", [0], [1, 1]],
  ["two zeros", [0, 0], [1, 1, 1]],
  ["a byte between zeros", [0, 0x11, 0], [1, 2, 0x11, 1]],
  ["a zero inside", [0x11, 0x22, 0, 0x33], [3, 0x11, 0x22, 2, 0x33]],
  ["no zero", [0x11, 0x22, 0x33, 0x44], [5, 0x11, 0x22, 0x33, 0x44]],
  ["zeros at the end", [0x11, 0, 0, 0], [2, 0x11, 1, 1, 1]],
  ["254 bytes without zero", range(1, 254), [0xff, ...range(1, 254)]],
  ["a zero and 254 bytes", [0, ...range(1, 254)], [1, 0xff, ...range(1, 254)]],
  ["255 bytes without zero", range(1, 255), [0xff, ...range(1, 254), 2, 255]],
  ["254 bytes and a zero", [...range(2, 255), 0], [0xff, ...range(2, 255), 1, 1]],
  ["253 bytes, a zero and a byte", [...range(3, 255), 0, 1], [0xfe, ...range(3, 255), 2, 1]],
];

describe("cobs", () => {
  it.each(KNOWN)("stuffs %s", (_name, plain, stuffed) => {
    expect([...encodeCobs(Uint8Array.from(plain))]).toEqual(stuffed);
    expect([...(decodeCobs(Uint8Array.from(stuffed)) ?? [])]).toEqual(plain);
  });

  it("gives back what went in, without a zero and within its capacity", () => {
    const bytes = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), { maxLength: 700 });
    fc.assert(
      fc.property(bytes, (numbers) => {
        const plain = Uint8Array.from(numbers);
        const stuffed = encodeCobs(plain);
        expect(stuffed.includes(0)).toBe(false);
        expect(stuffed.length).toBeLessThanOrEqual(cobsCapacity(plain.length));
        expect(decodeCobs(stuffed)).toEqual(plain);
      }),
    );
  });

  it("refuses a zero inside, an unfinished block and nothing at all", () => {
    expect(decodeCobs(Uint8Array.of(3, 1, 0, 1))).toBeUndefined();
    expect(decodeCobs(Uint8Array.of(4, 1, 2))).toBeUndefined();
    expect(decodeCobs(Uint8Array.of())).toBeUndefined();
  });
});
