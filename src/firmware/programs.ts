/** Modules made ready to run, and what became of those that could not be. */
import type { prepareProgram } from "./program.ts";
import { Shelf } from "./shelf.ts";

type Prepare = typeof prepareProgram;
/** `fault`: a defect of ours that the module has found. */
export type Prepared = ReturnType<Prepare> | { readonly fault: string };
/** `again`: the module's bytes, where another try may end better. */
type Entry = { readonly prepared: Prepared; readonly again: Uint8Array | null };

export class Programs {
  readonly #prepare: Prepare;
  readonly #shelf = new Shelf<Entry>();
  /** What was asked for last, found again without a look on the shelf: nothing else was touched since. */
  #last: { readonly hash: Uint8Array; readonly prepared: Prepared } | null = null;

  constructor(prepare: Prepare) {
    this.#prepare = prepare;
  }

  /**
   * The module of this hash. `bytes`: the module where it is not held yet, else null; undefined when it is not held
   * then. One for which there was no memory is tried anew.
   */
  find(hash: Uint8Array, bytes: Uint8Array | null): Prepared | undefined {
    if (bytes === null && this.#last !== null && Buffer.compare(hash, this.#last.hash) === 0) {
      return this.#last.prepared;
    }
    const own = hash.slice();
    const key = Buffer.from(own).toString("latin1");
    const again = bytes ?? this.#shelf.touch(key);
    if (again === undefined) return undefined;
    const entry = again instanceof Uint8Array ? this.#try(again) : this.#retried(key, again);
    if (again instanceof Uint8Array) this.#shelf.put(key, entry, again.length);
    this.#last = entry.again === null ? { hash: own, prepared: entry.prepared } : null;
    return entry.prepared;
  }

  #retried(key: string, entry: Entry): Entry {
    if (entry.again === null) return entry;
    const next = this.#try(entry.again);
    this.#shelf.replace(key, next);
    return next;
  }

  #try(bytes: Uint8Array): Entry {
    try {
      return { prepared: this.#prepare(bytes), again: null };
    } catch (error) {
      // whoever asks for it is told, and this child lives on
      const fault = error instanceof Error ? `${error.name}: ${error.message}` : "the meter failed";
      return { prepared: { fault }, again: error instanceof RangeError ? bytes.slice() : null };
    }
  }
}
