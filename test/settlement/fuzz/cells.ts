/** State that can be taken back, as a chain takes back what a reverted call did. */

/** Addresses are lower-case hex. */
export type Address = `0x${string}`;

/** A call that fails: `message` is the custom error's name, or the token's own reason. */
export class Revert extends Error {}

/** Throws {@link Revert} of that name unless `holds`. */
export function need(holds: boolean, name: string): void {
  if (!holds) throw new Revert(name);
}

/** What was overwritten, in order, since the beginning. */
export class Past {
  readonly #undo: (() => void)[] = [];

  /** Remembers how to take one change back. */
  note(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Runs `act`; takes its changes back when it throws. */
  attempt<T>(act: () => T): T {
    const mark = this.#undo.length;
    try {
      return act();
    } catch (cause) {
      while (this.#undo.length > mark) this.#undo.pop()?.();
      throw cause;
    }
  }
}

/** A mapping whose cells all hold something from the start. Keys are joined with commas. */
export class Cells<V> {
  readonly #past: Past;
  readonly #none: V;
  readonly #cells = new Map<string, V>();

  constructor(past: Past, none: V) {
    this.#past = past;
    this.#none = none;
  }

  get(...keys: readonly string[]): V {
    return this.#cells.get(keys.join()) ?? this.#none;
  }

  set(value: V, ...keys: readonly string[]): void {
    const key = keys.join();
    const before = this.#cells.get(key) ?? this.#none;
    this.#past.note(() => this.#cells.set(key, before));
    this.#cells.set(key, value);
  }

  /** Every cell that was ever set: its keys and what it holds. */
  entries(): [string[], V][] {
    return [...this.#cells].map(([key, value]) => [key.split(","), value]);
  }
}

/** Adds to a cell of units. */
export function add(cells: Cells<bigint>, units: bigint, ...keys: readonly string[]): void {
  cells.set(cells.get(...keys) + units, ...keys);
}

/**
 * What somebody signed: `says` names the domain, the struct and every field, `by` is the key's address. Bytes that
 * are nobody's signature, by shape or content, say nothing.
 */
export interface Signature {
  readonly by: Address;
  readonly says: string;
  readonly bytes: Address;
}
