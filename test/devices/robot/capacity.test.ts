import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { randomKey, recoverAddress } from "../../../src/kernels/signature.ts";
import { signManifest } from "../../../src/protocol/manifest.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { askDigest, resultDigest } from "../../../src/protocol/typed-data.ts";
import type { FakeGateway } from "./fake-gateway.ts";
import { echo, endless, fuelLimit, large, ProviderStand, soon, task, trap } from "./provider-stand.ts";
import { METER, RUN_TERMS, RUNS, trusting } from "./run-terms.ts";

describe("what a provider runs", () => {
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

  it("bids only on what it trusts, can run and can run in time", async () => {
    stand.ackAll();
    stand.serve({ speed: new Map([[1, fuelLimit]]) });
    stand.announce({ firmware: gateway.keep(new Uint8Array([1])) });
    stand.announce({ profile: "wasi-stdio/1" });
    stand.announce({ meter: 2 });
    stand.announce({ costs: `0x${"00".repeat(32)}` });
    // never measured with so much memory
    stand.announce({ memoryMiB: 16 });
    // a second's fuel may take four
    stand.announce({ bidBy: soon(5_000), deadline: soon(8_900) });
    const last: Hex = `0x${"01".repeat(16)}`;
    stand.announce({ task: last, bidBy: soon(5_000), deadline: soon(9_100) });
    expect((await gateway.nth("bid", 1)).task).toBe(last);
  });

  it("does not bid on what an award leaves too little time for, however late the deadline is", async () => {
    stand.ackAll();
    gateway.terms = { firmware: { ...METER, maxFuel: 10 ** 12, runMs: 3_900 } };
    gateway.tellAgain(stand.file);
    stand.serve({ speed: new Map([[1, fuelLimit]]) });
    stand.announce();
    const last: Hex = `0x${"01".repeat(16)}`;
    stand.announce({ task: last, fuelLimit: fuelLimit - 15 });
    expect((await gateway.nth("bid", 1)).task).toBe(last);
  });

  it("trusts what a trusted author has signed, and nothing that others say about it", async () => {
    stand.ackAll();
    const [author, stranger] = [keySigner(randomKey()), keySigner(randomKey())];
    const said = { name: "echo", version: "1", licence: "MIT", profile: "task/1", memoryMiB: 1 } as const;
    const manifest = await signManifest(author, { firmware: gateway.keep(echo), ...said });
    stand.serve({ trust: { firmware: new Set(), authors: new Set([author.address]) } });
    stand.announce();
    const foreign = await signManifest(stranger, { firmware: gateway.keep(echo), ...said });
    stand.announce({ manifest: foreign });
    stand.announce({ manifest: { ...foreign, author: author.address } });
    stand.announce({ firmware: gateway.keep(trap), manifest });
    const last: Hex = `0x${"01".repeat(16)}`;
    stand.announce({ task: last, manifest });
    expect((await gateway.nth("bid", 1)).task).toBe(last);
    await stand.give({ task: last });
    expect((await gateway.nth("decline", 1)).task).toBe(last);
    await stand.give({ task: last, manifest });
    await gateway.nth("result", 1);
  });

  it("shows signed rates and its speed, at once and at each session", async () => {
    const speed = new Map([
      [1, 2e9],
      [64, 1e9 + 0.5],
    ] as const);
    stand.serve({ speed, ask: [{ memoryMiB: 1, rate: amount(7n) }] });
    const before = await gateway.nth("factsheet", 1);
    expect(before).toMatchObject(RUNS);
    expect(before.ask).toBeUndefined();
    const { ask } = await gateway.nth("factsheet", 2);
    expect(ask).toMatchObject({
      rates: [{ memoryMiB: 1, rate: 7n }],
      fuelPerSecond: [
        { memoryMiB: 1, fuel: 2e9 },
        { memoryMiB: 64, fuel: 1e9 },
      ],
      meter: RUN_TERMS.meter,
      costs: RUN_TERMS.costs,
    });
    if (!ask) throw new Error("no ask");
    expect(ask.expires).toBeGreaterThan(ask.measured);
    const digest = askDigest(gateway.market, stand.robot.address, ask);
    expect(recoverAddress(digest, ask.signature)).toBe(stand.robot.address);
    gateway.cut();
    await gateway.nth("factsheet", 4);
    expect(gateway.heard("factsheet")[2]).toMatchObject({ ask });
  });

  it.each([
    ["another fuel limit", { fuelLimit: fuelLimit + 1 }],
    ["more memory", { memoryMiB: 16 }],
    ["another profile", { profile: "wasi-stdio/1" }],
    ["another meter", { meter: 2 }],
    ["another firmware", { firmware: `0x${"0f".repeat(32)}` }],
    ["another requester", { requester: `0x${"0e".repeat(20)}` }],
  ] as const)("declines an award with %s than was announced", async (_, more) => {
    stand.ackAll();
    const reasons: string[] = [];
    stand.serve({ onEvent: (_task, step, reason) => step === "declined" && reasons.push(reason) });
    stand.announce();
    await gateway.nth("bid", 1);
    await stand.give(more);
    await gateway.nth("decline", 1);
    expect(reasons).toEqual(["the award is not for what was announced"]);
  });

  it("delivers a trap and its fuel, and is paid for it", async () => {
    stand.ackAll();
    const told: string[] = [];
    stand.serve({ onEvent: (_, step, reason) => told.push(`${step} ${reason}`) });
    await stand.giveModule(trap);
    const result = await gateway.nth("result", 1);
    expect(result).toMatchObject({ verdict: "trap", output: null, outputBytes: 0 });
    expect(recoverAddress(resultDigest(gateway.market, result), result.signature)).toBe(stand.robot.address);
    await stand.event("task", "delivered");
    expect(told.at(-1)).toMatch(/^delivered trap: /);
    const price = amount(BigInt(Math.max(1, result.fuel)));
    const voucher = await gateway.voucher(stand.robot.address, price);
    gateway.say(stand.file, "payment", { version: 1, task, role: "run", amount: price, voucher });
    await stand.event("task", "paid");
  });

  it("delivers the whole limit of a run that has burnt it", async () => {
    stand.ackAll();
    stand.serve();
    await stand.giveModule(endless);
    expect(await gateway.nth("result", 1)).toMatchObject({ verdict: "out-of-fuel", fuel: fuelLimit });
    await stand.event("task", "delivered");
  });

  it.each([
    ["deadline", "it took too long"],
    ["provider-fault", "no memory"],
    ["rejected", "malformed"],
  ] as const)("forfeits what ends as %s, which is this machine's doing", async (verdict, reason) => {
    stand.ackAll();
    stand.serve({ executor: { run: () => Promise.resolve({ verdict, reason, fuel: 0, wallMs: 1 }) } });
    await stand.give();
    expect(await gateway.nth("forfeit", 1)).toMatchObject({ task, reason: `${verdict}: ${reason}` });
    expect(gateway.heard("result")).toEqual([]);
  });

  it("forfeits a module that needs more memory than the award gives, and one that nobody may run", async () => {
    stand.ackAll();
    const wrong = new Uint8Array([1, 2, 3]);
    stand.serve({
      trust: trusting(large, wrong),
      executor: { run: () => Promise.reject(new Error("not run")) },
    });
    await stand.giveModule(large, { memoryMiB: 16 });
    const { reason } = await gateway.nth("forfeit", 1);
    expect(reason).toBe("firmware_rejected: the module may use 64 MiB of memory, which is more than 16");
    await stand.giveModule(wrong);
    expect((await gateway.nth("forfeit", 2)).reason).toMatch(/^firmware_rejected: /);
  });
});
