/** What the metered module is made of besides the guest's own: globals, functions, and what each function is handed. */
import type { Module } from "../wasm/module.ts";
import { VALUE } from "../wasm/types.ts";
import { Writer } from "../wasm/writer.ts";
import { CODE } from "./code.ts";
import { PAGE_COST } from "./costs.ts";
import { globalCounter, localCounter, type Strategy, trapHere, writeCheck } from "./counter.ts";
import type { CallGraph } from "./recursion.ts";
import { Signatures, type Threads } from "./signatures.ts";

/** What the guest can neither name nor write: indices behind its own. */
export type MeterGlobals = { readonly fuel: number; readonly stack: number; readonly fault: number };

/** Values of the fault global. */
export const FAULT = { stack: 1, memory: 2 } as const;

type Added = { readonly type: number; readonly code: Uint8Array };

const NOTHING: Threads = { fuel: false, depth: false };
const MOST_PAGES = 65_536;

/**
 * The module's parts while its functions are written. Indices of the guest stay as they are: types, functions, globals
 * and exports are only appended.
 */
export class Layout {
  readonly module: Module;
  readonly strategy: Strategy;
  readonly globals: MeterGlobals;
  readonly signatures: Signatures;
  /** What every function that an indirect call may reach is handed. */
  readonly indirect: Threads;
  /** By function index: the fuel that its caller pays for it, where that is always the same; else -1. */
  readonly flat: Float64Array;
  /** Functions that a `ref.func` names in a body, as they are in the metered module. */
  readonly referenced = new Set<number>();
  /** Functions behind the guest's own. */
  readonly added: Added[] = [];
  /** Whether frames are counted. */
  readonly #graph: CallGraph | null;
  readonly #addressable: ReadonlySet<number>;
  /** By imported function: what stands for it where its address is taken. */
  readonly #adapters = new Map<number, number>();
  #grow = -1;

  /** Without a call graph frames are not counted. */
  constructor(module: Module, strategy: Strategy, graph: CallGraph | null) {
    const first = module.globals.length;
    this.module = module;
    this.strategy = strategy;
    this.globals = { fuel: first, stack: first + 1, fault: first + 2 };
    this.signatures = new Signatures(module);
    this.#graph = graph;
    this.indirect = { fuel: strategy === "threaded", depth: graph?.indirectReachesCycle ?? false };
    this.flat = new Float64Array(module.functionTypes.length).fill(-1);
    this.#addressable = new Set(module.addressable);
    for (const f of module.addressable) if (f < module.importedFunctions) this.#adapt(f);
  }

  typeOf(f: number): number {
    return this.module.functionTypes[f] ?? 0;
  }

  isImported(f: number): boolean {
    return f < this.module.importedFunctions;
  }

  isAddressable(f: number): boolean {
    return this.#addressable.has(f);
  }

  /** Whether the frame of a function is counted: it can recurse. */
  isCyclic(f: number): boolean {
    return this.#graph?.isCyclic[f - this.module.importedFunctions] === 1;
  }

  /** What a function of the guest is handed. */
  threadsOf(f: number): Threads {
    if (this.isImported(f)) return NOTHING;
    if (this.isAddressable(f)) return this.indirect;
    return {
      fuel: this.strategy === "threaded" && (this.flat[f] ?? -1) < 0,
      depth: this.#graph?.reachesCycle[f - this.module.importedFunctions] === 1,
    };
  }

  /** The function whose address is taken where the guest takes that of `f`. */
  referenceOf(f: number): number {
    return this.#adapters.get(f) ?? f;
  }

  /** What the host calls for a function of the guest: with the guest's own type. */
  entryOf(f: number): number {
    const threads = this.threadsOf(f);
    if (!threads.fuel && !threads.depth) return f;
    const type = this.typeOf(f);
    const writer = new Writer(32).u32(0);
    this.#pushParameters(writer, type);
    if (threads.fuel) writer.byte(CODE.globalGet).u32(this.globals.fuel);
    if (threads.depth) writer.byte(CODE.globalGet).u32(this.globals.stack);
    writer.byte(CODE.call).u32(f);
    if (threads.fuel) writer.byte(CODE.globalSet).u32(this.globals.fuel);
    return this.#add(type, writer.byte(CODE.end));
  }

  /**
   * A function that grows the memory as the guest's `memory.grow` would, charges for it, and traps with a fault where the
   * host has no memory left though the declared maximum allows it.
   */
  growFunction(): number {
    if (this.#grow === -1) this.#grow = this.#addGrow();
    return this.#grow;
  }

  #addGrow(): number {
    const isThreaded = this.strategy === "threaded";
    const counter = isThreaded ? localCounter(this.globals.fuel, 1) : globalCounter(this.globals.fuel);
    const pages = 0;
    const before = isThreaded ? 2 : 1;
    const writer = new Writer(64).u32(1).u32(1).byte(VALUE.i32);
    counter.get(writer);
    writer.byte(CODE.localGet).u32(pages).byte(CODE.i64ExtendU);
    writer.byte(CODE.i64Const).s32(PAGE_COST).byte(CODE.i64Mul).byte(CODE.i64Sub);
    counter.tee(writer);
    writeCheck(writer, trapHere(counter));
    writer.byte(CODE.localGet).u32(pages).byte(CODE.memoryGrow).byte(0).byte(CODE.localTee).u32(before);
    writer.byte(CODE.i32Const).s32(-1).byte(CODE.i32Eq).byte(CODE.if).byte(0x40);
    writer.byte(CODE.memorySize).byte(0).byte(CODE.i64ExtendU);
    writer.byte(CODE.localGet).u32(pages).byte(CODE.i64ExtendU).byte(CODE.i64Add);
    writer
      .byte(CODE.i64Const)
      .s64(this.module.memory?.most ?? MOST_PAGES)
      .byte(CODE.i64LeU);
    writer.byte(CODE.if).byte(0x40);
    writeFault(writer, this.globals, FAULT.memory);
    writer.byte(CODE.unreachable).byte(CODE.end).byte(CODE.end).byte(CODE.localGet).u32(before);
    if (isThreaded) counter.get(writer);
    const type = this.signatures.of([VALUE.i32], [VALUE.i32]);
    return this.#add(
      this.signatures.threaded(type, { fuel: isThreaded, depth: false }),
      writer.byte(CODE.end),
    );
  }

  /** An imported function in the form that indirect calls expect. */
  #adapt(f: number): void {
    const { fuel, depth } = this.indirect;
    if (!fuel && !depth) return;
    const type = this.typeOf(f);
    const writer = new Writer(32).u32(0);
    if (fuel) {
      writer.byte(CODE.localGet).u32(this.signatures.get(type).params.length);
      writer.byte(CODE.globalSet).u32(this.globals.fuel);
    }
    this.#pushParameters(writer, type);
    writer.byte(CODE.call).u32(f);
    if (fuel) writer.byte(CODE.globalGet).u32(this.globals.fuel);
    this.#adapters.set(f, this.#add(this.signatures.threaded(type, this.indirect), writer.byte(CODE.end)));
  }

  #pushParameters(writer: Writer, type: number): void {
    const { length } = this.signatures.get(type).params;
    for (let i = 0; i < length; i++) writer.byte(CODE.localGet).u32(i);
  }

  #add(type: number, writer: Writer): number {
    return this.module.functionTypes.length + this.added.push({ type, code: writer.finish() }) - 1;
  }
}

/** Says why there is a trap, before it. */
export function writeFault(writer: Writer, { fault }: MeterGlobals, why: number): void {
  writer.byte(CODE.i32Const).s32(why).byte(CODE.globalSet).u32(fault);
}
