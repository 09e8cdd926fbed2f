/**
 * Multiplications modulo p: the pair of fused multiply-adds, and nine digits of 29 bits in integers, which was the
 * fastest of the forms in scalar WebAssembly (against 5x52, 8x32, 10x26 and 9x29 with Karatsuba's trick on three parts
 * within a few per cent).
 *
 * Four products that do not wait for each other, again and again: what a kernel has to do at any time.
 */
import { compileEntry } from "../../kernels/compile.ts";
import type { Metric } from "./figures.ts";
import { contender } from "./rounds.ts";

/** Multiplications of one form in one call. */
const COUNT = 4_000;

const ENTRY = `
import * as single from "./field/p29";
import * as pair from "./field/pair";

const FACTOR: usize = memory.data(40, 16);
const SINGLES: usize = memory.data(4 * 48, 16);
const FACTORS: usize = memory.data(80, 16);
const PAIRS: usize = memory.data(4 * 80, 16);
const WORDS: usize = memory.data(32, 16);
const EXPECTED: usize = memory.data(32, 16);

export function begin(): void {
  for (let word: usize = 0; word < 32; word += 8) store<u64>(WORDS + word, 0x9e3779b97f4a7c15 * (word + 1));
  single.fromWords(FACTOR, WORDS);
  for (let lane = 0; lane < 2; lane++) pair.fromWords(FACTORS, lane, WORDS);
  for (let at: usize = 0; at < 4; at++) {
    store<u64>(WORDS, at + 1);
    single.fromWords(SINGLES + 48 * at, WORDS);
    for (let lane = 0; lane < 2; lane++) pair.fromWords(PAIRS + 80 * at, lane, WORDS);
  }
}

export function multiplySingles(count: i32): void {
  for (let i = 0; i < count; i += 4) {
    single.mul(SINGLES, SINGLES, FACTOR);
    single.mul(SINGLES + 48, SINGLES + 48, FACTOR);
    single.mul(SINGLES + 96, SINGLES + 96, FACTOR);
    single.mul(SINGLES + 144, SINGLES + 144, FACTOR);
  }
}

export function multiplyPairs(count: i32): void {
  for (let i = 0; i < count; i += 8) {
    pair.mul(PAIRS, PAIRS, FACTORS);
    pair.mul(PAIRS + 80, PAIRS + 80, FACTORS);
    pair.mul(PAIRS + 160, PAIRS + 160, FACTORS);
    pair.mul(PAIRS + 240, PAIRS + 240, FACTORS);
  }
}

export function agree(): i32 {
  for (let at: usize = 0; at < 4; at++) {
    single.toWords(EXPECTED, SINGLES + 48 * at);
    for (let lane = 0; lane < 2; lane++) {
      pair.toWords(WORDS, PAIRS + 80 * at, lane);
      if (memory.compare(EXPECTED, WORDS, 32) != 0) return 0;
    }
  }
  return 1;
}
`;

type Exports = {
  begin(): void;
  multiplySingles(count: number): void;
  multiplyPairs(count: number): void;
  agree(): number;
};

export async function multiplications(): Promise<Metric> {
  const module = new WebAssembly.Module(await compileEntry(ENTRY, "relaxed"));
  const { exports } = new WebAssembly.Instance(module, {});
  const { begin, multiplySingles, multiplyPairs, agree } = exports as unknown as Exports;
  begin();
  multiplySingles(COUNT);
  multiplyPairs(2 * COUNT);
  if (agree() !== 1) throw new Error("the forms disagree");
  const scalar = "9x29 in integers, scalar";
  return {
    metric: "multiplication modulo p, fused pair",
    unit: "ns",
    ours: contender("fused pair", COUNT, () => multiplyPairs(COUNT)),
    peers: [contender(scalar, COUNT, () => multiplySingles(COUNT))],
    goals: { [scalar]: 1.8 },
  };
}
