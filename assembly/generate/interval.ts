/**
 * Straight-line integer code that is proven while it is written.
 *
 * A generator builds its kernel out of {@link Term}s. Each operation gives three things at once: the
 * AssemblyScript text, the interval of every value the term can take, and the polynomial over the inputs that
 * it stands for. So the text that runs and the text that was proven cannot differ.
 *
 * - A term whose interval leaves its machine type makes generation throw: no carry can be forgotten, no sum
 *   can wrap.
 * - A stored digit that can leave its promised interval makes generation throw.
 * - {@link Kernel.promise} compares polynomials: the digits written are congruent to the product asked for,
 *   whatever the inputs. With the intervals, that is the whole of correctness.
 */

/** All integers from `lo` to `hi`, both included. */
export type Interval = { readonly lo: bigint; readonly hi: bigint };

/** The machine type that every value of one kernel must fit. */
export type Machine = "i32" | "i64" | "u64";

const RANGES: Readonly<Record<Machine, Interval>> = {
  i32: { lo: -(1n << 31n), hi: (1n << 31n) - 1n },
  i64: { lo: -(1n << 63n), hi: (1n << 63n) - 1n },
  u64: { lo: 0n, hi: (1n << 64n) - 1n },
};

/** Coefficients by monomial: the names of its symbols, sorted, joined with `*`; "" is the constant. */
type Polynomial = ReadonlyMap<string, bigint>;

/** A value of a kernel: how it is written, what it can be, what it stands for. */
export type Term = { readonly text: string; readonly range: Interval; readonly value: Polynomial };

/** The two parts of `a = high * 2^bits + low` with `0 <= low < 2^bits`. */
export type Split = { readonly low: Term; readonly high: Term };

/** The interval `-limit..limit`. */
export function within(limit: bigint): Interval {
  return { lo: -limit, hi: limit };
}

export function scaleInterval({ lo, hi }: Interval, factor: bigint): Interval {
  return factor < 0n ? { lo: hi * factor, hi: lo * factor } : { lo: lo * factor, hi: hi * factor };
}

function productInterval(a: Interval, b: Interval): Interval {
  const corners = [a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi];
  return { lo: corners.reduce(min), hi: corners.reduce(max) };
}

function contains(outer: Interval, inner: Interval): boolean {
  return outer.lo <= inner.lo && inner.hi <= outer.hi;
}

function combine(a: Polynomial, b: Polynomial, factor: bigint): Polynomial {
  const sum = new Map(a);
  for (const [monomial, coefficient] of b) {
    const total = (sum.get(monomial) ?? 0n) + coefficient * factor;
    if (total === 0n) sum.delete(monomial);
    else sum.set(monomial, total);
  }
  return sum;
}

