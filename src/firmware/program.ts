/** A module made ready to run: judged, instrumented, compiled. The child does this, under its parent's deadline. */
import { hash } from "node:crypto";
import { marked } from "./baseline.ts";
import { instrument } from "./meter/instrument.ts";
import { judgeModule, type Outline } from "./policy.ts";
import type { Module, Rejection } from "./wasm/module.ts";
import { instructions } from "./wasm/opcodes.ts";
import { VALUE } from "./wasm/types.ts";

/** `invalid`: the engine's validator objects, to a type mostly. */
type NoProgram = { readonly rejection: Rejection | "invalid"; readonly reason: string };

export type Program = Omit<Outline, "module"> & {
  /** How many it defines. */
  readonly functions: number;
  /** The build that runs first. */
  readonly threaded: WebAssembly.Module;
  readonly meteredBytes: number;
  /** SHA-256 of the instrumented bytes. */
  readonly meteredHash: Uint8Array;
  /** The build whose verdict and bill count when the first does not end well; compiled when it is first asked for. */
  readonly canonical: () => WebAssembly.Module;
  /** That build once more, to be compiled and run within `inBaseline`: for what overflows the engine's own stack. */
  readonly baseline: () => WebAssembly.Module;
  /** Whether all that a run can change, memory and numbers in globals, can be put back. */
  readonly isResettable: boolean;
};

/** Instructions that change what cannot be put back. */
const LASTING = new Set(
  [...instructions].flatMap(([op, { name }]) =>
    /^table\.(set|init|copy|grow|fill)$|^(data|elem)\.drop$/.test(name) ? [op] : [],
  ),
);

/**
 * Judges, validates, instruments and compiles; keeps a copy of `bytes`.
 *
 * @throws Error where the meter fails or what it wrote does not compile, which is no doing of the module's
 */
export function prepareProgram(bytes: Uint8Array): Program | NoProgram {
  const own = bytes.slice();
  const outline = judgeModule(own);
  if ("rejection" in outline) return outline;
  if (!WebAssembly.validate(own)) {
    return { rejection: "invalid", reason: "the engine's validator does not accept the module" };
  }
  const metered = instrument(outline.module);
  let canonical: WebAssembly.Module | null = null;
  let baseline: WebAssembly.Module | null = null;
  // what the decoder found is many times the module, and not kept
  const { module, ...outlined } = outline;
  return {
    ...outlined,
    functions: module.bodies.length,
    threaded: new WebAssembly.Module(metered),
    meteredBytes: metered.length,
    meteredHash: hash("sha256", metered, "buffer"),
    canonical: () => (canonical ??= new WebAssembly.Module(canonicalBytes(own))),
    baseline: () => (baseline ??= new WebAssembly.Module(marked(canonicalBytes(own)))),
    isResettable: isResettable(module),
  };
}

function canonicalBytes(bytes: Uint8Array): Uint8Array {
  const outline = judgeModule(bytes);
  if ("rejection" in outline) throw new TypeError("a module is judged differently the second time");
  return instrument(outline.module, { strategy: "block" });
}

function isResettable(module: Module): boolean {
  if (module.imports.length > 0) return false;
  const isNumber = (type: number) => type >= VALUE.f64 && type <= VALUE.i32;
  if (module.globals.some(({ type, mutable }) => mutable && !isNumber(type))) return false;
  return module.bodies.every(({ op }) => !op.some((each) => LASTING.has(each)));
}
