/** Frames, operand heights and dead code of one function after the other. WebAssembly core specification 2.0, appendix A.3. */
import { malformed } from "./leb.ts";
import { LIMITS } from "./limits.ts";
import { Unfit } from "./rejection.ts";

const IF = 0x04;
/** Stack slots are stored and loaded one by one for calls and returns: 90 ns each, where a merge takes 7 ns. */
const TRANSFER = 16;

/** How many values a frame takes and gives. */
export type Arity = { readonly params: number; readonly results: number };

/**
 * The validator's control stack, with the number of operands in place of their types. Instructions are counted from the
 * function's first; in live code operands that are not there, or are left over at an `end`, are `malformed`.
 */
export class Control {
  /** `Body.match` of all bodies, one behind the other. */
  readonly match: Int32Array;
  /** Operands on the stack, the function's own. */
  height = 0;
  /** 1 where no path leads within the frame, as the validator sees it. */
  dead = 0;
  maxHeight = 0;
  hasLoop = false;
  /** `Body.moves` so far. */
  moves = 0;
  /** Where the function at hand begins in {@link match}. */
  first = 0;
  /** The height that the innermost frame began with. */
  #floor = 0;
  #depth = 0;
  #body = 0;
  #locals = 0;
  // by frame, the function's own first
  readonly #opener = new Int32Array(LIMITS.nesting + 1);
  readonly #base = new Int32Array(LIMITS.nesting + 1);
  readonly #params = new Int32Array(LIMITS.nesting + 1);
  readonly #results = new Int32Array(LIMITS.nesting + 1);
  readonly #outerDead = new Uint8Array(LIMITS.nesting + 1);

  /** For at most `capacity` instructions of all functions. */
  constructor(capacity: number) {
    this.match = new Int32Array(capacity);
  }

  get isOpen(): boolean {
    return this.#depth > 0;
  }

  /** Begins a function: number `body`, whose instructions go to {@link match} from `first`. */
  open(results: number, first: number, body: number, locals: number): void {
    this.first = first;
    this.height = 0;
    this.dead = 0;
    this.maxHeight = 0;
    this.hasLoop = false;
    this.moves = 0;
    this.#floor = 0;
    this.#depth = 1;
    this.#body = body;
    this.#locals = locals;
    this.#opener[0] = -1;
    this.#base[0] = 0;
    this.#params[0] = 0;
    this.#results[0] = results;
    this.#outerDead[0] = 0;
  }

  /** Takes and gives operands. */
  shift(taken: number, given: number, at: number): void {
    let height = this.height - taken;
    if (height < this.#floor) {
      if (this.dead === 0) throw malformed("operands are missing", at);
      height = this.#floor;
    }
    height += given;
    this.height = height;
    if (height > this.maxHeight && this.dead === 0) this.maxHeight = height;
  }

  /** A block, loop or if, whose condition is taken already. */
  enter(i: number, { params, results }: Arity, at: number): void {
    const depth = this.#depth;
    if (depth > LIMITS.nesting) {
      throw new Unfit("nesting", `body ${this.#body} nests more than ${LIMITS.nesting} blocks`);
    }
    this.moves += this.#locals + this.height;
    this.shift(params, 0, at);
    this.#opener[depth] = i;
    this.#base[depth] = this.height;
    this.#params[depth] = params;
    this.#results[depth] = results;
    this.#outerDead[depth] = this.dead;
    this.#floor = this.height;
    this.height += params;
    this.match[this.first + i] = -1;
    this.#depth = depth + 1;
  }

  /** An `else`; `ops` are the opcodes of the function so far. */
  otherwise(ops: Uint16Array, i: number, at: number): void {
    const depth = this.#depth - 1;
    const opener = this.#opener[depth] ?? -1;
    if (opener < 0 || ops[this.first + opener] !== IF || this.match[this.first + opener] !== -1) {
      throw malformed("an else has no if", at);
    }
    this.#leftOver(depth, at);
    this.match[this.first + opener] = i;
    this.dead = this.#outerDead[depth] ?? 0;
    this.height = this.#floor + (this.#params[depth] ?? 0);
    this.moves += this.#locals + this.height;
  }

  /** An `end`. */
  close(ops: Uint16Array, i: number, at: number): void {
    const depth = this.#depth - 1;
    const opener = this.#opener[depth] ?? -1;
    this.#leftOver(depth, at);
    const { first, match } = this;
    match[first + i] = opener;
    if (opener >= 0) {
      const middle = match[first + opener] ?? -1;
      if (middle !== -1) match[first + middle] = i;
      else {
        match[first + opener] = i;
        if (ops[first + opener] === IF && this.#params[depth] !== this.#results[depth]) {
          throw malformed("an if without else changes the stack", at);
        }
      }
    }
    this.dead = this.#outerDead[depth] ?? 0;
    this.height = this.#floor + (this.#results[depth] ?? 0);
    this.#depth = depth;
    this.#floor = this.#base[depth - 1] ?? 0;
    if (this.height > this.maxHeight && this.dead === 0) this.maxHeight = this.height;
  }

  /** What remains is unreachable up to the frame's `else` or `end`. */
  cut(): void {
    this.dead = 1;
    this.height = this.#floor;
  }

  /** A branch to so many frames outwards; `copies` of it are compiled. */
  branch(label: number, at: number, copies = 1): void {
    const outermost = this.#depth - 1;
    if (label > outermost) throw malformed(`label ${label} is not there`, at);
    if (label === outermost) this.transfer(this.#results[0] ?? 0);
    this.moves += (this.#locals + this.height) * copies;
  }

  /** The labels of a `br_table`. */
  branchTable(labels: Uint32Array, at: number): void {
    let most = 0;
    for (const label of labels) if (label > most) most = label;
    // a label is compiled once, however often it is listed
    this.branch(most, at, Math.min(labels.length, this.#depth));
  }

  /** A branch out of the function. */
  leave(at: number): void {
    this.branch(this.#depth - 1, at);
    this.cut();
  }

  /** Values that go through a call or a return. */
  transfer(values: number): void {
    this.moves += values * TRANSFER;
  }

  #leftOver(depth: number, at: number): void {
    const height = this.#floor + (this.#results[depth] ?? 0);
    if (this.height === height || (this.dead === 1 && this.height < height)) return;
    throw malformed("operands are left over or missing", at);
  }
}
