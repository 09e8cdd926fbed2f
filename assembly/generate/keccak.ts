/**
 * Writes Keccak-f[1600] as straight-line AssemblyScript: one state in u64 lanes, and two states side by side in v128
 * lanes.
 *
 * Lane (x, y) of FIPS 202 is number x + 5y. All constants are computed as the standard defines them. Source: FIPS 202
 * section 3.2; lane complementing: "Keccak implementation overview" 3.2, section 2.2.
 */
import type { Source } from "./generate.ts";

const ROUNDS = 24;
const LANES = 25;
/** Lanes that are kept complemented in the scalar form: with them a round needs 5 NOTs where it had 25. */
const COMPLEMENTED: ReadonlySet<number> = new Set([1, 2, 8, 12, 17, 20]);
const NONE: ReadonlySet<number> = new Set();
/** What a lane that is known to be zero is written as. */
const ZERO = "";

const lane = (x: number, y: number) => (x % 5) + 5 * (y % 5);

/** How often rho rotates each lane to the left, 0..63: FIPS 202 algorithm 2. */
function rotations(): readonly number[] {
  const offsets = Array<number>(LANES).fill(0);
  for (let t = 0, x = 1, y = 0; t < ROUNDS; t++) {
    offsets[lane(x, y)] = (((t + 1) * (t + 2)) / 2) % 64;
    [x, y] = [y, (2 * x + 3 * y) % 5];
  }
  return offsets;
}

/** What iota adds to lane 0 in each round: FIPS 202 algorithms 5 and 6. */
function roundConstants(): readonly bigint[] {
  let register = 1;
  const nextBit = () => {
    const bit = register & 1;
    // The register is written with bit 0 first, so that x^8 + x^6 + x^5 + x^4 + 1 is 0x171 shifted in at the top.
    register = (register << 1) ^ ((register >> 7) * 0x171);
    return bit;
  };
  return Array.from({ length: ROUNDS }, () => {
    let constant = 0n;
    for (let j = 0; j <= 6; j++) if (nextBit() === 1) constant |= 1n << (2n ** BigInt(j) - 1n);
    return constant;
  });
}

/** The operations on one lane, as text. */
type Form = {
  readonly type: "u64" | "v128";
  /** Bytes of one lane in memory. */
  readonly bytes: 8 | 16;
  readonly complemented: ReadonlySet<number>;
  readonly xor: (a: string, b: string) => string;
  readonly rotateLeft: (a: string, by: number) => string;
  readonly and: (a: string, b: string) => string;
  readonly or: (a: string, b: string) => string;
  readonly not: (a: string) => string;
  /** a and not b */
  readonly andNot: (a: string, b: string) => string;
  readonly load: (at: string, offset: number) => string;
  readonly store: (at: string, value: string, offset: number) => string;
};

const SCALAR: Form = {
  type: "u64",
  bytes: 8,
  complemented: COMPLEMENTED,
  xor: (a, b) => `(${a} ^ ${b})`,
  rotateLeft: (a, by) => `rotl<u64>(${a}, ${by})`,
  and: (a, b) => `(${a} & ${b})`,
  or: (a, b) => `(${a} | ${b})`,
  not: (a) => `~${a}`,
  andNot: (a, b) => `(${a} & ~${b})`,
  load: (at, offset) => `load<u64>(${at}, ${offset})`,
  store: (at, value, offset) => `store<u64>(${at}, ${value}, ${offset});`,
};

const PAIR: Form = {
  type: "v128",
  bytes: 16,
  complemented: NONE,
  xor: (a, b) => `v128.xor(${a}, ${b})`,
  // Whole bytes too: V8 builds the pattern of a shuffle anew each time.
  rotateLeft: (a, by) => `v128.or(i64x2.shl(${a}, ${by}), i64x2.shr_u(${a}, ${64 - by}))`,
  and: (a, b) => `v128.and(${a}, ${b})`,
  or: (a, b) => `v128.or(${a}, ${b})`,
  not: (a) => `v128.not(${a})`,
  andNot: (a, b) => `v128.andnot(${a}, ${b})`,
  load: (at, offset) => `v128.load(${at}, ${offset})`,
  store: (at, value, offset) => `v128.store(${at}, ${value}, ${offset});`,
};

