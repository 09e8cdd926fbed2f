/** The board's link in C, under AddressSanitizer and UBSan, with the gateway's at the other end. */
import { describe, expect, it } from "vitest";
import { decodeFrame, encodeFrame, type Frame } from "../../../src/link/serial/frame.ts";
import { CBoard } from "../../board/c-board.ts";
import { cPair, sha256 } from "../../board/c-pair.ts";
import { isUnbuildable, whyUnbuildable } from "../../board/host-build.ts";
import { collect, lost, pour } from "../../link/serial/link-pair.ts";
import { seededBytes } from "../../link/serial/noisy-line.ts";
import { VirtualClock } from "../../link/serial/virtual-clock.ts";
import type { Noise } from "../../serial-cable/noise.ts";
import { randomFrom } from "../exchange/random.ts";

type Pair = ReturnType<typeof cPair>;

/** Sends `size` bytes each way and expects every one of them, once and in order. */
async function expectBothWays(pair: Pair, size: number, seed = 1): Promise<void> {
  const { clock, board } = pair;
  const [up, down] = [seededBytes(seed + 10, size), seededBytes(seed + 20, size)];
  const atGateway = collect(pair.live());
  const sessions = pair.streams.length;
  board.send(up);
  pour(pair.live(), down);
  await clock.runUntil(() => atGateway.length() >= size && board.received >= size);
  await clock.run(500);
  expect(sha256(atGateway.bytes())).toBe(sha256(up));
  expect(board.sha256()).toBe(sha256(down));
  expect([pair.streams.length, board.isUp]).toEqual([sessions, true]);
}

function frame(changes: Partial<Frame>): Uint8Array {
  return encodeFrame({
    ...{ type: "data", session: 0, sequence: 0, acknowledged: 0, selective: 0, credit: 16 },
    payload: Buffer.from("stale"),
    ...changes,
  });
}

