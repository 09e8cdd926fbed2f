/** Calls of every kind, and what the metered module shows to the host. */
import { describe, expect, it } from "vitest";
import { STACK_BUDGET } from "../../../src/firmware/meter/budget.ts";
import { instrument } from "../../../src/firmware/meter/instrument.ts";
import { decoded, expectBill, Metered, PLENTY, parsed, STRATEGIES } from "./rig.ts";

const IMPORT = { env: { twice: (x: number) => 2 * x } };

describe("calls", () => {
  it("give several results, and the counter behind them", () => {
    const text = `(module (func $pair (param i32 i64) (result i64 i32)
        (if (result i64 i32) (local.get 0) (then (local.get 1) (local.get 0)) (else (i64.const 7) (i32.const 8))))
      (func (export "run") (param i32) (result i64 i32) (call $pair (local.get 0) (i64.const 5))))`;
    expect(expectBill(text, "run", [3]).result).toEqual([5n, 3]);
    expect(expectBill(text, "run", [0]).result).toEqual([7n, 8]);
  });

  it("through a table reach functions of their type, and imported ones", () => {
    const text = `(module (type $f (func (param i32) (result i32)))
      (import "env" "twice" (func $twice (param i32) (result i32)))
      (table 4 4 funcref) (elem (i32.const 0) $twice $next)
      (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func (export "run") (param i32 i32) (result i32)
        (call_indirect (type $f) (local.get 0) (local.get 1))))`;
    expect(expectBill(text, "run", [21, 0], () => IMPORT).result).toBe(42);
    expect(expectBill(text, "run", [21, 1], () => IMPORT).result).toBe(22);
    for (const strategy of STRATEGIES) {
      const metered = new Metered(parsed(text), { strategy });
      expect(metered.run("run", [21, 2], PLENTY, IMPORT).result).toBeNull();
    }
  });

  it("through a table trap where the type is another, though that one has what is threaded", () => {
    const text = `(module (type $f (func (param i64) (result i64))) (type $g (func (param i64 i64) (result i64 i64)))
      (table 1 1 funcref) (elem (i32.const 0) $id) (func $id (param i64) (result i64) (local.get 0))
      (func (export "right") (result i64) (call_indirect (type $f) (i64.const 4) (i32.const 0)))
      (func (export "wrong") (result i64 i64) (call_indirect (type $g) (i64.const 4) (i64.const 4) (i32.const 0))))`;
    for (const strategy of STRATEGIES) {
      const metered = new Metered(parsed(text), { strategy });
      expect(metered.run("right").result).toBe(4n);
      expect(metered.run("wrong").result).toBeNull();
    }
  });

  it("of references made by ref.func work, of imported functions too", () => {
    const text = `(module (type $f (func (param i32) (result i32)))
      (import "env" "twice" (func $twice (param i32) (result i32)))
      (table 2 2 funcref) (elem declare func $twice $next)
      (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func (export "run") (param i32) (result i32)
        (table.set 0 (i32.const 0) (ref.func $twice)) (table.set 0 (i32.const 1) (ref.func $next))
        (call_indirect (type $f) (call_indirect (type $f) (local.get 0) (i32.const 0)) (i32.const 1))))`;
    expect(expectBill(text, "run", [10], () => IMPORT).result).toBe(21);
  });

  it("of a function that is declared by its export alone can be made by reference", () => {
    const text = `(module (type $f (func (result i32))) (table 1 1 funcref)
      (func $five (export "five") (result i32) (i32.const 5))
      (func (export "run") (result i32) (table.set 0 (i32.const 0) (ref.func $five))
        (call_indirect (type $f) (i32.const 0))))`;
    expect(expectBill(text, "run", []).result).toBe(5);
    expect(expectBill(text, "five", []).result).toBe(5);
  });

  it("of references in globals and passive segments work", () => {
    const text = `(module (type $f (func (param i32) (result i32)))
      (import "env" "twice" (func $twice (param i32) (result i32)))
      (table 3 3 funcref) (elem $more func $twice $twice)
      (global $g funcref (ref.func $twice))
      (func (export "run") (param i32) (result i32)
        (table.init $more (i32.const 0) (i32.const 0) (i32.const 2)) (table.set 0 (i32.const 2) (global.get $g))
        (call_indirect (type $f) (call_indirect (type $f) (local.get 0) (i32.const 1)) (i32.const 2))))`;
    expect(expectBill(text, "run", [10], () => IMPORT).result).toBe(40);
  });

  it("return from nested blocks, and branch to the function's end", () => {
    const text = `(module (func $f (param i32) (result i32)
        (block (block (if (i32.eq (local.get 0) (i32.const 1)) (then (return (i32.const 10))))
          (br_if 0 (i32.eq (local.get 0) (i32.const 2)))
          (drop (br_if 2 (i32.const 30) (i32.eq (local.get 0) (i32.const 3))))
          (br_table 0 1 (i32.sub (local.get 0) (i32.const 4)))) (return (i32.const 20))) (i32.const 40))
      (func (export "run") (param i32) (result i32) (call $f (call $f (local.get 0)))))`;
    for (const n of [1, 2, 3, 4, 5]) expectBill(text, "run", [n]);
  });
});

