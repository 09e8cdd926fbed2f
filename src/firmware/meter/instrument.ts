/**
 * The meter: rewrites a module so that it counts its own fuel and stack, and so that NaNs have the same bits everywhere.
 *
 * fuel = the cost of every executed instruction + what bulk instructions and `memory.grow` do + the locals zeroed by
 * calls. The total is part of the program, so it is the same on every machine and for every strategy; a run that
 * returns does so if and only if its limit is at least the total. What a run has burnt when it traps is exact in the
 * `block` build.
 */

import type { Module, Section } from "../wasm/module.ts";
import { KIND } from "../wasm/sections.ts";
import { VALUE } from "../wasm/types.ts";
import { Writer } from "../wasm/writer.ts";
import { STACK_BUDGET } from "./budget.ts";
import { CODE } from "./code.ts";
import type { Strategy } from "./counter.ts";
import { elementSection, globalSection } from "./elements.ts";
import { writeFunction } from "./emit.ts";
import { Layout } from "./layout.ts";
import { visibleNans } from "./nan.ts";
import { canonicalPlan, flatCost, placedPlan } from "./plan.ts";
import { callGraphOf } from "./recursion.ts";

export type { Strategy };

export type MeterOptions = {
  /** `threaded` unless given. */
  readonly strategy?: Strategy;
  /** Whether NaNs are made canonical. Only a measurement switches it off. */
  readonly nan?: boolean;
  /** Whether recursion is limited. Only a measurement switches it off. */
  readonly stack?: boolean;
};

/** Section ids in the order of a module; the start section is an export of the metered module. */
const ORDER = [1, 2, 3, 4, 5, 6, 7, 9, 12, 10, 11];
const HEAD = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/**
 * The metered module. Its bytes depend on nothing but the module, the options and the meter's version.
 *
 * The guest's own indices stay; custom and start sections are left out. Exports behind the guest's: `__hw_fuel`
 * (mutable i64: what is left; the host sets it, may lower it during a call of an import, and reads below zero as out of
 * fuel), `__hw_stack` (mutable i32: the budget in modelled bytes, which the module only reads), `__hw_fault` (mutable
 * i32: 1 the stack was exhausted, 2 the host had no memory though the module's maximum allows it), `__hw_start` (the
 * start function, if there is one), `__hw_global_<i>` (each mutable global of the guest with numbers in it).
 *
 * During a call of an import the counter may be ahead of the canonical build or behind it, and the host must not call an
 * export: a program that ends there has its bill from the `block` build, like one that traps.
 *
 * The module must decode, and an engine must accept it.
 */
export function instrument(module: Module, options: MeterOptions = {}): Uint8Array {
  const { strategy = "threaded", nan = true, stack = true } = options;
  const graph = callGraphOf(module);
  const layout = new Layout(module, strategy, stack ? graph : null);
  const codes = writeFunctions(layout, graph.order, nan);
  return assemble(layout, codes);
}

/** Code by index of defined function. Callees come first, so that their callers know what they cost. */
function writeFunctions(layout: Layout, order: readonly number[], nan: boolean): Uint8Array[] {
  const { module, strategy } = layout;
  const called = new Set([module.start]);
  for (const { kind, index } of module.exports) if (kind === KIND.function) called.add(index);
  const codes: Uint8Array[] = [];
  for (const defined of order) {
    const body = module.bodies[defined];
    if (body === undefined) continue;
    const f = module.importedFunctions + defined;
    const plan = strategy === "block" ? canonicalPlan(body, layout) : placedPlan(body, layout);
    const isOutside = called.has(f) || layout.isAddressable(f);
    if (strategy !== "block" && !isOutside) layout.flat[f] = flatCost(body, plan, layout);
    codes[defined] = writeFunction(layout, f, plan, nan ? visibleNans(module, body, plan.blocks) : null);
  }
  return codes;
}

