/**
 * What a task-firmware module may be, decided from its bytes in linear time, before anything compiles them.
 *
 * What protects the decoder itself stands in `wasm/limits.ts`; here is what protects the compiler, the meter and the
 * machine, and what a profile asks for. Types of operands are left to the engine's validator.
 */

import { frameOf, STACK_BUDGET } from "./meter/budget.ts";
import { stackOf } from "./meter/recursion.ts";
import { WASI_TYPES } from "./wasi.ts";
import { decodeModule, type Module, type Rejection, type Segment, type Undecodable } from "./wasm/module.ts";
import { KIND } from "./wasm/sections.ts";
import { VALUE } from "./wasm/types.ts";

export type { Rejection };

/** Largest module, bytes. */
export const MAX_MODULE_BYTES = 4 * 2 ** 20;
/** Most memory a module may declare, pages of 64 KiB. */
export const MAX_PAGES = 1024;
/** Most elements of all tables together. */
const MAX_ELEMENTS = 65_536;
/**
 * `Body.moves` of one function and of all: a baseline compiler takes some 7 to 12 ns for each, and nothing interrupts
 * it. Real modules stay below 290,000 in one function and 2,200,000 in all.
 */
const MAX_MOVES = 4_000_000;
const MAX_MODULE_MOVES = 20_000_000;
/** Bytes of one frame: it is entered before it can be found that the stack is used up. */
const MAX_FRAME = 65_536;
const PAGE = 65_536;
/** Names that the metered module's own exports have. */
const RESERVED = "__hw_";
const WASI = "wasi_snapshot_preview1";
const TABLE_GROW = 0xfc0f;

const LETTERS = new Map<number, string>([
  [VALUE.i32, "i"],
  [VALUE.i64, "I"],
  [VALUE.f32, "f"],
  [VALUE.f64, "F"],
  [VALUE.v128, "v"],
  [VALUE.funcref, "r"],
  [VALUE.externref, "x"],
]);

/** Types of the functions a profile exports, `params>results`; those with a question mark may be absent. */
const EXPORTS = {
  "task/1": { alloc: "i>i", run: "ii>I", "verify?": "iiii>i" },
  "wasi-stdio/1": { _start: ">" },
} as const;

/** What a module speaks: `task/1` memory and functions, without imports; `wasi-stdio/1` WASI preview 1 with streams. */
export type Profile = keyof typeof EXPORTS;

/** A module that may run. */
export type Outline = {
  readonly module: Module;
  readonly profile: Profile;
  /** Declared maximum of its memory. */
  readonly pages: number;
  /** The smallest memory class that holds it. */
  readonly memoryMiB: 1 | 16 | 64;
  readonly hasVerify: boolean;
};

/** `reason` is one sentence with the numbers. */
export type Rejected = Undecodable;

/** What a module is, or the first rule that it breaks. */
export function judgeModule(bytes: Uint8Array): Outline | Rejected {
  if (bytes.length > MAX_MODULE_BYTES) {
    return rejected("too_large", `the module has ${bytes.length} bytes; at most ${MAX_MODULE_BYTES}`);
  }
  const module = decodeModule(bytes);
  if ("rejection" in module) return module;
  const profile = profileOf(module);
  const wrong =
    judgeImports(module, profile) ??
    judgeExports(module, profile) ??
    judgeMemory(module) ??
    judgeTables(module) ??
    judgeSegments(module) ??
    judgeBranches(module) ??
    judgeStack(module);
  if (wrong !== null) return wrong;
  const pages = module.memory?.most ?? 0;
  const hasVerify = profile === "task/1" && module.exports.some(({ name }) => name === "verify");
  return { module, profile, pages, memoryMiB: pages <= 16 ? 1 : pages <= 256 ? 16 : 64, hasVerify };
}

function rejected(rejection: Rejection, reason: string): Rejected {
  return { rejection, reason };
}

function profileOf({ exports }: Module): Profile {
  const has = (wanted: string) => exports.some(({ name }) => name === wanted);
  return has("_start") && !has("run") ? "wasi-stdio/1" : "task/1";
}

function judgeImports(module: Module, profile: Profile): Rejected | null {
  for (const entry of module.imports) {
    const what = `${entry.module}.${entry.name} is imported`;
    if (profile === "task/1") return rejected("imports", `${what}; profile task/1 has no imports`);
    const expected = entry.module === WASI ? WASI_TYPES.get(entry.name) : undefined;
    if (expected === undefined)
      return rejected("imports", `${what}, which profile wasi-stdio/1 does not have`);
    const type = entry.kind === KIND.function ? typeText(module, entry.type) : "no function";
    if (type !== expected) return rejected("imports", `${what} as ${type}; it is ${expected}`);
  }
  return null;
}

