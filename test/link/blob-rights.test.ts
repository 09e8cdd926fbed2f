import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { refuse } from "../../src/base/refusal.ts";
import { hashBlob } from "../../src/blob/blob.ts";
import { memoryStore } from "../../src/blob/memory-store.ts";
import { MAX_CHUNK } from "../../src/blob/transfer.ts";
import { BlobStand, bytesOf, chunkFor, settled, stateOf } from "./blob-stand.ts";

const ROBOT: Hex = `0x${"a1".repeat(20)}`;
const BOARD: Hex = `0x${"b2".repeat(20)}`;
const NEVER = new AbortController().signal;

const SMALL = bytesOf(1_000);
const SMALL_HASH = hashBlob(SMALL);
const LARGE = bytesOf(4 * MAX_CHUNK + 100);
const LARGE_HASH = hashBlob(LARGE);

const fetchSmall = (stand: BlobStand, signal = NEVER, device = ROBOT) =>
  stand.courier.fetch(device, SMALL_HASH, SMALL.length, signal);

describe("a fetch of what is here already", () => {
  it("has the device hand it over all the same, where it is no party to it", async () => {
    const stand = new BlobStand();
    await stand.store.put(SMALL, "anna");
    stand.hide(BOARD, SMALL_HASH);
    const bytes = fetchSmall(stand, NEVER, BOARD);
    expect(await stateOf(bytes)).toBe("pending");
    expect(stand.asked()).toHaveLength(1);
    stand.give(BOARD, SMALL);
    stand.courier.askAgain(BOARD);
    expect(await bytes).toEqual(SMALL);
    expect(stand.store.size).toBe(SMALL.length);
  });

  it("gives a device that is no party to it nothing for other bytes, and says no more than of an unknown one", async () => {
    const known = new BlobStand();
    await known.store.put(SMALL, "anna");
    const said = [];
    for (const stand of [known, new BlobStand()]) {
      stand.hide(BOARD, SMALL_HASH);
      const bytes = stand.courier.fetch(BOARD, SMALL_HASH, SMALL.length + 1, NEVER);
      await settled();
      const requests = stand.asked();
      said.push(
        requests,
        await stand.courier.onData(BOARD, chunkFor(requests[0], bytesOf(SMALL.length + 1, 5))),
      );
      said.push(await bytes);
    }
    expect(said.slice(0, 3)).toEqual(said.slice(3));
    expect(said[2]).toMatchObject({ refused: "hash_mismatch" });
    expect(await known.store.get(SMALL_HASH)).toEqual(SMALL);
  });

  it("is not handed over twice by one device, whatever its tasks say of it", async () => {
    const stand = new BlobStand();
    stand.hide(BOARD, SMALL_HASH);
    stand.give(BOARD, SMALL);
    for (const _ of [1, 2]) expect(await fetchSmall(stand, NEVER, BOARD)).toEqual(SMALL);
    expect(stand.asked()).toHaveLength(1);
    const read = { version: 1, from: "device", hash: SMALL_HASH, offset: 0, length: 5 } as const;
    expect(await stand.courier.onGet(BOARD, read)).toEqual(refuse("blob_unknown"));
  });

  it("counts on the owner of the device that names it", async () => {
    const store = memoryStore(4_000_000, { ownerQuota: SMALL.length });
    const stand = new BlobStand(store);
    const other = bytesOf(1, 3);
    stand.give(ROBOT, SMALL);
    stand.give(ROBOT, other);
    expect(await fetchSmall(stand)).toEqual(SMALL);
    store.hold("task", [{ hash: SMALL_HASH, owner: `owner of ${ROBOT}` }]);
    expect(await stand.courier.bring(ROBOT, hashBlob(other), 1, NEVER)).toMatchObject({
      refused: "blob_quota",
    });
    stand.give(BOARD, other);
    expect(await stand.courier.bring(BOARD, hashBlob(other), 1, NEVER)).toBeNull();
    expect(await stand.courier.bring(ROBOT, hashBlob(other), 1, NEVER)).toMatchObject({
      refused: "blob_quota",
    });
  });
});

describe("a device's request", () => {
  const get = { version: 1, from: "device", hash: LARGE_HASH, offset: MAX_CHUNK, length: 5 } as const;

  it("is answered with the bytes it names", async () => {
    const stand = new BlobStand();
    await stand.store.put(LARGE, "anna");
    expect(await stand.courier.onGet(BOARD, get)).toBeNull();
    expect(stand.replies).toEqual([
      {
        to: BOARD,
        version: 1,
        from: "gateway",
        hash: LARGE_HASH,
        offset: MAX_CHUNK,
        total: LARGE.length,
        bytes: Buffer.from(LARGE.subarray(MAX_CHUNK, MAX_CHUNK + 5)).toString("base64"),
      },
    ]);
  });

  it("is refused for bytes that are not here, or beyond their end", async () => {
    const stand = new BlobStand();
    expect(await stand.courier.onGet(BOARD, get)).toEqual(refuse("blob_unknown"));
    await stand.store.put(LARGE, "anna");
    const beyond = await stand.courier.onGet(BOARD, { ...get, offset: LARGE.length });
    expect(beyond).toMatchObject({ refused: "blob_unexpected" });
    expect(stand.replies).toEqual([]);
  });

  it("is refused to who is no party to them as if they were not here", async () => {
    const stand = new BlobStand();
    const unknown = [get, { ...get, offset: LARGE.length }];
    const said = [];
    for (const request of unknown) said.push(await stand.courier.onGet(BOARD, request));
    await stand.store.put(LARGE, "anna");
    stand.hide(BOARD, LARGE_HASH);
    for (const request of unknown) expect(await stand.courier.onGet(BOARD, request)).toEqual(said.shift());
    expect(await stand.courier.onGet(ROBOT, get)).toBeNull();
    expect(stand.replies.map(({ to }) => to)).toEqual([ROBOT]);
  });

  it("is none when it is the gateway's own, come back", async () => {
    const stand = new BlobStand();
    await stand.store.put(LARGE, "anna");
    expect(await stand.courier.onGet(BOARD, { ...get, from: "gateway" })).toBeNull();
    expect(await stand.courier.onGet(BOARD, { ...get, from: "gateway", hash: SMALL_HASH })).toBeNull();
    expect(stand.replies).toEqual([]);
  });
});
