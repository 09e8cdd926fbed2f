import { describe, expect, it } from "vitest";
import { LIMITS } from "../../../src/firmware/wasm/limits.ts";
import { decodeModule } from "../../../src/firmware/wasm/module.ts";
import { assembled, bodyOf, joined, leb, OP, TYPE, text, vector } from "../module.ts";

const rejection = (bytes: Uint8Array): unknown => {
  const module = decodeModule(bytes);
  return "rejection" in module ? module.rejection : "decoded";
};

/** What the engine thinks of it, and then what the decoder does. */
const both = (bytes: Uint8Array) => [WebAssembly.validate(bytes), rejection(bytes)];

const TYPE_SECTION = [1, vector([[0x60, 0, 0]])] as const;

describe("limits", () => {
  const none = Uint8Array.of(0x60, 0, 0);
  const many = (count: number, entry: readonly number[] | Uint8Array) =>
    vector(Array.from({ length: count }, () => entry));
  const functions = (count: number) =>
    assembled(TYPE_SECTION, [3, many(count, [0])], [10, many(count, [2, 0, OP.end])]);
  const inFunction = (code: readonly number[] | Uint8Array, locals: number[][] = []) =>
    assembled(
      TYPE_SECTION,
      [3, [1, 0]],
      [10, vector([bodyOf({ code, locals: locals.map(([count = 0, type = 0]) => [count, type] as const) })])],
    );
  const nop = (count: number) => inFunction(new Uint8Array(count).fill(1));
  const nested = (depth: number) =>
    inFunction(joined(...new Array<number[]>(depth).fill([0x02, 0x40]), new Uint8Array(depth).fill(OP.end)));
  const table = (labels: number) =>
    inFunction([OP.i32Const, 0, OP.brTable, ...leb(labels - 1), ...new Array<number>(labels).fill(0)]);
  const twoTables = (labels: number) =>
    inFunction(
      joined(
        ...[labels >> 1, labels - (labels >> 1)].map((count) => [
          ...OP.block,
          OP.i32Const,
          0,
          OP.brTable,
          ...leb(count - 1),
          ...new Array<number>(count).fill(0),
          OP.end,
        ]),
      ),
    );
  const held = (count: number) =>
    assembled(
      TYPE_SECTION,
      [3, [1, 0]],
      [9, vector([[1, 0, ...leb(count), ...new Array<number>(count).fill(0)]])],
      [10, vector([bodyOf({})])],
    );
  const exported = (count: number) =>
    assembled([5, [1, 0, 1]], [7, vector(Array.from({ length: count }, (_, i) => [...text(`e${i}`), 2, 0]))]);
  const custom = (bytes: number) => assembled([0, new Uint8Array(20)], [0, new Uint8Array(bytes - 22 - 4)]);

  it.for([
    ["types", LIMITS.types, (count: number) => assembled([1, many(count, none)])],
    ["types", LIMITS.typeValues, (count: number) => assembled([1, [1, 0x60, ...many(count, [TYPE.i32]), 0]])],
    ["types", LIMITS.typeValues, (count: number) => assembled([1, [1, 0x60, 0, ...many(count, [TYPE.i32])]])],
    ["imports", LIMITS.imports, (count: number) => assembled([2, many(count, [0, 0, 3, TYPE.i32, 0])])],
    ["functions", LIMITS.functions, functions],
    ["functions", LIMITS.bodyBytes, (count: number) => nop(count - 2)],
    ["locals", LIMITS.locals, (count: number) => inFunction([], [[count, TYPE.i64]])],
    [
      "locals",
      LIMITS.locals,
      (count: number) =>
        inFunction(
          [],
          [
            [5, TYPE.i64],
            [count - 5, TYPE.v128],
          ],
        ),
    ],
    ["nesting", LIMITS.nesting, nested],
    ["br_table", LIMITS.labels, table],
    ["br_table", LIMITS.labels, twoTables],
    ["table_too_large", LIMITS.tables, (count: number) => assembled([4, many(count, [TYPE.funcref, 0, 1])])],
    [
      "globals",
      LIMITS.globals,
      (count: number) => assembled([6, many(count, [TYPE.i32, 0, OP.i32Const, 0, OP.end])]),
    ],
    ["exports", LIMITS.exports, exported],
    ["elements", LIMITS.elementSegments, (count: number) => assembled([9, many(count, [1, 0, 0])])],
    ["elements", LIMITS.elements, held],
    ["data", LIMITS.dataSegments, (count: number) => assembled([11, many(count, [1, 0])])],
    ["custom", LIMITS.customBytes, custom],
  ] as const)("of %s hold %i and no more", ([name, limit, build]) => {
    const largest = build(limit);
    expect(both(largest)).toEqual([true, "decoded"]);
    const module = decodeModule(build(limit + 1));
    expect(module).toMatchObject({ rejection: name, reason: expect.stringMatching(/\d/) });
  });

  it("of locals and custom sections hold for all of a module", () => {
    const full = LIMITS.moduleLocals / LIMITS.locals;
    const all = (last: number) =>
      assembled(
        TYPE_SECTION,
        [3, many(full + 1, [0])],
        [
          10,
          vector([
            ...new Array<Uint8Array>(full).fill(bodyOf({ locals: [[LIMITS.locals, TYPE.i64]] })),
            bodyOf({ locals: [[last, TYPE.i64]] }),
          ]),
        ],
      );
    expect(both(all(0))).toEqual([true, "decoded"]);
    expect(both(all(1))).toEqual([true, "locals"]);
    const customs = (count: number) => joined(assembled(), ...new Array<number[]>(count).fill([0, 1, 0]));
    expect(both(customs(LIMITS.customSections))).toEqual([true, "decoded"]);
    expect(both(customs(LIMITS.customSections + 1))).toEqual([true, "custom"]);
  });

  it("count parameters among the locals", () => {
    const bytes = (count: number) =>
      assembled(
        [1, [1, 0x60, 2, TYPE.i32, TYPE.i32, 0]],
        [3, [1, 0]],
        [10, vector([bodyOf({ locals: [[count, TYPE.i32]] })])],
      );
    expect(rejection(bytes(LIMITS.locals - 2))).toBe("decoded");
    expect(rejection(bytes(LIMITS.locals - 1))).toBe("locals");
    expect(rejection(bytes(0xffff_fffe))).toBe("locals");
  });

  it("stop counts that no bytes could hold", () => {
    const most = leb(0xffff_ffff);
    for (const id of [1, 2, 3, 4, 6, 7, 9, 11, 12])
      expect(rejection(assembled([id, most]))).not.toBe("decoded");
    expect(rejection(assembled([1, [1, 0x60, ...most]]))).toBe("types");
    expect(rejection(assembled(TYPE_SECTION, [3, [1, 0]], [10, most]))).toBe("malformed");
    expect(rejection(inFunction([OP.i32Const, 0, OP.brTable, ...most]))).toBe("br_table");
  });
});
