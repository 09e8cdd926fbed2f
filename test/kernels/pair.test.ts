import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { TARGETS, type Target } from "./compile.ts";
import { P } from "./digits.ts";
import { type Field, type Lanes, mod, pairField, WORDS } from "./pair-field.ts";

const BETA = 0x7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501een;
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let [square, rest] = [mod(base), exponent]; rest > 0n; rest >>= 1n, square = (square * square) % P) {
    if (rest & 1n) result = (result * square) % P;
  }
  return result;
}

const each = (a: Lanes, b: Lanes, operation: (x: bigint, y: bigint) => bigint): Lanes => [
  operation(a[0], b[0]),
  operation(a[1], b[1]),
];

const fields = new Map<Target, Field>();
const fieldOf = (target: Target): Field => {
  const field = fields.get(target);
  if (!field) throw new Error(`${target} was not compiled`);
  return field;
};

beforeAll(async () => {
  for (const target of TARGETS) fields.set(target, await pairField(target));
}, 60_000);

const BOUNDARIES = [
  0n,
  1n,
  2n,
  P - 2n,
  P - 1n,
  P,
  P + 1n,
  2n ** 256n - 1n,
  2n ** 255n,
  2n ** 51n,
  2n ** 52n - 1n,
];
const digit52 = (index: number): fc.Arbitrary<bigint> =>
  fc.constantFrom(
    ...[-1n, 0n, 1n].map((by) => BigInt.asUintN(256, (2n ** BigInt(52 * index + 51) + by) % P)),
  );
const word = fc.oneof(
  fc.bigInt(0n, 2n ** 256n - 1n),
  fc.constantFrom(...BOUNDARIES),
  fc.integer({ min: 0, max: 3 }).chain(digit52),
);
const lanes: fc.Arbitrary<Lanes> = fc.tuple(word, word);

