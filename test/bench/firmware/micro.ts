/** Programs that do one thing only: chains of one instruction, each needing the result of the one before. */
import { answering, bomb, constant, join, repeat } from "../../firmware/bombs.ts";

const I32 = 0x7f;
const I64 = 0x7e;
const F32 = 0x7d;
const F64 = 0x7c;
const V128 = 0x7b;
const END = 0x0b;
/** Links of a chain in one round of the loop. */
const LINKS = 64;
const ROUNDS = 4_000;

/** Local 2 counts rounds; 3 and 4 are the chain and its other operand. */
const [COUNT, CHAIN, OTHER] = [2, 3, 4];
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];

/** Of a type: how the chain begins and what the other operand is. */
const OPERANDS: ReadonlyMap<number, readonly [readonly number[], readonly number[]]> = new Map([
  // those of `run`, which the compiler does not know
  [I32, [get(0), get(1)]],
  [
    I64,
    [
      [...get(0), 0xad],
      [...get(1), 0xad],
    ],
  ],
  [
    F32,
    [
      [0x43, 0, 0, 0xc0, 0x3f],
      [0x43, 0, 0, 0x81, 0x3f],
    ],
  ],
  [
    F64,
    [
      [0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f],
      [0x44, 0, 0, 0, 0, 0, 0x10, 0xf0, 0x3f],
    ],
  ],
  [
    V128,
    [
      [...constant(5), 0xfd, 0x11],
      [...constant(3), 0xfd, 0x11],
    ],
  ],
]);

/** A loop around `link`, over and over, which leaves the chain's next value in its local. */
function chain(type: number, link: readonly number[], more: readonly (readonly number[])[] = []): Uint8Array {
  const [first = [], other = []] = OPERANDS.get(type) ?? [];
  return bomb({
    memory: [2, 2],
    globals: [5],
    table: 2,
    elements: more.map((_, index) => 3 + index),
    more: more.map((code) => ({ code })),
    run: {
      locals: [
        [1, I32],
        [2, type],
      ],
      code: join(
        [...first, ...set(CHAIN), ...other, ...set(OTHER), 0x03, 0x40],
        repeat(link, LINKS),
        [...get(COUNT), ...constant(1), 0x6a, 0x22, COUNT, ...constant(ROUNDS), 0x49, 0x0d, 0, END],
        [...constant(2_048), ...get(CHAIN), ...(STORES.get(type) ?? [])],
        answering(2_048, 16),
      ),
    },
  });
}

const STORES: ReadonlyMap<number, readonly number[]> = new Map([
  [I32, [0x36, 2, 0]],
  [I64, [0x37, 3, 0]],
  [F32, [0x38, 2, 0]],
  [F64, [0x39, 3, 0]],
  [V128, [0xfd, 11, 4, 0]],
]);

const binary = (op: readonly number[]) => [...get(CHAIN), ...get(OTHER), ...op, ...set(CHAIN)];
const unary = (op: readonly number[]) => [...get(CHAIN), ...op, ...set(CHAIN)];
/** Of two dependent instructions, so that neither is folded. */
const pair = (one: readonly number[], two: readonly number[]) => [...binary(one), ...binary(two)];
const simd = (op: number) => [0xfd, ...(op < 128 ? [op] : [(op & 127) | 128, op >> 7])];
const masked = (mask: number) => [...constant(mask), 0x71];

