/**
 * Random modules of binaryen's fuzzer, metered in every strategy, against the same modules with a plain counter before
 * every instruction, and, with NaNs left alone, against the modules as they are.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { instrument } from "../../../src/firmware/meter/instrument.ts";
import { decodeModule, type Module } from "../../../src/firmware/wasm/module.ts";
import { plainlyMetered } from "../../firmware/meter/oracle.ts";

const MODULES = 300;
const STRATEGIES = ["block", "global", "local", "threaded"] as const;
const PLENTY = 10n ** 15n;
const INPUT_BYTES = 6_000;
const FEATURES = [
  "--mvp-features",
  "--enable-sign-ext",
  "--enable-bulk-memory",
  "--enable-nontrapping-float-to-int",
  "--enable-multivalue",
  "--enable-simd",
  "--enable-mutable-globals",
  "--enable-reference-types",
];
const TYPES: ReadonlyMap<number, string> = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
  [0x70, "anyfunc"],
  [0x6f, "externref"],
]);
const FUNCTION = 0;
const TABLE = 1;
const MEMORY = 2;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hirewire-differential-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A module that the fuzzer makes of a seed; of odd ones, optimised, so that loops look as compilers leave them. */
function randomModule(seed: number): Module | null {
  const input = join(folder, "input");
  const output = join(folder, "output.wasm");
  writeFileSync(
    input,
    createHash("shake256", { outputLength: INPUT_BYTES }).update(`module ${seed}`).digest(),
  );
  const tool = join(dirname(createRequire(import.meta.url).resolve("binaryen")), "bin", "wasm-opt");
  const level = seed % 2 === 1 ? ["-O2"] : [];
  const options = ["--liftoff-only", tool, input, "-ttf", "-o", output, ...FEATURES, ...level];
  execFileSync(process.execPath, options, { stdio: "ignore" });
  const module = decodeModule(new Uint8Array(readFileSync(output)));
  return "rejection" in module ? null : module;
}

/** What a host sees of a module: what its exports give, in order, what it is called with, and the memory in the end. */
type Trace = { readonly calls: readonly Call[]; readonly heard: readonly string[]; readonly memory: string };
/** `fuel` is null after a trap, and where nothing counts. */
type Call = { readonly name: string; readonly result: string; readonly fuel: bigint | null };

/** A function's name is its index, which the meter may change. */
function shown(value: unknown): string {
  return typeof value === "function" ? "function" : String(value);
}

function imports(module: Module, heard: string[]): Record<string, Record<string, unknown>> {
  const found: Record<string, Record<string, unknown>> = {};
  let globals = 0;
  for (const { module: from, name, kind } of module.imports) {
    found[from] ??= {};
    const make = (): unknown => {
      if (kind === FUNCTION) {
        return (...args: unknown[]) => {
          heard.push(`${name} ${args.map(shown).join()}`);
          return name.includes("64") ? 0n : 0;
        };
      }
      if (kind === TABLE) return made("Table", { initial: 100, element: "anyfunc" });
      if (kind === MEMORY) return made("Memory", { initial: 16, maximum: 32 });
      const { type, mutable } = module.globals[globals++] ?? { type: 0x7f, mutable: false };
      const value = TYPES.get(type) ?? "v128";
      const isReference = value === "anyfunc" || value === "externref";
      return made("Global", { value, mutable }, value === "i64" ? 0n : isReference ? null : 0);
    };
    Object.assign(found[from] ?? {}, { [name]: make() });
  }
  return found;
}

function made(kind: "Table" | "Memory" | "Global", ...args: readonly unknown[]): unknown {
  const make: unknown = Reflect.get(WebAssembly, kind);
  if (typeof make !== "function") throw new Error(`there is no ${kind}`);
  return Reflect.construct(make, args);
}

function trace(module: Module, bytes: Uint8Array, counter: string | null): Trace {
  const heard: string[] = [];
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports(module, heard));
  const { exports } = instance;
  const calls: Call[] = [];
  const fuel = counter === null ? null : exports[counter];
  const call = (name: string, entry: unknown): void => {
    if (typeof entry !== "function") return;
    if (fuel instanceof WebAssembly.Global) fuel.value = PLENTY;
    try {
      const result: unknown = entry(...Array.from({ length: entry.length }, () => 0));
      const burnt = fuel instanceof WebAssembly.Global ? PLENTY - BigInt(String(fuel.value)) : null;
      calls.push({
        name,
        result: Array.isArray(result) ? result.map(shown).join() : shown(result),
        fuel: burnt,
      });
    } catch (error) {
      // an i64 of a host is no number, and a host has no vectors
      calls.push({ name, result: error instanceof TypeError ? "type" : "trap", fuel: null });
    }
  };
  call("start", exports["__hw_start"]);
  for (const [name, entry] of Object.entries(exports)) if (!name.startsWith("__hw_")) call(name, entry);
  const memory =
    exports["memory"] instanceof WebAssembly.Memory
      ? new Uint8Array(exports["memory"].buffer)
      : Uint8Array.of();
  return {
    calls: calls.filter(({ name }) => name !== "start"),
    heard,
    memory: createHash("sha256").update(memory).digest("hex"),
  };
}

/** Null where the module traps as it starts, or wants what the host here has not. */
function traceIfStarts(module: Module, bytes: Uint8Array, counter: string | null): Trace | null {
  try {
    return trace(module, bytes, counter);
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) throw error;
    return null;
  }
}

function withoutFuel({ calls, heard, memory }: Trace): unknown {
  return { calls: calls.map(({ name, result }) => `${name} ${result}`), heard, memory };
}

it(`${MODULES} random modules do and burn the same however they are metered`, { timeout: 900_000 }, () => {
  const tally = { modules: 0, returned: 0, trapped: 0 };
  for (let seed = 0; seed < MODULES; seed++) {
    const module = randomModule(seed);
    const plain = module && traceIfStarts(module, plainlyMetered(module, true), "fuel");
    if (module === null || plain === null) continue;
    tally.modules++;
    for (const { fuel } of plain.calls) tally[fuel === null ? "trapped" : "returned"]++;
    for (const strategy of STRATEGIES) {
      const metered = trace(module, instrument(module, { strategy }), "__hw_fuel");
      expect({ seed, strategy, ...metered }).toEqual({ seed, strategy, ...plain });
    }
    const raw = trace(module, module.bytes, null);
    expect(withoutFuel(trace(module, instrument(module, { nan: false }), "__hw_fuel"))).toEqual(
      withoutFuel(raw),
    );
  }
  expect(tally.modules).toBeGreaterThan(MODULES * 0.9);
  expect(tally.returned).toBeGreaterThan(5 * MODULES);
});
