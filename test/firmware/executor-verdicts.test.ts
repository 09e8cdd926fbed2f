import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { Executor } from "../../src/firmware/executor.ts";
import { LIMITS, runOf } from "./executor-rig.ts";
import { ECHO, ENDLESS, OP, returning, TYPE, taskModule } from "./module.ts";

const input = Uint8Array.of(1, 2, 3);
const executor = new Executor({ clock: systemClock });
const run = runOf(executor, input);

beforeAll(() => executor.start());
afterAll(() => executor.stop());

const echo = taskModule();
/** Counts its loop's rounds in a local, and then does the rest. */
const counting = (rounds: number, rest: readonly number[]) =>
  taskModule({
    locals: [[1, TYPE.i32]],
    run: [
      ...[...OP.loop, OP.get, 2, OP.i32Const, 1, OP.i32Add, 0x22, 2],
      ...[OP.i32Const, ...[(rounds & 0x7f) | 0x80, ((rounds >> 7) & 0x7f) | 0x80, (rounds >> 14) & 0x3f]],
      ...[0x49, OP.brIf, 0, OP.end],
      ...rest,
    ],
  });

describe("out of fuel", () => {
  it("is what an endless run, an endless start and an endless verify come to, for the whole limit", async () => {
    const limit = { fuelLimit: 1_000_000 };
    const found = { verdict: "out-of-fuel", fuel: 1_000_000 };
    expect(await run(taskModule({ run: ENDLESS }), limit)).toMatchObject(found);
    expect(await run(taskModule({ start: [...OP.loop, OP.br, 0, OP.end] }), limit)).toMatchObject(found);
    expect(await run(taskModule({ alloc: ENDLESS }), limit)).toMatchObject(found);
    const verify = { firmware: taskModule({ verify: ENDLESS }), input, output: input, ...LIMITS, ...limit };
    expect(await executor.verify(verify)).toMatchObject({ ...found, valid: false });
  });

  it("begins exactly one below what a run costs", async () => {
    const ends: readonly [string, Uint8Array][] = [
      ["ok", echo],
      ["ok", counting(9_000, ECHO)],
      ["trap", counting(9_000, [OP.unreachable])],
      ["bad-output", taskModule({ run: returning(0, 0) })],
    ];
    for (const [verdict, firmware] of ends) {
      const { fuel } = await run(firmware);
      expect(fuel).toBeGreaterThan(0);
      expect(await run(firmware, { fuelLimit: fuel })).toMatchObject({ verdict, fuel });
      const short = await run(firmware, { fuelLimit: fuel - 1 });
      expect(short).toMatchObject({ verdict: "out-of-fuel", fuel: fuel - 1 });
    }
  });

  it("is not got round by growing memory, or by calls that double", async () => {
    const grow = [...OP.loop, OP.i32Const, 0, ...OP.memoryGrow, OP.drop, OP.br, 0, OP.end, OP.unreachable];
    expect(await run(taskModule({ run: grow }), { fuelLimit: 1_000_000 })).toMatchObject({
      verdict: "out-of-fuel",
    });
    const functions = Array.from({ length: 40 }, (_, i) => ({
      code: i === 39 ? [] : [OP.call, 5 + i, OP.call, 5 + i],
    }));
    const doubling = taskModule({ functions, run: [OP.call, 4, ...ECHO] });
    expect(await run(doubling)).toMatchObject({ verdict: "out-of-fuel" });
  });
});

describe("a trap", () => {
  it.for([
    ["unreachable", [OP.unreachable]],
    ["a division by zero", [OP.i32Const, 1, OP.i32Const, 0, OP.i32DivS, OP.drop, ...ECHO]],
    ["a load outside memory", [OP.i32Const, 0x7f, ...OP.i32Load, OP.drop, ...ECHO]],
  ] as const)(
    "is %s, and its bill is the same every time and grows with the work before it",
    async ([, end]) => {
      const few = await run(counting(1_000, end));
      const many = await run(counting(9_000, end));
      expect(few).toMatchObject({ verdict: "trap" });
      expect(await run(counting(1_000, end))).toMatchObject({ verdict: "trap", fuel: few.fuel });
      const perRound = (many.fuel - few.fuel) / 8_000;
      expect(perRound).toBeGreaterThan(0);
      expect(Number.isInteger(perRound)).toBe(true);
    },
  );

  it("is a data segment outside the memory, which costs nothing", async () => {
    const firmware = taskModule({ memory: [0, 1], data: [[0, OP.i32Const, 0, OP.end, 1, 9]] });
    const found = await run(firmware);
    expect(["trap", "rejected"]).toContain(found.verdict);
    expect(found.fuel).toBe(0);
  });

  it("in verify is not valid", async () => {
    const firmware = taskModule({ verify: [OP.unreachable] });
    const found = await executor.verify({ firmware, input, output: input, ...LIMITS });
    expect(found).toMatchObject({ verdict: "trap", valid: false });
  });
});

