import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeInput } from "../../devices/robot/plan/job.ts";
import { randomQueries, warehouse } from "../../devices/robot/plan/warehouse.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Executor } from "../../src/firmware/executor.ts";
import { instrument } from "../../src/firmware/meter/instrument.ts";
import { MAX_MODULE_BYTES } from "../../src/firmware/policy.ts";
import { decodeModule } from "../../src/firmware/wasm/module.ts";
import { MEMORY_CLASSES } from "../../src/protocol/fuel.ts";
import { LIMITS, runOf } from "./executor-rig.ts";
import { ENDLESS, OP, returning, taskModule } from "./module.ts";

const USAGE = expect.objectContaining({ code: "usage" });
const MIB = 2 ** 20;
const pathPlan = new Uint8Array(
  readFileSync(new URL("../../build/firmware/path-plan.wasm", import.meta.url)),
);
const echo = taskModule();
const input = Uint8Array.of(1, 2, 3);
/** Gives back an input that fills its whole memory. */
const roomy = taskModule({ memory: [1024, 1024], alloc: [OP.i32Const, 0] });
const executor = new Executor({ clock: systemClock });
const run = runOf(executor, input);

beforeAll(() => executor.start());
afterAll(() => executor.stop());

describe("executor", () => {
  it("runs path planning, bills it the same every time, and verifies the result", async () => {
    const map = warehouse(1);
    const job = encodeInput(map, randomQueries(map, 20, 2));
    const result = await run(pathPlan, { input: job });
    if (result.verdict !== "ok") throw new Error(result.verdict);
    expect(result.fuel).toBeGreaterThan(100_000);
    expect(await run(pathPlan, { input: job })).toMatchObject({ verdict: "ok", fuel: result.fuel });
    const check = { firmware: pathPlan, input: job, output: result.output, ...LIMITS };
    const checked = await executor.verify(check);
    expect(checked).toMatchObject({ verdict: "ok", valid: true });
    expect(checked.fuel).toBeLessThan(result.fuel);
    const wrong = { ...check, output: result.output.slice(0, -1) };
    expect(await executor.verify(wrong)).toMatchObject({ verdict: "ok", valid: false });
  });

  it.for([
    ...[0, -1, Number.NaN, 86_400_001, Number.POSITIVE_INFINITY].map((wallMs) => ({ wallMs })),
    ...[0, -1, 1.5, Number.NaN, 1e15 + 1].map((fuelLimit) => ({ fuelLimit })),
    ...[-1, 0.5, Number.NaN, 64 * MIB + 1].map((maxOutput) => ({ maxOutput })),
  ])("has no such limit: %o", async (limit) => {
    await expect(run(echo, limit)).rejects.toThrow(USAGE);
  });

  it("takes a deadline between milliseconds", async () => {
    expect(await run(echo, { wallMs: 9_999.5 })).toMatchObject({ verdict: "ok" });
  });

  it("gives back bytes of any size up to 64 MiB, and the event loop runs on meanwhile", async () => {
    expect(await run(echo)).toMatchObject({ verdict: "ok", output: input });
    expect(await run(echo, { input: new Uint8Array(), maxOutput: 0 })).toMatchObject({
      verdict: "ok",
      output: new Uint8Array(),
    });
    const large = new Uint8Array(64 * MIB).map((_, i) => i % 251);
    let isDone = false;
    const result = run(roomy, { input: large, maxOutput: 64 * MIB, wallMs: 60_000 }).finally(() => {
      isDone = true;
    });
    let turns = 0;
    for (; !isDone; turns++) await new Promise((resolve) => setImmediate(resolve));
    const ended = await result;
    expect(ended.verdict === "ok" && Buffer.compare(ended.output, large)).toBe(0);
    // it would be a handful if the bytes were written or joined in one go
    expect(turns).toBeGreaterThan(100);
  });

  it("takes no input of more than 64 MiB, and no module of more than 4", async () => {
    const request = { input: new Uint8Array(64 * MIB + 1), fuel: 0 };
    expect(await run(echo, request)).toMatchObject({
      verdict: "rejected",
      reason: "input_too_large",
      fuel: 0,
    });
    const check = { firmware: echo, input, output: request.input, ...LIMITS };
    expect(await executor.verify(check)).toMatchObject({ verdict: "rejected", reason: "input_too_large" });
    const firmware = new Uint8Array(MAX_MODULE_BYTES + 1);
    expect(await run(firmware)).toMatchObject({ verdict: "rejected", reason: "too_large" });
    expect(await executor.inspect(firmware)).toMatchObject({ verdict: "rejected", rejection: "too_large" });
  });

  it("answers in order when many runs are asked at once", async () => {
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        run(echo, { input: Uint8Array.of(i), fuelLimit: 1 + i * 200_000 }),
      ),
    );
    expect(results[0]).toMatchObject({ verdict: "out-of-fuel", fuel: 1 });
    const bytes = results.slice(1).map((result) => result.verdict === "ok" && result.output[0]);
    expect(bytes).toEqual(Array.from({ length: 199 }, (_, i) => i + 1));
  });
});

