/**
 * Arithmetic modulo p = 2^256 - 2^32 - 977 (SEC2 2.4.1), written and proven.
 *
 * An element is 9 signed digits of 29 bits, `sum of d_i * 2^(29 i)`, the last one of 24 bits. Digits are
 * balanced around zero, which buys two bits of room over digits from 0 up: sums and differences need no
 * carries.
 *
 * The *weight* of an element bounds its digits: at weight w every `|d_i| <= w * REDUCED[i]`. What
 * multiplications and reductions write has weight 1; a sum or a difference weighs as much as both its parts.
 */
import type { Source } from "./generate.ts";
import {
  at,
  type Interval,
  type Kernel,
  multiplied,
  number,
  scaleInterval,
  type Term,
  type Workshop,
  within,
  workshop,
} from "./interval.ts";

const P = (1n << 256n) - (1n << 32n) - 977n;
/**
 * A primitive cube root of unity: the endomorphism (x, y) -> (BETA x, y) multiplies a point by lambda (GLV,
 * Crypto 2001).
 */
const BETA = 0x7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501een;

const DIGITS = 9;
const BITS = 29;
const TOP_BITS = 24;
const MASK = (1n << 29n) - 1n;
const HALF = 1n << 28n;
const TOP_HALF = 1n << 23n;

/** Digits at weight 1. The slack over one half takes the last carry of each kernel, which goes no further. */
const REDUCED: readonly Interval[] = Array.from({ length: DIGITS }, (_, index) =>
  within(index < DIGITS - 1 ? HALF + (1n << 22n) : TOP_HALF + 8n),
);

/** The heaviest element that fits its `i32` digits. */
const HEAVIEST = 7n;

/**
 * 2^261 = 2^37 + 977 * 2^5 modulo p: a digit nine places up counts FOLD_LOW here and 2^FOLD_SHIFT one place
 * up.
 */
const FOLD_LOW = 977n << 5n;
const FOLD_SHIFT = 8;

const INDICES = [...Array(DIGITS).keys()];

function load(kernel: Kernel, pointer: string, weight: bigint): Term[] {
  return REDUCED.map((range, index) =>
    kernel.input(`${pointer}${index}`, `load<i32>(${pointer}, ${4 * index})`, scaleInterval(range, weight)),
  );
}

/** @throws Error when a digit can be heavier than weight 1 */
function storeReduced(kernel: Kernel, digits: readonly Term[]): void {
  for (const [index, range] of REDUCED.entries()) {
    kernel.store((value) => `store<i32>(r, i32(${value}), ${4 * index});`, at(digits, index), range);
  }
}

/** How a digit is parted from its carry. */
type Parting = (kernel: Kernel, name: string, sum: Term, bits: number) => { low: Term; high: Term };

/** The digit is balanced around zero. */
const balanced: Parting = (kernel, name, sum, bits) => {
  const half = kernel.constant(1n << BigInt(bits - 1));
  const { low, high } = kernel.split(kernel.name(name, kernel.add(sum, half)), bits);
  return { low: kernel.sub(low, half), high };
};

/** The digit is from 0 up. */
const floored: Parting = (kernel, name, sum, bits) => kernel.split(kernel.name(name, sum), bits);

/** Column k of a product: every pair of digits that counts `2^(29 k)`. */
type Columns = (kernel: Kernel, column: number) => Term;

function pairs(column: number): (readonly [number, number])[] {
  return INDICES.flatMap((i) => (column - i >= 0 && column - i < DIGITS ? [[i, column - i] as const] : []));
}

function productColumns(a: readonly Term[], b: readonly Term[]): Columns {
  return (kernel, column) => kernel.add(...pairs(column).map(([i, j]) => kernel.mul(at(a, i), at(b, j))));
}

function squareColumns(a: readonly Term[]): Columns {
  return (kernel, column) => {
    const twice = pairs(column).filter(([i, j]) => i < j);
    const square = pairs(column).filter(([i, j]) => i === j);
    const terms = square.map(([i]) => kernel.mul(at(a, i), at(a, i)));
    if (twice.length > 0) {
      const sum = kernel.add(...twice.map(([i, j]) => kernel.mul(at(a, i), at(a, j))));
      terms.unshift(kernel.shiftLeft({ ...sum, text: `(${sum.text})` }, 1));
    }
    return kernel.add(...terms);
  };
}

