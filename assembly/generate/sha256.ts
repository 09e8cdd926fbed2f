/**
 * Writes the compression function of SHA-256 as straight-line AssemblyScript: for one input in u32 words, and for
 * inputs of 64 bytes also four side by side in v128 words. The block that ends such an input has a constant schedule.
 *
 * All constants are computed as the standard defines them. Source: FIPS 180-4 sections 4.1.2, 4.2.2, 5.1.1, 5.3.3, 6.2.
 */
import type { Source } from "./generate.ts";

const ROUNDS = 64;
const WORD = 0xffffffffn;

function primes(count: number): readonly bigint[] {
  const found: bigint[] = [];
  for (let n = 2n; found.length < count; n++) if (found.every((prime) => n % prime !== 0n)) found.push(n);
  return found;
}

/** The first 32 bits of the fraction of a number's square or cube root. */
function fractionOfRoot(value: bigint, degree: 2n | 3n): number {
  const scaled = value << (32n * degree);
  let root = 0n;
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) if ((root + bit) ** degree <= scaled) root += bit;
  return Number(root & WORD);
}

/** K: FIPS 180-4 section 4.2.2. */
const ADDENDS = primes(ROUNDS).map((prime) => fractionOfRoot(prime, 3n));
/** H(0): FIPS 180-4 section 5.3.3. */
const START = primes(8).map((prime) => fractionOfRoot(prime, 2n));

const rotated = (x: number, by: number) => (x >>> by) | (x << (32 - by));

/** K + W of the block that ends a 64-byte input: a one, zeros, and the length of 512 bits. */
function paddingAddends(): readonly number[] {
  const words = Array<number>(16).fill(0);
  words[0] = 0x80000000;
  words[15] = 512;
  const word = (i: number) => words[i] ?? 0;
  for (let i = 16; i < ROUNDS; i++) {
    const [early, late] = [word(i - 15), word(i - 2)];
    const small0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3);
    const small1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10);
    words[i] = (word(i - 16) + small0 + word(i - 7) + small1) | 0;
  }
  return ADDENDS.map((addend, i) => (addend + word(i)) >>> 0);
}

/** What round 0 of a fresh hash adds its word to, for d and for h: all else in it is constant. */
function freshSums(): readonly number[] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = START;
  const [addend = 0] = ADDENDS;
  const bigSigma1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
  const bigSigma0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
  const sum = h + addend + bigSigma1 + (g ^ (e & (f ^ g)));
  const majority = ((a ^ b) & (b ^ c)) ^ b;
  return [d + sum, sum + bigSigma0 + majority].map((word) => word >>> 0);
}

/** The operations on one word, as text. */
type Form = {
  readonly type: "u32" | "v128";
  /** Bytes of one word in memory. */
  readonly bytes: 4 | 16;
  readonly add: (a: string, b: string) => string;
  readonly xor: (a: string, b: string) => string;
  readonly and: (a: string, b: string) => string;
  readonly shiftRight: (a: string, by: number) => string;
  readonly rotateRight: (a: string, by: number) => string;
  readonly load: (at: string, offset: number) => string;
  readonly store: (at: string, value: string, offset: number) => string;
  /** A word of the message, or of the digest: one input still has them in its own byte order. */
  readonly loadMessage: (at: string, offset: number) => string;
  readonly storeDigest: (at: string, value: string, offset: number) => string;
};

const SCALAR: Form = {
  type: "u32",
  bytes: 4,
  add: (a, b) => `(${a} + ${b})`,
  xor: (a, b) => `(${a} ^ ${b})`,
  and: (a, b) => `(${a} & ${b})`,
  shiftRight: (a, by) => `(${a} >> ${by})`,
  rotateRight: (a, by) => `rotr<u32>(${a}, ${by})`,
  load: (at, offset) => `load<u32>(${at}, ${offset})`,
  store: (at, value, offset) => `store<u32>(${at}, ${value}, ${offset});`,
  loadMessage: (at, offset) => `bswap<u32>(load<u32>(${at}, ${offset}))`,
  storeDigest: (at, value, offset) => `store<u32>(${at}, bswap<u32>(${value}), ${offset});`,
};

