/** What is charged where in one function: decided before a byte is written. */
import type { Body } from "../wasm/module.ts";
import { type Blocks, blocksOf } from "./blocks.ts";
import { CODE } from "./code.ts";
import { type CountedLoop, countedLoops } from "./loops.ts";
import { placeCharges } from "./placement.ts";

/** All rounds of a counted loop, charged before it begins. */
export type Prepaid = {
  readonly loop: CountedLoop;
  /** Fuel of each round. */
  readonly round: number;
  /** Fuel on top, once: of a condition that is evaluated once more than there are rounds. */
  readonly once: number;
};

export type Plan = {
  readonly blocks: Blocks;
  /** Fuel charged at the start of each block. */
  readonly charges: Float64Array;
  /** By block: whether the counter is compared with 0 there. */
  readonly checks: Uint8Array;
  /** By instruction `loop`. */
  readonly prepaid: ReadonlyMap<number, Prepaid>;
};

/** What a call does to the counter, as far as its caller must know. By function index, imported ones first. */
export type Callees = {
  /** The fuel that a call always burns and its caller pays, else -1. */
  readonly flat: Float64Array;
};

/** Fuel that may be burnt for each call of a function without a check. */
const UNCHECKED = 2_000;
/** A flat call costs no more, so that sums of such costs stay small. */
const MOST_FLAT = 2 ** 20;
/**
 * A prepaid round costs no more. There are at most 2^32 rounds, and a limit is below 2^50: the counter stays above
 * -2^58 there. Elsewhere a body, of less than 2^20 instructions of at most 2^16 + 2^20 fuel each, burns less than 2^42
 * between two checks; `memory.grow` and bulk instructions burn less than 2^49 before theirs. So the 64-bit counter cannot
 * overflow.
 */
const MOST_ROUND = 2 ** 24;

/** Every block is charged and checked where it begins: the canonical bill, also of runs that end in a trap. */
export function canonicalPlan(body: Body, callees: Callees): Plan {
  const blocks = blocksOf(body, callees.flat);
  const charges = Float64Array.from(blocks.cost);
  const checks = Uint8Array.from(charges, (charge) => (charge > 0 ? 1 : 0));
  return { blocks, charges, checks, prepaid: new Map() };
}

/** Charges are placed, counted loops prepaid; it is checked at the function's entry and in loops. */
export function placedPlan(body: Body, callees: Callees): Plan {
  const blocks = blocksOf(body, callees.flat);
  const charges = placeCharges(blocks);
  const checks = Uint8Array.from(blocks.isLoop, Number);
  const prepaid = new Map<number, Prepaid>();
  for (const loop of countedLoops(body)) {
    const paid = prepay(body, loop, blocks, charges, checks, callees);
    if (paid !== null) prepaid.set(loop.loop, paid);
  }
  if (!isBrief(body, blocks, charges, callees)) checks[0] = 1;
  return { blocks, charges, checks, prepaid };
}

/**
 * The fuel of a call where it is the same on every path and all of it is due at the entry, else -1. (Not for a function
 * that is called from outside or through a table: nobody would pay for it.)
 */
export function flatCost(body: Body, plan: Plan, callees: Callees): number {
  const { charges, prepaid, blocks } = plan;
  const isEven = charges.every((charge, v) => v === 0 || charge === 0) && prepaid.size === 0;
  const entry = charges[0] ?? 0;
  if (!isEven || entry > MOST_FLAT || blocks.isLoop.includes(true) || !isSelfContained(body, callees))
    return -1;
  return entry;
}

/** Whether nothing in it changes the counter but its own charges. */
function isSelfContained(body: Body, { flat }: Callees): boolean {
  return !body.hasIndirect && body.calls.every((f) => (flat[f] ?? -1) >= 0) && !hasDynamicCharges(body);
}

function hasDynamicCharges({ op }: Body): boolean {
  return op.some((code) => code === CODE.memoryGrow || isBulk(code));
}

/** Instructions that are charged by their last operand. */
export function isBulk(op: number): boolean {
  switch (op) {
    case CODE.memoryInit:
    case CODE.memoryCopy:
    case CODE.memoryFill:
    case CODE.tableInit:
    case CODE.tableCopy:
    case CODE.tableGrow:
    case CODE.tableFill:
      return true;
    default:
      return false;
  }
}

/** Whether its caller's checks are enough: it burns little outside of its loops, and calls nothing that burns more. */
function isBrief(body: Body, blocks: Blocks, charges: Float64Array, callees: Callees): boolean {
  if (!isSelfContained(body, callees)) return false;
  let sum = 0;
  for (let v = 0; v < charges.length; v++) if (blocks.depth[v] === 0) sum += charges[v] ?? 0;
  return sum <= UNCHECKED;
}

/** Takes the charges out of a loop, and the check. Null where that would leave some behind. */
function prepay(
  body: Body,
  loop: CountedLoop,
  blocks: Blocks,
  charges: Float64Array,
  checks: Uint8Array,
  { flat }: Callees,
): Prepaid | null {
  const end = body.match[loop.loop] ?? 0;
  const header = firstBehind(blocks.at, loop.loop);
  if (blocks.at[header] !== loop.loop || burnsElsewhere(body, loop, flat)) return null;
  const once = loop.form === "while" ? (charges[header] ?? 0) : 0;
  let round = once;
  const paid = [header];
  // the block behind the instruction before the end is executed once, when the rounds are over
  for (let v = header; (blocks.at[v] ?? end) < end - 1; v++) {
    const at = blocks.at[v] ?? 0;
    const charge = charges[v] ?? 0;
    if (at === loop.first || loop.joints.has(at)) {
      round += charge;
      paid.push(v);
    } else if (charge !== 0 && v !== header) return null;
  }
  if (round === 0 || round > MOST_ROUND) return null;
  for (const v of paid) charges[v] = 0;
  checks[header] = 0;
  return { loop, round, once };
}

/** Whether anything in the loop changes the counter but the charges of its blocks. */
function burnsElsewhere({ op, immediate, match }: Body, { loop }: CountedLoop, flat: Float64Array): boolean {
  for (let i = loop + 1; i < (match[loop] ?? 0); i++) {
    const code = op[i] ?? 0;
    if (code === CODE.callIndirect || code === CODE.memoryGrow || isBulk(code)) return true;
    if (code === CODE.call && (flat[immediate[i] ?? 0] ?? -1) < 0) return true;
  }
  return false;
}

/** The first block that begins at or behind instruction `i`. */
function firstBehind(at: readonly number[], i: number): number {
  let low = 0;
  let high = at.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((at[middle] ?? 0) < i) low = middle + 1;
    else high = middle;
  }
  return low;
}
