/**
 * The 3-isogeny from E': y^2 = x^3 + A' x + B', which the simplified SWU map reaches, to secp256k1, whose own
 * A is 0.
 *
 * Source: RFC 9380, 8.7 and E.1. E' has as many points as secp256k1, a prime number: no point of order 3, so
 * that neither denominator is ever zero on it.
 */
import * as field from "../field/p29";

const ELEMENT: usize = field.ELEMENT;

/** k_(1,i) of E.1, highest power first */
const X_NUMERATOR: usize = memory.data<u64>(
  [
    0x8e38e38daaaaa88c, 0x38e38e38e38e38e3, 0xe38e38e38e38e38e, 0x8e38e38e38e38e38,
    0x4ecbd0b53d9dd262, 0xe4506144037c4031, 0xe2a413deca25caec, 0x534c328d23f234e6,
    0xdfff1044f17c6581, 0xd595d2fc0bf63b92, 0xb9f315cea7fd44c5, 0x07d3d4c80bc321d5,
    0x8e38e38daaaaa8c7, 0x38e38e38e38e38e3, 0xe38e38e38e38e38e, 0x8e38e38e38e38e38,
  ],
  16,
);
/** k_(2,i) of E.1, highest power first */
const X_DENOMINATOR: usize = memory.data<u64>(
  [
    0x0000000000000001, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000,
    0xc52a56612a8c6d14, 0x06d36b641f5e41bb, 0xf7c4b2d51b542254, 0xedadc6f64383dc1d,
    0x9fe6b745781eb49b, 0x86cd409542f8487d, 0x9ca34ccbb7b640dd, 0xd35771193d94918a,
  ],
  16,
);
/** k_(3,i) of E.1, highest power first */
const Y_NUMERATOR: usize = memory.data<u64>(
  [
    0x84bda12f38e38d84, 0xbda12f684bda12f6, 0xa12f684bda12f684, 0x2f684bda12f684bd,
    0xa765e85a9ecee931, 0x722830a201be2018, 0x715209ef6512e576, 0x29a6194691f91a73,
    0xdffc90fc201d71a3, 0x647ab046d686da6f, 0xa9d0a54b12a0a6d5, 0xc75e0c32d5cb7c0f,
    0xa12f684b8e38e23c, 0x2f684bda12f684bd, 0x684bda12f684bda1, 0x4bda12f684bda12f,
  ],
  16,
);
/** k_(4,i) of E.1, highest power first */
const Y_DENOMINATOR: usize = memory.data<u64>(
  [
    0x0000000000000001, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000,
    0xa7bf8192bfd2a76f, 0x0a3d21162f0d6299, 0xf3a70c3fa8fe337e, 0x6484aa716545ca2c,
    0xdfb425d2685c2573, 0x9467c1bfc8e8d978, 0xd5e9e6632722c298, 0x7a06534bb8bdb49f,
    0xfffffffefffff93b, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff,
  ],
  16,
);

const TERM: usize = memory.data(40, 16);
const NUMERATOR: usize = memory.data(40, 16);
const X_BELOW: usize = memory.data(40, 16);
const Y_BELOW: usize = memory.data(40, 16);
const SQUARE: usize = memory.data(40, 16);

/** r = the polynomial at x (Horner); weight 2 */
function evaluate(r: usize, x: usize, coefficients: usize, count: i32): void {
  field.fromWords(r, coefficients);
  for (let i: usize = 1; i < <usize>count; i++) {
    field.mul(r, r, x);
    field.fromWords(TERM, coefficients + (i << 5));
    field.add(r, r, TERM);
  }
}

/**
 * The image of (x, y), a point of E', as a Jacobian point with Z = x_den y_den and no inversion.
 *
 * @param r X, Y and Z, each of weight 1; the caller sets the flag
 * @param x,y elements of weight 1
 */
export function isogeny(r: usize, x: usize, y: usize): void {
  evaluate(X_BELOW, x, X_DENOMINATOR, 3);
  evaluate(Y_BELOW, x, Y_DENOMINATOR, 4);
  field.mul(r + 2 * ELEMENT, X_BELOW, Y_BELOW);
  field.mul(SQUARE, Y_BELOW, r + 2 * ELEMENT);
  // X = x_num / x_den Z^2 = x_num y_den Z; Y = y y_num / y_den Z^3 = y y_num x_den Z^2
  evaluate(NUMERATOR, x, X_NUMERATOR, 4);
  field.mul(r, NUMERATOR, SQUARE);
  evaluate(NUMERATOR, x, Y_NUMERATOR, 4);
  field.mul(NUMERATOR, NUMERATOR, y);
  field.mul(NUMERATOR, NUMERATOR, X_BELOW);
  field.sqr(SQUARE, r + 2 * ELEMENT);
  field.mul(r + ELEMENT, NUMERATOR, SQUARE);
}