const FOUR: Form = {
  type: "v128",
  bytes: 16,
  add: (a, b) => `i32x4.add(${a}, ${b})`,
  xor: (a, b) => `v128.xor(${a}, ${b})`,
  and: (a, b) => `v128.and(${a}, ${b})`,
  shiftRight: (a, by) => `i32x4.shr_u(${a}, ${by})`,
  rotateRight: (a, by) => `v128.or(i32x4.shr_u(${a}, ${by}), i32x4.shl(${a}, ${32 - by}))`,
  load: (at, offset) => `v128.load(${at}, ${offset})`,
  store: (at, value, offset) => `v128.store(${at}, ${value}, ${offset});`,
  loadMessage: (at, offset) => `v128.load(${at}, ${offset})`,
  storeDigest: (at, value, offset) => `v128.store(${at}, ${value}, ${offset});`,
};

/** The four functions of FIPS 180-4 section 4.1.2: three rotations, or two and a shift, exclusive-ored. */
const mixed = (form: Form, x: string, first: number, second: number, third: string) =>
  form.xor(form.xor(form.rotateRight(x, first), form.rotateRight(x, second)), third);
const bigSigma = (form: Form, x: string, a: number, b: number, c: number) =>
  mixed(form, x, a, b, form.rotateRight(x, c));
const smallSigma = (form: Form, x: string, a: number, b: number, shift: number) =>
  mixed(form, x, a, b, form.shiftRight(x, shift));

/** Word i of the next sixteen of the schedule, kept in the place of the word 16 before it. */
function schedule(form: Form, i: number): string {
  const word = (back: number) => `w${(i + 16 - back) % 16}`;
  const old = form.add(word(16), smallSigma(form, word(15), 7, 18, 3));
  const recent = form.add(word(7), smallSigma(form, word(2), 17, 19, 10));
  return `${word(16)} = ${form.add(old, recent)};`;
}

const VARIABLES = [..."abcdefgh"];
const WORDS = Array.from({ length: 16 }, (_, i) => i);

/**
 * Round i. From round to round the variables' names move, their values do not. A sum takes its terms in the order in
 * which they are ready: the next round waits for the last.
 */
function round(form: Form, i: number, addend: string): string[] {
  const names = VARIABLES.map((_, place) => VARIABLES[(place - i + ROUNDS) % 8] ?? "");
  const [a = "", b = "", , d = "", e = "", f = "", g = "", h = ""] = names;
  const choice = form.xor(g, form.and(e, form.xor(f, g)));
  const sum = form.add(form.add(form.add(h, addend), choice), bigSigma(form, e, 6, 11, 25));
  // The exclusive or of a and b is that of b and c in the next round.
  const majority = form.xor(form.and("ab", "bc"), b);
  return [
    `ab = ${form.xor(a, b)};`,
    `t = ${sum};`,
    `${d} = ${form.add(d, "t")};`,
    `${h} = ${form.add("t", form.add(bigSigma(form, a, 2, 13, 22), majority))};`,
    "bc = ab;",
  ];
}

/** Round 0 of a fresh hash. */
const freshRound = (form: Form) => [
  `d = ${form.add("w0", form.load(`FRESH_${form.type}`, 0))};`,
  `h = ${form.add("w0", form.load(`FRESH_${form.type}`, form.bytes))};`,
  `bc = ${form.xor("a", "b")};`,
];

/** Sixteen rounds at a time, over the rest of a table: 64 in a row would not fit a cache of decoded code. */
const sixteenAtATime = (form: Form, table: string, from: number, body: readonly string[]) => [
  `for (let at = ${table} + ${form.bytes * from}; at < ${table} + ${form.bytes * ROUNDS}; at += ${form.bytes * 16}) {`,
  ...body,
  "}",
];

