/**
 * What a task-firmware module may be, decided from its bytes before anything compiles them.
 *
 * Reads the WebAssembly binary format (core specification 2.0, chapter 5) as far as the limits need: sections,
 * function types, table and memory limits, exports. Function bodies are for the compiler to validate.
 * Imports nothing, because the executor's child may read nothing else.
 */

/** Largest module, bytes. */
export const MAX_MODULE_BYTES = 2 ** 20;
/** Most memory a module may declare, pages of 64 KiB. */
export const MAX_PAGES = 1024;
/** Most elements a table may have. */
const MAX_TABLE = 65_536;

/**
 * Why a module is not run.
 *
 * - `too_large`: more than {@link MAX_MODULE_BYTES}
 * - `not_wasm`: no magic number and version 1
 * - `malformed`: a section does not parse
 * - `features`: more than one memory, shared or 64-bit memory, or types beyond the core ones
 * - `imports`: profile `task/1` has none
 * - `exports`: `memory`, `alloc (i32) -> i32` or `run (i32, i32) -> i64` is absent or of another kind, or a
 *   `verify` is not `(i32, i32, i32, i32) -> i32`
 * - `memory_unbounded`: no maximum is declared
 * - `memory_too_large`: the maximum is above {@link MAX_PAGES}
 * - `table_too_large`: more than 65,536 elements
 */
export type Rejection =
  | "too_large"
  | "not_wasm"
  | "malformed"
  | "features"
  | "imports"
  | "exports"
  | "memory_unbounded"
  | "memory_too_large"
  | "table_too_large";

const SECTION = { type: 1, import: 2, function: 3, table: 4, memory: 5, export: 7 } as const;
const KIND = { function: 0, memory: 2 } as const;
/** Value types of one byte: i32 i64 f32 f64 v128 funcref externref. */
const LETTERS = new Map([
  [0x7f, "i"],
  [0x7e, "I"],
  [0x7d, "f"],
  [0x7c, "F"],
  [0x7b, "v"],
  [0x70, "r"],
  [0x6f, "x"],
]);

/** What the sections say; function types are written `params>results`, one letter a value. */
interface Outline {
  types: string[];
  functions: number[];
  exports: Map<string, { readonly kind: number; readonly index: number }>;
  memories: number;
}

/** Bytes read front to back; reading past the end gives NaN, which `broken` remembers. */
interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  broken: boolean;
}

/** The first rule of profile `task/1` that a module breaks, or null when it breaks none. */
export function judgeModule(bytes: Uint8Array): Rejection | null {
  if (bytes.length > MAX_MODULE_BYTES) return "too_large";
  const head = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  if (bytes.length < head.length || head.some((byte, i) => bytes[i] !== byte)) return "not_wasm";
  const outline: Outline = { types: [], functions: [], exports: new Map(), memories: 0 };
  let at = head.length;
  while (at < bytes.length) {
    const cursor: Cursor = { bytes, at, end: bytes.length, broken: false };
    const id = byte(cursor);
    const length = unsigned(cursor);
    if (cursor.broken || cursor.at + length > bytes.length) return "malformed";
    const section: Cursor = { bytes, at: cursor.at, end: cursor.at + length, broken: false };
    const rejection = judgeSection(id, section, outline);
    if (section.broken) return "malformed";
    if (rejection !== null) return rejection;
    at = section.end;
  }
  return judgeExports(outline);
}

function judgeSection(id: number, section: Cursor, outline: Outline): Rejection | null {
  switch (id) {
    case SECTION.type:
      return readTypes(section, outline);
    case SECTION.import:
      return unsigned(section) === 0 ? null : "imports";
    case SECTION.function: {
      const count = unsigned(section);
      for (let i = 0; i < count && !section.broken; i++) outline.functions.push(unsigned(section));
      return null;
    }
    case SECTION.table:
      return readTables(section);
    case SECTION.memory:
      return readMemories(section, outline);
    case SECTION.export:
      return readExports(section, outline);
    default:
      return null;
  }
}

function readTypes(section: Cursor, outline: Outline): Rejection | null {
  const count = unsigned(section);
  for (let i = 0; i < count && !section.broken; i++) {
    if (byte(section) !== 0x60) return "features";
    const params = valueTypes(section);
    const results = valueTypes(section);
    if (params === null || results === null) return "features";
    outline.types.push(`${params}>${results}`);
  }
  return null;
}

function valueTypes(section: Cursor): string | null {
  const count = unsigned(section);
  let letters = "";
  for (let i = 0; i < count && !section.broken; i++) {
    const letter = LETTERS.get(byte(section));
    if (letter === undefined) return null;
    letters += letter;
  }
  return letters;
}

function readTables(section: Cursor): Rejection | null {
  const count = unsigned(section);
  for (let i = 0; i < count && !section.broken; i++) {
    const element = byte(section);
    if (element !== 0x70 && element !== 0x6f) return "features";
    const flags = byte(section);
    if (flags > 1) return "features";
    const least = unsigned(section);
    const most = flags === 1 ? unsigned(section) : least;
    if (Math.max(least, most) > MAX_TABLE) return "table_too_large";
  }
  return null;
}

function readMemories(section: Cursor, outline: Outline): Rejection | null {
  const count = unsigned(section);
  if (count > 1) return "features";
  outline.memories = count;
  if (count === 0) return null;
  const flags = byte(section);
  if (flags > 1) return "features";
  const least = unsigned(section);
  if (least > MAX_PAGES) return "memory_too_large";
  if (flags === 0) return "memory_unbounded";
  return unsigned(section) > MAX_PAGES ? "memory_too_large" : null;
}

function readExports(section: Cursor, outline: Outline): Rejection | null {
  const count = unsigned(section);
  for (let i = 0; i < count && !section.broken; i++) {
    const length = unsigned(section);
    if (section.at + length > section.end) section.broken = true;
    if (section.broken) return null;
    const name = new TextDecoder().decode(section.bytes.subarray(section.at, section.at + length));
    section.at += length;
    outline.exports.set(name, { kind: byte(section), index: unsigned(section) });
  }
  return null;
}

function judgeExports(outline: Outline): Rejection | null {
  const signature = (name: string): string | undefined => {
    const entry = outline.exports.get(name);
    if (entry === undefined) return undefined;
    if (entry.kind !== KIND.function) return "not a function";
    return outline.types[outline.functions[entry.index] ?? -1] ?? "absent";
  };
  const verify = signature("verify");
  const complete =
    outline.memories === 1 &&
    outline.exports.get("memory")?.kind === KIND.memory &&
    signature("alloc") === "i>i" &&
    signature("run") === "ii>I" &&
    (verify === undefined || verify === "iiii>i");
  return complete ? null : "exports";
}

function byte(cursor: Cursor): number {
  const value = cursor.at < cursor.end ? cursor.bytes[cursor.at] : undefined;
  cursor.at++;
  if (value !== undefined) return value;
  cursor.broken = true;
  return Number.NaN;
}

/** An unsigned LEB128 of at most 32 bits. */
function unsigned(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const next = byte(cursor);
    value += (next & 0x7f) * 2 ** shift;
    if (cursor.broken || next < 0x80) {
      if (value >= 2 ** 32) cursor.broken = true;
      return value;
    }
  }
  cursor.broken = true;
  return Number.NaN;
}
