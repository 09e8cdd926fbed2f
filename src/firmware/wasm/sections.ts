/** Decodes the sections of a module but its code. WebAssembly core specification 2.0, section 5.5. */
import { malformed, type Reader } from "./leb.ts";
import { LIMITS } from "./limits.ts";
import { type Rejection, Unfit } from "./rejection.ts";
import { checkReferenceType, checkValueType, type FunctionType, unknownOpcode, wrongType } from "./types.ts";

/** What an import or an export is. */
export const KIND = { function: 0, table: 1, memory: 2, global: 3 } as const;

/** `type` is a type index, -1 where it is no function. */
export type Import = {
  readonly module: string;
  readonly name: string;
  readonly kind: number;
  readonly type: number;
};
/** Pages of 64 KiB, or elements. */
export type Limits = { readonly least: number; readonly most: number | null };
export type Table = Limits & { readonly type: number };
export type Global = { readonly type: number; readonly mutable: boolean; readonly imported: boolean };
export type Export = { readonly name: string; readonly kind: number; readonly index: number };

/** `index`: of its table or memory. `offset`: null where it is passive, declared, or where a global decides it. */
export type Segment = {
  readonly mode: "active" | "passive" | "declared";
  readonly index: number;
  readonly offset: number | null;
  /** Elements or bytes. */
  readonly length: number;
};

/** What the sections before the code say, and the data behind it. */
export class Declarations {
  types: FunctionType[] = [];
  imports: Import[] = [];
  /** Type indices, imported functions first. */
  functionTypes: number[] = [];
  importedFunctions = 0;
  tables: Table[] = [];
  memory: Limits | null = null;
  globals: Global[] = [];
  exports: Export[] = [];
  start = -1;
  elements: Segment[] = [];
  data: Segment[] = [];
  /** What the data count section says, -1 without one. */
  dataCount = -1;
  /** Functions whose address a segment or a global takes. */
  readonly referenced = new Set<number>();
  elementsHeld = 0;
}

type Parser = (reader: Reader, declarations: Declarations) => void;

/** By section id, those that stand before the code, and the data. */
export const PARSERS: ReadonlyMap<number, Parser> = new Map([
  [1, readTypes],
  [2, readImports],
  [3, readFunctions],
  [4, readTables],
  [5, readMemories],
  [6, readGlobals],
  [7, readExports],
  [8, readStart],
  [9, readElements],
  [11, readData],
  [12, readDataCount],
]);

/** A count, of which each thing takes a byte at least. */
function readCount(reader: Reader, most: number, rejection: Rejection, nouns: string): number {
  const count = reader.u32();
  if (count > most) throw new Unfit(rejection, `there are ${count} ${nouns}; at most ${most}`);
  return count;
}

function readTypes(reader: Reader, { types }: Declarations): void {
  for (let left = readCount(reader, LIMITS.types, "types", "types"); left > 0; left--) {
    const form = reader.byte();
    if (form !== 0x60) throw wrongType(form, reader.at - 1);
    types.push({ params: readValueTypes(reader), results: readValueTypes(reader) });
  }
}

function readValueTypes(reader: Reader): Uint8Array {
  const count = readCount(reader, LIMITS.typeValues, "types", "parameters or results of a function");
  const start = reader.at;
  for (let i = 0; i < count; i++) checkValueType(reader.byte(), reader.at - 1);
  return reader.bytes.slice(start, reader.at);
}

function readImports(reader: Reader, declarations: Declarations): void {
  for (let left = readCount(reader, LIMITS.imports, "imports", "imports"); left > 0; left--) {
    const module = reader.name();
    const name = reader.name();
    const kind = reader.byte();
    let type = -1;
    if (kind === KIND.function) {
      type = readTypeIndex(reader, declarations);
      declarations.functionTypes.push(type);
      declarations.importedFunctions++;
    } else if (kind === KIND.table) declarations.tables.push(readTable(reader));
    else if (kind === KIND.memory) addMemory(reader, declarations);
    else if (kind === KIND.global) declarations.globals.push(readGlobalType(reader, true));
    else if (kind === 4) throw new Unfit("features", "a tag is imported: exception handling is not allowed");
    else throw malformed(`there is no import kind ${kind}`, reader.at - 1);
    declarations.imports.push({ module, name, kind, type });
  }
}

