/**
 * Which NaNs must be made one NaN. The specification leaves the bits of a NaN that arithmetic makes open (core 2.0,
 * section 4.3.3, "NaN propagation"), and machines differ; a result of which nothing sees the bits may keep them.
 */
import type { Body, Module } from "../wasm/module.ts";
import { pops, pushes } from "../wasm/opcodes.ts";
import { VALUE } from "../wasm/types.ts";
import type { Blocks } from "./blocks.ts";
import { CODE, EMPTY_BLOCK } from "./code.ts";
import { ALL, extracts, FLOAT, ignores, inserts, LANES, makes, passes } from "./floats.ts";
import { Flow, PLAIN } from "./flow.ts";

/** What a write to a local that is read with care says of it. */
export const WRITES = { raw: 16, clean: 32 } as const;

export type Nans = {
  /**
   * By instruction: the shape of the NaN in its result, where that must be made canonical; one of {@link WRITES} for a
   * write to a local of `late`; else 0.
   */
  readonly marks: Uint8Array;
  /** By local: the shape of the raw results that it may hold, which are made canonical where they are read; else 0. */
  readonly late: Uint8Array;
  /** By local of `late`: 1 where it may hold other values, too. */
  readonly isMixed: Uint8Array;
};

/**
 * Values flow from instructions to locals and labels and through `select`, `abs` and `neg`, whatever the order of
 * execution. What is stored, passed, returned, reinterpreted or read as another shape is seen, and so is all that flows
 * into it: it is made canonical where it is made. Where a local is written more often than it is read to be seen (a sum
 * in a loop), that is done where it is read, unless what was written last is no raw result: bits that were loaded must
 * stay. Each instruction is visited once and each flow followed at most eight times. Null where there is nothing to do.
 */
export function visibleNans(module: Module, body: Body, blocks: Blocks): Nans | null {
  if (!body.op.some((op) => makes[op] !== 0)) return null;
  const walk = new Walk(module, body);
  let dead = 0;
  let block = 1;
  for (let i = 0; i < body.length; i++) {
    if (i === blocks.deadFrom[dead]) {
      i = blocks.deadTo[dead++] ?? body.length;
      walk.isLive = false;
    }
    walk.visit(i);
    if (i === blocks.at[block]) walk.weight = blocks.weight[block++] ?? 0;
  }
  return walk.finish();
}

type Access = { readonly at: number; readonly local: number; readonly weight: number };

type Frame = {
  readonly opener: number;
  readonly isLoop: boolean;
  readonly base: number;
  readonly params: number;
  readonly results: number;
};

/** A node is a local, or an instruction: its result, or what is behind the block that it opens. */
class Walk {
  /** Whether the code at hand can be reached from the instruction before. */
  isLive: boolean = true;
  /** How often the code at hand is executed, roughly. */
  weight = 1;
  readonly #module: Module;
  readonly #body: Body;
  readonly #locals: number;
  readonly #flow: Flow;
  readonly #operands: number[] = [];
  readonly #frames: Frame[];
  /** The instructions that read and write locals of floats. */
  readonly #reads: Access[] = [];
  readonly #writes: (Access & { readonly from: number })[] = [];

  constructor(module: Module, body: Body) {
    this.#module = module;
    this.#body = body;
    this.#locals = body.locals.length;
    this.#flow = new Flow(this.#locals + body.length);
    const results = module.types[body.type]?.results.length ?? 0;
    this.#frames = [{ opener: -1, isLoop: false, base: 0, params: 0, results }];
  }

  visit(i: number): void {
    const op = this.#body.op[i] ?? 0;
    const index = this.#body.immediate[i] ?? 0;
    if (op < CODE.call) this.#control(op, i, index);
    else if (op === CODE.call) this.#call(this.#module.functionTypes[index] ?? 0, 0);
    else if (op === CODE.callIndirect) this.#call(index, 1);
    else if (op === CODE.localGet) this.#read(i, index);
    else if (op === CODE.localSet) this.#write(i, index, this.#pop());
    else if (op === CODE.localTee) this.#write(i, index, this.#operands.at(-1) ?? PLAIN);
    else this.#operate(op, i);
  }

