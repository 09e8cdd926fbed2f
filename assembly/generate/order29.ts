/**
 * Arithmetic modulo the order n of secp256k1 (SEC2 2.4.1), written and proven.
 *
 * A number is 9 digits of 29 bits from 0 up in `u64`, multiplied as P. L. Montgomery does (*Modular
 * multiplication without trial division*, 1985) with R = 2^261.
 *
 * The *weight* of a number bounds its digits: at weight w every digit is at most w * (2^29 - 1), the last at
 * most w * (2^25 - 1). What these functions write has weight 1.
 */
import type { Source } from "./generate.ts";
import {
  added,
  at,
  type Interval,
  type Kernel,
  multiplied,
  number,
  scaled,
  scaleInterval,
  type Term,
  type Workshop,
  workshop,
} from "./interval.ts";
import { carryAll, spread } from "./p29.ts";

const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
/** 2^256 - n: what a multiple of 2^256 counts. */
const COMPLEMENT = (1n << 256n) - N;

const DIGITS = 9;
const BITS = 29;
const TOP_BITS = 24;
const MASK = (1n << 29n) - 1n;
const INDICES = [...Array(DIGITS).keys()];

const REDUCED: readonly Interval[] = INDICES.map((i) => ({
  lo: 0n,
  hi: i < DIGITS - 1 ? MASK : (1n << 25n) - 1n,
}));

/** Digits of what is below 2n: the last one tells whether 2^256 is reached. */
const SETTLED: readonly Interval[] = INDICES.map((i) => ({
  lo: 0n,
  hi: i < DIGITS - 1 ? MASK : 1n << BigInt(TOP_BITS),
}));

/** Pairs of weights that `mul` takes, and with them every lighter pair: their product is at most 4. */
const PRODUCTS = [
  [4n, 1n],
  [2n, 2n],
  [1n, 4n],
] as const;

/** The heaviest number that `add`, `sub`'s first and `settle` take. */
const HEAVIEST = 6n;

/** How many numbers of weight 1 may be accumulated before they are reduced. */
const ACCUMULATED = 1n << 24n;

function digitsOf(value: bigint): bigint[] {
  return INDICES.map((i) =>
    i < DIGITS - 1 ? (value >> BigInt(BITS * i)) & MASK : value >> BigInt(BITS * i),
  );
}

function load(kernel: Kernel, pointer: string, weight: bigint): Term[] {
  return REDUCED.map((range, i) =>
    kernel.input(`${pointer}${i}`, `load<u64>(${pointer}, ${8 * i})`, scaleInterval(range, weight)),
  );
}

/** @throws Error when a digit can leave `promised` */
function store(kernel: Kernel, digits: readonly Term[], promised: readonly Interval[]): void {
  for (const [i, range] of promised.entries()) {
    kernel.store((value) => `store<u64>(r, ${value}, ${8 * i});`, at(digits, i), range);
  }
}

/**
 * `r = a * b / 2^261`.
 *
 * Row by row the lowest digit is cleared by a multiple of n = 2^256 - c. As c has five digits only, the
 * multiple costs five products and a shift; digits may be negative until the last carry.
 *
 * @throws Error when some intermediate can leave its type at these weights
 */
export function multiply(left: bigint, right: bigint, make = workshop): string {
  const kernel = make("mul", "r: usize, a: usize, b: usize", "i64");
  const a = load(kernel, "a", left);
  const b = load(kernel, "b", right);
  const complement = digitsOf(COMPLEMENT);
  const inverse = inverseOf(at(complement, 0));
  const multiples: Term[] = [];
  let sums: readonly Term[] = INDICES.map(() => kernel.constant(0n));
  for (const i of INDICES) {
    const low = kernel.name(`low${i}`, kernel.add(kernel.mul(at(a, i), at(b, 0)), at(sums, 0)));
    const guess = kernel.name(`guess${i}`, kernel.scale(kernel.modulo(low, BITS), inverse));
    const multiple = kernel.name(`multiple${i}`, kernel.modulo(guess, BITS));
    multiples.push(multiple);
    const carry = kernel.divideExactly(kernel.sub(low, kernel.scale(multiple, at(complement, 0))), BITS);
    const columns = INDICES.slice(1).map((j) => {
      const column = kernel.add(kernel.mul(at(a, i), at(b, j)), at(sums, j));
      const factor = at(complement, j);
      const cleared = factor === 0n ? column : kernel.sub(column, kernel.scale(multiple, factor));
      return j === DIGITS - 1 ? kernel.add(cleared, kernel.shiftLeft(multiple, TOP_BITS)) : cleared;
    });
    sums = columns.map((column, j) =>
      kernel.name(`sum${i}_${j}`, j === 0 ? kernel.add(column, carry) : column),
    );
    sums = [...sums, kernel.constant(0n)];
  }
  // The ninth digit is still 0 here: eight columns are left, and the carry of the last of them is its value.
  const carried = carryAll(kernel, "digit", sums);
  const product = multiplied(number(a, BITS), number(b, BITS));
  const cleared = scaled(number(multiples, BITS), N);
  const digits = kernel.boundTop(carried, BITS, added(product, cleared), BITS * DIGITS);
  store(kernel, digits, REDUCED);
  return kernel.text;
}

