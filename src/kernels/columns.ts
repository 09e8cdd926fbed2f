/**
 * A group of signatures in an instance's memory, column by column, and the two kernels that judge it: the comb, which is
 * exact and says which ones hold, and the batch with random coefficients, which says whether all do.
 *
 * All of it lies in scratch: columns are filled and judged before the instance does anything else.
 */
import type { Instance } from "./instance.ts";

/** By which kernel: decides how much it needs, and whether `pointers` name tables or terms. */
export type Judge = "comb" | "batch";

const SIGNATURE = 64;
const DIGEST = 32;
const COEFFICIENT = 16;

/** Most signatures in one group of columns: crypto.getRandomValues gives their coefficients in one call. */
export const MOST_COLUMNS = 1024;

/** Bytes of a bitmap. */
export const bitmapBytes = (count: number) => Math.ceil(count / 8);

export class Columns {
  readonly #instance: Instance;
  readonly #count: number;
  readonly #keyCount: number;
  /** Addresses, in this order in scratch: words first, for their alignment. */
  readonly #at: Readonly<Record<Column, number>>;
  readonly #keys: Uint32Array;
  readonly #pointers: Uint32Array;

  /**
   * @param count - 1..{@link MOST_COLUMNS}
   * @param keyCount - 1..count
   */
  constructor(instance: Instance, judge: Judge, count: number, keyCount: number) {
    const { exports, memory } = instance;
    const workspace =
      judge === "comb" ? exports.combWorkspace(count) : exports.batchWorkspace(count, keyCount);
    const lengths: Record<Column, number> = {
      workspace,
      keys: 4 * count,
      pointers: 4 * keyCount,
      signatures: SIGNATURE * count,
      digests: DIGEST * count,
      coefficients: judge === "batch" ? COEFFICIENT * count : 0,
      parities: count,
      verdicts: bitmapBytes(count),
    };
    const total = Object.values(lengths).reduce((sum, length) => sum + aligned(length), 0);
    let end = memory.scratch(total);
    const at = Object.entries(lengths).map(([name, length]) => {
      const start = end;
      end += aligned(length);
      return [name, start];
    });
    this.#instance = instance;
    this.#count = count;
    this.#keyCount = keyCount;
    this.#at = Object.fromEntries(at);
    this.#keys = memory.words(this.#at.keys, count);
    this.#pointers = memory.words(this.#at.pointers, keyCount);
  }

  /** @param parity - 0 or 1; the comb takes 2 as well */
  set(index: number, signature: Uint8Array, digest: Uint8Array, parity: number, key: number): void {
    const { bytes } = this.#instance.memory;
    bytes.set(signature, this.#at.signatures + SIGNATURE * index);
    bytes.set(digest, this.#at.digests + DIGEST * index);
    bytes[this.#at.parities + index] = parity;
    this.#keys[index] = key;
  }

  /** Sets the address of a key's table (comb) or terms (batch). */
  point(key: number, address: number): void {
    this.#pointers[key] = address;
  }

  /** The comb's verdicts: bit `i & 7` of byte `i >> 3` for signature `i`. */
  judgeEach(): Uint8Array {
    const { exports, memory } = this.#instance;
    const { signatures, digests, parities, keys, pointers, workspace, verdicts } = this.#at;
    exports.verifyComb(this.#count, signatures, digests, parities, keys, pointers, workspace, verdicts);
    return memory.read(verdicts, bitmapBytes(this.#count));
  }

  /**
   * Whether all of them hold, by the batch. The coefficients are drawn here, when everything that they weigh is in
   * place: a sender who knew them could make two wrong signatures cancel.
   */
  judgeAll(): boolean {
    const { exports, memory } = this.#instance;
    const { signatures, digests, parities, keys, pointers, workspace, coefficients } = this.#at;
    const drawn = memory.bytes.subarray(coefficients, coefficients + COEFFICIENT * this.#count);
    crypto.getRandomValues(drawn);
    const [count, keyCount] = [this.#count, this.#keyCount];
    const all = [count, signatures, parities, digests, keys, keyCount, pointers, 0] as const;
    return exports.verifyBatch(...all, coefficients, workspace) === 1;
  }
}

type Column =
  | "workspace"
  | "keys"
  | "pointers"
  | "signatures"
  | "digests"
  | "coefficients"
  | "parities"
  | "verdicts";

const aligned = (bytes: number) => Math.ceil(bytes / 16) * 16;
