/**
 * Products modulo p of elements in five 52-bit digits.
 *
 * For digits a, b with |a b| <= 2^103 a product is split exactly by
 *
 *     H = fma(a, b, 1.5 x 2^104)                       a b rounded to a multiple of 2^52, in the low bits of H's pattern
 *     L = fma(a, b, 1.5 x 2^104 - H + 1.5 x 2^52)      what was rounded off, in the low bits of L's pattern
 *
 * so that columns are sums of patterns, and one constant per column takes the patterns of 1.5 x 2^104 and 1.5 x 2^52
 * out again. (The split is that of Emmart, Zheng and Weems, "Faster modular exponentiation using double precision
 * floating point arithmetic on the GPU", ARITH 2018, here for signed digits and rounding to nearest.)
 */
import type { Program, Value } from "./fma.ts";
import { bitsOf, type Range, Unproven } from "./form.ts";

const DIGITS = 5;
/** Columns of a product. What its last part rounds off upwards counts 2^468 and is no column: it is folded at once. */
const COLUMNS = 9;
export const INDICES = [0, 1, 2, 3, 4] as const;
export const RADIX = 1n << 52n;
export const PRIME = 2n ** 256n - 2n ** 32n - 977n;
/** 2^256 modulo p. */
export const FOLD = 2n ** 32n + 977n;

export const HIGH = 1.5 * 2 ** 104;
const LOW = 1.5 * 2 ** 52;
/** Rounds to a multiple of 2^48 when added: the top digit has 48 bits. */
export const TOP = 1.5 * 2 ** 100;

const HALF = 1n << 51n;
const TOP_HALF = 1n << 47n;
/** Kept above every column that is shifted, so that it is not negative: 2^9 in units of the next column. */
const LIFT = 1n << 9n;
/** What is added to a column before a digit is cut off it: the digit then counts from -2^51. */
const LIFTED = HALF + LIFT * RADIX;

/** The digits of what every product and every *Reduced function gives. */
export const REDUCED: readonly Range[] = [HALF, HALF, HALF, HALF, TOP_HALF + 2n ** 40n].map((high) => ({
  low: -high,
  high,
}));

/** The digits of a sum of `count` reduced elements, signs as they come. */
export const sumOf = (count: bigint): readonly Range[] =>
  REDUCED.map(({ low, high }) => ({ low: low * count, high: high * count }));

/** @throws Unproven when there is none: a kernel names all that it uses */
export function nth<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new Unproven(`a kernel lacks part ${index}`);
  return found;
}

export type Digits = readonly [Value, Value, Value, Value, Value];

export function five(value: (index: number) => Value): Digits {
  return [value(0), value(1), value(2), value(3), value(4)];
}

/** The columns of a product before their carries, and what has to be taken out of them again. */
class Columns {
  readonly #program: Program;
  readonly #high: Value;
  readonly #low: Value;
  readonly #sums: (Value | null)[] = Array.from({ length: COLUMNS }, () => null);
  readonly #owed: readonly bigint[];

  /** @param owed what each column starts with */
  constructor(program: Program, owed: readonly bigint[]) {
    this.#program = program;
    this.#high = program.float(HIGH, true);
    this.#low = program.float(LOW, true);
    this.#owed = owed;
  }

