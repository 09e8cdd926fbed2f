/** Random programs that end soon: loops, branches, calls, traps, memory, and floats whose NaNs are looked at. */
import fc, { type Arbitrary } from "fast-check";

/** Locals of every function by number: a parameter, integers, floats, a vector, and counters of loops by depth. */
const INTS = [0, 2, 3];
const DOUBLES = [1, 4, 5];
const SINGLES = [6, 7];
const VECTORS = [8, 9];
const COUNTER = 10;
const DEPTH = 3;
const LOCALS = "(local i32 i32 f64 f64 f32 f32 v128 v128 i32 i32 i32 i32)";

const oneOf = (...texts: readonly string[]): Arbitrary<string> => fc.constantFrom(...texts);

/** A text with each `$` replaced by one of the parts, in order. */
function filled(text: string, ...parts: readonly Arbitrary<string>[]): Arbitrary<string> {
  return fc.tuple(...parts).map((values) => {
    let next = 0;
    return text.replaceAll("$", () => values[next++] ?? "");
  });
}

type Expressions = { int: string; double: string; single: string; vector: string };

const { int, double, single, vector } = fc.letrec<Expressions>((tie) => {
  const [i, d, s, v] = [tie("int"), tie("double"), tie("single"), tie("vector")];
  const address = fc.integer({ min: 0, max: 15 }).map((slot) => `(i32.const ${slot * 8})`);
  return {
    int: fc.oneof(
      { maxDepth: 3, depthIdentifier: "int" },
      fc.constantFrom(...INTS).map((local) => `(local.get ${local})`),
      fc.integer({ min: -3, max: 9 }).map((value) => `(i32.const ${value})`),
      filled("(i32.$ $ $)", oneOf("add", "sub", "mul", "xor", "and", "lt_s", "eq", "shr_u"), i, i),
      filled("(i32.rem_s $ (i32.or $ (i32.const 1)))", i, i),
      filled("(i32.load $)", address),
      filled("(f64.$ $ $)", oneOf("lt", "eq", "ne"), d, d),
      filled("(i32.reinterpret_f32 $)", s),
      filled("(i32.wrap_i64 (i64.shr_u (i64.reinterpret_f64 $) (i64.const 32)))", d),
      filled("(i32.trunc_sat_f64_s $)", d),
      filled("(i32x4.extract_lane 3 $)", v),
      filled("(select $ $ $)", i, i, i),
    ),
    double: fc.oneof(
      { maxDepth: 3, depthIdentifier: "double" },
      fc.constantFrom(...DOUBLES).map((local) => `(local.get ${local})`),
      oneOf("(f64.const 0)", "(f64.const -1.5)", "(f64.const inf)", "(f64.const nan:0x4000000000123)"),
      filled("(f64.$ $ $)", oneOf("add", "sub", "mul", "div", "min", "max", "copysign"), d, d),
      filled("(f64.$ $)", oneOf("sqrt", "neg", "abs", "floor"), d),
      filled("(f64.load $)", address),
      filled("(f64.promote_f32 $)", s),
      filled("(f64x2.extract_lane 1 $)", v),
      filled("(select $ $ $)", d, d, i),
      fc.tuple(fc.constantFrom(...DOUBLES), d).map(([local, value]) => `(local.tee ${local} ${value})`),
    ),
    single: fc.oneof(
      { maxDepth: 3, depthIdentifier: "single" },
      fc.constantFrom(...SINGLES).map((local) => `(local.get ${local})`),
      oneOf("(f32.const 0)", "(f32.const -inf)", "(f32.const nan:0x200001)"),
      filled("(f32.$ $ $)", oneOf("add", "sub", "mul", "div", "min", "copysign"), s, s),
      filled("(f32.$ $)", oneOf("sqrt", "neg", "abs", "nearest"), s),
      filled("(f32.load $)", address),
      filled("(f32.demote_f64 $)", d),
      filled("(f32x4.extract_lane 2 $)", v),
    ),
    vector: fc.oneof(
      { maxDepth: 3, depthIdentifier: "vector" },
      fc.constantFrom(...VECTORS).map((local) => `(local.get ${local})`),
      filled("(f32x4.$ $ $)", oneOf("add", "div", "mul", "max", "pmin", "lt"), v, v),
      filled("(f64x2.$ $ $)", oneOf("add", "div", "sub", "min", "pmax"), v, v),
      filled(
        "($ $)",
        oneOf("f32x4.sqrt", "f64x2.sqrt", "f32x4.neg", "f64x2.abs", "f64x2.promote_low_f32x4"),
        v,
      ),
      filled("(i32x4.add $ $)", v, v),
      filled("(f32x4.splat $)", s),
      filled("(f64x2.replace_lane 1 $ $)", v, d),
      filled("(v128.load $)", address),
    ),
  };
});

const ADDRESS = fc.integer({ min: 0, max: 15 }).map((slot) => `(i32.const ${slot * 8})`);