/**
 * Adds up the 17 columns, folding the 8 upper ones into the lower while they are carried, and returns the 9
 * digits.
 *
 * Two carries run side by side: `upper` from column 9 to 16, `lower` from column 1 to 8. Columns 8 and 0
 * wait: the last one and the fold of the top take them along.
 */
function foldColumns(kernel: Kernel, columns: Columns, part = balanced): Term[] {
  const middle = kernel.name("middle", columns(kernel, DIGITS - 1));
  const digits: Term[] = [];
  let upper: Term[] = [];
  let lower: Term[] = [];
  let shifted: Term[] = [];
  for (let i = 0; i < DIGITS - 1; i++) {
    const column = floored(kernel, `upper${i}`, kernel.add(columns(kernel, DIGITS + i), ...upper), BITS);
    const fold = kernel.name(`fold${i}`, column.low);
    upper = [column.high];
    // The carry comes last: all else is ready before it.
    const sum = kernel.add(columns(kernel, i), ...shifted, kernel.scale(fold, FOLD_LOW), ...lower);
    shifted = [kernel.shiftLeft(fold, FOLD_SHIFT)];
    if (i === 0) {
      digits.push(kernel.name("digit0", sum));
      continue;
    }
    // Digit 1 is balanced when the top has come down onto it.
    const { low, high } = (i === 1 ? floored : part)(kernel, `lower${i}`, sum, BITS);
    digits.push(kernel.name(`digit${i}`, low));
    lower = [high];
  }
  const last = kernel.name("last", kernel.add(...upper));
  const eighth = kernel.add(middle, ...shifted, kernel.scale(last, FOLD_LOW), ...lower);
  const { low, high } = part(kernel, "lower8", eighth, TOP_BITS);
  digits.push(kernel.name("digit8", low));
  // What `last` counts one place further up is 2^(8 + 5) times 2^256.
  const excess = kernel.name(
    "excess",
    kernel.add(high, kernel.shiftLeft(last, FOLD_SHIFT + BITS - TOP_BITS)),
  );
  return foldTop(kernel, digits, excess, part);
}

/**
 * Brings `excess * 2^256 = excess * (2^32 + 977)` down onto the first two digits, and their carry onto the
 * third.
 */
function foldTop(kernel: Kernel, digits: readonly Term[], excess: Term, part: Parting): Term[] {
  const first = part(kernel, "first", kernel.add(kernel.scale(excess, 977n), at(digits, 0)), BITS);
  const second = kernel.add(kernel.shiftLeft(excess, 32 - BITS), at(digits, 1), first.high);
  const { low, high } = part(kernel, "second", second, BITS);
  return [first.low, low, kernel.add(at(digits, 2), high), ...digits.slice(3)];
}

/** @throws Error when some intermediate can leave its type at these weights */
export function multiply(left: bigint, right: bigint, make = workshop): string {
  const kernel = make("mul", "r: usize, a: usize, b: usize", "i64");
  const a = load(kernel, "a", left);
  const b = load(kernel, "b", right);
  const digits = foldColumns(kernel, productColumns(a, b));
  storeReduced(kernel, digits);
  kernel.promise(number(digits, BITS), multiplied(number(a, BITS), number(b, BITS)), P);
  return kernel.text;
}

/** @throws Error when some intermediate can leave its type at this weight */
export function square(weight: bigint, make = workshop): string {
  const kernel = make("sqr", "r: usize, a: usize", "i64");
  const a = load(kernel, "a", weight);
  const digits = foldColumns(kernel, squareColumns(a));
  storeReduced(kernel, digits);
  kernel.promise(number(digits, BITS), multiplied(number(a, BITS), number(a, BITS)), P);
  return kernel.text;
}

/** Digits between the rounds of `sqrTimes`: those that come in, and those from 0 up that a round leaves. */
const BETWEEN: readonly Interval[] = REDUCED.map(({ lo, hi }) => ({ lo, hi: 2n * hi }));

/**
 * Squares `count` times, `count >= 1`.
 *
 * Meanwhile the digits stay out of memory and are not balanced, which saves a fifth. What a round takes, a
 * round leaves.
 */
