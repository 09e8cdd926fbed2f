/** Locals of a function as the meter writes it. */
import type { Body } from "../wasm/module.ts";
import type { Writer } from "../wasm/writer.ts";

/**
 * The parameters, then what is threaded through calls, then the function's other locals, then the meter's own, which are
 * made when they are first asked for.
 */
export class Locals {
  readonly #body: Body;
  readonly #shift: number;
  readonly #own = new Map<string, number>();
  readonly #ownTypes: number[] = [];

  /** So many parameters are added. */
  constructor(body: Body, threaded: number) {
    this.#body = body;
    this.#shift = threaded;
  }

  /** The first of the function's locals that has another index here; none has where nothing is threaded. */
  get firstShifted(): number {
    return this.#shift === 0 ? Number.POSITIVE_INFINITY : this.#body.parameters;
  }

  /** Where the function's local is. */
  indexOf(local: number): number {
    return local < this.#body.parameters ? local : local + this.#shift;
  }

  /** A local of the meter's own. */
  own(name: string, type: number): number {
    const known = this.#own.get(name);
    if (known !== undefined) return known;
    const index = this.#body.locals.length + this.#shift + this.#ownTypes.push(type) - 1;
    this.#own.set(name, index);
    return index;
  }

  /** Writes the declarations: groups of one type. */
  declare(writer: Writer): void {
    const types = [...this.#body.locals.subarray(this.#body.parameters), ...this.#ownTypes];
    const starts = types.flatMap((type, i) => (type === types[i - 1] ? [] : [i]));
    writer.u32(starts.length);
    for (const [k, start] of starts.entries()) {
      writer.u32((starts[k + 1] ?? types.length) - start).byte(types[start] ?? 0);
    }
  }
}
