/**
 * What each instruction costs in fuel. Every gateway and provider of one market must have the same table, so it has a
 * version and a hash; a bill is only comparable under the same ones.
 */
import { createHash } from "node:crypto";
import type { Hex } from "../../base/bytes.ts";
import { instructions } from "../wasm/opcodes.ts";
import { FRAME, STACK_BUDGET } from "./budget.ts";

/** Of the table and of the rules by which fuel is counted. */
export const METER_VERSION = 1;

/** Fuel for each declared local that is no parameter, at every call: it has to be zeroed. */
export const LOCAL_COST = 1;
/** `memory.grow`: fuel for each page of 64 KiB asked for, as much as filling it. */
export const PAGE_COST = 65_536;
/** Bulk instructions cost one fuel for every 2^0 bytes or elements, on top of their own. */
export const BULK_SHIFT = 0;

/** Fuel for each call of a function of the host, which is some 100 ns; a byte that it moves costs 1 more. */
export const HOST_CALL_COST = 4_096;
/** Fuel for each vector that says where such bytes are. */
export const HOST_VECTOR_COST = 1_024;
/** Fuel for each random byte, and, at the first of a run, for each byte of its input, which is the seed. */
export const HOST_RANDOM_COST = 64;

/**
 * The first pattern that a name fits decides. Structure costs nothing; a branch, and so every way round a loop, and a
 * call cost at least 1: nothing endless is free.
 *
 * The weights are near what `test/bench/firmware/calibrate.ts` proposes: with them a fuel takes 12 to 23 ps of one core
 * (AMD EPYC, Node 24), a spread below 2, over A*, SHA-256, int8 and f32 matrix products with and without SIMD, n-body,
 * recursion, a bytecode machine, C with calls through pointers, and QuickJS, all of them metered. They are fitted to
 * programs, which wait for integers from memory, foresee no branch and do several things at once; so a load costs more
 * than a vector's, and a call its share of what stands around it. A chain in which every instruction waits for the one
 * before takes up to 14 times as long per fuel as the dearest of these programs, a loop of nothing but its branch up to
 * 27 times, and vectors of floats that only the baseline compiler has seen up to 45 times (measured beside other load);
 * loads that miss every cache take some 300 times as long: that is what memory classes and the deadline are for.
 */
const CLASSES: readonly (readonly [RegExp, number])[] = [
  [/^(unreachable|nop|block|loop|else|end)$/, 0],
  [/^(local\.|drop$)|\.const$/, 1],
  [/^return$/, 1],
  // not fitted: as much as keeps an endless loop of nothing else within the bounds above
  [/^br$/, 11],
  [/^(if|br_if)$/, 4],
  [/^br_table$/, 14],
  [/^call$/, 80],
  [/^call_indirect$/, 205],
  // not fitted but measured: what the engine takes to call out of the program, for nothing moved
  [/^memory\.grow$/, 20_000],
  [/^memory\.(fill|init)$/, 6_000],
  [/^table\.(grow|init|copy|fill|set)$/, 1_000],
  [/^memory\.copy$|^(data|elem)\.drop$/, 400],
  [/^ref\.func$/, 30],
  [/^global\./, 14],
  [/^v128\.(load|store)/, 2],
  [/load/, 11],
  [/store/, 14],
  [/^table\.|^memory\.size$|^ref\./, 8],
  [/^select/, 4],
  [/^i(32|64)\.(div|rem)_/, 32],
  [/^f(32|64)\.(div|sqrt)$/, 40],
  [/^f\d+x\d+\.(div|sqrt)$|^i64x2\.mul$/, 60],
  [/\.(convert|trunc_)/, 40],
  [/^f(32|64)\.(add|sub|mul)$/, 4],
  [/^f(32|64)\./, 8],
  [/^f\d+x\d+\./, 3],
  [/x\d+\.|^v128\./, 4],
  [/^i(32|64)\.mul$/, 4],
  [/^i(32|64)\./, 2],
];

const costs = new Uint16Array(0xfe00);
for (const [op, { name }] of instructions)
  costs[op] = CLASSES.find(([pattern]) => pattern.test(name))?.[1] ?? 1;

/** Fuel of one execution of the instruction, numbered as in `wasm/opcodes.ts`: 0..65,535. */
export function costOf(op: number): number {
  return costs[op] ?? 0;
}

/**
 * One line an instruction in order of opcodes, `name cost`, after the version, the terms that depend on operands, what
 * the host's functions cost, and how deep a task may recurse.
 */
function canonicalText(): string {
  const lines = [
    ...[`meter ${METER_VERSION}`, `local ${LOCAL_COST}`, `page ${PAGE_COST}`, `bulk ${BULK_SHIFT}`],
    `host ${HOST_CALL_COST} ${HOST_VECTOR_COST} ${HOST_RANDOM_COST}`,
    `stack ${STACK_BUDGET}`,
    `frame ${FRAME.base} ${FRAME.local} ${FRAME.float} ${FRAME.vector} ${FRAME.operand}`,
  ];
  for (const [op, { name }] of instructions) lines.push(`${name} ${costOf(op)}`);
  return `${lines.join("\n")}\n`;
}

/** SHA-256 of the table's text. */
export const COSTS_HASH: Hex = `0x${createHash("sha256").update(canonicalText()).digest("hex")}`;
