/**
 * Another meter, as plain as can be: before every instruction a call that pays for that one, behind every float
 * instruction a call that makes its NaN canonical. It knows nothing of blocks, placement, loops or what is seen.
 */
import { BULK_SHIFT, costOf, LOCAL_COST, PAGE_COST } from "../../../src/firmware/meter/costs.ts";
import { Reader } from "../../../src/firmware/wasm/leb.ts";
import type { Body, Module } from "../../../src/firmware/wasm/module.ts";
import { instructions } from "../../../src/firmware/wasm/opcodes.ts";
import { Writer } from "../../../src/firmware/wasm/writer.ts";

const F32 = 0x7d;
const F64 = 0x7c;
const V128 = 0x7b;
const I32 = 0x7f;

/** Names of results whose NaN bits the specification leaves open, by the type that is made canonical. */
const SCALAR = /^f(32|64)\.(ceil|floor|trunc|nearest|sqrt|add|sub|mul|div|min|max|demote_f64|promote_f32)$/;
const LANES =
  /^f(32x4|64x2)\.(ceil|floor|trunc|nearest|sqrt|add|sub|mul|div|min|max|demote_f64x2_zero|promote_low_f32x4)$/;

const ROUTINES = { spend: 0, f32: 1, f64: 2, f32x4: 3, f64x2: 4, bulk: 5, pages: 6 } as const;

function routineOf(op: number): number {
  const name = instructions.get(op)?.name ?? "";
  const scalar = SCALAR.exec(name);
  if (scalar !== null) return scalar[1] === "32" ? ROUTINES.f32 : ROUTINES.f64;
  const lanes = LANES.exec(name);
  if (lanes !== null) return lanes[1] === "32x4" ? ROUTINES.f32x4 : ROUTINES.f64x2;
  return -1;
}

/** What the counter starts with. */
const LIMIT = 10 ** 15;

/** The module with an export `fuel`, an i64 that falls; below zero it traps. NaNs are left alone unless `nan`. */
export function plainlyMetered(module: Module, nan: boolean): Uint8Array {
  const functions = module.functionTypes.length;
  const fuel = module.globals.length;
  const types = module.types.length;
  const contents = new Map(
    module.sections.map(({ id, start, end }) => [id, module.bytes.subarray(start, end)]),
  );
  // (i32) -> (), and T -> T for the four value types
  const signatures = [[[I32], []], ...[F32, F64, V128, I32].map((type) => [[type], [type]])];
  const typesOfRoutines = [0, 1, 2, 3, 3, 4, 4].map((k) => types + k);
  contents.set(
    1,
    appended(
      contents.get(1),
      signatures.map(([p = [], r = []]) => [0x60, p.length, ...p, r.length, ...r]),
    ),
  );
  contents.set(
    3,
    appended(
      contents.get(3),
      typesOfRoutines.map((type) => [...new Writer().u32(type).view()]),
    ),
  );
  contents.set(6, appended(contents.get(6), [[0x7e, 1, 0x42, ...new Writer().s64(LIMIT).view(), 0x0b]]));
  contents.set(
    7,
    appended(contents.get(7), [
      [4, ...new TextEncoder().encode("fuel"), 3, ...new Writer().u32(fuel).view()],
    ]),
  );
  const writer = new Writer().u32(module.bodies.length + typesOfRoutines.length);
  for (const body of module.bodies) {
    const code = plainBody(module, body, functions, nan);
    writer.u32(code.length).bytes(code);
  }
  for (const code of routines(fuel)) writer.u32(code.length).bytes(code);
  contents.set(10, writer.finish());
  const out = new Writer().bytes(module.bytes, 0, 8);
  for (const id of [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11]) {
    const bytes = contents.get(id);
    if (bytes !== undefined) out.byte(id).u32(bytes.length).bytes(bytes);
  }
  return out.finish();
}

function appended(section: Uint8Array | undefined, more: readonly (readonly number[])[]): Uint8Array {
  const reader = new Reader(section ?? Uint8Array.of(0));
  const writer = new Writer().u32(reader.u32() + more.length);
  writer.bytes(reader.bytes, reader.at);
  for (const bytes of more) writer.bytes(Uint8Array.from(bytes));
  return writer.finish();
}

function plainBody(module: Module, body: Body, routines: number, nan: boolean): Uint8Array {
  const writer = new Writer().u32(body.declarations).bytes(module.bytes, body.declarationsStart, body.start);
  const call = (routine: number): void => void writer.byte(0x10).u32(routines + routine);
  const pay = (fuel: number): void => {
    if (fuel === 0) return;
    writer.byte(0x41).s32(fuel);
    call(ROUTINES.spend);
  };
  pay((body.locals.length - body.parameters) * LOCAL_COST);
  for (let i = 0; i < body.length; i++) {
    const op = body.op[i] ?? 0;
    const name = instructions.get(op)?.name ?? "";
    // what stands before a `loop` is not executed again
    if (name !== "loop") pay(costOf(op));
    if (/^(memory|table)\.(init|copy|fill)$|^table\.grow$/.test(name)) call(ROUTINES.bulk);
    if (name === "memory.grow") call(ROUTINES.pages);
    writer.bytes(module.bytes, body.at[i], body.at[i + 1]);
    if (name === "loop") pay(costOf(op));
    const routine = nan ? routineOf(op) : -1;
    if (routine !== -1) call(routine);
  }
  return writer.finish();
}

/** Code of the functions of {@link ROUTINES}, in order. */
function routines(fuel: number): Uint8Array[] {
  const scalar = (type: number, constant: readonly number[], equal: number): Uint8Array =>
    Uint8Array.from([0, 0x20, 0, 0x20, 0, equal, 0x04, type, 0x20, 0, 0x05, ...constant, 0x0b, 0x0b]);
  const lanes = (nan: readonly number[], equal: number): Uint8Array =>
    Uint8Array.from([0, 0x20, 0, 0xfd, 0x0c, ...nan, 0x20, 0, 0x20, 0, 0xfd, equal, 0xfd, 0x52, 0x0b]);
  const nan32 = [0, 0, 0xc0, 0x7f];
  const nan64 = [0, 0, 0, 0, 0, 0, 0xf8, 0x7f];
  /** Takes from the counter what `amount` makes of the parameter, 64 bits wide. */
  const spend = (amount: readonly number[], result: readonly number[]): Uint8Array => {
    const writer = new Writer().byte(0).byte(0x23).u32(fuel);
    writer
      .bytes(Uint8Array.from([0x20, 0, 0xad, ...amount, 0x7d]))
      .byte(0x24)
      .u32(fuel);
    writer
      .byte(0x23)
      .u32(fuel)
      .bytes(Uint8Array.of(0x42, 0, 0x53, 0x04, 0x40, 0x00, 0x0b));
    return writer.bytes(Uint8Array.from([...result, 0x0b])).finish();
  };
  return [
    spend([], []),
    scalar(F32, [0x43, ...nan32], 0x5b),
    scalar(F64, [0x44, ...nan64], 0x61),
    lanes([...nan32, ...nan32, ...nan32, ...nan32], 0x41),
    lanes([...nan64, ...nan64], 0x47),
    spend([0x42, BULK_SHIFT, 0x88], [0x20, 0]),
    spend([0x42, ...new Writer().s64(PAGE_COST).view(), 0x7e], [0x20, 0]),
  ];
}
