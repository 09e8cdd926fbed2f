import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isFault } from "../../../src/base/fault.ts";
import { replay } from "../../../src/exchange/replay.ts";
import { openTasks, taskOf } from "../../../src/market/market.ts";
import { walletFile } from "../../../src/operator/wallet-folder.ts";
import { ARM, BOARD, FUEL, hash32, MARKET, ROBOT } from "../../exchange/stage.ts";
import { Bench, LATER, OUTPUT } from "./test-bench.ts";

async function faultOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (fault) {
    if (isFault(fault)) return `${fault.code}: ${fault.message}`;
    throw fault;
  }
  throw new Error("it went well");
}

/** A bench whose board was paid for an answer, and whose wallet for tests has money. */
async function ready(units = 100_000n): Promise<Bench> {
  const bench = await Bench.open();
  await bench.answered();
  await faultOf(bench.tests.send(BOARD.address));
  await bench.fund(units);
  bench.counter.clock.set(LATER);
  bench.counter.heard();
  return bench;
}

describe("a test task", () => {
  it("offers the board alone what it has answered before, with the fuel that it burnt then", async () => {
    const bench = await ready();
    const { counter, tests } = bench;
    expect(tests.readiness(BOARD.address)).toEqual({ ready: true, why: "" });
    const id = await tests.send(BOARD.address);
    const task = taskOf(counter.state.market, id);
    expect(task).toMatchObject({ requester: bench.operator, state: "offered", fuelLimit: FUEL / 4 });
    // a quarter of 500, and as much again for a device that asks more by now
    expect([task.maxPrice, task.checkBudget, task.payment]).toEqual([250n, 0n, "prepaid"]);
    await counter.tell({ topic: "blobsHere", task: id });
    const told = counter.heard().flatMap(({ to, topic }) => (topic === "announce" ? [to] : []));
    expect(told).toEqual([BOARD.address]);
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  });

  it("is paid where the gateway's own run comes to the same, and rejected where it does not", async () => {
    const bench = await ready();
    const { market, payment } = bench.counter.state;
    const before = payment.outgoing.get(BOARD.address)?.signed ?? 0n;
    const good = await bench.tests.send(BOARD.address);
    await bench.run(good, OUTPUT, OUTPUT);
    expect(taskOf(market, good)).toMatchObject({ state: "paid", rechecked: true });
    expect((payment.outgoing.get(BOARD.address)?.signed ?? 0n) - before).toBe(123n);
    const bad = await bench.tests.send(BOARD.address);
    await bench.run(bad, hash32(0x66), OUTPUT);
    expect(taskOf(market, bad).state).toBe("rejected");
    expect(bench.faults).toEqual([]);
  });

  it("that is right now and was not right before is told", async () => {
    const bench = await ready();
    const task = await bench.tests.send(BOARD.address);
    await bench.run(task, hash32(0x66), hash32(0x66));
    expect(bench.faults.map((fault) => isFault(fault, "firmware_failed"))).toEqual([true]);
    expect(String(bench.faults[0])).toContain("board gave another output");
  });

  it("is not sent while the machine is in the way of new work, and says why", async () => {
    const bench = await ready();
    for (const by of ["disk_full", "clock_jumped", "clock_unsynchronized"] as const) {
      bench.hinder(by);
      const { ready: isReady, why } = bench.tests.readiness(BOARD.address);
      expect([isReady, why.slice(0, 5)]).toEqual([false, "wait:"]);
      expect(await faultOf(bench.tests.send(BOARD.address))).toMatch(/^usage: .*(disk|clock)/);
    }
    bench.hinder(null);
    expect(bench.tests.readiness(BOARD.address).ready).toBe(true);
  });

  it("draws on what is left of the one before, and ends at its cap and at its money", async () => {
    const bench = await ready(400n);
    const { counter, tests } = bench;
    for (let round = 0; round < 2; round++) {
      const task = await tests.send(BOARD.address);
      await bench.run(task, OUTPUT, OUTPUT);
    }
    // 250 for the first, 125 of which came back and were spent again
    expect(counter.state.payment.incoming.get(bench.operator)?.signed).toBe(375n);
    expect(await faultOf(tests.send(BOARD.address))).toMatch(
      /^funds_short: .*hirewire fund operator 0.10 --from/,
    );
    await bench.fund(100_000n);
    const file = walletFile(bench.data, bench.operator);
    writeFileSync(file, readFileSync(file, "utf8").replace('"cap": "1.00"', '"cap": "0.000376"'));
    const short = await faultOf(tests.send(BOARD.address));
    expect(short).toMatch(/^funds_short: .*0.000376.*hirewire device cap operator/);
    expect(tests.readiness(BOARD.address)).toMatchObject({
      ready: false,
      why: short.slice("funds_short: ".length),
    });
  });

  it("is one at a time for each device, however often it is asked for", async () => {
    const bench = await ready();
    const { tests, counter } = bench;
    const all = await Promise.allSettled([1, 2, 3].map(() => tests.send(BOARD.address)));
    expect(all.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect([...openTasks(counter.state.market)]).toHaveLength(1);
    expect(tests.readiness(BOARD.address).why).toMatch(/under way/);
  });
});

describe("no test task is sent", () => {
  const whyNot = async (bench: Bench, device = BOARD.address) => {
    const { why, ready: isReady } = bench.tests.readiness(device);
    expect(isReady).toBe(false);
    expect(await faultOf(bench.tests.send(device))).toContain(why);
    return why;
  };

  it("without money: the first one makes the wallet, and says how it gets some", async () => {
    const bench = await Bench.open();
    await bench.answered();
    expect(bench.tests.readiness(BOARD.address)).toMatchObject({
      ready: true,
      why: expect.stringMatching(/first/),
    });
    const told = await faultOf(bench.tests.send(BOARD.address));
    expect(told).toContain("hirewire fund operator 0.10 --from KEYFILE");
    expect(bench.wallet(bench.operator)?.cap).toBe(1_000_000n);
    const { device } = { device: bench.operator };
    expect(await faultOf(bench.tests.send(BOARD.address))).toBe(told);
    expect(bench.operator).toBe(device);
    expect(await whyNot(bench)).toContain("0.000000 left");
  });

  it("to one that was paid for nothing, or for what is not kept any more", async () => {
    const bench = await ready();
    expect(await whyNot(bench, ARM.address)).toMatch(/no answer yet/);
    bench.kept.clear();
    expect(await whyNot(bench)).toMatch(/not kept any more/);
  });

  it("to one that is away, kept out, or no device", async () => {
    const bench = await ready();
    bench.connected.clear();
    expect(await whyNot(bench)).toMatch(/not connected/);
    await bench.counter.observe([{ kind: "deviceDisabled", device: BOARD.address }]);
    expect(await whyNot(bench)).toContain("hirewire devices enable board");
    expect(await whyNot(bench, bench.operator)).toMatch(/no device/);
    expect(await whyNot(bench, hash32(9).slice(0, 42) as never)).toMatch(/no device/);
  });

  it("while nothing is paid or taken", async () => {
    const bench = await ready();
    await bench.counter.tell({ topic: "halt", reason: "inventory" });
    expect(await whyNot(bench)).toContain("inventory; hirewire resume");
    await bench.counter.tell({ topic: "stopPaying", reason: "a key is lost" });
    expect(await whyNot(bench)).toContain("a key is lost; hirewire resume-paying");
  });

  it("where the gateway's own rules refuse it", async () => {
    const bench = await ready();
    const lane = bench.counter.state.payment.incoming.get(bench.operator);
    if (!lane) throw new Error("no lane");
    bench.counter.state.payment.incoming.set(bench.operator, { ...lane, window: 0 });
    expect(await faultOf(bench.tests.send(BOARD.address))).toMatch(/^refused: .*window_short/);
    expect([...openTasks(bench.counter.state.market)]).toEqual([]);
  });

  it("where its wallet is gone, or a device has its name", async () => {
    const bench = await ready();
    rmSync(walletFile(bench.data, bench.operator));
    expect(await faultOf(bench.tests.send(BOARD.address))).toMatch(/^usage: .*is gone/);
    const other = await Bench.open();
    other.enrol(ROBOT, "Operator");
    await other.refresh();
    await other.answered();
    expect(await faultOf(other.tests.send(BOARD.address))).toMatch(/^usage: the name is taken/);
  });
});
