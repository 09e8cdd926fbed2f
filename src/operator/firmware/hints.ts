/** How to mend a module that is rejected. */
import type { Verdict } from "../../firmware/executor.ts";
import type { Rejection } from "../../firmware/policy.ts";

const SMALLER = "split the function, or compile for size (asc -Oz, clang -Os)";

/** `invalid`: the engine's validator does not accept it. */
const HINTS: Readonly<Record<Rejection | "invalid", string>> = {
  too_large: "leave out debug symbols and names (wasm-opt --strip), or carry tables in the input",
  not_wasm: "name the compiled module: hirewire firmware build makes one of FILE.ts",
  malformed: "compile it again: the file is cut short, or no WebAssembly 2.0 module",
  features: "compile without threads, exceptions, tail calls, garbage collection and 64-bit memory",
  opcodes: "compile without threads, exceptions, tail calls, garbage collection and relaxed SIMD",
  imports:
    "task/1 has no imports: in AssemblyScript --use abort= and no console, Date or Math.random; C with " +
    "-nostdlib, or with wasi-libc as a command",
  exports:
    "export memory, alloc(i32) -> i32 and run(i32, i32) -> i64, see hirewire firmware build --template; or, " +
    "with WASI, memory and _start",
  reserved_name: "rename the export: names that begin with __hw_ are the meter's",
  memory_unbounded: "declare a maximum: asc --maximumMemory 16, or wasm-ld --max-memory=1048576",
  memory_too_large:
    "declare 1,024 pages (64 MiB) at most: asc --maximumMemory 1024, wasm-ld --max-memory=67108864",
  table_too_large: "fewer functions called by address",
  locals: SMALLER,
  branches: SMALLER,
  nesting: SMALLER,
  functions: "leave out what is not used: wasm-ld --gc-sections, or wasm-opt --remove-unused-module-elements",
  types: "leave out what is not used: wasm-opt --remove-unused-types",
  globals: "keep what is many in memory, not in globals",
  data: "raise the initial memory until all data fits: asc --initialMemory, wasm-ld --initial-memory",
  elements: "fewer functions called by address",
  stack: "keep large arrays in memory, not on the stack, and call chains shorter",
  br_table: "replace the largest switch by a table in memory",
  invalid: "compile it again: an instruction's operands have wrong types, which no compiler writes",
  custom: "leave out debug symbols and names: wasm-opt --strip, clang -s",
};

/** One thing to try, or null for a reason that it does not know. */
export function hintOf(rejection: string): string | null {
  return Object.hasOwn(HINTS, rejection) ? HINTS[rejection as Rejection] : null;
}

/** What is wrong with an output, by the executor's reasons. */
const OUTPUTS: Readonly<Record<string, string>> = {
  no_output: "give back address << 32 | length: 0 says that there is no answer to this input",
  out_of_bounds: "give back address << 32 | length of bytes inside the memory",
  alloc_out_of_bounds:
    "alloc gave no room inside the memory for the input: raise the maximum, or free what is old",
  too_long: "raise --max-output, or answer shorter",
};

/** One thing to try about a run that did not end well, or null. */
export function runHintOf(verdict: Verdict, reason: string): string | null {
  if (verdict === "out-of-fuel") return "raise --fuel, or give it less to do";
  if (verdict === "deadline") return "raise --deadline, or give it less to do";
  if (verdict === "stack") return "use loops in place of deep recursion";
  if (verdict === "bad-output") return OUTPUTS[reason] ?? null;
  return null;
}
