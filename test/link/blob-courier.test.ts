import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { Fault } from "../../src/base/fault.ts";
import { isRefusal, refuse } from "../../src/base/refusal.ts";
import { type BlobStore, hashBlob, MAX_BLOB } from "../../src/blob/blob.ts";
import { memoryStore } from "../../src/blob/memory-store.ts";
import { MAX_CHUNK } from "../../src/blob/transfer.ts";
import { BlobStand, bytesOf, chunkFor, settled, stateOf } from "./blob-stand.ts";

const ROBOT: Hex = `0x${"a1".repeat(20)}`;
const BOARD: Hex = `0x${"b2".repeat(20)}`;
const NEVER = new AbortController().signal;

const SMALL = bytesOf(1_000);
const SMALL_HASH = hashBlob(SMALL);
/** One chunk more than are asked for at a time. */
const LARGE = bytesOf(4 * MAX_CHUNK + 100);
const LARGE_HASH = hashBlob(LARGE);
const LATE = refuse("blob_unknown", "the bytes did not come in time");

const offsets = (requests: readonly { offset: number }[]) => requests.map(({ offset }) => offset);
const fetchSmall = (stand: BlobStand, signal = NEVER, device = ROBOT) =>
  stand.courier.fetch(device, SMALL_HASH, SMALL.length, signal);

/** A store as an object whose methods can be replaced. */
function storeLike(store: BlobStore): BlobStore {
  return {
    sizeOf: (hash) => store.sizeOf(hash),
    get: (hash) => store.get(hash),
    chunk: (hash, offset, length) => store.chunk(hash, offset, length),
    put: (bytes, owner) => store.put(bytes, owner),
    begin: (hash, total, owner) => store.begin(hash, total, owner),
    assign: (use) => store.assign(use),
    hold: (holder, uses) => store.hold(holder, uses),
    release: (holder) => store.release(holder),
    startSweep: () => store.startSweep(),
    close: () => store.close(),
    get size() {
      return store.size;
    },
  };
}

