import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BlobStore, hashBlob } from "../../src/blob/blob.ts";
import { folderStore } from "../../src/blob/folder-store.ts";
import { memoryStore } from "../../src/blob/memory-store.ts";

const TOO_LARGE = expect.objectContaining({ refused: "too_large" });
const a = Uint8Array.of(1, 2, 3, 4);
const b = Uint8Array.of(5, 6, 7, 8);
const c = Uint8Array.of(9, 10, 11, 12);

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blobs-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("a blob's hash", () => {
  it("is SHA-256", () => {
    // FIPS 180-4 examples: printf abc | sha256sum
    const abc = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const empty = "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    expect(hashBlob(new TextEncoder().encode("abc"))).toBe(abc);
    expect(hashBlob(new Uint8Array())).toBe(empty);
  });
});

/** What every blob store does. */
function storeContract(name: string, make: (quota: number) => Promise<BlobStore>) {
  describe(name, () => {
    it("gives back what was put, under its hash", async () => {
      const store = await make(10_000);
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
          const hash = hashBlob(bytes);
          expect(await store.put(bytes)).toBe(hash);
          expect(await store.has(hash)).toBe(true);
          expect(await store.get(hash)).toEqual(bytes);
        }),
        { numRuns: 40 },
      );
    });

    it("knows nothing of what was not put", async () => {
      const store = await make(100);
      expect(await store.has(hashBlob(a))).toBe(false);
      expect(await store.get(hashBlob(a))).toBeNull();
      expect(store.pin(hashBlob(a))).toBe(false);
      expect(store.size).toBe(0);
    });

    it("keeps its own copy", async () => {
      const store = await make(100);
      const bytes = a.slice();
      const put = store.put(bytes);
      bytes.fill(0);
      await put;
      (await store.get(hashBlob(a)))?.fill(0);
      expect(await store.get(hashBlob(a))).toEqual(a);
    });

    it("gives any range of a blob, cut at its end", async () => {
      const store = await make(1_000);
      const range = fc.record({ offset: fc.nat(80), length: fc.nat(80) });
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), range, async (bytes, { offset, length }) => {
          const hash = hashBlob(bytes);
          await store.put(bytes);
          expect(await store.chunk(hash, offset, length)).toEqual({
            total: bytes.length,
            bytes: bytes.slice(offset, offset + length),
          });
        }),
        { numRuns: 60 },
      );
    });

    it("gives ranges that cannot change the blob, and none of one that left", async () => {
      const store = await make(4);
      expect(await store.chunk(hashBlob(a), 0, 4)).toBeNull();
      await store.put(a);
      (await store.chunk(hashBlob(a), 1, 2))?.bytes.fill(0);
      expect(await store.chunk(hashBlob(a), 1, 2)).toEqual({ total: 4, bytes: Uint8Array.of(2, 3) });
      await store.put(b);
      expect(await store.chunk(hashBlob(a), 0, 4)).toBeNull();
      await store.put(a);
      expect(await store.chunk(hashBlob(a), 0, 4)).toEqual({ total: 4, bytes: a });
    });

    it("counts the same bytes once", async () => {
      const store = await make(100);
      await Promise.all([store.put(a), store.put(a), store.put(b)]);
      expect(store.size).toBe(8);
    });

    it("makes room by removing the oldest", async () => {
      const store = await make(8);
      await store.put(a);
      await store.put(b);
      await store.put(c);
      expect([
        await store.get(hashBlob(a)),
        await store.get(hashBlob(b)),
        await store.get(hashBlob(c)),
      ]).toEqual([null, b, c]);
      expect(store.size).toBe(8);
    });

    it("keeps what is pinned, and refuses when only that is left", async () => {
      const store = await make(8);
      await store.put(a);
      await store.put(b);
      expect(store.pin(hashBlob(a))).toBe(true);
      await store.put(c);
      expect([await store.has(hashBlob(a)), await store.has(hashBlob(b))]).toEqual([true, false]);
      store.pin(hashBlob(c));
      expect(await store.put(b)).toEqual(TOO_LARGE);
      expect(await store.get(hashBlob(c))).toEqual(c);
      store.unpin(hashBlob(a));
      expect(await store.put(b)).toBe(hashBlob(b));
      expect(await store.has(hashBlob(a))).toBe(false);
    });

    it("takes a blob of exactly the quota and refuses a larger one without removing anything", async () => {
      const store = await make(4);
      expect(await store.put(a)).toBe(hashBlob(a));
      expect(await store.put(new Uint8Array(5))).toEqual(TOO_LARGE);
      expect(await store.get(hashBlob(a))).toEqual(a);
      expect(store.size).toBe(4);
    });
  });
}

