/**
 * Straight-line f64x2 / i64x2 programs that carry their own proof.
 *
 * Whoever writes a kernel builds one graph of operations; the text and the proof both come from it. Every value carries
 *
 * - an interval: all that it can be, for every input inside the promised intervals;
 * - a linear form: what it is, exactly, over the input digits, their products, and the integers that roundings and
 *   shifts have cut off.
 *
 * An operation is refused where its result would not be what the form says: a float that is not an exact integer
 * multiple of its grain below 2^53 of them and does not round within one binade either, a bit pattern that leaves its
 * binade, a column that is negative where it is shifted. At the end the form of the result must equal, modulo p, the
 * form that was asked for, and every digit must lie inside the promised interval. What is left is machine arithmetic
 * that equals integer arithmetic: relaxed_madd must be fused, which the loader's self-test shows at every start.
 */

import {
  addForms,
  binadeOf,
  bitsOf,
  type Form,
  FRACTION,
  grain,
  type Interval,
  keyOf,
  magnitude,
  minus,
  multiplyForms,
  POWERS,
  pattern,
  plus,
  type Range,
  scale,
  scaled,
  show,
  times,
  Unproven,
  unit,
} from "./form.ts";

/** One v128 value of the program. `bits` when the program means the 64-bit patterns, `float` when it means the numbers. */
export type Value = {
  readonly kind: "float" | "bits";
  readonly text: string;
  readonly form: Form;
  readonly interval: Interval;
};

/** 128-bit constants, both lanes the same, in one table of memory: V8 builds a v128.const anew at every use. */
export class Constants {
  readonly #name: string;
  readonly #offsets = new Map<bigint, number>();

  constructor(name: string) {
    this.#name = name;
  }

  /** Text that loads a constant, given as a pattern of 64 bits. */
  load(bits: bigint): string {
    const wrapped = BigInt.asUintN(64, bits);
    const offset = this.#offsets.get(wrapped) ?? 16 * this.#offsets.size;
    this.#offsets.set(wrapped, offset);
    return `v128.load(${this.#name}, ${offset})`;
  }

  /** The table itself. */
  get text(): string {
    const words = [...this.#offsets.keys()].flatMap((bits) => [
      `0x${bits.toString(16)}`,
      `0x${bits.toString(16)}`,
    ]);
    return `const ${this.#name}: usize = memory.data<u64>([\n  ${words.join(",\n  ")},\n], 16);\n`;
  }
}

/** One program: straight-line text that grows with the graph. */
export class Program {
  readonly #constants: Constants;
  readonly #lines: string[] = [];
  /** What is known of forms without their constant, because a rounding or a shift made them so. */
  readonly #facts = new Map<string, Interval>();
  readonly #cuts = new Map<string, string>();
  #symbols = 0;

  constructor(constants: Constants) {
    this.#constants = constants;
  }

  /** The lines of the program so far. */
  get text(): string {
    return this.#lines.map((line) => `  ${line}\n`).join("");
  }

  /**
   * Keeps what stands above from being calculated later. AssemblyScript's optimizer moves every value down to its use
   * and thereby keeps more of them alive than there are registers, which costs 10 to 20 % of a multiplication; it moves
   * nothing past a branch. V8 takes the branches out again: `r` is the result's address, and never 0.
   */
  fence(): void {
    this.#lines.push("if (!r) return;");
  }

  /** A line above what follows that says what it is for. */
  remark(text: string): void {
    this.#lines.push(`// ${text}`);
  }

  /** An input digit: an integer inside its range. */
  input(symbol: string, text: string, range: Range): Value {
    const form: Form = { constant: 0n, terms: new Map([[symbol, unit(1n)]]) };
    return this.#keep("float", text, form, { low: unit(range.low), high: unit(range.high) });
  }

