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
  takeChunk,
  written,
} from "../../src/blob/transfer.ts";

const blob = Uint8Array.from({ length: 25 }, (_, i) => i);
const small = { chunkBytes: 10, total: 25 };

function given(bytes: Uint8Array, request: ChunkRequest | undefined): Chunk {
  if (request === undefined) throw new Error("nothing was asked for");
  const chunk = chunkOf(bytes, request);
  if (isRefusal(chunk)) throw new Error(chunk.refused);
  return chunk;
}

const offsets = (requests: readonly ChunkRequest[]) => requests.map(({ offset }) => offset);

describe("a pull", () => {
  it("brings any blob over a link that loses, repeats and reorders, each byte once", () => {
    const options = fc.record({
      bytes: fc.uint8Array({ maxLength: 200 }),
      chunkBytes: fc.integer({ min: 1, max: 64 }),
      window: fc.integer({ min: 1, max: 6 }),
      fates: fc.infiniteStream(fc.constantFrom("arrives", "arrives", "lost", "twice", "late")),
      picks: fc.infiniteStream(fc.nat()),
    });
    fc.assert(
      fc.property(options, ({ bytes, chunkBytes, window, fates, picks }) => {
        const pull = beginPull(hashBlob(bytes), { chunkBytes, window, total: bytes.length });
        const came = new Uint8Array(bytes.length);
        const underWay: ChunkRequest[] = [];
        const writing: Chunk[] = [];
        let [count, isDone] = [0, false];
        while (!isDone) {
          underWay.push(...nextRequests(pull));
          expect(pull.asked.size + pull.writing.size).toBeLessThanOrEqual(window);
          const pick = picks.next().value ?? 0;
          if (writing.length > 0 && pick % 3 === 0) {
            const [chunk] = writing.splice(pick % writing.length, 1);
            if (!chunk) throw new Error("unreachable");
            came.set(chunk.bytes, chunk.offset);
            count += chunk.bytes.length;
            isDone = written(pull, chunk.offset);
            continue;
          }
          if (underWay.length === 0) {
            askAgain(pull);
            continue;
          }
          const [request] = underWay.splice(pick % underWay.length, 1);
          const fate = fates.next().value;
          if (fate === "lost") continue;
          // repeated, and answered all the same
          if (fate === "late") askAgain(pull);
          const chunk = given(bytes, request);
          if (takeChunk(pull, chunk) === "new") writing.push(chunk);
          if (fate === "twice") expect(takeChunk(pull, chunk)).toBe("before");
        }
        expect([came, count]).toEqual([bytes, bytes.length]);
        expect(nextRequests(pull)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("asks for all of the window at once, the last chunk cut at the end", () => {
    const pull = beginPull(hashBlob(blob), small);
    expect(nextRequests(pull).map(({ offset, length }) => [offset, length])).toEqual([
      [0, 10],
      [10, 10],
      [20, 5],
    ]);
  });

  it("of an empty blob asks for one chunk, which is empty", () => {
    const pull = beginPull(hashBlob(new Uint8Array()), { total: 0 });
    const requests = nextRequests(pull);
    expect(requests).toEqual([{ hash: pull.hash, offset: 0, length: 1 }]);
    expect(takeChunk(pull, given(new Uint8Array(), requests[0]))).toBe("new");
    expect(written(pull, 0)).toBe(true);
  });

  it("asks for no more than is written: a slow disk slows it down", () => {
    const pull = beginPull(hashBlob(blob), { ...small, window: 2 });
    const requests = nextRequests(pull);
    for (const request of requests) expect(takeChunk(pull, given(blob, request))).toBe("new");
    expect(nextRequests(pull)).toEqual([]);
    expect(written(pull, 10)).toBe(false);
    expect(offsets(nextRequests(pull))).toEqual([20]);
  });

  it("resumes with what is missing", () => {
    const pull = beginPull(hashBlob(blob), small);
    const requests = nextRequests(pull);
    takeChunk(pull, given(blob, requests[1]));
    askAgain(pull);
    expect(written(pull, 10)).toBe(false);
    expect(offsets(nextRequests(pull))).toEqual([0, 20]);
  });

  it("is done only when the last of its chunks is written, also where another is still being written", () => {
    const pull = beginPull(hashBlob(blob), small);
    for (const request of nextRequests(pull)) takeChunk(pull, given(blob, request));
    expect([20, 0, 10].map((offset) => written(pull, offset))).toEqual([false, false, true]);
  });

  it.for([
    ["that was not asked for", { offset: 30, total: 25, bytes: new Uint8Array(10) }],
    ["between those asked for", { offset: 5, total: 25, bytes: new Uint8Array(10) }],
    ["not asked for yet", { offset: 10, total: 25, bytes: new Uint8Array(10) }],
    ["shorter than asked", { offset: 0, total: 25, bytes: new Uint8Array(9) }],
    ["longer than asked", { offset: 0, total: 25, bytes: new Uint8Array(11) }],
    ["of another total", { offset: 0, total: 26, bytes: new Uint8Array(10) }],
    ["at a negative offset", { offset: -10, total: 25, bytes: new Uint8Array(10) }],
    ["of a total that is no number", { offset: 0, total: Number.NaN, bytes: new Uint8Array(10) }],
  ] as const)("refuses a chunk %s, and goes on", ([, chunk]) => {
    const pull = beginPull(hashBlob(blob), { ...small, window: 1 });
    const [request] = nextRequests(pull);
    expect(takeChunk(pull, chunk)).toMatchObject({ refused: "blob_unexpected" });
    expect(takeChunk(pull, given(blob, request))).toBe("new");
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
