/** Bits of NaNs: one for those that arithmetic makes, their own for all others. */
import { describe, expect, it } from "vitest";
import { blocksOf } from "../../../src/firmware/meter/blocks.ts";
import { visibleNans } from "../../../src/firmware/meter/nan.ts";
import { inAllStrategies, PLENTY, parsed, type Value } from "./rig.ts";

/** Canonical, and with a payload that arithmetic would make quiet and might keep. */
const F32 = { canonical: "7fc00000", payload: "7fa00001", minus: "ffa00001" };
const F64 = { canonical: "7ff8000000000000", payload: "7ff4000000000123", minus: "fff4000000000123" };

/** The floats at 0 and 16 of memory: a payload, and the same negative. */
const DATA = String.raw`(data (i32.const 0) "\01\00\a0\7f\01\00\a0\7f\01\00\a0\7f\01\00\a0\7f")
  (data (i32.const 16) "\23\01\00\00\00\00\f4\7f\23\01\00\00\00\00\f4\7f")`;

/** Runs code that leaves something at 64, and gives so many bytes from there, the last one first. */
function bitsOf(code: string, bytes: number, args: readonly Value[] = [], more = ""): string {
  const text = `(module (memory (export "memory") 1 1) ${DATA} ${more}
    (func (export "run") (param i32) (local f32 f64 v128 i32) ${code}))`;
  const found = new Set<string>();
  for (const metered of inAllStrategies(parsed(text))) {
    const instance = metered.instance();
    expect(instance.call("run", args, PLENTY).result).toBeUndefined();
    found.add(
      Buffer.from(
        instance
          .memory()
          .slice(64, 64 + bytes)
          .reverse(),
      ).toString("hex"),
    );
  }
  expect(found.size).toBe(1);
  return [...found].join();
}

const f32 = (code: string): string => `(f32.store (i32.const 64) ${code})`;
const f64 = (code: string): string => `(f64.store (i32.const 64) ${code})`;
const v128 = (code: string): string => `(v128.store (i32.const 64) ${code})`;
const SINGLE = "(f32.load (i32.const 0))";
const DOUBLE = "(f64.load (i32.const 16))";
const SINGLES = "(v128.load (i32.const 0))";
const DOUBLES = "(v128.load (i32.const 16))";

const UNARY = ["ceil", "floor", "trunc", "nearest", "sqrt"];
const BINARY = ["add", "sub", "mul", "div", "min", "max"];

