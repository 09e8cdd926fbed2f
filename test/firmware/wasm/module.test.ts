import { describe, expect, it } from "vitest";
import { decodeModule, type Module } from "../../../src/firmware/wasm/module.ts";
import { assembled, bodyOf, joined, OP, TYPE, text, vector } from "../module.ts";
import { pathPlan } from "./real.ts";

function decoded(bytes: Uint8Array): Module {
  const module = decodeModule(bytes);
  if ("rejection" in module) throw new TypeError(`${module.rejection}: ${module.reason}`);
  return module;
}

const rejection = (bytes: Uint8Array): unknown => {
  const module = decodeModule(bytes);
  return "rejection" in module ? module.rejection : "decoded";
};

/** What the engine thinks of it, and then what the decoder does. */
const both = (bytes: Uint8Array) => [WebAssembly.validate(bytes), rejection(bytes)];

const TYPE_SECTION = [1, vector([[0x60, 0, 0]])] as const;

describe("a module's sections", () => {
  const bytes = assembled(
    [0, [...text("a"), 1, 2]],
    [
      1,
      vector([
        [0x60, 2, TYPE.i32, TYPE.f64, 1, TYPE.v128],
        [0x60, 0, 0],
      ]),
    ],
    [
      2,
      vector([
        [...text("env"), ...text("f"), 0, 1],
        [...text("env"), ...text("t"), 1, TYPE.externref, 1, 2, 3],
        [...text("é"), ...text("g"), 3, TYPE.i64, 0],
      ]),
    ],
    [3, vector([[1], [1], [1]])],
    [4, vector([[TYPE.funcref, 0, 7]])],
    [5, [1, 1, 2, 9]],
    [
      6,
      vector([
        [TYPE.i32, 0, OP.i32Const, 5, OP.end],
        [TYPE.funcref, 1, 0xd2, 1, OP.end],
      ]),
    ],
    [
      7,
      vector([
        [...text("memory"), 2, 0],
        [...text("go"), 0, 2],
        [...text(""), 3, 1],
      ]),
    ],
    [8, [1]],
    [
      9,
      vector([
        [0, 0x41, 0, OP.end, 0],
        [2, 1, OP.i32Const, 2, OP.end, 0, 2, 3, 2],
        [1, 0, 1, 3],
        [3, 0, 1, 0],
        [5, TYPE.externref, 1, 0xd0, TYPE.externref, OP.end],
        [6, 1, OP.i32Const, 0x7f, OP.end, TYPE.funcref, 1, 0xd2, 2, OP.end],
      ]),
    ],
    [12, [3]],
    [0, text("b")],
    [10, vector([bodyOf({}), bodyOf({ code: [0xd2, 3, OP.drop] }), bodyOf({})])],
    [
      11,
      vector([
        [0, OP.i32Const, 0xc0, 0, OP.end, 2, 7, 7],
        [1, 1, 7],
        [2, 0, 0x23, 0, OP.end, 0],
      ]),
    ],
  );
  const module = (): Module => decoded(bytes);

  it("are listed in order, custom ones included, and tile the bytes", () => {
    expect(module().sections.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 0, 10, 11]);
    expect(module().sections[0]).toEqual({ id: 0, start: 10, end: 14 });
  });

  it("give types, imports and functions", () => {
    const { types, imports, functionTypes, importedFunctions, start } = module();
    expect(types.map(({ params, results }) => [[...params], [...results]])).toEqual([
      [[TYPE.i32, TYPE.f64], [TYPE.v128]],
      [[], []],
    ]);
    expect(imports).toEqual([
      { module: "env", name: "f", kind: 0, type: 1 },
      { module: "env", name: "t", kind: 1, type: -1 },
      { module: "é", name: "g", kind: 3, type: -1 },
    ]);
    expect([[...functionTypes], importedFunctions, start]).toEqual([[1, 1, 1, 1], 1, 1]);
  });

  it("give tables, memory, globals and exports, imported ones first", () => {
    const { tables, memory, globals, exports } = module();
    expect(tables).toEqual([
      { type: TYPE.externref, least: 2, most: 3 },
      { type: TYPE.funcref, least: 7, most: null },
    ]);
    expect(memory).toEqual({ least: 2, most: 9 });
    expect(globals).toEqual([
      { type: TYPE.i64, mutable: false, imported: true },
      { type: TYPE.i32, mutable: false, imported: false },
      { type: TYPE.funcref, mutable: true, imported: false },
    ]);
    expect(exports).toEqual([
      { name: "memory", kind: 2, index: 0 },
      { name: "go", kind: 0, index: 2 },
      { name: "", kind: 3, index: 1 },
    ]);
  });

  it("give segments, and the functions whose address they, globals or code take", () => {
    const { elements, data, addressable } = module();
    expect(elements).toEqual([
      { mode: "active", index: 0, offset: 0, length: 0 },
      { mode: "active", index: 1, offset: 2, length: 2 },
      { mode: "passive", index: 0, offset: null, length: 1 },
      { mode: "declared", index: 0, offset: null, length: 1 },
      { mode: "passive", index: 0, offset: null, length: 1 },
      { mode: "active", index: 1, offset: 0xffff_ffff, length: 1 },
    ]);
    expect(data).toEqual([
      { mode: "active", index: 0, offset: 64, length: 2 },
      { mode: "passive", index: 0, offset: null, length: 1 },
      { mode: "active", index: 0, offset: null, length: 0 },
    ]);
    expect(addressable).toEqual([0, 1, 2, 3]);
    expect(decoded(pathPlan.bytes).addressable).toEqual([]);
  });

  it("may all be absent", () => {
    const empty = decoded(assembled());
    expect(empty).toMatchObject({ memory: null, start: -1, addressable: [], bodies: [], exports: [] });
  });
});

