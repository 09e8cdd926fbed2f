import { describe, expect, it } from "vitest";
import { judgeModule, MAX_MODULE_BYTES, MAX_PAGES, type Rejection } from "../../src/firmware/policy.ts";
import { branchTable, localsByBranches, manyFunctions, nested } from "./bombs.ts";
import {
  assembled,
  bodyOf,
  joined,
  leb,
  NOTHING,
  OP,
  repeated,
  TYPE,
  taskModule,
  text,
  vector,
} from "./module.ts";
import { kernels, pathPlan, quickjs, relaxed, secp256k1 } from "./wasm/real.ts";

const I = TYPE.i32;
/**
 * Milliseconds. Alone it takes 100, but here the suite shares its cores; what takes more than linear time would take
 * minutes.
 */
const MOMENT = 5_000;
const TRUE = [OP.i32Const, 1];

const rejection = (bytes: Uint8Array): Rejection | "accepted" => {
  const outline = judgeModule(bytes);
  return "rejection" in outline ? outline.rejection : "accepted";
};

/** What the engine thinks of it, and then what the policy does. */
const both = (bytes: Uint8Array) => [WebAssembly.validate(bytes), rejection(bytes)];

/** A task of exactly so many bytes, most of which are data. */
function padded(bytes: number): Uint8Array {
  const of = (length: number) =>
    taskModule({ memory: [64, 64], data: [joined([1, ...leb(length)], new Uint8Array(length))] });
  const some = 2 ** 21;
  return of(bytes - (of(some).length - some));
}

type WasiParts = {
  readonly imports?: readonly (readonly number[])[];
  readonly exports?: readonly (readonly number[])[];
  readonly most?: number;
  /** Index of `_start`. */
  readonly first?: number;
};

/** A program of profile `wasi-stdio/1`, whose types are `() -> ()`, `(i32) -> ()` and `(i32 x 4) -> i32`. */
function program({
  imports = [],
  exports = [],
  most = 16,
  first = imports.length,
}: WasiParts = {}): Uint8Array {
  return assembled(
    [
      1,
      vector([
        [0x60, 0, 0],
        [0x60, 1, I, 0],
        [0x60, 4, I, I, I, I, 1, I],
      ]),
    ],
    [2, vector(imports)],
    [3, [1, 0]],
    [5, [1, 1, 1, ...leb(most)]],
    [7, vector([[...text("memory"), 2, 0], [...text("_start"), 0, first], ...exports])],
    [10, vector([bodyOf({})])],
  );
}

const wasi = (name: string, type: number) => [...text("wasi_snapshot_preview1"), ...text(name), 0, type];

