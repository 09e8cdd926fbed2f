/** Where the fuel counter is while a function runs. The four strategies differ in this, and in where they charge. */
import type { Writer } from "../wasm/writer.ts";
import { CODE } from "./code.ts";

/**
 * - `block`: a global, charged and checked in every basic block: the canonical bill, exact at a trap, too
 * - `global`: a global, charged where placement says
 * - `local`: a local of each function, kept in the global across calls
 * - `threaded`: a parameter and a result more of each function, so that it stays in a register across calls
 */
export type Strategy = "block" | "global" | "local" | "threaded";

/** Writes the instructions that use the counter. */
export interface Counter {
  /** Pushes it. */
  get(writer: Writer): void;
  /** Pops it. */
  set(writer: Writer): void;
  /** Sets it to the operand on top, which stays. */
  tee(writer: Writer): void;
  /** Writes it to the global, before anything outside of the function reads that. */
  spill(writer: Writer): void;
  /** Reads it from the global again. */
  refill(writer: Writer): void;
}

/** The global itself. */
export function globalCounter(global: number): Counter {
  const get = (writer: Writer): void => void writer.byte(CODE.globalGet).u32(global);
  const set = (writer: Writer): void => void writer.byte(CODE.globalSet).u32(global);
  return {
    get,
    set,
    tee: (writer) => {
      set(writer);
      get(writer);
    },
    spill: () => {},
    refill: () => {},
  };
}

/** A local that stands for the global. */
export function localCounter(global: number, local: number): Counter {
  const get = (writer: Writer): void => void writer.byte(CODE.localGet).u32(local);
  const set = (writer: Writer): void => void writer.byte(CODE.localSet).u32(local);
  return {
    get,
    set,
    tee: (writer) => void writer.byte(CODE.localTee).u32(local),
    spill: (writer) => {
      get(writer);
      writer.byte(CODE.globalSet).u32(global);
    },
    refill: (writer) => {
      writer.byte(CODE.globalGet).u32(global);
      set(writer);
    },
  };
}

/** Pops an i32 and leaves the function, out of fuel, where it is not 0. */
export type Trap = (writer: Writer) => void;

/** Lowers the counter by an amount known beforehand; with a trap, compares it with 0. */
export function writeCharge(writer: Writer, counter: Counter, fuel: number, trap: Trap | null): void {
  if (fuel > 0) {
    counter.get(writer);
    writer.byte(CODE.i64Const).s64(fuel).byte(CODE.i64Sub);
    if (trap === null) counter.set(writer);
    else counter.tee(writer);
  } else if (trap !== null) counter.get(writer);
  if (trap !== null) writeCheck(writer, trap);
}

/** Pops the counter's value, which must not be below zero. */
export function writeCheck(writer: Writer, trap: Trap): void {
  writer.byte(CODE.i64Const).s32(0).byte(CODE.i64LtS);
  trap(writer);
}

/** A trap on the spot. */
export function trapHere(counter: Counter): Trap {
  return (writer) => {
    writer.byte(CODE.if).byte(0x40);
    counter.spill(writer);
    writer.byte(CODE.unreachable).byte(CODE.end);
  };
}
