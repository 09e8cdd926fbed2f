/** Types of the binary format, and what later proposals put in their place. Core specification 2.0, section 5.3. */
import { malformed } from "./leb.ts";
import { featureOf } from "./opcodes.ts";
import { Unfit } from "./rejection.ts";

/** Value types, one byte each: {@link VALUE}. */
export type FunctionType = { readonly params: Uint8Array; readonly results: Uint8Array };

export const VALUE = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
} as const;

/** @throws {Unfit} `features` for a type of later proposals, else `malformed` */
export function checkValueType(type: number, at: number): void {
  if ((type >= VALUE.v128 && type <= VALUE.i32) || type === VALUE.funcref || type === VALUE.externref) return;
  throw wrongType(type, at);
}

/** @throws {Unfit} like {@link checkValueType} */
export function checkReferenceType(type: number, at: number): void {
  if (type !== VALUE.funcref && type !== VALUE.externref) throw wrongType(type, at);
}

/** A type, or the form of one, that is none of WebAssembly 2.0. */
export function wrongType(type: number, at: number): Unfit {
  const hex = `0x${type.toString(16)}`;
  const feature = type === 0x69 || type === 0x74 ? "exception handling" : "garbage collection";
  // heap types, structures, arrays, subtypes, and references to them
  const isLater = (type >= 0x63 && type <= 0x7a && type !== VALUE.funcref) || (type >= 0x4e && type <= 0x5f);
  if (!isLater) return malformed(`there is no type ${hex}`, at);
  return new Unfit("features", `type ${hex} at byte ${at} belongs to ${feature}, which is not allowed`);
}

/** An opcode that is not in the table. */
export function unknownOpcode(op: number, at: number): Unfit {
  const hex = `0x${op.toString(16)}`;
  const feature = featureOf(op);
  const what = feature === null ? "is unknown" : `belongs to ${feature}, which is not allowed`;
  return new Unfit("opcodes", `opcode ${hex} at byte ${at} ${what}`);
}
