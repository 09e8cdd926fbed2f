import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Reader } from "../../../src/firmware/wasm/leb.ts";
import { Unfit } from "../../../src/firmware/wasm/rejection.ts";
import { Writer } from "../../../src/firmware/wasm/writer.ts";

type Read = (reader: Reader) => unknown;

const u32: Read = (reader) => reader.u32();
const s32: Read = (reader) => reader.s32();
const s33: Read = (reader) => reader.s33();
const s64: Read = (reader) => reader.skipS64();

/** What was read, and how many bytes that took; or the rejection. */
function outcome(bytes: readonly number[], read: Read): unknown {
  const reader = new Reader(Uint8Array.from(bytes));
  try {
    return [read(reader), reader.at];
  } catch (error) {
    return error instanceof Unfit ? error.rejection : error;
  }
}

describe("reading numbers", () => {
  it.for([
    [u32, [0x00], 0],
    [u32, [0x7f], 127],
    [u32, [0x80, 0x01], 128],
    [u32, [0xe5, 0x8e, 0x26], 624_485],
    [u32, [0x80, 0x80, 0x80, 0x80, 0x00], 0],
    [u32, [0xff, 0xff, 0xff, 0xff, 0x0f], 0xffff_ffff],
    [s32, [0x7f], -1],
    [s32, [0x3f], 63],
    [s32, [0x40], -64],
    [s32, [0xc0, 0xbb, 0x78], -123_456],
    [s32, [0xff, 0xff, 0xff, 0xff, 0x07], 0x7fff_ffff],
    [s32, [0x80, 0x80, 0x80, 0x80, 0x78], -0x8000_0000],
    [s32, [0xff, 0xff, 0xff, 0xff, 0x7f], -1],
    [s33, [0x40], -64],
    [s33, [0x7f], -1],
    [s33, [0x05], 5],
    [s33, [0xc0, 0x00], 64],
    [s33, [0xff, 0xff, 0xff, 0xff, 0x0f], 0xffff_ffff],
    [s33, [0xff, 0xff, 0xff, 0xff, 0x7f], -1],
    [s33, [0x80, 0x80, 0x80, 0x80, 0x70], -(2 ** 32)],
    [s64, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00], undefined],
    [s64, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f], undefined],
  ] as const)("takes %o", ([read, bytes, value]) => {
    expect(outcome([...bytes, 0xff], read)).toEqual([value, bytes.length]);
    expect(outcome(bytes.slice(0, -1), read)).toBe("malformed");
  });

  it.for([
    ["a sixth byte", u32, [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ["a 33rd bit", u32, [0xff, 0xff, 0xff, 0xff, 0x1f]],
    ["a sign bit that is not repeated", s32, [0xff, 0xff, 0xff, 0xff, 0x0f]],
    ["a negative number short of its sign", s32, [0x80, 0x80, 0x80, 0x80, 0x08]],
    ["a sixth byte of a signed number", s32, [0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ["a 34th bit", s33, [0xff, 0xff, 0xff, 0xff, 0x1f]],
    ["a sixth byte of a block type", s33, [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ["a 65th bit", s64, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ["an eleventh byte", s64, [...new Array<number>(10).fill(0x80), 0x00]],
  ] as const)("takes not %s", ([, read, bytes]) => {
    expect(outcome([...bytes, 0, 0, 0], read)).toBe("malformed");
  });

  it("takes back whatever was written, in as few bytes as there can be", () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), fc.integer(), (unsigned, signed) => {
        const writer = new Writer(1).u32(unsigned).s32(signed).s64(signed);
        const reader = new Reader(writer.finish());
        expect(reader.u32()).toBe(unsigned);
        const at = reader.at;
        expect(reader.s32()).toBe(signed);
        expect(at).toBe(Math.max(1, Math.ceil(unsigned.toString(2).length / 7)));
        const length = reader.at - at;
        reader.skipS64();
        expect(reader.at).toBe(at + 2 * length);
        expect(reader.at).toBe(writer.length);
      }),
    );
  });

  it("never reads beyond its end", () => {
    const reader = new Reader(Uint8Array.of(1, 2, 3, 4), 1, 3);
    expect([reader.byte(), reader.byte()]).toEqual([2, 3]);
    expect(() => reader.byte()).toThrow(Unfit);
    expect(outcome([1, 2, 3], (short) => short.skip(4))).toBe("malformed");
    expect(outcome([1, 2, 3], (short) => short.skip(3))).toEqual([undefined, 3]);
  });
});

describe("reading names", () => {
  it("takes UTF-8 of the length that it says", () => {
    expect(outcome(Array.from(new Writer().name("Straße ✓").finish()), (reader) => reader.name())).toEqual([
      "Straße ✓",
      12,
    ]);
    expect(outcome([0], (reader) => reader.name())).toEqual(["", 1]);
    // a byte order mark is part of a name
    expect(outcome([3, 0xef, 0xbb, 0xbf], (reader) => reader.name())).toEqual(["\ufeff", 4]);
  });

  it.for([
    [[1, 0xff]],
    [[2, 0xc0, 0x80]],
    [[3, 0xed, 0xa0, 0x80]],
    [[2, 0x41]],
    [[0xff, 0xff, 0xff, 0xff, 0x0f, 0x41]],
  ] as const)("takes not %o", ([bytes]) => {
    expect(outcome(bytes, (reader) => reader.name())).toBe("malformed");
  });
});

describe("writing", () => {
  it.for([
    [0n, [0x00]],
    [-1n, [0x7f]],
    [63n, [0x3f]],
    [64n, [0xc0, 0x00]],
    [-65n, [0xbf, 0x7f]],
    [2n ** 31n, [0x80, 0x80, 0x80, 0x80, 0x08]],
    [2n ** 63n - 1n, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]],
    [-(2n ** 63n), [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]],
  ] as const)("writes %s as a signed number of 64 bits", ([value, bytes]) => {
    expect(Array.from(new Writer(1).s64(value).finish())).toEqual(bytes);
    if (Number.isSafeInteger(Number(value))) {
      expect(Array.from(new Writer().s64(Number(value)).finish())).toEqual(bytes);
    }
  });

  it("copies all of what it is given or a part of it, however long", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
        const start = Math.min(a, b, bytes.length);
        const end = Math.min(Math.max(a, b), bytes.length);
        const writer = new Writer(0).byte(9).bytes(bytes, start, end).bytes(bytes);
        expect(Array.from(writer.view())).toEqual([9, ...bytes.subarray(start, end), ...bytes]);
        expect(writer.finish()).toEqual(writer.view());
      }),
    );
  });
});
