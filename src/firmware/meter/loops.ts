/** Loops whose number of rounds is known before they begin. */
import type { Body } from "../wasm/module.ts";
import { VALUE } from "../wasm/types.ts";
import { CODE, EMPTY_BLOCK } from "./code.ts";

/**
 * An innermost loop that one local counts, with no other way out than its condition.
 *
 * - `while`: `loop; C; if; body; br 1; end; end` (AssemblyScript) or `loop; not C; br_if; body; br 0; end`: C is
 *   evaluated before each round.
 * - `until`: `loop; body; C; br_if 0; end` (LLVM): C is evaluated behind each round, of the counter as it is by then.
 *
 * C is `counter compare bound`, or the other way round. The bound reads only constants and locals that the loop does
 * not write, and cannot trap; the counter is written once in the loop, by `counter + step`, where every round passes.
 */
export type CountedLoop = {
  readonly form: "while" | "until";
  /** The instruction `loop`. */
  readonly loop: number;
  readonly counter: number;
  /** Signed, not 0. */
  readonly step: number;
  /** Opcode of the comparison that says whether there is another round. */
  readonly compare: number;
  /** The instructions [boundFrom, boundTo) push the bound; none: it is 0. */
  readonly boundFrom: number;
  readonly boundTo: number;
  /** The instruction behind which a round's first block begins: the `if` or `br_if`, or the `loop` itself. */
  readonly first: number;
  /** Ends of frames in the body, behind which code is that every round executes once. */
  readonly joints: ReadonlySet<number>;
};

/** The counted loops of a function, in order. */
export function countedLoops(body: Body): CountedLoop[] {
  if (!body.hasLoop) return [];
  const { op, match, immediate, length } = body;
  const found: CountedLoop[] = [];
  let inner = Number.POSITIVE_INFINITY;
  // from the back, so that the next loop inside is known
  for (let i = length - 1; i >= 0; i--) {
    if (op[i] !== CODE.loop) continue;
    const isInnermost = inner > (match[i] ?? 0);
    inner = i;
    if (!isInnermost || immediate[i] !== EMPTY_BLOCK || body.dead[i]) continue;
    const counted = new Candidate(body, i).match();
    if (counted !== null) found.push(counted);
  }
  return found.reverse();
}

/** Instructions [from, to) that push one i32; none stand for 0. */
type Operand = { readonly from: number; readonly to: number };
/** `left compare right`. */
type Condition = { readonly left: Operand; readonly right: Operand; readonly compare: number };

class Candidate {
  readonly #body: Body;
  readonly #loop: number;
  /** Its `end`. */
  readonly #end: number;

  constructor(body: Body, loop: number) {
    this.#body = body;
    this.#loop = loop;
    this.#end = body.match[loop] ?? 0;
  }

  match(): CountedLoop | null {
    return this.#op(this.#end - 1) === CODE.brIf ? this.#matchUntil() : this.#matchWhile();
  }

