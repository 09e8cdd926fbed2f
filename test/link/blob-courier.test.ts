import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { refuse } from "../../src/base/refusal.ts";
import { hashBlob } from "../../src/blob/blob.ts";
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

describe("a fetch", () => {
  it("takes what the store has without asking, even for one who gives up", async () => {
    const stand = new BlobStand();
    await stand.store.put(SMALL);
    expect(await fetchSmall(stand)).toEqual(SMALL);
    expect(await fetchSmall(stand, AbortSignal.abort())).toEqual(SMALL);
    expect(stand.asked()).toEqual([]);
  });

  it("is refused what the store has when another size was announced for it", async () => {
    const stand = new BlobStand();
    await stand.store.put(SMALL);
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
    expect(stand.courier.onData(ROBOT, chunkFor(request, SMALL))).toBeNull();
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
      expect(stand.courier.onData(ROBOT, chunkFor(request, LARGE))).toBeNull();
    }
    const last = stand.asked();
    expect(last.map(({ offset, length }) => [offset, length])).toEqual([[4 * MAX_CHUNK, 100]]);
    expect(await stateOf(bytes)).toBe("pending");
    expect(stand.courier.onData(ROBOT, chunkFor(last[0], LARGE))).toBeNull();
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
    stand.courier.onData(ROBOT, chunkFor(requests[0], SMALL));
    expect(await Promise.all([one, other])).toEqual([SMALL, SMALL]);
    expect(await stateOf(ofBoard)).toBe("pending");
    stand.courier.onData(BOARD, chunkFor(requests[1], SMALL));
    expect(await ofBoard).toEqual(SMALL);
  });

  it("asks itself when the one it waited with gives up", async () => {
    const stand = new BlobStand();
    const first = new AbortController();
    const [one, other] = [fetchSmall(stand, first.signal), fetchSmall(stand)];
    await settled();
    expect(stand.asked()).toHaveLength(1);
    first.abort();
    expect(await one).toEqual(LATE);
    await settled();
    const [again] = stand.asked();
    stand.courier.onData(ROBOT, chunkFor(again, SMALL));
    expect(await other).toEqual(SMALL);
  });

  it("shares the next pull, too, when the one that several waited with gives up", async () => {
    const stand = new BlobStand();
    const first = new AbortController();
    const [one, two, three] = [first.signal, NEVER, NEVER].map((signal) => fetchSmall(stand, signal));
    await settled();
    stand.asked();
    first.abort();
    expect(await one).toEqual(LATE);
    await settled();
    const [again, ...more] = stand.asked();
    expect(more).toEqual([]);
    stand.courier.onData(ROBOT, chunkFor(again, SMALL));
    expect(await Promise.all([two, three])).toEqual([SMALL, SMALL]);
    stand.clock.advance(60_000);
    expect(stand.asked()).toEqual([]);
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
    expect(stand.courier.onData(ROBOT, chunkFor(request, SMALL))).toEqual(refuse("blob_unexpected"));
    expect(await fetchSmall(stand, abort.signal)).toEqual(LATE);
    expect(stand.asked()).toEqual([]);
  });

  it("is refused what the store has no room for", async () => {
    const stand = new BlobStand(SMALL.length - 1);
    stand.give(ROBOT, SMALL);
    expect(await fetchSmall(stand)).toMatchObject({ refused: "too_large" });
  });

  it("is not made to take more than 16 MiB", async () => {
    const stand = new BlobStand();
    const total = 16_777_217;
    const bytes = stand.courier.fetch(ROBOT, SMALL_HASH, total, NEVER);
    await settled();
    const [request] = stand.asked();
    const refusal = stand.courier.onData(ROBOT, { ...chunkFor(request, LARGE), total });
    expect(refusal).toMatchObject({ refused: "too_large" });
    expect(await bytes).toEqual(refusal);
  });
});

describe("bytes that were lost", () => {
  it("are asked for again after two seconds without an answer, and every two seconds", async () => {
    const stand = new BlobStand();
    const bytes = fetchSmall(stand);
    await settled();
    const asked = stand.asked();
    for (let round = 0; round < 3; round++) {
      stand.clock.advance(1_999);
      expect(stand.asked()).toEqual([]);
      stand.clock.advance(1);
      expect(stand.asked()).toEqual(asked);
    }
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
    for (const request of others) stand.courier.onData(ROBOT, chunkFor(request, LARGE));
    expect(offsets(stand.asked())).toEqual([4 * MAX_CHUNK]);
    stand.clock.advance(1_999);
    expect(stand.asked()).toEqual([]);
    stand.clock.advance(1);
    expect(offsets(stand.asked())).toEqual([0, lost?.offset, 4 * MAX_CHUNK]);
    stand.give(ROBOT, LARGE);
    stand.clock.advance(2_000);
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
    stand.courier.onData(ROBOT, chunkFor(asked, SMALL));
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
    const refusal = stand.courier.onData(ROBOT, chunkFor(request, bytesOf(SMALL.length, 2)));
    expect(refusal).toEqual(refuse("hash_mismatch"));
    expect(await bytes).toEqual(refusal);
    expect(stand.store.size).toBe(0);

    const next = fetchSmall(stand);
    stand.give(ROBOT, SMALL);
    expect(await next).toEqual(SMALL);
  });

  it("that nobody asked for is refused with blob_unexpected", () => {
    const stand = new BlobStand();
    const request = {
      to: ROBOT,
      version: 1,
      from: "gateway",
      hash: SMALL_HASH,
      offset: 0,
      length: 1_000,
    } as const;
    expect(stand.courier.onData(ROBOT, chunkFor(request, SMALL))).toEqual(refuse("blob_unexpected"));
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
    expect(stand.courier.onData(ROBOT, wrong)).toEqual(refuse("blob_unexpected"));
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
    expect(stand.courier.onData(BOARD, chunk)).toEqual(refuse("blob_unexpected"));
    expect(await stateOf(bytes)).toBe("pending");
    expect(stand.courier.onData(ROBOT, chunk)).toBeNull();
    expect(await bytes).toEqual(SMALL);
  });

  it("of the gateway's own, come back, is none", async () => {
    const stand = new BlobStand();
    const bytes = fetchSmall(stand);
    await settled();
    const echo = { ...chunkFor(stand.asked()[0], SMALL), from: "gateway" } as const;
    expect(stand.courier.onData(ROBOT, echo)).toBeNull();
    expect(await stateOf(bytes)).toBe("pending");
  });
});

describe("a device's request", () => {
  const get = { version: 1, from: "device", hash: LARGE_HASH, offset: MAX_CHUNK, length: 5 } as const;

  it("is answered with the bytes it names", async () => {
    const stand = new BlobStand();
    await stand.store.put(LARGE);
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
    await stand.store.put(LARGE);
    const beyond = await stand.courier.onGet(BOARD, { ...get, offset: LARGE.length });
    expect(beyond).toMatchObject({ refused: "blob_unexpected" });
    expect(stand.replies).toEqual([]);
  });

  it("is none when it is the gateway's own, come back", async () => {
    const stand = new BlobStand();
    await stand.store.put(LARGE);
    expect(await stand.courier.onGet(BOARD, { ...get, from: "gateway" })).toBeNull();
    expect(await stand.courier.onGet(BOARD, { ...get, from: "gateway", hash: SMALL_HASH })).toBeNull();
    expect(stand.replies).toEqual([]);
  });
});
