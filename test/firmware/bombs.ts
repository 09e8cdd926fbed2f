/**
 * Modules that are made to hurt who runs them, built from bytes; each is named after what it tries.
 *
 * All keep the form of profile `task/1`, but for what they attack. Opcodes: WebAssembly core specification 2.0, 5.4.
 */
import { Writer } from "../../src/firmware/wasm/writer.ts";

const I32 = 0x7f;
const I64 = 0x7e;

/** A function's code without its `end`, and the locals it declares. */
type Code = { readonly code: readonly number[] | Uint8Array; readonly locals?: readonly [number, number][] };

type Parts = {
  /** Pages: least, most; none without a most. */
  readonly memory?: readonly [number, number?];
  /** `(i32) -> i32`; address 1024 unless told. */
  readonly alloc?: readonly number[];
  /** `(i32, i32) -> i64`; function {@link RUN}. */
  readonly run?: Code;
  /** `(i32, i32, i32, i32) -> i32`, exported when it is there. */
  readonly verify?: readonly number[];
  /** `() -> ()`, functions {@link MORE} and on. */
  readonly more?: readonly Code[];
  readonly table?: number;
  /** Functions at the table's start. */
  readonly elements?: readonly number[];
  /** Mutable i32 globals with these values. */
  readonly globals?: readonly number[];
  /** Index of the function that starts the module. */
  readonly start?: number;
  readonly imports?: readonly (readonly [module: string, name: string])[];
  /** Exports beside those of the profile: name, kind, index. */
  readonly exports?: readonly (readonly [string, number, number])[];
  /** Length of one data segment at address 0. */
  readonly data?: number;
  /** Flags of the memory's limits, where others than usual. */
  readonly memoryFlags?: number;
};

/** Indices where nothing is imported. */
export const RUN = 1;
const MORE = 3;

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const TYPES: readonly (readonly [number[], number[]])[] = [
  [[I32], [I32]],
  [[I32, I32], [I64]],
  [[I32, I32, I32, I32], [I32]],
  [[], []],
];
const PLAIN = 3;

const END = 0x0b;
/** `run` with an answer of no bytes. */
export const NOTHING = [0x42, ...new Writer().s64(8n << 32n).finish()];

/** `i32.const`. */
export function constant(value: number): number[] {
  return [0x41, ...new Writer().s32(value).finish()];
}

/** `run` that answers with what lies at `at`. */
export function answering(at: number, length: number): number[] {
  return [0x42, ...new Writer().s64((BigInt(at) << 32n) | BigInt(length)).finish()];
}

/** The same bytes `count` times. */
export function repeat(bytes: readonly number[], count: number): Uint8Array {
  const all = new Uint8Array(bytes.length * count);
  for (let at = 0; at < all.length; at += bytes.length) all.set(bytes, at);
  return all;
}

