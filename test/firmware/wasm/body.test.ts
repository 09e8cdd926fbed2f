import { describe, expect, it } from "vitest";
import { type Body, decodeModule } from "../../../src/firmware/wasm/module.ts";
import { assembled, bodyOf, leb, OP, TYPE, vector } from "../module.ts";

const I = TYPE.i32;
/** A type index: `(i32, i32) -> (i32)`, and `(i32) -> (i32, i32)`. */
const TWO_TO_ONE = 1;
const ONE_TO_TWO = 2;

type Parts = {
  readonly locals?: readonly (readonly [number, number])[];
  readonly results?: readonly number[];
};

/** Modules of one function `(i32) -> results`, and a table. */
function moduleOf(code: readonly number[], { locals = [], results = [] }: Parts = {}): Uint8Array {
  return assembled(
    [
      1,
      vector([
        [0x60, 1, I, ...leb(results.length), ...results],
        [0x60, 2, I, I, 1, I],
        [0x60, 1, I, 2, I, I],
      ]),
    ],
    [3, [1, 0]],
    [4, [1, TYPE.funcref, 1, 1, 1]],
    [10, vector([bodyOf({ locals, code })])],
  );
}

/** With a memory and a data segment, too. */
function withData(code: readonly number[]): Uint8Array {
  return assembled(
    [1, vector([[0x60, 1, I, 0]])],
    [3, [1, 0]],
    [5, [1, 0, 1]],
    [12, [1]],
    [10, vector([bodyOf({ code })])],
    [11, [1, 1, 0]],
  );
}

function decoded(code: readonly number[], parts: Parts = {}): Body {
  const bytes = moduleOf(code, parts);
  expect(WebAssembly.validate(bytes)).toBe(true);
  const module = decodeModule(bytes);
  const [body] = "rejection" in module ? [] : module.bodies;
  if (body === undefined) throw new TypeError(JSON.stringify(module));
  return body;
}

/** What the decoder says of code that the engine refuses, too. */
function refused(code: readonly number[], parts: Parts = {}): unknown {
  const bytes = moduleOf(code, parts);
  expect(WebAssembly.validate(bytes)).toBe(false);
  const module = decodeModule(bytes);
  return "rejection" in module ? module.rejection : "decoded";
}

const list = (values: Iterable<number>) => Array.from(values);

