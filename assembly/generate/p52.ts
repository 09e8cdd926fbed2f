/**
 * Arithmetic modulo p = 2^256 - 2^32 - 977 on two elements at a time, by fused multiply-add.
 *
 * An element is five balanced digits of 52 bits, stored as floats, least significant first; the two elements of a pair
 * lie lane by lane. Their products are in p52-product.ts.
 */
import { Constants, Program, type Value } from "./fma.ts";
import { addForms, type Form, multiplyForms, type Range, Unproven, ZERO } from "./form.ts";
import type { Source } from "./generate.ts";
import {
  type Digits,
  FOLD,
  five,
  HIGH,
  INDICES,
  multiply,
  nth,
  PRIME,
  productParts,
  RADIX,
  REDUCED,
  squareParts,
  sumOf,
  TOP,
} from "./p52-product.ts";

const BETA = 0x7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501een;

/** The same value with every digit inside its half again. */
function reduce(program: Program, digits: Digits): Digits {
  const [high, top] = [program.float(HIGH, true), program.float(TOP, true)];
  const down = program.float(2 ** -52, true);
  const x: [Value, Value, Value, Value, Value] = [...digits];
  const excess = program.sub(program.add(x[4], top), top);
  x[4] = program.sub(x[4], excess);
  x[0] = program.fma(excess, program.float(Number(FOLD) * 2 ** -48), x[0]);
  for (const index of [0, 1, 2, 3] as const) {
    const carry = program.sub(program.add(x[index], high), high);
    x[index] = program.sub(x[index], carry);
    x[index + 1] = program.fma(carry, down, nth(x, index + 1));
  }
  return x;
}

/** One generated function: its inputs, what it has to equal, how it is computed. */
type Kernel = {
  readonly name: string;
  readonly comment: string;
  readonly inputs: Readonly<Record<string, readonly Range[]>>;
  readonly gives: readonly Range[];
  readonly asked: (inputs: readonly Form[]) => Form;
  readonly result: (program: Program, inputs: readonly Digits[]) => Digits;
};

/** The product of two pairs with digits in these ranges. */
export function product(a: readonly Range[], b: readonly Range[], lastCarries = 4): Kernel {
  return {
    name: "mul",
    comment: "r = a * b. One of them may be the sum or difference of two reduced pairs; r is reduced.",
    inputs: { a, b },
    gives: REDUCED,
    asked: (inputs) => multiplyForms(nth(inputs, 0), nth(inputs, 1)),
    result: (program, inputs) => multiply(program, productParts(nth(inputs, 0), nth(inputs, 1)), lastCarries),
  };
}

/** The square of a pair with digits in these ranges. */
export function square(a: readonly Range[]): Kernel {
  return {
    name: "sqr",
    comment: "r = a * a for a reduced pair; r is reduced.",
    inputs: { a },
    gives: REDUCED,
    asked: (inputs) => multiplyForms(nth(inputs, 0), nth(inputs, 0)),
    result: (program, inputs) => multiply(program, squareParts(program, nth(inputs, 0)), 4),
  };
}

/** The sum of its inputs with these signs, digits added from left to right. */
function sum(signs: readonly bigint[]): Pick<Kernel, "asked" | "result"> {
  return {
    asked: (inputs) => signs.reduce((total, sign, index) => addForms(total, nth(inputs, index), sign), ZERO),
    result: (program, inputs) =>
      five((digit) =>
        inputs
          .map((input) => nth(input, digit))
          .reduce((left, right, index) =>
            signs[index] === 1n ? program.add(left, right) : program.sub(left, right),
          ),
      ),
  };
}

/** As {@link sum}, with a result that is reduced again. */
function reducedSum(signs: readonly bigint[]): Pick<Kernel, "asked" | "result" | "gives"> {
  const { asked, result } = sum(signs);
  return { asked, gives: REDUCED, result: (program, inputs) => reduce(program, result(program, inputs)) };
}

const LOOSE = sumOf(2n);

const KERNELS: readonly Kernel[] = [
  product(LOOSE, REDUCED),
  square(REDUCED),
  {
    name: "add",
    comment: "r = a + b for reduced pairs, digit by digit; r is loose.",
    inputs: { a: REDUCED, b: REDUCED },
    gives: LOOSE,
    ...sum([1n, 1n]),
  },
  {
    name: "sub",
    comment: "r = a - b for reduced pairs, digit by digit; r is loose.",
    inputs: { a: REDUCED, b: REDUCED },
    gives: LOOSE,
    ...sum([1n, -1n]),
  },
  {
    name: "reduce",
    comment: "r = a for a sum of up to three reduced pairs, signs as they come; r is reduced.",
    inputs: { a: sumOf(3n) },
    ...reducedSum([1n]),
  },
  {
    name: "addReduced",
    comment: "r = a + b. One of them may be the sum or difference of two reduced pairs; r is reduced.",
    inputs: { a: LOOSE, b: REDUCED },
    ...reducedSum([1n, 1n]),
  },
  {
    name: "subReduced",
    comment: "r = a - b. One of them may be the sum or difference of two reduced pairs; r is reduced.",
    inputs: { a: LOOSE, b: REDUCED },
    ...reducedSum([1n, -1n]),
  },
  {
    name: "sub2Reduced",
    comment: "r = a - b - c for reduced pairs; r is reduced.",
    inputs: { a: REDUCED, b: REDUCED, c: REDUCED },
    ...reducedSum([1n, -1n, -1n]),
  },
];

