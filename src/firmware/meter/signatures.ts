/** Function types of the metered module: the guest's own, and those with what is threaded through calls. */
import type { FunctionType, Module } from "../wasm/module.ts";
import { VALUE } from "../wasm/types.ts";
import { Writer } from "../wasm/writer.ts";

/** What is handed on at a call: the fuel counter, back and forth, and the stack that is left. */
export type Threads = { readonly fuel: boolean; readonly depth: boolean };

/** How many parameters that adds: 0..2. */
export function countOf({ fuel, depth }: Threads): number {
  return (fuel ? 1 : 0) + (depth ? 1 : 0);
}

/** The guest's types keep their indices; others are appended when they are first asked for. */
export class Signatures {
  readonly #types: FunctionType[];
  readonly #known = new Map<string, number>();

  constructor(module: Module) {
    this.#types = [...module.types];
  }

  get(type: number): FunctionType {
    return this.#types[type] ?? { params: new Uint8Array(), results: new Uint8Array() };
  }

  /** The index of the type with the threads behind its parameters, and the fuel behind its results. */
  threaded(type: number, { fuel, depth }: Threads): number {
    if (!fuel && !depth) return type;
    const { params, results } = this.get(type);
    const more = [...(fuel ? [VALUE.i64] : []), ...(depth ? [VALUE.i32] : [])];
    return this.of([...params, ...more], [...results, ...(fuel ? [VALUE.i64] : [])]);
  }

  /** Writes the type of a block that only gives the results of a function type. */
  writeBlockType(writer: Writer, type: number): void {
    const { results } = this.get(type);
    if (results.length > 1) writer.s32(this.of([], [...results]));
    else writer.byte(results[0] ?? 0x40);
  }

  /** Contents of the type section. */
  section(): Uint8Array {
    const writer = new Writer().u32(this.#types.length);
    for (const { params, results } of this.#types) {
      writer.byte(0x60).u32(params.length).bytes(params).u32(results.length).bytes(results);
    }
    return writer.finish();
  }

  /** The index of an appended type of these parameters and results. */
  of(params: readonly number[], results: readonly number[]): number {
    const key = `${params.join()}>${results.join()}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const index =
      this.#types.push({ params: Uint8Array.from(params), results: Uint8Array.from(results) }) - 1;
    this.#known.set(key, index);
    return index;
  }
}
