/** Exact numbers, intervals and linear forms: what the proofs of assembly/generate/fma.ts calculate with. */

/** All numbers here are counted in units of 2^-64, so that scaling by a negative power of two stays exact. */
export const FRACTION = 64n;

/** Both ends belong to it; units of 2^-64. */
export type Interval = { readonly low: bigint; readonly high: bigint };

/** constant + sum of coefficient x symbol; units of 2^-64. Every symbol is an integer. */
export type Form = { readonly constant: bigint; readonly terms: ReadonlyMap<string, bigint> };

/** A digit's promised interval, both ends included. */
export type Range = { readonly low: bigint; readonly high: bigint };

/** Thrown when a bound or an identity does not hold. */
export class Unproven extends Error {
  override name = "Unproven";
}

export const unit = (value: bigint): bigint => value << FRACTION;
export const POWERS = Array.from({ length: 1024 }, (_, exponent) => unit(1n << BigInt(exponent)));

/** What the bits of a float mean: the pattern of 2^exponent. */
export const pattern = (exponent: number): bigint => BigInt(1023 + exponent) << 52n;

/** The pattern of a float, as an unsigned integer. */
export function bitsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

/** A finite float as a count of 2^-64. */
export function scaled(value: number): bigint {
  const bits = bitsOf(Math.abs(value));
  const exponent = bits >> 52n;
  const mantissa = exponent === 0n ? bits : (bits & ((1n << 52n) - 1n)) | (1n << 52n);
  const shift = (exponent === 0n ? 1n : exponent) - 1075n + FRACTION;
  if (shift < 0n && mantissa & ((1n << -shift) - 1n)) throw new Unproven(`${value} is finer than 2^-64`);
  const magnitude = shift < 0n ? mantissa >> -shift : mantissa << shift;
  return value < 0 ? -magnitude : magnitude;
}

/** Largest power of two that divides a number; null for zero. */
export const grain = (value: bigint): bigint | null => (value === 0n ? null : value & -value);

export const ZERO: Form = { constant: 0n, terms: new Map() };

/** a + sign * b. */
export function addForms(a: Form, b: Form, sign: bigint): Form {
  const terms = new Map(a.terms);
  for (const [symbol, factor] of b.terms) {
    const sum = (terms.get(symbol) ?? 0n) + sign * factor;
    if (sum === 0n) terms.delete(symbol);
    else terms.set(symbol, sum);
  }
  return { constant: a.constant + sign * b.constant, terms };
}

/** @throws Unproven when the quotient is no whole count of 2^-64 */
function divide(value: bigint, divisor: bigint): bigint {
  if (value % divisor !== 0n) throw new Unproven(`${value} is not a multiple of ${divisor}`);
  return value / divisor;
}

/** form x numerator / denominator. */
export function scale(form: Form, numerator: bigint, denominator: bigint): Form {
  const by = (value: bigint): bigint => divide(value * numerator, denominator);
  return {
    constant: by(form.constant),
    terms: new Map([...form.terms].map(([symbol, factor]) => [symbol, by(factor)])),
  };
}

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Product of two forms; products of symbols become symbols of their own. */
export function multiplyForms(a: Form, b: Form): Form {
  let product = scale(b, a.constant, unit(1n));
  for (const [left, factor] of a.terms) {
    const terms = new Map<string, bigint>([[left, divide(factor * b.constant, unit(1n))]]);
    for (const [right, other] of b.terms) {
      terms.set([left, right].sort(byText).join("*"), divide(factor * other, unit(1n)));
    }
    if (b.constant === 0n) terms.delete(left);
    product = addForms(product, { constant: 0n, terms }, 1n);
  }
  return product;
}

/** The terms of a form without its constant, the same for equal terms. */
export const keyOf = (form: Form): string =>
  [...form.terms]
    .map(([symbol, factor]) => `${symbol}:${factor}`)
    .sort(byText)
    .join(" ");

export const magnitude = ({ low, high }: Interval): bigint => (high > -low ? high : -low);
export const plus = (a: Interval, b: Interval): Interval => ({ low: a.low + b.low, high: a.high + b.high });
export const minus = (a: Interval, b: Interval): Interval => ({ low: a.low - b.high, high: a.high - b.low });

export function times(a: Interval, b: Interval): Interval {
  const corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
  const low = corners.reduce((least, corner) => (corner < least ? corner : least));
  const high = corners.reduce((most, corner) => (corner > most ? corner : most));
  return { low: low >> FRACTION, high: -(-high >> FRACTION) };
}

export const show = ({ low, high }: Interval): string => `[${low >> FRACTION}, ${high >> FRACTION}]`;

/** The one binade [2^e, 2^(e+1)], both ends included, that holds an interval of floats; null when none does. */
export function binadeOf({ low, high }: Interval): number | null {
  const exponent = POWERS.findIndex((power, index) => power <= low && high <= (POWERS[index + 1] ?? 0n));
  return exponent < 0 ? null : exponent;
}
