/** Modules that are made to hurt who runs them, through the executor: what becomes of each, and what it costs. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { Executor, type RunResult } from "../../src/firmware/executor.ts";
import { instrument } from "../../src/firmware/meter/instrument.ts";
import { decodeModule } from "../../src/firmware/wasm/module.ts";
import * as bombs from "./bombs.ts";
import { compileKernel } from "./kernels/compile.ts";
import { words } from "./kernels/kernels.ts";
import { watched } from "./probe.ts";

const LIMIT = 100_000_000;
/** What no run here burns before its deadline. */
const ENDLESS = 10 ** 15;
/** What a gateway may take to answer, milliseconds. */
const ANSWER = 50;
const INPUT = Uint8Array.of(1, 2, 3, 4);
const executor = new Executor({ clock: systemClock });

beforeAll(() => executor.start());
afterAll(() => executor.stop());

type Options = { readonly input?: Uint8Array; readonly fuelLimit?: number; readonly wallMs?: number };

/** Runs it, and sees to it that this process could answer meanwhile. */
async function run(firmware: Uint8Array, options: Options = {}): Promise<RunResult> {
  const request = { firmware, input: INPUT, fuelLimit: LIMIT, wallMs: 15_000, maxOutput: 1_024, ...options };
  const { result, busy } = await watched(() => executor.run(request));
  expect(busy).toBeLessThan(ANSWER);
  return result;
}

async function expectRejected(firmware: Uint8Array, rejection: string): Promise<void> {
  const { result, busy } = await watched(() => executor.inspect(firmware));
  expect(result).toMatchObject({ verdict: "rejected", rejection });
  expect(busy).toBeLessThan(ANSWER);
  expect(await run(firmware)).toMatchObject({ verdict: "rejected", reason: rejection, fuel: 0 });
}

/** What the canonical build burns in this process until it ends in a trap. */
function canonicalFuel(firmware: Uint8Array, input: Uint8Array): number {
  const module = decodeModule(firmware);
  if ("rejection" in module) throw new Error(module.reason);
  const bytes = new Uint8Array(instrument(module, { strategy: "block" }));
  const task = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as {
    readonly __hw_fuel: { value: bigint };
    readonly alloc: (length: number) => number;
    readonly run: (at: number, length: number) => bigint;
  };
  task.__hw_fuel.value = BigInt(LIMIT);
  expect(() => task.run(task.alloc(input.length), input.length)).toThrow();
  return LIMIT - Number(task.__hw_fuel.value);
}

