/** How deep tasks recurse. */
import { describe, expect, it } from "vitest";
import { STACK_BUDGET } from "../../../src/firmware/meter/budget.ts";
import { stackOf } from "../../../src/firmware/meter/recursion.ts";
import { inAllStrategies, PLENTY, parsed } from "./rig.ts";

/** Calls itself as often as it is told, and counts the calls. */
const DIRECT = `(module (global $calls (export "calls") (mut i32) (i32.const 0))
  (func $down (export "run") (param i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (if (result i32) (local.get 0)
      (then (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (i32.const 0)))))`;

const MUTUAL = `(module (global $calls (export "calls") (mut i32) (i32.const 0))
  (func $even (export "run") (param i32) (result i32)
    (if (result i32) (local.get 0) (then (call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))
  (func $odd (param i32) (result i32) (local i64 v128)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (if (result i32) (local.get 0) (then (call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1)))))`;

const INDIRECT = `(module (type $f (func (param i32) (result i32))) (table 2 2 funcref) (elem (i32.const 1) $down)
  (global $calls (export "calls") (mut i32) (i32.const 0))
  (func $down (export "run") (param i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (if (result i32) (local.get 0)
      (then (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))
      (else (i32.const 0)))))`;

/** 160 + 8 a local, 16 for a float, 24 for a vector, 16 for each operand at the greatest height. */
const FRAMES = {
  DIRECT: 160 + 8 + 2 * 16,
  INDIRECT: 160 + 8 + 2 * 16,
  EVEN: 160 + 8 + 2 * 16,
  ODD: 160 + 8 + 8 + 24 + 2 * 16,
};

describe("recursion", () => {
  it.each([
    ["direct", DIRECT, Math.floor(STACK_BUDGET / FRAMES.DIRECT)],
    ["indirect", INDIRECT, Math.floor(STACK_BUDGET / FRAMES.INDIRECT)],
  ])("that is %s goes as deep as the frames fit, and no deeper, in every strategy", (_, text, deepest) => {
    for (const metered of inAllStrategies(parsed(text))) {
      expect(metered.run("run", [deepest - 1])).toMatchObject({ fault: 0 });
      expect(metered.run("run", [deepest - 1]).result).not.toBeNull();
      expect(metered.run("run", [deepest])).toMatchObject({ result: null, fault: 1 });
      const endless = metered.instance();
      expect(endless.call("run", [-1], PLENTY)).toMatchObject({ result: null, fault: 1 });
      expect([deepest, deepest + 1]).toContain(endless.global("calls").value);
    }
  });

  it("of two functions pays for the frames of both", () => {
    const pairs = Math.floor(STACK_BUDGET / (FRAMES.EVEN + FRAMES.ODD));
    for (const metered of inAllStrategies(parsed(MUTUAL))) {
      expect(metered.run("run", [2 * pairs - 1])).toMatchObject({ result: 1, fault: 0 });
      expect(metered.run("run", [2 * pairs + 1])).toMatchObject({ result: null, fault: 1 });
    }
  });

  it("through a table takes along what cannot recurse, and the depth goes on behind it", () => {
    const text = INDIRECT.replace("(table 2 2 funcref)", "(table 3 3 funcref)")
      .replace("$down)", "$down $leaf)")
      .replace('(export "run")', "")
      .replace(
        /\)$/,
        `(func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func $outside (param i32) (result i32) (call $leaf (local.get 0)))
        (func (export "run") (param i32) (result i32) (drop (call $outside (local.get 0)))
          (call_indirect (type $f) (call_indirect (type $f) (local.get 0) (i32.const 2)) (i32.const 1))))`,
      );
    const deepest = Math.floor(STACK_BUDGET / FRAMES.INDIRECT);
    for (const metered of inAllStrategies(parsed(text))) {
      expect(metered.run("run", [deepest - 2])).toMatchObject({ result: 0, fault: 0 });
      expect(metered.run("run", [deepest - 1])).toMatchObject({ result: null, fault: 1 });
    }
  });

  it("gets all of its stack again at the next call", () => {
    for (const metered of inAllStrategies(parsed(DIRECT))) {
      const instance = metered.instance();
      for (let i = 0; i < 3; i++) expect(instance.call("run", [1_000], PLENTY).result).toBe(1_000);
      expect(instance.call("run", [-1], PLENTY).fault).toBe(1);
      instance.global("__hw_fault").value = 0;
      expect(instance.call("run", [1_000], PLENTY)).toMatchObject({ result: 1_000, fault: 0 });
    }
  });

  it("is out of fuel before it is out of stack where the limit is low", () => {
    for (const metered of inAllStrategies(parsed(DIRECT))) {
      const run = metered.run("run", [-1], 1_000n);
      expect(run).toMatchObject({ result: null, fault: 0 });
      expect(run.fuel).toBeGreaterThan(1_000n);
    }
  });
});

describe("stackOf", () => {
  const frame = (operands: number): number => 160 + 16 * operands;

  it("is the longest chain of calls", () => {
    const text = `(module (func $c (drop (i32.const 1))) (func $b (call $c) (call $c))
      (func $a (drop (i32.add (i32.const 1) (i32.const 2))) (call $c)) (func (call $b) (call $a)))`;
    expect(stackOf(parsed(text))).toEqual({ acyclic: frame(0) + frame(2) + frame(1), cyclic: 0 });
  });

  it("leaves out functions on a cycle, and goes on through them", () => {
    const text = `(module (func $leaf (drop (i32.const 1))) (func $a (call $b)) (func $b (call $a) (call $leaf))
      (func (call $a)))`;
    expect(stackOf(parsed(text))).toEqual({ acyclic: frame(0) + frame(1), cyclic: 2 });
  });

  it("counts on every function whose address is taken behind an indirect call", () => {
    const text = `(module (type $f (func)) (table 1 1 funcref) (elem (i32.const 0) $big)
      (func $big (local i64 i64) (drop (i32.const 1))) (func (call_indirect (type $f) (i32.const 0))))`;
    expect(stackOf(parsed(text))).toEqual({ acyclic: frame(1) + frame(1) + 16, cyclic: 0 });
  });

  it("counts what the meter may add for each local that is a float or a vector", () => {
    const text = `(module (func (local f32 f64 v128 i64 funcref) (drop (i32.const 1))))`;
    expect(stackOf(parsed(text))).toEqual({ acyclic: frame(1) + 16 + 16 + 24 + 8 + 8, cyclic: 0 });
  });
});
