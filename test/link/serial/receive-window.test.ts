import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReceiveWindow } from "../../../src/link/serial/receive-window.ts";

const payload = (sequence: number) => Uint8Array.of(sequence);

describe("receive window", () => {
  it("keeps each frame once, within its edge", () => {
    const window = new ReceiveWindow(4);
    expect([2, 2, 3, 4, 255].map((sequence) => window.accept(sequence, payload(sequence)))).toEqual([
      "kept",
      "duplicate",
      "kept",
      "outside",
      "duplicate",
    ]);
    expect(window.selective).toBe(0b110);
    expect(window.take()).toBeUndefined();
  });

  it("never takes back room, and gives none while it is not opened", () => {
    const window = new ReceiveWindow(2);
    for (const sequence of [0, 1]) {
      window.accept(sequence, payload(sequence));
      window.take();
    }
    expect([window.wanted, window.credit]).toEqual([2, 0]);
    expect(window.accept(2, payload(2))).toBe("outside");
    window.open();
    expect(window.credit).toBe(2);
  });

  it("gives payloads in order across the wrap of sequence numbers, whatever the order within a window", () => {
    const keys = fc.array(fc.nat(), { minLength: 600, maxLength: 600 });
    fc.assert(
      fc.property(keys, (order) => {
        const window = new ReceiveWindow(16);
        const taken: number[] = [];
        for (let first = 0; first < 600; first += 15) {
          const group = order
            .slice(first, first + 15)
            .map((key, i) => ({ key, sequence: (first + i) & 0xff }));
          for (const { sequence } of group.toSorted((a, b) => a.key - b.key)) {
            expect(window.accept(sequence, payload(sequence))).toBe("kept");
          }
          for (let next = window.take(); next !== undefined; next = window.take()) taken.push(...next);
          window.open();
        }
        expect(taken).toEqual(order.map((_, i) => i & 0xff));
      }),
      { numRuns: 20 },
    );
  });
});
