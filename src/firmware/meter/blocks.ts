/** Basic blocks of a function, and which of their edges are bound to each other. */
import type { Body } from "../wasm/module.ts";
import { CODE } from "./code.ts";
import { costOf, LOCAL_COST } from "./costs.ts";

/**
 * Blocks in the order of the code, as parallel arrays.
 *
 * Edges that leave one block or enter one block are of one class: whatever is moved over one of them is moved over all.
 * Class 0 holds the function's entry and its exits, over which nothing can move.
 */
export type Blocks = {
  /** The instruction behind which the block begins, -1 for the first. Ascending. */
  readonly at: readonly number[];
  /** Fuel of its instructions. */
  readonly cost: readonly number[];
  /** Loops around it. */
  readonly depth: readonly number[];
  /** How often it is executed, roughly, for one call: every way at a branch is as likely, a loop has eight rounds. */
  readonly weight: readonly number[];
  /** Whether it is the target of branches backwards. */
  readonly isLoop: readonly boolean[];
  /** Whether it ends with `unreachable`: no run that returns comes through it. */
  readonly traps: readonly boolean[];
  /** Class of the edges into it and out of it. */
  readonly into: Int32Array;
  readonly out: Int32Array;
  readonly classes: number;
  /** Instructions [deadFrom, deadTo) are never executed; what ends them is the `else` or `end` of a frame that is entered. */
  readonly deadFrom: readonly number[];
  readonly deadTo: readonly number[];
};

const GROUND = 0;
const NONE = -1;
const ROUNDS = 8;
/** Bounds of weights, so that deep nesting neither makes them infinite nor zero. */
const MOST_WEIGHT = 2 ** 40;
const LEAST_WEIGHT = 2 ** -40;
/** By how many loops are left: what that divides a weight by. Powers are multiplied out, so that engines agree on them. */
const ROUNDS_LEFT = [1];
for (let loops = 1; loops < 28; loops++) ROUNDS_LEFT.push((ROUNDS_LEFT[loops - 1] ?? 1) * ROUNDS);

/**
 * @param flat by function index, the fuel that a call of it always burns and its caller pays, else -1
 */
export function blocksOf(body: Body, flat: Float64Array): Blocks {
  const walk = new Walk(body);
  const { op, immediate, length } = body;
  for (let i = 0; i < length; i++) {
    const code = op[i] ?? 0;
    // a branch backwards executes the `loop` again
    if (code === CODE.loop) walk.control(code, i);
    if (walk.isLive) {
      walk.spend(costOf(code));
      if (code === CODE.call) walk.spend(Math.max(0, flat[immediate[i] ?? 0] ?? 0));
    }
    if (code < CODE.call && code !== CODE.loop) walk.control(code, i);
  }
  return walk.finish();
}

type Frame = {
  readonly kind: number;
  /** The node that branches to it lead into; -1 in dead code. */
  readonly label: number;
  /** Whether anything but the code before its end leads behind it. */
  isTarget: boolean;
  /** Of an `if` without an `else` so far: the node of the edges out of what is before it. */
  condition: number;
  /** The weight of each half of an `if`, or behind a loop. */
  readonly half: number;
  /** The weight of what leads behind its end, as far as it is known. */
  inflow: number;
  /** Loops around what is behind its end. */
  readonly loops: number;
};

/** Follows the structure. A node is one side of a block, or a label; nodes that share a block or an edge are joined. */
class Walk {
  readonly #body: Body;
  readonly #at: number[] = [];
  readonly #cost: number[] = [];
  readonly #depth: number[] = [];
  readonly #weight: number[] = [];
  readonly #isLoop: boolean[] = [];
  readonly #traps: boolean[] = [];
  readonly #into: number[] = [];
  readonly #out: number[] = [];
  readonly #deadFrom: number[] = [];
  readonly #deadTo: number[] = [];
  /** Union-find: the parent of each node; a root is its own. */
  readonly #parent: number[] = [GROUND];
  readonly #frames: Frame[] = [];
  #loops = 0;
  /** The block at hand, or none in dead code. */
  #block: number;

  constructor(body: Body) {
    this.#body = body;
    this.#push(CODE.block, GROUND, true);
    this.#block = this.#begin(-1, GROUND, 1);
    this.spend((body.locals.length - body.parameters) * LOCAL_COST);
  }

  get isLive(): boolean {
    return this.#block !== NONE;
  }

  spend(fuel: number): void {
    this.#cost[this.#block] = (this.#cost[this.#block] ?? 0) + fuel;
  }

  /** One of the instructions below `call`. */
  control(code: number, i: number): void {
    switch (code) {
      case CODE.block:
      case CODE.loop:
      case CODE.if:
        this.#open(code, i);
        return;
      case CODE.else:
        this.#otherwise(i);
        return;
      case CODE.end:
        this.#close(i);
        return;
      default:
        if (this.isLive) this.#branch(code, i);
    }
  }

