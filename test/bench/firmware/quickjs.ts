/** QuickJS in WebAssembly, running a benchmark in JavaScript: half a megabyte of what emscripten makes of C. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { runInThisContext } from "node:vm";
import release from "@jitl/quickjs-wasmfile-release-sync";
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSSyncVariant,
} from "quickjs-emscripten-core";

const require = createRequire(import.meta.url);

/** The module as npm has it. */
export function quickjsModule(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(require.resolve("@jitl/quickjs-wasmfile-release-sync/wasm")));
}

/** Recursion, properties, arrays, sorting, strings, closures, numbers with a point: some milliseconds. */
const PROGRAM = `(() => {
  const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
  class Point {
    constructor(x, y) { this.x = x; this.y = y; }
    plus(other) { return new Point(this.x + other.x, this.y + other.y); }
  }
  const counts = {};
  const numbers = [];
  for (let i = 0; i < 3000; i++) {
    const key = "k" + (i % 97);
    counts[key] = (counts[key] || 0) + i;
    numbers.push((i * 7919) % 1009);
  }
  numbers.sort((a, b) => a - b);
  let point = new Point(0, 0);
  for (let i = 0; i < 1500; i++) point = point.plus(new Point(i * 0.5, Math.sqrt(i)));
  const words = [];
  for (let i = 0; i < 400; i++) words.push(String.fromCharCode(97 + (i % 26)).repeat(1 + (i % 7)));
  const text = words.join(" ").replace(/a+/g, "b").toUpperCase();
  const sieve = new Uint8Array(8000);
  let primes = 0;
  for (let i = 2; i < sieve.length; i++) {
    if (sieve[i]) continue;
    primes++;
    for (let j = i * i; j < sieve.length; j += i) sieve[j] = 1;
  }
  return [fib(15), JSON.stringify(counts).length, numbers[500], point.y.toFixed(6), text.length, primes].join();
})()`;

/** What the program says, according to Node's own engine. */
export const QUICKJS_ANSWER = String(runInThisContext(PROGRAM));

export type Engine = {
  readonly exports: Readonly<Record<string, unknown>>;
  /** Runs the program once. */
  readonly run: () => string;
};

// its types are those of its CommonJS build, where this is one level deeper
const variant = release as unknown as QuickJSSyncVariant;

/** An engine of these bytes; `prepare` is called with its exports before anything runs. */
export async function openQuickjs(
  bytes: Uint8Array,
  prepare: (exports: Readonly<Record<string, unknown>>) => void = () => {},
): Promise<Engine> {
  let exports: Readonly<Record<string, unknown>> = {};
  const instantiateWasm = (
    imports: Record<string, Record<string, unknown>>,
    receive: (instance: WebAssembly.Instance) => void,
  ) => {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    exports = instance.exports;
    prepare(exports);
    receive(instance);
    return exports;
  };
  const engine = await newQuickJSWASMModuleFromVariant(
    newVariant(variant, { emscriptenModule: { instantiateWasm } as never }),
  );
  const context = engine.newContext();
  const run = () => {
    const result = context.unwrapResult(context.evalCode(PROGRAM));
    const text = context.getString(result);
    result.dispose();
    return text;
  };
  return { exports, run };
}
