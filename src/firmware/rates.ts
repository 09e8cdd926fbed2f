/**
 * How much fuel a second a machine gives one run: measured on modules of our own, metered like everything.
 *
 * A class's figure is the geometric mean of two: of a loop that computes in a register, and of loads whose address
 * depends on the load before, over all of the class's memory. Ordinary work lies between them, in the large classes far
 * from both: a run may have so much more or less fuel a second as the root of what is between the two.
 */
import { Fault } from "../base/fault.ts";
import { MEMORY_CLASSES, type MemoryClass } from "../protocol/fuel.ts";
import { VALUE } from "./wasm/types.ts";
import { Writer } from "./wasm/writer.ts";

/** Fuel per second, by memory class (MiB). */
export type FuelRates = ReadonlyMap<MemoryClass, number>;

type Cost = { readonly fuel: number; readonly wallMs: number };

/** Runs a module of profile `task/1` to its end. */
export type Measured = (firmware: Uint8Array, input: Uint8Array) => Promise<Cost>;

const ENOUGH_MS = 100;
const FIRST_ROUNDS = 50_000;
const MAX_ROUNDS = 2 ** 31;
const REPEATS = 2;
const MAX_GROWTH = 16;

/**
 * Measures for about two seconds.
 *
 * @throws {@link Fault} `impossible` when the clock stands still; and what `measured` throws
 */
export async function measureRates(measured: Measured): Promise<FuelRates> {
  const rates = new Map<MemoryClass, number>();
  const compute = await rateOf(computeModule(), measured);
  for (const memoryMiB of MEMORY_CLASSES) {
    const chase = await rateOf(chaseModule(memoryMiB), measured);
    rates.set(memoryMiB, Math.floor(Math.sqrt(compute * chase)));
  }
  return rates;
}

async function rateOf(firmware: Uint8Array, measured: Measured): Promise<number> {
  // a run of one round has all that is not of the rounds
  let one = await cheapest(measured, firmware, 1);
  let rounds = FIRST_ROUNDS;
  let many = await measured(firmware, u32(rounds));
  while (many.wallMs - one.wallMs < ENOUGH_MS) {
    // what held it up has not held up the others: they would never take longer
    const again = await measured(firmware, u32(1));
    if (again.wallMs < one.wallMs) one = again;
    const growth = (1.5 * ENOUGH_MS) / Math.max(1, many.wallMs - one.wallMs);
    rounds = Math.ceil(rounds * Math.min(growth, MAX_GROWTH));
    if (rounds >= MAX_ROUNDS) throw new Fault("impossible", `${rounds} rounds take ${many.wallMs} ms`);
    many = await cheapest(measured, firmware, rounds);
  }
  return ((many.fuel - one.fuel) * 1000) / (many.wallMs - one.wallMs);
}

