/** Digits in the memory of a module under test, and how to draw them. */
import fc from "fast-check";

export const P = 2n ** 256n - 2n ** 32n - 977n;
export const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
export const TOP = 2n ** 256n;

/** A module under test: its inner functions, and the memory above what it uses itself. */
export class InnerModule {
  readonly #exports: WebAssembly.Instance["exports"];
  protected readonly view: DataView;
  readonly #start: number;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    const memory = this.#exports["memory"] as WebAssembly.Memory;
    this.#start = (this.global("heapBase") + 127) & ~127;
    while (memory.buffer.byteLength < this.#start + 8192) memory.grow(1);
    this.view = new DataView(memory.buffer);
  }

  /** Calls an inner function: addresses and counts in, a number or nothing out. */
  run(name: string, ...values: readonly number[]): number {
    const inner = this.#exports[name];
    if (typeof inner !== "function") throw new Error(`the module has no ${name}`);
    return Number(inner(...values));
  }

  global(name: string): number {
    return Number((this.#exports[name] as { value: number }).value);
  }

  /** Address of a place of 128 bytes. */
  at(place: number): number {
    return this.#start + 128 * place;
  }

  writeWords(place: number, value: bigint): number {
    for (let i = 0; i < 4; i++) {
      this.view.setBigUint64(this.at(place) + 8 * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
    }
    return this.at(place);
  }

  readWords(place: number): bigint {
    return [3, 2, 1, 0].reduce(
      (sum, i) => (sum << 64n) + this.view.getBigUint64(this.at(place) + 8 * i, true),
      0n,
    );
  }

  writeElement(place: number, digits: readonly bigint[]): number {
    for (const [i, digit] of digits.entries())
      this.view.setInt32(this.at(place) + 4 * i, Number(digit), true);
    return this.at(place);
  }

  readElement(place: number): bigint[] {
    return Array.from({ length: 9 }, (_, i) => BigInt(this.view.getInt32(this.at(place) + 4 * i, true)));
  }

  writeNumber(place: number, digits: readonly bigint[]): number {
    for (const [i, digit] of digits.entries()) this.view.setBigUint64(this.at(place) + 8 * i, digit, true);
    return this.at(place);
  }

  readNumber(place: number): bigint[] {
    return Array.from({ length: 9 }, (_, i) => this.view.getBigUint64(this.at(place) + 8 * i, true));
  }
}

export function whole(digits: readonly bigint[]): bigint {
  return digits.reduceRight((sum, digit) => (sum << 29n) + digit, 0n);
}

export function modulo(value: bigint, modulus: bigint): bigint {
  return ((value % modulus) + modulus) % modulus;
}

export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let bits = exponent, square = modulo(base, modulus); bits > 0n; bits >>= 1n) {
    if (bits & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** Largest digits of an element at a weight, as `assembly/field/p29.ts` says. */
export function elementLimits(weight: bigint): bigint[] {
  return Array.from({ length: 9 }, (_, i) => weight * (i < 8 ? 2n ** 28n + 2n ** 22n : 2n ** 23n + 8n));
}

/** Largest digits of a number at a weight, as `assembly/field/order.ts` says. */
export function numberLimits(weight: bigint): bigint[] {
  return Array.from({ length: 9 }, (_, i) => weight * (i < 8 ? 2n ** 29n - 1n : 2n ** 25n - 1n));
}

/** Digits at their very limits, just inside them, at zero, and anywhere between. */
function digitsWithin(limits: readonly bigint[], signed: boolean): fc.Arbitrary<bigint[]> {
  const digit = (limit: bigint) =>
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(limit, signed ? -limit : 0n) },
      { weight: 1, arbitrary: fc.constantFrom(0n, 1n, limit - 1n) },
      { weight: 1, arbitrary: fc.bigInt({ min: signed ? -limit : 0n, max: limit }) },
    );
  const same = fc.boolean().map((high) => limits.map((limit) => (high ? limit : signed ? -limit : 0n)));
  return fc.oneof({ weight: 8, arbitrary: fc.tuple(...limits.map(digit)) }, { weight: 1, arbitrary: same });
}

export const element = (weight: bigint): fc.Arbitrary<bigint[]> => digitsWithin(elementLimits(weight), true);
export const number = (weight: bigint): fc.Arbitrary<bigint[]> => digitsWithin(numberLimits(weight), false);

/** 256 bits, with all that lies close to an edge. */
export const words = fc.oneof(
  fc.bigInt({ min: 0n, max: TOP - 1n }),
  fc
    .constantFrom(0n, 1n, 2n, 7n, P, N, TOP, P / 2n, N / 2n, 2n ** 255n, 2n ** 232n, 2n ** 128n)
    .chain((edge) => fc.integer({ min: -3, max: 3 }).map((step) => modulo(edge + BigInt(step), TOP))),
  fc
    .array(fc.constantFrom(0n, 1n, 2n ** 29n - 1n, 2n ** 28n, 2n ** 30n - 1n, 2n ** 32n - 1n), {
      minLength: 9,
      maxLength: 9,
    })
    .map((digits) => modulo(whole(digits), TOP)),
);