  finish(): Blocks {
    const { classes, classOf } = this.#classes();
    return {
      at: this.#at,
      cost: this.#cost,
      depth: this.#depth,
      weight: this.#weight,
      isLoop: this.#isLoop,
      traps: this.#traps,
      into: Int32Array.from(this.#into, classOf),
      out: Int32Array.from(this.#out, classOf),
      classes,
      deadFrom: this.#deadFrom,
      deadTo: this.#deadTo,
    };
  }

  #classes(): { classes: number; classOf: (node: number) => number } {
    const number = new Int32Array(this.#parent.length).fill(NONE);
    number[GROUND] = 0;
    let classes = 1;
    const classOf = (node: number): number => {
      const root = this.#root(node);
      if (number[root] === NONE) number[root] = classes++;
      return number[root] ?? 0;
    };
    for (const node of this.#into) classOf(node);
    for (const node of this.#out) classOf(node);
    return { classes, classOf };
  }

  #node(): number {
    return this.#parent.push(this.#parent.length) - 1;
  }

  #root(node: number): number {
    const parent = this.#parent;
    let at = node;
    for (let up = parent[at] ?? at; up !== at; up = parent[at] ?? at) {
      const above = parent[up] ?? up;
      parent[at] = above;
      at = above;
    }
    return at;
  }

  /** The lower root stays one, so that the ground does. */
  #join(a: number, b: number): void {
    const first = this.#root(a);
    const second = this.#root(b);
    if (first < second) this.#parent[second] = first;
    else this.#parent[first] = second;
  }

  #begin(at: number, into: number, weight: number, isLoop = false): number {
    this.#at.push(at);
    this.#cost.push(0);
    this.#depth.push(this.#loops);
    this.#weight.push(Math.min(MOST_WEIGHT, Math.max(LEAST_WEIGHT, weight)));
    this.#isLoop.push(isLoop);
    this.#traps.push(false);
    this.#into.push(into);
    this.#out.push(this.#node());
    return this.#at.length - 1;
  }

  #push(kind: number, label: number, isTarget: boolean, condition = NONE, half = 0): void {
    this.#frames.push({ kind, label, isTarget, condition, half, inflow: 0, loops: this.#loops });
  }

  #outOf(block: number): number {
    return this.#out[block] ?? GROUND;
  }

  #weightOf(block: number): number {
    return this.#weight[block] ?? 0;
  }

  /** A block that is entered behind instruction `i` only from the one at hand. */
  #follow(i: number, weight: number): void {
    this.#block = this.#begin(i, this.#outOf(this.#block), weight);
  }

  /** What follows instruction `i` is dead. */
  #cut(i: number): void {
    this.#block = NONE;
    this.#deadFrom.push(i + 1);
  }

  #open(kind: number, i: number): void {
    if (!this.isLive) {
      this.#push(kind, NONE, false);
      return;
    }
    const before = this.#outOf(this.#block);
    const weight = this.#weightOf(this.#block);
    if (kind === CODE.loop) {
      this.#loops++;
      this.#block = this.#begin(i, before, weight * ROUNDS, true);
      this.#push(kind, before, true, NONE, weight);
    } else if (kind === CODE.if) {
      this.#push(kind, this.#node(), false, before, weight / 2);
      this.#follow(i, weight / 2);
    } else this.#push(kind, this.#node(), false);
  }

  #otherwise(i: number): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.label === NONE) return;
    if (this.isLive) this.#arrive(frame, this.#weightOf(this.#block));
    else this.#deadTo.push(i);
    this.#block = this.#begin(i, frame.condition, frame.half);
    frame.condition = NONE;
  }

  #close(i: number): void {
    const frame = this.#frames.pop();
    if (frame === undefined || frame.label === NONE) return;
    const wasLive = this.isLive;
    if (!wasLive) this.#deadTo.push(i);
    if (this.#frames.length === 0) {
      if (wasLive) this.#join(this.#outOf(this.#block), GROUND);
    } else if (frame.kind === CODE.loop) {
      this.#loops--;
      // a block of its own, though only one leads into it: it is left of the loop, where charges weigh less
      if (wasLive) this.#follow(i, frame.half);
      else this.#cut(i);
    } else {
      if (frame.condition !== NONE) {
        this.#join(frame.condition, frame.label);
        frame.isTarget = true;
        frame.inflow += frame.half;
      }
      if (frame.isTarget) {
        if (wasLive) this.#arrive(frame, this.#weightOf(this.#block));
        this.#block = this.#begin(i, frame.label, frame.inflow);
      } else if (!wasLive) this.#cut(i);
    }
  }

  #branch(code: number, i: number): void {
    const { immediate, targets } = this.#body;
    const weight = this.#weightOf(this.#block);
    switch (code) {
      case CODE.br:
        this.#leap(immediate[i] ?? 0, weight);
        this.#cut(i);
        return;
      case CODE.brIf:
        this.#leap(immediate[i] ?? 0, weight / 2);
        this.#follow(i, weight / 2);
        return;
      case CODE.brTable: {
        const labels = targets.get(i) ?? [];
        for (const label of labels) this.#leap(label, weight / labels.length);
        this.#cut(i);
        return;
      }
      case CODE.return:
        this.#join(this.#outOf(this.#block), GROUND);
        this.#cut(i);
        return;
      case CODE.unreachable:
        this.#traps[this.#block] = true;
        // hardly ever executed: the other way is the one that is taken
        this.#addWeight(weight);
        this.#cut(i);
        return;
      default:
    }
  }

  #leap(label: number, weight: number): void {
    const frame = this.#frames[this.#frames.length - 1 - label];
    if (frame !== undefined) this.#arrive(frame, weight);
  }

  #arrive(frame: Frame, weight: number): void {
    frame.isTarget = true;
    // out of a loop it goes once for all rounds
    frame.inflow += weight / (ROUNDS_LEFT[Math.min(this.#loops - frame.loops, 27)] ?? 1);
    this.#join(this.#outOf(this.#block), frame.label);
  }

  #addWeight(weight: number): void {
    const frame = this.#frames.at(-1);
    if (frame !== undefined) frame.inflow += weight;
  }
}
