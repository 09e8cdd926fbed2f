import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { type BlobStore, hashBlob, MAX_BLOB } from "../../src/blob/blob.ts";
import { folderStore } from "../../src/blob/folder-store.ts";
import { MAX_CHUNK } from "../../src/blob/transfer.ts";
import { ManualClock } from "../devices/robot/manual-clock.ts";
import { BlobStand, chunkFor, type Request, settled } from "./blob-stand.ts";

const ROBOT: Hex = `0x${"a1".repeat(20)}`;
const CHUNKS = MAX_BLOB / MAX_CHUNK;

let folder = "";
let store: BlobStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blobs-"));
  const limits = { quota: MAX_BLOB, ownerQuota: MAX_BLOB, retentionMs: 1_000 };
  store = await folderStore(folder, { ...limits, clock: new ManualClock(), onFault: () => undefined });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** What lies there besides the pack of small blobs. */
async function files(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => !name.startsWith("pack.sqlite"));
}

/** Each chunk of its own, so that one in another's place is found out. */
function largest(): Uint8Array {
  const bytes = new Uint8Array(MAX_BLOB);
  const words = new Uint32Array(bytes.buffer);
  for (let at = 0; at < words.length; at += 16) words[at] = at;
  return bytes;
}

it("brings 64 MiB in a few chunks at a time, goes on after cuts, and believes them only as a whole", async () => {
  const stand = new BlobStand(store);
  const bytes = largest();
  const hash = hashBlob(bytes);
  const brought = stand.courier.bring(ROBOT, hash, MAX_BLOB, new AbortController().signal);
  const cuts = new Set([300, 900, 1_500]);
  let [requests, most, came] = [0, 0, 0];
  const hear = (request: Request) => stand.courier.onData(ROBOT, chunkFor(request, bytes));
  while (came < CHUNKS) {
    await settled();
    const asked = stand.asked();
    requests += asked.length;
    most = Math.max(most, asked.length);
    if (cuts.delete(came - (came % 300))) {
      stand.courier.askAgain(ROBOT);
      continue;
    }
    // the last one first, and the first one twice
    const order = [...asked.toReversed(), ...asked.slice(0, 1)];
    expect(await Promise.all(order.map(hear))).toEqual(order.map(() => null));
    came += asked.length;
  }
  expect(await brought).toBeNull();
  expect(most).toBe(4);
  // each cut has cost what was under way, and nothing that had come
  expect(requests).toBe(CHUNKS + 3 * 4);
  expect(store.size).toBe(MAX_BLOB);
  expect(await files()).toEqual([hash.slice(2)]);
  const last = await store.chunk(hash, MAX_BLOB - 100, MAX_CHUNK);
  expect(last).toEqual({ total: MAX_BLOB, bytes: bytes.slice(-100) });
});

it("takes 64 MiB of which one bit is wrong for nothing", async () => {
  const stand = new BlobStand(store);
  const bytes = largest();
  const hash = hashBlob(bytes);
  bytes.set([1], MAX_BLOB - 1);
  stand.give(ROBOT, bytes, hash);
  expect(await stand.courier.bring(ROBOT, hash, MAX_BLOB, new AbortController().signal)).toMatchObject({
    refused: "hash_mismatch",
  });
  expect([store.size, await files()]).toEqual([0, []]);
});
