/** Decodes function bodies. WebAssembly core specification 2.0, sections 5.4 and 5.5.13; heights: appendix A.3. */
import type { Body } from "./body.ts";
import { type Arity, Control } from "./control.ts";
import { malformed, type Reader } from "./leb.ts";
import { LIMITS } from "./limits.ts";
import { IMMEDIATE, immediates, pops, pushes } from "./opcodes.ts";
import { Unfit } from "./rejection.ts";
import { checkReferenceType, checkValueType, type FunctionType, unknownOpcode } from "./types.ts";

/** What instructions may refer to. */
export type Scope = {
  readonly types: readonly FunctionType[];
  /** Type index of every function. */
  readonly functionTypes: Uint32Array;
  readonly globals: number;
  readonly tables: number;
  readonly elementSegments: number;
  /** What the data count section says; 0 without one. */
  readonly dataSegments: number;
};

const NO_TARGETS: ReadonlyMap<number, Uint32Array> = new Map();
const EMPTY: Arity = { params: 0, results: 0 };
const ONE_RESULT: Arity = { params: 0, results: 1 };
const LAST_STRUCTURED = IMMEDIATE.labels;
const LAST_INDEXED = IMMEDIATE.table;
const UNREACHABLE = 0x00;
const LOOP = 0x03;
const BR = 0x0c;
const RETURN = 0x0f;
const CALL = 0x10;

/**
 * Decodes the bodies of one module one after the other, in time linear in their bytes. Their arrays are views of a few
 * large ones: a module of thousands of small functions would else make tens of thousands of buffers.
 */
export class BodyDecoder {
  readonly #reader: Reader;
  readonly #scope: Scope;
  readonly #op: Uint16Array;
  readonly #at: Uint32Array;
  readonly #immediate: Int32Array;
  readonly #height: Int32Array;
  readonly #dead: Uint8Array;
  readonly #control: Control;
  /** By function: the last body that called it, plus one. */
  readonly #calledBy: Uint32Array;
  readonly #referenced = new Set<number>();
  #labelsLeft: number = LIMITS.labels;
  #localsLeft: number = LIMITS.moduleLocals;
  #bodies = 0;
  #count = 0;
  // of the body at hand
  #locals = 0;
  #targets: Map<number, Uint32Array> | null = null;
  #calls: number[] = [];
  #hasIndirect = false;

  /** `reader` stands at the first body; at most `bodies` follow, in so many `bytes`. */
  constructor(reader: Reader, scope: Scope, bodies: number, bytes: number) {
    this.#reader = reader;
    this.#scope = scope;
    this.#op = new Uint16Array(bytes);
    this.#at = new Uint32Array(bytes + bodies);
    this.#immediate = new Int32Array(bytes);
    this.#height = new Int32Array(bytes);
    this.#dead = new Uint8Array(bytes);
    this.#control = new Control(bytes);
    this.#calledBy = new Uint32Array(scope.functionTypes.length);
  }

  /** Functions whose address a `ref.func` in one of the bodies takes. */
  get referenced(): ReadonlySet<number> {
    return this.#referenced;
  }

  /** The next body, of a function of this type. @throws {Unfit} */
  next(type: number): Body {
    const reader = this.#reader;
    const size = reader.u32();
    const sectionEnd = reader.end;
    const index = this.#bodies;
    if (size > LIMITS.bodyBytes) {
      throw new Unfit("functions", `body ${index} has ${size} bytes; at most ${LIMITS.bodyBytes}`);
    }
    if (size > sectionEnd - reader.at) throw malformed("a body passes its section's end", reader.at);
    reader.end = reader.at + size;
    this.#bodies++;
    const signature = this.#scope.types[type] ?? { params: new Uint8Array(), results: new Uint8Array() };
    const declarations = reader.u32();
    const declarationsStart = reader.at;
    const locals = this.#readLocals(signature.params, declarations);
    this.#locals = locals.length;
    this.#targets = null;
    this.#calls = [];
    this.#hasIndirect = false;
    const start = reader.at;
    const first = this.#count;
    const control = this.#control;
    control.open(signature.results.length, first, index, locals.length);
    while (control.isOpen) this.#instruction();
    if (reader.at !== reader.end) throw malformed("bytes stand behind a function's end", reader.at);
    const last = this.#count;
    // the place after the last instruction belongs to this body, too: it says where that one ends
    this.#at[last + index] = reader.at;
    reader.end = sectionEnd;
    return {
      type,
      locals,
      parameters: signature.params.length,
      declarationsStart,
      declarations,
      start,
      end: reader.at,
      length: last - first,
      op: this.#op.subarray(first, last),
      at: this.#at.subarray(first + index, last + index + 1),
      immediate: this.#immediate.subarray(first, last),
      match: control.match.subarray(first, last),
      height: this.#height.subarray(first, last),
      dead: this.#dead.subarray(first, last),
      maxHeight: control.maxHeight,
      targets: this.#targets ?? NO_TARGETS,
      calls: this.#calls,
      hasIndirect: this.#hasIndirect,
      hasLoop: control.hasLoop,
      moves: control.moves,
    };
  }

