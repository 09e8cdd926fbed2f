/** Copies sections in which functions are referred to, with other functions in their place. */
import { Reader } from "../wasm/leb.ts";
import type { Module } from "../wasm/module.ts";
import { Writer } from "../wasm/writer.ts";
import { CODE } from "./code.ts";

type Substitute = (f: number) => number;

const DECLARED = 3;

/** Contents of the element section, and one segment more that declares the functions named by `ref.func` in the code. */
export function elementSection(
  module: Module,
  start: number,
  end: number,
  substitute: Substitute,
  referenced: Iterable<number>,
): Uint8Array {
  const reader = new Reader(module.bytes, start, end);
  const declared = [...referenced].toSorted((a, b) => a - b);
  const writer = new Writer(end - start + 16);
  const segments = start === end ? 0 : reader.u32();
  writer.u32(segments + (declared.length > 0 ? 1 : 0));
  for (let i = 0; i < segments; i++) copySegment(reader, writer, substitute);
  if (declared.length > 0) {
    writer.u32(DECLARED).byte(0).u32(declared.length);
    for (const f of declared) writer.u32(f);
  }
  return writer.finish();
}

/** Segments as in the core specification 2.0, section 5.5.12. */
function copySegment(reader: Reader, writer: Writer, substitute: Substitute): void {
  const flags = reader.u32();
  writer.u32(flags);
  if ((flags & 1) === 0) {
    if (flags & 2) writer.u32(reader.u32());
    copyConstant(reader, writer, substitute);
  }
  if (flags & 3) writer.byte(reader.byte());
  const count = reader.u32();
  writer.u32(count);
  for (let k = 0; k < count; k++) {
    if (flags & 4) copyConstant(reader, writer, substitute);
    else writer.u32(substitute(reader.u32()));
  }
}

/** Contents of the global section, followed by `more` globals, already written. */
export function globalSection(
  module: Module,
  start: number,
  end: number,
  substitute: Substitute,
  more: Uint8Array,
  count: number,
): Uint8Array {
  const reader = new Reader(module.bytes, start, end);
  const writer = new Writer(end - start + more.length + 8);
  const globals = start === end ? 0 : reader.u32();
  writer.u32(globals + count);
  for (let i = 0; i < globals; i++) {
    writer.byte(reader.byte()).byte(reader.byte());
    copyConstant(reader, writer, substitute);
  }
  return writer.bytes(more).finish();
}

/** One constant instruction and its `end`. */
function copyConstant(reader: Reader, writer: Writer, substitute: Substitute): void {
  const start = reader.at;
  const op = reader.byte();
  switch (op) {
    case CODE.refFunc:
      writer.byte(op).u32(substitute(reader.u32())).byte(reader.byte());
      return;
    case CODE.f32Const:
      reader.skip(4);
      break;
    case CODE.f64Const:
      reader.skip(8);
      break;
    case 0xfd:
      reader.u32();
      reader.skip(16);
      break;
    case CODE.i64Const:
      reader.skipS64();
      break;
    case CODE.refNull:
      reader.byte();
      break;
    default:
      reader.s32();
  }
  reader.byte();
  writer.bytes(reader.bytes, start, reader.at);
}