describe("a body", () => {
  it("says where its parts begin and end, and which values it has", () => {
    const body = decoded([OP.get, 0, OP.drop], {
      locals: [
        [2, TYPE.i64],
        [0, TYPE.f32],
        [1, TYPE.v128],
      ],
    });
    expect(body.parameters).toBe(1);
    expect(list(body.locals)).toEqual([I, TYPE.i64, TYPE.i64, TYPE.v128]);
    expect(body.declarations).toBe(3);
    expect(body.start - body.declarationsStart).toBe(6);
    expect(list(body.at).map((at) => at - body.start)).toEqual([0, 2, 3, 4]);
    expect(body.at.at(-1)).toBe(body.end);
    expect([body.length, body.hasLoop, body.hasIndirect]).toEqual([3, false, false]);
  });

  it("gives constants, indices and block types of either sign", () => {
    const code = [
      ...[OP.i32Const, 0xc0, 0xbb, 0x78, OP.set, 0],
      ...[0x02, I, OP.i32Const, 5, OP.end, OP.drop],
      ...[OP.get, 0, 0x02, ONE_TO_TWO, OP.get, 0, OP.end, 0x02, TWO_TO_ONE, OP.i32Add, OP.end, OP.drop],
      ...[OP.i64Const, 0xff, 0, OP.drop],
    ];
    const { immediate } = decoded(code);
    expect(list(immediate)).toEqual([
      ...[-123_456, 0],
      ...[-1, 5, 0, 0],
      ...[0, ONE_TO_TWO, 0, 0, TWO_TO_ONE, 0, 0, 0],
      ...[0, 0, 0],
    ]);
    expect(list(decoded([...OP.block, OP.br, 0, OP.end]).immediate)).toEqual([-64, 0, 0, 0]);
  });

  it("pairs blocks, elses and ends", () => {
    const code = [
      ...OP.loop, // 0
      ...OP.block, // 1
      OP.end, // 2
      ...[OP.get, 0, ...OP.if], // 3 4
      ...[OP.get, 0, ...OP.if, OP.end], // 5 6 7
      OP.else, // 8
      OP.end, // 9
      OP.end, // 10
    ]; // 11
    const { match, hasLoop } = decoded(code);
    expect(list(match)).toEqual([10, 2, 1, 0, 8, 0, 7, 6, 9, 4, 0, -1]);
    expect(hasLoop).toBe(true);
  });

  it("counts operands of blocks with parameters, calls and branches", () => {
    const code = [
      ...[OP.get, 0, OP.get, 0, OP.get, 0], // 0 1 2
      ...[0x02, TWO_TO_ONE], // 3, of which two go in
      ...[OP.i32Add, OP.get, 0, OP.brIf, 0], // 3 2 3
      OP.end, // 2
      ...[OP.call, 0], // 2, of which it takes one
      ...[OP.get, 0, OP.i32Const, 0, OP.callIndirect, TWO_TO_ONE, 0], // 1 2 3, of which it takes all
      OP.drop, // 1
    ];
    const body = decoded(code);
    expect(list(body.height)).toEqual([0, 1, 2, 3, 3, 2, 3, 2, 2, 1, 2, 3, 1, 0]);
    expect(body.maxHeight).toBe(3);
    expect(body.calls).toEqual([0]);
    expect(body.hasIndirect).toBe(true);
    expect(body.immediate[body.op.indexOf(OP.callIndirect)]).toBe(TWO_TO_ONE);
  });

  it("takes and gives operands of an if and its else alike", () => {
    const code = [
      ...[OP.get, 0, OP.get, 0, 0x04, ONE_TO_TWO], // 0 1 2
      ...[OP.get, 0, OP.else], // 1 2
      ...[OP.i32Const, 3, OP.i32Const, 4, OP.i32Add, OP.end], // 1 2 3 2
      ...[OP.drop, OP.drop], // 2 1
    ];
    expect(list(decoded(code).height)).toEqual([0, 1, 2, 1, 2, 1, 2, 3, 2, 2, 1, 0]);
  });

  it.for([
    ["unreachable", [OP.unreachable]],
    ["br", [OP.br, 0]],
    ["br_table", [OP.get, 0, OP.brTable, 0, 0]],
    ["return", [OP.return]],
  ] as const)("marks what stands behind %s as dead, with frames within, up to its end", ([, leaving]) => {
    const code = [
      ...[...OP.block, ...leaving],
      ...[OP.i32Add, OP.drop, OP.drop, ...OP.block, OP.i32Const, 1, OP.drop, OP.end, OP.end],
      ...[OP.get, 0, ...OP.if, ...leaving, OP.else, 0x01, OP.end],
    ];
    const { dead, height, maxHeight } = decoded(code);
    const before = new Array<number>(leaving[0] === OP.get ? 3 : 2).fill(0);
    expect(list(dead)).toEqual([...before, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, ...before.slice(1), 1, 0, 0, 0]);
    // nothing is there to add, so that one thing is left; then nothing is there to drop
    const at = before.length;
    expect(list(height.subarray(at, at + 8))).toEqual([0, 1, 0, 0, 0, 1, 0, 0]);
    expect(maxHeight).toBe(1);
  });

  it("keeps the frame's own operands out of dead code's reach", () => {
    const code = [
      OP.get,
      0,
      OP.get,
      0,
      ...OP.block,
      OP.unreachable,
      OP.drop,
      OP.drop,
      OP.end,
      OP.drop,
      OP.drop,
    ];
    expect(list(decoded(code).height)).toEqual([0, 1, 2, 2, 2, 2, 2, 2, 1, 0]);
  });

  it("lists the labels of a br_table, the default last", () => {
    const code = [...OP.block, ...OP.block, OP.get, 0, OP.brTable, 3, 1, 0, 2, 1, OP.end, OP.end];
    const { targets } = decoded(code);
    expect([...targets].map(([i, labels]) => [i, list(labels)])).toEqual([[3, [1, 0, 2, 1]]]);
    expect(decoded([]).targets.size).toBe(0);
  });

  it("weighs locals and operands at every frame and branch", () => {
    // three locals and no operands at block, br_if and return; then one operand at loop, br and a br_table of two frames
    const branching = [...OP.block, OP.get, 0, OP.brIf, 0, OP.end, OP.return];
    expect(decoded(branching, { locals: [[2, I]] }).moves).toBe(9);
    expect(decoded([OP.get, 0, ...OP.loop, OP.br, 0, OP.end, OP.drop]).moves).toBe(4);
    const table = [...OP.block, OP.get, 0, OP.brTable, 5, 0, 0, 0, 1, 1, 1, OP.end];
    expect(decoded(table).moves).toBe(1 + 2);
    expect(decoded([OP.get, 0, ...OP.if, OP.else, OP.end]).moves).toBe(2);
  });

  it("weighs what calls and returns carry sixteenfold", () => {
    expect(decoded([OP.get, 0, OP.call, 0]).moves).toBe(16);
    const indirect = [OP.get, 0, OP.get, 0, OP.i32Const, 0, OP.callIndirect, TWO_TO_ONE, 0, OP.drop];
    expect(decoded(indirect).moves).toBe(48);
    expect(decoded([OP.get, 0, OP.return], { results: [I] }).moves).toBe(2 + 16);
    expect(decoded([OP.get, 0, OP.br, 0], { results: [I] }).moves).toBe(2 + 16);
    expect(decoded([0x02, I, OP.get, 0, OP.br, 0, OP.end], { results: [I] }).moves).toBe(1 + 2);
  });
});