describe("a task", () => {
  it("is accepted with what its memory may become, its class and whether it can verify", () => {
    expect(judgeModule(taskModule())).toMatchObject({
      profile: "task/1",
      pages: 16,
      memoryMiB: 1,
      hasVerify: false,
    });
    expect(judgeModule(taskModule({ verify: TRUE, memory: [0, 17] }))).toMatchObject({
      pages: 17,
      memoryMiB: 16,
      hasVerify: true,
    });
    expect(judgeModule(taskModule({ memory: [1, 256] }))).toMatchObject({ memoryMiB: 16 });
    expect(judgeModule(taskModule({ memory: [1, 257] }))).toMatchObject({ memoryMiB: 64 });
    expect(judgeModule(taskModule({ memory: [MAX_PAGES, MAX_PAGES] }))).toMatchObject({
      pages: 1024,
      memoryMiB: 64,
    });
    expect(judgeModule(taskModule({ memory: [0, 0] }))).toMatchObject({ pages: 0, memoryMiB: 1 });
  });

  it("is the path-planning firmware, whose bytes come with its module", () => {
    const outline = judgeModule(pathPlan.bytes);
    expect(outline).toMatchObject({ profile: "task/1", memoryMiB: 64 });
    expect("module" in outline && outline.module.bytes).toBe(pathPlan.bytes);
  });

  it("may use all of WebAssembly 2.0, a start function, tables and segments", () => {
    const bytes = taskModule({
      start: [0x01],
      types: [[0x60, 1, I, 2, I, TYPE.v128]],
      functions: [{ type: 4, code: [OP.get, 0, OP.get, 0, 0xfd, 0x0f] }],
      tables: [
        [TYPE.funcref, 1, 4, 8],
        [TYPE.externref, 1, 0, 4],
      ],
      elements: [[0, OP.i32Const, 0, OP.end, 4, 0, 1, 2, 3]],
      globals: [[TYPE.v128, 1, 0xfd, 12, ...new Array<number>(16).fill(1), OP.end]],
      data: [
        [0, OP.i32Const, ...leb(0), OP.end, 3, 1, 2, 3],
        [1, 2, 7, 7],
      ],
      dataCount: true,
      run: [OP.i32Const, 0, 0xfc, 13, 0, OP.i32Const, 1, OP.i32Const, 1, 0xfc, 8, 1, 0, ...NOTHING],
    });
    expect(both(bytes)).toEqual([true, "accepted"]);
  });

  it("has at most so many bytes", () => {
    expect(padded(MAX_MODULE_BYTES)).toHaveLength(MAX_MODULE_BYTES);
    expect(both(padded(MAX_MODULE_BYTES))).toEqual([true, "accepted"]);
    expect(both(padded(MAX_MODULE_BYTES + 1))).toEqual([true, "too_large"]);
  });

  it.for([
    ["imports", taskModule({ imports: true })],
    ["memory_unbounded", taskModule({ memory: [1] })],
    ["memory_too_large", taskModule({ memory: [1, MAX_PAGES + 1] })],
    ["memory_too_large", taskModule({ memory: [1, 65_536] })],
    ["memory_too_large", taskModule({ memory: [MAX_PAGES + 1] })],
    ["exports", assembled([5, [1, 1, 1, 1]])],
    ["reserved_name", taskModule({ exports: [[...text("__hw_fuel"), 0, 0]] })],
    ["reserved_name", taskModule({ exports: [[...text("__hw_"), 2, 0]] })],
    ["opcodes", relaxed.bytes],
    ["opcodes", taskModule({ run: [OP.get, 0, 0xfe, 0x10, 2, 0, OP.drop, ...NOTHING] })],
    ["opcodes", taskModule({ run: [0x06, 0x40, 0x19, OP.end, ...NOTHING] })],
    ["imports", quickjs.bytes],
    ["imports", secp256k1.bytes],
    ["exports", kernels.bytes],
  ] as const)("is rejected for %s", ([name, bytes]) => {
    expect(both(bytes)).toEqual([true, name]);
  });

  it("says why in a sentence with numbers", () => {
    expect(judgeModule(taskModule({ memory: [1, 2_000] }))).toEqual({
      rejection: "memory_too_large",
      reason: "the memory has 2000 pages; at most 1024",
    });
    expect(judgeModule(taskModule({ imports: true }))).toEqual({
      rejection: "imports",
      reason: "env.f is imported; profile task/1 has no imports",
    });
    expect(judgeModule(new TextEncoder().encode("#!/bin/sh"))).toMatchObject({ rejection: "not_wasm" });
    expect(judgeModule(new Uint8Array())).toMatchObject({ rejection: "not_wasm" });
  });

  it.for([
    ["run is exported as ran", "run", "ran"],
    ["memory is exported as memorx", "memory", "memorx"],
    ["alloc is exported as allox", "alloc", "allox"],
  ] as const)("is rejected for exports when %s", ([, from, to]) => {
    const bytes = taskModule();
    bytes.set(new TextEncoder().encode(to), Buffer.from(bytes).indexOf(from));
    expect(both(bytes)).toEqual([true, "exports"]);
  });

  it("is rejected for exports when a function has another type, or is none", () => {
    const verify = taskModule({ verify: TRUE });
    const at = Buffer.from(verify).indexOf("verify") + "verify".length;
    expect(both(verify.with(at + 1, 0))).toEqual([true, "exports"]);
    expect(both(verify.with(at, 2).with(at + 1, 0))).toEqual([true, "exports"]);
    expect(both(verify.with(at + 1, 99))).toEqual([false, "malformed"]);
  });
});

