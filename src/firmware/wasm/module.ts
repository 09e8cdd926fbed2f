/** A module decoded: the one reading of it that the policy, the meter and the executor share. */
import type { Body } from "./body.ts";
import { BodyDecoder } from "./body-decoder.ts";
import { malformed, Reader } from "./leb.ts";
import { LIMITS } from "./limits.ts";
import { type Rejection, Unfit } from "./rejection.ts";
import {
  Declarations,
  type Export,
  type Global,
  type Import,
  type Limits,
  PARSERS,
  type Segment,
  type Table,
} from "./sections.ts";
import type { FunctionType } from "./types.ts";

export type { Body, Export, FunctionType, Global, Import, Limits, Rejection, Segment, Table };

/** Bytes [start, end) of `Module.bytes` are its contents, behind its id and its length. */
export type Section = { readonly id: number; readonly start: number; readonly end: number };

/** Indices are those of WebAssembly: imported things come first. */
export type Module = {
  readonly bytes: Uint8Array;
  /** In the file's order, custom ones included. */
  readonly sections: readonly Section[];
  readonly types: readonly FunctionType[];
  /** Type index of every function. */
  readonly functionTypes: Uint32Array;
  readonly importedFunctions: number;
  readonly imports: readonly Import[];
  readonly tables: readonly Table[];
  readonly memory: Limits | null;
  readonly globals: readonly Global[];
  readonly exports: readonly Export[];
  /** Function index, or -1. */
  readonly start: number;
  readonly elements: readonly Segment[];
  readonly data: readonly Segment[];
  /** Functions that an indirect call may reach, ascending: their address is in a segment, a global or a `ref.func`. */
  readonly addressable: readonly number[];
  /** Of the functions that are not imported. */
  readonly bodies: readonly Body[];
};

/** `reason` is one sentence with the numbers. */
export type Undecodable = { readonly rejection: Rejection; readonly reason: string };

const HEAD = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const CUSTOM = 0;
const CODE = 10;
const TAGS = 13;
/** Ids in the order that sections must have; a tag section would stand behind the memories. */
const ORDER = [1, 2, 3, 4, 5, TAGS, 6, 7, 8, 9, 12, CODE, 11];

/**
 * Reads a module's structure in time and memory linear in its bytes, which the caller bounds; anything beyond
 * WebAssembly 2.0 or {@link LIMITS} is refused. Types of operands are not checked: that is for the engine's validator.
 */
export function decodeModule(bytes: Uint8Array): Module | Undecodable {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof Unfit) return { rejection: error.rejection, reason: error.reason };
    throw error;
  }
}

function decode(bytes: Uint8Array): Module {
  if (HEAD.some((byte, i) => bytes[i] !== byte)) {
    throw new Unfit("not_wasm", "the bytes do not begin as WebAssembly of version 1 does");
  }
  const declarations = new Declarations();
  const sections: Section[] = [];
  let code: Code = { bodies: [], referenced: new Set() };
  let customSections = 0;
  let customBytes = 0;
  let place = -1;
  for (let at = HEAD.length; at < bytes.length; ) {
    const reader = new Reader(bytes, at);
    const section = readHead(reader);
    const { id, end } = section;
    sections.push(section);
    if (id === CUSTOM) {
      customBytes += end - at;
      if (customBytes > LIMITS.customBytes) {
        throw new Unfit("custom", `custom sections have more than ${LIMITS.customBytes} bytes`);
      }
      customSections++;
      if (customSections > LIMITS.customSections) {
        throw new Unfit("custom", `there are more than ${LIMITS.customSections} custom sections`);
      }
      reader.name();
    } else {
      const next = ORDER.indexOf(id);
      if (next === -1) throw malformed(`there is no section ${id}`, at);
      if (next <= place) throw malformed(`section ${id} stands twice or out of order`, at);
      place = next;
      if (id === TAGS) throw new Unfit("features", "there are tags: exception handling is not allowed");
      if (id === CODE) code = readCode(reader, declarations);
      else PARSERS.get(id)?.(reader, declarations);
      if (reader.at !== end) throw malformed(`section ${id} is longer than what it holds`, reader.at);
    }
    at = end;
  }
  return complete(bytes, sections, declarations, code);
}

function readHead(reader: Reader): Section {
  const id = reader.byte();
  const length = reader.u32();
  const start = reader.at;
  reader.skip(length);
  reader.end = reader.at;
  reader.at = start;
  return { id, start, end: reader.end };
}

type Code = { readonly bodies: readonly Body[]; readonly referenced: ReadonlySet<number> };

function readCode(reader: Reader, declarations: Declarations): Code {
  const { functionTypes, importedFunctions } = declarations;
  const count = reader.u32();
  const defined = functionTypes.length - importedFunctions;
  if (count !== defined) throw malformed(`there are ${count} bodies of ${defined} functions`, reader.at);
  const scope = {
    types: declarations.types,
    functionTypes: Uint32Array.from(functionTypes),
    globals: declarations.globals.length,
    tables: declarations.tables.length,
    elementSegments: declarations.elements.length,
    dataSegments: Math.max(0, declarations.dataCount),
  };
  const decoder = new BodyDecoder(reader, scope, count, reader.end - reader.at);
  const bodies: Body[] = [];
  for (let i = importedFunctions; i < functionTypes.length; i++)
    bodies.push(decoder.next(functionTypes[i] ?? 0));
  return { bodies, referenced: decoder.referenced };
}

function complete(
  bytes: Uint8Array,
  sections: readonly Section[],
  declarations: Declarations,
  { bodies, referenced }: Code,
): Module {
  const { types, imports, importedFunctions, tables, memory, globals, start, elements, data, dataCount } =
    declarations;
  const defined = declarations.functionTypes.length - importedFunctions;
  if (bodies.length !== defined) throw malformed(`there are no bodies of ${defined} functions`, bytes.length);
  if (dataCount !== -1 && dataCount !== data.length) {
    throw malformed(`there are ${data.length} data segments, and not ${dataCount}`, bytes.length);
  }
  return {
    bytes,
    sections,
    types,
    functionTypes: Uint32Array.from(declarations.functionTypes),
    importedFunctions,
    imports,
    tables,
    memory,
    globals,
    exports: declarations.exports,
    start,
    elements,
    data,
    addressable: [...declarations.referenced.union(referenced)].toSorted((a, b) => a - b),
    bodies,
  };
}
