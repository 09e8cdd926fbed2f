/**
 * Modules by hash, the longest unused of them forgotten when their bytes are too many.
 *
 * The executor and its child keep one each and touch them in the same order, that of the requests: so the executor
 * knows what its child holds without asking.
 */

/** Most bytes of all modules together. Compiled twice, a module takes about ten times its own bytes. */
const SHELF_BYTES = 8 * 2 ** 20;
/** What an entry costs besides its module's bytes, so that a flood of tiny modules is bounded too. */
const ENTRY_BYTES = 64 * 1024;

export class Shelf<Entry> {
  readonly #entries = new Map<string, { readonly entry: Entry; readonly bytes: number }>();
  #bytes = 0;

  /** The entry of this hash, now the last to be forgotten. */
  touch(hash: string): Entry | undefined {
    const known = this.#entries.get(hash);
    if (known === undefined) return undefined;
    this.#entries.delete(hash);
    this.#entries.set(hash, known);
    return known.entry;
  }

  /** Puts another entry in the place of that of this hash. */
  replace(hash: string, entry: Entry): void {
    const known = this.#entries.get(hash);
    if (known !== undefined) this.#entries.set(hash, { ...known, entry });
  }

  /** Puts in the entry of a module of `moduleBytes`, which is not there yet. */
  put(hash: string, entry: Entry, moduleBytes: number): void {
    const bytes = moduleBytes + ENTRY_BYTES;
    this.#entries.set(hash, { entry, bytes });
    this.#bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.#entries) {
      if (this.#bytes <= SHELF_BYTES || oldest === hash) break;
      this.#entries.delete(oldest);
      this.#bytes -= freed;
    }
  }
}