function byName(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function product(a: Polynomial, b: Polynomial): Polynomial {
  const result = new Map<string, bigint>();
  for (const [x, p] of a) {
    for (const [y, q] of b) {
      const monomial = [...x.split("*"), ...y.split("*")].filter(Boolean).toSorted(byName).join("*");
      result.set(monomial, (result.get(monomial) ?? 0n) + p * q);
    }
  }
  return result;
}

/** The number that digits of `bits` bits make, lowest first: no text, for proofs alone. */
export function number(digits: readonly Term[], bits: number): Term {
  let value: Polynomial = new Map();
  let range = { lo: 0n, hi: 0n };
  for (const [index, digit] of digits.entries()) {
    const factor = 1n << BigInt(bits * index);
    value = combine(value, digit.value, factor);
    range = { lo: range.lo + digit.range.lo * factor, hi: range.hi + digit.range.hi * factor };
  }
  return { text: "", range, value };
}

/** `a * b`, of any size: no text, for proofs alone. */
export function multiplied(a: Term, b: Term): Term {
  return { text: "", range: productInterval(a.range, b.range), value: product(a.value, b.value) };
}

/** `a * factor`, of any size: no text, for proofs alone. */
export function scaled(a: Term, factor: bigint): Term {
  return { text: "", range: scaleInterval(a.range, factor), value: combine(new Map(), a.value, factor) };
}

/** `a + b`, of any size: no text, for proofs alone. */
export function added(a: Term, b: Term): Term {
  const range = { lo: a.range.lo + b.range.lo, hi: a.range.hi + b.range.hi };
  return { text: "", range, value: combine(a.value, b.value, 1n) };
}

/** One function of the generated source. */
export class Kernel {
  readonly #name: string;
  readonly #parameters: string;
  readonly #machine: Machine;
  readonly #lines: string[] = [];
  #symbols = 0;

  /** @param parameters as they stand between the parentheses, `"r: usize, a: usize"` */
  constructor(name: string, parameters: string, machine: Machine) {
    this.#name = name;
    this.#parameters = parameters;
    this.#machine = machine;
  }

  /** The function. All that was promised holds, or an operation before would have thrown. */
  get text(): string {
    return `export function ${this.#name}(${this.#parameters}): void {\n${this.#lines.join("\n")}\n}\n`;
  }

  /** A line that takes no part in the proof: a loop's head, a pointer's step. */
  line(text: string): void {
    this.#lines.push(`  ${text}`);
  }

  /** A value from outside, `text`, of which the caller promises `range`. */
  input(name: string, text: string, range: Interval): Term {
    return this.name(name, this.#term(text, range, new Map([[name, 1n]])));
  }

  constant(value: bigint): Term {
    return this.#term(
      value.toString(),
      { lo: value, hi: value },
      value === 0n ? new Map() : new Map([["", value]]),
    );
  }

  /** Gives a term a variable of its own. */
  name(name: string, term: Term): Term {
    this.line(`const ${name}: ${this.#machine} = ${term.text};`);
    return { ...term, text: name };
  }

  add(...terms: readonly Term[]): Term {
    const [first = this.constant(0n), ...rest] = terms;
    return rest.reduce((a, b) => {
      const range = { lo: a.range.lo + b.range.lo, hi: a.range.hi + b.range.hi };
      return this.#term(`${a.text} + ${b.text}`, range, combine(a.value, b.value, 1n));
    }, first);
  }

  sub(a: Term, b: Term): Term {
    const range = { lo: a.range.lo - b.range.hi, hi: a.range.hi - b.range.lo };
    return this.#term(`${a.text} - ${group(b)}`, range, combine(a.value, b.value, -1n));
  }

  mul(a: Term, b: Term): Term {
    const range = productInterval(a.range, b.range);
    // A square is never negative, whatever the corners say.
    const exact = a.text === b.text && range.lo < 0n ? { ...range, lo: 0n } : range;
    return this.#term(`${group(a)} * ${group(b)}`, exact, product(a.value, b.value));
  }

  scale(a: Term, factor: bigint): Term {
    const text = `${group(a)} * ${factor}`;
    return this.#term(text, scaleInterval(a.range, factor), combine(new Map(), a.value, factor));
  }

  shiftLeft(a: Term, bits: number): Term {
    const factor = 1n << BigInt(bits);
    const text = bits === 0 ? a.text : `(${group(a)} << ${bits})`;
    return this.#term(text, scaleInterval(a.range, factor), combine(new Map(), a.value, factor));
  }

  /**
   * Parts a named value at `bits`. The shift rounds toward -infinity for negative values too, so `low` is
   * never negative. The high part becomes a symbol of the proof, and the low part is what is left.
   */
  split(a: Term, bits: number): Split {
    return this.#part(a, bits);
  }

  /** `a modulo 2^bits`, where the rest is of no use. */
  modulo(a: Term, bits: number): Term {
    return this.#part(a, bits).low;
  }

  #part(a: Term, bits: number): Split {
    if (!/^\w+$/.test(a.text)) throw new Error(`${this.#name}: ${a.text} is parted without a name`);
    const shift = BigInt(bits);
    const mask = (1n << shift) - 1n;
    const high = { lo: a.range.lo >> shift, hi: a.range.hi >> shift };
    const low = high.lo === high.hi ? { lo: a.range.lo & mask, hi: a.range.hi & mask } : { lo: 0n, hi: mask };
    this.#symbols += 1;
    const quotient = new Map([[`${a.text}_${bits}_${this.#symbols}`, 1n]]);
    return {
      high: this.#term(`(${a.text} >> ${bits})`, high, quotient),
      low: this.#term(`(${a.text} & ${mask})`, low, combine(a.value, quotient, -(1n << shift))),
    };
  }

  /** `a / 2^bits` of a value that the polynomial shows to be a multiple of `2^bits`. */
  divideExactly(a: Term, bits: number): Term {
    const shift = BigInt(bits);
    const value = new Map<string, bigint>();
    for (const [monomial, coefficient] of a.value) {
      if (coefficient & ((1n << shift) - 1n))
        throw new Error(`${this.#name}: ${a.text} is no multiple of 2^${bits}`);
      value.set(monomial, coefficient >> shift);
    }
    const range = { lo: a.range.lo >> shift, hi: a.range.hi >> shift };
    return this.#term(`((${a.text}) >> ${bits})`, range, value);
  }

  /**
   * The same digits, with more known about the top one than its own sum shows: none below it is negative, so
   * it lies where the whole number does.
   *
   * @param whole a number that is the digits' own times `2^shift`, which is checked
   */
  boundTop(digits: readonly Term[], bits: number, whole: Term, shift: number): Term[] {
    const top = at(digits, digits.length - 1);
    const below = digits.slice(0, -1);
    if (below.some(({ range }) => range.lo < 0n)) throw new Error(`${this.#name}: a digit may be negative`);
    this.promise(scaled(number(digits, bits), 1n << BigInt(shift)), whole);
    const position = BigInt(bits * below.length);
    const least = (whole.range.lo >> BigInt(shift)) - number(below, bits).range.hi;
    const lo = max(top.range.lo, -(-least >> position));
    const hi = min(top.range.hi, whole.range.hi >> (BigInt(shift) + position));
    return [...below, { ...top, range: { lo, hi } }];
  }

  /** Writes a result. @throws Error when it can leave `promised` */
  store(statement: (value: string) => string, term: Term, promised: Interval): void {
    if (!contains(promised, term.range))
      throw new Error(`${this.#name}: ${term.text} ${outside(term.range, promised)}`);
    this.line(statement(term.text));
  }

  /** @throws Error unless `a = b` for all inputs, modulo `modulus` if one is given */
  promise(a: Term, b: Term, modulus?: bigint): void {
    for (const [monomial, coefficient] of combine(a.value, b.value, -1n)) {
      if (modulus === undefined || coefficient % modulus !== 0n) {
        throw new Error(
          `${this.#name}: what is computed differs from what is promised at ${monomial || "the constant"}`,
        );
      }
    }
  }

  #term(text: string, range: Interval, value: Polynomial): Term {
    const allowed = RANGES[this.#machine];
    if (!contains(allowed, range)) throw new Error(`${this.#name}: ${text} ${outside(range, allowed)}`);
    return { text, range, value };
  }
}

/** Makes the kernels of a generator: another one takes its place to show that the proofs are not empty. */
export type Workshop = (name: string, parameters: string, machine: Machine) => Kernel;

export const workshop: Workshop = (name, parameters, machine) => new Kernel(name, parameters, machine);

/** @throws Error where there is none */
export function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`there is no digit ${index}`);
  return item;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** Brackets around anything that is more than one factor. */
function group({ text }: Term): string {
  return /^-?\w+$|^\([^()]*\)$/.test(text) ? text : `(${text})`;
}

function outside(range: Interval, allowed: Interval): string {
  return `is within ${range.lo}..${range.hi}, which leaves ${allowed.lo}..${allowed.hi}`;
}
