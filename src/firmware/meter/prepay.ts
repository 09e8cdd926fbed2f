/** Charging all rounds of a counted loop before it begins. */
import type { Body } from "../wasm/module.ts";
import { VALUE } from "../wasm/types.ts";
import type { Writer } from "../wasm/writer.ts";
import { CODE } from "./code.ts";
import { type Counter, type Trap, writeCheck } from "./counter.ts";
import type { Locals } from "./locals.ts";
import type { CountedLoop } from "./loops.ts";
import type { Prepaid } from "./plan.ts";

/** Where the code goes. */
export type Site = {
  readonly writer: Writer;
  readonly counter: Counter;
  readonly trap: Trap;
  readonly locals: Locals;
  readonly body: Body;
  readonly bytes: Uint8Array;
};

/** What an order compares: its range, and whether the counter rises and stops only beyond the bound. */
type Order = { readonly signed: boolean; readonly up: boolean; readonly inclusive: boolean };

const ORDERS: ReadonlyMap<number, Order> = new Map([
  [CODE.i32LtS, { signed: true, up: true, inclusive: false }],
  [CODE.i32LtU, { signed: false, up: true, inclusive: false }],
  [CODE.i32GtS, { signed: true, up: false, inclusive: false }],
  [CODE.i32GtU, { signed: false, up: false, inclusive: false }],
  [CODE.i32LeS, { signed: true, up: true, inclusive: true }],
  [CODE.i32LeU, { signed: false, up: true, inclusive: true }],
  [CODE.i32GeS, { signed: true, up: false, inclusive: true }],
  [CODE.i32GeU, { signed: false, up: false, inclusive: true }],
]);

/** What the counter becomes before a loop that does not end. */
const ENDLESS = -1;

/**
 * counter -= rounds * round + once, and a trap where that is below zero.
 *
 * The rounds are counted exactly. Let x be the loop's counter at the first evaluation of the condition (in the `until`
 * form that is counter + step, wrapped, and one round has passed by then), b the bound, s the step; all in 32 bits.
 * Then n is the number of evaluations that come out true, and there are n rounds, or n + 1 in the `until` form.
 *
 * An order, rising (falling is its mirror image): s is a power of two. In integers, without wrapping, x + k*s < b holds
 * for k < n = max(0, ceil((b - x) / s)) only; `<=` is `<` of b + 1. If x + n*s is at most the largest number of the
 * range, no wrapping happens until the condition is false, so n is right. Otherwise the numbers that are x modulo s and
 * not below b are all out of the range. Wrapping keeps the counter modulo s, for s divides 2^32, so that the
 * condition is always true: the loop has no other way out and never ends, which is out of fuel under any limit.
 *
 * `!=`: n is the least k >= 0 with x + k*s = b modulo 2^32. Let s = odd * 2^z. If 2^z does not divide b - x there is
 * none, and the loop never ends. Otherwise k = (b - x) / 2^z * odd^-1 modulo 2^(32-z), and its least such value is n.
 *
 * Nothing else leaves the loop but a trap; a run that traps gets its bill from the canonical build.
 */
export function writePrepaid(site: Site, { loop, round, once }: Prepaid): void {
  const { writer, counter } = site;
  const order = ORDERS.get(loop.compare);
  counter.get(writer);
  if (order === undefined) pushDistance(site, loop);
  else pushOrderedRounds(site, loop, order);
  if (loop.form === "until") writer.byte(CODE.i64Const).s32(1).byte(CODE.i64Add);
  writer.byte(CODE.i64Const).s64(round).byte(CODE.i64Mul).byte(CODE.i64Sub);
  if (once > 0) writer.byte(CODE.i64Const).s64(once).byte(CODE.i64Sub);
  if (order === undefined) replaceWhereMissed(site, loop);
  else replaceWhereWrapped(site, loop, order);
  counter.tee(writer);
  writeCheck(writer, site.trap);
}

function pushBound({ writer, locals, body, bytes }: Site, { boundFrom, boundTo }: CountedLoop): void {
  if (boundFrom === boundTo) writer.byte(CODE.i32Const).s32(0);
  for (let i = boundFrom; i < boundTo; i++) {
    if (body.op[i] === CODE.localGet) {
      writer.byte(CODE.localGet).u32(locals.indexOf(body.immediate[i] ?? 0));
    } else writer.bytes(bytes, body.at[i] ?? 0, body.at[i + 1] ?? 0);
  }
}

/** The counter at the first evaluation of the condition. */
function pushFirst({ writer, locals }: Site, { counter, form, step }: CountedLoop): void {
  writer.byte(CODE.localGet).u32(locals.indexOf(counter));
  if (form === "until") writer.byte(CODE.i32Const).s32(step).byte(CODE.i32Add);
}

