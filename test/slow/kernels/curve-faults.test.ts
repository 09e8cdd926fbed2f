/** Leaves out one exceptional branch at a time: some law has to fail then. */
import { beforeAll, describe, expect, test } from "vitest";
import { TARGETS, type Target } from "../../kernels/compile.ts";
import {
  bytesOf,
  CurveModule,
  encode,
  inverseModulo,
  join,
  lift,
  mapOne,
  modulo,
  multiplesOf,
  N,
  Point,
  times,
  written,
} from "../../kernels/curve-module.ts";
import { POINTS_ENTRY } from "../../kernels/points-entry.ts";

const G = Point.BASE;
const timesQ = multiplesOf(times(G, 0xfeedface12345n));

/** The identities of `assembly/curve/exceptional.ts`, and where they are compiled in. */
const BRANCHES: readonly (readonly [number, string, readonly Target[]])[] = [
  [1, "ADD_TO_INFINITY", TARGETS],
  [2, "ADD_INFINITY", TARGETS],
  [3, "ADD_EQUAL", TARGETS],
  [4, "ADD_OPPOSITE", TARGETS],
  [5, "DOUBLE_INFINITY", TARGETS],
  [6, "AFFINE_INFINITY", TARGETS],
  [7, "COMPARE_INFINITY", TARGETS],
  [8, "SWU_ZERO", TARGETS],
  [9, "CHAIN_FROM_INFINITY", ["relaxed"]],
  [10, "CHAIN_DOUBLE_INFINITY", ["relaxed"]],
  [11, "CHAIN_EQUAL", ["relaxed"]],
  [12, "CHAIN_OPPOSITE", ["relaxed"]],
  [47, "WRAPPED_R", TARGETS],
];

class Laws {
  readonly #curve: CurveModule;
  readonly #a: number;
  readonly #b: number;
  readonly #out: number;
  readonly #steps: number;

  constructor(curve: CurveModule) {
    this.#curve = curve;
    [this.#a, this.#b, this.#out] = [curve.place(96), curve.place(96), curve.place(96)];
    this.#steps = curve.place(66 * 8);
  }

  #gives(point: Point): boolean {
    return this.#curve.take(this.#out, 65).every((byte, i) => byte === written(point)[i]);
  }

  #put(at: number, multiple: bigint, over = 9n): number {
    return this.#curve.put(at, join(encode(timesQ(multiple)), bytesOf(over)));
  }

  addition(name: string): boolean {
    const pairs = [-2n, -1n, 0n, 1n, 2n].flatMap((i) => [-1n, 0n, 1n].map((j) => [i, j] as const));
    return pairs.every(([i, j]) => {
      if (name !== "addPoints" && j === 0n) return true;
      this.#curve.run(name, this.#put(this.#a, i), this.#put(this.#b, j, 4n), this.#out);
      return this.#gives(timesQ(i + j));
    });
  }

  doubling(): boolean {
    return [0n, 1n].every((i) => {
      this.#curve.run("doublePoint", this.#put(this.#a, i), this.#out);
      return this.#gives(timesQ(2n * i));
    });
  }

  /** Doublings for zeros, additions for the rest. */
  chain(...steps: readonly bigint[]): boolean {
    const kinds = [1, 2];
    return kinds.every((kind) => {
      const program = steps.map((k) =>
        join(Uint8Array.of(k === 0n ? 0 : kind, k < 0n ? 1 : 0), encode(timesQ(k < 0n ? -k : k || 1n))),
      );
      this.#curve.put(this.#steps, join(...program));
      this.#curve.run(
        "runChain",
        this.#steps,
        steps.length,
        this.#curve.put(this.#b, bytesOf(3n)),
        this.#out,
      );
      return this.#gives(timesQ(steps.reduce((sum, k) => (k === 0n ? 2n * sum : sum + k), 0n)));
    });
  }

  #claim(r: bigint, s: bigint, z: bigint): readonly [number, number] {
    const signature = this.#curve.put(this.#a, join(bytesOf(r), bytesOf(s)));
    return [signature, this.#curve.put(this.#b, bytesOf(modulo(z, N)))];
  }

  infiniteSum(): boolean {
    const key = this.#curve.put(this.#steps, encode(times(G, 5n)));
    const claim = this.#claim(7n, 9n, -7n * 5n);
    return [0, 1, 2].every((parity) => this.#curve.run("verifyOne", ...claim, key, parity) === 0);
  }

  /** A point whose x is r + n; its key by recovery. */
  wrapped(): boolean {
    let x = N + 1n;
    while (!lift(x, false)) x += 1n;
    const [r, s, z] = [x - N, 3n, 4n];
    const sum = times(lift(x, false) ?? G, s).subtract(times(G, z));
    const key = this.#curve.put(this.#steps, encode(times(sum, inverseModulo(r, N))));
    return this.#curve.run("verifyOne", ...this.#claim(r, s, z), key, 2) === 1;
  }

  infiniteKey(): boolean {
    const { x, y } = times(G, 5n).toAffine();
    return this.#curve.run("recoverOne", ...this.#claim(x, 2n, 10n), Number(y & 1n), this.#out) === 0;
  }

  map(): boolean {
    this.#curve.run("mapOne", this.#curve.put(this.#a, bytesOf(0n)), this.#out);
    return this.#gives(mapOne(0n));
  }

  /** The names of those that do not hold. */
  broken(): string[] {
    const laws: Readonly<Record<string, () => boolean>> = {
      "all additions of -2Q..2Q and -Q..Q": () => this.addition("addPoints"),
      "mixed additions": () => this.addition("addAffinePoint"),
      "scaled additions": () => this.addition("addScaledPoint"),
      doublings: () => this.doubling(),
      "a chain from infinity": () => this.chain(1n, 0n, 1n),
      "a chain that doubles infinity": () => this.chain(0n, 0n, 1n, 0n),
      "a chain that meets its own point": () => this.chain(1n, 0n, 2n, 0n),
      "a chain that ends at infinity": () => this.chain(1n, 0n, -2n),
      "a chain through infinity": () => this.chain(1n, -1n, 0n, 2n, 0n),
      "an infinite sum is no signature": () => this.infiniteSum(),
      "an infinite key is not recovered": () => this.infiniteKey(),
      "plain ECDSA of a point beyond n": () => this.wrapped(),
      "the map to the curve at zero": () => this.map(),
    };
    return Object.entries(laws).flatMap(([name, holds]) => (holds() ? [] : [name]));
  }
}

describe.each(TARGETS)("%s: without an exceptional branch", (target) => {
  let curve: CurveModule;
  let laws: Laws;

  beforeAll(async () => {
    curve = await CurveModule.compile(POINTS_ENTRY, target, true);
    laws = new Laws(curve);
  }, 120_000);

  test("all laws hold with every branch", () => {
    curve.run("switchOff", 0);
    expect(laws.broken()).toEqual([]);
  });

  test.each(BRANCHES.filter(([, , where]) => where.includes(target)))("%i %s is missed", (branch, name) => {
    curve.run("switchOff", branch);
    const broken = laws.broken();
    curve.run("switchOff", 0);
    expect([name, broken]).not.toEqual([name, []]);
    expect(laws.broken()).toEqual([]);
  });
});