describe("hostile task firmware", () => {
  it("1: an endless loop runs out of fuel and is billed its limit", async () => {
    for (const fuelLimit of [1, 1_000, LIMIT]) {
      const result = await run(bombs.endlessLoop(), { fuelLimit });
      expect(result).toMatchObject({ verdict: "out-of-fuel", fuel: fuelLimit });
    }
  });

  it.for([
    ["endless", bombs.endlessRecursion],
    ["mutual", bombs.mutualRecursion],
    ["indirect", bombs.indirectRecursion],
  ] as const)("2: %s recursion ends at the stack's budget, after the same fuel", async ([, build]) => {
    const firmware = build();
    const first = await run(firmware);
    expect(first).toMatchObject({ verdict: "stack", fuel: canonicalFuel(firmware, INPUT) });
    expect(first.fuel).toBeGreaterThan(1_000);
    expect(await run(firmware)).toMatchObject({ verdict: "stack", fuel: first.fuel });
  });

  it("3: 2^40 calls without a loop run out of fuel", async () => {
    expect(await run(bombs.callTree(40))).toMatchObject({ verdict: "out-of-fuel", fuel: LIMIT });
  });

  it("4: 300 fills of 64 MiB in a straight line run out of fuel", async () => {
    expect(await run(bombs.fills(300))).toMatchObject({ verdict: "out-of-fuel", fuel: LIMIT });
  });

  it("5: locals times branches are rejected before anything compiles them", async () => {
    await expectRejected(bombs.localsByBranches(49_000, 20_000), "locals");
    await expectRejected(bombs.localsByBranches(1_990, 20_000), "branches");
  });

  it("5: what fuel does not end is killed at its deadline, and the next run works", async () => {
    const pids = executor.pids;
    const late = await run(bombs.endlessLoop(), { fuelLimit: ENDLESS, wallMs: 200 });
    expect(late).toMatchObject({ verdict: "deadline", fuel: 0 });
    expect(await run(bombs.bomb({}))).toMatchObject({ verdict: "ok" });
    expect(pids).not.toEqual(executor.pids);
  });

  it.for([
    ["150,000 blocks inside each other", () => bombs.nested(150_000), "nesting"],
    ["blocks of 1.5 MB", () => bombs.nested(500_000), "functions"],
    ["a table of 65,536 branches", () => bombs.branchTable(65_536), "br_table"],
    ["100,000 functions", () => bombs.manyFunctions(100_000), "functions"],
  ] as const)("6: %s are rejected", async ([, build, rejection]) => {
    await expectRejected(build(), rejection);
  });

  it("7: memory of 4 GiB, or of any size, is rejected", async () => {
    await expectRejected(bombs.bomb({ memory: [65_536, 65_536] }), "memory_too_large");
    await expectRejected(bombs.bomb({ memory: [1, 65_536] }), "memory_too_large");
    await expectRejected(bombs.bomb({ memory: [1] }), "memory_unbounded");
  });

  it("7: memory that grows is paid for, page by page, and ends at its maximum", async () => {
    const grown = await run(bombs.growing(256));
    expect(grown).toMatchObject({ verdict: "ok", output: words(256) });
    expect(grown.fuel).toBeGreaterThan(255 * 1_024);
    const fuelLimit = 255 * 1_024;
    expect(await run(bombs.growing(256), { fuelLimit })).toMatchObject({
      verdict: "out-of-fuel",
      fuel: fuelLimit,
    });
    // what it asks for is paid for, whether it gets it or not
    expect(await run(bombs.greedy(100_000))).toMatchObject({ verdict: "out-of-fuel", fuel: LIMIT });
    expect(await run(bombs.greedy(16))).toMatchObject({ verdict: "ok" });
  });

  it("8: tables, data and elements beyond what is declared are rejected", async () => {
    await expectRejected(bombs.bomb({ table: 10_000_000 }), "table_too_large");
    await expectRejected(bombs.bomb({ data: 65_537 }), "data");
    await expectRejected(bombs.bomb({ table: 1, elements: [1, 1] }), "elements");
    const many = Array.from({ length: 70_000 }, () => 1);
    await expectRejected(bombs.bomb({ table: 65_536, elements: many }), "elements");
  });

  it.for([
    ["env", "abort"],
    ["wasi_snapshot_preview1", "path_open"],
    ["wasi_snapshot_preview1", "sock_send"],
    ["wasi_snapshot_preview1", "clock_time_get"],
  ] as const)("9: a task that imports %s.%s is rejected", async (name) => {
    await expectRejected(bombs.bomb({ imports: [name] }), "imports");
  });

  it("9: shared and 64-bit memory are rejected by name", async () => {
    await expectRejected(bombs.bomb({ memoryFlags: 3 }), "features");
    await expectRejected(bombs.bomb({ memoryFlags: 5 }), "features");
  });

  it.for([
    ["threads", [0xfe, 0x03, 0x00]],
    ["relaxed SIMD", [0xfd, 0x80, 0x02]],
    ["exception handling", [0x06, 0x40, 0x19, 0x0b]],
    ["exception handling", [0x1f, 0x40, 0x00, 0x0b]],
    ["tail calls", [0x12, 0x00]],
    ["garbage collection", [0xfb, 0x00, 0x00]],
  ] as const)("9: instructions of %s are rejected by name", async ([feature, code]) => {
    const firmware = bombs.bomb({ run: { code: [...code, ...bombs.NOTHING] } });
    await expectRejected(firmware, "opcodes");
    expect(await executor.inspect(firmware)).toMatchObject({ reason: expect.stringContaining(feature) });
  });

  it("10: nobody names or reaches what the meter adds", async () => {
    for (const name of ["__hw_fuel", "__hw_stack", "__hw_fault", "__hw_start", "__hw_global_0"]) {
      await expectRejected(bombs.bomb({ globals: [1], exports: [[name, 3, 0]] }), "reserved_name");
    }
    for (const index of [1, 2, 3]) {
      const write = [...bombs.constant(1), 0x24, index, ...bombs.NOTHING];
      await expectRejected(bombs.bomb({ globals: [1], run: { code: write } }), "malformed");
    }
    const twice = bombs.bomb({ exports: [["run", 0, bombs.RUN]] });
    expect(await run(twice)).toMatchObject({ verdict: "rejected" });
  });

  it("11: a start section that does not end is metered", async () => {
    expect(await run(bombs.spinningStart())).toMatchObject({ verdict: "out-of-fuel", fuel: LIMIT });
  });

  it.for([
    ["outside its memory", bombs.answering(65_000, 1_000)],
    ["behind its memory", bombs.answering(65_537, 1)],
    ["whose end overflows", bombs.answering(0x7fff_ffff, 0x7fff_ffff)],
    ["at a negative address", bombs.answering(-16, 8)],
    ["longer than allowed", bombs.answering(0, 1_025)],
  ] as const)("12: an answer %s is a bad output", async ([, code]) => {
    const result = await run(bombs.bomb({ run: { code } }));
    expect(result).toMatchObject({ verdict: "bad-output" });
    expect(result.fuel).toBeGreaterThan(0);
  });

  it.for([-1, 65_536, 65_533, 0x7fff_ffff, -2_147_483_648])(
    "12: room at %d for its input is a bad output",
    async (at) => {
      const result = await run(bombs.bomb({ alloc: bombs.constant(at) }));
      expect(result).toMatchObject({ verdict: "bad-output" });
    },
  );

  it.for(Object.entries(bombs.TRAPS))(
    "13: %s after much work is a trap, billed exactly",
    async ([, last]) => {
      const firmware = bombs.trapAfterWork(last);
      const first = await run(firmware);
      expect(first).toMatchObject({ verdict: "trap", fuel: canonicalFuel(firmware, INPUT) });
      expect(first.fuel).toBeGreaterThan(1_000_000);
      expect(await run(firmware)).toMatchObject({ verdict: "trap", fuel: first.fuel });
    },
  );

  it("14: no run finds what another one left", async () => {
    const firmware = bombs.smuggler();
    const fresh = { verdict: "ok", output: words(0, 7, 0, 1) };
    const first = await run(firmware);
    expect(first).toMatchObject(fresh);
    const limits = { fuelLimit: LIMIT, wallMs: 15_000, maxOutput: 1_024 };
    const batch = await executor.runBatch({ firmware, inputs: [INPUT, INPUT, INPUT], ...limits });
    expect(batch).toHaveLength(3);
    for (const result of [await run(firmware), ...batch]) {
      expect(result).toMatchObject({ ...fresh, fuel: first.fuel });
    }
  });

  it("15: NaNs have one form, whatever the processor makes of them", async () => {
    const result = await run(bombs.nanFingerprint(), { input: bombs.nanInput() });
    const [f64, f32] = ["000000000000f87f", "0000c07f"];
    const expected = [f64.repeat(5), f32.repeat(2), f64.repeat(3), f32.repeat(4), "000000000000f03f"].join(
      "",
    );
    expect(result.verdict === "ok" && Buffer.from(result.output).toString("hex")).toBe(expected);
  });

  it("16: a verify that always agrees, or never ends, has a bill and a limit of its own", async () => {
    const check = { input: INPUT, output: INPUT, fuelLimit: LIMIT, wallMs: 15_000 };
    const agreeing = bombs.bomb({ verify: bombs.constant(1) });
    const agreed = await executor.verify({ firmware: agreeing, ...check });
    expect(agreed).toMatchObject({ verdict: "ok", valid: true });
    expect(agreed.fuel).toBeLessThan(100);
    const looping = bombs.bomb({ verify: [0x03, 0x40, 0x0c, 0, 0x0b, 0x00] });
    const looped = await executor.verify({ firmware: looping, ...check });
    expect(looped).toMatchObject({ verdict: "out-of-fuel", valid: false, fuel: LIMIT });
    const odd = await executor.verify({ firmware: bombs.bomb({ verify: bombs.constant(3) }), ...check });
    expect(odd.valid).toBe(false);
  });

  it("17: loads that miss every cache are of the largest memory class, and a deadline ends them unbilled", async () => {
    const firmware = await compileKernel("chase");
    expect(await executor.inspect(firmware)).toMatchObject({ verdict: "ok", memoryMiB: 64 });
    const input = words(2 ** 22, 0xffff_ffff);
    const result = await run(firmware, { input, fuelLimit: ENDLESS, wallMs: 400 });
    expect(result).toMatchObject({ verdict: "deadline", fuel: 0 });
  });

  it("18: every beginning of a module is rejected, but for the whole", async () => {
    const firmware = bombs.nanFingerprint();
    for (let length = 0; length < firmware.length; length += 3) {
      expect(await executor.inspect(firmware.slice(0, length))).toMatchObject({ verdict: "rejected" });
    }
    expect(await executor.inspect(firmware)).toMatchObject({ verdict: "ok" });
  });

  it("18: numbers of too many bytes, and sections that stand twice, are rejected", async () => {
    const [firmware, head] = [bombs.bomb({}), 8];
    const typeLength = firmware[head + 1] ?? 0;
    const long = [1, 0x80 | typeLength, 0x80, 0x80, 0x80, 0x80, 0x00];
    const overlong = Uint8Array.from([...firmware.slice(0, head), ...long, ...firmware.slice(head + 2)]);
    await expectRejected(overlong, "malformed");
    const types = firmware.slice(head, head + 2 + typeLength);
    await expectRejected(bombs.join(firmware.slice(0, head), types, firmware.slice(head)), "malformed");
  });

  it("18: a module with any byte changed is run or rejected, and the executor lives", async () => {
    const path = new URL("../../build/firmware/path-plan.wasm", import.meta.url);
    const firmware = new Uint8Array(readFileSync(path));
    let state = 1;
    for (let round = 0; round < 60; round++) {
      const changed = firmware.slice();
      for (let count = 0; count < 1 + (round % 3); count++) {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
        changed[(state >> 4) % changed.length] = state >> 16;
      }
      const result = await run(changed, { input: new Uint8Array(64), fuelLimit: 1_000_000 });
      expect(["ok", "trap", "stack", "out-of-fuel", "bad-output", "rejected"]).toContain(result.verdict);
    }
    expect(await run(bombs.bomb({}))).toMatchObject({ verdict: "ok" });
  });
});
