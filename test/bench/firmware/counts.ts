/** Which instructions a program executes, and how often: the module, rewritten to count them. */
import type { Body, Module } from "../../../src/firmware/wasm/module.ts";
import { Writer } from "../../../src/firmware/wasm/writer.ts";

/** Stands for one local that a call sets to zero. */
export const ZEROED = 0xffff;
/** Name of the export that holds how often an opcode was executed, without the opcode. */
const COUNTER = "__count_";

const I64 = 0x7e;
const SECTION = { global: 6, export: 7, code: 10 } as const;
const LOOP = 0x03;
const IF = 0x04;
const ELSE = 0x05;
const END = 0x0b;
const BR_IF = 0x0d;
/** Ids in the order that sections have. */
const ORDER = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];

/** Behind these, control may be somewhere else or come from somewhere else. */
const ENDS_BLOCK = new Set([LOOP, IF, ELSE, END, BR_IF]);

/** The module with one more mutable i64 global, exported as {@link COUNTER} and its number, for each opcode in it. */
export function counting(module: Module): Uint8Array<ArrayBuffer> {
  const opcodes = new Set([ZEROED]);
  for (const body of module.bodies) for (const op of body.op) opcodes.add(op);
  const first = module.globals.length;
  const globals = new Map([...opcodes].map((op, index) => [op, first + index]));
  const out = new Writer(2 * module.bytes.length).bytes(module.bytes, 0, 8);
  const put = (id: number, content: Writer) => out.byte(id).u32(content.length).bytes(content.view());
  for (const id of ORDER) {
    const section = module.sections.find((one) => one.id === id);
    if (id === SECTION.global) put(id, withGlobals(module, globals.size));
    else if (id === SECTION.export) put(id, withExports(module, globals));
    else if (id === SECTION.code) put(id, withCounters(module, globals));
    else if (section) put(id, new Writer().bytes(module.bytes, section.start, section.end));
  }
  return out.finish();
}

/** A section's entries, without their count. */
function entries(module: Module, id: number): Uint8Array {
  const section = module.sections.find((one) => one.id === id);
  if (!section) return new Uint8Array();
  let start = section.start;
  while ((module.bytes[start] ?? 0) >= 0x80) start++;
  return module.bytes.subarray(start + 1, section.end);
}

function withGlobals(module: Module, count: number): Writer {
  const defined = module.globals.filter(({ imported }) => !imported).length;
  const to = new Writer().u32(defined + count).bytes(entries(module, SECTION.global));
  for (let index = 0; index < count; index++) to.byte(I64).byte(1).byte(0x42).s32(0).byte(END);
  return to;
}

function withExports(module: Module, globals: ReadonlyMap<number, number>): Writer {
  const to = new Writer().u32(module.exports.length + globals.size).bytes(entries(module, SECTION.export));
  for (const [op, index] of globals) to.name(`${COUNTER}${op}`).byte(3).u32(index);
  return to;
}

function withCounters(module: Module, globals: ReadonlyMap<number, number>): Writer {
  const to = new Writer(2 * module.bytes.length).u32(module.bodies.length);
  for (const body of module.bodies) {
    const code = counted(module, body, globals);
    to.u32(code.length).bytes(code.view());
  }
  return to;
}

function counted(module: Module, body: Body, globals: ReadonlyMap<number, number>): Writer {
  const to = new Writer(2 * (body.end - body.start));
  to.u32(body.declarations).bytes(module.bytes, body.declarationsStart, body.start);
  const write = (counts: ReadonlyMap<number, number>) => {
    for (const [op, count] of counts) {
      const global = globals.get(op) ?? 0;
      to.byte(0x23).u32(global).byte(0x42).s32(count).byte(0x7c).byte(0x24).u32(global);
    }
  };
  const zeroed = body.locals.length - body.parameters;
  if (zeroed > 0) write(new Map([[ZEROED, zeroed]]));
  for (let start = 0, next = 0; start < body.length; start = next) {
    const counts = new Map<number, number>();
    do {
      const op = body.op[next] ?? 0;
      if (body.dead[next] === 0) counts.set(op, (counts.get(op) ?? 0) + 1);
      next++;
    } while (next < body.length && !ENDS_BLOCK.has(body.op[next - 1] ?? 0));
    write(counts);
    to.bytes(module.bytes, body.at[start] ?? 0, body.at[next] ?? body.end);
  }
  return to;
}

/** How often each opcode was executed since the instance was made. */
export function readCounts(exports: Readonly<Record<string, unknown>>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const [name, value] of Object.entries(exports)) {
    if (!name.startsWith(COUNTER)) continue;
    counts.set(Number(name.slice(COUNTER.length)), Number((value as { readonly value: bigint }).value));
  }
  return counts;
}
