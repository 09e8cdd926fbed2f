import { describe, expect, it } from "vitest";
import { Xoshiro128 } from "../../src/firmware/random.ts";

describe("xoshiro128**", () => {
  it("gives the words of its authors' program for the state 1, 2, 3, 4", () => {
    const seed = new Uint8Array(Uint32Array.of(1, 2, 3, 4).buffer);
    const words = new Uint32Array(10);
    new Xoshiro128(seed).fill(new Uint8Array(words.buffer));
    expect([...words]).toEqual([
      ...[11_520, 0, 5_927_040, 70_819_200, 2_031_721_883],
      ...[1_637_235_492, 1_287_239_034, 3_734_860_849, 3_729_100_597, 4_258_142_804],
    ]);
  });

  it("begins each time with a new word", () => {
    const seed = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
    const whole = new Uint8Array(8);
    new Xoshiro128(seed).fill(whole);
    const random = new Xoshiro128(seed);
    const [first, second] = [new Uint8Array(3), new Uint8Array(4)];
    random.fill(first);
    random.fill(second);
    expect([...first, ...second]).toEqual([...whole.subarray(0, 3), ...whole.subarray(4)]);
  });
});
