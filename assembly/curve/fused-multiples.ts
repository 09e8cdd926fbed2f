/**
 * The odd multiples of the fused build: x and y in the lanes of one pair. What they are: `odd-multiples.ts`.
 */
import * as field from "../field/p29";
import * as pair from "../field/pair";
import { doubleLanes } from "./fused-chain";
import { LANE, NEXT, both, join, swap } from "./lanes";

const PAIR: usize = pair.PAIR;
const ELEMENT: usize = pair.ELEMENT;

const MULTIPLES: usize = 8;
/** x, y, beta x */
const ENTRY: usize = 3 * ELEMENT;

/** The multiples, x and y in lanes, each over the denominator of its own time. */
const ENTRIES: usize = memory.data(8 * 80, 16);
/** The factor that each addition puts on the denominator, in lane 0. */
const FACTORS: usize = memory.data(8 * 80, 16);
/** 2 Q, always over the denominator of the latest multiple. */
const TWICE: usize = memory.data(80, 16);
/** The first denominator, 2 y, in both lanes. */
const FIRST: usize = memory.data(80, 16);
const LEFT: usize = memory.data(80, 16);
const RIGHT: usize = memory.data(80, 16);
const T0: usize = memory.data(80, 16);
const T1: usize = memory.data(80, 16);
const WORDS: usize = memory.data(32, 16);

/** (x c^2, y c^3) for c in both lanes */
function scale(point: usize, c: usize): void {
  pair.sqr(T0, c);
  pair.mul(T1, T0, c);
  for (let i: usize = 0; i < PAIR; i += NEXT) v128.store(T0 + i, join(T0 + i, T1 + i));
  pair.mul(point, point, T0);
}

function startWithDouble(x: usize, y: usize): void {
  field.toWords(WORDS, x);
  pair.fromWords(ENTRIES, 0, WORDS);
  field.toWords(WORDS, y);
  pair.fromWords(ENTRIES, 1, WORDS);
  pair.copy(TWICE, ENTRIES);
  pair.copy(FIRST, pair.ONE);
  doubleLanes(TWICE, FIRST);
  for (let i: usize = 0; i < PAIR; i += NEXT) v128.store(FIRST + i, both(FIRST + i + LANE));
  scale(ENTRIES, FIRST);
}

/** The next entry, 2 Q + entry, and 2 Q again, both over the old denominator times `factor`. */
function addTwice(entry: usize, factor: usize): void {
  const next = entry + PAIR;
  pair.subReduced(factor, TWICE, entry);
  pair.sqr(T0, factor);
  for (let i: usize = 0; i < PAIR; i += NEXT) {
    v128.store(LEFT + i, join(TWICE + i, entry + i));
    v128.store(RIGHT + i, both(T0 + i));
  }
  // The old x of both, over the new denominator: W and W'. The next x is slope^2 - W - W'.
  pair.mul(T1, LEFT, RIGHT);
  for (let i: usize = 0; i < PAIR; i += NEXT) {
    const digit = v128.load(T1 + i);
    v128.store(next + i, f64x2.sub(f64x2.sub(swap(v128.load(T0 + i)), digit), swap(digit)));
  }
  pair.reduce(next, next);
  for (let i: usize = 0; i < PAIR; i += NEXT) {
    v128.store(LEFT + i, join(TWICE + i + LANE, factor + i + LANE));
    v128.store(RIGHT + i, f64x2.sub(both(T1 + i), join(T1 + i + LANE, next + i)));
  }
  pair.mul(T0, LEFT, RIGHT);
  for (let i: usize = 0; i < PAIR; i += NEXT) {
    const opposite = f64x2.sub(both(T0 + i + LANE), both(T0 + i));
    v128.store(next + i, v128.shuffle<u64>(v128.load(next + i), opposite, 0, 2));
    v128.store(TWICE + i, join(T1 + i, T0 + i));
  }
  pair.reduce(next, next);
}

/** x, y and beta x of an entry of x and y over the last denominator, packed */
function finish(entry: usize, point: usize): void {
  pair.mul(T0, point, pair.BETA);
  pair.scatter(point, entry, entry + ELEMENT);
  pair.scatter(T0, entry + 2 * ELEMENT, T1);
}

/** See {@link buildMultiples} of `odd-multiples.ts`. */
export function buildMultiples(table: usize, c: usize, x: usize, y: usize): void {
  startWithDouble(x, y);
  for (let i: usize = 0; i < MULTIPLES - 1; i++) addTwice(ENTRIES + i * PAIR, FACTORS + i * PAIR);
  finish(table + (MULTIPLES - 1) * ENTRY, ENTRIES + (MULTIPLES - 1) * PAIR);
  // Each entry lacks the factors of all additions after it.
  pair.copy(c, pair.ONE);
  for (let i = MULTIPLES - 1; i > 0; ) {
    i--;
    const point = ENTRIES + i * PAIR;
    for (let j: usize = 0; j < PAIR; j += NEXT) v128.store(LEFT + j, both(FACTORS + i * PAIR + j));
    pair.mul(c, c, LEFT);
    scale(point, c);
    finish(table + i * ENTRY, point);
  }
  pair.mul(c, c, FIRST);
}