  /** A float in both lanes; `keep` holds it in a local instead of loading it at each use. */
  float(value: number, keep = false): Value {
    const exact = scaled(value);
    const text = this.#constants.load(bitsOf(value));
    const made = this.#value(
      "float",
      text,
      { constant: exact, terms: new Map() },
      { low: exact, high: exact },
    );
    return keep ? this.#keep(made.kind, made.text, made.form, made.interval) : made;
  }

  /** An integer in both lanes; taken modulo 2^64 by the machine, as it is by the proof. */
  bits(value: bigint): Value {
    const exact = unit(value);
    const text = this.#constants.load(value);
    return this.#value("bits", text, { constant: exact, terms: new Map() }, { low: exact, high: exact });
  }

  add(a: Value, b: Value): Value {
    const form = addForms(this.#numbers(a).form, this.#numbers(b).form, 1n);
    return this.#round(
      `f64x2.add(${a.text}, ${b.text})`,
      form,
      plus(this.#numbers(a).interval, this.#numbers(b).interval),
    );
  }

  sub(a: Value, b: Value): Value {
    const form = addForms(this.#numbers(a).form, this.#numbers(b).form, -1n);
    return this.#round(
      `f64x2.sub(${a.text}, ${b.text})`,
      form,
      minus(this.#numbers(a).interval, this.#numbers(b).interval),
    );
  }

  /** a x b + c, rounded once. */
  fma(a: Value, b: Value, c: Value): Value {
    const [x, y, z] = [this.#numbers(a), this.#numbers(b), this.#numbers(c)];
    const form = addForms(multiplyForms(x.form, y.form), z.form, 1n);
    const text = `f64x2.relaxed_madd(${a.text}, ${b.text}, ${c.text})`;
    return this.#round(text, form, plus(times(x.interval, y.interval), z.interval));
  }

  addBits(a: Value, b: Value): Value {
    const [x, y] = [this.#patterns(a), this.#patterns(b)];
    const text = `i64x2.add(${a.text}, ${b.text})`;
    return this.#keep("bits", text, addForms(x.form, y.form, 1n), plus(x.interval, y.interval));
  }

  subBits(a: Value, b: Value): Value {
    const [x, y] = [this.#patterns(a), this.#patterns(b)];
    const text = `i64x2.sub(${a.text}, ${b.text})`;
    return this.#keep("bits", text, addForms(x.form, y.form, -1n), minus(x.interval, y.interval));
  }

  shiftLeft(a: Value, count: bigint): Value {
    const x = this.#patterns(a);
    const interval = { low: x.interval.low << count, high: x.interval.high << count };
    return this.#keep("bits", `i64x2.shl(${a.text}, ${count})`, scale(x.form, 1n << count, 1n), interval);
  }

  /** The integer above the lowest `count` bits. @throws Unproven unless 0 <= a < 2^64 */
  shiftRight(a: Value, count: bigint): Value {
    const x = this.#patterns(a);
    if (x.interval.low < 0n || x.interval.high >= unit(1n << 64n)) {
      throw new Unproven(`shifted value is in ${show(x.interval)}, not in 0 .. 2^64 - 1`);
    }
    const whole = (value: bigint): bigint => (value >> (FRACTION + count)) << FRACTION;
    const interval = { low: whole(x.interval.low), high: whole(x.interval.high) };
    return this.#keep("bits", `i64x2.shr_u(${a.text}, ${count})`, this.#above(x, count), interval);
  }

  /** The lowest `count` bits. */
  lowBits(a: Value, count: bigint): Value {
    const x = this.#patterns(a);
    const above = scale(this.#above(x, count), 1n << count, 1n);
    const interval = { low: 0n, high: unit((1n << count) - 1n) };
    const text = `v128.and(${a.text}, ${this.bits((1n << count) - 1n).text})`;
    return this.#keep("bits", text, addForms(x.form, above, -1n), interval);
  }

  /** The float 2^52 + a. @throws Unproven unless 0 <= a < 2^52 */
  overMagic(a: Value): Value {
    const x = this.#patterns(a);
    if (x.interval.low < 0n || x.interval.high >= unit(1n << 52n)) {
      throw new Unproven(`joined value is in ${show(x.interval)}, not in 0 .. 2^52 - 1`);
    }
    const magic = this.bits(pattern(52));
    const text = `v128.or(${a.text}, ${magic.text})`;
    return this.#keep("bits", text, addForms(x.form, magic.form, 1n), plus(x.interval, magic.interval));
  }

  /** @throws Unproven when the number can leave its range, or be no integer */
  mustFit(value: Value, { low, high }: Range): void {
    const { interval, form } = this.#numbers(value);
    if ([form.constant, ...form.terms.values()].some((factor) => factor % unit(1n) !== 0n)) {
      throw new Unproven("a result is no integer");
    }
    if (interval.low < unit(low) || interval.high > unit(high)) {
      throw new Unproven(`a result is in ${show(interval)}, promised [${low}, ${high}]`);
    }
  }

  /** The sum of digits x radix^index. */
  weigh(digits: readonly Value[], radix: bigint): Form {
    return digits.reduceRight<Form>(
      (sum, digit) => addForms(scale(sum, radix, 1n), this.#numbers(digit).form, 1n),
      { constant: 0n, terms: new Map() },
    );
  }

  /** @throws Unproven unless both are the same modulo the modulus, whatever the symbols are */
  mustEqual(a: Form, b: Form, modulus: bigint): void {
    const { constant, terms } = addForms(a, b, -1n);
    for (const [symbol, factor] of [["1", constant] as const, ...terms]) {
      if (factor % unit(modulus) !== 0n) throw new Unproven(`results differ by a multiple of ${symbol}`);
    }
  }

  #value(kind: Value["kind"], text: string, form: Form, interval: Interval): Value {
    const known = this.#facts.get(keyOf(form));
    if (!known) return { kind, text, form, interval };
    const low = known.low + form.constant;
    const high = known.high + form.constant;
    const narrowed = {
      low: low > interval.low ? low : interval.low,
      high: high < interval.high ? high : interval.high,
    };
    return { kind, text, form, interval: narrowed };
  }

  #keep(kind: Value["kind"], text: string, form: Form, interval: Interval): Value {
    const name = `t${this.#lines.length}`;
    this.#lines.push(`const ${name} = ${text};`);
    return this.#value(kind, name, form, interval);
  }

  #symbol(): string {
    this.#symbols += 1;
    return `k${this.#symbols}`;
  }

  /** A float result: exact when enough bits are there, else rounded within one binade, the rest cut off as a symbol. */
  #round(text: string, form: Form, wide: Interval): Value {
    const { interval } = this.#value("float", "", form, wide);
    const grains = [form.constant, ...form.terms.values()].map(grain).filter((each) => each !== null);
    const finest = grains.reduce((least, each) => (each < least ? each : least), unit(1n << 200n));
    if (magnitude(interval) <= finest << 53n) return this.#keep("float", text, form, interval);
    const exponent = binadeOf(interval);
    if (exponent === null)
      throw new Unproven(`float in ${show(interval)} is neither exact nor within one binade`);
    const last = (POWERS[exponent] ?? 0n) >> 52n;
    if (finest >= last) return this.#keep("float", text, form, interval);
    const symbol = this.#symbol();
    const beyond = ((form.constant % last) + last) % last;
    const constant = form.constant - beyond;
    const floor = (value: bigint): bigint => (value >= 0n ? value / last : -((last - 1n - value) / last));
    const lowest = -floor(-(interval.low - constant - (last >> 1n)));
    const highest = floor(interval.high - constant + (last >> 1n));
    const rounded: Form = { constant, terms: new Map([[symbol, last]]) };
    const rest = addForms({ constant: 0n, terms: form.terms }, { constant: 0n, terms: rounded.terms }, -1n);
    this.#facts.set(keyOf(rest), { low: -(last >> 1n) - beyond, high: (last >> 1n) - beyond });
    const reach = { low: constant + lowest * last, high: constant + highest * last };
    return this.#keep("float", text, rounded, reach);
  }

  /** An integer without its lowest bits: a symbol, about which is noted what the lowest bits can be. */
  #above({ text, form, interval }: Value, count: bigint): Form {
    const whole = (value: bigint): bigint => value >> (FRACTION + count);
    if (whole(interval.low) === whole(interval.high)) {
      return { constant: whole(interval.low) << FRACTION, terms: new Map() };
    }
    const key = `${text}>>${count}`;
    const symbol = this.#cuts.get(key) ?? this.#symbol();
    this.#cuts.set(key, symbol);
    const rest = addForms(form, { constant: 0n, terms: new Map([[symbol, unit(1n << count)]]) }, -1n);
    this.#facts.set(keyOf(rest), { low: -form.constant, high: unit((1n << count) - 1n) - form.constant });
    return { constant: 0n, terms: new Map([[symbol, unit(1n)]]) };
  }

  /** The same value, meant as a number. @throws Unproven when its bits are not those of one positive binade */
  #numbers(value: Value): Value {
    if (value.kind === "float") return value;
    const { low, high } = value.interval;
    const exponent = Number(low >> (FRACTION + 52n)) - 1023;
    if (exponent < -1000 || exponent > 1000 || high > unit(pattern(exponent + 1))) {
      throw new Unproven(`bits in ${show(value.interval)} are no floats of one binade`);
    }
    const base: Form = { constant: unit(pattern(exponent)), terms: new Map() };
    const [up, down] = exponent >= 52 ? [1n << BigInt(exponent - 52), 1n] : [1n, 1n << BigInt(52 - exponent)];
    const offset = scale(addForms(value.form, base, -1n), up, down);
    const constant = offset.constant + unit(1n << BigInt(exponent));
    const number = (bits: bigint): bigint =>
      ((bits - base.constant) * up) / down + unit(1n << BigInt(exponent));
    const interval = { low: number(low), high: number(high) };
    return { kind: "float", text: value.text, form: { constant, terms: offset.terms }, interval };
  }

  /** The same value, meant as its bits. @throws Unproven when the floats are not all of one positive binade */
  #patterns(value: Value): Value {
    if (value.kind === "bits") return value;
    const exponent = binadeOf(value.interval);
    if (exponent === null) throw new Unproven(`floats in ${show(value.interval)} are not of one binade`);
    const first = POWERS[exponent] ?? 0n;
    const [up, down] = exponent >= 52 ? [1n, 1n << BigInt(exponent - 52)] : [1n << BigInt(52 - exponent), 1n];
    const offset = scale(addForms(value.form, { constant: first, terms: new Map() }, -1n), up, down);
    const bits = (number: bigint): bigint => ((number - first) * up) / down + unit(pattern(exponent));
    const form: Form = { constant: offset.constant + unit(pattern(exponent)), terms: offset.terms };
    const interval = { low: bits(value.interval.low), high: bits(value.interval.high) };
    return { kind: "bits", text: value.text, form, interval };
  }
}