describe("a fetch", () => {
  it("takes what the store has without asking, even for one who gives up", async () => {
    const stand = new BlobStand();
    await stand.store.put(SMALL, "anna");
    expect(await fetchSmall(stand)).toEqual(SMALL);
    expect(await fetchSmall(stand, AbortSignal.abort())).toEqual(SMALL);
    expect(stand.asked()).toEqual([]);
  });

  it("is refused what the store has when another size was announced for it", async () => {
    const stand = new BlobStand();
    await stand.store.put(SMALL, "anna");
    const bytes = await stand.courier.fetch(ROBOT, SMALL_HASH, SMALL.length + 1, NEVER);
    expect(bytes).toMatchObject({ refused: "hash_mismatch" });
  });

  it("asks the device, and keeps what came", async () => {
    const stand = new BlobStand();
    const bytes = fetchSmall(stand);
    await settled();
    const [request, ...more] = stand.asked();
    expect(more).toEqual([]);
    expect(request).toEqual({
      to: ROBOT,
      version: 1,
      from: "gateway",
      hash: SMALL_HASH,
      offset: 0,
      length: SMALL.length,
    });
    expect(await stand.courier.onData(ROBOT, chunkFor(request, SMALL))).toBeNull();
    expect(await bytes).toEqual(SMALL);
    expect(await stand.store.get(SMALL_HASH)).toEqual(SMALL);
    stand.clock.advance(60_000);
    expect(stand.asked()).toEqual([]);
  });

  it("asks for four chunks at a time, and for one more as one comes, in any order", async () => {
    const stand = new BlobStand();
    const bytes = stand.courier.fetch(ROBOT, LARGE_HASH, LARGE.length, NEVER);
    await settled();
    const first = stand.asked();
    expect(offsets(first)).toEqual([0, MAX_CHUNK, 2 * MAX_CHUNK, 3 * MAX_CHUNK]);
    for (const request of first.toReversed()) {
      expect(await stand.courier.onData(ROBOT, chunkFor(request, LARGE))).toBeNull();
    }
    const last = stand.asked();
    expect(last.map(({ offset, length }) => [offset, length])).toEqual([[4 * MAX_CHUNK, 100]]);
    expect(await stateOf(bytes)).toBe("pending");
    expect(await stand.courier.onData(ROBOT, chunkFor(last[0], LARGE))).toBeNull();
    expect(await bytes).toEqual(LARGE);
  });

  it.each([0, 1, MAX_CHUNK, MAX_CHUNK + 1, 200_000])("brings %d bytes", async (length) => {
    const stand = new BlobStand();
    const bytes = bytesOf(length);
    const hash = stand.give(ROBOT, bytes);
    expect(await stand.courier.fetch(ROBOT, hash, length, NEVER)).toEqual(bytes);
    expect(stand.refusals).toEqual([]);
  });

  it("shares the pull of another one, but not with another device", async () => {
    const stand = new BlobStand();
    const [one, other, ofBoard] = [fetchSmall(stand), fetchSmall(stand), fetchSmall(stand, NEVER, BOARD)];
    await settled();
    const requests = stand.asked();
    expect(requests.map(({ to }) => to)).toEqual([ROBOT, BOARD]);
    await stand.courier.onData(ROBOT, chunkFor(requests[0], SMALL));
    expect(await Promise.all([one, other])).toEqual([SMALL, SMALL]);
    expect(await stateOf(ofBoard)).toBe("pending");
    await stand.courier.onData(BOARD, chunkFor(requests[1], SMALL));
    expect(await ofBoard).toEqual(SMALL);
  });

  it("goes on with what has come when the one that it waited with gives up", async () => {
    const stand = new BlobStand();
    const first = new AbortController();
    const [one, two, three] = [first.signal, NEVER, NEVER].map((signal) =>
      stand.courier.fetch(ROBOT, LARGE_HASH, LARGE.length, signal),
    );
    await settled();
    const [come, ...others] = stand.asked();
    await stand.courier.onData(ROBOT, chunkFor(come, LARGE));
    first.abort();
    expect(await one).toEqual(LATE);
    for (const request of [...others, ...stand.asked()]) {
      expect(await stand.courier.onData(ROBOT, chunkFor(request, LARGE))).toBeNull();
    }
    expect(await Promise.all([two, three])).toEqual([LARGE, LARGE]);
    stand.clock.advance(600_000);
    expect(stand.asked()).toEqual([]);
  });

  it("begins anew, and leaves nothing, when all have given up", async () => {
    const stand = new BlobStand();
    const abort = new AbortController();
    const both = [abort.signal, abort.signal].map((signal) => fetchSmall(stand, signal));
    await settled();
    expect(stand.asked()).toHaveLength(1);
    expect(stand.store.size).toBe(0);
    abort.abort();
    expect(await Promise.all(both)).toEqual([LATE, LATE]);
    await settled();
    expect(stand.store.size).toBe(0);
    const next = fetchSmall(stand);
    stand.give(ROBOT, SMALL);
    stand.courier.askAgain(ROBOT);
    expect(await next).toEqual(SMALL);
  });

  it("ends with blob_unknown when its signal aborts, and asks no more", async () => {
    const stand = new BlobStand();
    const abort = new AbortController();
    const bytes = fetchSmall(stand, abort.signal);
    await settled();
    const [request] = stand.asked();
    abort.abort();
    expect(await bytes).toEqual(LATE);
    stand.clock.advance(60_000);
    stand.courier.askAgain(ROBOT);
    expect(stand.asked()).toEqual([]);
    expect(await stand.courier.onData(ROBOT, chunkFor(request, SMALL))).toEqual(refuse("blob_unexpected"));
    expect(await fetchSmall(stand, abort.signal)).toEqual(LATE);
    expect(stand.asked()).toEqual([]);
  });

  it("holds nothing against a device whose last chunk comes as the last one gives up", async () => {
    const stand = new BlobStand();
    const abort = new AbortController();
    const bytes = fetchSmall(stand, abort.signal);
    await settled();
    const [request] = stand.asked();
    const told = stand.courier.onData(ROBOT, chunkFor(request, SMALL));
    abort.abort();
    expect(await bytes).toEqual(LATE);
    expect(await told).toBeNull();
  });

  it("is refused what the store has no room for", async () => {
    const stand = new BlobStand(SMALL.length - 1);
    stand.give(ROBOT, SMALL);
    expect(await fetchSmall(stand)).toMatchObject({ refused: "too_large" });
  });

  it("is refused, and asks no more, when the room runs out while it comes", async () => {
    const stand = new BlobStand(LARGE.length);
    const bytes = stand.courier.fetch(ROBOT, LARGE_HASH, LARGE.length, NEVER);
    await settled();
    const first = stand.asked();
    const others = bytesOf(4 * MAX_CHUNK, 3);
    stand.store.hold("task", [{ hash: hashBlob(others), owner: "ben" }]);
    expect(await stand.store.put(others, "ben")).toBe(hashBlob(others));
    const said = await Promise.all(first.map((one) => stand.courier.onData(ROBOT, chunkFor(one, LARGE))));
    const full = refuse("too_large", "wait: the store is full until tasks end");
    expect(said.filter((refusal) => refusal !== null)).toEqual([full]);
    expect(await bytes).toEqual(full);
    expect(stand.store.size).toBe(others.length);
    stand.clock.advance(600_000);
    expect(stand.asked()).toEqual([]);
  });

  it("is not made to take more than 64 MiB, and asks for none of them", async () => {
    const stand = new BlobStand(1e9);
    const bytes = await stand.courier.fetch(ROBOT, SMALL_HASH, MAX_BLOB + 1, NEVER);
    expect(bytes).toMatchObject({ refused: "too_large" });
    expect(stand.asked()).toEqual([]);
    const most = stand.courier.bring(ROBOT, SMALL_HASH, MAX_BLOB, NEVER);
    expect(await stateOf(most)).toBe("pending");
    expect(stand.asked()).toHaveLength(4);
  });

  it("asks once more for what the store has lost since", async () => {
    const stand = new BlobStand(SMALL.length);
    stand.give(ROBOT, SMALL);
    const { store } = stand;
    let gets = 0;
    const forgetful = new BlobStand({
      ...storeLike(store),
      get: async (hash) => {
        gets++;
        // there is room for one alone
        if (gets === 1) await store.put(bytesOf(SMALL.length, 9), `owner of ${ROBOT}`);
        return await store.get(hash);
      },
    });
    forgetful.give(ROBOT, SMALL);
    expect(await fetchSmall(forgetful)).toEqual(SMALL);
    expect(gets).toBe(2);
    expect(forgetful.asked()).toHaveLength(2);
  });
});

