/** Small modules in text, metered and run in this process. */
import binaryen from "binaryen";
import { expect } from "vitest";
import { instrument, type MeterOptions, type Strategy } from "../../../src/firmware/meter/instrument.ts";
import { decodeModule, type Module } from "../../../src/firmware/wasm/module.ts";

export const STRATEGIES: readonly Strategy[] = ["block", "global", "local", "threaded"];

/** Those of WebAssembly 2.0: with more, the same text would get other bytes. */
const { MutableGlobals, NontrappingFPToInt, SIMD128, BulkMemory, SignExt, ReferenceTypes, Multivalue } =
  binaryen.Features;
const FEATURES =
  MutableGlobals | NontrappingFPToInt | SIMD128 | BulkMemory | SignExt | ReferenceTypes | Multivalue;

/** More than any test burns. */
export const PLENTY = 10n ** 12n;

export type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
export type Value = number | bigint;

/** How a call went: what it gave back, or null after a trap; what it burnt; the fault that it left. */
export type Run = { readonly result: unknown; readonly fuel: bigint; readonly fault: number };

/** Bytes of a module in the text format, as it is written: nothing is optimised. */
export function assembled(text: string): Uint8Array {
  const parsed = binaryen.parseText(text);
  parsed.setFeatures(FEATURES);
  const bytes = parsed.emitBinary();
  parsed.dispose();
  return bytes;
}

/** @throws where the decoder refuses the bytes */
export function decoded(bytes: Uint8Array): Module {
  const module = decodeModule(bytes);
  if ("rejection" in module) throw new Error(`${module.rejection}: ${module.reason}`);
  return module;
}

export function parsed(text: string): Module {
  return decoded(assembled(text));
}

/** A metered module that was compiled once and is instantiated afresh for every call. */
export class Metered {
  readonly bytes: Uint8Array;
  readonly #compiled: WebAssembly.Module;

  constructor(module: Module, options: MeterOptions) {
    this.bytes = instrument(module, options);
    this.#compiled = new WebAssembly.Module(this.bytes);
  }

  instance(imports: Imports = {}): Instance {
    return new Instance(new WebAssembly.Instance(this.#compiled, { ...imports }).exports);
  }

  /** Runs an export with a limit, the start function before it with plenty. */
  run(name: string, args: readonly Value[] = [], limit = PLENTY, imports: Imports = {}): Run {
    const instance = this.instance(imports);
    if (instance.exports["__hw_start"] !== undefined) instance.call("__hw_start", [], PLENTY);
    return instance.call(name, args, limit);
  }
}

export class Instance {
  readonly exports: Readonly<Record<string, unknown>>;

  constructor(exports: Readonly<Record<string, unknown>>) {
    this.exports = exports;
  }

  global(name: string): WebAssembly.Global {
    const found = this.exports[name];
    if (!(found instanceof WebAssembly.Global)) throw new Error(`there is no global ${name}`);
    return found;
  }

  memory(): Uint8Array {
    const { memory } = this.exports;
    if (!(memory instanceof WebAssembly.Memory)) throw new Error("there is no memory");
    return new Uint8Array(memory.buffer);
  }

  call(name: string, args: readonly Value[], limit: bigint): Run {
    const entry = this.exports[name];
    if (typeof entry !== "function") throw new Error(`there is no function ${name}`);
    const fuel = this.global("__hw_fuel");
    fuel.value = limit;
    let result: unknown = null;
    try {
      result = entry(...args);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    }
    // below zero after a normal return is out of fuel, too
    if (Number(fuel.value) < 0) result = null;
    return {
      result,
      fuel: limit - BigInt(String(fuel.value)),
      fault: Number(this.global("__hw_fault").value),
    };
  }
}

/** Metered in every way. */
export function inAllStrategies(module: Module): Metered[] {
  return STRATEGIES.map((strategy) => new Metered(module, { strategy }));
}

/** Expects the same result and fuel of every strategy, that the total passes as a limit, and one less does not. */
export function expectBill(
  text: string,
  name: string,
  args: readonly Value[],
  imports: () => Imports = () => ({}),
): Run {
  const runs: Run[] = [];
  for (const metered of inAllStrategies(parsed(text))) {
    const run = metered.run(name, args, PLENTY, imports());
    expect(run.result).not.toBeNull();
    expect(metered.run(name, args, run.fuel, imports())).toEqual(run);
    expect(metered.run(name, args, run.fuel - 1n, imports()).result).toBeNull();
    runs.push(run);
  }
  const [first] = runs;
  if (first === undefined) throw new Error("there are no strategies");
  for (const run of runs) expect(run).toEqual(first);
  return first;
}
