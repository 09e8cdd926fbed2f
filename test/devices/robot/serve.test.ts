import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { randomKey, recoverAddress } from "../../../src/kernels/signature.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { acceptDigest, awardDigest, bidDigest, resultDigest } from "../../../src/protocol/typed-data.ts";
import type { FakeGateway } from "./fake-gateway.ts";
import { echo, fuelLimit, input, ProviderStand, requester, soon, task } from "./provider-stand.ts";
import { UNIT_RATE } from "./run-terms.ts";

describe("serving", () => {
  const executor = new Executor({ clock: systemClock });
  let stand: ProviderStand;
  let gateway: FakeGateway;
  beforeAll(() => executor.start());
  afterAll(() => executor.stop());
  beforeEach(async () => {
    stand = await ProviderStand.start(executor);
    gateway = stand.gateway;
  });
  afterEach(() => stand.stop());

  it("bids, accepts, runs, hands over the output and is paid", async () => {
    stand.ackAll();
    const told: string[] = [];
    const serving = stand.serve({ onEvent: (_, step) => told.push(step) });
    const announced = stand.announcement();
    gateway.say(stand.file, "announce", announced);
    const bid = await gateway.nth("bid", 1);
    expect(bid).toMatchObject({ task, rate: UNIT_RATE, expires: announced.bidBy + 60_000 });
    const said = bidDigest(gateway.market, { task, rate: bid.rate, expires: bid.expires });
    expect(recoverAddress(said, bid.signature)).toBe(stand.robot.address);
    const awarded = await stand.award();
    const hash = awardDigest(gateway.market, awarded);
    gateway.say(stand.file, "award", awarded);
    const accept = await gateway.nth("accept", 1);
    expect(accept).toMatchObject({ task, award: hash });
    expect(recoverAddress(acceptDigest(gateway.market, hash), accept.signature)).toBe(stand.robot.address);
    const result = await gateway.nth("result", 1);
    expect(result).toMatchObject({
      task,
      award: hash,
      ...{ verdict: "ok", output: gateway.keep(input), outputBytes: input.length },
    });
    expect(result.fuel).toBeGreaterThan(0);
    expect(result.fuel).toBeLessThan(fuelLimit);
    expect(recoverAddress(resultDigest(gateway.market, result), result.signature)).toBe(stand.robot.address);
    expect(await gateway.pull(stand.file, result.output ?? "0x", result.outputBytes)).toEqual(input);
    await stand.event("task", "delivered");
    // an atomic unit for each fuel, less 2 %
    const due = amount(BigInt(result.fuel - Math.floor((result.fuel * 200) / 10_000)));
    const voucher = await gateway.voucher(stand.robot.address, due);
    gateway.say(stand.file, "payment", { version: 1, task, role: "run", amount: due, voucher });
    await stand.event("task", "paid");
    expect(stand.events).toContainEqual({ kind: "payment", task, role: "run", amount: due, cumulative: due });
    expect(stand.robot.wallet.received).toEqual([voucher]);
    expect(told).toEqual(["bid", "accepted", "running", "delivered", "paid"]);
    await serving.stop();
    expect(stand.events.filter(({ kind }) => kind === "ignored" || kind === "fault")).toEqual([]);
  });

  it("serves a check like a run, and pulls the same firmware once", async () => {
    stand.ackAll();
    stand.serve();
    await stand.give();
    await gateway.nth("result", 1);
    await stand.give({ task: `0x${"78".repeat(16)}`, role: "check" });
    await gateway.nth("result", 2);
    const name = gateway.keep(echo);
    expect(gateway.heard("blob-get").filter(({ hash }) => hash === name).length).toBe(1);
  });

  it("does not bid on its own offer, above the budget, late, or against its rate's will", async () => {
    stand.ackAll();
    stand.serve({ rate: ({ maxPrice }) => (maxPrice === 901n ? null : UNIT_RATE) });
    stand.announce({ requester: stand.robot.address });
    stand.announce({ maxPrice: amount(499n) });
    stand.announce({ bidBy: soon(-1_000) });
    stand.announce({ maxPrice: amount(901n) });
    const last: Hex = `0x${"01".repeat(16)}`;
    stand.announce({ task: last });
    expect((await gateway.nth("bid", 1)).task).toBe(last);
  });

  it("ignores an award that the gateway did not sign, and one for somebody else", async () => {
    stand.serve();
    await stand.give({}, keySigner(randomKey()));
    await stand.give({ provider: requester });
    await stand.until(() => stand.events.length >= 2);
    expect(stand.events).toEqual([
      { kind: "ignored", topic: "award", reason: "bad_signature" },
      { kind: "ignored", topic: "award", reason: "wrong_topic" },
    ]);
    expect(gateway.heard("accept")).toEqual([]);
  });

  it("declines an award below its bid, and one that finds no free place", async () => {
    stand.ackAll();
    const running = Promise.withResolvers<never>();
    running.promise.catch(() => {});
    stand.serve({ concurrency: 1, executor: { run: () => running.promise } });
    await stand.give({ rate: amount(UNIT_RATE - 1n) });
    expect((await gateway.nth("decline", 1)).task).toBe(task);
    await stand.give();
    await stand.event("task", "running");
    const other: Hex = `0x${"02".repeat(16)}`;
    await stand.give({ task: other });
    expect((await gateway.nth("decline", 2)).task).toBe(other);
    running.reject(new Error("the test is over"));
  });

  it("declines an award of which the gateway keeps more than it has told", async () => {
    stand.ackAll();
    const happened: string[] = [];
    stand.serve({ onEvent: (_task, step, reason) => happened.push(`${step} ${reason}`) });
    await stand.give({ feeBasisPoints: 201 });
    await gateway.nth("decline", 1);
    expect(happened).toEqual(["declined the fee is more than the gateway has told"]);
    await stand.give({ feeBasisPoints: 199 });
    await gateway.nth("accept", 1);
  });

  it("forfeits when the bytes do not come before the run must end", async () => {
    stand.ackAll();
    stand.serve();
    await stand.give({ input: `0x${"05".repeat(32)}`, runBy: soon(300) });
    expect((await gateway.nth("forfeit", 1)).reason).toMatch(/^timed_out: /);
  });

  it("says accept and result again after the link was lost, until it is paid", async () => {
    stand.ackAll();
    stand.serve();
    await stand.give();
    const result = await gateway.nth("result", 1);
    await stand.event("task", "delivered");
    await gateway.drop();
    await gateway.listen();
    expect(await gateway.nth("result", 2)).toEqual(result);
    expect(gateway.heard("accept")[1]).toEqual(gateway.heard("accept")[0]);
    const voucher = await gateway.voucher(stand.robot.address, amount(490n));
    gateway.say(stand.file, "payment", { version: 1, task, role: "run", amount: amount(490n), voucher });
    await stand.event("task", "paid");
    gateway.cut();
    await gateway.until(() => gateway.logins === 3);
    await gateway.nth("factsheet", 3);
    expect(gateway.heard("result").length).toBe(2);
  });

  it("bids again on a task whose bid was refused, and not while a bid stands", async () => {
    stand.refuseAll("bid", "bid_late");
    stand.serve();
    stand.announce();
    const first = await gateway.nth("bid", 1);
    await stand.event("refusal");
    stand.ackAll();
    stand.announce();
    const second = await gateway.nth("bid", 2);
    expect(second).toMatchObject({ task, rate: UNIT_RATE });
    expect(second.id).not.toBe(first.id);
    stand.announce();
    const other: Hex = `0x${"03".repeat(16)}`;
    stand.announce({ task: other });
    expect((await gateway.nth("bid", 3)).task).toBe(other);
  });

  it.each(["bad_award", "not_yours", "unknown_task"] as const)(
    "lets an award go when its accept is refused with %s",
    async (code) => {
      stand.refuseAll("accept", code);
      stand.serve();
      await stand.give();
      await stand.event("task", "rejected");
      expect(gateway.heard("blob-get")).toEqual([]);
    },
  );

  it("lets an award to a bid of its own go when the task has moved on", async () => {
    stand.ackAll();
    stand.refuseAll("accept", "wrong_state");
    stand.serve();
    stand.announce();
    await gateway.nth("bid", 1);
    await stand.give();
    await stand.event("task", "rejected");
    expect(gateway.heard("blob-get")).toEqual([]);
  });

  it("runs and delivers what the process before it has accepted", async () => {
    stand.ackAll();
    const never = Promise.withResolvers<never>();
    stand.serve({ executor: { run: () => never.promise } });
    stand.announce();
    await gateway.nth("bid", 1);
    const awarded = await stand.award();
    gateway.say(stand.file, "award", awarded);
    await stand.event("task", "running");
    await stand.robot.close();

    stand.refuseAll("accept", "wrong_state");
    // right behind the terms, before the program can serve
    gateway.on("connection", ({ state }) => state === "ONLINE" && gateway.say(stand.file, "award", awarded));
    stand.events = [];
    await stand.connect();
    stand.serve();
    const hash = awardDigest(gateway.market, awarded);
    const result = await gateway.nth("result", 1);
    const accepts = gateway.heard("accept");
    expect(accepts.map((accept) => accept.award)).toEqual([hash, hash]);
    expect(new Set(accepts.map(({ id }) => id)).size).toBe(2);
    expect(result).toMatchObject({ task, award: hash, output: gateway.keep(input) });
    await stand.event("task", "delivered");
    const steps = stand.events.filter((one) => one.kind === "task").map(({ step }) => step);
    expect(steps).toEqual(["accepted", "running", "delivered"]);
    never.reject(new Error("the test is over"));
  });

  it("runs what an earlier process accepted also past acceptBy, and ends when the result is refused", async () => {
    stand.ackAll();
    stand.refuseAll("accept", "wrong_state");
    stand.refuseAll("result", "wrong_state");
    stand.serve();
    await stand.give({ acceptBy: soon(-1_000) });
    await stand.event("task", "rejected");
    expect(gateway.heard("result").length).toBe(1);
    gateway.cut();
    await gateway.nth("factsheet", 2);
    stand.announce();
    await gateway.nth("bid", 1);
    expect(gateway.heard("result").length).toBe(1);
  });

  it("gives back an award to its own bid that comes when it can no longer be accepted", async () => {
    stand.ackAll();
    stand.serve();
    stand.announce();
    await gateway.nth("bid", 1);
    await stand.give({ acceptBy: soon(-1_000) });
    expect(await gateway.nth("forfeit", 1)).toMatchObject({ task, reason: "the award came too late" });
    expect(gateway.heard("accept")).toEqual([]);
  });

  it("gives back what an earlier process has accepted when it cannot run it", async () => {
    stand.ackAll();
    stand.serve({ rate: () => null });
    await stand.give({ acceptBy: soon(-1_000) });
    expect(await gateway.nth("forfeit", 1)).toMatchObject({ task, reason: "below our rate" });
    await stand.give({ acceptBy: soon(-2_000), runBy: soon(-1_000) });
    expect(await gateway.nth("forfeit", 2)).toMatchObject({ task, reason: "the award came too late" });
    expect(gateway.heard("accept")).toEqual([]);
  });

  it("takes no voucher that somebody else signed", async () => {
    stand.serve();
    const voucher = await gateway.voucher(stand.robot.address, amount(490n), keySigner(randomKey()));
    gateway.say(stand.file, "payment", { version: 1, task, role: "run", amount: amount(490n), voucher });
    await stand.event("ignored");
    expect(stand.robot.wallet.received).toEqual([]);
    expect(stand.robot.wallet.ignored).toEqual({ stale: 0, forged: 1 });
  });

  it("serves once at a time, and bids on nothing after it was stopped", async () => {
    stand.ackAll();
    const first = stand.serve();
    expect(() => stand.serve()).toThrow(expect.objectContaining({ code: "usage" }));
    await first.stop();
    stand.announce();
    await stand.give();
    await gateway.nth("decline", 1);
    expect(gateway.heard("bid")).toEqual([]);
    stand.serve();
  });
});
