import { afterEach, describe, expect, it } from "vitest";
import type { Robot } from "../../../devices/robot/robot.ts";
import type { ServeOptions } from "../../../devices/robot/serve.ts";
import { amount } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import type { Executor } from "../../../src/firmware/executor.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { priceOf } from "../../../src/protocol/fuel.ts";
import { signManifest } from "../../../src/protocol/manifest.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { OP, taskModule } from "../../firmware/module.ts";
import { fuelOf } from "../../stories/fuel.ts";
import { PATH_PLAN, PRICE, planJob, rateFor, WholeMarket } from "../../stories/whole-market.ts";

const SUBTRACT = 0x6b;
const TEE = 0x22;
const BRANCH_IF = 0x0d;

/** Goes round once for each byte of its input, and then traps. */
const TRAPPING = taskModule({
  memory: [4, 4],
  run: [
    ...OP.loop,
    ...[OP.get, 1, OP.i32Const, 1, SUBTRACT, TEE, 1, BRANCH_IF, 0],
    ...[OP.end, OP.unreachable],
  ],
});

let market: WholeMarket;

afterEach(() => market.close());

function open(checkRate: number): Promise<WholeMarket> {
  return WholeMarket.open((config) => {
    config.market.check_rate = checkRate;
  });
}

/** Runs honestly, and claims to have burnt half as much again. */
function inflating(executor: Executor): ServeOptions["executor"] {
  return {
    run: async (request) => {
      const result = await executor.run(request);
      return { ...result, fuel: Math.floor(result.fuel * 1.5) };
    },
  };
}

/** What a robot tells of what it has handed over. */
function deliveries(robot: Robot): string[] {
  const told: string[] = [];
  robot.listen((event) => event.kind === "task" && event.step === "delivered" && told.push(event.reason));
  return told;
}

describe("fuel", { timeout: 40_000 }, () => {
  it("that a provider has made up is not paid, and the provider that was honest is", async () => {
    market = await open(1);
    const first = await market.provider("first", 500n, inflating(await market.executor()));
    const second = await market.provider("second", 900n);
    const buyer = await market.robot("buyer", false);
    const job = planJob(1);
    const fuelLimit = 2 * job.fuelLimit;
    const answer = await buyer.hire({ ...job, fuelLimit, maxPrice: PRICE, checkBudget: PRICE });
    const spent = priceOf(rateFor(900n, fuelLimit), job.fuelLimit);
    expect(answer).toMatchObject({
      ...{ state: "paid", provider: second.address, verdict: "ok" },
      ...{ fuel: job.fuelLimit, spent, rechecked: true },
    });
    expect(market.of("withdrawn")).toMatchObject([{ provider: first.address, how: "outvoted" }]);
    const { outgoing } = market.gateway.state.payment;
    expect(outgoing.get(first.address)?.signed).toBe(0n);
    expect(outgoing.get(second.address)?.signed).toBe(spent - (spent * 200n) / 10_000n);
  });

  it("that a provider has made up is not paid where the requester spends nothing on checks either", async () => {
    market = await open(1);
    const first = await market.provider("first", 500n, inflating(await market.executor()));
    const second = await market.provider("second", 900n);
    const buyer = await market.robot("buyer", false);
    const job = planJob(1);
    const fuelLimit = 2 * job.fuelLimit;
    const answer = await buyer.hire({ ...job, fuelLimit, maxPrice: PRICE });
    expect(answer).toMatchObject({
      ...{ state: "paid", provider: second.address, verdict: "ok" },
      ...{ fuel: job.fuelLimit, rechecked: true },
    });
    expect(market.of("withdrawn")).toMatchObject([{ provider: first.address, how: "outvoted" }]);
    expect(market.gateway.state.payment.outgoing.get(first.address)?.signed).toBe(0n);
  });

  it("of a program that traps is billed to the last operation, and both sides are told", async () => {
    market = await open(0);
    market.trusted.add(hashBlob(TRAPPING));
    const told = deliveries(await market.provider("first", 500n));
    const buyer = await market.robot("buyer", false);
    const fuelLimit = 1_000_000;
    const rate = rateFor(500n, fuelLimit);
    const fuels: number[] = [];
    for (const rounds of [1, 10_000, 100_000]) {
      const input = new Uint8Array(rounds);
      const answer = await buyer.hire({ firmware: TRAPPING, input, fuelLimit, maxPrice: PRICE });
      const fuel = fuelOf(TRAPPING, input);
      const spent = priceOf(rate, fuel);
      expect(answer).toMatchObject({ state: "paid", verdict: "trap", output: null, fuel, spent });
      expect(answer.receipt).toMatchObject({ verdict: "trap", fuel, rate, price: spent });
      fuels.push(fuel);
    }
    const [one = 0, many = 0, most = 0] = fuels;
    expect((many - one) / 9_999).toBe((most - one) / 99_999);
    expect((most - one) % 99_999).toBe(0);
    expect(told).toEqual([1, 2, 3].map(() => expect.stringMatching(/^trap: .*unreachable/)));
    expect(market.of("delivered").map(({ verdict }) => verdict)).toEqual(["trap", "trap", "trap"]);
  });

  it("that is one short of what a program needs is billed whole, and buys no output", async () => {
    market = await open(0);
    await market.provider("first", 500n);
    const buyer = await market.robot("buyer", false);
    const job = planJob(3);
    const fuelLimit = job.fuelLimit - 1;
    const answer = await buyer.hire({ ...job, fuelLimit, maxPrice: PRICE });
    const short = { state: "paid", verdict: "out-of-fuel", output: null, fuel: fuelLimit, spent: 500n };
    expect(answer).toMatchObject(short);
    expect(await buyer.hire({ ...job, maxPrice: PRICE })).toMatchObject({
      verdict: "ok",
      fuel: job.fuelLimit,
    });
  });
});

describe("a provider that was told to trust nobody", { timeout: 40_000 }, () => {
  it("bids for nothing, and does a trusted author's work once it is shown the manifest", async () => {
    market = await open(0);
    const author = keySigner(randomKey());
    const first = await market.robot("first", true);
    first.serve({
      executor: await market.executor(),
      trust: { firmware: new Set(), authors: new Set([author.address]) },
      rate: ({ fuelLimit }) => rateFor(500n, fuelLimit),
      concurrency: 1,
    });
    const buyer = await market.robot("buyer", false);
    const order = { ...planJob(1), maxPrice: amount(500n) };
    const denied = await buyer.hire({ ...order, deadlineMs: 2_000 });
    expect(denied).toMatchObject({ state: "expired", verdict: null, fuel: 0, spent: 0n });
    expect(market.of("announced").length).toBeGreaterThan(0);
    expect(market.of("bidPlaced")).toEqual([]);
    const named = { name: "path-plan", version: "1", licence: "MIT", profile: "task/1" } as const;
    const firmware = hashBlob(PATH_PLAN);
    const manifest = await signManifest(author, { firmware, ...named, memoryMiB: 64 });
    expect(await buyer.hire({ ...order, manifest })).toMatchObject({
      state: "paid",
      provider: first.address,
    });
    expect(market.of("bidPlaced")).toHaveLength(1);
  });
});
