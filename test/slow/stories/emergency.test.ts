/** An operator stops all payments while work is under way, keeps a device out, and tries one out: over a real broker. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import type { Order } from "../../../devices/robot/order.ts";
import type { Robot } from "../../../devices/robot/robot.ts";
import { askDesk } from "../../../src/operator/control/ask.ts";
import { readRoster } from "../../../src/operator/roster-folder.ts";
import { creditOf, wagesOf } from "../../../src/payment/payment.ts";
import { PRICE, planJob, WholeMarket } from "../../stories/whole-market.ts";
import { Backstage, expectConserved, quick } from "./backstage.ts";
import { Gate } from "./gate.ts";

const GETS = 490n;

let market: WholeMarket;
let stage: Backstage;
let buyer: Robot;
let first: Robot;
let work: Gate;
let heard: RobotEvent[];

beforeEach(async () => {
  market = await WholeMarket.open(
    (config) => {
      quick(config);
      config.market.accept_ms = 60_000;
    },
    ["first"],
  );
  stage = new Backstage(market);
  work = new Gate();
  heard = [];
  first = await market.provider("first", 500n, work.runs(await market.executor()));
  first.listen((event) => void heard.push(event));
  buyer = await market.robot("buyer", false);
});
afterEach(() => market.close());

const hire = (number: number, more: Partial<Order> = {}) =>
  buyer.hire({ ...planJob(number), maxPrice: PRICE, ...more });
const state = () => market.gateway.state;
const ask: typeof askDesk = (folder, ...rest) => askDesk(folder, ...rest);
const data = () => market.world.folder;
const paidTo = () => state().payment.outgoing.get(first.address)?.signed ?? 0n;

async function restart(): Promise<void> {
  const { port } = market.gateway;
  await market.gateway.stop();
  market.gateway = await market.startGateway(port);
}

it("stops paying under work, over a restart and over claims, and pays all of it afterwards", async () => {
  work.close();
  const under = hire(1);
  await expect.poll(() => market.of("started").length, { timeout: 10_000 }).toBe(1);
  await ask(data(), "stopPaying", {}, { reason: "a key is lost" });
  expect(existsSync(join(data(), "stop-paying"))).toBe(true);
  const sentBefore = market.of("transactionPrepared").length;
  work.open();
  expect((await under).spent).toBe(500n);
  expect(market.of("paid").at(-1)?.legs).toEqual([]);
  expect(wagesOf(state().payment, first.address)).toBe(GETS);
  await expect(hire(2)).rejects.toMatchObject({ facts: { code: "gateway_stopped" } });
  await restart();
  expect(state().payment.stopped).toBe("a key is lost");
  await market.gateway.settle();
  // the claim that was asked for, and nothing besides
  const purposes = market
    .of("transactionPrepared")
    .slice(sentBefore)
    .map(({ purpose }) => purpose);
  expect(purposes).toEqual(["claim"]);
  expect([paidTo(), creditOf(state().payment, first.address)]).toEqual([0n, GETS]);
  await ask(data(), "resumePaying");
  await expect.poll(paidTo, { timeout: 10_000 }).toBe(GETS);
  await expect
    .poll(() => heard.filter(({ kind }) => kind === "payment").length, { timeout: 10_000 })
    .toBeGreaterThan(0);
  expect(existsSync(join(data(), "stop-paying"))).toBe(false);
  expect((await hire(2)).spent).toBe(500n);
  expect(paidTo()).toBe(2n * GETS);
  await market.gateway.settle();
  expectConserved(state());
  expect(market.broken).toEqual([]);
});

it("keeps a device out at once, and lets it in again; a test task tells that it still answers", async () => {
  expect((await hire(1)).spent).toBe(500n);
  await ask(data(), "disableDevice", { device: "first" });
  expect((await ask(data(), "device", { device: "first" })).device.state).toBe("disabled");
  expect(heard.at(-1)).toMatchObject({ kind: "disconnected" });
  expect(await hire(2, { deadlineMs: 2_000 })).toMatchObject({ state: "expired", spent: 0n });
  heard.length = 0;
  await ask(data(), "enableDevice", { device: "first" });
  await expect.poll(() => heard.some(({ kind }) => kind === "connected"), { timeout: 20_000 }).toBe(true);
  const send = () => ask(data(), "sendTestTask", { device: "first" });
  await expect(send()).rejects.toMatchObject({
    code: "funds_short",
    message: expect.stringContaining("hirewire fund operator 0.10"),
  });
  const operator = readRoster(data()).entries.find(({ name }) => name === "operator");
  if (!operator) throw new Error("no wallet for tests");
  await stage.depositLane(operator.device, market.world.gateway, 100_000n);
  const isThere = () => state().payment.incoming.get(operator.device)?.deposit;
  await expect.poll(isThere, { timeout: 10_000 }).toBe(100_000n);
  await expect
    .poll(async () => (await ask(data(), "device", { device: "first" })).testTask, { timeout: 10_000 })
    .toEqual({ ready: true, why: "" });
  const before = paidTo();
  const { task } = await send();
  await expect
    .poll(() => state().market.tasks.get(task as `0x${string}`)?.state, { timeout: 15_000 })
    .toBe("paid");
  expect(state().market.tasks.get(task as `0x${string}`)?.rechecked).toBe(true);
  expect(paidTo() - before).toBe(GETS);
  // nothing of the gateway's own was put on a lane to its own wallet
  expect(state().payment.outgoing.get(operator.device)?.deposit ?? 0n).toBe(0n);
  expectConserved(state());
  expect([market.broken, market.faults]).toEqual([[], []]);
});
