/**
 * Pairs of elements modulo p in the base build: two elements of assembly/field/p29.ts, one behind the other.
 *
 * Lane l lies at 40 l; a packed element is the element itself. A reduced value has weight 1, a loose one weight 2, so
 * that every bound which the pair field promises is inside of what assembly/generate/p29.ts proves.
 */
import * as p29 from "./p29";

const ELEMENT: usize = 40;

/** Both lanes. */
export const ONE: usize = memory.data(80, 16);
export const SEVEN: usize = memory.data(80, 16);
export const BETA: usize = memory.data(80, 16);
both(ONE, p29.ONE);
both(SEVEN, p29.SEVEN);
both(BETA, p29.BETA);

function both(pair: usize, element: usize): void {
  p29.copy(pair, element);
  p29.copy(pair + ELEMENT, element);
}

export function mul(r: usize, a: usize, b: usize): void {
  p29.mul(r, a, b);
  p29.mul(r + ELEMENT, a + ELEMENT, b + ELEMENT);
}

export function sqr(r: usize, a: usize): void {
  p29.sqr(r, a);
  p29.sqr(r + ELEMENT, a + ELEMENT);
}

export function sqrTimes(r: usize, a: usize, count: i32): void {
  p29.sqrTimes(r, a, count);
  p29.sqrTimes(r + ELEMENT, a + ELEMENT, count);
}

export function add(r: usize, a: usize, b: usize): void {
  p29.add(r, a, b);
  p29.add(r + ELEMENT, a + ELEMENT, b + ELEMENT);
}

export function sub(r: usize, a: usize, b: usize): void {
  p29.sub(r, a, b);
  p29.sub(r + ELEMENT, a + ELEMENT, b + ELEMENT);
}

export function addReduced(r: usize, a: usize, b: usize): void {
  p29.addReduced(r, a, b);
  p29.addReduced(r + ELEMENT, a + ELEMENT, b + ELEMENT);
}

export function subReduced(r: usize, a: usize, b: usize): void {
  p29.subReduced(r, a, b);
  p29.subReduced(r + ELEMENT, a + ELEMENT, b + ELEMENT);
}

const SUM: usize = memory.data(40, 16);

export function sub2Reduced(r: usize, a: usize, b: usize, c: usize): void {
  p29.add(SUM, b, c);
  p29.subReduced(r, a, SUM);
  p29.add(SUM, b + ELEMENT, c + ELEMENT);
  p29.subReduced(r + ELEMENT, a + ELEMENT, SUM);
}

export function reduce(r: usize, a: usize): void {
  p29.reduce(r, a);
  p29.reduce(r + ELEMENT, a + ELEMENT);
}

export function copy(r: usize, a: usize): void {
  p29.copy(r, a);
  p29.copy(r + ELEMENT, a + ELEMENT);
}

export function negate(r: usize, a: usize): void {
  p29.negate(r, a);
  p29.negate(r + ELEMENT, a + ELEMENT);
}

export function swapLanes(r: usize, a: usize): void {
  p29.copy(SUM, a);
  p29.copy(r, a + ELEMENT);
  p29.copy(r + ELEMENT, SUM);
}

export function gather(pair: usize, a: usize, b: usize): void {
  p29.copy(pair, a);
  p29.copy(pair + ELEMENT, b);
}

export function gatherSigned(pair: usize, a: usize, b: usize, negateA: u32, negateB: u32): void {
  if (negateA) p29.negate(pair, a);
  else p29.copy(pair, a);
  if (negateB) p29.negate(pair + ELEMENT, b);
  else p29.copy(pair + ELEMENT, b);
}

export function scatter(pair: usize, a: usize, b: usize): void {
  p29.copy(a, pair);
  p29.copy(b, pair + ELEMENT);
}

@inline
function laneOf(pair: usize, lane: i32): usize {
  return pair + <usize>lane * ELEMENT;
}

export function fromWords(pair: usize, lane: i32, words: usize): void {
  p29.fromWords(laneOf(pair, lane), words);
}

export function toWords(words: usize, pair: usize, lane: i32): void {
  p29.toWords(words, laneOf(pair, lane));
}

export function packWords(element: usize, words: usize): void {
  p29.fromWords(element, words);
}

export function unpackWords(words: usize, element: usize): void {
  p29.toWords(words, element);
}

export function isZero(pair: usize, lane: i32): bool {
  return p29.isZero(laneOf(pair, lane));
}