describe.each(TARGETS)("the pair field of the %s build", (target) => {
  test("calculates as integers modulo p do", () => {
    const field = fieldOf(target);
    fc.assert(
      fc.property(lanes, lanes, lanes, (a, b, c) => {
        expect(field.call("copy", a)).toEqual(each(a, a, mod));
        expect(field.call("mul", a, b)).toEqual(each(a, b, (x, y) => mod(x * y)));
        expect(field.call("sqr", a)).toEqual(each(a, a, (x) => mod(x * x)));
        expect(field.call("add", a, b)).toEqual(each(a, b, (x, y) => mod(x + y)));
        expect(field.call("sub", a, b)).toEqual(each(a, b, (x, y) => mod(x - y)));
        expect(field.call("addReduced", a, b)).toEqual(each(a, b, (x, y) => mod(x + y)));
        expect(field.call("subReduced", a, b)).toEqual(each(a, b, (x, y) => mod(x - y)));
        expect(field.call("negate", a)).toEqual(each(a, a, (x) => mod(-x)));
        expect(field.call("swapLanes", a)).toEqual([mod(a[1]), mod(a[0])]);
        const rest = each(a, b, (x, y) => x - y);
        expect(field.call("sub2Reduced", a, b, c)).toEqual(each(rest, c, (x, y) => mod(x - y)));
      }),
      { numRuns: 500 },
    );
  });

  test("takes a loose factor on either side, and a result in the place of any argument", () => {
    const field = fieldOf(target);
    fc.assert(
      fc.property(lanes, lanes, lanes, (a, b, c) => {
        const [x, y, z] = [field.write(1, a), field.write(2, b), field.write(3, c)];
        field.run("sub", x, x, y);
        field.run("mul", field.at(4), x, z);
        field.run("mul", x, z, x);
        const wanted = each(
          each(a, b, (p, q) => p - q),
          c,
          (p, q) => mod(p * q),
        );
        expect([field.read(field.at(4)), field.read(x)]).toEqual([wanted, wanted]);
        field.run("add", x, y, z);
        field.run("addReduced", x, x, y);
        field.run("reduce", x, x);
        field.run("sqr", x, x);
        expect(field.read(x)).toEqual(each(b, c, (p, q) => mod((2n * p + q) ** 2n)));
      }),
      { numRuns: 300 },
    );
  });

  test("squares many times, and once", () => {
    const field = fieldOf(target);
    fc.assert(
      fc.property(lanes, fc.integer({ min: 1, max: 40 }), (a, count) => {
        field.run("sqrTimes", field.at(0), field.write(1, a), count);
        expect(field.read(field.at(0))).toEqual(each(a, a, (x) => power(x, 2n ** BigInt(count))));
      }),
      { numRuns: 100 },
    );
  });

  test("packs, gathers with signs, and scatters", () => {
    const field = fieldOf(target);
    fc.assert(
      fc.property(lanes, fc.boolean(), fc.boolean(), (a, minusA, minusB) => {
        const [x, y] = [field.at(1), field.at(1) + 40];
        field.run("packWords", x, field.words(a[0]));
        field.run("packWords", y, field.words(a[1]));
        field.run("gather", field.at(0), x, y);
        expect(field.read(field.at(0))).toEqual(each(a, a, mod));
        field.run("gatherSigned", field.at(2), x, y, Number(minusA), Number(minusB));
        const wanted: Lanes = [mod(minusA ? -a[0] : a[0]), mod(minusB ? -a[1] : a[1])];
        expect(field.read(field.at(2))).toEqual(wanted);
        field.run("scatter", field.at(2), y, x);
        const apart = [y, x].map((element) => {
          const at = field.words(0n);
          field.run("unpackWords", at, element);
          return field.readWords(WORDS);
        });
        expect(apart).toEqual(wanted);
      }),
      { numRuns: 200 },
    );
  });

  test("inverts each lane; a lane that is zero stays zero", () => {
    const field = fieldOf(target);
    const zeros: readonly Lanes[] = [
      [0n, 0n],
      [P, 5n],
      [7n, P],
      [1n, P - 1n],
    ];
    for (const a of zeros) expect(field.call("inverse", a)).toEqual(each(a, a, (x) => power(x, P - 2n)));
    fc.assert(
      fc.property(lanes, (a) => {
        expect(field.call("inverse", a)).toEqual(each(a, a, (x) => power(x, P - 2n)));
      }),
      { numRuns: 100 },
    );
  });

  test("finds square roots, and says which lanes have one", () => {
    const field = fieldOf(target);
    fc.assert(
      fc.property(lanes, fc.boolean(), (a, squared) => {
        const values = squared ? each(a, a, (x) => mod(x * x)) : a;
        const found = field.run("squareRoot", field.at(0), field.write(1, values));
        const roots = field.read(field.at(0));
        for (const lane of [0, 1] as const) {
          const isSquare = power(values[lane], (P - 1n) / 2n) <= 1n;
          expect((found >> lane) & 1).toBe(Number(isSquare));
          if (isSquare) expect(roots[lane]).toBe(power(values[lane], (P + 1n) / 4n));
        }
      }),
      { numRuns: 100 },
    );
  });

  test("knows zero and parity of reduced and of loose lanes", () => {
    const field = fieldOf(target);
    fc.assert(
      fc.property(lanes, lanes, fc.boolean(), (a, b, same) => {
        const y = same ? ([a[0], b[1]] as const) : b;
        for (const name of ["sub", "subReduced"]) {
          const wanted = each(a, y, (p, q) => mod(p - q));
          expect(field.call(name, a, y)).toEqual(wanted);
          for (const lane of [0, 1] as const) {
            expect(field.run("isZero", field.at(0), lane)).toBe(Number(wanted[lane] === 0n));
            expect(field.run("isOdd", field.at(0), lane)).toBe(Number(wanted[lane] & 1n));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("has its constants, and a machine that multiplies and adds at once", () => {
    const field = fieldOf(target);
    expect(["ONE", "SEVEN", "BETA"].map((name) => field.read(field.global(name)))).toEqual([
      [1n, 1n],
      [7n, 7n],
      [BETA, BETA],
    ]);
    expect([field.global("PAIR"), field.global("ELEMENT"), field.global("POINT")]).toEqual([80, 40, 80]);
    expect(field.run("hasFusedMultiplyAdd")).toBe(1);
  });
});

test("both builds agree on every word", () => {
  const steps = ["mul", "addReduced", "subReduced", "sqr", "negate", "inverse", "swapLanes"] as const;
  const program = fc.array(fc.tuple(fc.constantFrom(...steps), fc.nat(3), fc.nat(3), fc.nat(3)), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(fc.tuple(lanes, lanes, lanes, lanes), program, (inputs, chosen) => {
      const [base, relaxed] = TARGETS.map((target) => {
        const field = fieldOf(target);
        for (const [place, input] of inputs.entries()) field.write(place, input);
        for (const [name, r, a, b] of chosen) {
          const unary = ["sqr", "negate", "inverse", "swapLanes"].includes(name);
          field.run(name, ...[r, a, b].slice(0, unary ? 2 : 3).map((place) => field.at(place)));
        }
        return inputs.map((_, place) => field.read(field.at(place)));
      });
      expect(base).toEqual(relaxed);
    }),
    { numRuns: 200 },
  );
});
