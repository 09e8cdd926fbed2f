import { describe, expect, it } from "vitest";
import { decodeModule } from "../../../src/firmware/wasm/module.ts";
import { IMMEDIATE, immediates, instructions, pops, pushes } from "../../../src/firmware/wasm/opcodes.ts";
import { assembled, bodyOf, leb, OP, TYPE, text, vector } from "../module.ts";

const TYPES: Readonly<Record<string, number>> = {
  i: TYPE.i32,
  I: TYPE.i64,
  f: TYPE.f32,
  F: TYPE.f64,
  v: TYPE.v128,
  r: TYPE.funcref,
  "?": TYPE.i32,
};

/** Immediates that suit {@link moduleWith}; a branch to its only frame, a block of nothing. */
const SAMPLES: Readonly<Record<number, readonly number[]>> = {
  [IMMEDIATE.label]: [0],
  [IMMEDIATE.labels]: [1, 0, 0],
  [IMMEDIATE.function]: [0],
  [IMMEDIATE.indirect]: [1, 0],
  [IMMEDIATE.local]: [0],
  [IMMEDIATE.global]: [0],
  [IMMEDIATE.table]: [0],
  [IMMEDIATE.memory]: [0],
  [IMMEDIATE.valueTypes]: [1, TYPE.i32],
  [IMMEDIATE.referenceType]: [TYPE.funcref],
  [IMMEDIATE.i32]: [0xff, 0],
  [IMMEDIATE.i64]: [0xff, 0xff, 0xff, 0xff, 0xff, 0],
  [IMMEDIATE.f32]: [1, 2, 3, 4],
  [IMMEDIATE.f64]: [1, 2, 3, 4, 5, 6, 7, 8],
  [IMMEDIATE.memarg]: [0, 0x85, 0],
  [IMMEDIATE.memargLane]: [0, 7, 1],
  [IMMEDIATE.lane]: [1],
  [IMMEDIATE.v128]: new Array<number>(16).fill(0xff),
  [IMMEDIATE.shuffle]: new Array<number>(16).fill(31),
  [IMMEDIATE.dataMemory]: [0, 0],
  [IMMEDIATE.data]: [0],
  [IMMEDIATE.twoMemories]: [0, 0],
  [IMMEDIATE.elementTable]: [0, 0],
  [IMMEDIATE.element]: [0],
  [IMMEDIATE.twoTables]: [0, 0],
};

const BLOCKS = new Set([0x02, 0x03, 0x04]);
const ELSE = 0x05;
const END = 0x0b;
/** After these nothing is left of the operands. */
const LEAVING = new Set([0x00, 0x0c, 0x0e, 0x0f]);

function encoded(op: number): number[] {
  return op < 0x100 ? [op] : [op >> 8, ...leb(op & 0xff)];
}

/** The instruction alone, with what must stand around it. */
function codeOf(op: number): number[] {
  if (op === ELSE) return [...OP.if, ELSE, END];
  if (op === END) return [...OP.block, END];
  if (BLOCKS.has(op)) return [...encoded(op), 0x40, END];
  return [...encoded(op), ...(SAMPLES[immediates[op] ?? 0] ?? [])];
}

/** A function that takes the operands as parameters and gives the results, in a module that has one of each thing. */
function moduleWith(
  code: readonly number[],
  operands: readonly number[],
  results: readonly number[],
): Uint8Array {
  const gets = operands.flatMap((_, i) => [OP.get, i]);
  return assembled(
    [
      1,
      vector([
        [0x60, ...vector(operands.map((type) => [type])), ...vector(results.map((type) => [type]))],
        [0x60, 0, 0],
      ]),
    ],
    [2, vector([[...text("m"), ...text("f"), 0, 1]])],
    [3, [1, 0]],
    [4, [1, TYPE.funcref, 0, 9]],
    [5, [1, 0, 1]],
    [6, vector([[TYPE.i32, 1, OP.i32Const, 0, END]])],
    [9, vector([[3, 0, 1, 0]])],
    [12, [1]],
    [10, vector([bodyOf({ locals: [[1, TYPE.i32]], code: [...gets, ...code] })])],
    [11, vector([[1, 1, 7]])],
  );
}