function squareTimes(make: Workshop): string {
  const kernel = make("sqrTimes", "r: usize, a: usize, count: i32", "i64");
  for (const i of INDICES) kernel.line(`let s${i}: i64 = load<i32>(a, ${4 * i});`);
  kernel.line("for (; count > 0; count--) {");
  const a = BETWEEN.map((range, i) => kernel.input(`a${i}`, `s${i}`, range));
  const squared = foldColumns(kernel, squareColumns(a), floored);
  for (const [i, range] of BETWEEN.entries()) {
    kernel.store((value) => `s${i} = ${value};`, at(squared, i), range);
  }
  kernel.promise(number(squared, BITS), multiplied(number(a, BITS), number(a, BITS)), P);
  kernel.line("}");
  const last = BETWEEN.map((range, i) => kernel.input(`b${i}`, `s${i}`, range));
  const digits = carryOnce(kernel, last);
  storeReduced(kernel, digits);
  kernel.promise(number(digits, BITS), number(last, BITS), P);
  return kernel.text;
}

/** One carry out of every digit at once: enough for sums, whose carries are small. */
function carryOnce(kernel: Kernel, sums: readonly Term[]): Term[] {
  const parts = sums.map((sum, i) => balanced(kernel, `sum${i}`, sum, i < DIGITS - 1 ? BITS : TOP_BITS));
  const top = kernel.name("top", at(parts, DIGITS - 1).high);
  return parts.map(({ low }, i) => {
    const below = parts[i - 1];
    if (!below) return kernel.add(low, kernel.scale(top, 977n));
    return i === 1
      ? kernel.add(low, below.high, kernel.shiftLeft(top, 32 - BITS))
      : kernel.add(low, below.high);
  });
}

type Digitwise = (kernel: Kernel, a: Term, b: Term) => Term;

const sum: Digitwise = (kernel, a, b) => kernel.add(a, b);
const difference: Digitwise = (kernel, a, b) => kernel.sub(a, b);

/**
 * `name(r, a, b)`, each digit for itself: the result weighs as much as both, and only their sum counts in the
 * proof.
 */
function digitwise(make: Workshop, name: string, operation: Digitwise): string {
  const kernel = make(name, "r: usize, a: usize, b: usize", "i32");
  const a = load(kernel, "a", HEAVIEST - 1n);
  const b = load(kernel, "b", 1n);
  for (const [i, range] of REDUCED.entries()) {
    const digit = operation(kernel, at(a, i), at(b, i));
    kernel.store((value) => `store<i32>(r, ${value}, ${4 * i});`, digit, scaleInterval(range, HEAVIEST));
  }
  return kernel.text;
}

/** `name(r, a, b)` with one carry: both may be as heavy as they come, the result has weight 1. */
function carried(make: Workshop, name: string, operation: Digitwise): string {
  const kernel = make(name, "r: usize, a: usize, b: usize", "i64");
  const a = load(kernel, "a", HEAVIEST);
  const b = load(kernel, "b", HEAVIEST);
  const exact = a.map((digit, i) => operation(kernel, digit, at(b, i)));
  const digits = carryOnce(kernel, exact);
  storeReduced(kernel, digits);
  kernel.promise(number(digits, BITS), number(exact, BITS), P);
  return kernel.text;
}

/** `r = a` at weight 1. */
function reduce(make: Workshop): string {
  const kernel = make("reduce", "r: usize, a: usize", "i64");
  const a = load(kernel, "a", HEAVIEST);
  const digits = carryOnce(kernel, a);
  storeReduced(kernel, digits);
  kernel.promise(number(digits, BITS), number(a, BITS), P);
  return kernel.text;
}

/** `r = -a`, as heavy as `a`. */
function negate(make: Workshop): string {
  const kernel = make("negate", "r: usize, a: usize", "i32");
  for (const [i, digit] of load(kernel, "a", HEAVIEST).entries()) {
    const range = scaleInterval(at(REDUCED, i), HEAVIEST);
    kernel.store(
      (value) => `store<i32>(r, ${value}, ${4 * i});`,
      kernel.sub(kernel.constant(0n), digit),
      range,
    );
  }
  return kernel.text;
}

/**
 * `settle(r, a)`: digits from 0 up, of a number below `2^256 + 2^37` that is congruent to `a`.
 *
 * 4p is added first, which makes the heaviest `a` positive.
 */