describe("a store that fails", () => {
  const full = new Fault("disk_failed", "no space left on device");

  it.each(["begin", "write", "finish"] as const)(
    "at %s ends the fetch with its fault, and refuses the device nothing",
    async (at) => {
      const sound = memoryStore(4_000_000);
      const stand = new BlobStand({
        ...storeLike(sound),
        begin: async (...what) => {
          if (at === "begin") throw full;
          const incoming = await sound.begin(...what);
          if (isRefusal(incoming)) return incoming;
          return { ...incoming, [at]: () => Promise.reject(full) };
        },
      });
      stand.give(ROBOT, SMALL);
      await expect(stand.courier.bring(ROBOT, SMALL_HASH, SMALL.length, NEVER)).rejects.toBe(full);
      expect(stand.refusals).toEqual([]);
      expect(sound.size).toBe(0);
      stand.clock.advance(600_000);
      expect(stand.asked().length).toBe(at === "begin" ? 0 : 1);
    },
  );
});

describe("bytes that were lost", () => {
  it("are asked for again after two seconds without an answer, and ever more rarely", async () => {
    const stand = new BlobStand();
    const bytes = fetchSmall(stand);
    await settled();
    const asked = stand.asked();
    for (const seconds of [2, 4, 8, 16, 32, 64, 64]) {
      stand.clock.advance(seconds * 1_000 - 1);
      expect(stand.asked()).toEqual([]);
      stand.clock.advance(1);
      expect(stand.asked()).toEqual(asked);
    }
    stand.courier.askAgain(ROBOT);
    expect(stand.asked()).toEqual(asked);
    stand.give(ROBOT, SMALL);
    stand.clock.advance(2_000);
    expect(await bytes).toEqual(SMALL);
  });

  it("are alone asked for again, two seconds after the last chunk", async () => {
    const stand = new BlobStand();
    const bytes = stand.courier.fetch(ROBOT, LARGE_HASH, LARGE.length, NEVER);
    await settled();
    const [, lost, ...others] = stand.asked();
    stand.clock.advance(1_500);
    for (const request of others) await stand.courier.onData(ROBOT, chunkFor(request, LARGE));
    expect(offsets(stand.asked())).toEqual([4 * MAX_CHUNK]);
    stand.clock.advance(1_999);
    expect(stand.asked()).toEqual([]);
    stand.clock.advance(1);
    expect(offsets(stand.asked())).toEqual([0, lost?.offset, 4 * MAX_CHUNK]);
    stand.give(ROBOT, LARGE);
    stand.clock.advance(4_000);
    expect(await bytes).toEqual(LARGE);
  });

  it("are asked for at once when their device is back, and of no other device", async () => {
    const stand = new BlobStand();
    const [ofRobot, ofBoard] = [fetchSmall(stand), fetchSmall(stand, NEVER, BOARD)];
    await settled();
    const [asked] = stand.asked();
    stand.clock.advance(1_000);
    stand.courier.askAgain(ROBOT);
    expect(stand.asked()).toEqual([asked]);
    // The wait begins anew with the request.
    stand.clock.advance(1_000);
    expect(stand.asked().map(({ to }) => to)).toEqual([BOARD]);
    await stand.courier.onData(ROBOT, chunkFor(asked, SMALL));
    expect(await ofRobot).toEqual(SMALL);
    expect(await stateOf(ofBoard)).toBe("pending");
  });
});