describe("executor, batches", () => {
  const request = { firmware: echo, ...LIMITS };

  it("answers every input in its place, more than its child is given at once", async () => {
    const inputs = Array.from({ length: 5_000 }, (_, i) => new Uint8Array(i % 700).fill(i));
    const results = await executor.runBatch({ ...request, inputs });
    const outputs = results.map((result) => (result.verdict === "ok" ? result.output : null));
    expect(outputs).toEqual(inputs);
    const [first] = results;
    expect(new Set(results.map(({ fuel }) => fuel))).toEqual(new Set([first?.fuel]));
  });

  it("takes large inputs between small ones, and none at all", async () => {
    const inputs = [1, 40_000, 3, 3_000_000, 20_000, 2].map((length) => new Uint8Array(length).fill(length));
    const results = await executor.runBatch({ ...request, firmware: roomy, inputs, maxOutput: 3_000_000 });
    expect(results.map((result) => result.verdict === "ok" && result.output.length)).toEqual(
      inputs.map(({ length }) => length),
    );
    expect(await executor.runBatch({ ...request, inputs: [] })).toEqual([]);
  });

  it("gives each input its own fuel limit and its own verdict", async () => {
    // loops as often as its first byte says
    const code = [OP.get, 0, 0x2d, 0, 0, OP.set, 1, ...OP.loop, OP.get, 1, OP.i32Const, 1, 0x6b, 0x22, 1];
    const firmware = taskModule({ run: [...code, OP.brIf, 0, OP.end, ...returning(0, 1)] });
    const cost = async (rounds: number) => (await run(firmware, { input: Uint8Array.of(rounds) })).fuel;
    const inputs = [1, 250, 2].map((rounds) => Uint8Array.of(rounds));
    const fuelLimit = (await cost(2)) + 1;
    const results = await executor.runBatch({ ...request, firmware, inputs, fuelLimit });
    expect(results.map(({ verdict }) => verdict)).toEqual(["ok", "out-of-fuel", "ok"]);
    expect(results.map(({ fuel }) => fuel)).toEqual([await cost(1), fuelLimit, await cost(2)]);
  });

  it("keeps what was done when the deadline comes", async () => {
    // ends at once for an input of some bytes, never for one of none
    const firmware = taskModule({
      run: [...OP.block, OP.get, 1, OP.brIf, 0, ...OP.loop, OP.br, 0, OP.end, OP.end, ...returning(0, 1)],
    });
    const inputs = [input, input, new Uint8Array(), input];
    const results = await executor.runBatch({ ...request, firmware, inputs, fuelLimit: 1e15, wallMs: 300 });
    expect(results.map(({ verdict }) => verdict)).toEqual(["ok", "ok", "deadline", "deadline"]);
    expect(results[3]).toMatchObject({ fuel: 0, reason: "killed" });
    expect(results[3]?.wallMs).toBeGreaterThanOrEqual(290);
  });

  it("has one deadline for all", async () => {
    const inputs = new Array<Uint8Array>(1_000).fill(input);
    const firmware = taskModule({ run: ENDLESS });
    const results = await executor.runBatch({ ...request, firmware, inputs, fuelLimit: 1e15, wallMs: 200 });
    expect(results).toHaveLength(1_000);
    expect(results.every(({ verdict }) => verdict === "deadline")).toBe(true);
  });
});

describe("executor, inspection", () => {
  it("says what a module is, and the hash of what really runs", async () => {
    const module = decodeModule(pathPlan);
    if ("rejection" in module) throw new Error(module.reason);
    const metered = instrument(module);
    expect(await executor.inspect(pathPlan)).toEqual({
      ...{ verdict: "ok", profile: "task/1", memoryMiB: 64, pages: 1024, hasVerify: true },
      ...{ functions: module.bodies.length, meteredBytes: metered.length },
      metered: `0x${createHash("sha256").update(metered).digest("hex")}`,
    });
    expect(await executor.inspect(echo)).toMatchObject({ verdict: "ok", memoryMiB: 1, hasVerify: false });
  });

  it.for([
    ["imports", taskModule({ imports: true })],
    ["memory_unbounded", taskModule({ memory: [1] })],
    ["not_wasm", new TextEncoder().encode("not a module")],
    ["invalid", taskModule({ run: [OP.i32Const, 1] })],
  ] as const)("says why a module is rejected: %s", async ([rejection, firmware]) => {
    const found = await executor.inspect(firmware);
    expect(found).toMatchObject({ verdict: "rejected", rejection });
    expect(found.verdict === "rejected" && found.reason.split(" ").length).toBeGreaterThan(3);
  });
});

describe("executor, benchmark", () => {
  it("measures fuel a second for each memory class", async () => {
    const rates = await executor.benchmark();
    expect([...rates.keys()]).toEqual([...MEMORY_CLASSES]);
    for (const rate of rates.values()) {
      expect(Number.isInteger(rate)).toBe(true);
      expect(rate).toBeGreaterThan(1_000_000);
    }
  });
});