function judgeExports(module: Module, profile: Profile): Rejected | null {
  const reserved = module.exports.find(({ name }) => name.startsWith(RESERVED));
  if (reserved) return rejected("reserved_name", `export ${reserved.name} begins with ${RESERVED}`);
  const found = new Map(module.exports.map((entry) => [entry.name, entry]));
  if (found.get("memory")?.kind !== KIND.memory) {
    return rejected("exports", `profile ${profile} exports a memory by the name of memory`);
  }
  for (const [key, type] of Object.entries(EXPORTS[profile])) {
    const name = key.replace("?", "");
    const entry = found.get(name);
    if (entry === undefined && name !== key) continue;
    const actual = entry === undefined ? "absent" : exportType(module, entry.kind, entry.index);
    if (actual !== type) return rejected("exports", `export ${name} is ${actual}; it must be ${type}`);
  }
  return null;
}

function exportType(module: Module, kind: number, index: number): string {
  return kind === KIND.function ? typeText(module, module.functionTypes[index] ?? -1) : "no function";
}

/** `params>results`, a letter a value. */
function typeText({ types }: Module, index: number): string {
  const { params = [], results = [] } = types[index] ?? {};
  const letters = (values: Iterable<number>) =>
    Array.from(values, (type) => LETTERS.get(type) ?? "?").join("");
  return `${letters(params)}>${letters(results)}`;
}

function judgeMemory({ memory }: Module): Rejected | null {
  // exported, so it is there
  const { least, most } = memory ?? { least: 0, most: 0 };
  const pages = Math.max(least, most ?? 0);
  if (pages > MAX_PAGES) {
    return rejected("memory_too_large", `the memory has ${pages} pages; at most ${MAX_PAGES}`);
  }
  return most === null ? rejected("memory_unbounded", "the memory declares no maximum") : null;
}

function judgeTables({ tables, bodies }: Module): Rejected | null {
  let elements = 0;
  for (const { least, most } of tables) elements += Math.max(least, most ?? 0);
  if (elements > MAX_ELEMENTS) {
    return rejected("table_too_large", `the tables have ${elements} elements; at most ${MAX_ELEMENTS}`);
  }
  const isUnbounded = tables.some(({ most }) => most === null);
  if (isUnbounded && bodies.some(({ op }) => op.includes(TABLE_GROW))) {
    return rejected("table_too_large", "a table that may grow declares no maximum");
  }
  return null;
}

function judgeSegments({ elements, data, tables, memory }: Module): Rejected | null {
  const sizes = tables.map(({ least }) => least);
  return judgeBounds("elements", elements, sizes) ?? judgeBounds("data", data, [(memory?.least ?? 0) * PAGE]);
}

/** Segments must lie in what is there from the start: an instance whose segments do not is a trap before any code. */
function judgeBounds(
  rejection: "elements" | "data",
  segments: readonly Segment[],
  sizes: readonly number[],
): Rejected | null {
  for (const [i, { mode, index, offset, length }] of segments.entries()) {
    if (mode !== "active") continue;
    if (offset === null) return rejected(rejection, `segment ${i} has no constant offset`);
    const size = sizes[index] ?? 0;
    if (offset + length > size) {
      return rejected(rejection, `segment ${i} ends at ${offset + length}, beyond the ${size} declared`);
    }
  }
  return null;
}

function judgeBranches({ bodies }: Module): Rejected | null {
  let sum = 0;
  for (const [i, { moves }] of bodies.entries()) {
    sum += moves;
    if (moves > MAX_MOVES) {
      return rejected(
        "branches",
        `body ${i} moves ${moves} values at branches and calls; at most ${MAX_MOVES}`,
      );
    }
  }
  if (sum <= MAX_MODULE_MOVES) return null;
  return rejected("branches", `branches and calls move ${sum} values; at most ${MAX_MODULE_MOVES}`);
}

function judgeStack(module: Module): Rejected | null {
  for (const [i, body] of module.bodies.entries()) {
    const frame = frameOf(body);
    if (frame > MAX_FRAME)
      return rejected("stack", `body ${i} takes ${frame} bytes of stack; at most ${MAX_FRAME}`);
  }
  const { acyclic } = stackOf(module);
  if (acyclic <= STACK_BUDGET) return null;
  return rejected("stack", `calls without recursion take ${acyclic} bytes of stack; at most ${STACK_BUDGET}`);
}
