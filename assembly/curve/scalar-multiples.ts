/** The odd multiples of the base build, one multiplication at a time. What they are: `odd-multiples.ts`. */
import * as field from "../field/p29";

const ELEMENT: usize = field.ELEMENT;

const MULTIPLES: usize = 8;
/** x, y, beta x */
const ENTRY: usize = 3 * ELEMENT;
const ENTRY_Y: usize = ELEMENT;
const ENTRY_BETA_X: usize = 2 * ELEMENT;

/** The factor that each addition puts on the denominator. */
const FACTORS: usize = memory.data(8 * 40, 16);
/** 2 Q, always over the denominator of the latest multiple. */
const TWICE_X: usize = memory.data(40, 16);
const TWICE_Y: usize = memory.data(40, 16);
const T0: usize = memory.data(40, 16);
const T1: usize = memory.data(40, 16);
const T2: usize = memory.data(40, 16);
const T3: usize = memory.data(40, 16);

/** The first entry, and 2 Q, over the denominator 2 y. */
function startWithDouble(table: usize, x: usize, y: usize): void {
  const slope = T1;
  field.sqr(T0, x);
  field.add(slope, T0, T0);
  field.add(slope, slope, T0);
  field.sqr(T0, y);
  field.add(T0, T0, T0);
  field.add(T2, x, x);
  field.mul(table, T2, T0);
  field.sqr(T0, T0);
  field.add(T0, T0, T0);
  field.reduce(table + ENTRY_Y, T0);
  field.sqr(T2, slope);
  field.sub(T2, T2, table);
  field.subReduced(TWICE_X, T2, table);
  field.sub(T2, table, TWICE_X);
  field.mul(T2, slope, T2);
  field.subReduced(TWICE_Y, T2, table + ENTRY_Y);
}

/** The next entry, 2 Q + entry, and 2 Q again, both over the old denominator times `factor`. */
function addTwice(entry: usize, factor: usize): void {
  const next = entry + ENTRY;
  const slope = T1;
  field.subReduced(factor, TWICE_X, entry);
  field.sub(slope, TWICE_Y, entry + ENTRY_Y);
  field.sqr(T0, factor);
  field.mul(TWICE_X, TWICE_X, T0);
  field.mul(T2, entry, T0);
  field.sub(T3, TWICE_X, T2);
  field.mul(TWICE_Y, TWICE_Y, T3);
  field.sqr(T0, slope);
  field.sub(T0, T0, TWICE_X);
  field.subReduced(next, T0, T2);
  field.sub(T0, TWICE_X, next);
  field.mul(T0, slope, T0);
  field.subReduced(next + ENTRY_Y, T0, TWICE_Y);
}

/** See {@link buildMultiples} of `odd-multiples.ts`. */
export function buildMultiples(table: usize, c: usize, x: usize, y: usize): void {
  startWithDouble(table, x, y);
  for (let i: usize = 0; i < MULTIPLES - 1; i++) addTwice(table + i * ENTRY, FACTORS + i * ELEMENT);
  const last = table + (MULTIPLES - 1) * ENTRY;
  field.mul(last + ENTRY_BETA_X, last, field.BETA);
  // Each entry lacks the factors of all additions after it.
  field.setOne(c);
  for (let i = MULTIPLES - 1; i > 0; ) {
    i--;
    const entry = table + i * ENTRY;
    field.mul(c, c, FACTORS + i * ELEMENT);
    field.sqr(T0, c);
    field.mul(entry, entry, T0);
    field.mul(T0, T0, c);
    field.mul(entry + ENTRY_Y, entry + ENTRY_Y, T0);
    field.mul(entry + ENTRY_BETA_X, entry, field.BETA);
  }
  field.add(T0, y, y);
  field.mul(c, c, T0);
}
