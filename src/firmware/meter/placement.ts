/** Where in a function its fuel is charged: in fewer blocks, and outside of loops, for the same totals. */
import type { Blocks } from "./blocks.ts";

/**
 * Rounds over all edge classes. Each move lowers the weighed number of charges, so it would end by itself; this bounds
 * the time to so many times the number of blocks.
 */
const ROUNDS = 8;

/**
 * Fuel to charge at the start of each block.
 *
 * Each class of edges has a potential. Raising it by d adds d to every block that the edges leave and takes d from every
 * block they enter, so a path from the entry to an exit pays the same sum: what one block on it gained, the next one
 * lost. Around a cycle the sum is the same, too. The ground's potential, of the entry and the exits, stays 0. No charge
 * becomes negative, so the counter only falls, and it stays at or above zero in a run that returns if and only if the
 * limit is no less than the total. Blocks that end in a trap are on no path that returns: they are charged nothing and
 * hold nothing up.
 */
export function placeCharges(blocks: Blocks): Float64Array {
  const charges = Float64Array.from(blocks.cost);
  const { traps, into, out, classes } = blocks;
  for (let v = 0; v < charges.length; v++) if (traps[v]) charges[v] = 0;
  if (classes < 2) return charges;
  const sources = membersOf(blocks, out);
  const targets = membersOf(blocks, into);
  const mover = new Mover(blocks, charges);
  for (let round = 0; round < ROUNDS; round++) {
    let hasMoved = false;
    for (let c = classes - 1; c > 0; c--) {
      if (mover.move(targets, sources, c) || mover.move(sources, targets, c)) hasMoved = true;
    }
    if (!hasMoved) break;
  }
  return charges;
}

/** Class c has the blocks `list[first[c]]` to before `list[first[c + 1]]`. */
type Members = { readonly first: Int32Array; readonly list: Int32Array };

/** By class: the blocks whose edges on one side belong to it, where those on the other side do not. */
function membersOf(blocks: Blocks, side: Int32Array): Members {
  const { traps, into, out, classes } = blocks;
  const first = new Int32Array(classes + 1);
  const isMember = (v: number): boolean => into[v] !== out[v] && !traps[v];
  for (let v = 0; v < side.length; v++) if (isMember(v)) add(first, (side[v] ?? 0) + 1, 1);
  for (let c = 0; c < classes; c++) add(first, c + 1, first[c] ?? 0);
  const next = first.slice();
  const list = new Int32Array(first[classes] ?? 0);
  for (let v = 0; v < side.length; v++) {
    if (!isMember(v)) continue;
    const c = side[v] ?? 0;
    list[next[c] ?? 0] = v;
    add(next, c, 1);
  }
  return { first, list };
}

function add(numbers: Int32Array | Float64Array, i: number, amount: number): void {
  numbers[i] = (numbers[i] ?? 0) + amount;
}

class Mover {
  readonly #charges: Float64Array;
  readonly #weights: readonly number[];

  constructor(blocks: Blocks, charges: Float64Array) {
    this.#charges = charges;
    this.#weights = blocks.weight;
  }

  /** Moves as much as all blocks on one side of a class have over to the other side, if fewer charges remain then. */
  move(from: Members, to: Members, c: number): boolean {
    const least = this.#least(from, c);
    if (least === 0 || this.#gain(from, c, least) <= this.#gain(to, c, 0)) return false;
    const charges = this.#charges;
    for (let k = from.first[c] ?? 0; k < (from.first[c + 1] ?? 0); k++)
      add(charges, from.list[k] ?? 0, -least);
    for (let k = to.first[c] ?? 0; k < (to.first[c + 1] ?? 0); k++) add(charges, to.list[k] ?? 0, least);
    return true;
  }

  /** The smallest charge, 0 where there are no blocks. */
  #least({ first, list }: Members, c: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let k = first[c] ?? 0; k < (first[c + 1] ?? 0); k++) {
      least = Math.min(least, this.#charges[list[k] ?? 0] ?? 0);
    }
    return least === Number.POSITIVE_INFINITY ? 0 : least;
  }

  /** The weight of the blocks that are charged just so much. */
  #gain({ first, list }: Members, c: number, charge: number): number {
    let weight = 0;
    for (let k = first[c] ?? 0; k < (first[c + 1] ?? 0); k++) {
      const v = list[k] ?? 0;
      if (this.#charges[v] === charge) weight += this.#weights[v] ?? 0;
    }
    return weight;
  }
}