describe("a program with standard streams", () => {
  it("is accepted with the functions of WASI that the profile has", () => {
    expect(judgeModule(program())).toMatchObject({ profile: "wasi-stdio/1", memoryMiB: 1, hasVerify: false });
    const imports = [wasi("proc_exit", 1), wasi("fd_write", 2)];
    expect(judgeModule(program({ imports, most: 300 }))).toMatchObject({
      profile: "wasi-stdio/1",
      pages: 300,
    });
  });

  it("is a task when it exports run as well", () => {
    const bytes = taskModule({ exports: [[...text("_start"), 0, 3]] });
    expect(judgeModule(bytes)).toMatchObject({ profile: "task/1" });
  });

  it.for([
    ["a socket", [wasi("sock_accept", 2)]],
    ["another module", [[...text("env"), ...text("fd_write"), 0, 2]]],
    ["a function of another type", [wasi("fd_write", 1)]],
    ["a name of every object", [wasi("constructor", 0)]],
  ] as const)("is rejected for importing %s", ([, imports]) => {
    const bytes = program({ imports: [...imports] });
    expect(rejection(bytes)).toBe("imports");
  });

  it("is rejected for importing what is no function", () => {
    const global = [...text("wasi_snapshot_preview1"), ...text("fd_write"), 3, I, 0];
    expect(both(program({ imports: [global], first: 0 }))).toEqual([true, "imports"]);
  });

  it("is rejected for exports when its start takes or gives something", () => {
    const bytes = program({ imports: [wasi("proc_exit", 1)] });
    const at = Buffer.from(bytes).indexOf("_start") + "_start".length;
    expect(both(bytes.with(at + 1, 0))).toEqual([true, "exports"]);
    expect(both(program({ exports: [[...text("__hw_x"), 2, 0]] }))).toEqual([true, "reserved_name"]);
  });
});

describe("tables and segments", () => {
  const grow = [0xd0, TYPE.funcref, OP.i32Const, 1, 0xfc, 15, 0, OP.drop, ...NOTHING];
  const data = (offset: number, length: number) =>
    taskModule({
      data: [joined([0, OP.i32Const, ...leb(offset), OP.end, ...leb(length)], new Uint8Array(length))],
    });
  const elements = (offset: number, count: number) =>
    taskModule({
      table: 8,
      elements: [[0, OP.i32Const, offset, OP.end, count, ...new Array<number>(count).fill(0)]],
    });

  it.for([
    ["accepted", taskModule({ table: 65_536 })],
    ["table_too_large", taskModule({ table: 65_537 })],
    ["table_too_large", taskModule({ table: 10_000_000 })],
    ["accepted", taskModule({ tables: [[TYPE.funcref, 1, 0, ...leb(65_536)]], run: grow })],
    ["table_too_large", taskModule({ tables: [[TYPE.funcref, 1, 0, ...leb(65_537)]] })],
    [
      "table_too_large",
      taskModule({ tables: new Array<number[]>(2).fill([TYPE.funcref, 0, ...leb(32_769)]) }),
    ],
    ["table_too_large", taskModule({ table: 1, run: grow })],
    ["accepted", data(65_536 - 4, 4)],
    ["data", data(65_536 - 4, 5)],
    ["accepted", data(65_536, 0)],
    ["data", taskModule({ data: [[0, OP.i32Const, 0x7f, OP.end, 1, 7]] })],
    ["data", taskModule({ memory: [0, 1], data: [[0, OP.i32Const, 0, OP.end, 1, 7]] })],
    ["accepted", elements(4, 4)],
    ["elements", elements(4, 5)],
    ["elements", elements(0x7f, 1)],
  ] as const)("are %s", ([name, bytes]) => {
    expect(both(bytes)).toEqual([true, name]);
  });

  it.for([OP.i32Const, OP.globalGet])("of globals are rejected where they name a defined one", (op) => {
    const globals = [
      [I, 0, OP.i32Const, 0, OP.end],
      [I, 0, op, 0, OP.end],
    ];
    const expected = op === OP.globalGet ? "opcodes" : "accepted";
    expect(rejection(taskModule({ globals }))).toBe(expected);
    expect(rejection(taskModule({ globals, data: [[0, op, 0, OP.end, 1, 7]] }))).toBe(expected);
    expect(rejection(taskModule({ globals, table: 1, elements: [[0, op, 0, OP.end, 1, 0]] }))).toBe(expected);
  });
});