/** By name; each does {@link LINKS} times {@link ROUNDS} links. */
export const MICROS: Readonly<Record<string, Uint8Array>> = {
  "i32.add xor": chain(I32, pair([0x6a], [0x73])),
  "i32.mul": chain(I32, binary([0x6c])),
  "i32.rotl add": chain(I32, pair([0x77], [0x6a])),
  "i32.clz add": chain(I32, [...unary([0x67]), ...binary([0x6a])]),
  "i32.div_u or": chain(I32, [
    ...binary([0x6e]),
    ...get(CHAIN),
    ...constant(0x40000001),
    0x72,
    ...set(CHAIN),
  ]),
  "i64.add xor": chain(I64, pair([0x7c], [0x85])),
  "i64.mul": chain(I64, binary([0x7e])),
  "i64.div_s": chain(I64, [...get(OTHER), ...get(CHAIN), 0x85, ...get(OTHER), 0x7f, ...set(CHAIN)]),
  "i32.load": chain(I32, [...get(CHAIN), ...masked(0x3fc), 0x28, 2, 0, ...set(CHAIN)]),
  "i32.store load": chain(I32, [
    ...[...constant(64), ...get(CHAIN), 0x36, 2, 0],
    ...[...constant(64), 0x28, 2, 0, ...get(OTHER), 0x6a, ...set(CHAIN)],
  ]),
  "global.set get": chain(I32, [...get(CHAIN), ...get(OTHER), 0x6a, 0x24, 0, 0x23, 0, ...set(CHAIN)]),
  "f32.add": chain(F32, binary([0x92])),
  "f32.div": chain(F32, binary([0x95])),
  "f64.add": chain(F64, binary([0xa0])),
  "f64.mul": chain(F64, binary([0xa2])),
  "f64.div": chain(F64, binary([0xa3])),
  "f64.sqrt": chain(F64, [...unary([0x9f]), ...binary([0xa0])]),
  "f64.floor add": chain(F64, [...unary([0x9c]), ...binary([0xa0])]),
  "f64.min": chain(F64, pair([0xa4], [0xa0])),
  "i32 to f64 to i32": chain(I32, [...get(CHAIN), 0xb7, 0xfc, 2, ...get(OTHER), 0x6a, ...set(CHAIN)]),
  "i32.trunc_f64_s": chain(I32, [...get(CHAIN), 0xb7, 0xaa, ...get(OTHER), 0x73, ...set(CHAIN)]),
  "i32x4.add": chain(V128, pair(simd(0xae), simd(0x51))),
  "i32x4.mul": chain(V128, binary(simd(0xb5))),
  "i32x4.dot": chain(V128, binary(simd(0xba))),
  "i64x2.mul": chain(V128, binary(simd(0xd5))),
  "f32x4.mul": chain(V128, pair(simd(0xe6), simd(0xe4))),
  "f64x2.div": chain(V128, binary(simd(0xf3))),
  "f64x2.sqrt": chain(V128, [...unary(simd(0xef)), ...binary(simd(0xf0))]),
  "f32x4.floor": chain(V128, [...unary(simd(0x68)), ...binary(simd(0xe4))]),
  "i8x16.swizzle": chain(V128, binary(simd(0x0e))),
  "i8x16.shl": chain(V128, [
    ...get(CHAIN),
    ...get(COUNT),
    ...simd(0x6b),
    ...get(OTHER),
    ...simd(0x50),
    ...set(CHAIN),
  ]),
  "i8x16.popcnt": chain(V128, [...unary(simd(0x62)), ...binary(simd(0x6e))]),
  "lane out and in": chain(V128, [...get(CHAIN), ...get(CHAIN), 0xfd, 27, 0, 0xfd, 28, 1, ...set(CHAIN)]),
  call: chain(I32, [0x10, 3, ...get(CHAIN), ...get(OTHER), 0x6a, ...set(CHAIN)], [[]]),
  call_indirect: chain(
    I32,
    [...get(CHAIN), ...masked(1), 0x11, 3, 0, ...get(CHAIN), ...get(OTHER), 0x6a, ...set(CHAIN)],
    [[], [0x01]],
  ),
  "br_if that nobody foresees": chain(I32, [
    ...[...get(CHAIN), ...constant(0x41c64e6d), 0x6c, ...constant(12_345), 0x6a, ...set(CHAIN)],
    ...[0x02, 0x40, ...get(CHAIN), ...masked(0x10000), 0x45, 0x0d, 0],
    ...[...get(CHAIN), ...get(OTHER), 0x73, ...set(CHAIN), END],
  ]),
  "br_table that nobody foresees": chain(I32, [
    ...[...get(CHAIN), ...constant(0x41c64e6d), 0x6c, ...constant(12_345), 0x6a, ...set(CHAIN)],
    ...[0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40],
    ...[...get(CHAIN), ...constant(16), 0x76, ...masked(3), 0x0e, 3, 0, 1, 2, 3, END],
    ...[...get(CHAIN), ...constant(7), 0x73, ...set(CHAIN), 0x0c, 2, END],
    ...[...get(CHAIN), ...constant(9), 0x6a, ...set(CHAIN), 0x0c, 1, END],
    ...[...get(CHAIN), ...constant(5), 0x6c, ...set(CHAIN), END],
  ]),
  select: chain(I32, [
    ...[...get(CHAIN), ...get(OTHER), 0x6a, ...get(CHAIN), ...get(OTHER), 0x73],
    ...[...get(CHAIN), ...masked(4), 0x1b, ...set(CHAIN)],
  ]),
  "memory.size": chain(I32, [0x3f, 0, ...get(CHAIN), 0x6a, ...set(CHAIN)]),
  "memory.fill of nothing": chain(I32, [...constant(64), ...get(CHAIN), ...constant(0), 0xfc, 11, 0]),
  "memory.copy of 64": chain(I32, [...constant(64), ...constant(256), ...constant(64), 0xfc, 10, 0, 0]),
  "memory.fill of 4096": chain(I32, [...constant(64), ...get(CHAIN), ...constant(4_096), 0xfc, 11, 0]),
  "table.get": chain(I32, [...constant(0), 0x25, 0, 0xd1, ...get(CHAIN), 0x6a, ...set(CHAIN)], [[]]),
};