describe.skipIf(isUnbuildable)(`the link in C${whyUnbuildable}`, () => {
  it.each<[string, Noise, number]>([
    ["a clean line", {}, 100_000],
    ["bit errors at 1e-4", { bitErrorRate: 1e-4 }, 60_000],
    ["bit errors at 1e-3", { bitErrorRate: 1e-3 }, 20_000],
    ["byte drops at 1e-3", { dropRate: 1e-3 }, 40_000],
    ["byte inserts at 1e-3", { insertRate: 1e-3 }, 40_000],
    ["bursts", { burstRate: 1e-3 }, 20_000],
    ["all of them", { bitErrorRate: 2e-4, dropRate: 2e-4, insertRate: 2e-4, burstRate: 1e-4 }, 20_000],
  ])("carries both ways over %s", async (_name, noise, size) => {
    for (const seed of [1, 2]) {
      const pair = cPair({ noise, seed });
      await pair.connect();
      await expectBothWays(pair, size, seed);
    }
  });

  it("takes each frame once though the line repeats them", async () => {
    const pair = cPair();
    const { chance } = randomFrom(7);
    for (const end of [pair.boardEnd, pair.gatewayEnd]) {
      let rest = Buffer.alloc(0);
      end.tap = (bytes) => {
        rest = Buffer.concat([rest, bytes]);
        const frames: Buffer[] = [];
        for (let at = rest.indexOf(0); at !== -1; at = rest.indexOf(0)) {
          const whole = rest.subarray(0, at + 1);
          frames.push(...(chance(0.3) ? [whole, whole] : [whole]));
          rest = rest.subarray(at + 1);
        }
        return Buffer.concat(frames);
      };
    }
    await pair.connect();
    await expectBothWays(pair, 30_000);
    expect(pair.board.counters().refusedFrames).toBeGreaterThan(100);
  });

  it.each([
    ["link-6-1-1", { mtu: 6, window: 1 }, 1_000],
    ["link-6-1-1", {}, 1_000],
    ["link-40-1-1", {}, 5_000],
    ["link-17-3-2", { mtu: 200, window: 5 }, 5_000],
    ["link-64-5-4", { mtu: 240, window: 2 }, 10_000],
    ["link-100-9-16", { mtu: 33, window: 13 }, 20_000],
    ["link-240-16-16", { mtu: 240, window: 16 }, 40_000],
    ["link-240-16-16", { mtu: 6, window: 1 }, 1_000],
    ["link-240-2-8", { mtu: 240, window: 3 }, 20_000],
  ])("%s with a gateway of %o, also at bit errors of 1e-4", async (program, gateway, size) => {
    for (const bitErrorRate of [0, 1e-4]) {
      const pair = cPair({ program: `asan/${program}`, gateway, noise: { bitErrorRate } });
      await pair.connect();
      await expectBothWays(pair, size);
    }
  });

  it("with every window of the gateway, and every tenth mtu", async () => {
    for (let window = 1; window <= 16; window++) {
      const pair = cPair({ gateway: { window, mtu: 15 * window }, noise: { bitErrorRate: 1e-4 } });
      await pair.connect();
      await expectBothWays(pair, 3_000, window);
    }
  });

  it.each([9_600, 921_600])("at %d baud", async (baud) => {
    const pair = cPair({ baud, noise: { bitErrorRate: 1e-4 } });
    await pair.connect();
    await expectBothWays(pair, baud === 9_600 ? 6_000 : 60_000);
  });

  it.each([
    ["up", 0, 0.8],
    ["up", 1e-4, 0.65],
    ["up", 1e-3, 0.15],
    ["down", 0, 0.8],
    ["down", 1e-4, 0.65],
    ["down", 1e-3, 0.15],
  ])("%s, bit errors of %d leave at least %d of the line", async (way, bitErrorRate, least) => {
    for (const baud of [115_200, 921_600]) {
      const pair = cPair({ baud, noise: { bitErrorRate } });
      await pair.connect();
      const size = bitErrorRate === 1e-3 ? 20_000 : 60_000;
      const bytes = seededBytes(9, size);
      const atGateway = collect(pair.live());
      const startedMs = pair.clock.elapsedMs;
      if (way === "up") pair.board.send(bytes);
      else pour(pair.live(), bytes);
      await pair.clock.runUntil(() => (way === "up" ? atGateway.length() : pair.board.received) >= size);
      expect(size / (((pair.clock.elapsedMs - startedMs) / 1_000) * (pair.baud / 10))).toBeGreaterThan(least);
    }
  });

  it("waits while the gateway does not read, and goes on when it does", async () => {
    const pair = cPair();
    await pair.connect();
    const up = seededBytes(3, 60_000);
    pair.board.send(up);
    await pair.clock.run(20_000);
    const before = pair.board.counters();
    await pair.clock.run(5_000);
    const after = pair.board.counters();
    // Twenty signs of life and nothing else, as there is no credit.
    expect(after.framesSent - before.framesSent).toBeLessThanOrEqual(22);
    expect(after.framesResent).toBe(before.framesResent);
    const atGateway = collect(pair.live());
    await pair.clock.runUntil(() => atGateway.length() >= up.length);
    expect(sha256(atGateway.bytes())).toBe(sha256(up));
    expect(pair.streams.length).toBe(1);
  });

  it("stays up when nothing is said, and notices silence after 3 to 4 s", async () => {
    const pair = cPair();
    await pair.connect();
    await pair.clock.run(30_000);
    expect(pair.board.events).toEqual(["up"]);
    pair.gatewayEnd.write = () => {};
    const startedMs = pair.clock.elapsedMs;
    await pair.clock.runUntil(() => !pair.board.isUp);
    expect(pair.clock.elapsedMs - startedMs).toBeGreaterThan(2_900);
    expect(pair.clock.elapsedMs - startedMs).toBeLessThan(4_100);
  });

  it("begins anew after a reboot in the middle of everything, and takes no stale frame", async () => {
    const pair = cPair();
    await pair.connect(0x1000);
    for (let boot = 1; boot <= 20; boot++) {
      const rest = seededBytes(boot, 5_000);
      pair.board.send(rest);
      pour(pair.live(), rest);
      collect(pair.live());
      await pair.clock.run(7 * boot);
      const again = pair.session();
      // The same low byte: the tag of the session before.
      pair.board.boot(0x1000 + 256 * boot);
      await again;
      await expectBothWays(pair, 1_000, boot);
    }
    expect(pair.errors).toHaveLength(20);
  });

  it("begins anew with a gateway that has forgotten everything", async () => {
    const pair = cPair();
    await pair.connect();
    pair.board.send(seededBytes(1, 3_000));
    await pair.clock.run(20);
    const startedMs = pair.clock.elapsedMs;
    const again = pair.session();
    pair.replaceGateway();
    await again;
    expect(pair.clock.elapsedMs - startedMs).toBeLessThan(1_000);
    await expectBothWays(pair, 1_000);
  });

  it("refuses frames of another session and those that cannot be", async () => {
    const pair = cPair();
    await pair.connect(0x1042);
    const before = pair.board.counters();
    const stale: Partial<Frame>[] = [
      { session: 0x41 },
      { session: 0x43, type: "reset" },
      { session: 0x42, acknowledged: 9 },
      { session: 0x42, sequence: 8 },
      { session: 0x42, sequence: 0xff },
      { session: 0x42, type: "syn" },
      { session: 0x42, type: "synack", payload: Buffer.from([1, 0x41, 0x10, 0, 0, 64]) },
      { session: 0x42, type: "synack", payload: Buffer.from([2, 0x42, 0x10, 0, 0, 64]) },
      { session: 0x42, type: "synack", payload: Buffer.from([1, 0x42, 0x10]) },
    ];
    for (const changes of stale) pair.boardEnd.inject(frame(changes));
    expect(pair.board.counters().refusedFrames - before.refusedFrames).toBe(stale.length);
    expect([pair.board.received, pair.board.isUp]).toEqual([0, true]);
    await expectBothWays(pair, 1_000);
  });

  it.each([1, 5, 64, 240])("sends payloads no longer than a gateway that takes %d bytes", (mtu) => {
    const clock = new VirtualClock();
    const written: Frame[] = [];
    let hear = (_bytes: Uint8Array) => {};
    const port = {
      write(bytes: Uint8Array) {
        const found = bytes.length > 1 ? decodeFrame(bytes.subarray(0, -1)) : undefined;
        if (found) written.push(found);
      },
      onBytes(listener: typeof hear) {
        hear = listener;
      },
    };
    const board = new CBoard(clock, port);
    board.boot(0x1042);
    hear(frame({ session: 0x42, type: "synack", payload: Buffer.from([1, 0x42, 0x10, 0, 0, mtu]) }));
    board.send(Buffer.alloc(1_000, 1));
    const lengths = written.filter(({ type }) => type === "data").map(({ payload }) => payload.length);
    expect(lengths).toEqual(Array.from({ length: 8 }, () => Math.min(mtu, 64)));
  });

  it("answers its own restart with a new session, after pauses that grow", async () => {
    const pair = cPair();
    await pair.connect();
    const waits: number[] = [];
    for (let turn = 0; turn < 8; turn++) {
      const startedMs = pair.clock.elapsedMs;
      const again = pair.session();
      pair.board.restart();
      await again;
      waits.push(pair.clock.elapsedMs - startedMs);
    }
    expect(waits[0]).toBeLessThan(250);
    expect(waits.slice(1, 5).every((wait, index) => wait > 1.5 * (waits[index] ?? 0))).toBe(true);
    expect(waits.every((wait) => wait < 3_400)).toBe(true);
    expect(pair.errors.at(-1)).toEqual(lost("reset"));
    await pair.clock.run(3_100);
    const startedMs = pair.clock.elapsedMs;
    const again = pair.session();
    pair.board.restart();
    await again;
    expect(pair.clock.elapsedMs - startedMs).toBeLessThan(50);
    await expectBothWays(pair, 1_000);
  });

  it("takes the end of the gateway's stream for the end of the session", async () => {
    const pair = cPair();
    await pair.connect();
    collect(pair.live());
    const again = pair.session();
    pair.live().end("last words");
    const first = pair.live();
    let heard = "";
    await pair.clock.runUntil(() => {
      heard = pair.board.isUp ? heard : pair.board.sha256();
      return heard !== "";
    });
    expect(heard).toBe(sha256(Buffer.from("last words")));
    await again;
    expect([first.destroyed, first.writableFinished]).toEqual([true, true]);
    await expectBothWays(pair, 1_000);
  });

  it("finds the session behind boot logs and noise", async () => {
    const pair = cPair();
    pair.gatewayEnd.inject(Buffer.from("rst:0x1 (POWERON_RESET),boot:0x13\r\n"));
    pair.boardEnd.inject(seededBytes(5, 5_000));
    await pair.connect();
    pair.boardEnd.inject(Buffer.from("login: \0\0"));
    await expectBothWays(pair, 2_000);
    const { badFrames, discardedBytes } = pair.board.counters();
    expect(badFrames).toBeGreaterThan(0);
    expect(discardedBytes).toBeGreaterThan("login: ".length - 1);
  });
});