  /** Adds a x b to a column, and its H to the one above if there is one; gives H. */
  accumulate(column: number, a: Value, b: Value): Value {
    const program = this.#program;
    const high = program.fma(a, b, this.#high);
    const low = program.fma(a, b, program.add(program.sub(this.#high, high), this.#low));
    this.add(column, low);
    if (column + 1 < COLUMNS) this.add(column + 1, high);
    program.fence();
    return high;
  }

  add(column: number, value: Value): void {
    const before = this.#sums[column] ?? this.#program.bits(nth(this.#owed, column));
    this.#sums[column] = this.#program.addBits(before, value);
  }

  at(column: number): Value {
    return this.#sums[column] ?? this.#program.bits(nth(this.#owed, column));
  }

  set(column: number, value: Value): void {
    this.#sums[column] = value;
  }

  /** Carries what a column has above 52 bits into the next; the column itself stays as it is. */
  carry(column: number): void {
    this.set(
      column + 1,
      this.#program.addBits(this.at(column + 1), this.#program.shiftRight(this.at(column), 52n)),
    );
  }

  /** A column that counts from -bias and is small enough to be a digit, as a float. */
  whole(column: number, bias: bigint): Value {
    const program = this.#program;
    const number = program.addBits(this.at(column), program.bits(bitsOf(LOW) - bias));
    return program.sub(number, program.float(LOW));
  }

  /** The lowest 52 bits of a column, which counts from -2^51, as a float. */
  digit(column: number): Value {
    const program = this.#program;
    return program.sub(
      program.overMagic(program.lowBits(this.at(column), 52n)),
      program.float(2 ** 52 + 2 ** 51),
    );
  }
}

/**
 * What the columns start with: minus the patterns of the magic numbers, plus half a digit and the lift where a digit is
 * cut off, minus the lift that arrives from the column below.
 */
function starts(parts: readonly Part[]): readonly bigint[] {
  const owed = Array.from({ length: COLUMNS }, () => 0n);
  const pay = (column: number, value: bigint): void => {
    owed[column] = (owed[column] ?? 0n) + value;
  };
  const product = (column: number): void => {
    pay(column, -bitsOf(LOW));
    if (column + 1 < COLUMNS) pay(column + 1, -bitsOf(HIGH));
  };
  for (const { column } of parts) product(column);
  for (const index of [0, 0, 1, 2]) product(index);
  for (const column of [0, 3, 4]) pay(column, -bitsOf(LOW));
  for (const column of [0, 1, 2, 5, 6, 7]) {
    pay(column, LIFTED);
    pay(column + 1, -LIFT);
  }
  pay(3, LIFTED);
  pay(4, TOP_HALF + LIFT * RADIX);
  pay(8, LIFTED);
  return owed;
}

/**
 * Puts all that counts 2^256 or more back into columns 0 to 4, through 2^260 = 2^4 FOLD and 2^256 = FOLD modulo p.
 *
 * The parts that are known early go first, so that little is left to do once the carries of columns 5 to 8 are made.
 *
 * @param ninth what counts 2^468, times 2^52
 * @returns what column 4 counts from after this
 */
function fold(program: Program, columns: Columns, ninth: Value): bigint {
  const low = program.float(LOW);
  program.remark("what counts 2^468 returns to column 4; what of that passes 2^256 returns to column 0");
  const top = program.float(TOP);
  const scaled = program.float(Number(FOLD << 4n) * 2 ** -52);
  const past = program.fma(ninth, scaled, top);
  columns.add(4, program.fma(ninth, scaled, program.add(program.sub(top, past), low)));
  columns.accumulate(0, program.sub(past, top), program.float(Number(FOLD) * 2 ** -48));
  program.remark(
    "what column 4 holds above 2^256, but for the little that it still gets, returns to column 0",
  );
  const whole = program.shiftRight(columns.at(4), 48n);
  const above = program.sub(program.addBits(whole, program.bits(bitsOf(LOW) - (LIFT << 4n))), low);
  columns.set(4, program.lowBits(columns.at(4), 48n));
  columns.add(0, program.fma(above, program.float(Number(FOLD)), low));
  program.remark(
    "columns 5 to 8 become digits, which return to columns 0 to 3; what is left above them to column 4",
  );
  const factor = program.float(Number(FOLD << 4n), true);
  for (const column of [5, 6, 7]) columns.carry(column);
  for (const index of [0, 1, 2, 3]) columns.accumulate(index, columns.digit(DIGITS + index), factor);
  const carry = program.addBits(program.shiftRight(columns.at(8), 52n), program.bits(bitsOf(LOW) - LIFT));
  columns.add(4, program.fma(program.sub(carry, low), factor, low));
  return TOP_HALF + bitsOf(HIGH) + bitsOf(LOW);
}

/** Two digits to be multiplied, and the column they count in. The last of a product is that of the highest column. */
type Part = { readonly left: Value; readonly right: Value; readonly column: number };

const PLACES = INDICES.flatMap((i) => INDICES.map((j) => ({ i, j }))).sort(
  (x, y) => x.i + x.j - (y.i + y.j) || x.i - y.i,
);

export const productParts = (a: Digits, b: Digits): readonly Part[] =>
  PLACES.map(({ i, j }) => ({ left: a[i], right: b[j], column: i + j }));

export function squareParts(program: Program, a: Digits): readonly Part[] {
  const twice = five((index) => (index < 4 ? program.add(nth(a, index), nth(a, index)) : a[4]));
  return PLACES.filter(({ i, j }) => i <= j).map(({ i, j }) => ({
    left: i < j ? twice[i] : a[i],
    right: a[j],
    column: i + j,
  }));
}

/**
 * The sum of the parts, reduced.
 *
 * @param lastCarries how many of the four carries at the end are made; tests show that fewer are refused
 */
export function multiply(program: Program, parts: readonly Part[], lastCarries: number): Digits {
  program.remark("the columns of the product");
  const columns = new Columns(program, starts(parts));
  const highs = parts.map(({ left, right, column }) => columns.accumulate(column, left, right));
  const bias = fold(program, columns, program.sub(nth(highs, highs.length - 1), program.float(HIGH)));
  program.remark("the last carries");
  for (const column of INDICES.slice(0, lastCarries)) columns.carry(column);
  const third = lastCarries === 4 ? columns.digit(3) : columns.whole(3, LIFTED);
  const top = columns.whole(4, bias + (lastCarries === 4 ? LIFT : 0n));
  return [columns.digit(0), columns.digit(1), columns.digit(2), third, top];
}
