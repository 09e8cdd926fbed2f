/**
 * No sum in the curve's formulas is heavier than the field takes.
 *
 * The curve's own sources run here over fields that hold no numbers, only what the real ones promise of their digits. In
 * place of an element modulo p there is its weight. In place of a pair, whose digits the fused formulas also add
 * themselves, there are digits of 1 and -1 at random where the real one is reduced: a sum of k pairs reaches k.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { CurveModule } from "../../kernels/curve-module.ts";

const HERE = resolve(import.meta.dirname, "../../../assembly/curve");

/** What `assembly/field/p29.ts` says each function takes and gives. */
const WEIGHTS = `
let broken: i32 = 0;
export function brokenCalls(): i32 { return broken; }
function demand(holds: bool): void { if (!holds) broken++; }
export function weigh(a: usize, weight: i32): void { store<i32>(a, weight); }
export function weightOf(a: usize): i32 { return load<i32>(a); }
let answer: bool = false;
export function answerWith(yes: bool): void { answer = yes; }
function ask(a: usize): bool { demand(weightOf(a) <= 7); return answer; }
const UNIT: usize = memory.data<i32>([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16);
namespace field {
  export const ELEMENT: usize = 40;
  export const ONE: usize = UNIT;
  export const SEVEN: usize = UNIT;
  export const BETA: usize = UNIT;
  export function mul(r: usize, a: usize, b: usize): void {
    demand(weightOf(a) * weightOf(b) <= 15);
    weigh(r, 1);
  }
  export function sqr(r: usize, a: usize): void {
    demand(weightOf(a) <= 3);
    weigh(r, 1);
  }
  export function add(r: usize, a: usize, b: usize): void {
    const sum = weightOf(a) + weightOf(b);
    demand(sum <= 7);
    weigh(r, sum);
  }
  export function sub(r: usize, a: usize, b: usize): void { add(r, a, b); }
  export function addReduced(r: usize, a: usize, b: usize): void {
    demand(weightOf(a) <= 7 && weightOf(b) <= 7);
    weigh(r, 1);
  }
  export function subReduced(r: usize, a: usize, b: usize): void { addReduced(r, a, b); }
  export function reduce(r: usize, a: usize): void { addReduced(r, a, a); }
  export function inverse(r: usize, a: usize): void { addReduced(r, a, a); }
  export function negate(r: usize, a: usize): void { weigh(r, weightOf(a)); }
  export function copy(r: usize, a: usize): void { weigh(r, weightOf(a)); }
  export function setOne(r: usize): void { weigh(r, 1); }
  export function fromWords(r: usize, words: usize): void { weigh(r, 1); }
  export function toWords(words: usize, a: usize): void { demand(weightOf(a) <= 7); }
  export function isZero(a: usize): bool { return ask(a); }
  export function isOdd(a: usize): bool { return ask(a); }
  export function equal(a: usize, b: usize): bool {
    demand(weightOf(a) + weightOf(b) <= 7);
    return answer;
  }
  export function squareRoot(r: usize, a: usize): bool {
    demand(weightOf(a) <= 1);
    weigh(r, 1);
    return answer;
  }
}
`;

/** What `assembly/field/pair.ts` says: products take one sum of two, reductions a sum of three. */
const SIGNS = `
let broken: i32 = 0;
export function brokenCalls(): i32 { return broken; }
let state: u64 = 88172645463325252;
function random(): u64 {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state >> 32;
}
/** Digits of 1 and -1. */
export function shuffle(r: usize, digits: i32): void {
  for (let i = 0; i < digits; i++) store<f64>(r + (<usize>i << 3), random() & 1 ? 1 : -1);
}
function largest(a: usize): f64 {
  let most: f64 = 0;
  for (let at: usize = 0; at < 80; at += 8) most = max(most, abs(load<f64>(a + at)));
  return most;
}
export function largestOf(a: usize): i32 { return <i32>largest(a); }
function give(r: usize, holds: bool): void {
  if (!holds) broken++;
  shuffle(r, 10);
}
namespace pair {
  export const PAIR: usize = 80;
  export const ELEMENT: usize = 40;
  export const ONE: usize = memory.data<f64>([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 16);
  export const BETA: usize = ONE;
  export function mul(r: usize, a: usize, b: usize): void { give(r, largest(a) * largest(b) <= 2); }
  export function sqr(r: usize, a: usize): void { give(r, largest(a) <= 1); }
  export function reduce(r: usize, a: usize): void { give(r, largest(a) <= 3); }
  export function add(r: usize, a: usize, b: usize): void {
    if (largest(a) > 1 || largest(b) > 1) broken++;
    for (let at: usize = 0; at < 80; at += 16) v128.store(r + at, f64x2.add(v128.load(a + at), v128.load(b + at)));
  }
  export function sub(r: usize, a: usize, b: usize): void {
    if (largest(a) > 1 || largest(b) > 1) broken++;
    for (let at: usize = 0; at < 80; at += 16) v128.store(r + at, f64x2.sub(v128.load(a + at), v128.load(b + at)));
  }
  export function subReduced(r: usize, a: usize, b: usize): void { give(r, largest(a) + largest(b) <= 3); }
  export function sub2Reduced(r: usize, a: usize, b: usize, c: usize): void {
    give(r, largest(a) <= 1 && largest(b) <= 1 && largest(c) <= 1);
  }
  export function copy(r: usize, a: usize): void { memory.copy(r, a, 80); }
  export function isZero(a: usize, lane: i32): bool {
    if (largest(a) > 3) broken++;
    return false;
  }
  export function fromWords(r: usize, lane: i32, words: usize): void {
    for (let at: usize = <usize>lane << 3; at < 80; at += 16) store<f64>(r + at, random() & 1 ? 1 : -1);
  }
  export function toWords(words: usize, a: usize, lane: i32): void { if (largest(a) > 3) broken++; }
  export function packWords(r: usize, words: usize): void { shuffle(r, 5); }
  export function gatherSigned(r: usize, a: usize, b: usize, x: u32, y: u32): void { shuffle(r, 10); }
  export function scatter(a: usize, r: usize, s: usize): void {
    if (largest(a) > 1) broken++;
    shuffle(r, 5);
    shuffle(s, 5);
  }
}
namespace field {
  export function toWords(words: usize, a: usize): void {}
  export function fromWords(r: usize, words: usize): void {}
}
`;