  #op(i: number): number {
    return this.#body.op[i] ?? 0;
  }

  #immediate(i: number): number {
    return this.#body.immediate[i] ?? 0;
  }

  #matchWhile(): CountedLoop | null {
    const condition = this.#conditionFrom(this.#loop + 1);
    if (condition === null) return null;
    const first = Math.max(condition.left.to, condition.right.to + 1);
    const isLeaving = this.#op(first) === CODE.brIf;
    const last = this.#end - (isLeaving ? 1 : 2);
    if (this.#op(last) !== CODE.br || this.#immediate(last) !== (isLeaving ? 0 : 1)) return null;
    if (isLeaving) {
      const compare = INVERSE.get(condition.compare);
      if (compare === undefined || this.#immediate(first) === 0) return null;
      return this.#complete("while", { ...condition, compare }, first, last);
    }
    const isWhole = this.#body.match[first] === this.#end - 1 && this.#op(this.#end - 1) === CODE.end;
    if (this.#op(first) !== CODE.if || this.#immediate(first) !== EMPTY_BLOCK || !isWhole) return null;
    return this.#complete("while", condition, first, last);
  }

  /** Two operands and a comparison, or one that is compared with 0, read forwards. */
  #conditionFrom(from: number): Condition | null {
    const starts: number[] = [];
    for (let i = from; i < this.#end; i++) {
      const op = this.#op(i);
      const [left = from, right = i] = starts;
      if (isComparison(op) && starts.length === 2) {
        return { left: { from: left, to: right }, right: { from: right, to: i }, compare: op };
      }
      if (op === CODE.localGet || op === CODE.i32Const) starts.push(i);
      else if (isPureBinary(op) && starts.length > 1) starts.pop();
      else if (op === CODE.i32Eqz && starts.length === 1) {
        return { left: { from: left, to: i }, right: { from: i, to: i }, compare: CODE.i32Eq };
      } else return null;
    }
    return null;
  }

  /** Two operands, a comparison and `br_if 0`, or one operand and `br_if 0`, read backwards. */
  #matchUntil(): CountedLoop | null {
    const branch = this.#end - 1;
    if (this.#immediate(branch) !== 0) return null;
    const compare = this.#op(branch - 1);
    const isCompared = isComparison(compare);
    const right = isCompared ? this.#operandBefore(branch - 1) : { from: branch, to: branch };
    const left = right === null ? null : this.#operandBefore(right.from);
    if (left === null || right === null) return null;
    const condition = { left, right, compare: isCompared ? compare : CODE.i32Ne };
    return this.#complete("until", condition, this.#loop, branch);
  }

  /** One instruction, or the four of a sum that is kept in a local. */
  #operandBefore(to: number): Operand | null {
    const op = this.#op(to - 1);
    const from = to - (op === CODE.localTee ? 4 : 1);
    const isOne = op === CODE.localGet || op === CODE.i32Const || op === CODE.localTee;
    return isOne && from > this.#loop ? { from, to } : null;
  }

  #complete(
    form: CountedLoop["form"],
    condition: Condition,
    first: number,
    last: number,
  ): CountedLoop | null {
    const { left, right, compare } = condition;
    const joints = this.#joints(first, last);
    if (joints === null) return null;
    return (
      this.#counted(form, left, right, compare, first, last, joints) ??
      this.#counted(form, right, left, MIRRORED.get(compare) ?? compare, first, last, joints)
    );
  }

  /** The body is what is between instructions `first` and `last`. */
  #counted(
    form: CountedLoop["form"],
    of: Operand,
    bound: Operand,
    compare: number,
    first: number,
    last: number,
    joints: ReadonlySet<number>,
  ): CountedLoop | null {
    const isRead = this.#op(of.from) === CODE.localGet && of.to === of.from + 1;
    const isWritten = form === "until" && this.#op(of.to - 1) === CODE.localTee;
    const counter = this.#immediate(of.to - 1);
    if ((!isRead && !isWritten) || this.#body.locals[counter] !== VALUE.i32) return null;
    const step = this.#step(first, last, counter);
    if (step === 0 || !fits(compare, step) || !this.#isInvariant(bound)) return null;
    const { from: boundFrom, to: boundTo } = bound;
    return { form, loop: this.#loop, counter, step, compare, boundFrom, boundTo, first, joints };
  }

  /** Null where a branch leaves the body or begins a round early, or a trap is certain. */
  #joints(first: number, last: number): Set<number> | null {
    const { targets } = this.#body;
    const joints = new Set<number>();
    let depth = 0;
    for (let i = first + 1; i < last; i++) {
      const op = this.#op(i);
      if (op > CODE.return) continue;
      if (op === CODE.block || op === CODE.if) depth++;
      else if (op === CODE.end && --depth === 0) joints.add(i);
      else if (op === CODE.return || (op === CODE.unreachable && depth === 0)) return null;
      else if ((op === CODE.br || op === CODE.brIf) && this.#immediate(i) >= depth) return null;
      else if (op === CODE.brTable && targets.get(i)?.some((label) => label >= depth)) return null;
    }
    return joints;
  }

  /** What the one write of the counter adds to it; 0 where it is not that simple. */
  #step(first: number, last: number, counter: number): number {
    let step = 0;
    let depth = 0;
    for (let i = first + 1; i < last; i++) {
      const op = this.#op(i);
      if (op === CODE.block || op === CODE.if) depth++;
      else if (op === CODE.end) depth--;
      else if ((op === CODE.localSet || op === CODE.localTee) && this.#immediate(i) === counter) {
        if (step !== 0 || depth !== 0) return 0;
        step = this.#added(i, counter);
        if (step === 0) return 0;
      }
    }
    return step;
  }

  /** `local.get counter; i32.const n; i32.add` (or `sub`) before the write at `i`. */
  #added(i: number, counter: number): number {
    const isSum =
      i - 3 > this.#loop &&
      this.#op(i - 3) === CODE.localGet &&
      this.#immediate(i - 3) === counter &&
      this.#op(i - 2) === CODE.i32Const;
    if (!isSum) return 0;
    const amount = this.#immediate(i - 2);
    if (this.#op(i - 1) === CODE.i32Add) return amount;
    return this.#op(i - 1) === CODE.i32Sub ? -amount | 0 : 0;
  }

  /** Whether it is made of constants and of locals that the loop does not write, and of nothing that traps. */
  #isInvariant({ from, to }: Operand): boolean {
    const read = new Set<number>();
    for (let i = from; i < to; i++) {
      const op = this.#op(i);
      if (op === CODE.localGet) read.add(this.#immediate(i));
      else if (op !== CODE.i32Const && !isPureBinary(op)) return false;
    }
    if (read.size === 0) return true;
    for (let i = this.#loop + 1; i < this.#end; i++) {
      const op = this.#op(i);
      if ((op === CODE.localSet || op === CODE.localTee) && read.has(this.#immediate(i))) return false;
    }
    return true;
  }
}

/** The comparison that is true where this one is false. */
const INVERSE: ReadonlyMap<number, number> = new Map([
  [CODE.i32Eq, CODE.i32Ne],
  [CODE.i32Ne, CODE.i32Eq],
  [CODE.i32LtS, CODE.i32GeS],
  [CODE.i32LtU, CODE.i32GeU],
  [CODE.i32GtS, CODE.i32LeS],
  [CODE.i32GtU, CODE.i32LeU],
  [CODE.i32LeS, CODE.i32GtS],
  [CODE.i32LeU, CODE.i32GtU],
  [CODE.i32GeS, CODE.i32LtS],
  [CODE.i32GeU, CODE.i32LtU],
]);

/** The comparison that says the same with its operands exchanged, where that is another. */
const MIRRORED: ReadonlyMap<number, number> = new Map([
  [CODE.i32LtS, CODE.i32GtS],
  [CODE.i32LtU, CODE.i32GtU],
  [CODE.i32GtS, CODE.i32LtS],
  [CODE.i32GtU, CODE.i32LtU],
  [CODE.i32LeS, CODE.i32GeS],
  [CODE.i32LeU, CODE.i32GeU],
  [CODE.i32GeS, CODE.i32LeS],
  [CODE.i32GeU, CODE.i32LeU],
]);

function isComparison(op: number): boolean {
  return op >= CODE.i32Eq && op <= CODE.i32GeU;
}

/** Two i32 in, one out, and no trap. */
function isPureBinary(op: number): boolean {
  const isDivision = op >= CODE.i32DivS && op <= CODE.i32RemU;
  return op >= CODE.i32Add && op <= CODE.i32Rotr && !isDivision;
}

/**
 * Whether the rounds can be counted: `!=` with any step; an order with a step towards the bound that is a power of two,
 * so that what the counter is modulo the step outlives its wrapping around.
 */
function fits(compare: number, step: number): boolean {
  if (compare === CODE.i32Ne) return true;
  if (compare === CODE.i32Eq) return false;
  const isUp =
    compare === CODE.i32LtS || compare === CODE.i32LtU || compare === CODE.i32LeS || compare === CODE.i32LeU;
  const size = isUp ? step : -step;
  return size > 0 && (size & (size - 1)) === 0;
}
