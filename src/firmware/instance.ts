/** One instance of an instrumented module, with what the meter has appended to its exports. */
import { FAULT } from "./meter/layout.ts";
import type { Machine } from "./wasi.ts";

/** What the profiles export; the policy has checked it. */
type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly alloc: (length: number) => number;
  readonly run: (pointer: number, length: number) => bigint;
  readonly verify: (input: number, inputLength: number, output: number, outputLength: number) => number;
  readonly _start: () => void;
  readonly __hw_fuel: { value: bigint };
  readonly __hw_fault: { value: number };
  readonly __hw_start?: () => void;
};

type Image = { readonly memory: Uint8Array; readonly globals: readonly unknown[]; readonly fuel: bigint };

/**
 * Larger memories are cheaper to have anew than to write over. Measured, fresh instance against reset, mean µs a run:
 * 1 page 53 and 3, 16 pages 110 and 30, 64 pages 197 and 108, 256 pages 344 and 2,447. Up to here, the smallest memory
 * class, the retained copy is small too.
 */
const MAX_RESET_BYTES = 2 ** 20;

export class Instance implements Machine {
  readonly exports: Exports;
  readonly #globals: readonly { value: unknown }[];
  /** What a reset puts back; null where there is nothing to go back to. */
  #image: Image | null = null;

  /** @throws RangeError when memory cannot be had, {@link WebAssembly.RuntimeError} when a segment is out of bounds */
  constructor(module: WebAssembly.Module, imports: Record<string, Record<string, unknown>>) {
    const { exports } = new WebAssembly.Instance(module, imports);
    this.exports = exports as unknown as Exports;
    this.#globals = Object.entries(exports).flatMap(([name, exported]) =>
      name.startsWith("__hw_global_") && exported instanceof WebAssembly.Global ? [exported] : [],
    );
  }

  get memory(): WebAssembly.Memory {
    return this.exports.memory;
  }

  /** What is left of the limit. */
  get fuel(): { value: bigint } {
    return this.exports.__hw_fuel;
  }

  get isOutOfStack(): boolean {
    return this.exports.__hw_fault.value === FAULT.stack;
  }

  get isOutOfMemory(): boolean {
    return this.exports.__hw_fault.value === FAULT.memory;
  }

  /** Whether it remembers what to go back to. */
  get isKept(): boolean {
    return this.#image !== null;
  }

  /** Remembers everything that runs can change, and what is left of `limit`, if a reset is worth it. */
  keep(limit: bigint): void {
    const globals = this.#globals.map(({ value }) => value);
    const { buffer } = this.memory;
    // a NaN's bits do not survive the way through JavaScript
    if (buffer.byteLength > MAX_RESET_BYTES || globals.some((value) => Number.isNaN(value))) return;
    this.#image = { memory: new Uint8Array(buffer).slice(), globals, fuel: limit - this.fuel.value };
  }

  /**
   * Puts back all that runs have changed, and leaves of `limit` what was left when it was remembered. False where that
   * cannot be done, and the instance is of no more use.
   */
  reset(limit: bigint): boolean {
    const image = this.#image;
    if (image === null || image.memory.length !== this.memory.buffer.byteLength || image.fuel > limit)
      return false;
    new Uint8Array(this.memory.buffer).set(image.memory);
    for (const [i, global] of this.#globals.entries()) global.value = image.globals[i];
    this.fuel.value = limit - image.fuel;
    return true;
  }
}