describe("a NaN that arithmetic makes", () => {
  it.each(UNARY)("of one operand is canonical: %s", (name) => {
    expect(bitsOf(f32(`(f32.${name} ${SINGLE})`), 4, [0])).toBe(F32.canonical);
    expect(bitsOf(f64(`(f64.${name} ${DOUBLE})`), 8, [0])).toBe(F64.canonical);
    expect(bitsOf(v128(`(f32x4.${name} ${SINGLES})`), 16, [0])).toBe(F32.canonical.repeat(4));
    expect(bitsOf(v128(`(f64x2.${name} ${DOUBLES})`), 16, [0])).toBe(F64.canonical.repeat(2));
  });

  it.each(BINARY)("of two operands is canonical: %s", (name) => {
    expect(bitsOf(f32(`(f32.${name} (f32.const 1) ${SINGLE})`), 4, [0])).toBe(F32.canonical);
    expect(bitsOf(f64(`(f64.${name} ${DOUBLE} (f64.const 1))`), 8, [0])).toBe(F64.canonical);
    expect(bitsOf(v128(`(f32x4.${name} ${SINGLES} (f32x4.splat (f32.const 1)))`), 16, [0])).toBe(
      F32.canonical.repeat(4),
    );
    expect(bitsOf(v128(`(f64x2.${name} (f64x2.splat (f64.const 1)) ${DOUBLES})`), 16, [0])).toBe(
      F64.canonical.repeat(2),
    );
  });

  it("of a conversion is canonical", () => {
    expect(bitsOf(f32(`(f32.demote_f64 ${DOUBLE})`), 4, [0])).toBe(F32.canonical);
    expect(bitsOf(f64(`(f64.promote_f32 ${SINGLE})`), 8, [0])).toBe(F64.canonical);
    expect(bitsOf(v128(`(f32x4.demote_f64x2_zero ${DOUBLES})`), 16, [0])).toBe(
      "0".repeat(16) + F32.canonical.repeat(2),
    );
    expect(bitsOf(v128(`(f64x2.promote_low_f32x4 ${SINGLES})`), 16, [0])).toBe(F64.canonical.repeat(2));
  });

  it.each([
    ["stored", f64("(f64.div (local.get 2) (local.get 2))")],
    [
      "reinterpreted",
      "(i64.store (i32.const 64) (i64.reinterpret_f64 (f64.div (local.get 2) (local.get 2))))",
    ],
    ["kept in a local", `(local.set 2 (f64.div (local.get 2) (local.get 2))) ${f64("(local.get 2)")}`],
    ["teed", f64("(local.tee 2 (f64.div (local.get 2) (local.get 2)))")],
    ["selected", f64("(select (f64.div (local.get 2) (local.get 2)) (f64.const 1) (i32.const 1))")],
    ["carried out of a block", f64("(block (result f64) (br 0 (f64.div (local.get 2) (local.get 2))))")],
    [
      "an arm's result",
      f64("(if (result f64) (local.get 0) (then (f64.const 1)) (else (f64.sqrt (f64.const -1))))"),
    ],
    ["passed to a function", "(call $keep (f64.div (local.get 2) (local.get 2)))"],
    ["given back", f64("(call $make)")],
    ["a lane put in", v128("(f64x2.replace_lane 0 (local.get 3) (f64.sqrt (f64.const -1)))")],
    ["a lane taken out", f64("(f64x2.extract_lane 1 (f64x2.div (local.get 3) (local.get 3)))")],
    ["spread over lanes", v128("(f64x2.splat (f64.sqrt (f64.const -1)))")],
  ])("is canonical where it is %s", (_, code) => {
    const functions = `(func $keep (param f64) (f64.store (i32.const 64) (local.get 0)))
      (func $make (result f64) (f64.sqrt (f64.const -1)))`;
    expect(bitsOf(code, 8, [0], functions)).toBe(F64.canonical);
  });

  it("has no sign that copysign could see, and one after neg", () => {
    expect(bitsOf(f64("(f64.copysign (f64.const 1) (f64.div (local.get 2) (local.get 2)))"), 8, [0])).toBe(
      "3ff0000000000000",
    );
    expect(bitsOf(f64("(f64.neg (f64.div (local.get 2) (local.get 2)))"), 8, [0])).toBe("fff8000000000000");
    expect(bitsOf(f64("(f64.abs (f64.neg (f64.sqrt (f64.const -1))))"), 8, [0])).toBe(F64.canonical);
  });

  it("is seen by lanes of another width", () => {
    const bits = `${F64.canonical}${F64.canonical}`;
    expect(
      bitsOf(v128("(i32x4.add (f64x2.div (local.get 3) (local.get 3)) (v128.const i32x4 0 0 0 0))"), 16, [0]),
    ).toBe(bits);
    // the upper half of a double's NaN, read as a single, is a NaN, the lower half 0
    const mixed = v128(
      "(f32x4.pmin (f64x2.div (local.get 3) (local.get 3)) (f64x2.div (local.get 3) (local.get 3)))",
    );
    expect(bitsOf(mixed, 16, [0])).toBe(bits);
  });
});

describe("a NaN that no arithmetic made", () => {
  it.each([
    ["copied", f64(DOUBLE), F64.payload],
    ["kept in a local", `(local.set 2 ${DOUBLE}) ${f64("(local.get 2)")}`, F64.payload],
    ["negated", f64(`(f64.neg ${DOUBLE})`), F64.minus],
    ["selected", f64(`(select ${DOUBLE} (f64.sqrt (f64.const -1)) (i32.const 1))`), F64.payload],
    ["a sign's", f64(`(f64.copysign ${DOUBLE} (f64.const -1))`), F64.minus],
    ["a lane's", f64(`(f64x2.extract_lane 0 ${DOUBLES})`), F64.payload],
    ["the lesser of two by pmin", v128(`(f64x2.pmin ${DOUBLES} (f64x2.splat (f64.const 0)))`), F64.payload],
    ["the greater of two by pmax", v128(`(f64x2.pmax ${DOUBLES} (f64x2.splat (f64.const 0)))`), F64.payload],
  ])("keeps its bits: %s", (_, code, bits) => {
    expect(bitsOf(code, 8, [0])).toBe(bits);
  });
});