  #readLocals(params: Uint8Array, groups: number): Uint8Array {
    const reader = this.#reader;
    const from = reader.at;
    let count = params.length;
    for (let i = 0; i < groups; i++) {
      count += reader.u32();
      if (count > LIMITS.locals) {
        throw new Unfit("locals", `body ${this.#bodies - 1} has ${count} locals; at most ${LIMITS.locals}`);
      }
      const type = reader.byte();
      checkValueType(type, reader.at);
    }
    this.#localsLeft -= count;
    if (this.#localsLeft < 0) {
      throw new Unfit("locals", `all functions have more than ${LIMITS.moduleLocals} locals`);
    }
    const locals = new Uint8Array(count);
    locals.set(params);
    reader.at = from;
    let filled = params.length;
    for (let i = 0; i < groups; i++) {
      const next = filled + reader.u32();
      locals.fill(reader.byte(), filled, next);
      filled = next;
    }
    return locals;
  }

  #instruction(): void {
    const reader = this.#reader;
    const at = reader.at;
    let op = reader.byte();
    if (op >= 0xfc) op = this.#prefixed(op);
    const kind = immediates[op] ?? IMMEDIATE.absent;
    if (kind === IMMEDIATE.absent) throw unknownOpcode(op, at);
    const i = this.#count++;
    const control = this.#control;
    this.#op[i] = op;
    this.#at[i + this.#bodies - 1] = at;
    this.#height[i] = control.height;
    this.#dead[i] = control.dead;
    if (kind === IMMEDIATE.none) {
      control.shift(pops[op] ?? 0, pushes[op] ?? 0, at);
      if (op === UNREACHABLE) control.cut();
      else if (op === RETURN) control.leave(at);
    } else if (kind <= LAST_STRUCTURED) {
      this.#structured(kind, op, i, at);
    } else if (kind <= LAST_INDEXED) {
      this.#indexed(kind, op, i, at);
    } else {
      if (kind === IMMEDIATE.i32) this.#immediate[i] = reader.s32();
      else this.#operand(kind, i, at);
      control.shift(pops[op] ?? 0, pushes[op] ?? 0, at);
    }
  }

  /** The number of an opcode of two parts. */
  #prefixed(first: number): number {
    if (first !== 0xfc && first !== 0xfd) return first;
    const at = this.#reader.at;
    const rest = this.#reader.u32();
    if (rest >= 0x100) throw unknownOpcode(first * 256 + rest, at);
    return first * 256 + rest;
  }

  /** Blocks and branches. */
  #structured(kind: number, op: number, i: number, at: number): void {
    const control = this.#control;
    const reader = this.#reader;
    switch (kind) {
      case IMMEDIATE.block:
        control.shift(pops[op] ?? 0, 0, at);
        this.#block(op, i, at);
        return;
      case IMMEDIATE.else:
        control.otherwise(this.#op, i - control.first, at);
        return;
      case IMMEDIATE.end:
        control.close(this.#op, i - control.first, at);
        return;
      case IMMEDIATE.label: {
        const depth = reader.u32();
        control.shift(pops[op] ?? 0, 0, at);
        control.branch(depth, at);
        this.#immediate[i] = depth;
        if (op === BR) control.cut();
        return;
      }
      default:
        control.shift(1, 0, at);
        this.#labels(i, at);
        control.cut();
    }
  }

  #block(op: number, i: number, at: number): void {
    const { types } = this.#scope;
    const type = this.#reader.s33();
    let arity: Arity = type === -64 ? EMPTY : ONE_RESULT;
    if (type >= 0) {
      const signature = types[type];
      if (signature === undefined) throw malformed(`type ${type} is not there`, at);
      arity = { params: signature.params.length, results: signature.results.length };
    } else if (type !== -64) checkValueType(type & 0x7f, at);
    const control = this.#control;
    this.#immediate[i] = type;
    control.enter(i - control.first, arity, at);
    if (op === LOOP) control.hasLoop = true;
  }

  #labels(i: number, at: number): void {
    const count = this.#reader.u32() + 1;
    if (count > this.#labelsLeft) {
      throw new Unfit("br_table", `all br_table have more than ${LIMITS.labels} labels`);
    }
    this.#labelsLeft -= count;
    const labels = new Uint32Array(count);
    for (let k = 0; k < count; k++) labels[k] = this.#reader.u32();
    this.#control.branchTable(labels, at);
    this.#targets ??= new Map();
    this.#targets.set(i - this.#control.first, labels);
  }

  /** Instructions with an index. */
  #indexed(kind: number, op: number, i: number, at: number): void {
    const { types, functionTypes, globals, tables } = this.#scope;
    const control = this.#control;
    const index = this.#reader.u32();
    this.#immediate[i] = index;
    switch (kind) {
      case IMMEDIATE.local:
        if (index >= this.#locals) throw malformed(`local ${index} is not there`, at);
        break;
      case IMMEDIATE.global:
        if (index >= globals) throw malformed(`global ${index} is not there`, at);
        break;
      case IMMEDIATE.table:
        checkTable(index, tables, at);
        break;
      case IMMEDIATE.function: {
        const type = types[functionTypes[index] ?? -1];
        if (type === undefined) throw malformed(`function ${index} is not there`, at);
        if (op !== CALL) this.#referenced.add(index);
        else {
          this.#call(index);
          control.shift(type.params.length, type.results.length, at);
          control.transfer(type.params.length + type.results.length);
        }
        break;
      }
      case IMMEDIATE.indirect: {
        const type = types[index];
        const table = this.#reader.u32();
        if (type === undefined) throw malformed(`type ${index} is not there`, at);
        checkTable(table, tables, at);
        this.#hasIndirect = true;
        control.shift(type.params.length + 1, type.results.length, at);
        control.transfer(type.params.length + type.results.length);
        return;
      }
    }
    control.shift(pops[op] ?? 0, pushes[op] ?? 0, at);
  }

  /** What is skipped, or is an index of a kind that few instructions have. */
  #operand(kind: number, i: number, at: number): void {
    const reader = this.#reader;
    const { elementSegments, tables } = this.#scope;
    switch (kind) {
      case IMMEDIATE.memarg:
        this.#memarg(at);
        return;
      case IMMEDIATE.i64:
        reader.skipS64();
        return;
      case IMMEDIATE.f32:
        reader.skip(4);
        return;
      case IMMEDIATE.f64:
        reader.skip(8);
        return;
      case IMMEDIATE.v128:
      case IMMEDIATE.shuffle:
        reader.skip(16);
        return;
      case IMMEDIATE.lane:
        reader.skip(1);
        return;
      case IMMEDIATE.memargLane:
        this.#memarg(at);
        reader.skip(1);
        return;
      case IMMEDIATE.valueTypes: {
        const count = reader.u32();
        if (count !== 1) throw malformed(`select has ${count} types`, at);
        checkValueType(reader.byte(), at);
        return;
      }
      case IMMEDIATE.referenceType:
        checkReferenceType(reader.byte(), at);
        return;
      case IMMEDIATE.dataMemory:
        this.#immediate[i] = this.#segment(this.#scope.dataSegments, "data", at);
        checkMemory(reader, at);
        return;
      case IMMEDIATE.data:
        this.#immediate[i] = this.#segment(this.#scope.dataSegments, "data", at);
        return;
      case IMMEDIATE.elementTable:
        this.#immediate[i] = this.#segment(elementSegments, "element", at);
        checkTable(reader.u32(), tables, at);
        return;
      case IMMEDIATE.element:
        this.#immediate[i] = this.#segment(elementSegments, "element", at);
        return;
      case IMMEDIATE.memory:
        checkMemory(reader, at);
        return;
      case IMMEDIATE.twoTables:
        checkTable(reader.u32(), tables, at);
        checkTable(reader.u32(), tables, at);
        return;
      default:
        checkMemory(reader, at);
        checkMemory(reader, at);
    }
  }

  #memarg(at: number): void {
    const align = this.#reader.u32();
    // bit 6 says that a memory's index follows
    if (align >= 0x40 && align < 0x80) throw new Unfit("features", `more than one memory at byte ${at}`);
    if (align > 4) throw malformed(`an alignment of 2^${align}`, at);
    this.#reader.u32();
  }

  #segment(count: number, noun: string, at: number): number {
    const index = this.#reader.u32();
    if (index >= count) throw malformed(`${noun} segment ${index} is not there`, at);
    return index;
  }

  #call(index: number): void {
    if (this.#calledBy[index] === this.#bodies) return;
    this.#calledBy[index] = this.#bodies;
    this.#calls.push(index);
  }
}

/** The index must be the byte 0: older engines take a longer zero for malformed, newer ones for a number. */
function checkMemory(reader: Reader, at: number): void {
  const from = reader.at;
  const index = reader.u32();
  if (index !== 0) throw new Unfit("features", `memory ${index} is named at byte ${at}; there is only one`);
  if (reader.at !== from + 1) throw malformed("the index of the memory is longer than a byte", at);
}

function checkTable(index: number, tables: number, at: number): void {
  if (index >= tables) throw malformed(`table ${index} is not there`, at);
}