function canWrap({ step }: CountedLoop, { inclusive }: Order): boolean {
  return inclusive || Math.abs(step) > 1;
}

/** max(0, ceil((b - x) / s)), or of (x - b) / -s where the counter falls. */
function pushOrderedRounds(site: Site, loop: CountedLoop, order: Order): void {
  const { writer, locals } = site;
  const extend = order.signed ? CODE.i64ExtendS : CODE.i64ExtendU;
  const size = Math.abs(loop.step);
  const first = (): void => {
    pushFirst(site, loop);
    writer.byte(extend);
    if (canWrap(loop, order)) writer.byte(CODE.localTee).u32(locals.own("first", VALUE.i64));
  };
  const bound = (): void => {
    pushBound(site, loop);
    writer.byte(extend);
  };
  if (order.up) {
    bound();
    first();
  } else {
    first();
    bound();
  }
  writer.byte(CODE.i64Sub);
  const rounding = size - 1 + (order.inclusive ? 1 : 0);
  if (rounding > 0) writer.byte(CODE.i64Const).s64(rounding).byte(CODE.i64Add);
  if (size > 1) writer.byte(CODE.i64Const).s32(Math.log2(size)).byte(CODE.i64ShrS);
  const rounds = locals.own("rounds", VALUE.i64);
  writer.byte(CODE.localTee).u32(rounds).byte(CODE.i64Const).s32(0);
  writer.byte(CODE.localGet).u32(rounds).byte(CODE.i64Const).s32(0).byte(CODE.i64GtS).byte(CODE.select);
  if (canWrap(loop, order)) writer.byte(CODE.localTee).u32(rounds);
}

/** The operand on top stays where x + n*s is in the range, else it becomes ENDLESS. */
function replaceWhereWrapped({ writer, locals }: Site, loop: CountedLoop, order: Order): void {
  if (!canWrap(loop, order)) return;
  const { signed, up } = order;
  const least = signed ? -(2 ** 31) : 0;
  writer.byte(CODE.i64Const).s32(ENDLESS);
  writer.byte(CODE.localGet).u32(locals.own("first", VALUE.i64));
  writer.byte(CODE.localGet).u32(locals.own("rounds", VALUE.i64));
  writer.byte(CODE.i64Const).s64(loop.step).byte(CODE.i64Mul).byte(CODE.i64Add);
  writer.byte(CODE.i64Const).s64(up ? least + 2 ** 32 - 1 : least);
  writer.byte(up ? CODE.i64LeS : CODE.i64GeS).byte(CODE.select);
}

/** The least k >= 0 with x + k*s = b, where there is one. */
function pushDistance(site: Site, loop: CountedLoop): void {
  const { writer, locals } = site;
  const zeros = trailingZeros(loop.step);
  const inverse = inverseOf(loop.step >> zeros);
  pushBound(site, loop);
  pushFirst(site, loop);
  writer.byte(CODE.i32Sub);
  if (zeros > 0) {
    writer.byte(CODE.localTee).u32(locals.own("distance", VALUE.i32));
    writer.byte(CODE.i32Const).s32(zeros).byte(CODE.i32ShrU);
  }
  if (inverse !== 1) {
    writer.byte(CODE.i32Const).s32(inverse).byte(CODE.i32Mul);
    if (zeros > 0)
      writer
        .byte(CODE.i32Const)
        .s32(2 ** (32 - zeros) - 1)
        .byte(CODE.i32And);
  }
  writer.byte(CODE.i64ExtendU);
}

/** The operand on top stays where the counter meets the bound, else it becomes ENDLESS. */
function replaceWhereMissed({ writer, locals }: Site, { step }: CountedLoop): void {
  const zeros = trailingZeros(step);
  if (zeros === 0) return;
  writer.byte(CODE.i64Const).s32(ENDLESS);
  writer.byte(CODE.localGet).u32(locals.own("distance", VALUE.i32));
  writer
    .byte(CODE.i32Const)
    .s32(2 ** zeros - 1)
    .byte(CODE.i32And);
  writer.byte(CODE.i32Eqz).byte(CODE.select);
}

function trailingZeros(step: number): number {
  return 31 - Math.clz32(step & -step);
}

/** Modulo 2^32, of an odd number, by Newton's iteration: each doubles the bits that are right, of which x has three. */
function inverseOf(odd: number): number {
  let inverse = odd;
  for (let bits = 3; bits < 32; bits *= 2) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return inverse;
}