/** Exclusive or of lanes, some of which may be {@link ZERO}. */
function xorAll(form: Form, lanes: readonly string[]): string {
  const known = lanes.filter((name) => name !== ZERO);
  return known.length === 0 ? ZERO : known.reduce((sum, name) => form.xor(sum, name));
}

const names = (prefix: string, count = LANES) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** Which lanes theta leaves complemented, given which were so before. */
function complementedByTheta(before: ReadonlySet<number>): ReadonlySet<number> {
  const columnIs = (x: number) => [0, 1, 2, 3, 4].filter((y) => before.has(lane(x, y))).length % 2 === 1;
  const all = Array.from({ length: LANES }, (_, i) => i);
  return new Set(all.filter((i) => (before.has(i) !== columnIs((i + 4) % 5)) !== columnIs((i + 1) % 5)));
}

/**
 * One lane of chi, t0 ^ (~t1 & t2), from lanes that may be complemented, to one that shall be or not.
 *
 * @param is - whether t0, t1 and t2 hold complements, and whether the result shall
 */
function chi(form: Form, t: readonly string[], is: readonly boolean[]): string {
  const [t0 = "", t1 = "", t2 = ""] = t;
  const [is0, is1, is2, wanted] = is;
  if (!is.includes(true)) return form.xor(t0, form.andNot(t2, t1));
  // By De Morgan a form exists for either sense of the second term where t1 and t2 are of one kind; else for one only.
  const inverted = is1 === is2 ? is0 !== wanted : is2 === true;
  const a = is1 === true ? (inverted ? form.not(t1) : t1) : inverted ? t1 : form.not(t1);
  const b = is2 === true ? (inverted ? t2 : form.not(t2)) : inverted ? form.not(t2) : t2;
  const second = inverted ? form.or(a, b) : form.and(a, b);
  return form.xor((is0 !== wanted) !== inverted ? form.not(t0) : t0, second);
}

/** The order within a row that V8 makes the fastest code of: upward takes 3 to 7 % longer. */
const DOWNWARD = [4, 3, 2, 1, 0] as const;

/**
 * One round.
 *
 * @param from - the 25 lanes before; {@link ZERO} for those that are zero
 * @param to - the lanes after; a short list computes only the first of them
 * @param round - an expression: 0..23
 */
function round(form: Form, from: readonly string[], to: readonly string[], round: string): string[] {
  const text: string[] = [];
  const column = (x: number) => [0, 1, 2, 3, 4].map((y) => from[lane(x, y)] ?? ZERO);
  for (let x = 0; x < 5; x++) text.push(`c${x} = ${xorAll(form, column(x))};`);
  for (let x = 0; x < 5; x++) {
    text.push(`d${x} = ${form.xor(`c${(x + 4) % 5}`, form.rotateLeft(`c${(x + 1) % 5}`, 1))};`);
  }
  const distances = rotations();
  const afterTheta = complementedByTheta(form.complemented);
  for (let y = 0; y < 5 && 5 * y < to.length; y++) {
    // Pi brings lane (x + 3y, x) to (x, y).
    const sources = [0, 1, 2, 3, 4].map((x) => lane(x + 3 * y, x));
    for (const x of DOWNWARD) {
      const source = sources[x] ?? 0;
      const mixed = xorAll(form, [from[source] ?? ZERO, `d${source % 5}`]);
      const by = distances[source] ?? 0;
      text.push(`t${x} = ${by === 0 ? mixed : form.rotateLeft(mixed, by)};`);
    }
    for (const x of DOWNWARD.filter((x) => lane(x, y) < to.length)) {
      const inputs = [x, (x + 1) % 5, (x + 2) % 5];
      const is = inputs.map((i) => afterTheta.has(sources[i] ?? 0));
      const value = chi(
        form,
        inputs.map((i) => `t${i}`),
        [...is, form.complemented.has(lane(x, y))],
      );
      const constant = form.load(
        `ROUND_${form.type} + (<usize>(${round}) << ${form.bytes === 8 ? 3 : 4})`,
        0,
      );
      text.push(`${to[lane(x, y)]} = ${x + y === 0 ? form.xor(value, constant) : value};`);
    }
  }
  return text;
}