function readTypeIndex(reader: Reader, { types }: Declarations): number {
  const type = reader.u32();
  if (type >= types.length) throw malformed(`type ${type} is not there`, reader.at);
  return type;
}

function readFunctions(reader: Reader, declarations: Declarations): void {
  const count = readCount(reader, LIMITS.functions, "functions", "functions");
  for (let i = 0; i < count; i++) declarations.functionTypes.push(readTypeIndex(reader, declarations));
}

function readTables(reader: Reader, { tables }: Declarations): void {
  const count = readCount(reader, LIMITS.tables, "table_too_large", "tables");
  for (let i = 0; i < count; i++) tables.push(readTable(reader));
}

function readTable(reader: Reader): Table {
  const type = reader.byte();
  if (type === 0x40) throw new Unfit("features", "a table has an initial value, which is not allowed");
  checkReferenceType(type, reader.at - 1);
  return { type, ...readLimits(reader) };
}

function readMemories(reader: Reader, declarations: Declarations): void {
  for (let left = reader.u32(); left > 0; left--) addMemory(reader, declarations);
}

function addMemory(reader: Reader, declarations: Declarations): void {
  if (declarations.memory !== null) throw new Unfit("features", "there is more than one memory");
  declarations.memory = readLimits(reader);
}

function readLimits(reader: Reader): Limits {
  const flags = reader.byte();
  if (flags > 1) {
    const feature = flags & 4 ? "64-bit memory" : flags & 2 ? "shared memory" : "custom page sizes";
    if (flags > 0x0f) throw malformed(`limits have flags ${flags}`, reader.at - 1);
    throw new Unfit("features", `limits with flags ${flags} belong to ${feature}, which is not allowed`);
  }
  const least = reader.u32();
  const most = flags === 1 ? reader.u32() : null;
  if (most !== null && most < least) throw malformed(`a maximum of ${most} is below ${least}`, reader.at);
  return { least, most };
}

function readGlobalType(reader: Reader, imported: boolean): Global {
  const type = reader.byte();
  checkValueType(type, reader.at - 1);
  const mutability = reader.byte();
  if (mutability === 2 || mutability === 3) {
    throw new Unfit("features", "a global is shared: threads are not allowed");
  }
  if (mutability > 1) throw malformed(`there is no mutability ${mutability}`, reader.at - 1);
  return { type, mutable: mutability === 1, imported };
}

function readGlobals(reader: Reader, declarations: Declarations): void {
  for (let left = readCount(reader, LIMITS.globals, "globals", "globals"); left > 0; left--) {
    const global = readGlobalType(reader, false);
    readConstant(reader, declarations);
    declarations.globals.push(global);
  }
}

/** A constant expression; what an `i32.const` says, else null. */
function readConstant(reader: Reader, declarations: Declarations): number | null {
  const at = reader.at;
  const op = reader.byte();
  let value: number | null = null;
  if (op === 0x41) value = reader.s32() >>> 0;
  else if (op === 0x42) reader.skipS64();
  else if (op === 0x43) reader.skip(4);
  else if (op === 0x44) reader.skip(8);
  else if (op === 0x23) checkConstantGlobal(reader.u32(), declarations, at);
  else if (op === 0xd0) checkReferenceType(reader.byte(), reader.at - 1);
  else if (op === 0xd2) readReference(reader, declarations);
  else if (op === 0xfd) {
    const vector = reader.u32();
    if (vector !== 0x0c) throw unknownConstant(op, at);
    reader.skip(16);
  } else throw unknownConstant(op, at);
  const end = reader.byte();
  if (end !== 0x0b) throw unknownConstant(end, reader.at - 1);
  return value;
}

/** Engines disagree on whether a constant may name a global that the module defines, but not on imported ones. */
function checkConstantGlobal(index: number, { globals }: Declarations, at: number): void {
  const global = globals[index];
  if (global === undefined) throw malformed(`global ${index} is not there`, at);
  if (global.mutable) throw malformed(`global ${index} is no constant`, at);
  if (!global.imported) throw new Unfit("opcodes", `global ${index} at byte ${at} is not imported`);
}

