/** The pair field of one build, called with numbers. */
import { compileEntry, type Target } from "./compile.ts";

export const P = 2n ** 256n - 2n ** 32n - 977n;
const ENTRY = `
export * from "./field/pair";
export const heapBase: usize = __heap_base;
`;

export const mod = (value: bigint): bigint => ((value % P) + P) % P;

export type Lanes = readonly [bigint, bigint];
/** The pair field of one build, with memory for a few pairs. */
export class Field {
  readonly #exports: WebAssembly.Instance["exports"];
  readonly #view: DataView;
  readonly #start: number;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    const memory = this.#exports["memory"] as WebAssembly.Memory;
    this.#start = (this.global("heapBase") + 127) & ~127;
    while (memory.buffer.byteLength < this.#start + 8192) memory.grow(1);
    this.#view = new DataView(memory.buffer);
  }

  run(name: string, ...values: readonly number[]): number {
    const inner = this.#exports[name];
    if (typeof inner !== "function") throw new Error(`the module has no ${name}`);
    return Number(inner(...values));
  }

  global(name: string): number {
    return Number((this.#exports[name] as { value: number }).value);
  }

  at(place: number): number {
    return this.#start + 128 * place;
  }

  /** An integer as words, at a place of their own. */
  words(value: bigint): number {
    for (const word of [0, 1, 2, 3]) {
      this.#view.setBigUint64(
        this.at(63) - 64 + 8 * word,
        BigInt.asUintN(64, value >> BigInt(64 * word)),
        true,
      );
    }
    return this.at(63) - 64;
  }

  readWords(at: number): bigint {
    return [3, 2, 1, 0].reduce(
      (sum, word) => (sum << 64n) | this.#view.getBigUint64(at + 8 * word, true),
      0n,
    );
  }

  write(place: number, lanes: Lanes): number {
    for (const lane of [0, 1] as const) this.run("fromWords", this.at(place), lane, this.words(lanes[lane]));
    return this.at(place);
  }

  read(pair: number): Lanes {
    const lane = (index: number): bigint => {
      const words = this.words(0n);
      this.run("toWords", words, pair, index);
      return this.readWords(words);
    };
    return [lane(0), lane(1)];
  }

  /** r = name(a, b, ...), read as numbers. */
  call(name: string, ...inputs: readonly Lanes[]): Lanes {
    const places = inputs.map((lanes, index) => this.write(index + 1, lanes));
    this.run(name, this.at(0), ...places);
    return this.read(this.at(0));
  }

  /** Digits of the fused build. */
  setDigits(place: number, lane: number, digits: readonly bigint[]): void {
    for (const [index, digit] of digits.entries()) {
      this.#view.setFloat64(this.at(place) + 16 * index + 8 * lane, Number(digit), true);
    }
  }

  digits(place: number, lane: number): readonly bigint[] {
    return [0, 1, 2, 3, 4].map((index) =>
      BigInt(this.#view.getFloat64(this.at(place) + 16 * index + 8 * lane, true)),
    );
  }
}

export async function pairField(target: Target): Promise<Field> {
  return new Field(await compileEntry(ENTRY, target));
}