describe("the stack", () => {
  const recursing = [OP.get, 0, OP.get, 1, OP.call, 1];

  it("ends endless recursion at the same depth every time", async () => {
    const firmware = taskModule({ run: recursing });
    const first = await run(firmware);
    expect(first).toMatchObject({ verdict: "stack" });
    expect(first.fuel).toBeGreaterThan(1_000);
    expect(await run(firmware)).toMatchObject({ verdict: "stack", fuel: first.fuel });
    expect(await run(firmware, { fuelLimit: first.fuel - 1 })).toMatchObject({ verdict: "out-of-fuel" });
  });

  it("does not end a loop of calls", async () => {
    const calls = [...OP.loop, OP.call, 4, OP.get, 2, OP.i32Const, 1, OP.i32Add, 0x22, 2];
    const firmware = taskModule({
      locals: [[1, TYPE.i32]],
      functions: [{ code: [] }],
      run: [...calls, OP.i32Const, 0x80, 0x80, 0x04, 0x49, OP.brIf, 0, OP.end, ...ECHO],
    });
    expect(await run(firmware)).toMatchObject({ verdict: "ok" });
  });
});

describe("bad output", () => {
  it.for([
    ["no_output", taskModule({ run: returning(0, 0) })],
    ["out_of_bounds", taskModule({ run: returning(65_530, 7) })],
    ["out_of_bounds", taskModule({ run: returning(0xffff_ffff, 0xffff_ffff) })],
    ["out_of_bounds", taskModule({ run: returning(0x8000_0000, 1) })],
    ["too_long", taskModule({ run: returning(0, 4) })],
    ["alloc_out_of_bounds", taskModule({ alloc: [OP.i32Const, 0x7f] })],
    ["alloc_out_of_bounds", taskModule({ alloc: [OP.i32Const, 0x80, 0x80, 0x04] })],
  ] as const)("is %s, and it is billed", async ([reason, firmware]) => {
    const found = await run(firmware, { maxOutput: 3 });
    expect(found).toMatchObject({ verdict: "bad-output", reason });
    expect(found.fuel).toBeGreaterThan(0);
  });

  it("is not one that ends with the memory", async () => {
    const firmware = taskModule({ run: returning(65_530, 6) });
    expect(await run(firmware)).toMatchObject({ verdict: "ok", output: new Uint8Array(6) });
  });

  it("is an alloc that says no for either part of a check", async () => {
    const firmware = taskModule({ alloc: [OP.i32Const, 0x7f], verify: [OP.i32Const, 1] });
    const found = await executor.verify({ firmware, input, output: input, ...LIMITS });
    expect(found).toMatchObject({ verdict: "bad-output", reason: "alloc_out_of_bounds", valid: false });
  });
});

describe("a rejection", () => {
  it.for([
    ["imports", taskModule({ imports: true })],
    ["memory_too_large", taskModule({ memory: [1, 1025] })],
    ["memory_unbounded", taskModule({ memory: [1] })],
    ["not_wasm", new TextEncoder().encode("not a module")],
    ["not_wasm", new Uint8Array()],
    ["invalid", taskModule({ run: [OP.i32Const, 1] })],
  ] as const)("costs nothing: %s, the first time and the next", async ([reason, firmware]) => {
    const found = { verdict: "rejected", reason, fuel: 0 };
    expect(await run(firmware)).toMatchObject(found);
    expect(await run(firmware)).toMatchObject(found);
  });

  it("is a check by a module without one", async () => {
    const found = await executor.verify({ firmware: echo, input, output: input, ...LIMITS });
    expect(found).toMatchObject({ verdict: "rejected", reason: "no_verify", valid: false, fuel: 0 });
  });
});

describe("the deadline", () => {
  it("kills an endless run that has fuel left, and costs nothing", async () => {
    const result = await run(taskModule({ run: ENDLESS }), { fuelLimit: 1e15, wallMs: 200 });
    expect(result).toMatchObject({ verdict: "deadline", fuel: 0 });
    expect(result.wallMs).toBeGreaterThanOrEqual(190);
    expect(await run(echo)).toMatchObject({ verdict: "ok" });
  });
});

