/** How deep a task may recurse: in modelled bytes, so that it is the same depth on every machine. */
import type { Body } from "../wasm/module.ts";
import { VALUE } from "../wasm/types.ts";

/**
 * Bytes that the frames of functions which may recurse can take at once. All others together may take as much again:
 * the policy sees to that with `stackOf`. The smallest stack that an executor has is 984 KB, of which this leaves almost
 * half for what the model rounds down, as vectors among the operands.
 *
 * The model is of the frames of the engine's baseline compiler, which has a slot for each local. An optimising one may
 * take more: what such code overflows the native stack with has to run again in the baseline tier.
 */
export const STACK_BUDGET = 256 * 1024;

/**
 * Modelled bytes of a frame; of each local in it, more for floats and vectors, beside which the meter may keep whether
 * they hold a raw NaN; and of each operand at the greatest height: that may be spilled and, as an argument, stored once
 * more. A frame without any has what the engine keeps in each (48 bytes) and the meter's other locals: at most 88 bytes,
 * which are the counter, the depth, five for indirect calls, bulk instructions and counted loops, and a value each of
 * f32, f64 and v128.
 */
export const FRAME = { base: 160, local: 8, float: 16, vector: 24, operand: 16 } as const;

/** Modelled bytes of one function's frame: what is declared in the module decides it, and not what a compiler makes of it. */
export function frameOf(body: Body): number {
  let bytes = FRAME.base + body.maxHeight * FRAME.operand;
  for (const type of body.locals) bytes += sizeOf(type);
  return bytes;
}

function sizeOf(type: number): number {
  if (type === VALUE.v128) return FRAME.vector;
  return type === VALUE.f32 || type === VALUE.f64 ? FRAME.float : FRAME.local;
}