/** The rounds of a block whose words are w0 to w15. */
function messageRounds(form: Form, isFresh: boolean): string[] {
  const table = `ADDENDS_${form.type}`;
  const plain = (i: number, at: string) => round(form, i, form.add(form.load(at, form.bytes * i), `w${i}`));
  return [
    ...WORDS.flatMap((i) => (isFresh && i === 0 ? freshRound(form) : plain(i, table))),
    ...sixteenAtATime(
      form,
      table,
      16,
      WORDS.flatMap((i) => [schedule(form, i), ...plain(i, "at")]),
    ),
  ];
}

/** The rounds of the block that ends an input of 64 bytes. */
const paddingRounds = (form: Form) =>
  sixteenAtATime(
    form,
    `PADDING_${form.type}`,
    0,
    WORDS.flatMap((i) => round(form, i, form.load("at", form.bytes * i))),
  );

/** All that the rounds need, with a to h from a place in memory. */
const locals = (form: Form, start: string) => [
  ...VARIABLES.map((x, i) => `let ${x} = ${form.load(start, form.bytes * i)};`),
  ...WORDS.map((i) => `let w${i} = ${form.loadMessage("block", form.bytes * i)};`),
  `let t: ${form.type};`,
  `let ab: ${form.type};`,
  `let bc = ${form.xor("b", "c")};`,
];

/** Adds one block to a state. */
function blockOf(form: Form, name: string): string[] {
  const added = (x: string, i: number) => form.add(form.load("state", form.bytes * i), x);
  return [
    `export function ${name}(state: usize, block: usize): void {`,
    ...locals(form, "state"),
    ...messageRounds(form, false),
    ...VARIABLES.map((x, i) => form.store("state", added(x, i), form.bytes * i)),
    "}",
  ];
}

/** Hashes an input of 64 bytes. The digest may be where the block is: by then that has been read. */
function nodeOf(form: Form, name: string): string[] {
  const start = `START_${form.type}`;
  const added = (x: string, i: number) => form.add(form.load("digest", form.bytes * i), x);
  return [
    `export function ${name}(block: usize, digest: usize): void {`,
    ...locals(form, start),
    ...messageRounds(form, true),
    ...VARIABLES.map((x, i) => `${x} = ${form.add(x, form.load(start, form.bytes * i))};`),
    ...VARIABLES.map((x, i) => form.store("digest", x, form.bytes * i)),
    `bc = ${form.xor("b", "c")};`,
    ...paddingRounds(form),
    ...VARIABLES.map((x, i) => form.storeDigest("digest", added(x, i), form.bytes * i)),
    "}",
  ];
}

/** A table in memory: V8 rebuilds a v128 constant at each use, and loads one once. */
function table(name: string, values: readonly number[], copies: number): string {
  const words = values.flatMap((value) => Array<string>(copies).fill(`0x${value.toString(16)}`));
  return `${name}: usize = memory.data<u32>([${words.join(", ")}], 16);`;
}

/**
 * `sha256Block` (state of 8 u32, block in the input's own bytes), `sha256Node` (64 bytes to 32), `sha256FourNodes`
 * (words of four inputs side by side, as numbers, to words of four digests), and the table `START_u32`.
 */
export function sha256Sources(): readonly Source[] {
  const text = ["// Written by assembly/generate/sha256.ts."];
  for (const [form, copies] of [
    [SCALAR, 1],
    [FOUR, 4],
  ] as const) {
    text.push(`export const ${table(`START_${form.type}`, START, copies)}`);
    text.push(`const ${table(`FRESH_${form.type}`, freshSums(), copies)}`);
    text.push(`const ${table(`ADDENDS_${form.type}`, ADDENDS, copies)}`);
    text.push(`const ${table(`PADDING_${form.type}`, paddingAddends(), copies)}`);
  }
  text.push("/** One block of 64 bytes. */", ...blockOf(SCALAR, "sha256Block"));
  text.push("/** The digest of 64 bytes. */", ...nodeOf(SCALAR, "sha256Node"));
  text.push("/** The digests of four times 64 bytes. */", ...nodeOf(FOUR, "sha256FourNodes"));
  return [{ name: "sha256", text: `${text.join("\n")}\n` }];
}
