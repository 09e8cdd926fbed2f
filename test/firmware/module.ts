/** Small task-firmware modules, assembled from bytes. Opcodes: WebAssembly core specification 2.0, section 5.4. */
import { Writer } from "../../src/firmware/wasm/writer.ts";

type Bytes = readonly number[] | Uint8Array;

/** A function beside the profile's own; its code stands without the final `end`. */
export interface FunctionParts {
  /** Type index: 0..3 are those of alloc, run, verify and start, then come `types`. */
  readonly type?: number;
  /** Groups of locals. */
  readonly locals?: readonly (readonly [count: number, type: number])[];
  readonly code?: Bytes;
}

export interface ModuleParts {
  /** Pages: least, most; without most there is no maximum. Absent: no memory. */
  readonly memory?: readonly [number, number?];
  /** Body of `alloc (i32) -> i32`; address 1024 unless given. */
  readonly alloc?: Bytes;
  /** Body of `run (i32, i32) -> i64`; gives back its input unless given. */
  readonly run?: Bytes;
  /** Locals of `run`. */
  readonly locals?: FunctionParts["locals"];
  /** Body of `verify (i32, i32, i32, i32) -> i32`; not exported unless given. */
  readonly verify?: Bytes;
  /** Body of a start function `() -> ()`. */
  readonly start?: Bytes;
  /** Whether a function `env.f () -> ()` is imported. */
  readonly imports?: boolean;
  /** Elements of a table without a maximum. */
  readonly table?: number;
  /** More function types, from index 4 on. */
  readonly types?: readonly Bytes[];
  /** More functions, from index 4 on (5 with an import). */
  readonly functions?: readonly FunctionParts[];
  /** Entries of the sections. */
  readonly tables?: readonly Bytes[];
  readonly globals?: readonly Bytes[];
  readonly exports?: readonly Bytes[];
  readonly elements?: readonly Bytes[];
  readonly data?: readonly Bytes[];
  /** Whether a section says how many data segments there are. */
  readonly dataCount?: boolean;
  /** Sections put in at the end. */
  readonly more?: Bytes;
}

export const OP = {
  unreachable: 0x00,
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  drop: 0x1a,
  get: 0x20,
  set: 0x21,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Load: [0x28, 2, 0],
  i32Store: [0x36, 2, 0],
  memoryGrow: [0x40, 0],
  i32Const: 0x41,
  i64Const: 0x42,
  i32Add: 0x6a,
  i32DivS: 0x6d,
  i64Or: 0x84,
  i64Shl: 0x86,
  i64FromU32: 0xad,
} as const;

export const TYPE = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
} as const;

/** Returns the pointer and the length it was given. */
export const ECHO = [
  OP.get,
  0,
  OP.i64FromU32,
  OP.i64Const,
  32,
  OP.i64Shl,
  OP.get,
  1,
  OP.i64FromU32,
  OP.i64Or,
];
export const ENDLESS = [...OP.loop, OP.br, 0, OP.end, OP.unreachable];
/** `run` that returns nothing. */
export const NOTHING = [OP.i64Const, 0];

/** `run` that returns `pointer` and `length` whatever it is given. */
export function returning(pointer: number, length: number): number[] {
  return [OP.i64Const, ...signed((BigInt(pointer) << 32n) | BigInt(length))];
}

/** Signed LEB128. */
function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = BigInt.asIntN(64, value); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    const isLast = rest >> 6n === 0n || rest >> 6n === -1n;
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}

/** Unsigned LEB128. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

/** A name as the format has it. */
export function text(name: string): number[] {
  const bytes = new TextEncoder().encode(name);
  return [...leb(bytes.length), ...bytes];
}

/** One after the other. */
export function joined(...parts: readonly Bytes[]): Uint8Array {
  return concatenated(parts);
}

/** The same of more parts than a call takes. */
function concatenated(parts: readonly Bytes[]): Uint8Array {
  const writer = new Writer();
  for (const part of parts) writer.bytes(Uint8Array.from(part));
  return writer.finish();
}

/** The same bytes so many times. */
export function repeated(bytes: Bytes, count: number): Uint8Array {
  const all = new Uint8Array(bytes.length * count);
  for (let i = 0; i < count; i++) all.set(bytes, i * bytes.length);
  return all;
}

/** A module of these sections: id and contents. */
export function assembled(...sections: readonly (readonly [id: number, contents: Bytes])[]): Uint8Array {
  const parts = sections.map(([id, contents]) => joined([id, ...leb(contents.length)], contents));
  return joined([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], ...parts);
}

/** A count and so many entries. */
export function vector(entries: readonly Bytes[]): Uint8Array {
  return concatenated([leb(entries.length), ...entries]);
}

/** A function's body: its length, its locals, its code and the final `end`. */
export function bodyOf({ locals = [], code = [] }: FunctionParts): Uint8Array {
  const groups = vector(locals.map(([count, type]) => [...leb(count), type]));
  return joined(leb(groups.length + code.length + 1), groups, code, [OP.end]);
}

/** A module of profile `task/1`, but for what `parts` change. */
export function taskModule(parts: ModuleParts = {}): Uint8Array {
  const { memory = [1, 16], alloc = [OP.i32Const, ...signed(1024n)], run = ECHO, table } = parts;
  const [least, most] = memory;
  const first = parts.imports ? 1 : 0;
  const functions: readonly FunctionParts[] = [
    { type: 0, code: alloc },
    { type: 1, code: run, locals: parts.locals ?? [] },
    { type: 2, code: parts.verify ?? [OP.unreachable] },
    { type: 3, code: parts.start ?? [OP.unreachable] },
    ...(parts.functions ?? []),
  ];
  const exported = [
    [...text("memory"), 2, 0],
    [...text("alloc"), 0, first],
    [...text("run"), 0, first + 1],
    ...(parts.verify ? [[...text("verify"), 0, first + 2]] : []),
    ...(parts.exports ?? []),
  ];
  const types = [
    [0x60, 1, 0x7f, 1, 0x7f],
    [0x60, 2, 0x7f, 0x7f, 1, 0x7e],
    [0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f],
    [0x60, 0, 0],
    ...(parts.types ?? []),
  ];
  const tables = [...(table === undefined ? [] : [[0x70, 0, ...leb(table)]]), ...(parts.tables ?? [])];
  const { data = [] } = parts;
  const sections: (readonly [number, Bytes])[] = [
    [1, vector(types)],
    [2, vector(parts.imports ? [[...text("env"), ...text("f"), 0, 3]] : [])],
    [3, vector(functions.map(({ type = 3 }) => leb(type)))],
    [4, vector(tables)],
    [5, vector([most === undefined ? [0, ...leb(least)] : [1, ...leb(least), ...leb(most)]])],
    [6, vector(parts.globals ?? [])],
    [7, vector(exported)],
    [8, parts.start ? leb(first + 3) : []],
    [9, vector(parts.elements ?? [])],
    [12, parts.dataCount ? leb(data.length) : []],
    [10, vector(functions.map(bodyOf))],
    [11, vector(data)],
  ];
  // an empty vector is one zero byte
  const present = sections.filter(([id, contents]) => contents.length > (id === 8 || id === 12 ? 0 : 1));
  return joined(assembled(...present), parts.more ?? []);
}
