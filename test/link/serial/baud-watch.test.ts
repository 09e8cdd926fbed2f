import { describe, expect, it } from "vitest";
import type { Fault } from "../../../src/base/fault.ts";
import { BaudWatch } from "../../../src/link/serial/baud-watch.ts";
import { SerialLink } from "../../../src/link/serial/reliable.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import { connectPacket } from "../broker/raw-client.ts";
import { seededBytes } from "./noisy-line.ts";
import { sampleAt, uartPort } from "./uart.ts";
import { VirtualClock } from "./virtual-clock.ts";

const BOOT_LOG = Buffer.from("ets Jun  8 2016 00:22:57\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST)\r\n");

/** A gateway with a watch on its port, and a board on the other end; nothing is started. */
function stand(rates: { board: number; gateway: number }, canSet = true) {
  const clock = new VirtualClock();
  const board = { baud: rates.board };
  const line = uartPort(clock, board, { baud: rates.gateway });
  const port = canSet ? line.port : { ...line.port, setBaud: null };
  const faults: Fault[] = [];
  const statistics = emptyStatistics();
  let sessions = 0;
  const watch = new BaudWatch({
    ...{ port, path: "/dev/ttyUSB0", baud: rates.gateway, clock, statistics },
    hasSession: () => sessions > 0,
    onFound: (fault) => faults.push(fault),
  });
  const common = { clock, baud: rates.gateway, onSession: () => void sessions++ };
  const gateway = new SerialLink({ ...common, port: watch, role: "gateway", statistics });
  gateway.start();
  const startBoard = (id = 0x1234_5678) => {
    const nextSessionId = () => id++;
    const board = { port: line.boardPort, role: "board", onSession: () => {}, nextSessionId } as const;
    const link = new SerialLink({ ...common, ...board });
    link.start();
    return link;
  };
  return { clock, line, board, faults, statistics, watch, gateway, startBoard, sessions: () => sessions };
}

const RATES = [9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];
const PAIRS = RATES.flatMap((board) => RATES.map((gateway) => ({ board, gateway })));