/** What does something at once; functions before `f` may be called. */
function simple(f: number): Arbitrary<string> {
  const set = (locals: readonly number[], value: Arbitrary<string>): Arbitrary<string> =>
    fc.tuple(fc.constantFrom(...locals), value).map(([local, text]) => `(local.set ${local} ${text})`);
  const callee = fc.integer({ min: 0, max: Math.max(0, f - 1) }).map(String);
  const calls = [
    filled(
      "(local.set 2 (call $f$ $ $))".replace("$f", "$"),
      callee.map((k) => `$f${k}`),
      int,
      double,
    ),
    filled("(local.set 3 (call_indirect (type 0) $ $ (i32.and $ (i32.const 3))))", int, double, int),
  ];
  return fc.oneof(
    { weight: 3, arbitrary: set(INTS, int) },
    { weight: 3, arbitrary: set(DOUBLES, double) },
    { weight: 2, arbitrary: set(SINGLES, single) },
    { weight: 2, arbitrary: set(VECTORS, vector) },
    { weight: 2, arbitrary: filled("(f64.store $ $)", ADDRESS, double) },
    { weight: 1, arbitrary: filled("(f32.store $ $)", ADDRESS, single) },
    { weight: 1, arbitrary: filled("(v128.store $ $)", ADDRESS, vector) },
    { weight: 1, arbitrary: filled("(global.set 0 $)", int) },
    { weight: 1, arbitrary: filled("(memory.fill $ $ (i32.and $ (i32.const 31)))", ADDRESS, int, int) },
    { weight: 1, arbitrary: filled("(call $pay (i32.and $ (i32.const 63)))".replace("$pay", "0"), int) },
    { weight: 1, arbitrary: filled("(drop (memory.grow (i32.and $ (i32.const 1))))", int) },
    ...(f === 0 ? [] : calls.map((arbitrary) => ({ weight: 2, arbitrary }))),
  );
}

/** Statements within so many blocks and loops; label 0 is the innermost frame. */
function statements(f: number, depth: number, labels: number): Arbitrary<string> {
  const one =
    depth === 0 ? simple(f) : fc.oneof({ weight: 3, arbitrary: simple(f) }, ...nested(f, depth, labels));
  return fc.array(one, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("\n"));
}

function nested(
  f: number,
  depth: number,
  labels: number,
): { weight: number; arbitrary: Arbitrary<string> }[] {
  const inner = (more: number): Arbitrary<string> => statements(f, depth - 1, labels + more);
  const label = fc.integer({ min: 0, max: labels }).map(String);
  const counter = COUNTER + depth;
  const bound = fc.oneof(
    oneOf("(i32.const 5)", "(i32.const 0)"),
    filled("(i32.and (local.get $) (i32.const 7))", oneOf("0", "2")),
  );
  const step = `(i32.add (local.get ${counter}) (i32.const 1))`;
  const begin = `(local.set ${counter} (i32.const 0))`;
  return [
    { weight: 2, arbitrary: filled("(if $ (then $))", int, inner(1)) },
    { weight: 2, arbitrary: filled("(if $ (then $) (else $))", int, inner(1), inner(1)) },
    { weight: 1, arbitrary: filled("(block $ (br_if 0 $) $)", inner(1), int, inner(1)) },
    { weight: 1, arbitrary: filled("(if (i32.eq $ (i32.const 77)) (then (unreachable)))", int) },
    { weight: 1, arbitrary: filled("(if $ (then (return $)))", int, int) },
    { weight: 1, arbitrary: filled("(block (block (br_table 0 1 $ $)) $)", label, int, inner(1)) },
    {
      weight: 3,
      arbitrary: filled(
        `${begin} (loop (if (i32.lt_s (local.get ${counter}) $) (then $ (local.set ${counter} ${step}) (br 1))))`,
        bound,
        inner(2),
      ),
    },
    {
      weight: 3,
      arbitrary: filled(
        `${begin} (loop $ (br_if 0 (i32.ne (local.tee ${counter} ${step}) (i32.const 4))))`,
        inner(1),
      ),
    },
  ];
}

/** Of three functions the last is `run (i32, f64) -> i32`; `env.pay (i32)` is imported. */
export const programs: Arbitrary<string> = fc
  .tuple(...[0, 1, 2].map((f) => fc.tuple(statements(f, DEPTH, 0), int)))
  .map((bodies) => {
    const functions = bodies.map(
      ([body, result], f) => `(func $f${f} (param i32 f64) (result i32) ${LOCALS}\n${body}\n${result})`,
    );
    return `(module (type (func (param i32 f64) (result i32))) (import "env" "pay" (func (param i32)))
      (memory (export "memory") 1 3) (global (mut i32) (i32.const 0))
      (table 4 4 funcref) (elem (i32.const 0) $f0 $f0)
      (data (i32.const 32) "\\00\\00\\00\\00\\01\\00\\f4\\7f\\01\\00\\a0\\7f")
      ${functions.join("\n")}
      (export "run" (func $f2)))`;
  });
