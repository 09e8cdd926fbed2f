/**
 * The public keys of accounts that have signed something, and what speeds up their next signatures.
 *
 * An account gets only the key whose keccak it is: whoever learns one has recovered it from a signature. A key's table
 * is large (see `keyTableBytes`), so it is built when the key comes back, and the one that was unused for longest goes
 * when the cap is reached. Keys and terms are small; they have a cap of their own.
 */
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import type { Instance } from "./instance.ts";

export type KnownKey = {
  readonly account: Hex;
  /** x ‖ y, 64 bytes. */
  readonly point: Uint8Array;
  /** Signatures checked so far. */
  uses: number;
  /** Address of the comb's table, 0 for none. */
  table: number;
  /** Address of the terms of a batch, 0 for none. */
  terms: number;
  /** The group that it was last used in: what a group uses is not taken from it. */
  group: number;
  /** It has spoiled a batch: so many right signatures more and it takes part in batches again. 0 for trusted. */
  doubt: number;
};

export type KnownKeysCaps = {
  /** Bytes of all tables. */
  readonly tables: number;
  /** Keys. */
  readonly keys: number;
};

export const DEFAULT_CAPS: KnownKeysCaps = { tables: 4 * 2 ** 20, keys: 16_384 };

/** Uses after which a table pays: building one costs about as much as it saves on so many signatures. */
const USES_BEFORE_TABLE = 16;

export class KnownKeys {
  readonly #instance: Instance;
  readonly #caps: KnownKeysCaps;
  /** Both from the longest unused to the newest. */
  readonly #keys = new Map<Hex, KnownKey>();
  readonly #withTable = new Set<KnownKey>();
  #group = 0;

  constructor(instance: Instance, caps: KnownKeysCaps = DEFAULT_CAPS) {
    this.#instance = instance;
    this.#caps = caps;
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Bytes of all tables. */
  get tableBytes(): number {
    return this.#withTable.size * this.#instance.prepareCurve().tables.length;
  }

  /** What is used from here on belongs to one group. */
  beginGroup(): void {
    this.#group += 1;
  }

  /** The key of an account, which stays as long unused as it was. */
  find(account: Hex): KnownKey | null {
    return this.#keys.get(account) ?? null;
  }

  /** The key of an account, for `uses` signatures more. */
  use(account: Hex, uses: number): KnownKey | null {
    const known = this.#keys.get(account);
    if (!known) return null;
    this.#keys.delete(account);
    this.#keys.set(account, known);
    if (this.#withTable.delete(known)) this.#withTable.add(known);
    known.uses += uses;
    known.group = this.#group;
    return known;
  }

  /** Remembers a key for its account, which came with `uses` signatures. */
  learn(account: Hex, point: Uint8Array, uses: number): KnownKey {
    while (this.#keys.size >= this.#caps.keys && this.#forgetOldest());
    const known = { account, point, uses, table: 0, terms: 0, group: this.#group, doubt: 0 };
    this.#keys.set(account, known);
    return known;
  }

  /** The address of a key's table, built when it pays; 0 when there is none. */
  tableOf(known: KnownKey): number {
    if (known.table !== 0 || known.uses < USES_BEFORE_TABLE) return known.table;
    const { tables } = this.#instance.prepareCurve();
    if ((this.#withTable.size + 1) * tables.length > this.#caps.tables && !this.#takeOldestTable()) return 0;
    known.table = this.#build(known, tables.take(), "buildKeyTable");
    this.#withTable.add(known);
    return known.table;
  }

  /** The address of a key's terms. */
  termsOf(known: KnownKey): number {
    if (known.terms === 0) {
      known.terms = this.#build(known, this.#instance.prepareCurve().terms.take(), "buildKeyTerms");
    }
    return known.terms;
  }

  #build({ point }: KnownKey, address: number, kernel: "buildKeyTable" | "buildKeyTerms"): number {
    const { exports, memory, cells } = this.#instance;
    memory.write(cells.key, point);
    if (exports[kernel](cells.key, address) !== 1)
      throw new Fault("impossible", "a recovered key is no point");
    return address;
  }

  /** Frees a table for another key, unless the group at work needs all there are. */
  #takeOldestTable(): boolean {
    const [oldest] = this.#withTable;
    if (!oldest || oldest.group === this.#group) return false;
    this.#withTable.delete(oldest);
    this.#instance.prepareCurve().tables.give(oldest.table);
    oldest.table = 0;
    // it has to earn its next one, else keys that take turns would build tables all the time
    oldest.uses = 0;
    return true;
  }

  #forgetOldest(): boolean {
    const [oldest] = this.#keys.values();
    if (!oldest || oldest.group === this.#group) return false;
    this.#keys.delete(oldest.account);
    const { tables, terms } = this.#instance.prepareCurve();
    if (this.#withTable.delete(oldest)) tables.give(oldest.table);
    if (oldest.terms !== 0) terms.give(oldest.terms);
    return true;
  }
}
