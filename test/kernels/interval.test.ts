import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Interval,
  Kernel,
  type Machine,
  number,
  type Split,
  type Term,
  type Workshop,
  within,
  workshop,
} from "../../assembly/generate/interval.ts";
import { order29Sources, multiply as orderMultiply } from "../../assembly/generate/order29.ts";
import { multiply, p29Sources, square } from "../../assembly/generate/p29.ts";

function proof(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

describe("what is proven of the kernels", () => {
  const weights = [1n, 2n, 3n, 4n, 5n, 6n, 7n];
  const pairs = weights.flatMap((left) => weights.map((right) => [left, right] as const));

  test("modulo p, mul takes weights whose product is at most 15, and no more", () => {
    for (const [left, right] of pairs) {
      expect([left, right, proof(() => multiply(left, right))]).toEqual([left, right, left * right <= 15n]);
    }
  });

  test("modulo p, sqr takes weight 3, and no more", () => {
    expect(weights.filter((weight) => proof(() => square(weight)))).toEqual([1n, 2n, 3n]);
  });

  test("modulo n, mul takes weights whose product is at most 4, and no more", () => {
    for (const [left, right] of pairs) {
      const proven = proof(() => orderMultiply(left, right));
      expect([left, right, proven]).toEqual([left, right, left * right <= 4n]);
    }
  });

  type Forget = (kernel: Kernel, whole: Term, split: Split) => Split;

  /** Forgets one carry of the first kernel of one name. */
  class ForgetfulKernel extends Kernel {
    splits = 0;
    readonly #forgotten: number;
    readonly #forget: Forget;

    constructor(
      [name, parameters, machine]: readonly [string, string, Machine],
      forgotten: number,
      forget: Forget,
    ) {
      super(name, parameters, machine);
      this.#forgotten = forgotten;
      this.#forget = forget;
    }

    override split(whole: Term, bits: number): Split {
      const split = super.split(whole, bits);
      this.splits += 1;
      return this.splits === this.#forgotten ? this.#forget(this, whole, split) : split;
    }
  }

  const lost: Forget = (kernel, _whole, { low }) => ({ low, high: kernel.constant(0n) });
  const kept: Forget = (_kernel, whole, { high }) => ({ low: whole, high });
  const postponed: Forget = (kernel, whole) => ({ low: whole, high: kernel.constant(0n) });

  /**
   * Carries that may wait, one at a time: `reduce` and `settle` modulo n carry before the top is folded and
   * again after it.
   */
  const generators = {
    p29: { generator: p29Sources, harmless: [] },
    order29: {
      generator: order29Sources,
      harmless: [
        ...[1, 2, 3, 4, 5, 6, 7, 8].map((carry) => `reduce ${carry}`),
        ...[1, 2, 3, 4, 5, 6, 7].map((carry) => `settle ${carry}`),
      ],
    },
  };

  /** How often each kernel of a generator carries. */
  function carriesOf(generator: (make: Workshop) => unknown): Map<string, number> {
    const kernels = new Map<string, ForgetfulKernel>();
    generator((name, parameters, machine) => {
      const kernel = new ForgetfulKernel([name, parameters, machine], 0, (_kernel, _whole, split) => split);
      if (!kernels.has(name)) kernels.set(name, kernel);
      return kernel;
    });
    return new Map([...kernels].map(([name, { splits }]) => [name, splits]));
  }

  describe.each(Object.entries(generators))("%s", (_name, { generator, harmless }) => {
    test("is proven as it stands", () => {
      expect(generator()).toHaveLength(1);
      expect(carriesOf(generator).get("mul")).toBeGreaterThanOrEqual(8);
    });

    /** Which carries could slip, by kernel and count, without the proof failing. */
    function survivors(forget: Forget): string[] {
      return [...carriesOf(generator)].flatMap(([name, carries]) =>
        Array.from({ length: carries }, (_, i) => i + 1)
          .filter((forgotten) => {
            let slipped = false;
            return proof(() =>
              generator((kernel, parameters, machine) => {
                if (kernel !== name || slipped) return workshop(kernel, parameters, machine);
                slipped = true;
                return new ForgetfulKernel([kernel, parameters, machine], forgotten, forget);
              }),
            );
          })
          .map((forgotten) => `${name} ${forgotten}`),
      );
    }

    test("is refused with any carry lost", () => {
      expect(survivors(lost)).toEqual([]);
    });

    test("is refused with any digit that keeps what it has carried", () => {
      expect(survivors(kept)).toEqual([]);
    });

    test("is refused with a carry left where it is, unless a later one takes it along", () => {
      expect(survivors(postponed)).toEqual(harmless);
    });
  });
});

describe("the proof itself", () => {
  const small = within(2n ** 20n);

  /** An operation on what was computed so far, in the kernel and in plain integers. */
  type Step = {
    readonly operation: "add" | "sub" | "mul" | "scale" | "shiftLeft" | "low" | "high";
    readonly left: number;
    readonly right: number;
  };

  const step: fc.Arbitrary<Step> = fc.record({
    operation: fc.constantFrom("add", "sub", "mul", "scale", "shiftLeft", "low", "high"),
    left: fc.nat(20),
    right: fc.nat(20),
  });

  function inKernel(ranges: readonly Interval[], steps: readonly Step[]): Term[] {
    const kernel = new Kernel("program", "a: usize", "i64");
    const terms = ranges.map((range, i) => kernel.input(`a${i}`, `load<i64>(a, ${8 * i})`, range));
    for (const [i, { operation, left, right }] of steps.entries()) {
      const a = kernel.name(`x${i}`, terms[left % terms.length] ?? kernel.constant(0n));
      const b = terms[right % terms.length] ?? kernel.constant(0n);
      if (operation === "low" || operation === "high") terms.push(kernel.split(a, 1 + right)[operation]);
      else if (operation === "scale") terms.push(kernel.scale(a, BigInt(right - 10)));
      else if (operation === "shiftLeft") terms.push(kernel.shiftLeft(a, right % 4));
      else terms.push(kernel[operation](a, b));
    }
    return terms;
  }

  function inIntegers(inputs: readonly bigint[], steps: readonly Step[]): bigint[] {
    const values = [...inputs];
    for (const { operation, left, right } of steps) {
      const a = values[left % values.length] ?? 0n;
      const b = values[right % values.length] ?? 0n;
      const bits = 1 + right;
      const results = {
        add: a + b,
        sub: a - b,
        mul: a * b,
        scale: a * BigInt(right - 10),
        shiftLeft: a << BigInt(right % 4),
        low: BigInt.asUintN(bits, a),
        high: a >> BigInt(bits),
      };
      values.push(results[operation]);
    }
    return values;
  }

  const input = fc
    .tuple(...Array.from({ length: 3 }, () => fc.bigInt({ min: small.lo, max: small.hi })))
    .map((values) => {
      const [lo = 0n, inside = 0n, hi = 0n] = values.toSorted((a, b) => (a < b ? -1 : Number(a > b)));
      return { range: { lo, hi }, inside };
    });

  test("every value lies in its interval, and a single value has no other", () => {
    fc.assert(
      fc.property(
        fc.array(input, { minLength: 1, maxLength: 3 }),
        fc.array(step, { maxLength: 6 }),
        (inputs, steps) => {
          const values = inIntegers(
            inputs.map(({ inside }) => inside),
            steps,
          );
          const points = inputs.map(({ inside }) => ({ lo: inside, hi: inside }));
          const ranges = inputs.map(({ range }) => range);
          fc.pre(proof(() => inKernel(points, steps)) && proof(() => inKernel(ranges, steps)));
          expect(inKernel(points, steps).map(({ range }) => range)).toEqual(
            values.map((value) => ({ lo: value, hi: value })),
          );
          for (const [i, { range }] of inKernel(ranges, steps).entries()) {
            expect(values[i]).toBeGreaterThanOrEqual(range.lo);
            expect(values[i]).toBeLessThanOrEqual(range.hi);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test.each<[Machine, bigint]>([
    ["i32", 2n ** 31n - 1n],
    ["i64", 2n ** 63n - 1n],
    ["u64", 2n ** 64n - 1n],
  ])("an %s may reach its largest value and not one more", (machine, largest) => {
    const kernel = new Kernel("edge", "a: usize", machine);
    const one = kernel.constant(1n);
    const below = kernel.input("below", "load(a)", { lo: 0n, hi: largest - 1n });
    expect(kernel.add(below, one).range.hi).toBe(largest);
    const at = kernel.input("at", "load(a)", { lo: 0n, hi: largest });
    expect(() => kernel.add(at, one)).toThrow("leaves");
    expect(() => kernel.mul(at, at)).toThrow("leaves");
    expect(() => kernel.shiftLeft(at, 1)).toThrow("leaves");
    const smallest = machine === "u64" ? 0n : -largest - 1n;
    const lowest = kernel.input("lowest", "load(a)", { lo: smallest, hi: 0n });
    expect(() => kernel.sub(lowest, one)).toThrow("leaves");
  });

  test("an unnamed term is not parted: its text would be computed twice", () => {
    const kernel = new Kernel("unnamed", "a: usize", "i64");
    const a = kernel.input("a0", "load<i64>(a)", small);
    expect(() => kernel.split(kernel.add(a, a), 29)).toThrow("without a name");
  });

  test("a promise is kept for all inputs or refused", () => {
    const kernel = new Kernel("promise", "a: usize", "i64");
    const a = kernel.input("a0", "load<i64>(a)", small);
    const { low, high } = kernel.split(a, 7);
    kernel.promise(number([low, high], 7), a);
    kernel.promise(kernel.scale(high, 128n), kernel.sub(a, low));
    kernel.promise(kernel.add(a, kernel.constant(13n)), a, 13n);
    expect(() => kernel.promise(kernel.add(a, kernel.constant(12n)), a, 13n)).toThrow("the constant");
    expect(() => kernel.promise(number([low, high], 8), a)).toThrow("differs");
    expect(() => kernel.divideExactly(a, 1)).toThrow("no multiple");
    expect(kernel.divideExactly(kernel.scale(a, 6n), 1).value).toEqual(kernel.scale(a, 3n).value);
  });
});
