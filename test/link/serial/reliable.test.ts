import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { BAUD, collect, pair, pour, QUIET } from "./link-pair.ts";
import { seededBytes } from "./noisy-line.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("serial link, what goes in comes out", () => {
  it.each([
    ["a clean line", QUIET, 60_000],
    ["bit errors at 1e-4", { bitErrorRate: 1e-4, byteDropRate: 0 }, 60_000],
    ["bit errors at 1e-3", { bitErrorRate: 1e-3, byteDropRate: 0 }, 30_000],
    ["byte drops at 1e-4", { bitErrorRate: 0, byteDropRate: 1e-4 }, 60_000],
    ["byte drops at 1e-3", { bitErrorRate: 0, byteDropRate: 1e-3 }, 60_000],
    ["bit errors and byte drops at 5e-4", { bitErrorRate: 5e-4, byteDropRate: 5e-4 }, 30_000],
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
    ["a window of 3 and an mtu of 240", { board: { mtu: 240, window: 3 }, gateway: { mtu: 240 } }, 40_000],
  ])("with %s, at bit errors of 1e-4", async (_name, setting, size) => {
    const { clock, board, gateway, connect } = pair({
      ...setting,
      noise: { bitErrorRate: 1e-4, byteDropRate: 0 },
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
    const { clock, board, gateway, connect } = pair({ noise: { bitErrorRate, byteDropRate: 0 } });
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
});