function assemble(layout: Layout, codes: readonly Uint8Array[]): Uint8Array {
  const { module } = layout;
  const exported = exportSection(layout);
  const contents = new Map<number, Uint8Array>();
  for (const section of module.sections) {
    contents.set(section.id, module.bytes.subarray(section.start, section.end));
  }
  contents.set(7, exported);
  contents.set(6, globals(layout));
  if (codes.length + layout.added.length > 0) {
    contents.set(3, functionSection(layout));
    contents.set(10, codeSection(layout, codes));
    // at last: the others asked for types
    contents.set(1, layout.signatures.section());
  }
  const elements = sectionOf(module, 9);
  if (elements.start < elements.end || layout.referenced.size > 0) {
    const { start, end } = elements;
    const substitute = (f: number): number => layout.referenceOf(f);
    contents.set(9, elementSection(module, start, end, substitute, layout.referenced));
  }
  let size = HEAD.length;
  for (const bytes of contents.values()) size += bytes.length + 6;
  const writer = new Writer(size).bytes(HEAD);
  for (const id of ORDER) {
    const bytes = contents.get(id);
    if (bytes !== undefined) writer.byte(id).u32(bytes.length).bytes(bytes);
  }
  return writer.finish();
}

function sectionOf(module: Module, id: number): Pick<Section, "start" | "end"> {
  return module.sections.find((section) => section.id === id) ?? { start: 0, end: 0 };
}

function globals(layout: Layout): Uint8Array {
  const more = new Writer(32);
  more.byte(VALUE.i64).byte(1).byte(CODE.i64Const).s32(0).byte(CODE.end);
  more.byte(VALUE.i32).byte(1).byte(CODE.i32Const).s32(STACK_BUDGET).byte(CODE.end);
  more.byte(VALUE.i32).byte(1).byte(CODE.i32Const).s32(0).byte(CODE.end);
  const { start, end } = sectionOf(layout.module, 6);
  return globalSection(layout.module, start, end, (f) => layout.referenceOf(f), more.view(), 3);
}

function functionSection(layout: Layout): Uint8Array {
  const { module, signatures, added } = layout;
  const writer = new Writer(2 * (module.bodies.length + added.length) + 8);
  writer.u32(module.bodies.length + added.length);
  for (let f = module.importedFunctions; f < module.functionTypes.length; f++) {
    writer.u32(signatures.threaded(layout.typeOf(f), layout.threadsOf(f)));
  }
  for (const { type } of added) writer.u32(type);
  return writer.finish();
}

function codeSection(layout: Layout, codes: readonly Uint8Array[]): Uint8Array {
  let size = 8;
  for (const code of codes) size += code.length + 5;
  const writer = new Writer(size).u32(codes.length + layout.added.length);
  for (const code of codes) writer.u32(code.length).bytes(code);
  for (const { code } of layout.added) writer.u32(code.length).bytes(code);
  return writer.finish();
}

function exportSection(layout: Layout): Uint8Array {
  const { module, globals: own } = layout;
  const entries: { name: string; kind: number; index: number }[] = module.exports.map((entry) =>
    entry.kind === KIND.function ? { ...entry, index: layout.entryOf(entry.index) } : entry,
  );
  entries.push({ name: "__hw_fuel", kind: KIND.global, index: own.fuel });
  entries.push({ name: "__hw_stack", kind: KIND.global, index: own.stack });
  entries.push({ name: "__hw_fault", kind: KIND.global, index: own.fault });
  if (module.start >= 0) {
    entries.push({ name: "__hw_start", kind: KIND.function, index: layout.entryOf(module.start) });
  }
  for (const [index, { type, mutable, imported }] of module.globals.entries()) {
    const isNumber = type >= VALUE.f64 && type <= VALUE.i32;
    if (mutable && !imported && isNumber)
      entries.push({ name: `__hw_global_${index}`, kind: KIND.global, index });
  }
  const writer = new Writer(32 * entries.length).u32(entries.length);
  for (const { name, kind, index } of entries) writer.name(name).byte(kind).u32(index);
  return writer.finish();
}