  #operate(op: number, i: number): void {
    const node = this.#locals + i;
    if (op === CODE.select || op === CODE.selectTyped) {
      this.#pop();
      this.#flow.add(this.#pop(), node);
      this.#flow.add(this.#pop(), node);
    } else if (passes.has(op)) this.#flow.add(this.#pop(), node);
    else if (inserts.has(op)) {
      this.#flow.add(this.#pop(), node, -LANES);
      if (pops[op] === 2) this.#flow.add(this.#pop(), node);
    } else if (extracts.has(op)) {
      const vector = this.#pop();
      const own = op === 0xfd1f ? FLOAT.f32x4 : FLOAT.f64x2;
      this.#flow.see(vector, ALL & ~own);
      this.#flow.add(vector, node, LANES);
    } else {
      for (let k = pops[op] ?? 0; k > 0; k--) this.#flow.see(this.#pop(), ALL & ~(ignores[op] ?? 0));
      if (pushes[op]) this.#operands.push(makes[op] ? node : PLAIN);
      return;
    }
    this.#operands.push(node);
  }

  finish(): Nans | null {
    const { seen } = this.#flow;
    const seeds = seen.slice();
    this.#flow.spread(() => false);
    const late = this.#lateLocals();
    if (late.some((shape) => shape !== 0)) {
      seen.set(seeds);
      // other values are clean before they come to such a local
      this.#flow.spread((from, to) => to < this.#locals && late[to] !== 0 && this.#madeBy(from) !== 0);
    }
    const { op, length } = this.#body;
    const marks = new Uint8Array(length);
    for (let i = 0; i < length; i++) marks[i] = (makes[op[i] ?? 0] ?? 0) & (seen[this.#locals + i] ?? 0);
    for (const { at, local } of this.#reads) marks[at] = (late[local] ?? 0) & (seen[this.#locals + at] ?? 0);
    // a parameter comes with a value
    const isMixed = Uint8Array.from(late, (_, local) => (local < this.#body.parameters ? 1 : 0));
    for (const { at, local, from } of this.#writes) {
      if (!late[local]) continue;
      marks[at] = this.#madeBy(from) === 0 ? WRITES.clean : WRITES.raw;
      if (marks[at] === WRITES.clean) isMixed[local] = 1;
    }
    return marks.some((mark) => mark !== 0) ? { marks, late, isMixed } : null;
  }

  /** The shape of the NaN that an instruction makes, where a node is its result; else 0. */
  #madeBy(node: number): number {
    return makes[this.#body.op[node - this.#locals] ?? 0] ?? 0;
  }

  /** By local: the shape that is made canonical where it is read to be seen, else 0. */
  #lateLocals(): Uint8Array {
    const { seen } = this.#flow;
    const shapes = new Uint8Array(this.#locals);
    const saved = new Float64Array(this.#locals);
    for (const { local, weight, from } of this.#writes) {
      const made = this.#madeBy(from);
      if (made === 0) continue;
      shapes[local] = (shapes[local] ?? 0) | made;
      saved[local] = (saved[local] ?? 0) + weight;
    }
    for (const { at, local, weight } of this.#reads) {
      const isSeen = ((seen[this.#locals + at] ?? 0) & (shapes[local] ?? 0)) !== 0;
      if (isSeen) saved[local] = (saved[local] ?? 0) - weight;
    }
    return shapes.map((shape, local) => {
      const isOne = (shape & (shape - 1)) === 0;
      return isOne && (saved[local] ?? 0) > 0 && ((seen[local] ?? 0) & shape) !== 0 ? shape : 0;
    });
  }

  /** A local's node; none for integers and references. */
  #nodeOf(local: number): number {
    const type = this.#body.locals[local] ?? 0;
    return type === VALUE.f32 || type === VALUE.f64 || type === VALUE.v128 ? local : PLAIN;
  }

  #read(at: number, local: number): void {
    const node = this.#nodeOf(local);
    if (node !== PLAIN) this.#reads.push({ at, local, weight: this.weight });
    this.#flow.add(node, this.#locals + at);
    this.#operands.push(node === PLAIN ? PLAIN : this.#locals + at);
  }

  #write(at: number, local: number, from: number): void {
    const node = this.#nodeOf(local);
    if (node !== PLAIN) this.#writes.push({ at, local, from, weight: this.weight });
    this.#flow.add(from, node);
  }

  #pop(): number {
    return this.#operands.pop() ?? PLAIN;
  }

  #call(type: number, selectors: number): void {
    const { params, results } = this.#module.types[type] ?? { params: [], results: [] };
    for (let k = params.length + selectors; k > 0; k--) this.#flow.see(this.#pop(), ALL);
    for (let k = results.length; k > 0; k--) this.#operands.push(PLAIN);
  }

  /** The topmost operands, which stay, are seen. */
  #seeTop(count: number): void {
    for (let k = 1; k <= count; k++) this.#flow.see(this.#operands.at(-k) ?? PLAIN, ALL);
  }

  #control(op: number, i: number, immediate: number): void {
    switch (op) {
      case CODE.block:
      case CODE.loop:
      case CODE.if:
        this.#open(op, i, immediate);
        return;
      case CODE.else:
        this.#leave(this.#frames.at(-1), true);
        return;
      case CODE.end:
        this.#leave(this.#frames.pop(), false);
        return;
      case CODE.brTable:
        // the labels agree in what they carry
        this.#pop();
        this.#seeTop(this.#arity(this.#body.targets.get(i)?.at(-1) ?? 0));
        return;
      case CODE.brIf:
        this.#pop();
        this.#carry(immediate);
        return;
      case CODE.br:
        this.#carry(immediate);
        return;
      case CODE.return:
        this.#seeTop(this.#frames[0]?.results ?? 0);
        return;
      default:
    }
  }

  #open(op: number, opener: number, blockType: number): void {
    if (op === CODE.if) this.#pop();
    const type = blockType >= 0 ? this.#module.types[blockType] : undefined;
    const params = type?.params.length ?? 0;
    const results = type?.results.length ?? (blockType === EMPTY_BLOCK ? 0 : 1);
    this.#seeTop(params);
    for (let k = 0; k < params; k++) this.#pop();
    this.#frames.push({ opener, isLoop: op === CODE.loop, base: this.#operands.length, params, results });
    this.#pushPlain(params);
  }

  #pushPlain(count: number): void {
    for (let k = 0; k < count; k++) this.#operands.push(PLAIN);
  }

  /** Ends a frame, or its first half. */
  #leave(frame: Frame | undefined, isHalf: boolean): void {
    if (frame === undefined) return;
    if (this.isLive) this.#carryTo(frame, frame.results);
    this.isLive = true;
    this.#operands.length = frame.base;
    if (isHalf) this.#pushPlain(frame.params);
    else for (let k = 0; k < frame.results; k++) this.#operands.push(this.#locals + frame.opener);
  }

  #arity(label: number): number {
    const frame = this.#frames[this.#frames.length - 1 - label];
    return frame === undefined ? 0 : frame.isLoop ? frame.params : frame.results;
  }

  #carry(label: number): void {
    const frame = this.#frames[this.#frames.length - 1 - label];
    if (frame !== undefined) this.#carryTo(frame, this.#arity(label));
  }

  /** The topmost operands go to the frame's end, the function's results and a loop's parameters to where they are seen. */
  #carryTo(frame: Frame, count: number): void {
    if (frame.opener < 0 || (frame.isLoop && count > 0)) {
      this.#seeTop(count);
      return;
    }
    for (let k = 1; k <= count; k++)
      this.#flow.add(this.#operands.at(-k) ?? PLAIN, this.#locals + frame.opener);
  }
}