describe("a chunk", () => {
  it("of other bytes ends the fetch, and is answered, with hash_mismatch", async () => {
    const stand = new BlobStand();
    const bytes = fetchSmall(stand);
    await settled();
    const [request] = stand.asked();
    const refusal = await stand.courier.onData(ROBOT, chunkFor(request, bytesOf(SMALL.length, 2)));
    expect(refusal).toEqual(refuse("hash_mismatch"));
    expect(await bytes).toEqual(refusal);
    expect(stand.store.size).toBe(0);

    const next = fetchSmall(stand);
    stand.give(ROBOT, SMALL);
    expect(await next).toEqual(SMALL);
  });

  it("that nobody asked for is refused with blob_unexpected", async () => {
    const stand = new BlobStand();
    const request = {
      to: ROBOT,
      version: 1,
      from: "gateway",
      hash: SMALL_HASH,
      offset: 0,
      length: 1_000,
    } as const;
    expect(await stand.courier.onData(ROBOT, chunkFor(request, SMALL))).toEqual(refuse("blob_unexpected"));
    expect(stand.store.size).toBe(0);
  });

  it.each([
    { what: "of another offset", change: { offset: 4 * MAX_CHUNK } },
    { what: "of another total", change: { total: LARGE.length - 1 } },
    { what: "of another length", change: { bytes: "AAAA" } },
  ])("$what than asked is refused, and the pull goes on", async ({ change }) => {
    const stand = new BlobStand();
    const bytes = stand.courier.fetch(ROBOT, LARGE_HASH, LARGE.length, NEVER);
    await settled();
    const [request] = stand.asked();
    const wrong = { ...chunkFor(request, LARGE), ...change };
    expect(await stand.courier.onData(ROBOT, wrong)).toEqual(refuse("blob_unexpected"));
    stand.give(ROBOT, LARGE);
    stand.clock.advance(2_000);
    expect(await bytes).toEqual(LARGE);
  });

  it("of another device than the one asked is refused, and the pull goes on", async () => {
    const stand = new BlobStand();
    const bytes = fetchSmall(stand);
    await settled();
    const [request] = stand.asked();
    const chunk = chunkFor(request, SMALL);
    expect(await stand.courier.onData(BOARD, chunk)).toEqual(refuse("blob_unexpected"));
    expect(await stateOf(bytes)).toBe("pending");
    expect(await stand.courier.onData(ROBOT, chunk)).toBeNull();
    expect(await bytes).toEqual(SMALL);
  });

  it("of the gateway's own, come back, is none", async () => {
    const stand = new BlobStand();
    const bytes = fetchSmall(stand);
    await settled();
    const echo = { ...chunkFor(stand.asked()[0], SMALL), from: "gateway" } as const;
    expect(await stand.courier.onData(ROBOT, echo)).toBeNull();
    expect(await stateOf(bytes)).toBe("pending");
  });
});
