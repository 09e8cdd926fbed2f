import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import { connect } from "../../../devices/robot/robot.ts";
import { Fault } from "../../../src/base/fault.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import type { RunResult } from "../../../src/firmware/executor.ts";
import { CountingClock } from "./counting-clock.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { FakeLanes } from "./fake-lanes.ts";
import { firmware, input, RequesterStand } from "./requester-stand.ts";
import { RUN_TERMS, RUNS, trusting, UNIT_RATE } from "./run-terms.ts";

const order = { firmware, input, fuelLimit: 1_000, maxPrice: amount(1_000n) };
const LOST = { status: "rejected", reason: { code: "link_lost" } };

describe("a robot that is closed", () => {
  let folder: string;
  let clock: CountingClock;
  let lanes: FakeLanes;
  let read: PromiseWithResolvers<void>;
  let stand: RequesterStand;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "close-"));
    clock = new CountingClock();
    lanes = new FakeLanes();
    read = Promise.withResolvers();
    stand = await RequesterStand.start(options());
  });
  afterEach(async () => {
    read.resolve();
    await stand.stop();
    rmSync(folder, { recursive: true });
  });
  const options = () => ({ clock, lanes, walletPath: join(folder, "wallet.json") });
  const wallet = () =>
    existsSync(join(folder, "wallet.json")) ? readFileSync(join(folder, "wallet.json"), "utf8") : "";
  const turns = async () => {
    for (let turn = 0; turn < 30; turn++) await nextTurn();
  };

  it("lets nobody wait for a reader that never answers, and signs nothing when it does after all", async () => {
    lanes.gate = read.promise;
    const { robot } = stand;
    const hired = Promise.allSettled([robot.hire(order), robot.hire(order)]);
    await expect.poll(() => lanes.reads).toBe(1);
    const paid = Promise.allSettled([robot.payout()]);
    await stand.robot.close();
    expect([...(await hired), ...(await paid)]).toMatchObject([LOST, LOST, LOST]);
    const before = wallet();
    read.resolve();
    await turns();
    expect(wallet()).toBe(before);
    expect(stand.robot.wallet.signed).toBe(ZERO);
    expect(clock.pending).toBe(0);
  });

  it("pays no debt any more, nor tries to again", async () => {
    stand.gateway.on("offer", (offer) => stand.ack(offer));
    const hired = stand.robot.hire({ ...order, payment: "result" });
    hired.catch(() => {});
    const offer = await stand.gateway.nth("offer", 1);
    lanes.gate = read.promise;
    stand.gateway.say(stand.file, "invoice", await stand.invoice(offer, amount(500n)));
    await expect.poll(() => lanes.reads).toBe(1);
    lanes.fault = new Fault("chain_unreachable", "no chain");
    await stand.robot.close();
    read.resolve();
    await turns();
    expect(clock.pending).toBe(0);
    expect(stand.gateway.heard("voucher")).toEqual([]);
  });

  it("forgets what has never left, and says again at the next start what has", async () => {
    stand.gateway.on("offer", () => {});
    const left = Promise.allSettled([stand.robot.hire({ ...order, payment: "result" })]);
    const { id } = await stand.gateway.nth("offer", 1);
    await stand.gateway.drop();
    await stand.event("disconnected");
    const other = { ...order, input: new Uint8Array(1) };
    const kept = Promise.allSettled([stand.robot.hire({ ...other, payment: "result" })]);
    await expect.poll(() => stand.robot.waiting.queued).toBe(1);
    await stand.robot.close();
    expect([await left, await kept]).toMatchObject([[LOST], [LOST]]);
    await stand.gateway.listen();
    await stand.connect(options());
    await stand.gateway.nth("offer", 2);
    await turns();
    expect(stand.gateway.heard("offer").map((offer) => offer.id)).toEqual([id, id]);
  });

  it("waits for no receipt of a payment that is looked at meanwhile", async () => {
    const worker = stand.gateway.enroll("worker");
    lanes.show({ deposit: amount(490n) });
    const robot = await connect({ file: worker, lanes, clock, factsheet: RUNS });
    const bytes = new Uint8Array([1, 2, 3]);
    const done: RunResult = { verdict: "ok", output: bytes, fuel: 500, wallMs: 1 };
    const executor = { run: async () => done };
    robot.serve({ executor, trust: trusting(firmware), rate: () => UNIT_RATE, concurrency: 1 });
    const { gateway } = stand;
    for (const topic of ["accept", "result"] as const)
      gateway.on(topic, ({ id, task }) => gateway.ack(worker, id, task));
    const task = `0x${"77".repeat(16)}` as const;
    const now = clock.now();
    const award = await gateway.award({
      ...{ task, role: "run", requester: stand.robot.address, provider: robot.address },
      ...{ firmware: gateway.keep(firmware), firmwareBytes: firmware.length, input: gateway.keep(bytes) },
      ...{ inputBytes: bytes.length, rate: UNIT_RATE, feeBasisPoints: 200, ...RUN_TERMS, fuelLimit: 500 },
      ...{ acceptBy: (now + 5_000) as typeof now, runBy: (now + 20_000) as typeof now },
    });
    gateway.say(worker, "award", award);
    await gateway.nth("result", 1);
    lanes.gate = read.promise;
    lanes.show({ deposit: amount(491n) });
    const voucher = await gateway.voucher(robot.address, amount(491n));
    gateway.say(worker, "payment", { version: 1, task, role: "run", amount: amount(490n), voucher });
    await expect.poll(() => lanes.reads).toBe(2);
    await robot.close();
    await stand.robot.close();
    read.resolve();
    await turns();
    expect(clock.pending).toBe(0);
  });
});

describe("a robot whose program listens", () => {
  it("tells it of the first session as well, and nothing once it has stopped listening", async () => {
    const gateway = await FakeGateway.start();
    const kinds: RobotEvent["kind"][] = [];
    const onEvent = ({ kind }: RobotEvent) => void kinds.push(kind);
    const robot = await connect({ file: gateway.enroll("buyer"), lanes: "trustGateway", onEvent });
    await nextTurn();
    expect(kinds).toEqual(["connected"]);
    const late: RobotEvent["kind"][] = [];
    const stop = robot.listen(({ kind }) => {
      late.push(kind);
      if (kind === "disconnected") stop();
    });
    gateway.cut();
    await expect.poll(() => kinds).toEqual(["connected", "disconnected", "connected"]);
    expect(late).toEqual(["disconnected"]);
    await robot.close();
    await gateway.drop();
  });
});
