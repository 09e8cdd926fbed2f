/** Who still needs which blobs: what anybody holds is not evicted. */
import type { Hex } from "../base/bytes.ts";
import type { BlobStore } from "./blob.ts";

export class Pins {
  readonly #store: Pick<BlobStore, "pin" | "unpin">;
  readonly #held = new Map<string, Set<Hex>>();
  readonly #holders = new Map<Hex, number>();

  constructor(store: Pick<BlobStore, "pin" | "unpin">) {
    this.#store = store;
  }

  /** Holds those of the blobs that are kept by now, for `holder`; doing so again holds the ones that came since. */
  hold(holder: string, hashes: readonly Hex[]): void {
    const own = this.#held.get(holder) ?? new Set();
    for (const hash of hashes) {
      if (own.has(hash) || !this.#store.pin(hash)) continue;
      own.add(hash);
      this.#holders.set(hash, (this.#holders.get(hash) ?? 0) + 1);
    }
    if (own.size > 0) this.#held.set(holder, own);
  }

  /** Gives up all that `holder` holds. */
  release(holder: string): void {
    for (const hash of this.#held.get(holder) ?? []) {
      const left = (this.#holders.get(hash) ?? 1) - 1;
      if (left > 0) {
        this.#holders.set(hash, left);
        continue;
      }
      this.#holders.delete(hash);
      this.#store.unpin(hash);
    }
    this.#held.delete(holder);
  }
}