export function join(...parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array {
  const writer = new Writer();
  for (const part of parts) writer.bytes(Uint8Array.from(part));
  return writer.finish();
}

function section(to: Writer, id: number, count: number, write: (content: Writer) => void): void {
  if (count === 0) return;
  const content = new Writer().u32(count);
  write(content);
  to.byte(id).u32(content.length).bytes(content.view());
}

function body({ code, locals = [] }: Code): Uint8Array {
  const writer = new Writer().u32(locals.length);
  for (const [count, type] of locals) writer.u32(count).byte(type);
  return writer.bytes(Uint8Array.from(code)).byte(END).finish();
}

/** A module of profile `task/1`, but for what `parts` change. */
export function bomb(parts: Parts): Uint8Array {
  const { memory = [1, 16], alloc = constant(1_024), run = { code: NOTHING }, more = [] } = parts;
  const { verify, imports = [], exports = [], elements = [], globals = [], table = 0 } = parts;
  const [least, most] = memory;
  const first = imports.length;
  const bodies = [{ code: alloc }, run, { code: verify ?? [0x00] }, ...more].map(body);
  const out = new Writer(1_024).bytes(Uint8Array.from(MAGIC));
  section(out, 1, TYPES.length, (to) => {
    for (const [params, results] of TYPES) {
      to.byte(0x60).u32(params.length).bytes(Uint8Array.from(params));
      to.u32(results.length).bytes(Uint8Array.from(results));
    }
  });
  section(out, 2, imports.length, (to) => {
    for (const [module, name] of imports) to.name(module).name(name).byte(0).u32(PLAIN);
  });
  section(out, 3, bodies.length, (to) => {
    for (let index = 0; index < bodies.length; index++) to.u32(Math.min(index, PLAIN));
  });
  section(out, 4, table > 0 ? 1 : 0, (to) => to.byte(0x70).byte(0).u32(table));
  section(out, 5, 1, (to) => {
    to.byte(parts.memoryFlags ?? (most === undefined ? 0 : 1)).u32(least);
    if (most !== undefined) to.u32(most);
  });
  section(out, 6, globals.length, (to) => {
    for (const value of globals)
      to.byte(I32)
        .byte(1)
        .bytes(Uint8Array.from(constant(value)))
        .byte(END);
  });
  section(out, 7, 3 + (verify ? 1 : 0) + exports.length, (to) => {
    to.name("memory").byte(2).u32(0);
    to.name("alloc").byte(0).u32(first);
    to.name("run")
      .byte(0)
      .u32(first + RUN);
    if (verify)
      to.name("verify")
        .byte(0)
        .u32(first + 2);
    for (const [name, kind, index] of exports) to.name(name).byte(kind).u32(index);
  });
  if (parts.start !== undefined) {
    const start = new Writer().u32(parts.start);
    out.byte(8).u32(start.length).bytes(start.view());
  }
  section(out, 9, elements.length > 0 ? 1 : 0, (to) => {
    to.u32(0)
      .bytes(Uint8Array.from(constant(0)))
      .byte(END)
      .u32(elements.length);
    for (const element of elements) to.u32(element);
  });
  section(out, 10, bodies.length, (to) => {
    for (const one of bodies) to.u32(one.length).bytes(one);
  });
  section(out, 11, parts.data === undefined ? 0 : 1, (to) => {
    const bytes = new Uint8Array(parts.data ?? 0).fill(1);
    to.u32(0)
      .bytes(Uint8Array.from(constant(0)))
      .byte(END)
      .u32(bytes.length)
      .bytes(bytes);
  });
  return out.finish();
}

const ENDLESS = [0x03, 0x40, 0x0c, 0, END];

/** Never comes back, and uses nothing but time. */
export const endlessLoop = () => bomb({ run: { code: [...ENDLESS, 0x00] } });

/** Calls itself with what it was given. */
export const endlessRecursion = () => bomb({ run: { code: [0x20, 0, 0x20, 1, 0x10, RUN] } });

/** Two functions that call each other. */
export const mutualRecursion = () =>
  bomb({
    run: { code: [0x10, MORE, ...NOTHING] },
    more: [{ code: [0x10, MORE + 1] }, { code: [0x10, MORE] }],
  });

/** A function that calls itself through the table. */
export const indirectRecursion = () =>
  bomb({
    table: 1,
    elements: [MORE],
    run: { code: [0x10, MORE, ...NOTHING] },
    more: [{ code: [...constant(0), 0x11, PLAIN, 0] }],
  });

/** Each of `levels` functions calls the next one twice: no loop, no recursion, and 2^levels calls. */
export const callTree = (levels: number) =>
  bomb({
    run: { code: [0x10, MORE, ...NOTHING] },
    more: Array.from({ length: levels }, (_, level) => {
      const next = [0x10, ...new Writer().u32(MORE + level + 1).finish()];
      return { code: level < levels - 1 ? [...next, ...next] : [] };
    }),
  });

/** `count` times all of 64 MiB, in a straight line. */
export const fills = (count: number) =>
  bomb({
    memory: [1_024, 1_024],
    run: {
      code: join(repeat([...constant(0), ...constant(7), ...constant(2 ** 26), 0xfc, 11, 0], count), NOTHING),
    },
  });

/** A branch at every step, and at every branch all locals to merge: quadratic for a compiler. */
export const localsByBranches = (locals: number, branches: number) =>
  bomb({
    run: {
      locals: [[locals, I32]],
      code: join(repeat([0x02, 0x40, 0x20, 0, 0x0d, 0, 0x20, 1, 0x21, 5, END], branches), NOTHING),
    },
  });

export const nested = (depth: number) =>
  bomb({ run: { code: join(repeat([0x02, 0x40], depth), repeat([END], depth), NOTHING) } });

export const branchTable = (labels: number) =>
  bomb({
    run: {
      code: join(
        [0x02, 0x40, 0x20, 0, 0x0e],
        new Writer().u32(labels).finish(),
        repeat([0], labels + 1),
        [END],
        NOTHING,
      ),
    },
  });

export const manyFunctions = (count: number) =>
  bomb({ more: Array.from({ length: count }, () => ({ code: [] })) });

/** Long chains of values of 60 locals in a loop without an end: work for the optimising compiler. */
export const tangledLoop = (steps: number) =>
  bomb({
    run: {
      locals: [[60, I64]],
      code: join(
        [0x03, 0x40],
        ...Array.from({ length: steps }, (_, step) => [
          ...[0x20, 2 + (step % 60), 0x20, 2 + ((step * 7 + 3) % 60), 0x7c],
          ...[0x20, 2 + ((step * 11) % 60), 0x85, 0x21, 2 + ((step * 13 + 5) % 60)],
        ]),
        [0x0c, 0, END, 0x00],
      ),
    },
  });

/** Asks for a page over and over and fills each, and answers with how many it has once it is refused. */
export const growing = (most: number) =>
  bomb({
    memory: [1, most],
    run: {
      code: [
        ...[0x03, 0x40, 0x3f, 0, ...constant(1), 0x6b, ...constant(16), 0x74],
        ...[...constant(1), ...constant(65_536), 0xfc, 11, 0],
        ...[...constant(1), 0x40, 0, ...constant(-1), 0x47, 0x0d, 0, END],
        ...[...constant(0), 0x3f, 0, 0x36, 2, 0],
        ...answering(0, 4),
      ],
    },
  });

/** Asks for `pages` in one go, which there are not. */
export const greedy = (pages: number) =>
  bomb({ memory: [1, 16], run: { code: [...constant(pages), 0x40, 0, 0x1a, ...NOTHING] } });

/** Starts with a loop that does not end. */
export const spinningStart = () => bomb({ start: MORE, more: [{ code: ENDLESS }] });

/** Counts local 2 up to a million, then does `last`. */
export const trapAfterWork = (last: readonly number[]) =>
  bomb({
    table: 1,
    run: {
      locals: [[1, I32]],
      code: [
        ...[0x03, 0x40, 0x20, 2, ...constant(1), 0x6a, 0x22, 2, ...constant(1_000_000), 0x49, 0x0d, 0, END],
        ...last,
        ...NOTHING,
      ],
    },
  });

/** What can end a run early, by name. */
export const TRAPS: Readonly<Record<string, readonly number[]>> = {
  "a load outside memory": [...constant(-4), 0x28, 2, 0, 0x1a],
  "a division by zero": [...constant(1), ...constant(0), 0x6d, 0x1a],
  unreachable: [0x00],
  "an indirect call of nothing": [...constant(0), 0x11, PLAIN, 0],
  "an indirect call outside the table": [...constant(9), 0x11, PLAIN, 0],
  "a conversion of what no integer holds": [0x43, 0, 0, 0x80, 0x7f, 0xa8, 0x1a],
  "a fill outside memory": [...constant(-1), ...constant(0), ...constant(8), 0xfc, 11, 0],
};

/**
 * Keeps what it was given where the next run could find it: in memory, in a global, in the table and in the size of the
 * memory. Answers with what it found there: u32 memory, u32 global, u32 whether the table's entry is null, u32 pages.
 */
export const smuggler = () => {
  const put = (at: number, value: readonly number[]) => [...constant(at), ...value, 0x36, 2, 0];
  return bomb({
    memory: [1, 16],
    table: 2,
    elements: [MORE],
    globals: [7],
    more: [{ code: [] }],
    run: {
      code: [
        ...put(64, [...constant(4_096), 0x28, 2, 0]),
        ...put(68, [0x23, 0]),
        ...put(72, [...constant(0), 0x25, 0, 0xd1]),
        ...put(76, [0x3f, 0]),
        ...put(4_096, constant(99)),
        ...[...constant(98), 0x24, 0],
        ...[...constant(0), 0xd0, 0x70, 0x26, 0],
        ...[...constant(1), 0x40, 0, 0x1a],
        ...answering(64, 16),
      ],
    },
  });
};

/**
 * Makes NaNs in all the ways in which processors differ, and answers with their bits: 0/0 in f64, the square root of -1,
 * sums and products of two NaNs in both orders, infinity less itself in f32, a NaN made narrower, the lesser of a NaN
 * and 1, 0/0 in lanes of f64 and f32, and 1 with the sign of 0/0. Its input is 0, then two NaNs with other bits, each
 * 8 bytes.
 */
export const nanFingerprint = () => {
  const input = (offset: number) => [0x20, 0, 0x2b, 3, offset];
  const f64 = (at: number, value: readonly number[]) => [...constant(at), ...value, 0x39, 3, 0];
  const f32 = (at: number, value: readonly number[]) => [...constant(at), ...value, 0x38, 2, 0];
  const lanes = (at: number, op: readonly number[]) => {
    const loaded = [0x20, 0, 0xfd, 0, 3, 24];
    return [...constant(at), ...loaded, ...loaded, 0xfd, ...op, 0xfd, 11, 4, 0];
  };
  const zero = input(0);
  const one = [0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
  const infinity = [0x43, 0, 0, 0x80, 0x7f];
  const code = [
    ...f64(2_048, [...zero, ...zero, 0xa3]),
    ...f64(2_056, [...zero, ...one, 0xa1, 0x9f]),
    ...f64(2_064, [...input(8), ...input(16), 0xa0]),
    ...f64(2_072, [...input(16), ...input(8), 0xa0]),
    ...f64(2_080, [...input(16), ...input(8), 0xa2]),
    ...f32(2_088, [...infinity, ...infinity, 0x93]),
    ...f32(2_092, [...input(8), 0xb6]),
    ...f64(2_096, [...input(16), ...one, 0xa4]),
    ...lanes(2_104, [0xf3, 1]),
    ...lanes(2_120, [0xe7, 1]),
    ...f64(2_136, [...one, ...zero, ...zero, 0xa3, 0xa6]),
  ];
  return bomb({ run: { code: [...code, ...answering(2_048, 96)] } });
};

/** The input of {@link nanFingerprint}. */
export function nanInput(): Uint8Array {
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(8, 0x7ff8000000000abcn, true);
  view.setBigUint64(16, 0xfff8000000000123n, true);
  return bytes;
}

/** The same module with other bytes: a custom section holds `number`. */
export function padded(module: Uint8Array, number: number): Uint8Array {
  const content = new Writer().name("number").u32(number);
  return new Writer().bytes(module).byte(0).u32(content.length).bytes(content.view()).finish();
}
