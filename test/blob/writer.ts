/**
 * Puts whole blobs into a folder's store and leaves one half written; then puts small ones, says the name of each that is
 * kept, and waits to be killed.
 */
import { randomBytes } from "node:crypto";
import { systemClock } from "../../src/base/clock.ts";
import { isRefusal } from "../../src/base/refusal.ts";
import { hashBlob, MAX_BLOB } from "../../src/blob/blob.ts";
import { folderStore } from "../../src/blob/folder-store.ts";
import { MAX_CHUNK } from "../../src/blob/transfer.ts";

const [folder = "", chunks = "1"] = process.argv.slice(2);
const store = await folderStore(folder, {
  ...{ quota: MAX_BLOB, ownerQuota: MAX_BLOB, retentionMs: 60_000, clock: systemClock },
  onFault: (fault) => {
    throw fault;
  },
});
await store.put(new Uint8Array(100_000).fill(Number(chunks)), "anna");
const bytes = new Uint8Array(100 * MAX_CHUNK).fill(200);
const incoming = await store.begin(hashBlob(bytes), bytes.length, "anna");
if (isRefusal(incoming)) throw new Error(incoming.refused);
for (let chunk = 0; chunk < Number(chunks); chunk++) {
  const at = chunk * MAX_CHUNK;
  await incoming.write(at, bytes.subarray(at, at + MAX_CHUNK));
}
const putSmall = async () => process.send?.(await store.put(randomBytes(100), "anna"));
setInterval(() => void putSmall(), 3);
