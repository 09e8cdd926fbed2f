/** Changes to one function's code, with the lengths that stand before it made right again. */
import type { Body, Module } from "../../../src/firmware/wasm/module.ts";
import { Writer } from "../../../src/firmware/wasm/writer.ts";

/** Bytes of an unsigned LEB128 that is as short as can be. */
function sizeOf(value: number): number {
  return new Writer().u32(value).length;
}

/**
 * The module with the bytes [from, to) of a body's code replaced. Its compiler must have written the lengths of bodies
 * and of the code section in as few bytes as there can be.
 */
export function spliced(
  { bytes, sections }: Module,
  body: Body,
  [from, to]: readonly [number, number],
  replacement: Uint8Array,
): Uint8Array {
  const code = sections.find(({ id }) => id === 10);
  if (code === undefined) throw new TypeError("the module has no code");
  const bodyStart = body.declarationsStart - sizeOf(body.declarations);
  const length = body.end - bodyStart;
  const contents = new Writer()
    .bytes(bytes, code.start, bodyStart - sizeOf(length))
    .u32(length - (to - from) + replacement.length)
    .bytes(bytes, bodyStart, from)
    .bytes(replacement)
    .bytes(bytes, to, code.end);
  return new Writer()
    .bytes(bytes, 0, code.start - sizeOf(code.end - code.start) - 1)
    .byte(10)
    .u32(contents.length)
    .bytes(contents.view())
    .bytes(bytes, code.end)
    .finish();
}
