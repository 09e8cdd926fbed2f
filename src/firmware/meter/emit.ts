/** Writes one function again, with its charges, its checks and what is threaded through its calls. */
import { Fault } from "../../base/fault.ts";
import type { Body } from "../wasm/module.ts";
import { VALUE } from "../wasm/types.ts";
import { Writer } from "../wasm/writer.ts";
import { frameOf } from "./budget.ts";
import { writeMarked } from "./canonical.ts";
import { CODE } from "./code.ts";
import { BULK_SHIFT } from "./costs.ts";
import {
  type Counter,
  globalCounter,
  localCounter,
  type Trap,
  trapHere,
  writeCharge,
  writeCheck,
} from "./counter.ts";
import { FAULT, type Layout, writeFault } from "./layout.ts";
import { Locals } from "./locals.ts";
import type { Nans } from "./nan.ts";
import { isBulk, type Plan } from "./plan.ts";
import { writePrepaid } from "./prepay.ts";
import { countOf, type Threads } from "./signatures.ts";

/** By opcode: 1 where the instruction is not simply copied. */
const isSpecial = new Uint8Array(0xfe00);
for (const op of [CODE.block, CODE.loop, CODE.if, CODE.end, CODE.return, CODE.call, CODE.callIndirect])
  isSpecial[op] = 1;
for (const op of [CODE.localGet, CODE.localSet, CODE.localTee, CODE.memoryGrow, CODE.refFunc])
  isSpecial[op] = 1;
for (let op = CODE.memoryInit; op <= CODE.tableFill; op++) if (isBulk(op)) isSpecial[op] = 1;

/** The code of function `f`, its locals first. Null for NaNs that may stay as they are. */
export function writeFunction(layout: Layout, f: number, plan: Plan, nans: Nans | null): Uint8Array {
  return new FunctionWriter(layout, f, plan, nans).write();
}

class FunctionWriter {
  readonly #layout: Layout;
  readonly #f: number;
  readonly #body: Body;
  readonly #bytes: Uint8Array;
  readonly #plan: Plan;
  readonly #nans: Nans | null;
  readonly #threads: Threads;
  readonly #locals: Locals;
  readonly #counter: Counter;
  /** Whether the counter is the caller's business alone. */
  readonly #isFlat: boolean;
  /** Whether the counter is a local: then something is left to do behind the guest's code, and a `return` leads there. */
  readonly #isKept: boolean;
  readonly #trap: Trap;
  readonly #writer: Writer;
  /** Where the bytes begin that were looked at and not yet copied. */
  #copied: number;
  #nesting = 0;
  #nextBlock = 1;
  #nextDead = 0;