describe("the table of instructions", () => {
  it("has all of WebAssembly 2.0 and nothing else", () => {
    const ops = [...instructions.keys()];
    // 172 of the first version, 5 sign extensions, 8 saturating truncations, 5 of tables, memory and references each …
    expect(ops.filter((op) => op < 0x100)).toHaveLength(183);
    expect(ops.filter((op) => op >= 0xfc00 && op < 0xfd00)).toHaveLength(18);
    // 236 of the SIMD proposal
    expect(ops.filter((op) => op >= 0xfd00)).toHaveLength(236);
    expect(new Set([...instructions.values()].map(({ name }) => name)).size).toBe(ops.length);
  });

  it("agrees with itself", () => {
    for (let op = 0; op < immediates.length; op++) {
      const known = instructions.get(op);
      expect(immediates[op] === IMMEDIATE.absent).toBe(known === undefined);
      expect(pops[op]).toBe(known?.operands.length ?? 0);
      expect(pushes[op]).toBe(known?.results.length ?? 0);
    }
  });

  it("names what the standard names", () => {
    const named = (op: number) => instructions.get(op)?.name;
    expect([0x45, 0x6a, 0x89, 0x8a, 0x98, 0xa6, 0xbf, 0xc4].map(named)).toEqual([
      "i32.eqz",
      "i32.add",
      "i64.rotl",
      "i64.rotr",
      "f32.copysign",
      "f64.copysign",
      "f64.reinterpret_i64",
      "i64.extend32_s",
    ]);
    expect([0xfd23, 0xfd4c, 0xfd6d, 0xfd9b, 0xfdba, 0xfdd5, 0xfddb, 0xfdf7].map(named)).toEqual([
      "i8x16.eq",
      "f64x2.ge",
      "i8x16.shr_u",
      "i16x8.avgr_u",
      "i32x4.dot_i16x8_s",
      "i64x2.mul",
      "i64x2.ge_s",
      "f64x2.pmax",
    ]);
  });

  it.for([...instructions].map(([op, { name }]) => [name, op] as const))(
    "has the immediates and the arity of %s as the engine does",
    ([, op]) => {
      const { operands = "", results = "" } = instructions.get(op) ?? {};
      const typed = (letters: string) => Array.from(letters, (letter) => TYPES[letter] ?? 0);
      const taken = op === ELSE ? [TYPE.i32] : typed(operands);
      const bytes = moduleWith(codeOf(op), taken, typed(results));
      expect(WebAssembly.validate(bytes)).toBe(true);
      const module = decodeModule(bytes);
      if ("rejection" in module) throw new TypeError(module.reason);
      const [body] = module.bodies;
      const i = op === END ? taken.length + 1 : taken.length;
      expect(body?.op[op === ELSE ? i + 1 : i]).toBe(op);
      expect(body?.at.at(-1)).toBe(body?.end);
      expect(body?.height.at(-1)).toBe(LEAVING.has(op) ? 0 : results.length);
      expect(body?.maxHeight).toBe(Math.max(taken.length, results.length));
    },
  );
});

describe("every other opcode", () => {
  const bytes = Array.from({ length: 0x100 }, (_, op) => [op]).filter(
    ([op = 0]) => !instructions.has(op) && op !== 0xfc && op !== 0xfd,
  );
  const prefixed = [0xfc, 0xfd].flatMap((first) =>
    Array.from({ length: 0x200 }, (_, rest) => [first, ...leb(rest)]).filter(
      (_, rest) => rest > 0xff || !instructions.has(first * 256 + rest),
    ),
  );

  it("is rejected, whether the engine knows it or not", () => {
    expect(bytes).toHaveLength(256 - 183 - 2);
    for (const op of [...bytes, ...prefixed]) {
      expect(decodeModule(moduleWith([...op, 0, 0, 0], [], []))).toMatchObject({ rejection: "opcodes" });
    }
  });

  it.for([
    ["threads", [0xfe, 0x03]],
    ["threads", [0xfe, 0x10, 2, 0]],
    ["relaxed SIMD", [0xfd, ...leb(0x107)]],
    ["exception handling", [0x06, 0x40]],
    ["exception handling", [0x19]],
    ["exception handling", [0x1f, 0x40, 0]],
    ["tail calls", [0x12, 0]],
    ["function references", [0x14, 0]],
    ["garbage collection", [0xfb, 0x00, 0]],
    ["stack switching", [0xe0, 0]],
    ["wide arithmetic", [0xfc, 0x13]],
  ] as const)("of %s is named: %o", ([feature, code]) => {
    const module = decodeModule(moduleWith(code, [], []));
    expect(module).toMatchObject({ rejection: "opcodes" });
    expect("reason" in module && module.reason).toContain(feature);
  });

  it("is unknown if no proposal has it", () => {
    expect(decodeModule(moduleWith([0xff], [], []))).toMatchObject({
      reason: expect.stringMatching(/opcode 0xff at byte \d+ is unknown/),
    });
    expect(decodeModule(moduleWith([0xfd, ...leb(0x9999)], [], []))).toMatchObject({ rejection: "opcodes" });
  });
});