/**
 * The digits of a kernel's result, whose program is proven to give what was asked for.
 *
 * @param text what digit `index` of an input is called
 * @throws Unproven when a bound or an identity does not hold
 */
function prove(program: Program, kernel: Kernel, text: (input: string, index: number) => string): Digits {
  const inputs = Object.entries(kernel.inputs).map(([name, ranges]) =>
    five((index) => program.input(`${name}${index}`, text(name, index), nth(ranges, index))),
  );
  const result = kernel.result(program, inputs);
  for (const index of INDICES) program.mustFit(result[index], nth(kernel.gives, index));
  const asked = kernel.asked(inputs.map((digits) => program.weigh(digits, RADIX)));
  program.mustEqual(program.weigh(result, RADIX), asked, PRIME);
  return result;
}

const lines = (line: (index: number) => string): string =>
  INDICES.map((index) => `  ${line(index)}\n`).join("");

/** The function of a kernel. @throws Unproven when a bound or an identity does not hold */
export function write(constants: Constants, kernel: Kernel): string {
  const program = new Program(constants);
  const result = prove(program, kernel, (input, index) => `v128.load(${input}, ${16 * index})`);
  const parameters = ["r", ...Object.keys(kernel.inputs)]
    .map((parameter) => `${parameter}: usize`)
    .join(", ");
  const stores = lines((index) => `v128.store(r, ${nth(result, index).text}, ${16 * index});`);
  return `/** ${kernel.comment} */\nexport function ${kernel.name}(${parameters}): void {\n${program.text}${stores}}\n`;
}

/** The square of a square, `count` times: what a square gives is what it takes, so its digits stay in locals. */
function writeSquares(constants: Constants): string {
  const program = new Program(constants);
  const result = prove(program, square(REDUCED), (_input, index) => `x${index}`);
  return [
    "/** r = a^(2^count) for a reduced pair, count at least 1; r is reduced. */\n",
    "export function sqrTimes(r: usize, a: usize, count: i32): void {\n",
    lines((index) => `let x${index} = v128.load(a, ${16 * index});`),
    "  do {\n",
    program.text,
    lines((index) => `x${index} = ${nth(result, index).text};`),
    "  } while (--count > 0);\n",
    lines((index) => `v128.store(r, x${index}, ${16 * index});`),
    "}\n",
  ].join("");
}

/** The digits of a number below p, the same in both lanes. */
function pairOf(name: string, comment: string, value: bigint): string {
  const digits: bigint[] = [];
  let rest = 2n * value > PRIME ? value - PRIME : value;
  for (const index of INDICES) {
    const digit = index < 4 ? BigInt.asIntN(52, rest) : rest;
    digits.push(digit, digit);
    rest = (rest - digit) >> 52n;
  }
  const range = digits.map((digit) => `${digit}.0`).join(", ");
  return `/** ${comment} */\nexport const ${name}: usize = memory.data<f64>([${range}], 16);\n`;
}

/** The largest a sum of `count` reduced elements can be. */
const reach = (count: bigint): bigint => sumOf(count).reduceRight((sum, { high }) => sum * RADIX + high, 0n);

/** The sources of the fused build's pairs. @throws Unproven when a bound or an identity does not hold */
export function p52Sources(): readonly Source[] {
  // Then zero modulo p is one of -p, 0, p, which isZero takes for granted, and adding 2 p makes a sum positive.
  if (reach(3n) >= 2n * PRIME) throw new Unproven("three reduced elements reach 2 p");
  const constants = new Constants("CONSTANTS");
  const fixed = [
    pairOf("ONE", "1 in both lanes.", 1n),
    pairOf("SEVEN", "7 in both lanes, the constant of the curve.", 7n),
    pairOf("BETA", "A cube root of unity in both lanes: (x, y) times lambda is (BETA x, y).", BETA),
  ];
  const functions = [...KERNELS.map((kernel) => write(constants, kernel)), writeSquares(constants)];
  return [{ name: "p52", text: [constants.text, ...fixed, ...functions].join("\n") }];
}