function unknownConstant(op: number, at: number): Unfit {
  if (op === 0xfb || op === 0xfe) return unknownOpcode(op, at);
  return new Unfit("opcodes", `opcode 0x${op.toString(16)} at byte ${at} is not allowed in a constant`);
}

function readReference(reader: Reader, { functionTypes, referenced }: Declarations): void {
  const index = reader.u32();
  if (index >= functionTypes.length) throw malformed(`function ${index} is not there`, reader.at);
  referenced.add(index);
}

function readExports(reader: Reader, declarations: Declarations): void {
  const counts = [
    declarations.functionTypes.length,
    declarations.tables.length,
    declarations.memory === null ? 0 : 1,
    declarations.globals.length,
  ];
  const names = new Set<string>();
  for (let left = readCount(reader, LIMITS.exports, "exports", "exports"); left > 0; left--) {
    const name = reader.name();
    const kind = reader.byte();
    const index = reader.u32();
    const count = counts[kind];
    if (count === undefined) throw malformed(`there is no export kind ${kind}`, reader.at);
    if (index >= count) throw malformed(`what export ${names.size} names is not there`, reader.at);
    if (names.has(name)) throw malformed("two exports have one name", reader.at);
    names.add(name);
    declarations.exports.push({ name, kind, index });
  }
}

function readStart(reader: Reader, declarations: Declarations): void {
  declarations.start = reader.u32();
  if (declarations.start >= declarations.functionTypes.length) {
    throw malformed(`function ${declarations.start} is not there`, reader.at);
  }
}

function readElements(reader: Reader, declarations: Declarations): void {
  const count = readCount(reader, LIMITS.elementSegments, "elements", "element segments");
  for (let i = 0; i < count; i++) declarations.elements.push(readElementSegment(reader, declarations));
}

function readElementSegment(reader: Reader, declarations: Declarations): Segment {
  // bit 0: passive or declared; bit 1: its table is named, or it is declared; bit 2: expressions for indices
  const flags = reader.u32();
  if (flags > 7) throw malformed(`an element segment has flags ${flags}`, reader.at);
  const isActive = (flags & 1) === 0;
  const index = isActive && flags & 2 ? reader.u32() : 0;
  if (isActive && index >= declarations.tables.length)
    throw malformed(`table ${index} is not there`, reader.at);
  const offset = isActive ? readConstant(reader, declarations) : null;
  if (flags & 3) {
    const type = reader.byte();
    if (flags & 4) checkReferenceType(type, reader.at - 1);
    else if (type !== 0) throw malformed(`there is no element kind ${type}`, reader.at - 1);
  }
  const length = reader.u32();
  declarations.elementsHeld += length;
  if (declarations.elementsHeld > LIMITS.elements) {
    throw new Unfit("elements", `segments hold more than ${LIMITS.elements} elements`);
  }
  for (let i = 0; i < length; i++) {
    if (flags & 4) readConstant(reader, declarations);
    else readReference(reader, declarations);
  }
  const mode = isActive ? "active" : flags & 2 ? "declared" : "passive";
  return { mode, index, offset, length };
}

function readDataCount(reader: Reader, declarations: Declarations): void {
  declarations.dataCount = readCount(reader, LIMITS.dataSegments, "data", "data segments");
}

function readData(reader: Reader, declarations: Declarations): void {
  const count = readCount(reader, LIMITS.dataSegments, "data", "data segments");
  for (let i = 0; i < count; i++) {
    const flags = reader.u32();
    if (flags > 2) throw malformed(`a data segment has flags ${flags}`, reader.at);
    const index = flags === 2 ? reader.u32() : 0;
    if (index !== 0) throw new Unfit("features", `memory ${index} is named; there is only one`);
    const mode = flags === 1 ? "passive" : "active";
    const offset = mode === "active" ? readConstant(reader, declarations) : null;
    const length = reader.u32();
    reader.skip(length);
    declarations.data.push({ mode, index, offset, length });
  }
}
