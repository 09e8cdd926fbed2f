import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import { connect, type Robot, type RobotOptions } from "../../../devices/robot/robot.ts";
import type { ServeOptions } from "../../../devices/robot/serve.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { Fault } from "../../../src/base/fault.ts";
import { amount } from "../../../src/base/money.ts";
import type { RunResult } from "../../../src/firmware/executor.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { FakeLanes } from "./fake-lanes.ts";
import { ManualClock } from "./manual-clock.ts";
import { echoModule, METER, RUN_TERMS, RUNS, trusting, UNIT_RATE } from "./run-terms.ts";

const firmware = echoModule();
const requester: Hex = `0x${"99".repeat(20)}`;
const bytes = new Uint8Array([1, 2, 3]);
const FUEL = 500;
/** What a run of {@link FUEL} comes to, which is also its limit. */
const DONE: RunResult = { verdict: "ok", output: bytes, fuel: FUEL, wallMs: 1 };
const taskNumber = (n: number): Hex => `0x${n.toString(16).padStart(32, "0")}`;

describe("a provider that looks its lane up", () => {
  let gateway: FakeGateway;
  let file: ConnectionFile;
  let robot: Robot;
  let lanes: FakeLanes;
  let clock: ManualClock;
  let events: RobotEvent[];
  beforeEach(async () => {
    gateway = await FakeGateway.start();
    file = gateway.enroll("worker");
    lanes = new FakeLanes();
    clock = new ManualClock(Date.now());
    events = [];
    for (const topic of ["bid", "accept", "result", "forfeit", "decline"] as const) {
      gateway.on(topic, ({ id, task }) => gateway.ack(file, id, task));
    }
  });
  afterEach(async () => {
    await robot.close();
    await gateway.drop();
  });

  const start = async (options: Partial<RobotOptions> = {}, serving: Partial<ServeOptions> = {}) => {
    robot = await connect({ file, lanes, clock, factsheet: RUNS, ...options });
    robot.listen((event) => events.push(event));
    const executor = { run: () => Promise.resolve(DONE) };
    const trust = trusting(firmware);
    robot.serve({ executor, trust, rate: () => UNIT_RATE, concurrency: 8, ...serving });
  };
  const award = (n: number, more: Partial<Message<"award">> = {}) => {
    const hash = gateway.keep(bytes);
    const soon = (ms: number) => instant(Date.now() + ms);
    const module = { firmware: gateway.keep(firmware), firmwareBytes: firmware.length };
    const work = { ...module, input: hash, inputBytes: 3, ...RUN_TERMS, fuelLimit: FUEL };
    const terms = { rate: UNIT_RATE, feeBasisPoints: 200, acceptBy: soon(5_000), runBy: soon(20_000) };
    const named = { task: taskNumber(n), role: "run" as const, requester, provider: robot.address };
    return gateway.award({ ...named, ...work, ...terms, ...more });
  };
  const give = async (n: number, more: Partial<Message<"award">> = {}) =>
    gateway.say(file, "award", await award(n, more));
  const pay = async (n: number | null, sum: bigint, cumulative: bigint) => {
    const voucher = await gateway.voucher(robot.address, amount(cumulative));
    const whose = n === null ? { task: null, role: null } : { task: taskNumber(n), role: "run" as const };
    gateway.say(file, "payment", { version: 1, ...whose, amount: amount(sum), voucher });
  };
  const giveReceipt = async (n: number) => {
    const hash = gateway.keep(bytes);
    const parties = { task: taskNumber(n), requester, provider: robot.address };
    const work = { firmware: gateway.keep(firmware), input: hash, ...METER, verdict: "ok" as const };
    const cost = { fuel: FUEL, rate: UNIT_RATE, price: amount(500n), fee: amount(10n), checks: amount(0n) };
    gateway.say(file, "receipt", await gateway.receipt({ ...parties, ...work, output: hash, ...cost }));
  };
  const steps = (n: number) =>
    events.flatMap((one) => (one.kind === "task" && one.task === taskNumber(n) ? [one] : []));
  const turn = () => new Promise((done) => setImmediate(done));
  const step = async (n: number, name: string) => {
    while (!steps(n).some((one) => one.step === name)) await turn();
    return steps(n).find((one) => one.step === name)?.reason;
  };
  const breaches = () => events.flatMap((one) => (one.kind === "breached" ? [one.breach] : []));
  const breach = async (name: string) => {
    while (!breaches().some((one) => one === name)) await turn();
  };

  it("accepts what the lane can pay, and declines what it cannot, with a reason", async () => {
    lanes.show({ deposit: amount(979n) });
    await start();
    await give(1);
    await give(2);
    await step(1, "delivered");
    expect(await step(2, "declined")).toBe("the gateway's lane to us has room for 489, not for 490");
    lanes.show({ deposit: amount(980n) });
    await give(3);
    await step(3, "delivered");
    await give(4);
    expect(await step(4, "declined")).toMatch(/room for 0/);
    expect(gateway.heard("accept").map(({ task }) => task)).toEqual([taskNumber(1), taskNumber(3)]);
    expect(lanes.reads).toBe(4);
  });

  it("takes a payment that is said twice once, and leaves the rest of its voucher to the other awards", async () => {
    lanes.show({ deposit: amount(980n) });
    await start();
    await give(1);
    await give(2);
    await step(1, "delivered");
    await step(2, "delivered");
    await pay(null, 0n, 980n);
    await pay(1, 490n, 980n);
    await pay(1, 490n, 980n);
    await pay(2, 490n, 980n);
    await step(2, "paid");
    expect(breaches()).toEqual([]);
  });

  it("is not paid by vouchers of a life of the lane that the chain does not show", async () => {
    lanes.show({ deposit: amount(490n) });
    await start();
    await give(1);
    await step(1, "delivered");
    gateway.reverse = { ...gateway.reverse, epoch: 9 };
    await pay(1, 490n, 490n);
    await breach("underpaid");
    gateway.reverse = { ...gateway.reverse, epoch: 1 };
    await give(2);
    expect(await step(2, "declined"), "the first is still to be paid").toMatch(/room for 0/);
    await pay(1, 490n, 490n);
    await step(1, "paid");
  });

  it("is paid as far as the lane's deposit reaches, and looks again when that may have grown", async () => {
    lanes.show({ deposit: amount(490n) });
    await start();
    await give(1);
    await step(1, "delivered");
    await pay(1, 490n, 491n);
    await breach("underpaid");
    expect(events).toContainEqual({ kind: "ignored", topic: "payment", reason: "unbacked" });
    lanes.show({ deposit: amount(2_000n) });
    await pay(1, 490n, 1_000n);
    await step(1, "paid");
  });

  it("is paid although the lane could not be read when the voucher came", async () => {
    await start();
    await give(1);
    await step(1, "delivered");
    clock.advance(3_600_000);
    lanes.fault = new Fault("chain_unreachable", "no node");
    await pay(1, 490n, 490n);
    await breach("underpaid");
    lanes.fault = null;
    await pay(1, 490n, 490n);
    await step(1, "paid");
  });

  it("does not give the last room to two awards that come together", async () => {
    lanes.show({ deposit: amount(490n) });
    await start();
    const open = Promise.withResolvers<void>();
    lanes.gate = open.promise;
    await Promise.all([give(1), give(2)]);
    while (lanes.reads === 0) await turn();
    open.resolve();
    await Promise.race([step(1, "declined"), step(2, "declined")]);
    await Promise.race([step(1, "delivered"), step(2, "delivered")]);
    expect(gateway.heard("accept").length).toBe(1);
  });

  it.each([
    ["the lane is closing", { closeAt: 2_000_000_000 }, {}, /is closing/],
    ["its window is shorter than wanted", { window: 1 }, { minWindow: 86_401 }, /window is 86400 s/],
    ["the lane has another epoch", { epoch: 2 }, {}, /pays in epoch 1 of its lane, which is in epoch 2/],
    ["it would be more than the limit", {}, { exposure: amount(489n) }, /490 would be unpaid/],
  ] as const)("declines when %s", async (_, shown, serving, reason) => {
    lanes.show(shown);
    await start({}, serving);
    const soon = (ms: number) => instant(clock.now() + ms);
    const module = { firmware: gateway.keep(firmware), firmwareBytes: firmware.length };
    const work = { ...module, inputBytes: 3, maxPrice: amount(500n), ...RUN_TERMS, fuelLimit: FUEL };
    const when = { bidBy: soon(5_000), deadline: soon(60_000) };
    gateway.say(file, "announce", { version: 1, task: taskNumber(1), requester, ...work, ...when });
    await gateway.nth("bid", 1);
    await give(1);
    expect(await step(1, "declined")).toMatch(reason);
    expect(gateway.heard("accept")).toEqual([]);
  });

  it("declines when nobody can tell, and accepts again when somebody can", async () => {
    lanes.fault = new Fault("chain_unreachable", "no node");
    await start();
    await give(1);
    expect(await step(1, "declined")).toBe("the gateway's lane to us cannot be read");
    lanes.fault = null;
    await give(2);
    await step(2, "delivered");
  });

  it("takes the gateway's word only for ten times the largest price it asked", async () => {
    await start({ lanes: "trustGateway" });
    for (let n = 1; n <= 10; n++) {
      await give(n);
      await step(n, "delivered");
    }
    await give(11);
    expect(await step(11, "declined")).toBe("5390 would be unpaid, and the limit is 5000");
    await pay(1, 490n, 490n);
    await step(1, "paid");
    await give(12);
    await step(12, "delivered");
    await pay(2, 490n, 980n);
    await step(2, "paid");
    gateway.reverse = { ...gateway.reverse, deposit: amount(500n) };
    gateway.tellAgain(file);
    while (robot.terms?.reverse.deposit !== 500n) await turn();
    await give(13);
    expect(await step(13, "declined")).toMatch(/room for 0/);
  });

  it("counts work that is not paid for against the lane for a day, and then no longer", async () => {
    lanes.show({ deposit: amount(500n) });
    await start();
    await give(1);
    await step(1, "delivered");
    clock.advance(20_000 + 600_000 + 60_000);
    await breach("unpaid");
    const later = { acceptBy: instant(clock.now() + 5_000), runBy: instant(clock.now() + 20_000) };
    await give(2, later);
    expect(await step(2, "declined")).toMatch(/room for 10/);
    await pay(1, 490n, 490n);
    await step(1, "paid");
    lanes.show({ deposit: amount(980n) });
    await give(3, later);
    await step(3, "delivered");
    clock.advance(86_400_000 + 60_000);
    const nextDay = { acceptBy: instant(clock.now() + 5_000), runBy: instant(clock.now() + 20_000) };
    await give(4, nextDay);
    await step(4, "delivered");
  });

  it("is not paid by a payment whose voucher does not grow", async () => {
    lanes.show({ deposit: amount(1_000n) });
    await start();
    await give(1);
    await give(2);
    await step(1, "delivered");
    await step(2, "delivered");
    await pay(1, 489n, 489n);
    await breach("underpaid");
    await pay(1, 490n, 490n);
    await step(1, "paid");
    await pay(2, 490n, 490n);
    while (breaches().length < 2) await turn();
    await pay(2, 490n, 979n);
    while (breaches().length < 3) await turn();
    expect(steps(2).map((one) => one.step)).not.toContain("paid");
    // what was missing comes with the next voucher, and the result was kept until then
    await pay(2, 490n, 980n);
    await step(2, "paid");
    expect(breaches()).toEqual(["underpaid", "underpaid", "underpaid"]);
  });

  it("counts the whole limit as owed before it has delivered, and then what its fuel costs", async () => {
    const running = Promise.withResolvers<RunResult>();
    lanes.show({ deposit: amount(490n + 98n) });
    await start({}, { executor: { run: () => running.promise } });
    await give(1);
    await step(1, "running");
    await give(2);
    expect(await step(2, "declined")).toMatch(/room for 98/);
    running.resolve({ ...DONE, fuel: 100 });
    await step(1, "delivered");
    await give(3);
    await step(3, "running");
    await pay(1, 97n, 97n);
    await breach("underpaid");
    await pay(1, 98n, 98n);
    await step(1, "paid");
  });

  it("is paid for the whole limit when it is cancelled while its result is on the way", async () => {
    await start({}, { executor: { run: () => Promise.resolve({ ...DONE, fuel: 100 }) } });
    await give(1);
    await step(1, "delivered");
    await pay(1, 490n, 490n);
    await step(1, "paid");
    // nothing of it is left to pay for another one
    await give(2);
    await step(2, "delivered");
    await pay(2, 98n, 490n);
    await breach("underpaid");
  });

  it("takes what an earlier process has delivered at the fuel that the gateway pays", async () => {
    const running = Promise.withResolvers<RunResult>();
    await start({}, { executor: { run: () => running.promise } });
    await give(1);
    await step(1, "running");
    await pay(1, 98n, 98n);
    await step(1, "paid");
    expect(breaches()).toEqual([]);
    running.resolve(DONE);
  });

  it("finds its pay in the newest voucher when payments went with a lost session", async () => {
    await start();
    await give(1);
    await give(2);
    await step(1, "delivered");
    await step(2, "delivered");
    await pay(null, 0n, 980n);
    await pay(2, 490n, 980n);
    await pay(1, 490n, 980n);
    await step(1, "paid");
    await step(2, "paid");
    expect(breaches()).toEqual([]);
  });

  it("misses the receipt of what was paid for, and only that", async () => {
    await start();
    await give(1);
    await give(2);
    await step(1, "delivered");
    await step(2, "delivered");
    await pay(1, 490n, 490n);
    await step(1, "paid");
    await giveReceipt(2);
    await pay(2, 490n, 980n);
    await step(2, "paid");
    await pay(9, 100n, 1_080n);
    clock.advance(30_000);
    await breach("receipt_missing");
    expect(events.filter(({ kind }) => kind === "breached")).toMatchObject([{ task: taskNumber(1) }]);
  });

  it("is paid for a run that was cancelled under way, and hands nothing over", async () => {
    const running = Promise.withResolvers<RunResult>();
    await start({}, { executor: { run: () => running.promise } });
    await give(1);
    await step(1, "running");
    await pay(1, 490n, 490n);
    await step(1, "paid");
    running.resolve(DONE);
    await give(2);
    await step(2, "running");
    expect(gateway.heard("result")).toEqual([]);
    expect(gateway.heard("forfeit")).toEqual([]);
    clock.advance(30_000);
    await turn();
    expect(breaches()).toEqual([]);
  });
});