storeContract("memory store", (quota) => Promise.resolve(memoryStore(quota)));
storeContract("folder store", (quota) => folderStore(join(folder, "new", "blobs"), quota));

describe("folder store on disk", () => {
  const fileOf = (bytes: Uint8Array) => join(folder, hashBlob(bytes).slice(2));

  it("is there again after a restart, the oldest file first to go", async () => {
    const store = await folderStore(folder, 100);
    await store.put(a);
    await store.put(b);
    const again = await folderStore(folder, 8);
    expect(again.size).toBe(8);
    expect(await again.get(hashBlob(a))).toEqual(a);
    await again.put(c);
    expect(await again.has(hashBlob(c))).toBe(true);
    expect(await readdir(folder)).toHaveLength(2);
  });

  it("holds one file a blob, named by its hash, and no unfinished ones", async () => {
    await writeFile(`${fileOf(b)}.tmp`, "half");
    await writeFile(join(folder, "notes.txt"), "not ours");
    const store = await folderStore(folder, 100);
    await store.put(a);
    expect((await readdir(folder)).sort()).toEqual([hashBlob(a).slice(2), "notes.txt"].sort());
    expect(new Uint8Array(await readFile(fileOf(a)))).toEqual(a);
  });

  it.for([
    ["changed", (path: string) => writeFile(path, b)],
    ["cut", (path: string) => writeFile(path, a.slice(0, 3))],
    ["removed", (path: string) => rm(path)],
  ] as const)("takes a file that was %s for missing, and takes the blob again", async ([, spoil]) => {
    const store = await folderStore(folder, 100);
    await store.put(a);
    await spoil(fileOf(a));
    expect(await store.get(hashBlob(a))).toBeNull();
    expect(await store.has(hashBlob(a))).toBe(false);
    expect(store.size).toBe(0);
    expect(await store.put(a)).toBe(hashBlob(a));
    expect(await store.get(hashBlob(a))).toEqual(a);
  });

  it.for([
    ["changed", (path: string) => writeFile(path, b)],
    ["cut", (path: string) => writeFile(path, a.slice(0, 3))],
    ["removed", (path: string) => rm(path)],
  ] as const)(
    "gives no range of a file that was %s, however many ask, and takes the blob again",
    async ([, spoil]) => {
      const store = await folderStore(folder, 100);
      await store.put(a);
      await spoil(fileOf(a));
      const ask = () => Promise.all([0, 1, 2].map((offset) => store.chunk(hashBlob(a), offset, 1)));
      expect(await ask()).toEqual([null, null, null]);
      expect(store.size).toBe(0);
      await store.put(a);
      expect((await ask()).map((range) => range?.bytes[0])).toEqual([1, 2, 3]);
    },
  );

  it("checks a file once until it is put anew, and sees at any time that bytes are gone", async () => {
    const store = await folderStore(folder, 4);
    await store.put(a);
    expect(await store.chunk(hashBlob(a), 0, 1)).toMatchObject({ total: 4 });
    await writeFile(fileOf(a), b);
    // only the receiver's own check finds this: the price of not reading the whole for every range
    expect((await store.chunk(hashBlob(a), 0, 4))?.bytes).toEqual(b);
    await store.put(b);
    await store.put(a);
    await writeFile(fileOf(a), b);
    expect(await store.chunk(hashBlob(a), 0, 4)).toBeNull();
    await store.put(a);
    expect(await store.chunk(hashBlob(a), 0, 4)).toMatchObject({ bytes: a });
    await writeFile(fileOf(a), a.slice(0, 3));
    expect(await store.chunk(hashBlob(a), 2, 2)).toBeNull();
    expect(await store.has(hashBlob(a))).toBe(false);
  });

  it("goes on after a write that failed", async () => {
    const gone = join(folder, "gone");
    const store = await folderStore(gone, 100);
    await rm(gone, { recursive: true });
    await expect(store.put(a)).rejects.toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(await store.has(hashBlob(a))).toBe(false);
    const back = await folderStore(gone, 100);
    expect(await back.put(a)).toBe(hashBlob(a));
    expect(await store.put(b)).toBe(hashBlob(b));
  });
});