/** Other work on the machine makes a run slower and never faster. */
async function cheapest(measured: Measured, firmware: Uint8Array, rounds: number): Promise<Cost> {
  let best = await measured(firmware, u32(rounds));
  for (let i = 1; i < REPEATS; i++) {
    const next = await measured(firmware, u32(rounds));
    if (next.wallMs < best.wallMs) best = next;
  }
  return best;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** x = x * a + c, x = x ^ (x >> 29) in 64 bits, once a round. */
function computeModule(): Uint8Array {
  const x = 2;
  const code = new Writer();
  get(code, 0).byte(OP.i32Load).u32(2).u32(0);
  set(code, 1).byte(OP.loop).byte(OP.empty);
  get(code, x).byte(OP.i64Const).s64(6_364_136_223_846_793_005n).byte(OP.i64Mul);
  code.byte(OP.i64Const).s64(1_442_695_040_888_963_407n).byte(OP.i64Add);
  set(code, x);
  get(code, x);
  get(code, x).byte(OP.i64Const).s64(29).byte(OP.i64ShrU).byte(OP.i64Xor);
  set(code, x);
  again(code, 1);
  code.byte(OP.i32Const).s32(0);
  get(code, x).byte(OP.i64Store).u32(3).u32(0);
  return taskModule(1, VALUE.i64, code);
}

/** i = i * a + c + load(i), once a round; with every byte of the memory 2, the addresses go through all of its lines. */
function chaseModule(memoryMiB: MemoryClass): Uint8Array {
  const bytes = memoryMiB * 2 ** 20;
  const i = 2;
  const code = new Writer();
  get(code, 0).byte(OP.i32Load).u32(2).u32(0);
  set(code, 1);
  code.byte(OP.i32Const).s32(0).byte(OP.i32Const).s32(2).byte(OP.i32Const).s32(bytes);
  code.byte(OP.bulk).u32(OP.memoryFill).byte(0).byte(OP.loop).byte(OP.empty);
  get(code, i).byte(OP.i32Const).s32(1_664_525).byte(OP.i32Mul);
  code.byte(OP.i32Const).s32(1_013_904_223).byte(OP.i32Add);
  get(code, i)
    .byte(OP.i32Const)
    .s32(32 - Math.log2(bytes))
    .byte(OP.i32ShrU);
  code.byte(OP.i32Const).s32(-4).byte(OP.i32And).byte(OP.i32Load).u32(2).u32(0).byte(OP.i32Add);
  set(code, i);
  again(code, 1);
  code.byte(OP.i32Const).s32(0);
  get(code, i).byte(OP.i32Store).u32(2).u32(0);
  return taskModule(memoryMiB, VALUE.i32, code);
}

const OP = {
  ...{ loop: 0x03, empty: 0x40, end: 0x0b, brIf: 0x0d, get: 0x20, set: 0x21, tee: 0x22 },
  ...{ i32Load: 0x28, i32Store: 0x36, i64Store: 0x37, i32Const: 0x41, i64Const: 0x42 },
  ...{ i32Add: 0x6a, i32Sub: 0x6b, i32Mul: 0x6c, i32And: 0x71, i32ShrU: 0x76 },
  ...{ i64Add: 0x7c, i64Mul: 0x7e, i64Xor: 0x85, i64ShrU: 0x88, bulk: 0xfc, memoryFill: 11 },
} as const;

function get(code: Writer, local: number): Writer {
  return code.byte(OP.get).u32(local);
}

function set(code: Writer, local: number): Writer {
  return code.byte(OP.set).u32(local);
}

/** Ends a loop that runs until a local, lowered by one each time, is 0. */
function again(code: Writer, left: number): void {
  get(code, left).byte(OP.i32Const).s32(1).byte(OP.i32Sub);
  code.byte(OP.tee).u32(left).byte(OP.brIf).u32(0).byte(OP.end);
}

/**
 * A module of profile `task/1` of fixed memory. Its input is laid at 0; `code` is the body of `run`, with one more local
 * of type `local`, and leaves its output of 8 bytes at 0.
 */
function taskModule(memoryMiB: MemoryClass, local: number, code: Writer): Uint8Array {
  const { i32, i64 } = VALUE;
  const pages = memoryMiB * 16;
  const run = new Writer().u32(1).u32(1).byte(local).bytes(code.view());
  run.byte(OP.i64Const).s64(8).byte(OP.end);
  const module = new Writer().bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  section(module, 1, [
    [0x60, 1, i32, 1, i32],
    [0x60, 2, i32, i32, 1, i64],
  ]);
  section(module, 3, [[0], [1]]);
  section(module, 5, [[...new Writer().byte(1).u32(pages).u32(pages).view()]]);
  section(module, 7, [
    [...new Writer().name("memory").byte(2).u32(0).view()],
    [...new Writer().name("alloc").byte(0).u32(0).view()],
    [...new Writer().name("run").byte(0).u32(1).view()],
  ]);
  section(module, 10, [
    [4, 0, OP.i32Const, 0, OP.end],
    [...new Writer().u32(run.length).bytes(run.view()).view()],
  ]);
  return module.finish();
}

function section(module: Writer, id: number, entries: readonly (readonly number[])[]): void {
  const body = new Writer().u32(entries.length).bytes(Uint8Array.from(entries.flat()));
  module.byte(id).u32(body.length).bytes(body.view());
}
