/** On whose account the bytes of tasks are kept. */
import type { Hex } from "./base/bytes.ts";
import type { BlobStore } from "./blob/blob.ts";
import { blobsOf } from "./exchange/readable.ts";
import type { MarketState } from "./market/market.ts";

/**
 * What is here of tasks counts on its owners; from then on it goes when its time is over.
 *
 * @param ownerOf - on whose account a device's blobs are
 */
export async function countBlobs(
  store: BlobStore,
  { tasks }: MarketState,
  ownerOf: (device: Hex) => string,
): Promise<void> {
  for (const task of tasks.values()) {
    // one that was never announced only names them
    for (const { hash, device } of task.bidBy === null ? [] : blobsOf(task)) {
      if (store.sizeOf(hash) !== null) await store.assign({ hash, owner: ownerOf(device) });
    }
  }
  store.startSweep();
}
