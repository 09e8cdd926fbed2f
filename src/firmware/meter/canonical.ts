/** Writes instructions that turn every NaN into one. */
import type { Body } from "../wasm/module.ts";
import { VALUE } from "../wasm/types.ts";
import type { Writer } from "../wasm/writer.ts";
import { CODE } from "./code.ts";
import { FLOAT } from "./floats.ts";
import type { Locals } from "./locals.ts";
import { type Nans, WRITES } from "./nan.ts";

/** A shape's canonical NaN, positive (core specification 2.0, section 4.3.3; little-endian), its constant and its test. */
type Form = {
  readonly name: string;
  readonly type: number;
  readonly constant: number;
  readonly nan: readonly number[];
  readonly equal: number;
};

const F32_NAN = [0, 0, 0xc0, 0x7f];
const F64_NAN = [0, 0, 0, 0, 0, 0, 0xf8, 0x7f];

const FORMS: ReadonlyMap<number, Form> = new Map([
  [FLOAT.f32, { name: "f32", type: VALUE.f32, constant: CODE.f32Const, nan: F32_NAN, equal: CODE.f32Eq }],
  [FLOAT.f64, { name: "f64", type: VALUE.f64, constant: CODE.f64Const, nan: F64_NAN, equal: CODE.f64Eq }],
  [FLOAT.f32x4, lanes([...F32_NAN, ...F32_NAN, ...F32_NAN, ...F32_NAN], CODE.f32x4Eq)],
  [FLOAT.f64x2, lanes([...F64_NAN, ...F64_NAN], CODE.f64x2Eq)],
]);

function lanes(nan: readonly number[], equal: number): Form {
  return { name: "v128", type: VALUE.v128, constant: CODE.v128Const, nan, equal };
}

/** What has to follow instruction `i`, which is marked. */
export function writeMarked(writer: Writer, locals: Locals, body: Body, nans: Nans, i: number): void {
  const mark = nans.marks[i] ?? 0;
  const local = body.immediate[i] ?? 0;
  if (mark === WRITES.raw || mark === WRITES.clean) {
    if (!nans.isMixed[local]) return;
    writer.byte(CODE.i32Const).s32(mark === WRITES.raw ? 1 : 0);
    writer.byte(CODE.localSet).u32(isRaw(locals, local));
    return;
  }
  const form = FORMS.get(mark);
  if (form === undefined) return;
  if (body.op[i] === CODE.localGet) {
    writeCanonical(writer, form, locals.indexOf(local), nans.isMixed[local] ? isRaw(locals, local) : -1);
    return;
  }
  const value = locals.own(form.name, form.type);
  writer.byte(CODE.localTee).u32(value);
  writeCanonical(writer, form, value, -1);
}

/** Says of a local whether it holds a raw result. */
function isRaw(locals: Locals, local: number): number {
  return locals.own(`raw ${local}`, VALUE.i32);
}

/**
 * Replaces the operand on top, which the local holds as well, or those of its lanes that are NaN. Where the local `flag`
 * is 0 it stays; -1: there is no flag.
 */
function writeCanonical(writer: Writer, form: Form, local: number, flag: number): void {
  writeOp(writer, form.constant);
  for (const byte of form.nan) writer.byte(byte);
  writer.byte(CODE.localGet).u32(local).byte(CODE.localGet).u32(local);
  writeOp(writer, form.equal);
  if (form.type === VALUE.v128) {
    writeOp(writer, CODE.v128Bitselect);
    if (flag !== -1) writer.byte(CODE.localGet).u32(local).byte(CODE.localGet).u32(flag).byte(CODE.select);
    return;
  }
  if (flag !== -1) writer.byte(CODE.localGet).u32(flag).byte(CODE.i32Eqz).byte(CODE.i32Or);
  writer.byte(CODE.select);
}

function writeOp(writer: Writer, op: number): void {
  if (op > 0xff) writer.byte(op >> 8).u32(op & 0xff);
  else writer.byte(op);
}
