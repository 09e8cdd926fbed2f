import { describe, expect, it } from "vitest";
import { Fault } from "../../../src/base/fault.ts";
import { encodeFrame, type Frame } from "../../../src/link/serial/frame.ts";
import { FrameReader } from "../../../src/link/serial/frame-reader.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import { collect, lost, pair, pour, restart } from "./link-pair.ts";
import { seededBytes } from "./noisy-line.ts";

describe("serial link, sessions", () => {
  it("agrees on the smaller mtu and respects the other side's window", async () => {
    const { clock, board, gateway, connect } = pair({ board: { mtu: 40, window: 2 } });
    await connect();
    await clock.run(600);
    const frames: Frame[] = [];
    const reader = new FrameReader(240, emptyStatistics());
    board.port.tap = (bytes) => {
      for (const frame of reader.push(bytes)) if (frame?.type === "data") frames.push(frame);
      return new Uint8Array(0);
    };
    gateway.live().write(Buffer.alloc(500, 7));
    await clock.run(20);
    expect(frames.map((frame) => [frame.sequence, frame.payload.length])).toEqual([
      [0, 40],
      [1, 40],
    ]);
  });

  it("holds writes back while the other side does not read, and then delivers everything once", async () => {
    const { clock, board, gateway, connect } = pair({ board: { mtu: 64 } });
    await connect();
    const bytes = seededBytes(3, 100_000);
    pour(board.live(), bytes);
    await clock.run(5_000);
    const sentWhileStuck = board.link.statistics.framesSent;
    expect(gateway.live().readableLength).toBeLessThanOrEqual(16_384 + 16 * 64);
    expect(board.live().writableLength).toBeGreaterThan(4_096);
    await clock.run(2_000);
    expect(board.link.statistics.framesSent - sentWhileStuck).toBeLessThanOrEqual(4);
    expect(board.link.statistics.framesResent).toBe(0);

    const got = collect(gateway.live());
    await clock.runUntil(() => got.length() >= bytes.length);
    expect(got.bytes().equals(bytes)).toBe(true);
  });

  it("calls a write back only when at most one window awaits its first transmission", async () => {
    const { clock, board, gateway, connect } = pair({ board: { mtu: 64 } });
    await connect();
    gateway.port.tap = () => new Uint8Array(0);
    let calledBack = 0;
    for (let i = 0; i < 8; i++) board.live().write(Buffer.alloc(512), () => calledBack++);
    await clock.run(100);
    // 16 frames of 64 bytes are out, and another 1024 bytes may wait.
    expect(calledBack).toBeLessThan(8);
    expect(board.live().writableLength).toBeGreaterThan(0);
    gateway.port.tap = (bytes) => bytes;
    collect(gateway.live());
    await clock.runUntil(() => calledBack === 8, 2_000);
  });

  it("sends what was written even if the writer's buffer is used again after the callback", async () => {
    const { clock, board, gateway, connect } = pair();
    await connect();
    const got = collect(gateway.live());
    const bytes = Buffer.alloc(2_000, 1);
    board.live().write(bytes, () => bytes.fill(2));
    await clock.runUntil(() => got.length() >= bytes.length);
    expect(got.bytes().equals(Buffer.alloc(2_000, 1))).toBe(true);
  });

  it("gives a fresh stream when the board restarts, and the old one ends with link_lost", async () => {
    const { clock, board, gateway, connect } = pair();
    await connect();
    pour(board.live(), seededBytes(1, 50_000));
    collect(gateway.live());
    await clock.run(30);
    const old = gateway.live();
    restart(board);
    await clock.runUntil(() => gateway.streams.length === 2 && board.streams.length === 2 && old.closed);
    expect(gateway.errors).toEqual([lost("restarted")]);
    const got = collect(gateway.live());
    board.live().write("hello again");
    await clock.runUntil(() => got.length() > 0);
    expect(got.bytes().toString()).toBe("hello again");
  });

  it("takes a repeated session id for a restart once the board has spoken", async () => {
    const { clock, board, gateway, connect } = pair({ board: { nextSessionId: () => 77 } });
    await connect();
    board.live().write("x");
    await clock.run(10);
    restart(board);
    await clock.runUntil(() => gateway.streams.length === 2, 100);
    expect(gateway.streams[0]?.destroyed).toBe(true);
  });

  it("keeps one session when the handshake is repeated", async () => {
    const { clock, board, gateway } = pair();
    board.port.tap = () => new Uint8Array(0);
    gateway.link.start();
    board.link.start();
    await clock.run(450);
    expect([board.streams.length, gateway.streams.length]).toEqual([0, 1]);
    board.port.tap = (bytes) => bytes;
    await clock.runUntil(() => board.streams.length === 1, 600);
    expect(gateway.streams.length).toBe(1);
  });

  it("refuses frames of the session before, whatever their order", async () => {
    const { clock, board, gateway, connect } = pair();
    const recorded: Uint8Array[] = [];
    gateway.port.tap = (bytes) => {
      recorded.push(bytes.slice());
      return bytes;
    };
    await connect();
    recorded.length = 0;
    collect(gateway.live());
    board.live().write(Buffer.alloc(300, 0xee));
    await clock.run(50);
    gateway.port.tap = (bytes) => bytes;
    restart(board);
    await clock.runUntil(() => gateway.streams.length === 2 && board.streams.length === 2);
    const got = collect(gateway.live());
    const refusedBefore = gateway.link.statistics.refusedFrames;
    for (const bytes of recorded) gateway.port.inject(bytes);
    board.live().write("fresh");
    await clock.runUntil(() => got.length() >= 5);
    expect(got.bytes().toString()).toBe("fresh");
    expect(gateway.link.statistics.refusedFrames - refusedBefore).toBeGreaterThanOrEqual(5);
    expect([board.streams.length, gateway.streams.length]).toEqual([2, 2]);
  });

  it("has the board begin anew when the gateway has restarted", async () => {
    const { clock, board, gateway, connect } = pair();
    await connect();
    await clock.run(4_000);
    restart(gateway);
    await clock.runUntil(() => board.streams.length === 2 && gateway.streams.length === 2, 1_000);
    expect(board.errors).toEqual([lost("reset")]);
  });

  it("ends in order: everything written is delivered before the end, on both sides", async () => {
    const { clock, board, gateway, connect } = pair({ noise: { bitErrorRate: 5e-4 } });
    await connect();
    const bytes = seededBytes(4, 10_000);
    const got = collect(gateway.live());
    const [atBoard, atGateway] = [board.live(), gateway.live()];
    atBoard.resume();
    atBoard.end(bytes);
    await clock.runUntil(() => atGateway.closed && atBoard.closed);
    expect(got.bytes().equals(bytes)).toBe(true);
    expect([board.errors, gateway.errors]).toEqual([[], []]);
  });

  it("tells the other side when a stream is destroyed, and the board begins anew, ever less hastily", async () => {
    const { clock, gateway, connect } = pair();
    const seen: number[] = [];
    gateway.options.onSession = (stream) => {
      gateway.streams.push(stream);
      seen.push(clock.elapsedMs);
      stream.destroy();
    };
    await connect();
    await clock.runUntil(() => gateway.streams.length === 5);
    const pauses = seen.slice(1).map((at, i) => Math.round((at - (seen[i] ?? 0)) / 100));
    expect(pauses).toEqual([1, 2, 4, 8]);
  });

  it("answers a board that reboots at once, however often, and one that is dropped ever later", async () => {
    const { clock, board, gateway, connect } = pair();
    await connect();
    for (let boot = 2; boot < 30; boot++) {
      restart(board);
      await clock.runUntil(() => gateway.streams.length === boot && board.streams.length === boot, 20);
    }
    gateway.live().destroy();
    restart(board);
    const from = clock.elapsedMs;
    await clock.runUntil(() => gateway.streams.length === 30);
    expect(clock.elapsedMs - from).toBeGreaterThan(90);
  });

  it("has a board that ends its own sessions wait ever longer", async () => {
    const { clock, board, connect } = pair();
    const seen: number[] = [];
    board.options.onSession = (stream) => {
      board.streams.push(stream);
      seen.push(clock.elapsedMs);
      stream.destroy();
    };
    await connect();
    await clock.runUntil(() => board.streams.length === 5);
    const pauses = seen.slice(1).map((at, i) => Math.round((at - (seen[i] ?? 0)) / 100));
    expect(pauses).toEqual([1, 2, 4, 8]);
  });

  it("begins anew at once when its gateway's port comes back and the board has not noticed, 100 times", async () => {
    const { clock, board, gateway, connect } = pair();
    await connect();
    for (let pull = 2; pull <= 100; pull++) {
      await clock.run(150);
      gateway.options.resetTag = gateway.link.tag ?? 0;
      restart(gateway);
      await clock.runUntil(() => board.streams.length === pull && gateway.streams.length === pull, 20);
    }
    expect(board.errors).toEqual(Array.from({ length: 99 }, () => lost("reset")));
  });

  it("takes no reset for a session that it has no more", async () => {
    const { clock, board, gateway, connect } = pair();
    await connect();
    gateway.options.resetTag = ((gateway.link.tag ?? 0) + 1) & 0xff;
    restart(gateway);
    await clock.run(20);
    expect(board.streams.length).toBe(1);
    expect(board.errors).toEqual([]);
    // its next heartbeat tells that nobody is there
    await clock.runUntil(() => board.streams.length === 2 && gateway.streams.length === 2, 600);
  });

  it("notices a dead line within 3.5 s on both sides, and comes back when it heals", async () => {
    const { clock, board, gateway, connect, noise } = pair();
    await connect();
    await clock.run(10_000);
    expect([board.streams.length, gateway.streams.length]).toEqual([1, 1]);
    noise.dropRate = 1;
    const cutAt = clock.elapsedMs;
    await clock.runUntil(() => board.live().closed && gateway.live().closed);
    expect(clock.elapsedMs - cutAt).toBeGreaterThan(2_000);
    expect(clock.elapsedMs - cutAt).toBeLessThanOrEqual(3_500);
    expect([board.errors, gateway.errors]).toEqual([[lost("silent")], [lost("silent")]]);
    noise.dropRate = 0;
    await clock.runUntil(() => board.streams.length === 2 && gateway.streams.length === 2, 600);
  });

  it("stays up through an hour of silence with bit errors of 1e-3", async () => {
    const { clock, board, gateway, connect, noise } = pair();
    await connect();
    noise.bitErrorRate = 1e-3;
    await clock.run(3_600_000);
    expect([board.streams.length, gateway.streams.length]).toEqual([1, 1]);
  });

  it("delivers and stays up when the machine's clock is set back and forth", async () => {
    const { clock, board, gateway, connect } = pair({ noise: { bitErrorRate: 1e-4 } });
    await connect();
    const bytes = seededBytes(6, 60_000);
    const got = collect(gateway.live());
    pour(board.live(), bytes);
    for (const jump of [-3_600_000, 7_200_000, -86_400_000]) {
      await clock.run(100);
      clock.offsetMs += jump;
    }
    await clock.runUntil(() => got.length() >= bytes.length, 2_000);
    expect(got.bytes().equals(bytes)).toBe(true);
    expect(gateway.streams.length).toBe(1);
  });

  it("connects through boot logs, and through log text between frames", async () => {
    const { clock, board, gateway, connect } = pair();
    board.port.write(Buffer.from("rst:0x1 (POWERON_RESET)\r\nconfigsip: 0\r\n"));
    await connect();
    const bytes = seededBytes(8, 20_000);
    const got = collect(gateway.live());
    pour(board.live(), bytes);
    for (let i = 0; i < 20; i++) {
      board.port.write(Buffer.from(`[${i}] temperature 21.5\r\n\0`));
      await clock.run(7);
    }
    await clock.runUntil(() => got.length() >= bytes.length);
    expect(got.bytes().equals(bytes)).toBe(true);
    expect(gateway.link.statistics.badFrames).toBeGreaterThan(0);
  });

  it("makes no session between two boards", async () => {
    const { clock, board, gateway } = pair({ gateway: { role: "board" } });
    gateway.link.start();
    board.link.start();
    await clock.run(2_000);
    expect([board.streams.length, gateway.streams.length]).toEqual([0, 0]);
    expect(gateway.link.statistics.refusedFrames).toBeGreaterThan(0);
  });

  it.each([
    ["another protocol version", "020100000040", 16],
    ["an mtu of 0", "010100000000", 16],
    ["a window of 0", "010100000040", 0],
  ])("refuses a syn with %s", async (_name, hello, credit) => {
    const { clock, gateway } = pair();
    gateway.link.start();
    const numbers = { session: 1, sequence: 0, acknowledged: 0, selective: 0, credit };
    gateway.port.inject(encodeFrame({ type: "syn", ...numbers, payload: Buffer.from(hello, "hex") }));
    await clock.run(10);
    expect(gateway.streams.length).toBe(0);
    expect(gateway.link.statistics).toMatchObject({ refusedFrames: 1, framesSent: 0 });
  });

  it.each([{ mtu: 0 }, { mtu: 241 }, { window: 0 }, { window: 17 }])("cannot be made with %o", (limit) => {
    expect(() => pair({ board: limit })).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("refuses an acknowledgement of what was never sent", async () => {
    const { clock, board, gateway, connect } = pair();
    await connect();
    const numbers = { session: 0x01, sequence: 0, acknowledged: 9, selective: 0, credit: 16 };
    gateway.port.inject(encodeFrame({ type: "ack", ...numbers, payload: new Uint8Array(0) }));
    expect(gateway.link.statistics.refusedFrames).toBe(1);
    const got = collect(board.live());
    gateway.live().write("still fine");
    await clock.runUntil(() => got.length() === 10, 1_000);
  });

  it("says and hears nothing after close, and its stream ends with the given fault", async () => {
    const { clock, board, gateway, connect } = pair();
    await connect();
    gateway.link.close(new Fault("link_lost", "unplugged", { facts: { reason: "port" } }));
    await clock.run(10);
    expect(gateway.errors).toEqual([lost("port")]);
    const sent = gateway.link.statistics.framesSent;
    await clock.run(5_000);
    expect(gateway.link.statistics.framesSent).toBe(sent);
    expect(board.errors).toEqual([lost("reset")]);
    expect(gateway.streams.length).toBe(1);
  });
});