/** Two rounds, from a to b and back. */
const doubleRound = (form: Form, first: string) => [
  ...round(form, names("a"), names("b"), first),
  ...round(form, names("b"), names("a"), `${first} + 1`),
];

const locals = (form: Form) =>
  [...names("b"), ...names("c", 5), ...names("d", 5), ...names("t", 5)].map(
    (name) => `let ${name}: ${form.type};`,
  );

const complementIf = (form: Form, i: number, value: string) =>
  form.complemented.has(i) ? form.not(value) : value;

function permutation(form: Form, name: string): string[] {
  const { bytes } = form;
  return [
    `/** Keccak-f[1600] of a state of 25 lanes of ${bytes} bytes. */`,
    `export function ${name}(state: usize): void {`,
    ...names("a").map((a, i) => `let ${a} = ${complementIf(form, i, form.load("state", bytes * i))};`),
    ...locals(form),
    `for (let round: u32 = 0; round < ${ROUNDS}; round += 2) {`,
    ...doubleRound(form, "round"),
    "}",
    ...names("a").map((a, i) => form.store("state", complementIf(form, i, a), bytes * i)),
    "}",
  ];
}

/**
 * Keccak-256 of exactly 64 bytes: the first round knows that most lanes are zero, the last computes four lanes only.
 * Lane 8 holds the padding's first bit, lane 16 its last (rate 1088).
 */
function nodeOf(form: Form, name: string): string[] {
  const { bytes } = form;
  const known = new Map([
    [8, form.load(`PADDING_${form.type}`, 0)],
    [16, form.load(`PADDING_${form.type}`, bytes)],
  ]);
  for (let i = 0; i < 8; i++) known.set(i, form.load("block", bytes * i));
  // A lane that is zero and kept complemented is all ones.
  const ones = (i: number) => form.complemented.has(i);
  const start = names("a").map((a, i) => (known.has(i) || ones(i) ? a : ZERO));
  return [
    `/** Keccak-256 of 8 lanes of ${bytes} bytes, to 4 lanes of ${bytes} bytes. */`,
    `export function ${name}(block: usize, digest: usize): void {`,
    ...names("a").map((a, i) => {
      const value = known.get(i);
      if (value !== undefined) return `let ${a} = ${complementIf(form, i, value)};`;
      return ones(i) ? `let ${a}: u64 = -1;` : `let ${a}: ${form.type};`;
    }),
    ...locals(form),
    ...round(form, start, names("b"), "0"),
    ...round(form, names("b"), names("a"), "1"),
    `for (let round: u32 = 2; round < ${ROUNDS - 2}; round += 2) {`,
    ...doubleRound(form, "round"),
    "}",
    ...round(form, names("a"), names("b"), `${ROUNDS - 2}`),
    ...round(form, names("b"), names("a", 4), `${ROUNDS - 1}`),
    ...names("a", 4).map((a, i) => form.store("digest", complementIf(form, i, a), bytes * i)),
    "}",
  ];
}

/** A table in memory: V8 rebuilds a v128 constant at each use, and loads one once. */
function table(name: string, values: readonly bigint[], copies: number): string {
  const words = values.flatMap((value) => Array<string>(copies).fill(`0x${value.toString(16)}`));
  return `const ${name}: usize = memory.data<u64>([${words.join(", ")}], 16);`;
}

/** `keccakPermute`, `keccakNode` (one at a time) and `keccakNodePair` (two side by side, lanes interleaved). */
export function keccakSources(): readonly Source[] {
  const padding = [1n, 1n << 63n];
  const text = [
    "// Written by assembly/generate/keccak.ts.",
    table("ROUND_u64", roundConstants(), 1),
    table("ROUND_v128", roundConstants(), 2),
    table("PADDING_u64", padding, 1),
    table("PADDING_v128", padding, 2),
    ...permutation(SCALAR, "keccakPermute"),
    ...nodeOf(SCALAR, "keccakNode"),
    ...nodeOf(PAIR, "keccakNodePair"),
  ];
  return [{ name: "keccak", text: `${text.join("\n")}\n` }];
}