describe("every run", () => {
  const load = (address: number) => [OP.i32Const, address, ...OP.i32Load];
  const increment = [OP.i32Const, 0, ...load(0), OP.i32Const, 1, OP.i32Add, ...OP.i32Store];
  const store = (value: readonly number[]) => [OP.i32Const, 4, ...value, ...OP.i32Store];

  it("finds memory as it was, after good runs and bad ones", async () => {
    const firmware = taskModule({
      // with an input of no bytes it traps after it has written
      run: [...increment, ...OP.block, OP.get, 1, OP.brIf, 0, OP.unreachable, OP.end, ...returning(0, 4)],
    });
    const found = { verdict: "ok", output: Uint8Array.of(1, 0, 0, 0) };
    for (let i = 0; i < 3; i++) {
      expect(await run(firmware)).toMatchObject(found);
      expect(await run(firmware, { input: new Uint8Array() })).toMatchObject({ verdict: "trap" });
    }
  });

  it("finds globals as they were, and the data that came with it", async () => {
    const globals = [
      [TYPE.i32, 1, OP.i32Const, 7, OP.end],
      [TYPE.i64, 1, OP.i64Const, 7, OP.end],
    ];
    const bump = [OP.globalGet, 0, OP.i32Const, 1, OP.i32Add, OP.globalSet, 0];
    const bump64 = [OP.globalGet, 1, OP.i64Const, 1, 0x7c, OP.globalSet, 1];
    const firmware = taskModule({
      globals,
      data: [[0, OP.i32Const, 0, OP.end, 1, 41]],
      run: [
        ...bump,
        ...bump64,
        ...increment,
        ...store([OP.globalGet, 0, OP.globalGet, 1, 0xa7, 0x6a]),
        ...returning(0, 8),
      ],
    });
    for (let i = 0; i < 3; i++) {
      expect(await run(firmware)).toMatchObject({
        verdict: "ok",
        output: Uint8Array.of(42, 0, 0, 0, 16, 0, 0, 0),
      });
    }
  });

  it("finds as little memory as the first one, whatever others have grown", async () => {
    const grow = [OP.i32Const, 3, ...OP.memoryGrow, OP.drop];
    const firmware = taskModule({ run: [...store([0x3f, 0]), ...grow, ...returning(4, 4)] });
    for (let i = 0; i < 3; i++) {
      expect(await run(firmware)).toMatchObject({ verdict: "ok", output: Uint8Array.of(1, 0, 0, 0) });
    }
  });

  it("finds tables and segments as they were", async () => {
    // how many elements the table has, then one more
    const tableSize = [0xfc, 16, 0];
    const growTable = [0xd0, TYPE.funcref, OP.i32Const, 1, 0xfc, 15, 0, OP.drop];
    const firmware = taskModule({
      tables: [[TYPE.funcref, 1, 2, 10]],
      data: [[1, 1, 9]],
      dataCount: true,
      run: [
        ...store(tableSize),
        ...growTable,
        ...[OP.i32Const, 0, OP.i32Const, 0, OP.i32Const, 1, 0xfc, 8, 0, 0, 0xfc, 9, 0],
        ...returning(0, 8),
      ],
    });
    for (let i = 0; i < 3; i++) {
      expect(await run(firmware)).toMatchObject({
        verdict: "ok",
        output: Uint8Array.of(9, 0, 0, 0, 2, 0, 0, 0),
      });
    }
  });

  it("is billed for the start function, which may grow the memory, also where its work is kept", async () => {
    const firmware = taskModule({
      memory: [0, 4],
      start: [OP.i32Const, 1, ...OP.memoryGrow, OP.drop, ...increment, ...increment],
      run: [...increment, ...returning(0, 4)],
    });
    const first = await run(firmware);
    const plain = await run(taskModule({ run: [...increment, ...returning(0, 4)] }));
    expect(first).toMatchObject({ verdict: "ok", output: Uint8Array.of(3, 0, 0, 0) });
    expect(first.fuel).toBeGreaterThan(plain.fuel + 1000);
    const { output, fuel } = first.verdict === "ok" ? first : { output: null, fuel: 0 };
    for (let i = 0; i < 4; i++) {
      expect(await run(firmware, { fuelLimit: fuel })).toMatchObject({ verdict: "ok", output, fuel });
    }
    expect(await run(firmware, { fuelLimit: fuel - 1 })).toMatchObject({ verdict: "out-of-fuel" });
    expect(await run(firmware, { fuelLimit: 5 })).toMatchObject({ verdict: "out-of-fuel", fuel: 5 });
    for (let i = 0; i < 3; i++) expect(await run(firmware)).toMatchObject({ verdict: "ok", output, fuel });
    await run(firmware);
    expect(await run(firmware, { fuelLimit: 5 })).toMatchObject({ verdict: "out-of-fuel", fuel: 5 });
  });

  it("keeps the bits of a global that is not a number", async () => {
    const nan = [TYPE.f64, 1, 0x44, 1, 2, 3, 4, 5, 6, 0xf4, 0x7f, OP.end];
    const bits = [OP.i32Const, 0, OP.globalGet, 0, 0xbd, 0x37, 3, 0];
    const firmware = taskModule({ globals: [nan], run: [...bits, ...returning(0, 8)] });
    const [first, second] = [await run(firmware), await run(firmware)];
    expect(first).toMatchObject({ verdict: "ok" });
    expect(second).toMatchObject({ output: first.verdict === "ok" && first.output, fuel: first.fuel });
  });
});
