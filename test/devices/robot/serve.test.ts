import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import { connectRobot, type Robot } from "../../../devices/robot/robot.ts";
import type { ServeOptions } from "../../../devices/robot/serve.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant, systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import type { RefusalCode } from "../../../src/base/refusal.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { randomKey, recoverAddress } from "../../../src/kernels/signature.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { acceptDigest, awardDigest, bidDigest, resultDigest } from "../../../src/protocol/typed-data.ts";
import { taskModule } from "../../firmware/module.ts";
import { FakeGateway } from "./fake-gateway.ts";

const echo = taskModule({ memory: [4, 4] });
const input = new Uint8Array(100_000).map((_, i) => i % 253);
const requester: Hex = `0x${"99".repeat(20)}`;
const task: Hex = `0x${"77".repeat(16)}`;

describe("serving", () => {
  const executor = new Executor({ clock: systemClock });
  let gateway: FakeGateway;
  let file: ConnectionFile;
  let robot: Robot;
  let events: RobotEvent[];
  const waiting = new Set<() => void>();
  beforeAll(() => executor.start());
  afterAll(() => executor.stop());
  beforeEach(async () => {
    gateway = await FakeGateway.start();
    file = gateway.enroll("worker");
    events = [];
    await connect();
  });
  afterEach(async () => {
    await robot.close();
    await gateway.drop();
  });

  const connect = async () => {
    robot = await connectRobot({ lanes: "trustGateway", file });
    robot.listen((event) => {
      events.push(event);
      for (const look of waiting) look();
    });
  };
  const soon = (ms: number) => instant(Date.now() + ms);
  const serve = (more: Partial<ServeOptions> = {}) =>
    robot.serve({ executor, price: () => amount(500n), concurrency: 2, ...more });
  const announce = (more: Partial<Message<"announce">> = {}): Message<"announce"> => ({
    ...{ version: 1, task, requester, firmware: gateway.keep(echo), firmwareBytes: echo.length },
    ...{ inputBytes: input.length, maxPrice: amount(900n), bidBy: soon(5_000), deadline: soon(60_000) },
    ...more,
  });
  const award = (more: Partial<Message<"award">> = {}, by = gateway.signer) =>
    gateway.award(
      {
        ...{ task, role: "run", requester, provider: robot.address, firmware: gateway.keep(echo) },
        ...{ firmwareBytes: echo.length, input: gateway.keep(input), inputBytes: input.length },
        ...{ price: amount(500n), fee: amount(10n), acceptBy: soon(5_000), runBy: soon(20_000) },
        ...more,
      },
      by,
    );
  const ackAll = () => {
    for (const topic of ["bid", "accept", "result", "forfeit", "decline"] as const) {
      gateway.on(topic, ({ id, task: about }) => gateway.ack(file, id, about));
    }
  };
  const refuseAll = (topic: "bid" | "accept" | "result", code: RefusalCode) =>
    gateway.on(topic, ({ id }) => gateway.say(file, "refusal", { version: 1, id, topic, code, hint: "" }));
  const until = (claim: () => boolean) =>
    new Promise<void>((done) => {
      const look = () => {
        if (!claim()) return;
        waiting.delete(look);
        done();
      };
      waiting.add(look);
      look();
    });
  const event = (kind: RobotEvent["kind"], step?: string) =>
    until(() =>
      events.some((one) => one.kind === kind && (step === undefined || ("step" in one && one.step === step))),
    );

  it("bids, accepts, runs, hands over the output and is paid", async () => {
    ackAll();
    const told: string[] = [];
    const serving = serve({ onEvent: (_, step) => told.push(step) });
    const announced = announce();
    gateway.say(file, "announce", announced);
    const bid = await gateway.nth("bid", 1);
    expect(bid).toMatchObject({ task, price: 500n, expires: announced.bidBy + 60_000 });
    expect(
      recoverAddress(
        bidDigest(gateway.market, { task, price: bid.price, expires: bid.expires }),
        bid.signature,
      ),
    ).toBe(robot.address);
    const awarded = await award();
    const hash = awardDigest(gateway.market, awarded);
    gateway.say(file, "award", awarded);
    const accept = await gateway.nth("accept", 1);
    expect(accept).toMatchObject({ task, award: hash });
    expect(recoverAddress(acceptDigest(gateway.market, hash), accept.signature)).toBe(robot.address);
    const result = await gateway.nth("result", 1);
    expect(result).toMatchObject({
      task,
      award: hash,
      output: gateway.keep(input),
      outputBytes: input.length,
    });
    expect(recoverAddress(resultDigest(gateway.market, result), result.signature)).toBe(robot.address);
    expect(await gateway.pull(file, result.output, result.outputBytes)).toEqual(input);
    await event("task", "delivered");
    const voucher = await gateway.voucher(robot.address, amount(490n));
    gateway.say(file, "payment", { version: 1, task, role: "run", amount: amount(490n), voucher });
    await event("task", "paid");
    expect(events).toContainEqual({ kind: "payment", task, role: "run", amount: 490n, cumulative: 490n });
    expect(robot.wallet.received).toEqual([voucher]);
    expect(told).toEqual(["bid", "accepted", "running", "delivered", "paid"]);
    await serving.stop();
    expect(events.filter(({ kind }) => kind === "ignored" || kind === "fault")).toEqual([]);
  });

  it("serves a check like a run, and pulls the same firmware once", async () => {
    ackAll();
    serve();
    gateway.say(file, "award", await award());
    await gateway.nth("result", 1);
    gateway.say(file, "award", await award({ task: `0x${"78".repeat(16)}`, role: "check" }));
    await gateway.nth("result", 2);
    const name = gateway.keep(echo);
    expect(gateway.heard("blob-get").filter(({ hash }) => hash === name).length).toBe(1);
  });

  it("does not bid on its own offer, above the budget, late, or against its price's will", async () => {
    ackAll();
    serve({ price: ({ maxPrice }) => (maxPrice === 1n ? null : amount(500n)) });
    gateway.say(file, "announce", announce({ requester: robot.address }));
    gateway.say(file, "announce", announce({ maxPrice: amount(499n) }));
    gateway.say(file, "announce", announce({ bidBy: soon(-1_000) }));
    gateway.say(file, "announce", announce({ maxPrice: amount(1n) }));
    const last: Hex = `0x${"01".repeat(16)}`;
    gateway.say(file, "announce", announce({ task: last }));
    expect((await gateway.nth("bid", 1)).task).toBe(last);
  });

  it("ignores an award that the gateway did not sign, and one for somebody else", async () => {
    serve();
    gateway.say(file, "award", await award({}, keySigner(randomKey())));
    gateway.say(file, "award", await award({ provider: requester }));
    await until(() => events.length >= 2);
    expect(events).toEqual([
      { kind: "ignored", topic: "award", reason: "bad_signature" },
      { kind: "ignored", topic: "award", reason: "wrong_topic" },
    ]);
    expect(gateway.heard("accept")).toEqual([]);
  });

  it("declines an award below its bid, and one that finds no free place", async () => {
    ackAll();
    const running = Promise.withResolvers<never>();
    running.promise.catch(() => {});
    serve({ concurrency: 1, executor: { run: () => running.promise } });
    gateway.say(file, "award", await award({ price: amount(499n) }));
    expect((await gateway.nth("decline", 1)).task).toBe(task);
    gateway.say(file, "award", await award());
    await event("task", "running");
    const other: Hex = `0x${"02".repeat(16)}`;
    gateway.say(file, "award", await award({ task: other }));
    expect((await gateway.nth("decline", 2)).task).toBe(other);
    running.reject(new Error("the test is over"));
  });

  it("declines an award of which the gateway keeps more than it has told", async () => {
    ackAll();
    const happened: string[] = [];
    serve({ onEvent: (_task, step, reason) => happened.push(`${step} ${reason}`) });
    // 2 % of 549 are 10, rounded down
    gateway.say(file, "award", await award({ price: amount(549n), fee: amount(11n) }));
    await gateway.nth("decline", 1);
    expect(happened).toEqual(["declined the fee is more than the gateway has told"]);
    gateway.say(file, "award", await award({ price: amount(549n), fee: amount(10n) }));
    await gateway.nth("accept", 1);
  });

  it("forfeits with the executor's reason", async () => {
    ackAll();
    serve();
    const trap = gateway.keep(taskModule({ memory: [4, 4], run: [0x00] }));
    const firmwareBytes = gateway.blobs.get(trap)?.length ?? 0;
    gateway.say(file, "award", await award({ firmware: trap, firmwareBytes }));
    expect(await gateway.nth("forfeit", 1)).toMatchObject({ task, reason: expect.stringMatching(/^trap: /) });
    expect(gateway.heard("result")).toEqual([]);
  });

  it("forfeits when the bytes do not come before the run must end", async () => {
    ackAll();
    serve();
    gateway.say(file, "award", await award({ input: `0x${"05".repeat(32)}`, runBy: soon(300) }));
    expect((await gateway.nth("forfeit", 1)).reason).toMatch(/^timed_out: /);
  });

  it("says accept and result again after the link was lost, until it is paid", async () => {
    ackAll();
    serve();
    gateway.say(file, "award", await award());
    const result = await gateway.nth("result", 1);
    await event("task", "delivered");
    await gateway.drop();
    await gateway.listen();
    expect(await gateway.nth("result", 2)).toEqual(result);
    expect(gateway.heard("accept")[1]).toEqual(gateway.heard("accept")[0]);
    const voucher = await gateway.voucher(robot.address, amount(490n));
    gateway.say(file, "payment", { version: 1, task, role: "run", amount: amount(490n), voucher });
    await event("task", "paid");
    gateway.cut();
    await gateway.until(() => gateway.logins === 3);
    await gateway.nth("factsheet", 3);
    expect(gateway.heard("result").length).toBe(2);
  });

  it("bids again on a task whose bid was refused, and not while a bid stands", async () => {
    refuseAll("bid", "bid_late");
    serve();
    gateway.say(file, "announce", announce());
    const first = await gateway.nth("bid", 1);
    await event("refusal");
    ackAll();
    gateway.say(file, "announce", announce());
    const second = await gateway.nth("bid", 2);
    expect(second).toMatchObject({ task, price: 500n });
    expect(second.id).not.toBe(first.id);
    gateway.say(file, "announce", announce());
    const other: Hex = `0x${"03".repeat(16)}`;
    gateway.say(file, "announce", announce({ task: other }));
    expect((await gateway.nth("bid", 3)).task).toBe(other);
  });

  it.each(["bad_award", "not_yours", "unknown_task"] as const)(
    "lets an award go when its accept is refused with %s",
    async (code) => {
      refuseAll("accept", code);
      serve();
      gateway.say(file, "award", await award());
      await event("task", "rejected");
      expect(gateway.heard("blob-get")).toEqual([]);
    },
  );

  it("lets an award to a bid of its own go when the task has moved on", async () => {
    ackAll();
    refuseAll("accept", "wrong_state");
    serve();
    gateway.say(file, "announce", announce());
    await gateway.nth("bid", 1);
    gateway.say(file, "award", await award());
    await event("task", "rejected");
    expect(gateway.heard("blob-get")).toEqual([]);
  });

  it("runs and delivers what the process before it has accepted", async () => {
    ackAll();
    const never = Promise.withResolvers<never>();
    serve({ executor: { run: () => never.promise } });
    gateway.say(file, "announce", announce());
    await gateway.nth("bid", 1);
    const awarded = await award();
    gateway.say(file, "award", awarded);
    await event("task", "running");
    await robot.close();

    refuseAll("accept", "wrong_state");
    // right behind the terms, before the program can serve
    gateway.on("connection", ({ state }) => state === "ONLINE" && gateway.say(file, "award", awarded));
    events = [];
    await connect();
    serve();
    const hash = awardDigest(gateway.market, awarded);
    const result = await gateway.nth("result", 1);
    const accepts = gateway.heard("accept");
    expect(accepts.map((accept) => accept.award)).toEqual([hash, hash]);
    expect(new Set(accepts.map(({ id }) => id)).size).toBe(2);
    expect(result).toMatchObject({ task, award: hash, output: gateway.keep(input) });
    await event("task", "delivered");
    const steps = events.filter((one) => one.kind === "task").map(({ step }) => step);
    expect(steps).toEqual(["accepted", "running", "delivered"]);
    never.reject(new Error("the test is over"));
  });

  it("runs what an earlier process accepted also past acceptBy, and ends when the result is refused", async () => {
    ackAll();
    refuseAll("accept", "wrong_state");
    refuseAll("result", "wrong_state");
    serve();
    gateway.say(file, "award", await award({ acceptBy: soon(-1_000) }));
    await event("task", "rejected");
    expect(gateway.heard("result").length).toBe(1);
    gateway.cut();
    await gateway.nth("factsheet", 2);
    gateway.say(file, "announce", announce());
    await gateway.nth("bid", 1);
    expect(gateway.heard("result").length).toBe(1);
  });

  it("gives back an award to its own bid that comes when it can no longer be accepted", async () => {
    ackAll();
    serve();
    gateway.say(file, "announce", announce());
    await gateway.nth("bid", 1);
    gateway.say(file, "award", await award({ acceptBy: soon(-1_000) }));
    expect(await gateway.nth("forfeit", 1)).toMatchObject({ task, reason: "the award came too late" });
    expect(gateway.heard("accept")).toEqual([]);
  });

  it("gives back what an earlier process has accepted when it cannot run it", async () => {
    ackAll();
    serve({ price: () => null });
    gateway.say(file, "award", await award({ acceptBy: soon(-1_000) }));
    expect(await gateway.nth("forfeit", 1)).toMatchObject({ task, reason: "below our price" });
    gateway.say(file, "award", await award({ acceptBy: soon(-2_000), runBy: soon(-1_000) }));
    expect(await gateway.nth("forfeit", 2)).toMatchObject({ task, reason: "the award came too late" });
    expect(gateway.heard("accept")).toEqual([]);
  });

  it("takes no voucher that somebody else signed", async () => {
    serve();
    const voucher = await gateway.voucher(robot.address, amount(490n), keySigner(randomKey()));
    gateway.say(file, "payment", { version: 1, task, role: "run", amount: amount(490n), voucher });
    await event("ignored");
    expect(robot.wallet.received).toEqual([]);
    expect(robot.wallet.ignored).toEqual({ stale: 0, forged: 1 });
  });

  it("serves once at a time, and bids on nothing after it was stopped", async () => {
    ackAll();
    const first = serve();
    expect(() => serve()).toThrow(expect.objectContaining({ code: "usage" }));
    await first.stop();
    gateway.say(file, "announce", announce());
    gateway.say(file, "award", await award());
    await gateway.nth("decline", 1);
    expect(gateway.heard("bid")).toEqual([]);
    serve();
  });
});
