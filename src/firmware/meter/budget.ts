/** How deep a task may recurse: in modelled bytes, so that it is the same depth on every machine. */
import type { Body } from "../wasm/module.ts";
import { VALUE } from "../wasm/types.ts";

/**
 * Bytes that the frames of functions which may recurse can take at once. All others together may take as much again:
 * the policy sees to that with `stackOf`. Compilers' frames were measured at 0.6 to 1.0 of the modelled ones, and the
 * smallest stack that an executor has is 984 KB.
 */
export const STACK_BUDGET = 256 * 1024;

/**
 * Modelled bytes of a frame, of each local and each vector local in it, and of each operand at the greatest height: that
 * may be spilled and, as an argument, stored once more.
 */
export const FRAME = { base: 64, local: 8, vector: 16, operand: 16 } as const;

/** Modelled bytes of one function's frame: what is declared in the module decides it, and not what a compiler makes of it. */
export function frameOf(body: Body): number {
  let bytes = FRAME.base + body.maxHeight * FRAME.operand;
  for (const type of body.locals) bytes += type === VALUE.v128 ? FRAME.vector : FRAME.local;
  return bytes;
}
