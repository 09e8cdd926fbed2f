import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BAUD, collect, pair, pour, QUIET } from "./link-pair.ts";
import { seededBytes } from "./noisy-line.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("serial link, what goes in comes out", () => {
  it.each([
    ["a clean line", QUIET, 60_000],
    ["bit errors at 1e-4", { bitErrorRate: 1e-4 }, 60_000],
    ["bit errors at 1e-3", { bitErrorRate: 1e-3 }, 30_000],
    ["byte drops at 1e-4", { dropRate: 1e-4 }, 60_000],
    ["byte drops at 1e-3", { dropRate: 1e-3 }, 60_000],
    ["bit errors and byte drops at 5e-4", { bitErrorRate: 5e-4, dropRate: 5e-4 }, 30_000],
  ])("both ways over %s", async (_name, noise, size) => {
    for (const seed of [1, 2, 3]) {
      const { clock, board, gateway, connect } = pair({ noise, seed });
      await connect();
      const up = seededBytes(seed + 10, size);
      const down = seededBytes(seed + 20, size);
      const atGateway = collect(gateway.live());
      const atBoard = collect(board.live());
      pour(board.live(), up);
      pour(gateway.live(), down);
      await clock.runUntil(() => atGateway.length() >= size && atBoard.length() >= size);
      await clock.run(500);
      expect(sha256(atGateway.bytes())).toBe(sha256(up));
      expect(sha256(atBoard.bytes())).toBe(sha256(down));
      expect([board.streams.length, gateway.streams.length]).toEqual([1, 1]);
    }
  });

  it.each([
    ["9600 baud", { baud: 9_600 }, 4_000],
    ["a board with 64 bytes of buffer", { board: { mtu: 40, window: 1 } }, 8_000],
    ["an mtu of 1 and one of 2", { board: { mtu: 1 }, gateway: { mtu: 2 } }, 300],
    ["a window of 3 and an mtu of 240", { board: { mtu: 240, window: 3 }, gateway: { mtu: 240 } }, 40_000],
  ])("with %s, at bit errors of 1e-4", async (_name, setting, size) => {
    const { clock, board, gateway, connect } = pair({
      ...setting,
      noise: { bitErrorRate: 1e-4 },
    });
    await connect();
    const up = seededBytes(5, size);
    const atGateway = collect(gateway.live());
    const atBoard = collect(board.live());
    pour(board.live(), up);
    pour(gateway.live(), up);
    await clock.runUntil(() => atGateway.length() >= size && atBoard.length() >= size);
    expect(atGateway.bytes().equals(up)).toBe(true);
    expect(atBoard.bytes().equals(up)).toBe(true);
  });

  it.each([
    [0, 0.8],
    [1e-4, 0.7],
    [1e-3, 0.3],
  ])("one way, bit errors of %d leave at least %d of the line", async (bitErrorRate, least) => {
    const { clock, board, gateway, connect } = pair({ noise: { bitErrorRate } });
    await connect();
    const size = 200_000;
    const up = seededBytes(9, size);
    const atGateway = collect(gateway.live());
    const startedMs = clock.elapsedMs;
    pour(board.live(), up);
    await clock.runUntil(() => atGateway.length() >= size);
    const share = size / (((clock.elapsedMs - startedMs) / 1_000) * (BAUD / 10));
    expect(share).toBeGreaterThan(least);
    expect(atGateway.bytes().equals(up)).toBe(true);
  });

  it("both ways over any line, with any sizes and windows, whatever is written when", async () => {
    const rate = (most: number) => fc.double({ min: 0, max: most, noNaN: true });
    const noise = fc.record({
      bitErrorRate: rate(1e-3),
      dropRate: rate(1e-3),
      insertRate: rate(1e-3),
      burstRate: rate(1e-4),
    });
    const end = fc.record({ mtu: fc.integer({ min: 8, max: 240 }), window: fc.integer({ min: 1, max: 16 }) });
    const writes = fc.array(
      fc.record({ afterMs: fc.nat(80), bytes: fc.integer({ min: 1, max: 600 }), isUp: fc.boolean() }),
      { maxLength: 8 },
    );
    const baud = fc.constantFrom(57_600, 115_200, 921_600);
    const setting = fc.record({ noise, board: end, gateway: end, seed: fc.integer(), baud });
    await fc.assert(
      fc.asyncProperty(setting, writes, async (how, pieces) => {
        const { clock, board, gateway, connect } = pair(how);
        await connect();
        const [up, down] = [way(board.live(), gateway.live()), way(gateway.live(), board.live())];
        for (const [at, { afterMs, bytes, isUp }] of pieces.entries()) {
          await clock.run(afterMs);
          (isUp ? up : down).write(seededBytes(at, bytes));
        }
        await clock.runUntil(() => up.isThere() && down.isThere(), 120_000);
        await clock.run(200);
        for (const one of [up, down]) expect(one.got()).toBe(one.sent());
      }),
      { numRuns: 40 },
    );
  }, 20_000);
});

/** One direction of a session: what was written, and what came. */
function way(from: Duplex, to: Duplex) {
  const got = collect(to);
  const sent: Buffer[] = [];
  const length = () => sent.reduce((sum, bytes) => sum + bytes.length, 0);
  return {
    write: (bytes: Buffer) => {
      sent.push(bytes);
      from.write(bytes);
    },
    isThere: () => got.length() >= length(),
    sent: () => sha256(Buffer.concat(sent)),
    got: () => sha256(got.bytes()),
  };
}