/** 1 / value modulo 2^29, for an odd value. */
function inverseOf(value: bigint): bigint {
  let inverse = 1n;
  for (let bits = 1; bits < BITS; bits *= 2) inverse = (inverse * (2n - value * inverse)) & MASK;
  return inverse;
}

/** Brings what the last digit counts above 2^256 down as a multiple of 2^256 - n, and carries. */
function fold(kernel: Kernel, exact: readonly Term[]): Term[] {
  const { low, high } = kernel.split(kernel.name("whole", at(exact, DIGITS - 1)), TOP_BITS);
  const top = kernel.name("top", high);
  const complement = digitsOf(COMPLEMENT);
  const folded = [...exact.slice(0, -1), low].map((digit, i) => {
    const factor = at(complement, i);
    return factor === 0n ? digit : kernel.add(digit, kernel.scale(top, factor));
  });
  const digits = kernel.boundTop(carryAll(kernel, "folded", folded), BITS, number(folded, BITS), 0);
  kernel.promise(number(digits, BITS), number(exact, BITS), N);
  return digits;
}

/** `r = a + b`. */
function add(make: Workshop): string {
  const kernel = make("add", "r: usize, a: usize, b: usize", "u64");
  const a = load(kernel, "a", HEAVIEST);
  const b = load(kernel, "b", HEAVIEST);
  const exact = a.map((digit, i) => kernel.add(digit, at(b, i)));
  store(kernel, fold(kernel, exact), REDUCED);
  return kernel.text;
}

/** 4n, each digit at least as large as any digit of weight 1: it borrows from the digit above. */
function spacious(): bigint[] {
  return digitsOf(4n * N).map((digit, i) => digit + (i < DIGITS - 1 ? MASK + 1n : 0n) - (i > 0 ? 1n : 0n));
}

/** `r = a - b`. */
function subtract(make: Workshop): string {
  const kernel = make("sub", "r: usize, a: usize, b: usize", "u64");
  const a = load(kernel, "a", HEAVIEST);
  const b = load(kernel, "b", 1n);
  const space = spacious();
  const exact = a.map((digit, i) => kernel.sub(kernel.add(digit, kernel.constant(at(space, i))), at(b, i)));
  const digits = fold(kernel, exact);
  store(kernel, digits, REDUCED);
  const promised = added(number(a, BITS), scaled(number(b, BITS), -1n));
  kernel.promise(number(digits, BITS), promised, N);
  return kernel.text;
}

/** `r = a` at weight 1, of up to 2^24 numbers added up. */
function reduce(make: Workshop): string {
  const kernel = make("reduce", "r: usize, a: usize", "u64");
  const a = load(kernel, "a", ACCUMULATED);
  const digits = fold(kernel, carryAll(kernel, "sum", a));
  kernel.promise(number(digits, BITS), number(a, BITS), N);
  store(kernel, digits, REDUCED);
  return kernel.text;
}

/**
 * `settle(r, a)`: digits from 0 up, of a number below 2n that is congruent to `a`; the last one is at most
 * 2^24.
 */
function settle(make: Workshop): string {
  const kernel = make("settle", "r: usize, a: usize", "u64");
  const a = load(kernel, "a", HEAVIEST);
  const digits = fold(kernel, carryAll(kernel, "sum", a));
  kernel.promise(number(digits, BITS), number(a, BITS), N);
  if (number(digits, BITS).range.hi >= 2n * N) throw new Error("settle: subtracting n once is not enough");
  store(kernel, digits, SETTLED);
  return kernel.text;
}

/** `r = r + a`, no carries. */
function accumulate(make: Workshop): string {
  const kernel = make("accumulate", "r: usize, a: usize", "u64");
  const r = load(kernel, "r", ACCUMULATED - 1n);
  const a = load(kernel, "a", 1n);
  const promised = REDUCED.map((range) => scaleInterval(range, ACCUMULATED));
  store(
    kernel,
    r.map((digit, i) => kernel.add(digit, at(a, i))),
    promised,
  );
  return kernel.text;
}

function constant(name: string, value: bigint): string {
  return `export const ${name}: usize = memory.data<u64>([${digitsOf(value).join(", ")}], 16);\n`;
}

/** @throws Error when a bound does not hold */
export function order29Sources(make = workshop): Source[] {
  const [mul = "", ...others] = PRODUCTS.map(([left, right]) => multiply(left, right, make));
  if (others.some((other) => other !== mul))
    throw new Error("what was proven is not one and the same multiplication");
  const radix = 1n << BigInt(BITS * DIGITS);
  const text = [
    mul,
    add(make),
    subtract(make),
    reduce(make),
    settle(make),
    accumulate(make),
    spread("u64"),
    constant("ZERO", 0n),
    constant("PLAIN_ONE", 1n),
    constant("ONE", radix % N),
    constant("RADIX_SQUARED", (radix * radix) % N),
  ];
  return [{ name: "order29", text: text.join("\n") }];
}