function settle(make: Workshop): string {
  const kernel = make("settle", "r: usize, a: usize", "i64");
  const a = load(kernel, "a", HEAVIEST);
  const lifted = a.map((digit, i) => {
    if (i === 0) return kernel.add(digit, kernel.constant(-4n * 977n));
    if (i === 1) return kernel.add(digit, kernel.constant(-4n << BigInt(32 - BITS)));
    return i === DIGITS - 1 ? kernel.add(digit, kernel.constant(4n << BigInt(TOP_BITS))) : digit;
  });
  const once = carryAll(kernel, "lifted", lifted);
  const { low, high } = kernel.split(kernel.name("whole", at(once, DIGITS - 1)), TOP_BITS);
  const top = kernel.name("top", high);
  const folded = [...once.slice(0, -1), low].map((digit, i) => {
    if (i === 0) return kernel.add(digit, kernel.scale(top, 977n));
    return i === 1 ? kernel.add(digit, kernel.shiftLeft(top, 32 - BITS)) : digit;
  });
  if (number(folded, BITS).range.hi >= 2n * P) throw new Error("settle: subtracting p once is not enough");
  const digits = carryAll(kernel, "folded", folded);
  for (const [i, digit] of digits.entries()) {
    const range = { lo: 0n, hi: i < DIGITS - 1 ? MASK : 1n << BigInt(TOP_BITS) };
    kernel.store((value) => `store<i32>(r, i32(${value}), ${4 * i});`, digit, range);
  }
  kernel.promise(number(digits, BITS), number(a, BITS), P);
  return kernel.text;
}

/** Carries from the lowest digit to the highest, which keeps what comes to it. */
export function carryAll(kernel: Kernel, name: string, digits: readonly Term[]): Term[] {
  let carry = kernel.constant(0n);
  return digits.map((digit, i) => {
    const sum = kernel.name(`${name}${i}`, kernel.add(digit, carry));
    if (i === digits.length - 1) return sum;
    const { low, high } = kernel.split(sum, BITS);
    carry = high;
    return low;
  });
}

/** Splits 256 bits, four `u64` words, into digits from 0 up, kept as `type`. */
export function spread(type: "i32" | "u64"): string {
  const lines = ["export function spread(r: usize, words: usize): void {"];
  for (let i = 0; i < 4; i++) lines.push(`  const w${i}: u64 = load<u64>(words, ${8 * i});`);
  for (const i of INDICES) {
    const [word, offset] = [Math.floor((BITS * i) / 64), (BITS * i) % 64];
    const low = offset === 0 ? `w${word}` : `(w${word} >> ${offset})`;
    const both = offset + BITS > 64 && word < 3 ? `(${low} | (w${word + 1} << ${64 - offset}))` : low;
    lines.push(`  store<${type}>(r, ${type}(${both} & ${MASK}), ${(type === "i32" ? 4 : 8) * i});`);
  }
  return `${lines.join("\n")}\n}\n`;
}

function constant(name: string, value: bigint): string {
  let rest = value;
  const digits = INDICES.map((i) => {
    const digit = i < DIGITS - 1 ? BigInt.asIntN(BITS, rest) : rest;
    rest = (rest - digit) >> BigInt(BITS);
    return digit;
  });
  return `export const ${name}: usize = memory.data<i32>([${[...digits, 0n].join(", ")}], 16);\n`;
}

/** Pairs of weights that `mul` takes, and with them every lighter pair: their product is at most 15. */
const PRODUCTS = [
  [7n, 2n],
  [5n, 3n],
  [3n, 5n],
  [2n, 7n],
] as const;

/** The heaviest element that `sqr` takes. */
const HEAVIEST_SQUARE = 3n;

/** @throws Error when a bound does not hold */
export function p29Sources(make = workshop): Source[] {
  const [mul = "", ...others] = PRODUCTS.map(([left, right]) => multiply(left, right, make));
  if (others.some((other) => other !== mul))
    throw new Error("what was proven is not one and the same multiplication");
  const text = [
    mul,
    square(HEAVIEST_SQUARE, make),
    squareTimes(make),
    digitwise(make, "add", sum),
    digitwise(make, "sub", difference),
    carried(make, "addReduced", sum),
    carried(make, "subReduced", difference),
    reduce(make),
    negate(make),
    settle(make),
    spread("i32"),
    constant("ONE", 1n),
    constant("SEVEN", 7n),
    constant("BETA", BETA - P),
  ];
  return [{ name: "p29", text: text.join("\n") }];
}