describe("a body that is none", () => {
  it.for([
    ["an operand is missing", [OP.drop]],
    ["an operand of the outer frame is taken", [OP.get, 0, ...OP.block, OP.drop, OP.end]],
    ["an operand is left over", [OP.get, 0]],
    ["an operand is left over in dead code", [OP.unreachable, OP.get, 0]],
    ["a block leaves an operand", [...OP.block, OP.get, 0, OP.end]],
    ["a block lacks its result", [0x02, I, OP.end, OP.drop]],
    ["an if has a result and no else", [OP.get, 0, 0x04, I, OP.i32Const, 1, OP.end, OP.drop]],
    ["an else has no if", [...OP.block, OP.else, OP.end]],
    ["an if has two elses", [OP.get, 0, ...OP.if, OP.else, OP.else, OP.end]],
    ["an else stands at the top", [OP.else]],
    ["a then leaves an operand", [OP.get, 0, ...OP.if, OP.get, 0, OP.else, OP.end]],
    ["a block has no end", [...OP.block]],
    ["there is one end too many", [OP.end]],
    ["a label is not there", [OP.br, 1]],
    ["a label in a table is not there", [OP.get, 0, OP.brTable, 2, 0, 1, 0]],
    ["a default label is not there", [OP.get, 0, OP.brTable, 0, 9]],
    ["a local is not there", [OP.get, 1, OP.drop]],
    ["a global is not there", [OP.globalGet, 0, OP.drop]],
    ["a function is not there", [OP.call, 1]],
    ["a function whose address is taken is not there", [0xd2, 1, OP.drop]],
    ["a type of a block is not there", [0x02, 3, OP.end]],
    ["a type of a call is not there", [OP.i32Const, 0, OP.callIndirect, 3, 0]],
    ["a table is not there", [OP.i32Const, 0, OP.callIndirect, 0, 1]],
    ["a table to read is not there", [OP.i32Const, 0, 0x25, 1, OP.drop]],
    ["a data segment is not there", [0xfc, 9, 0]],
    ["an element segment is not there", [0xfc, 13, 0]],
    ["a type of a select is not there", [OP.get, 0, OP.get, 0, OP.get, 0, 0x1c, 1, 0x40, OP.drop]],
    ["a select has two types", [OP.get, 0, OP.get, 0, OP.get, 0, 0x1c, 2, I, I, OP.drop]],
    ["a block type of one byte takes two", [0x02, 0xff, 0x7f, OP.end]],
    ["an alignment is absurd", [OP.get, 0, 0x28, 5, 0, OP.drop]],
  ] as const)("is malformed where %s", ([, code]) => {
    expect(refused(code)).toBe("malformed");
  });

  it("is malformed where it ends within an instruction, or before its bytes do", () => {
    const bytes = moduleOf([OP.i32Const, 0, OP.drop]);
    // the body's length and the section's stand before: shorten the body alone
    const at = bytes.length - 6;
    expect(bytes[at]).toBe(5);
    expect(decodeModule(bytes.with(at, 4))).toMatchObject({ rejection: "malformed" });
    expect(decodeModule(bytes.with(at, 6))).toMatchObject({ rejection: "malformed" });
    expect(decodeModule(bytes.with(at + 2, 0x42).with(at + 3, 0xff))).toMatchObject({
      rejection: "malformed",
    });
  });

  it.for([
    ["a second memory is named", [OP.i32Const, 0, 0x28, 0x42, 1, 0, OP.drop]],
    ["the size of a second memory is asked for", [0x3f, 1, OP.drop]],
    ["a second memory is filled", [OP.get, 0, OP.get, 0, OP.get, 0, 0xfc, 11, 1]],
    ["a second memory is copied", [OP.get, 0, OP.get, 0, OP.get, 0, 0xfc, 10, 0, 1]],
    ["a block has a type of later proposals", [0x02, 0x6e, OP.end]],
    ["a null is of a type of later proposals", [0xd0, 0x6e, OP.drop]],
  ] as const)("has features that are not allowed where %s", ([, code]) => {
    expect(decodeModule(moduleOf(code))).toMatchObject({ rejection: "features" });
  });

  it.for([
    ["memory.size", [0x3f], []],
    ["memory.grow", [OP.get, 0, 0x40], []],
    ["memory.init", [OP.get, 0, OP.get, 0, OP.get, 0, 0xfc, 8, 0], []],
    ["memory.copy to", [OP.get, 0, OP.get, 0, OP.get, 0, 0xfc, 10], [0]],
    ["memory.copy from", [OP.get, 0, OP.get, 0, OP.get, 0, 0xfc, 10, 0], []],
    ["memory.fill", [OP.get, 0, OP.get, 0, OP.get, 0, 0xfc, 11], []],
  ] as const)("is malformed where the memory of %s is a zero of two bytes", ([name, before, behind]) => {
    const drop = /size|grow/.test(name) ? [OP.drop] : [];
    const module = (memory: readonly number[]) =>
      decodeModule(withData([...before, ...memory, ...behind, ...drop]));
    expect(module([0])).not.toHaveProperty("rejection");
    expect(module([0x80, 0])).toMatchObject({ rejection: "malformed" });
  });
});
