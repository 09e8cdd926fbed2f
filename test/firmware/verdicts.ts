/**
 * `node verdicts.js FOLDER`: what every `*.wasm` there becomes and does, one JSON object a line.
 *
 * A program of its own with nothing but the meter in it, so that engines too old for the executor can be asked too: it is
 * run as JavaScript. A module's input stands beside it in a file that ends in `.input`; without one, it is only
 * instrumented.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { instrument, type Strategy } from "../../src/firmware/meter/instrument.ts";
import { decodeModule, type Module } from "../../src/firmware/wasm/module.ts";

/** Ends the endless ones soon, and no other. */
const FUEL = 40_000_000n;
const STRATEGIES: readonly Strategy[] = ["threaded", "local", "global", "block"];

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly alloc: (length: number) => number;
  readonly run: (at: number, length: number) => bigint;
  readonly __hw_start?: () => void;
  readonly __hw_fuel?: { value: bigint };
  readonly __hw_fault?: { readonly value: number };
};

/** What came of a run; of one that failed, the fuel counts in the canonical build only. */
export type Run = { readonly verdict: string; readonly output: string; readonly fuel: string };

export type Determined = {
  readonly name: string;
  /** SHA-256 of the module as each strategy writes it, and without canonical NaNs. */
  readonly metered: Readonly<Record<string, string>>;
  readonly runs: Readonly<Record<string, Run>>;
};

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function verdictOf({ __hw_fault, __hw_fuel }: Exports, error: unknown): string {
  if (error instanceof RangeError) return "the engine's own stack is used up";
  if (__hw_fault?.value === 1) return "stack";
  if (__hw_fuel && __hw_fuel.value < 0n) return "out-of-fuel";
  return "trap";
}

function execute(bytes: Uint8Array, input: Uint8Array): Run {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const task = instance.exports as unknown as Exports;
  if (task.__hw_fuel) task.__hw_fuel.value = FUEL;
  const burnt = () => String(FUEL - (task.__hw_fuel?.value ?? FUEL));
  try {
    task.__hw_start?.();
    const at = task.alloc(input.length);
    new Uint8Array(task.memory.buffer).set(input, at);
    const answer = task.run(at, input.length);
    const [from, length] = [Number(answer >> 32n), Number(answer & 0xffff_ffffn)];
    const output = Buffer.from(task.memory.buffer, from, length);
    return { verdict: "ok", output: length > 256 ? sha256(output) : output.toString("hex"), fuel: burnt() };
  } catch (error) {
    return { verdict: verdictOf(task, error), output: "", fuel: burnt() };
  }
}

function determine(name: string, module: Module, input: Uint8Array | null): Determined {
  const builds = new Map<string, Uint8Array>(
    STRATEGIES.map((strategy) => [strategy, instrument(module, { strategy })]),
  );
  builds.set("threaded, NaNs as they come", instrument(module, { nan: false }));
  const metered: Record<string, string> = {};
  const runs: Record<string, Run> = {};
  for (const [build, bytes] of builds) {
    metered[build] = sha256(bytes);
    if (input) runs[build] = execute(bytes, input);
  }
  return { name, metered, runs };
}

const folder = process.argv[2] ?? "";
for (const file of readdirSync(folder).sort()) {
  if (!file.endsWith(".wasm")) continue;
  const name = file.slice(0, -5);
  const module = decodeModule(new Uint8Array(readFileSync(join(folder, file))));
  if ("rejection" in module) throw new Error(`${name}: ${module.reason}`);
  const beside = join(folder, `${name}.input`);
  const input = existsSync(beside) ? new Uint8Array(readFileSync(beside)) : null;
  process.stdout.write(`${JSON.stringify(determine(name, module, input))}\n`);
}