describe("a sum in a loop", () => {
  const loop = (body: string): string => `(local.set 4 (i32.const 0)) (block (br_if 0 (i32.eqz (local.get 0)))
    (loop ${body} (br_if 0 (i32.ne (local.tee 4 (i32.add (local.get 4) (i32.const 1))) (local.get 0)))))`;
  const double = `(local.set 2 (f64.add (local.get 2) (f64.const 1)))`;
  const vector = `(local.set 3 (f32x4.add (local.get 3) (f32x4.splat (f32.const 1))))`;

  it.each([
    [0, F64.payload],
    [1, F64.canonical],
    [5, F64.canonical],
  ])("that begins with a loaded NaN keeps its bits for no rounds only: %i", (rounds, bits) => {
    expect(bitsOf(`(local.set 2 ${DOUBLE}) ${loop(double)} ${f64("(local.get 2)")}`, 8, [rounds])).toBe(bits);
  });

  it.each([
    [0, F32.payload],
    [3, F32.canonical],
  ])("of vectors does so, too: %i", (rounds, bits) => {
    const code = `(local.set 3 ${SINGLES}) ${loop(vector)} ${v128("(local.get 3)")}`;
    expect(bitsOf(code, 16, [rounds])).toBe(bits.repeat(4));
  });

  it.each([
    [0, F64.payload],
    [3, F64.canonical],
  ])("in a parameter does so, too: %i", (rounds, bits) => {
    const sum = `(func $sum (param i32 i32 f64) (local i32 i32)
      ${loop("(local.set 2 (f64.add (local.get 2) (f64.const 1)))")} ${f64("(local.get 2)")})`;
    expect(bitsOf(`(call $sum (local.get 0) (i32.const 0) ${DOUBLE})`, 8, [rounds], sum)).toBe(bits);
  });

  it("that begins with what arithmetic and a choice made is canonical for no rounds, too", () => {
    const code = `(local.set 2 (select (f64.sqrt (f64.const -1)) (f64.const 0) (i32.const 1)))
      ${loop(double)} ${f64("(local.get 2)")}`;
    expect(bitsOf(code, 8, [0])).toBe(F64.canonical);
  });

  it("that gets a loaded NaN in its last round keeps that one's bits", () => {
    const code = `(local.set 2 ${DOUBLE})
      ${loop(`(local.set 2 (f64.add (local.get 2) (f64.const 1)))
        (if (i32.eq (local.get 4) (i32.const 2)) (then (local.set 2 ${DOUBLE})))`)} ${f64("(local.get 2)")}`;
    expect(bitsOf(code, 8, [3])).toBe(F64.payload);
    expect(bitsOf(code, 8, [4])).toBe(F64.canonical);
  });

  it("is made canonical where it is read, not in the loop", () => {
    const module = parsed(
      `(module (memory 1 1) (func (param i32) (local f32 f64 v128 i32) ${loop(double)} ${f64("(local.get 2)")}))`,
    );
    const [body] = module.bodies;
    if (body === undefined) throw new Error("there is no body");
    const nans = visibleNans(module, body, blocksOf(body, new Float64Array(1).fill(-1)));
    expect([...(nans?.late ?? [])]).toEqual([0, 0, 2, 0, 0]);
    const add = body.op.indexOf(0xa0);
    expect(nans?.marks[add]).toBe(0);
  });
});

describe("arithmetic that nothing looks at", () => {
  it.each([
    ["compared", "(drop (f64.lt (f64.sqrt (local.get 2)) (f64.const 1)))"],
    ["converted", "(drop (i32.trunc_sat_f64_s (f64.sqrt (local.get 2))))"],
    ["dropped", "(drop (f64.sqrt (local.get 2)))"],
    [
      "an operand of what is canonical itself",
      "(drop (f64.lt (f64.add (f64.sqrt (local.get 2)) (local.get 2)) (local.get 2)))",
    ],
    ["left in a local", "(local.set 2 (f64.sqrt (local.get 2)))"],
    [
      "a lane of a sum that is compared",
      "(drop (f32.lt (f32x4.extract_lane 0 (f32x4.sqrt (local.get 3))) (f32.const 1)))",
    ],
  ])("is left as it is: %s", (_, code) => {
    const module = parsed(`(module (func (local f32 i32 f64 v128) ${code}))`);
    const [body] = module.bodies;
    if (body === undefined) throw new Error("there is no body");
    expect(visibleNans(module, body, blocksOf(body, new Float64Array(1).fill(-1)))).toBeNull();
  });
});
