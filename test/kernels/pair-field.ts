/** The pair field of one build, called with numbers. */
import { compileEntry, type Target } from "./compile.ts";
import { InnerModule, P } from "./digits.ts";

const ENTRY = `
export * from "./field/pair";
export const heapBase: usize = __heap_base;
`;

export const mod = (value: bigint): bigint => ((value % P) + P) % P;

/** Where {@link Field.words} puts them: the last place but one. */
export const WORDS = 62;

export type Lanes = readonly [bigint, bigint];
/** The pair field of one build, with memory for a few pairs. */
export class Field extends InnerModule {
  /** An integer as words, at a place of their own. */
  words(value: bigint): number {
    return this.writeWords(WORDS, value);
  }

  write(place: number, lanes: Lanes): number {
    for (const lane of [0, 1] as const) this.run("fromWords", this.at(place), lane, this.words(lanes[lane]));
    return this.at(place);
  }

  read(pair: number): Lanes {
    const lane = (index: number): bigint => {
      const words = this.words(0n);
      this.run("toWords", words, pair, index);
      return this.readWords(WORDS);
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
      this.view.setFloat64(this.at(place) + 16 * index + 8 * lane, Number(digit), true);
    }
  }

  digits(place: number, lane: number): readonly bigint[] {
    return [0, 1, 2, 3, 4].map((index) =>
      BigInt(this.view.getFloat64(this.at(place) + 16 * index + 8 * lane, true)),
    );
  }
}

export async function pairField(target: Target): Promise<Field> {
  return new Field(await compileEntry(ENTRY, target));
}
