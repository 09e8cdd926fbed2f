/**
 * The generator G; odd multiples of it and of 2^128 G, affine, for digits of width 12: a scalar's two 128-bit
 * halves need no endomorphism and share the doublings.
 *
 * G: SEC2 2.4.1.
 */
import * as field from "../field/p29";
import { packElements } from "./chain";
import { AFFINE, double, fromAffine, toAffine } from "./jacobian";

export const GENERATOR_WIDTH: i32 = 12;
/** Entries of one table: the odd multiples below 2^11. */
const ENTRIES: usize = 1 << (GENERATOR_WIDTH - 2);
const TABLE: usize = ENTRIES * AFFINE;

const GENERATOR_X: usize = memory.data<u64>(
  [0x59f2815b16f81798, 0x029bfcdb2dce28d9, 0x55a06295ce870b07, 0x79be667ef9dcbbac],
  16,
);
const GENERATOR_Y: usize = memory.data<u64>(
  [0x9c47d08ffb10d4b8, 0xfd17b448a6855419, 0x5da4fbfc0e1108a8, 0x483ada7726a3c465],
  16,
);

/** Addresses of the two tables. */
let low: usize = 0;
let high: usize = 0;

const POINT: usize = memory.data(128, 16);
/** The step of a level: its number of entries, times two, times the base. */
const STEP: usize = memory.data(80, 16);
const INVERSE: usize = memory.data(40, 16);
const SLOPE: usize = memory.data(40, 16);
const T0: usize = memory.data(40, 16);

/**
 * entry + STEP, to the place of `sum`, of which the x already holds the product of the denominators before.
 * Both points are multiples of one base below 2^12: never equal, never opposite.
 */
function addStep(sum: usize, entry: usize): void {
  field.mul(SLOPE, INVERSE, sum);
  field.sub(T0, entry, STEP);
  field.mul(INVERSE, INVERSE, T0);
  field.sub(T0, entry + field.ELEMENT, STEP + field.ELEMENT);
  field.mul(SLOPE, SLOPE, T0);
  field.sqr(T0, SLOPE);
  field.sub(T0, T0, entry);
  field.subReduced(sum, T0, STEP);
  field.sub(T0, entry, sum);
  field.mul(T0, T0, SLOPE);
  field.subReduced(sum + field.ELEMENT, T0, entry + field.ELEMENT);
}

/** Entries count to 2 count - 1, from the first count ones; they share one inversion (Montgomery's trick). */
function extend(table: usize, count: usize): void {
  const sums = table + count * AFFINE;
  field.setOne(INVERSE);
  for (let i: usize = 0; i < count; i++) {
    field.copy(sums + i * AFFINE, INVERSE);
    field.sub(T0, table + i * AFFINE, STEP);
    field.mul(INVERSE, INVERSE, T0);
  }
  field.inverse(INVERSE, INVERSE);
  for (let i = count; i > 0; ) {
    i--;
    addStep(sums + i * AFFINE, table + i * AFFINE);
  }
}

/** G, affine: x and y, each of weight 1 */
export function setGenerator(r: usize): void {
  field.fromWords(r, GENERATOR_X);
  field.fromWords(r + field.ELEMENT, GENERATOR_Y);
}

/** The odd multiples of the point in the table's first entry. */
function buildTable(table: usize): void {
  fromAffine(POINT, table, table + field.ELEMENT);
  for (let count: usize = 1; count < ENTRIES; count <<= 1) {
    double(POINT, POINT);
    toAffine(STEP, POINT);
    extend(table, count);
  }
}

/**
 * Builds the tables.
 *
 * @param at where: above `__heap_base`, 16-byte aligned; the memory grows if it must
 * @returns the first address after them
 */
export function buildGenerator(at: usize): usize {
  low = at;
  high = at + TABLE;
  const end = high + TABLE;
  const missing = <i32>((end + 0xffff) >> 16) - memory.size();
  if (missing > 0) memory.grow(missing);
  setGenerator(low);
  fromAffine(POINT, low, low + field.ELEMENT);
  for (let i = 0; i < 128; i++) double(POINT, POINT);
  toAffine(high, POINT);
  buildTable(low);
  buildTable(high);
  packElements(low, 4 * ENTRIES);
  return end;
}

/** The affine point d G for an odd digit d > 0 */
@inline
export function lowMultiple(digit: i32): usize {
  return low + (<usize>digit >> 1) * AFFINE;
}

/** The affine point d 2^128 G for an odd digit d > 0 */
@inline
export function highMultiple(digit: i32): usize {
  return high + (<usize>digit >> 1) * AFFINE;
}
