/** Fuel of small modules, counted by hand. */
import { describe, expect, it } from "vitest";
import { BULK_SHIFT, costOf, LOCAL_COST, PAGE_COST } from "../../../src/firmware/meter/costs.ts";
import { instructions } from "../../../src/firmware/wasm/opcodes.ts";
import { expectBill, Metered, PLENTY, parsed } from "./rig.ts";

const OPS = new Map([...instructions].map(([op, { name }]) => [name, op]));

/** What these instructions cost, one after the other. */
function sum(names: string): number {
  let fuel = 0;
  for (const name of names.trim().split(/\s+/)) {
    const op = OPS.get(name);
    if (op === undefined) throw new Error(`there is no ${name}`);
    fuel += costOf(op);
  }
  return fuel;
}

describe("the bill", () => {
  it("is the sum of the instructions on a straight line", () => {
    const text = `(module (func (export "run") (param i32) (result i32)
      (i32.mul (i32.add (local.get 0) (i32.const 3)) (i32.const 5))))`;
    const run = expectBill(text, "run", [4]);
    expect(run.result).toBe(35);
    expect(Number(run.fuel)).toBe(sum("local.get i32.const i32.add i32.const i32.mul"));
  });

  it("has every declared local once for each call, parameters not", () => {
    const text = `(module (func (export "run") (param i32 i32) (result i32) (local i32 i64 f32 v128)
      (local.get 1)))`;
    expect(Number(expectBill(text, "run", [1, 2]).fuel)).toBe(sum("local.get") + 4 * LOCAL_COST);
  });

  it.each([
    [1, "i32.const i32.const i32.add"],
    [0, "i32.const"],
  ])("takes the arm that was executed: %i", (condition, arm) => {
    const text = `(module (func (export "run") (param i32) (result i32)
      (if (result i32) (local.get 0) (then (i32.add (i32.const 1) (i32.const 2))) (else (i32.const 9)))))`;
    expect(Number(expectBill(text, "run", [condition]).fuel)).toBe(sum("local.get if") + sum(arm));
  });

  it.each([0, 1, 2, 7, 1000])("has the condition of a while loop once more than its rounds: %i", (rounds) => {
    const text = `(module (func (export "run") (param i32) (result i32) (local i32)
      (loop $again (if (i32.lt_s (local.get 1) (local.get 0))
        (then (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br $again)))) (local.get 1)))`;
    const condition = sum("local.get local.get i32.lt_s if");
    const body = sum("local.get i32.const i32.add local.set br");
    const run = expectBill(text, "run", [rounds]);
    expect(run.result).toBe(rounds);
    expect(Number(run.fuel)).toBe(LOCAL_COST + (rounds + 1) * condition + rounds * body + sum("local.get"));
  });

  it("has what calls execute", () => {
    const text = `(module
      (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func $middle (param i32) (result i32) (call $leaf (call $leaf (local.get 0))))
      (func (export "run") (param i32) (result i32) (call $middle (call $leaf (local.get 0)))))`;
    const leaf = sum("local.get i32.const i32.add");
    const run = expectBill(text, "run", [5]);
    expect(run.result).toBe(8);
    expect(Number(run.fuel)).toBe(sum("local.get call call local.get call call") + 3 * leaf);
  });

  it.each([0, 1, 2, 3, 100])("has the way that a table of branches takes: %i", (selector) => {
    const text = `(module (func (export "run") (param i32) (result i32)
      (block $c (block $b (block $a (br_table $a $b $a $c (local.get 0)))
        (return (i32.const 1))) (return (i32.mul (i32.const 2) (i32.const 3)))) (i32.const 7)))`;
    const ways = ["i32.const return", "i32.const i32.const i32.mul return", "i32.const return", "i32.const"];
    const expected = sum("local.get br_table") + sum(ways[Math.min(selector, 3)] ?? "");
    expect(Number(expectBill(text, "run", [selector]).fuel)).toBe(expected);
  });

  it.each([0, 1, 9, 4096])("has the length of bulk instructions: %i", (length) => {
    const text = `(module (memory (export "memory") 1 1) (func (export "run") (param i32)
      (memory.fill (i32.const 0) (i32.const 7) (local.get 0))
      (memory.copy (i32.const 8) (i32.const 0) (local.get 0))))`;
    const fixed = sum("i32.const i32.const local.get memory.fill i32.const i32.const local.get memory.copy");
    expect(Number(expectBill(text, "run", [length]).fuel)).toBe(fixed + 2 * (length >>> BULK_SHIFT));
  });

  it.each([
    [0, 1],
    [2, 1],
    [3, -1],
  ])("has the pages that are asked for, %i, and gives what memory.grow does", (pages, result) => {
    const text = `(module (memory 1 3) (func (export "run") (param i32) (result i32) (memory.grow (local.get 0))))`;
    const run = expectBill(text, "run", [pages]);
    expect(run).toMatchObject({ result, fault: 0 });
    expect(Number(run.fuel)).toBe(sum("local.get memory.grow") + pages * PAGE_COST);
  });

  it("has what a host takes during a call", () => {
    const text = `(module (import "env" "pay" (func $pay (param i32)))
      (func (export "run") (param i32) (call $pay (local.get 0)) (call $pay (i32.const 3))))`;
    for (const strategy of ["block", "global", "local", "threaded"] as const) {
      const metered = new Metered(parsed(text), { strategy });
      const bill = (limit: bigint): bigint => {
        const paid: number[] = [];
        const pay = (amount: number) => {
          paid.push(amount);
          const fuel = instance.global("__hw_fuel");
          fuel.value = BigInt(String(fuel.value)) - BigInt(amount);
        };
        const instance = metered.instance({ env: { pay } });
        const run = instance.call("run", [100], limit);
        expect(run.result === null).toBe(run.fuel > limit);
        return run.fuel;
      };
      const total = bill(PLENTY);
      expect(Number(total)).toBe(sum("local.get call i32.const call") + 103);
      expect(bill(total)).toBe(total);
      expect(bill(total - 1n)).toBeGreaterThan(total - 1n);
    }
  });

  it("is exact at a trap in the canonical build: whole blocks, those that were begun", () => {
    const text = `(module (memory 1 1) (func (export "run") (param i32) (local i32)
      (loop $again
        (local.set 1 (i32.add (local.get 1) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get 1) (local.get 0))))
      (drop (i32.load (i32.const -4))) (drop (i32.const 1))))`;
    const metered = new Metered(parsed(text), { strategy: "block" });
    const round = sum("local.get i32.const i32.add local.set local.get local.get i32.lt_u br_if");
    const run = metered.run("run", [10]);
    expect(run.result).toBeNull();
    expect(Number(run.fuel)).toBe(LOCAL_COST + 10 * round + sum("i32.const i32.load drop i32.const drop"));
    expect(metered.run("run", [11]).fuel - run.fuel).toBe(BigInt(round));
  });
});