describe("a module that is none", () => {
  const one = vector([bodyOf({})]);
  it.for([
    ["stands twice", [TYPE_SECTION, TYPE_SECTION]],
    ["stands out of order", [[3, [0]], TYPE_SECTION]],
    ["is unknown", [[14, [0]]]],
    ["is longer than what it holds", [[1, [...TYPE_SECTION[1], 0]]]],
    ["is shorter than what it holds", [[1, [2, 0x60, 0, 0]]]],
    ["names a form of type that is not there", [[1, [1, 0x40]]]],
    ["names a value type that is not there", [[1, [1, 0x60, 1, 0x40, 0]]]],
    ["names a function type that is not there", [TYPE_SECTION, [3, [1, 1]]]],
    ["imports what there is not", [[2, vector([[...text("a"), ...text("b"), 5, 0]])]]],
    ["has functions and no bodies", [TYPE_SECTION, [3, [1, 0]]]],
    ["has bodies and no functions", [TYPE_SECTION, [10, one]]],
    ["has more functions than bodies", [TYPE_SECTION, [3, [2, 0, 0]], [10, one]]],
    ["has limits upside down", [[5, [1, 1, 2, 1]]]],
    ["has flags of limits that are not there", [[5, [1, 0x10, 1]]]],
    ["has a table of numbers", [[4, [1, TYPE.i32, 0, 1]]]],
    ["has a mutability that is not there", [[6, [1, TYPE.i32, 4, OP.i32Const, 0, OP.end]]]],
    ["initialises with a global that is not there", [[6, [1, TYPE.i32, 0, 0x23, 0, OP.end]]]],
    [
      "initialises with a global that changes",
      [
        [2, vector([[...text("a"), ...text("b"), 3, TYPE.i32, 1]])],
        [6, [1, TYPE.i32, 0, 0x23, 0, OP.end]],
      ],
    ],
    ["exports a function that is not there", [[7, vector([[...text("f"), 0, 0]])]]],
    ["exports a memory that is not there", [[7, vector([[...text("f"), 2, 0]])]]],
    ["exports a kind that is not there", [[7, vector([[...text("f"), 5, 0]])]]],
    [
      "exports two things by one name",
      [
        [5, [1, 0, 1]],
        [
          7,
          vector([
            [...text("m"), 2, 0],
            [...text("m"), 2, 0],
          ]),
        ],
      ],
    ],
    ["starts with a function that is not there", [[8, [0]]]],
    ["fills a table that is not there", [[9, [1, 0, OP.i32Const, 0, OP.end, 0]]]],
    ["has flags of an element segment that are not there", [[9, [1, 8]]]],
    ["has a kind of elements that is not there", [[9, [1, 1, 1, 0]]]],
    ["has elements that are not there", [[9, [1, 1, 0, 1, 0]]]],
    ["has flags of a data segment that are not there", [[11, [1, 3, 0]]]],
    ["has data beyond its end", [[11, [1, 1, 2, 7]]]],
    [
      "has more data than it says",
      [
        [12, [0]],
        [11, [1, 1, 0]],
      ],
    ],
    ["has no data although it says so", [[12, [1]]]],
    ["names a custom section beyond its end", [[0, [9, 1]]]],
    ["names a custom section in no UTF-8", [[0, [1, 0xff]]]],
  ] as const)("is malformed where a section %s", ([, sections]) => {
    expect(both(assembled(...sections))).toEqual([false, "malformed"]);
  });

  it("is malformed where a section's length passes the end, or has no end", () => {
    const bytes = assembled(TYPE_SECTION);
    for (let length = 9; length < bytes.length; length++) {
      expect(both(bytes.slice(0, length))).toEqual([false, "malformed"]);
    }
    expect(both(joined(assembled(), [1, 0xff, 0xff, 0xff, 0xff, 0xff, 0]))).toEqual([false, "malformed"]);
  });

  it("is not WebAssembly without its first eight bytes", () => {
    const bytes = assembled(TYPE_SECTION);
    for (let at = 0; at < 8; at++) {
      expect(both(bytes.with(at, 9))).toEqual([false, "not_wasm"]);
      expect(both(bytes.slice(0, at))).toEqual([false, "not_wasm"]);
    }
    expect(rejection(joined(bytes.slice(0, 4), [0x0d, 0, 1, 0]))).toBe("not_wasm");
  });

  it.for([
    ["shared memory", [[5, [1, 3, 1, 2]]], "shared"],
    ["64-bit memory", [[5, [1, 4, 1]]], "64-bit"],
    ["pages of another size", [[5, [1, 8, 1, 0]]], "page sizes"],
    ["two memories", [[5, [2, 0, 1, 0, 1]]], "more than one memory"],
    [
      "an imported memory and another",
      [
        [2, vector([[...text("a"), ...text("b"), 2, 0, 1]])],
        [5, [1, 0, 1]],
      ],
      "more",
    ],
    ["64-bit tables", [[4, [1, TYPE.funcref, 4, 1]]], "64-bit"],
    [
      "tables with an initial value",
      [[4, [1, 0x40, 0, TYPE.funcref, 0, 1, 0xd0, TYPE.funcref, OP.end]]],
      "initial",
    ],
    ["tags", [TYPE_SECTION, [13, [1, 0, 0]]], "exception handling"],
    [
      "imported tags",
      [TYPE_SECTION, [2, vector([[...text("a"), ...text("b"), 4, 0, 0]])]],
      "exception handling",
    ],
    ["recursive types", [[1, [1, 0x4e, 1, 0x60, 0, 0]]], "garbage collection"],
    ["structures", [[1, [1, 0x5f, 0]]], "garbage collection"],
    ["typed references", [[1, [1, 0x60, 1, 0x64, 0x70, 0]]], "garbage collection"],
    ["shared globals", [[6, [1, TYPE.i32, 2, OP.i32Const, 0, OP.end]]], "threads"],
    [
      "data of a second memory",
      [
        [5, [1, 0, 1]],
        [11, [1, 2, 1, OP.i32Const, 0, OP.end, 0]],
      ],
      "memory 1",
    ],
  ] as const)("has features that are not allowed: %s", ([, sections, words]) => {
    const module = decodeModule(assembled(...sections));
    expect(module).toMatchObject({ rejection: "features", reason: expect.stringContaining(words) });
  });

  it.for([
    ["a sum", [OP.i32Const, 1, OP.i32Const, 2, OP.i32Add, OP.end]],
    ["a new structure", [0xfb, 1, 0, OP.end]],
    ["a vector that is no constant", [0xfd, 0x0f, OP.end]],
  ] as const)("uses opcodes that a constant may not have: %s", ([, constant]) => {
    expect(rejection(assembled([6, [1, TYPE.i32, 0, ...constant]]))).toBe("opcodes");
  });

  it("may name an imported global in a constant, which all engines take, and no other, which only new ones do", () => {
    const imported = [2, vector([[...text("a"), ...text("b"), 3, TYPE.i32, 0]])] as const;
    const globals = (index: number) =>
      [
        6,
        vector([
          [TYPE.i32, 0, OP.i32Const, 0, OP.end],
          [TYPE.i32, 0, OP.globalGet, index, OP.end],
        ]),
      ] as const;
    expect(both(assembled(imported, globals(0)))).toEqual([true, "decoded"]);
    expect(rejection(assembled(imported, globals(1)))).toBe("opcodes");
  });
});