describe("a board at another rate", () => {
  it.each(PAIRS.filter(({ board, gateway }) => board !== gateway))(
    "is found at $board by a gateway at $gateway",
    async (rates) => {
      for (const id of [0x1234_5678, 0x0000_0001, 0xffff_ffff, 0x8000_0000, 0x5555_5555]) {
        const { clock, line, faults, startBoard } = stand(rates);
        startBoard(id);
        await clock.runUntil(() => faults.at(-1)?.facts["found"] !== undefined, 60_000);
        await clock.run(10);
        expect(faults.at(-1)).toMatchObject({
          code: "wrong_baud",
          message: `the board on /dev/ttyUSB0 speaks ${rates.board} baud, not ${rates.gateway}: set baud = ${rates.board}`,
          facts: { path: "/dev/ttyUSB0", baud: rates.gateway, found: rates.board },
        });
        expect(line.rates.at(-1)).toBe(rates.gateway);
      }
    },
  );

  it("is told once, and gets its session when it speaks the right rate", async () => {
    const { clock, board, faults, startBoard, sessions } = stand({ board: 57_600, gateway: 115_200 });
    const wrong = startBoard();
    await clock.run(200_000);
    expect(faults.map(({ facts }) => facts["found"])).toEqual([undefined, 57_600]);
    wrong.close();
    board.baud = 115_200;
    startBoard();
    await clock.runUntil(() => sessions() > 0, 10_000);
  });

  it.each([115_200, 9_600])(
    "never keeps a board at %i baud waiting that starts during the search",
    async (gateway) => {
      for (let startsAt = 0; startsAt < 20_000; startsAt += 331) {
        const { clock, line, startBoard, sessions } = stand({ board: gateway, gateway });
        // Of a board that is brown, or boots at a rate of its own; or nothing at all.
        for (let at = 0; at < 12_000 && gateway === 115_200; at += 100) {
          clock.after(at, () => line.boardPort.write(seededBytes(at, 20)));
        }
        await clock.run(3_000 + startsAt);
        startBoard();
        const from = clock.elapsedMs;
        await clock.runUntil(() => sessions() > 0, 20_000);
        expect(clock.elapsedMs - from).toBeLessThan(1_500);
      }
    },
  );

  it("is named with the rate that is set when no usual one fits", async () => {
    const { clock, line, faults, statistics, startBoard } = stand({ board: 31_250, gateway: 115_200 });
    startBoard();
    await clock.runUntil(() => faults.length > 0, 5_000);
    expect(faults[0]?.message).toMatch(/at 115200 baud is no frame: is that the board's rate\?$/);
    await clock.runUntil(() => faults.length > 1, 30_000);
    expect(faults[1]?.code).toBe("wrong_baud");
    expect(faults[1]?.message).toMatch(/no frame at 115200 baud, nor at another usual rate/);
    expect(line.rates).toContain(9_600);
    expect(line.rates).toContain(921_600);
    expect(statistics.discarded.probing).toBeGreaterThan(0);
    expect(statistics.discarded.beforeSync).toBeGreaterThan(0);
  });

  it("is the server's to know on tcp://", async () => {
    const { clock, line, faults, startBoard } = stand({ board: 9_600, gateway: 115_200 }, false);
    startBoard();
    await clock.runUntil(() => faults.length > 0, 20_000);
    expect(faults[0]?.code).toBe("wrong_baud");
    expect(faults[0]?.message).toMatch(/the rate that the server gives its port/);
    expect(line.rates).toEqual([]);
  });
});

describe("what is no other rate", () => {
  it.each(PAIRS)("text at $board heard at $gateway is called text only when it is", async (rates) => {
    const { clock, line, faults } = stand(rates);
    for (let count = 0; count < 12; count++) {
      line.boardPort.write(BOOT_LOG);
      await clock.run(500);
    }
    await clock.run(20_000);
    line.boardPort.write(BOOT_LOG);
    const isText = rates.board === rates.gateway;
    expect(faults[0]?.code).toBe(isText ? "link_lost" : "wrong_baud");
    if (!isText) return;
    expect(faults.length).toBe(1);
    expect(faults[0]?.message).toMatch(
      /^only text comes from \/dev\/ttyUSB0 at \d+ baud: is hirewire's firmware/,
    );
    expect(line.rates).toEqual([]);
  });

  it("plain MQTT is called so", async () => {
    const { clock, line, faults } = stand({ board: 115_200, gateway: 115_200 });
    for (let count = 0; count < 5; count++) {
      line.boardPort.write(connectPacket({ clientId: "board", username: "u", password: "p" }));
      await clock.run(1_000);
    }
    expect(faults).toMatchObject([{ code: "link_lost", facts: { reason: "raw" } }]);
    expect(line.rates).toEqual([]);
  });

  it("a boot log before the first session is borne", async () => {
    const { clock, line, faults, startBoard, sessions } = stand({ board: 115_200, gateway: 115_200 });
    for (let count = 0; count < 5; count++) {
      line.boardPort.write(BOOT_LOG);
      await clock.run(500);
    }
    startBoard();
    await clock.runUntil(() => sessions() > 0, 1_000);
    await clock.run(60_000);
    expect(faults).toEqual([]);
    expect(line.rates).toEqual([]);
  });

  it("ten seconds of noise on a line that had a session change no rate", async () => {
    const { clock, line, faults, startBoard, sessions, statistics, watch } = stand({
      ...{ board: 115_200, gateway: 115_200 },
    });
    const board = startBoard();
    await clock.runUntil(() => sessions() > 0, 1_000);
    board.close();
    for (let count = 0; count < 100; count++) {
      line.boardPort.write(seededBytes(count, 50));
      await clock.run(100);
    }
    expect(line.rates).toEqual([]);
    expect(faults).toEqual([]);
    expect(statistics.discarded.badStuffing + statistics.discarded.badCheck).toBeGreaterThan(3_000);
    watch.close();
  });

  it("a silent line, and one with a byte now and then, say nothing", async () => {
    const { clock, line, faults } = stand({ board: 115_200, gateway: 115_200 });
    for (let count = 0; count < 20; count++) {
      line.boardPort.write(Buffer.of(0xf0));
      await clock.run(11_000);
    }
    expect(faults).toEqual([]);
    expect(line.rates).toEqual([]);
  });

  it("a slow line that is silent is looked at for a fast board, and nothing is said", async () => {
    const { clock, line, faults, startBoard, sessions } = stand({ board: 9_600, gateway: 9_600 });
    await clock.run(120_000);
    expect(line.rates).toContain(921_600);
    expect(line.rates).not.toContain(57_600);
    expect(line.rates.at(-1)).toBe(9_600);
    expect(faults).toEqual([]);
    startBoard();
    await clock.runUntil(() => sessions() > 0, 10_000);
    const before = line.rates.length;
    await clock.run(200_000);
    expect(line.rates.length).toBe(before);
  });

  it.each([1, 2])(
    "a line that is closed during the search is left alone, at change of rate %i",
    async (changes) => {
      const { clock, line, faults, startBoard, watch, gateway } = stand({ board: 31_250, gateway: 115_200 });
      startBoard();
      await clock.runUntil(() => line.rates.length === changes, 30_000);
      watch.close();
      gateway.close();
      await clock.run(20_000);
      expect(line.rates.length).toBe(changes);
      expect(faults.length).toBe(1);
    },
  );
});

describe("the simulated UART", () => {
  it("hears each byte at its own rate, and others at another", () => {
    const bytes = seededBytes(1, 100);
    expect(sampleAt(bytes, 9_600, 9_600)).toEqual(bytes);
    expect([...sampleAt(bytes, 9_600, 9_601)]).toEqual([...bytes]);
    expect([...sampleAt(bytes, 9_600, 9_900)]).toEqual([...bytes]);
    expect([...sampleAt(bytes, 9_600, 19_200)]).not.toEqual([...bytes]);
    // A zero at half the receiver's rate: start bit and eight zeros are twice as long, the stop bit comes later.
    expect([...sampleAt(Buffer.of(0), 9_600, 19_200)]).toEqual([0]);
    expect([...sampleAt(Buffer.of(0x55), 9_600, 19_200)]).toEqual([0x66, 0xe6]);
  });
});
