/** Small task-firmware modules, assembled from bytes. Opcodes: WebAssembly core specification 2.0, section 5.4. */

export interface ModuleParts {
  /** Pages: least, most; without most there is no maximum. Absent: no memory. */
  readonly memory?: readonly [number, number?];
  /** Body of `alloc (i32) -> i32`; address 1024 unless given. */
  readonly alloc?: readonly number[];
  /** Body of `run (i32, i32) -> i64`; gives back its input unless given. */
  readonly run?: readonly number[];
  /** Body of `verify (i32, i32, i32, i32) -> i32`; not exported unless given. */
  readonly verify?: readonly number[];
  /** Body of a start function `() -> ()`. */
  readonly start?: readonly number[];
  /** Whether a function `env.f () -> ()` is imported. */
  readonly imports?: boolean;
  readonly table?: number;
  /** Sections put in at the end. */
  readonly more?: readonly number[];
}

export const OP = {
  unreachable: 0x00,
  loop: [0x03, 0x40],
  end: 0x0b,
  br: 0x0c,
  call: 0x10,
  drop: 0x1a,
  get: 0x20,
  i32Load: [0x28, 2, 0],
  i32Store: [0x36, 2, 0],
  i32Const: 0x41,
  i64Const: 0x42,
  i32Add: 0x6a,
  i32DivS: 0x6d,
  i64Or: 0x84,
  i64Shl: 0x86,
  i64FromU32: 0xad,
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

/** `run` that returns `pointer` and `length` whatever it is given. */
export function returning(pointer: number, length: number): number[] {
  return [OP.i64Const, ...signed((BigInt(pointer) << 32n) | BigInt(length))];
}

function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = BigInt.asIntN(64, value); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    const isLast = rest >> 6n === 0n || rest >> 6n === -1n;
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}

export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  if (entries.length === 0) return [];
  const bytes = [...leb(entries.length), ...entries.flat()];
  return [id, ...leb(bytes.length), ...bytes];
}

function text(name: string): number[] {
  return [...leb(name.length), ...new TextEncoder().encode(name)];
}

/** A module of profile `task/1`, but for what `parts` change. */
export function taskModule(parts: ModuleParts = {}): Uint8Array {
  const {
    memory = [1, 16],
    alloc = [OP.i32Const, ...signed(1024n)],
    run = ECHO,
    verify,
    start,
    table,
  } = parts;
  const [least, most] = memory;
  const bodies = [alloc, run, verify ?? [OP.unreachable], start ?? [OP.unreachable]];
  const first = parts.imports ? 1 : 0;
  const startIndex = first + 3;
  const exported = [
    [...text("memory"), 2, 0],
    [...text("alloc"), 0, first],
    [...text("run"), 0, first + 1],
    ...(verify ? [[...text("verify"), 0, first + 2]] : []),
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [
      [0x60, 1, 0x7f, 1, 0x7f],
      [0x60, 2, 0x7f, 0x7f, 1, 0x7e],
      [0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f],
      [0x60, 0, 0],
    ]),
    ...section(2, parts.imports ? [[...text("env"), ...text("f"), 0, 3]] : []),
    ...section(3, [[0], [1], [2], [3]]),
    ...section(4, table === undefined ? [] : [[0x70, 0, ...leb(table)]]),
    ...section(5, [most === undefined ? [0, ...leb(least)] : [1, ...leb(least), ...leb(most)]]),
    ...section(7, exported),
    ...(start ? [8, 1, startIndex] : []),
    ...section(
      10,
      bodies.map((body) => [...leb(body.length + 2), 0, ...body, OP.end]),
    ),
    ...(parts.more ?? []),
  ]);
}