describe("the metered module", () => {
  const text = `(module (memory (export "memory") 1 2) (global $a (mut i32) (i32.const 1)) (global i32 (i32.const 2))
    (global $c (mut f64) (f64.const 3)) (global (mut funcref) (ref.null func))
    (func $start (global.set $a (i32.const 9))) (start $start)
    (func (export "run") (result i32) (global.get $a)))`;

  it.each(STRATEGIES)(
    "shows fuel, stack, fault, the start function and the guest's mutable numbers: %s",
    (strategy) => {
      const metered = new Metered(parsed(text), { strategy });
      const instance = metered.instance();
      const own = new Set(Object.keys(instance.exports).filter((name) => name.startsWith("__hw_")));
      expect(own).toEqual(
        new Set(["__hw_fault", "__hw_fuel", "__hw_global_0", "__hw_global_2", "__hw_stack", "__hw_start"]),
      );
      expect(instance.global("__hw_stack").value).toBe(STACK_BUDGET);
      expect(instance.global("__hw_global_0").value).toBe(1);
      expect(instance.call("__hw_start", [], PLENTY)).toMatchObject({ result: undefined, fault: 0 });
      expect(instance.global("__hw_global_0").value).toBe(9);
      expect(instance.call("run", [], PLENTY).result).toBe(9);
      expect(instance.call("__hw_start", [], 0n).result).toBeNull();
    },
  );

  it("is a module that decodes again, with the guest's indices where they were", () => {
    const module = parsed(text);
    const again = decoded(instrument(module));
    expect(again.globals.slice(0, module.globals.length)).toEqual(module.globals);
    expect(again.types.slice(0, module.types.length)).toEqual(module.types);
    expect(again.exports.slice(0, 1)).toEqual(module.exports.slice(0, 1));
    expect(again.start).toBe(-1);
  });

  it("traps with fault 2 where the host has no memory that the maximum allows", () => {
    const greedy = `(module (import "env" "memory" (memory 1 65536))
      (func (export "run") (param i32) (result i32) (memory.grow (local.get 0))))`;
    for (const strategy of STRATEGIES) {
      const metered = new Metered(parsed(greedy), { strategy });
      // the host's own maximum is lower than what the module declares
      const memory = Reflect.construct(WebAssembly.Memory, [{ initial: 1, maximum: 2 }]);
      const env = { memory };
      expect(metered.run("run", [1], PLENTY, { env })).toMatchObject({ result: 1, fault: 0 });
      expect(metered.run("run", [1], PLENTY, { env })).toMatchObject({ result: null, fault: 2 });
      expect(metered.run("run", [70_000], PLENTY, { env })).toMatchObject({ result: -1, fault: 0 });
    }
  });
});
