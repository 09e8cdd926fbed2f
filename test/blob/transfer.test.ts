import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRefusal } from "../../src/base/refusal.ts";
import { hashBlob } from "../../src/blob/blob.ts";
import {
  askAgain,
  beginPull,
  type Chunk,
  type ChunkRequest,
  chunkOf,
  MAX_CHUNK,
  nextRequests,
  type PullStep,
  takeChunk,
} from "../../src/blob/transfer.ts";

const blob = Uint8Array.from({ length: 25 }, (_, i) => i);
const small = { chunkBytes: 10, maxTotal: 100 };

function given(bytes: Uint8Array, request: ChunkRequest | undefined): Chunk {
  if (request === undefined) throw new Error("nothing was asked for");
  const chunk = chunkOf(bytes, request);
  if (isRefusal(chunk)) throw new Error(chunk.refused);
  return chunk;
}

describe("a pull", () => {
  it("brings any blob over a link that loses, repeats and reorders", () => {
    const options = fc.record({
      bytes: fc.uint8Array({ maxLength: 200 }),
      chunkBytes: fc.integer({ min: 1, max: 64 }),
      window: fc.integer({ min: 1, max: 6 }),
      isTold: fc.boolean(),
      fates: fc.infiniteStream(fc.constantFrom("arrives", "arrives", "lost", "twice")),
      picks: fc.infiniteStream(fc.nat()),
    });
    fc.assert(
      fc.property(options, ({ bytes, chunkBytes, window, isTold, fates, picks }) => {
        const pull = beginPull(hashBlob(bytes), {
          chunkBytes,
          window,
          maxTotal: 200,
          ...(isTold ? { total: bytes.length } : {}),
        });
        let step: PullStep = { state: "more" };
        const underWay: ChunkRequest[] = [];
        while (!isRefusal(step) && step.state === "more") {
          underWay.push(...nextRequests(pull));
          expect(pull.asked.size).toBeLessThanOrEqual(window);
          if (underWay.length === 0) {
            askAgain(pull);
            continue;
          }
          const [request] = underWay.splice((picks.next().value ?? 0) % underWay.length, 1);
          const fate = fates.next().value;
          if (fate === "lost") continue;
          step = takeChunk(pull, given(bytes, request));
          if (fate === "twice" && !isRefusal(step) && step.state === "more") {
            expect(takeChunk(pull, given(bytes, request))).toEqual({ state: "more" });
          }
        }
        expect(step).toEqual({ state: "done", bytes });
      }),
      { numRuns: 200 },
    );
  });

  it("asks for one chunk until it knows the size, then for a window of them", () => {
    const hash = hashBlob(blob);
    const pull = beginPull(hash, { ...small, window: 2 });
    const [first, ...none] = nextRequests(pull);
    expect([first, none]).toEqual([{ hash, offset: 0, length: 10 }, []]);
    expect(nextRequests(pull)).toEqual([]);
    takeChunk(pull, given(blob, first));
    expect(nextRequests(pull)).toEqual([
      { hash, offset: 10, length: 10 },
      { hash, offset: 20, length: 5 },
    ]);
  });

  it("asks for all of the window at once when it was told the size", () => {
    const pull = beginPull(hashBlob(blob), { ...small, total: 25 });
    expect(nextRequests(pull).map(({ offset, length }) => [offset, length])).toEqual([
      [0, 10],
      [10, 10],
      [20, 5],
    ]);
  });

  it("resumes with what is missing", () => {
    const pull = beginPull(hashBlob(blob), { ...small, total: 25 });
    const requests = nextRequests(pull);
    takeChunk(pull, given(blob, requests[1]));
    askAgain(pull);
    expect(nextRequests(pull).map(({ offset }) => offset)).toEqual([0, 20]);
  });

  it("refuses other bytes than it asked for by hash, and starts over", () => {
    const pull = beginPull(hashBlob(blob), small);
    const other = blob.with(24, 0);
    let step: PullStep = { state: "more" };
    while (!isRefusal(step)) {
      for (const request of nextRequests(pull)) step = takeChunk(pull, given(other, request));
    }
    expect(step).toMatchObject({ refused: "hash_mismatch" });
    expect([pull.total, pull.taken.size, pull.asked.size]).toEqual([null, 0, 0]);
  });

  it("refuses a blob above its largest total, and takes one of just that", () => {
    const pull = beginPull(hashBlob(blob), { chunkBytes: 32, maxTotal: 24 });
    expect(takeChunk(pull, given(blob, nextRequests(pull)[0]))).toMatchObject({ refused: "too_large" });
    const roomy = beginPull(hashBlob(blob), { chunkBytes: 32, maxTotal: 25 });
    expect(takeChunk(roomy, given(blob, nextRequests(roomy)[0]))).toMatchObject({ state: "done" });
  });

  it.for([
    ["that was not asked for", { offset: 30, total: 40, bytes: new Uint8Array(10) }],
    ["between those asked for", { offset: 5, total: 25, bytes: new Uint8Array(10) }],
    ["shorter than asked", { offset: 0, total: 25, bytes: new Uint8Array(9) }],
    ["longer than asked", { offset: 0, total: 25, bytes: new Uint8Array(11) }],
    ["longer than its total", { offset: 0, total: 5, bytes: new Uint8Array(10) }],
    ["at a negative offset", { offset: -10, total: 25, bytes: new Uint8Array(10) }],
    ["of a total that is no number", { offset: 0, total: Number.NaN, bytes: new Uint8Array(10) }],
  ] as const)("refuses a chunk %s, and goes on", ([, chunk]) => {
    const pull = beginPull(hashBlob(blob), { ...small, window: 1 });
    const [request] = nextRequests(pull);
    expect(takeChunk(pull, chunk)).toMatchObject({ refused: "blob_unexpected" });
    expect(takeChunk(pull, given(blob, request))).toEqual({ state: "more" });
  });

  it("refuses a second total", () => {
    const pull = beginPull(hashBlob(blob), small);
    takeChunk(pull, given(blob, nextRequests(pull)[0]));
    nextRequests(pull);
    expect(takeChunk(pull, { offset: 10, total: 26, bytes: new Uint8Array(10) })).toMatchObject({
      refused: "blob_unexpected",
    });
  });
});

describe("a chunk", () => {
  it("is cut at the largest length and at the blob's end", () => {
    const large = new Uint8Array(MAX_CHUNK + 5);
    const hash = hashBlob(large);
    expect(given(large, { hash, offset: 0, length: 1e9 }).bytes).toHaveLength(MAX_CHUNK);
    expect(given(large, { hash, offset: MAX_CHUNK, length: MAX_CHUNK })).toEqual({
      offset: MAX_CHUNK,
      total: MAX_CHUNK + 5,
      bytes: new Uint8Array(5),
    });
    expect(given(new Uint8Array(), { hash, offset: 0, length: 1 })).toMatchObject({ total: 0 });
  });

  it("is refused beyond the blob's end", () => {
    const hash = hashBlob(blob);
    expect(chunkOf(blob, { hash, offset: 25, length: 1 })).toMatchObject({ refused: "blob_unexpected" });
    expect(chunkOf(new Uint8Array(), { hash, offset: 1, length: 1 })).toMatchObject({
      refused: "blob_unexpected",
    });
  });
});