describe("what would take long to compile, or much stack", () => {
  /** 128 values in and out. */
  const wide = [
    0x60,
    ...leb(128),
    ...new Array<number>(128).fill(I),
    ...leb(128),
    ...new Array<number>(128).fill(I),
  ];
  const block = [...OP.block, OP.get, 0, OP.brIf, 0, OP.end];
  const branching = (locals: number, blocks: number) => ({
    locals: [[locals, I]] as const,
    code: joined([OP.i32Const, 0, OP.set, 0], repeated(block, blocks)),
  });
  const high = (height: number, blocks: number) =>
    taskModule({
      run: joined(
        repeated([OP.get, 0], height),
        repeated(block, blocks),
        repeated([OP.drop], height),
        NOTHING,
      ),
    });
  const calls = (count: number) =>
    taskModule({
      types: [wide],
      functions: [{ type: 4, code: Array.from({ length: 128 }, (_, i) => [OP.get, ...leb(i)]).flat() }],
      run: joined(
        repeated([OP.get, 0], 128),
        repeated([OP.call, 4], count),
        repeated([OP.drop], 128),
        NOTHING,
      ),
    });
  const chain = (length: number) =>
    taskModule({
      functions: Array.from({ length }, (_, i) => ({
        locals: [[1_000, TYPE.i64]] as const,
        code: i < length - 1 ? [OP.call, ...leb(5 + i)] : [],
      })),
    });

  it.for([
    ["accepted", "1,000 locals and 2,000 blocks", taskModule({ functions: [branching(1_000, 1_990)] })],
    ["branches", "1,000 locals and 2,001 blocks", taskModule({ functions: [branching(1_000, 2_001)] })],
    [
      "accepted",
      "five such functions",
      taskModule({ functions: new Array<never>(5).fill(branching(1_000, 1_990) as never) }),
    ],
    [
      "branches",
      "six such functions",
      taskModule({ functions: new Array<never>(6).fill(branching(1_000, 1_990) as never) }),
    ],
    ["accepted", "1,000 operands and 1,990 blocks", high(1_000, 1_990)],
    ["branches", "1,000 operands and 2,010 blocks", high(1_000, 2_010)],
    ["accepted", "970 calls with 128 values", calls(970)],
    ["branches", "980 calls with 128 values", calls(980)],
    ["accepted", "a frame of 4,000 operands", high(4_000, 1)],
    ["stack", "a frame of 4,100 operands", high(4_100, 1)],
    ["accepted", "a chain of 32 frames of 8 KiB", chain(32)],
    ["stack", "a chain of 33 frames of 8 KiB", chain(33)],
  ] as const)("is %s: %s", ([name, , bytes]) => {
    expect(both(bytes)).toEqual([true, name]);
  });

  it.for([
    ["locals", "49,000 locals and 20,000 branches", localsByBranches(49_000, 20_000)],
    ["locals", "10,000 locals and 20,000 branches", localsByBranches(10_000, 20_000)],
    ["branches", "1,000 locals and 20,000 branches", localsByBranches(1_000, 20_000)],
    ["branches", "3,000 operands and 20,000 branches", high(3_000, 20_000)],
    ["branches", "250,000 calls with 128 values", calls(250_000)],
    ["nesting", "170,000 blocks", nested(170_000)],
    ["functions", "500,000 blocks", nested(500_000)],
    ["br_table", "65,521 labels", branchTable(65_520)],
    ["functions", "100,000 functions", manyFunctions(100_000)],
  ] as const)("is rejected for %s in a moment: %s", ([name, , bytes]) => {
    const before = performance.now();
    expect(rejection(bytes)).toBe(name);
    expect(performance.now() - before).toBeLessThan(MOMENT);
  });
});

describe("4 MiB of anything", () => {
  const fill = (unit: readonly number[]) => {
    const code = repeated(unit, Math.floor(520_000 / unit.length));
    return taskModule({ functions: Array.from({ length: 8 }, () => ({ code })) });
  };
  const tiny = taskModule({
    functions: new Array<never>(9_996).fill({ code: repeated([0x01], 400) } as never),
  });

  it.for([
    ["no operation", fill([0x01])],
    ["constants", fill([OP.i32Const, 0, OP.drop])],
    ["blocks", fill([...OP.block, OP.end])],
    ["branches", fill([...OP.block, OP.i32Const, 0, OP.brIf, 0, OP.end])],
    ["calls", fill([OP.call, 3])],
    ["dead code", fill([...OP.block, OP.unreachable, OP.i32Add, OP.drop, OP.end])],
    ["ten thousand functions", tiny],
  ] as const)("is accepted by policy and engine in a moment: %s", ([, bytes]) => {
    expect(bytes.length).toBeGreaterThan(4_000_000);
    const before = performance.now();
    expect(rejection(bytes)).toBe("accepted");
    expect(performance.now() - before).toBeLessThan(MOMENT);
    expect(WebAssembly.validate(bytes)).toBe(true);
  });
});