/** A source of the curve over a field of promises; what it imports from `replaced` is written out in `fields`. */
function over(fields: string, name: string, ...replaced: readonly string[]): string {
  const source = readFileSync(resolve(HERE, `${name}.ts`), "utf8")
    .replace(/^import [^;]*"\.\.\/field\/(?:p29|pair)";$/gm, "")
    .replace(/^import [^;]*;$/gm, (line) =>
      replaced.some((each) => line.includes(`"./${each}"`)) ? "" : line,
    )
    .replace(/ from "\.\//g, ' from "./curve/')
    .replace(/ from "\.\.\//g, ' from "./');
  return fields + source;
}

/** A place for elements, pairs and points. */
function places(curve: CurveModule, count: number): number[] {
  return Array.from({ length: count }, () => curve.place(256));
}

const unit = (curve: CurveModule, ...at: readonly number[]) => {
  for (const each of at) curve.run("weigh", each, 1);
};

describe("weights of elements", () => {
  let jacobian: CurveModule;

  beforeAll(async () => {
    jacobian = await CurveModule.compile(over(WEIGHTS, "jacobian"), "base");
  }, 120_000);

  /** A Jacobian point as heavy as it may be. */
  function heaviest(at: number): number {
    for (const [offset, weight] of [
      [0, 3],
      [40, 3],
      [80, 1],
    ] as const)
      jacobian.run("weigh", at + offset, weight);
    jacobian.run("setFinite", at);
    return at;
  }

  test.each(["double", "addAffine", "addAffineScaled", "addPoints", "toAffine", "hasX", "yIsOdd"])(
    "%s",
    (name) => {
      const [r = 0, a = 0, b = 0, c = 0] = places(jacobian, 4);
      unit(jacobian, b, b + 40, c);
      heaviest(a);
      if (name === "addPoints") heaviest(b);
      if (name === "addAffine" || name === "addAffineScaled") jacobian.run(name, r, a, b, b + 40, c);
      else if (name === "hasX") jacobian.run(name, a, b);
      else if (name === "yIsOdd") jacobian.run(name, a);
      else jacobian.run(name, r, a, b);
      expect(jacobian.run("brokenCalls")).toBe(0);
      const limits = name === "toAffine" ? [1, 1] : [3, 3, 1];
      for (const [i, limit] of limits.entries()) {
        expect(jacobian.run("weightOf", r + 40 * i)).toBeLessThanOrEqual(limit);
      }
    },
  );

  test("the field of promises notices what is too heavy", () => {
    const [r = 0, a = 0] = places(jacobian, 2);
    heaviest(a);
    jacobian.run("weigh", a, 4);
    const before = jacobian.run("brokenCalls");
    jacobian.run("double", r, a);
    expect(jacobian.run("brokenCalls")).toBeGreaterThan(before);
  });

  test("scalar-multiples", async () => {
    const curve = await CurveModule.compile(over(WEIGHTS, "scalar-multiples"), "base");
    const [table = 0, c = 0, x = 0, y = 0] = [curve.place(8 * 120), ...places(curve, 3)];
    unit(curve, x, y);
    curve.run("buildMultiples", table, c, x, y);
    expect(curve.run("brokenCalls")).toBe(0);
    for (let i = 0; i < 24; i++) expect(curve.run("weightOf", table + 40 * i)).toBe(1);
    expect(curve.run("weightOf", c)).toBe(1);
  });

  test("generator", async () => {
    const promises = `
const AFFINE: usize = 80;
function fromAffine(r: usize, x: usize, y: usize): void { demand(weightOf(x) <= 1 && weightOf(y) <= 1); }
function toAffine(r: usize, a: usize): void { unit(r); unit(r + 40); }
function unit(a: usize): void { weigh(a, 1); }
function double(r: usize, a: usize): void {}
function packElements(at: usize, count: usize): void {}
`;
    const curve = await CurveModule.compile(
      over(WEIGHTS + promises, "generator", "jacobian", "chain"),
      "base",
    );
    const table = curve.place(4096 * 40);
    curve.run("buildGenerator", table);
    expect(curve.run("brokenCalls")).toBe(0);
    for (let i = 0; i < 4096; i++) expect(curve.run("weightOf", table + 40 * i)).toBe(1);
  });

  test.each([0, 1])("affine-point, isogeny and hash-to-curve, every question answered %i", async (answer) => {
    const promises = `
function isogeny(r: usize, x: usize, y: usize): void { demand(weightOf(x) <= 1 && weightOf(y) <= 1); }
`;
    const run = async (source: string, text: string, call: (curve: CurveModule, ...at: number[]) => void) => {
      const curve = await CurveModule.compile(text, "base");
      const [r = 0, x = 0, y = 0] = places(curve, 3);
      unit(curve, r, x, y);
      curve.run("answerWith", answer);
      call(curve, r, x, y);
      expect([source, curve.run("brokenCalls")]).toEqual([source, 0]);
      for (const at of [r, r + 40]) expect(curve.run("weightOf", at)).toBeLessThanOrEqual(1);
    };
    await run("affine-point", over(WEIGHTS, "affine-point"), (curve, r) => curve.run("liftX", r, 1));
    await run("isogeny", over(WEIGHTS, "isogeny"), (curve, r, x, y) => curve.run("isogeny", r, x, y));
    // Constants written as digits weigh 1; here a weight stands where their first digit is.
    const text = over(WEIGHTS + promises, "hash-to-curve", "isogeny").replace(/<i32>\(\[-?\d+/g, "<i32>([1");
    await run("hash-to-curve", text, (curve, r, x) => curve.run("mapToCurve", r, x));
  });
});

describe("digits of pairs", () => {
  const ROUNDS = 200;

  test("fused-chain", async () => {
    const chain = await CurveModule.compile(over(SIGNS, "fused-chain"), "relaxed");
    const [x = 0, y = 0, shared = 0, r = 0] = places(chain, 4);
    chain.run("shuffle", shared, 10);
    for (let i = 0; i < ROUNDS; i++) {
      chain.run("startChain", shared);
      chain.run("shuffle", x, 10);
      chain.run("shuffle", y, 10);
      if (i % 2) chain.run("addToChain", x, y, i & 2);
      else chain.run("addOutsider", x, i & 2);
      for (const step of ["doubleChain", "doubleChain"]) chain.run(step);
      chain.run("addToChain", x, y, i & 4);
      chain.run("addOutsider", x, i & 8);
      chain.run("addToChain", x, y, 0);
      chain.run("doubleChain");
      chain.run("endChain", r);
    }
    expect(chain.run("brokenCalls")).toBe(0);
  });

  test("fused-multiples", async () => {
    const promises = `
function doubleLanes(xy: usize, z: usize): void { give(xy, largest(xy) <= 1); give(z, largest(z) <= 1); }
`;
    const curve = await CurveModule.compile(
      over(SIGNS + promises, "fused-multiples", "fused-chain"),
      "relaxed",
    );
    const [x = 0, y = 0, c = 0, table = 0] = [...places(curve, 3), curve.place(8 * 120)];
    for (let i = 0; i < ROUNDS; i++) {
      curve.run("buildMultiples", table, c, x, y);
      for (const at of [table, table + 40, table + 80, table + 880])
        expect(curve.run("largestOf", at)).toBe(1);
    }
    expect(curve.run("brokenCalls")).toBe(0);
  });

  test("the field of promises notices a sum of three in a product", async () => {
    const broken = (text: string) => text.replace("pair.reduce(eb, eb);", "");
    const chain = await CurveModule.compile(broken(over(SIGNS, "fused-chain")), "relaxed");
    const [xy = 0, z = 0] = places(chain, 2);
    chain.run("shuffle", xy, 10);
    chain.run("shuffle", z, 10);
    for (let i = 0; i < ROUNDS; i++) chain.run("doubleLanes", xy, z);
    expect(chain.run("brokenCalls")).toBeGreaterThan(0);
  });
});
