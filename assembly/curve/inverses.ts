/**
 * Inverses modulo n of many numbers by one inversion (Montgomery's trick): all are put in, then all are taken
 * out, the last one first. Not re-entrant.
 *
 * `mul` of the order's field divides by R = 2^261. Numbers are put in plain, s; the product of k of them then
 * is s_1 ... s_k R^(1-k), its inverse by the field is R^2 over that, and what is taken out is R^2 / s.
 */
import * as order from "../field/order";

/** A number and the product of all before. */
export const LINK: usize = 2 * order.NUMBER;

const PRODUCT: usize = memory.data(72, 16);

let end: usize = 0;

/** Starts over, with links at this address: {@link LINK} bytes for each number to come. */
export function openInverses(at: usize): void {
  end = at;
  order.copy(PRODUCT, order.ONE);
}

/** Puts in a number, its words not 0 modulo n. */
export function putInverse(words: usize): void {
  order.spreadWords(end, words);
  order.copy(end + order.NUMBER, PRODUCT);
  order.mul(PRODUCT, PRODUCT, end);
  end += LINK;
}

/** To be called once between the last {@link putInverse} and the first {@link takeInverse}. */
export function invertAll(): void {
  order.inverse(PRODUCT, PRODUCT);
}

/** r = R^2 / s for the last s that is still in. */
export function takeInverse(r: usize): void {
  end -= LINK;
  order.mul(r, PRODUCT, end + order.NUMBER);
  order.mul(PRODUCT, PRODUCT, end);
}