  constructor(layout: Layout, f: number, plan: Plan, nans: Nans | null) {
    const { module, strategy, globals } = layout;
    const body = module.bodies[f - module.importedFunctions];
    if (body === undefined) throw new Fault("impossible", `function ${f} has no body`);
    this.#layout = layout;
    this.#f = f;
    this.#body = body;
    this.#bytes = module.bytes;
    this.#plan = plan;
    this.#nans = nans;
    this.#threads = layout.threadsOf(f);
    this.#locals = new Locals(body, countOf(this.#threads));
    this.#isFlat = (layout.flat[f] ?? -1) >= 0;
    const isLoaded = strategy === "local" && !this.#isFlat;
    if (this.#threads.fuel) this.#counter = localCounter(globals.fuel, body.parameters);
    else if (isLoaded) this.#counter = localCounter(globals.fuel, this.#locals.own("fuel", VALUE.i64));
    else this.#counter = globalCounter(globals.fuel);
    this.#isKept = this.#threads.fuel || isLoaded;
    this.#trap = this.#isKept ? (writer) => this.#leave(writer) : trapHere(this.#counter);
    this.#writer = new Writer(2 * (body.end - body.start) + 64);
    this.#copied = body.start;
  }

  write(): Uint8Array {
    const { length } = this.#body;
    this.#prologue();
    this.#instructions(length - 1);
    this.#copyTo(length - 1);
    this.#epilogue();
    const code = new Writer(this.#writer.length + 32);
    this.#locals.declare(code);
    return code.bytes(this.#writer.view()).finish();
  }

  /**
   * A counter that is a local makes a frame of two blocks: at the end of the outer one is the trap of all checks, at the
   * end of the inner one is where the guest's code returns.
   */
  #prologue(): void {
    const writer = this.#writer;
    if (!this.#isKept) {
      if (!this.#isFlat) this.#charge(0);
      if (this.#isCyclic) this.#countFrame();
      return;
    }
    if (this.#canTrap) writer.byte(CODE.block).byte(0x40);
    if (!this.#threads.fuel) this.#counter.refill(writer);
    if (this.#isCyclic) this.#chargeWithFrame();
    else this.#charge(0);
    writer.byte(CODE.block);
    this.#layout.signatures.writeBlockType(writer, this.#body.type);
    this.#nesting = 1;
  }

  #epilogue(): void {
    const writer = this.#writer;
    if (this.#isKept) {
      writer.byte(CODE.end);
      if (this.#threads.fuel) this.#counter.get(writer);
      else this.#counter.spill(writer);
    }
    if (this.#isKept && this.#canTrap) {
      writer.byte(CODE.return).byte(CODE.end);
      this.#counter.spill(writer);
      if (this.#isCyclic) this.#blameStack();
      writer.byte(CODE.unreachable);
    }
    writer.byte(CODE.end);
  }

  /** Whether anything leaves the outer block. What has no check at its entry calls nothing that burns fuel either. */
  get #canTrap(): boolean {
    const { checks, prepaid } = this.#plan;
    return prepaid.size > 0 || checks.includes(1);
  }

  /** Whether the function's frame is counted: it may recurse. */
  get #isCyclic(): boolean {
    return this.#layout.isCyclic(this.#f);
  }

  /** Leaves the outer block. */
  #leave(writer: Writer): void {
    writer.byte(CODE.brIf).u32(this.#nesting);
  }

  #countFrame(): void {
    const writer = this.#writer;
    this.#lowerDepth();
    writer.byte(CODE.i32Const).s32(0).byte(CODE.i32LtS).byte(CODE.if).byte(0x40);
    writeFault(writer, this.#layout.globals, FAULT.stack);
    writer.byte(CODE.unreachable).byte(CODE.end);
  }

  /** The first charge, the frame, and one comparison for both: the sign of either is that of the two with `or`. */
  #chargeWithFrame(): void {
    const writer = this.#writer;
    writeCharge(writer, this.#counter, this.#plan.charges[0] ?? 0, null);
    this.#lowerDepth();
    writer.byte(CODE.i64ExtendS);
    this.#counter.get(writer);
    writer.byte(CODE.i64Or);
    writeCheck(writer, this.#trap);
  }

  #lowerDepth(): void {
    const writer = this.#writer;
    writer.byte(CODE.localGet).u32(this.#depth).byte(CODE.i32Const).s32(frameOf(this.#body));
    writer.byte(CODE.i32Sub).byte(CODE.localTee).u32(this.#depth);
  }

  #blameStack(): void {
    const writer = this.#writer;
    writer.byte(CODE.localGet).u32(this.#depth).byte(CODE.i32Const).s32(0).byte(CODE.i32LtS);
    writer.byte(CODE.if).byte(0x40);
    writeFault(writer, this.#layout.globals, FAULT.stack);
    writer.byte(CODE.end);
  }

  #charge(block: number): void {
    const { charges, checks } = this.#plan;
    writeCharge(this.#writer, this.#counter, charges[block] ?? 0, checks[block] === 1 ? this.#trap : null);
  }

  #instructions(last: number): void {
    const { op } = this.#body;
    const { at, deadFrom, deadTo } = this.#plan.blocks;
    const nans = this.#nans;
    for (let i = 0; i < last; i++) {
      if (i === deadFrom[this.#nextDead]) {
        const to = deadTo[this.#nextDead++] ?? last;
        if (to > i) this.#drop(i, to);
        i = to;
        if (i === last) break;
      }
      if (isSpecial[op[i] ?? 0]) this.#special(op[i] ?? 0, i);
      if (nans?.marks[i]) {
        this.#copyTo(i + 1);
        writeMarked(this.#writer, this.#locals, this.#body, nans, i);
      }
      if (i === at[this.#nextBlock]) {
        this.#copyTo(i + 1);
        if (!this.#isFlat) this.#charge(this.#nextBlock);
        this.#nextBlock++;
      }
    }
  }

  /** Copies what is before instruction `i` and was not. */
  #copyTo(i: number): void {
    const end = this.#body.at[i] ?? this.#copied;
    this.#writer.bytes(this.#bytes, this.#copied, end);
    this.#copied = end;
  }

  /** Leaves out instructions that no path leads to; what is behind an `end` still looks to validators as if one did. */
  #drop(from: number, to: number): void {
    this.#copyTo(from);
    if (this.#body.op[from - 1] === CODE.end) this.#writer.byte(CODE.unreachable);
    this.#copied = this.#body.at[to] ?? this.#copied;
  }

  /** Writes something in place of instruction `i`. */
  #replace(i: number): Writer {
    this.#copyTo(i);
    this.#copied = this.#body.at[i + 1] ?? this.#copied;
    return this.#writer;
  }

  #special(op: number, i: number): void {
    const index = this.#body.immediate[i] ?? 0;
    switch (op) {
      case CODE.localGet:
      case CODE.localSet:
      case CODE.localTee:
        if (index >= this.#locals.firstShifted) this.#replace(i).byte(op).u32(this.#locals.indexOf(index));
        return;
      case CODE.loop:
        this.#prepay(i);
        this.#nesting++;
        return;
      case CODE.block:
      case CODE.if:
        this.#nesting++;
        return;
      case CODE.end:
        this.#nesting--;
        return;
      case CODE.return:
        if (this.#isKept)
          this.#replace(i)
            .byte(CODE.br)
            .u32(this.#nesting - 1);
        return;
      case CODE.call:
        this.#call(i, index);
        return;
      case CODE.callIndirect:
        this.#callIndirect(i, index);
        return;
      case CODE.refFunc:
        this.#reference(i, index);
        return;
      case CODE.memoryGrow:
        this.#handOver(this.#replace(i), { fuel: this.#layout.strategy === "threaded", depth: false }, () =>
          this.#writer.byte(CODE.call).u32(this.#layout.growFunction()),
        );
        return;
      default:
        this.#bulk(i);
    }
  }

  #prepay(i: number): void {
    const prepaid = this.#plan.prepaid.get(i);
    if (prepaid === undefined) return;
    this.#copyTo(i);
    writePrepaid(
      {
        writer: this.#writer,
        counter: this.#counter,
        trap: this.#trap,
        locals: this.#locals,
        body: this.#body,
        bytes: this.#bytes,
      },
      prepaid,
    );
  }

  #call(i: number, f: number): void {
    const layout = this.#layout;
    if ((layout.flat[f] ?? -1) >= 0) return;
    const writer = this.#replace(i);
    const { at } = this.#body;
    this.#handOver(writer, layout.threadsOf(f), () => writer.bytes(this.#bytes, at[i], at[i + 1]));
    // the host charges by lowering the global
    if (layout.isImported(f)) {
      this.#counter.get(writer);
      writeCheck(writer, this.#trap);
    }
  }

  #callIndirect(i: number, type: number): void {
    const layout = this.#layout;
    const writer = this.#replace(i);
    const { indirect } = layout;
    const selector = countOf(indirect) === 0 ? -1 : this.#locals.own("selector", VALUE.i32);
    if (selector !== -1) writer.byte(CODE.localSet).u32(selector);
    this.#handOver(writer, indirect, () => {
      if (selector !== -1) writer.byte(CODE.localGet).u32(selector);
      writer.byte(CODE.callIndirect).u32(layout.signatures.threaded(type, indirect));
      // behind the type's number is the table's
      let table = (this.#body.at[i] ?? 0) + 1;
      while ((this.#bytes[table++] ?? 0) >= 0x80);
      writer.bytes(this.#bytes, table, this.#body.at[i + 1]);
    });
  }

  /** A call of something that changes the counter: in a thread, or in the global. */
  #handOver(writer: Writer, { fuel, depth }: Threads, call: () => void): void {
    if (fuel) this.#counter.get(writer);
    else this.#counter.spill(writer);
    if (depth) this.#pushDepth(writer);
    call();
    if (fuel) this.#counter.set(writer);
    else this.#counter.refill(writer);
  }

  #pushDepth(writer: Writer): void {
    if (this.#threads.depth) writer.byte(CODE.localGet).u32(this.#depth);
    // handed to what an indirect call may reach: without a depth of its own nothing here leads to a cycle
    else writer.byte(CODE.i32Const).s32(0);
  }

  /** The local that says how much stack is left. */
  get #depth(): number {
    return this.#body.parameters + (this.#threads.fuel ? 1 : 0);
  }

  #reference(i: number, f: number): void {
    const reference = this.#layout.referenceOf(f);
    this.#layout.referenced.add(reference);
    this.#replace(i).byte(CODE.refFunc).u32(reference);
  }

  /** The operand on top says how much is done. */
  #bulk(i: number): void {
    const writer = this.#writer;
    const amount = this.#locals.own("amount", VALUE.i32);
    this.#copyTo(i);
    writer.byte(CODE.localTee).u32(amount);
    this.#counter.get(writer);
    writer.byte(CODE.localGet).u32(amount).byte(CODE.i64ExtendU);
    if (BULK_SHIFT > 0) writer.byte(CODE.i64Const).s32(BULK_SHIFT).byte(CODE.i64ShrU);
    writer.byte(CODE.i64Sub);
    this.#counter.tee(writer);
    writeCheck(writer, this.#trap);
  }
}
