import { fork } from "node:child_process";
import { on, once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { isRefusal } from "../../src/base/refusal.ts";
import { hashBlob } from "../../src/blob/blob.ts";
import { memoryDraft } from "../../src/blob/draft.ts";
import { folderStore } from "../../src/blob/folder-store.ts";
import type { Draft, Medium } from "../../src/blob/medium.ts";
import { memoryStore } from "../../src/blob/memory-store.ts";
import { ShelfStore, type StoreOptions } from "../../src/blob/shelf-store.ts";
import { ManualClock } from "../devices/robot/manual-clock.ts";
import { begun } from "../ports/blob-samples.ts";
import { blobStoreContract } from "../ports/blob-store.contract.ts";
import { unwaiting } from "./unwaiting.ts";

const DAY = 86_400_000;
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

const fileOf = (bytes: Uint8Array) => join(folder, hashBlob(bytes).slice(2));
const namesIn = async (path: string) =>
  (await readdir(path)).filter((name) => !name.startsWith("pack.sqlite")).sort();
const inFiles = (options: StoreOptions) => ({ ...options, maxPacked: -1 });
const optionsOf = (quota: number, options: Partial<StoreOptions> = {}): StoreOptions => ({
  ...{ quota, ownerQuota: quota, retentionMs: DAY, clock: new ManualClock(), onFault: () => undefined },
  ...options,
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

blobStoreContract("memory store", (options) => Promise.resolve(memoryStore(options.quota, options)));
blobStoreContract("folder store", (options) => folderStore(join(folder, "new", "blobs"), inFiles(options)));
blobStoreContract("packed store", (options) =>
  folderStore(join(folder, "new", "blobs"), { ...options, clock: unwaiting(options.clock) }),
);

describe("folder store on disk", () => {
  it("is there again after a restart, the file used longest ago first to go", async () => {
    const clock = new ManualClock();
    const store = await folderStore(folder, inFiles(optionsOf(100, { clock })));
    store.hold("task", [{ hash: hashBlob(a), owner: "anna" }]);
    await store.put(a, "anna");
    await store.put(b, "anna");
    clock.advance(DAY);
    store.release("task");
    await store.close();
    const again = await folderStore(folder, inFiles(optionsOf(8)));
    expect(again.size).toBe(8);
    expect(await again.get(hashBlob(a))).toEqual(a);
    await again.put(c, "anna");
    expect([hashBlob(a), hashBlob(b), hashBlob(c)].map((hash) => again.sizeOf(hash))).toEqual([4, null, 4]);
    expect(await namesIn(folder)).toHaveLength(2);
  });

  it("counts the retention from a file's time, to within a 64th of it", async () => {
    const clock = new ManualClock();
    const options = inFiles(optionsOf(100, { clock, retentionMs: 64_000 }));
    const store = await folderStore(folder, options);
    await store.put(a, "anna");
    store.hold("task", [{ hash: hashBlob(a), owner: "anna" }]);
    const begun = (await stat(fileOf(a))).mtimeMs;
    expect(begun).toBe(clock.now());
    clock.advance(1_000);
    store.release("task");
    await store.close();
    expect((await stat(fileOf(a))).mtimeMs).toBe(begun);

    const again = await folderStore(folder, options);
    again.hold("task", [{ hash: hashBlob(a), owner: "anna" }]);
    clock.advance(1);
    again.release("task");
    await again.close();
    const used = clock.now();
    expect((await stat(fileOf(a))).mtimeMs).toBe(used);

    const last = await folderStore(folder, options);
    last.startSweep();
    clock.advance(63_999);
    expect(last.sizeOf(hashBlob(a))).toBe(4);
    clock.advance(60_000);
    expect(last.sizeOf(hashBlob(a))).toBeNull();
    await last.close();
    expect(await namesIn(folder)).toEqual([]);
  });

  it("holds one file a blob, named by its hash, and no unfinished ones", async () => {
    await writeFile(join(folder, "7.tmp"), "half");
    await writeFile(join(folder, "notes.txt"), "not ours");
    const store = await folderStore(folder, inFiles(optionsOf(100)));
    await store.put(a, "anna");
    await store.close();
    const again = await folderStore(folder, inFiles(optionsOf(100)));
    expect(again.size).toBe(4);
    expect(await namesIn(folder)).toEqual([hashBlob(a).slice(2), "notes.txt"].sort());
    expect(new Uint8Array(await readFile(fileOf(a)))).toEqual(a);
  });

  const SPOILERS = [
    ["changed", (path: string) => writeFile(path, b)],
    ["cut", (path: string) => writeFile(path, a.slice(0, 3))],
    ["removed", (path: string) => rm(path)],
  ] as const;

  it.for(SPOILERS)("takes a file that was %s for missing, and takes the blob again", async ([, spoil]) => {
    const store = await folderStore(folder, inFiles(optionsOf(100)));
    await store.put(a, "anna");
    await spoil(fileOf(a));
    expect(await store.get(hashBlob(a))).toBeNull();
    expect(store.sizeOf(hashBlob(a))).toBeNull();
    expect(store.size).toBe(0);
    expect(await store.put(a, "anna")).toBe(hashBlob(a));
    expect(await store.get(hashBlob(a))).toEqual(a);
  });

  it.for(SPOILERS)(
    "gives no range of a file that was %s, however many ask, and takes the blob again",
    async ([, spoil]) => {
      const store = await folderStore(folder, inFiles(optionsOf(100)));
      await store.put(a, "anna");
      await spoil(fileOf(a));
      const ask = () => Promise.all([0, 1, 2].map((offset) => store.chunk(hashBlob(a), offset, 1)));
      expect(await ask()).toEqual([null, null, null]);
      expect(store.size).toBe(0);
      await store.put(a, "anna");
      expect((await ask()).map((range) => range?.bytes[0])).toEqual([1, 2, 3]);
    },
  );

  it("checks a file once until it is put anew, and sees at any time that bytes are gone", async () => {
    const store = await folderStore(folder, inFiles(optionsOf(4)));
    await store.put(a, "anna");
    expect(await store.chunk(hashBlob(a), 0, 1)).toMatchObject({ total: 4 });
    await writeFile(fileOf(a), b);
    // only the receiver's own check finds this: the price of not reading the whole for every range
    expect((await store.chunk(hashBlob(a), 0, 4))?.bytes).toEqual(b);
    await store.put(b, "anna");
    await store.put(a, "anna");
    await writeFile(fileOf(a), b);
    expect(await store.chunk(hashBlob(a), 0, 4)).toBeNull();
    await store.put(a, "anna");
    expect(await store.chunk(hashBlob(a), 0, 4)).toMatchObject({ bytes: a });
    await writeFile(fileOf(a), a.slice(0, 3));
    expect(await store.chunk(hashBlob(a), 2, 2)).toBeNull();
    expect(store.sizeOf(hashBlob(a))).toBeNull();
  });

  it("goes on after a write that failed", async () => {
    const gone = join(folder, "gone");
    const store = await folderStore(gone, inFiles(optionsOf(100)));
    await rm(gone, { recursive: true });
    await expect(store.put(a, "anna")).rejects.toMatchObject({
      code: "disk_failed",
      cause: { code: "ENOENT" },
    });
    expect([store.sizeOf(hashBlob(a)), store.size]).toEqual([null, 0]);
    const back = await folderStore(gone, inFiles(optionsOf(100)));
    expect(await back.put(a, "anna")).toBe(hashBlob(a));
    expect(await store.put(b, "anna")).toBe(hashBlob(b));
  });

  it("reads a range of a blob that leaves meanwhile, or says that it has left", async () => {
    const store = await folderStore(folder, inFiles(optionsOf(4)));
    for (let round = 0; round < 20; round++) {
      await store.put(a, "anna");
      const [range] = await Promise.all([store.chunk(hashBlob(a), 0, 4), store.put(b, "anna")]);
      expect([null, { total: 4, bytes: a }]).toContainEqual(range);
      expect(await store.get(hashBlob(b))).toEqual(b);
      expect(await namesIn(folder)).toEqual([hashBlob(b).slice(2)]);
    }
  });

  it("keeps a blob that is put again while it leaves", async () => {
    const store = await folderStore(folder, inFiles(optionsOf(4)));
    for (let round = 0; round < 20; round++) {
      await store.put(a, "anna");
      const incoming = await store.begin(hashBlob(b), 4, "anna");
      if (isRefusal(incoming)) throw new Error(incoming.refused);
      await incoming.write(0, b);
      await Promise.all([incoming.discard(), store.put(a, "anna")]);
      expect(await store.get(hashBlob(a))).toEqual(a);
    }
  });

  it("has whole blobs alone after its process was killed while it wrote", { timeout: 60_000 }, async () => {
    for (const chunks of [1, 7, 23]) {
      const writer = fork(join(import.meta.dirname, "writer.ts"), [folder, String(chunks)]);
      const kept: Hex[] = [];
      for await (const [hash] of on(writer, "message")) if (kept.push(hash) > chunks) break;
      writer.kill("SIGKILL");
      await once(writer, "exit");
      const left = await readdir(folder);
      expect(left.filter((name) => name.endsWith(".tmp")).length).toBeGreaterThan(0);
      const store = await folderStore(folder, optionsOf(100_000_000));
      for (const hash of kept) expect(await store.get(hash)).toHaveLength(100);
      const names = await namesIn(folder);
      expect(names.every((name) => /^[0-9a-f]{64}$/.test(name))).toBe(true);
      for (const name of names) expect(await store.get(`0x${name}`)).not.toBeNull();
      await store.close();
    }
  });
});

describe("a store on a medium that fails", () => {
  const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });

  /** A medium with one draft, some of whose methods fail; and how often it was discarded. */
  function failing(broken: Partial<Draft>): { medium: Medium; discards: () => number } {
    let discards = 0;
    const done = () => Promise.resolve();
    const draft: Draft = {
      write: done,
      read: (into) => {
        into.set(a);
        return Promise.resolve(true);
      },
      flush: done,
      keep: done,
      discard: () => {
        discards++;
        return Promise.resolve();
      },
      ...broken,
    };
    const medium = {
      draft: () => Promise.resolve(draft),
      open: () => Promise.resolve(null),
      remove: done,
      touch: done,
      hurry: () => undefined,
      close: done,
    };
    return { medium, discards: () => discards };
  }

  it.for(["write", "read", "flush", "keep"] as const)(
    "tells that %s failed, and gives the room back",
    async (method) => {
      const { medium, discards } = failing({ [method]: () => Promise.reject(full) });
      const store = new ShelfStore(medium, [], optionsOf(4));
      await expect(store.put(a, "anna")).rejects.toBe(full);
      expect([store.size, store.sizeOf(hashBlob(a))]).toEqual([0, null]);
      // a draft that could not be kept is over by itself
      expect(discards()).toBe(method === "keep" ? 0 : 1);
      expect(isRefusal(await store.begin(hashBlob(a), 4, "anna"))).toBe(false);
    },
  );

  it("tells that no draft could be made, and gives the room back", async () => {
    const { medium } = failing({});
    const store = new ShelfStore({ ...medium, draft: () => Promise.reject(full) }, [], optionsOf(4));
    await expect(store.begin(hashBlob(a), 4, "anna")).rejects.toBe(full);
    expect(store.size).toBe(0);
  });

  it("tells its owner of a sweep that failed, and goes on", async () => {
    const clock = new ManualClock();
    const faults: unknown[] = [];
    const { medium } = failing({});
    const options = optionsOf(100, { clock, retentionMs: 1_000, onFault: (fault) => faults.push(fault) });
    const store = new ShelfStore({ ...medium, remove: () => Promise.reject(full) }, [], options);
    await store.put(a, "anna");
    store.startSweep();
    clock.advance(1_000);
    await store.close();
    expect(faults).toEqual([full]);
    expect(store.size).toBe(0);
  });
});

describe("a store on a slow medium", () => {
  /** Keeps bytes in memory, notes what is asked for, and does not finish a touch before it is told to. */
  function slow(): { medium: Medium; asked: string[]; go: () => void } {
    const asked: string[] = [];
    const gate = Promise.withResolvers<void>();
    const name = (hash: Hex) => ["a", "b"][[a, b].map(hashBlob).indexOf(hash)];
    const note = async (what: string, hash: Hex) => void asked.push(`${what} ${name(hash)}`);
    const medium: Medium = {
      draft: async (total) => memoryDraft(total, (hash) => note("keep", hash)),
      open: () => Promise.resolve(null),
      remove: (hash) => note("remove", hash),
      touch: async (hash) => {
        await note("touch", hash);
        await gate.promise;
      },
      hurry: () => undefined,
      close: () => Promise.resolve(),
    };
    return { medium, asked, go: gate.resolve };
  }
  const settled = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise<void>((done) => setImmediate(done));
  };
  const found = { hash: hashBlob(a), length: 4, lastUse: instant(0) };
  const use = [{ hash: hashBlob(a), owner: "anna" }];

  it("changes a name one after the other, and removes nothing that has come back", async () => {
    const { medium, asked, go } = slow();
    const store = new ShelfStore(medium, [found], optionsOf(8));
    const incoming = await begun(store, a);
    await incoming.write(0, a);
    store.hold("task", use);
    store.release("task");
    const finishing = incoming.finish();
    await settled();
    const putting = store.put(b, "anna");
    await settled();
    expect([asked, store.sizeOf(hashBlob(a))]).toEqual([["touch a"], null]);
    go();
    expect(await Promise.all([finishing, putting])).toEqual([null, hashBlob(b)]);
    expect(asked).toEqual(["touch a", "keep a", "keep b"]);
    expect([hashBlob(a), hashBlob(b)].map((hash) => store.sizeOf(hash))).toEqual([4, 4]);
  });

  it("changes other names meanwhile", async () => {
    const { medium, asked, go } = slow();
    const store = new ShelfStore(medium, [found], optionsOf(100));
    store.hold("task", use);
    store.release("task");
    expect(await store.put(b, "anna")).toBe(hashBlob(b));
    expect(asked).toEqual(["touch a", "keep b"]);
    go();
    await store.close();
  });

  it("keeps the same bytes once, however many bring them at once", async () => {
    const { medium, asked } = slow();
    const store = new ShelfStore(medium, [], optionsOf(100));
    const coming = await Promise.all(["anna", "ben", "cleo"].map((owner) => begun(store, a, owner)));
    for (const one of coming) await one.write(0, a);
    expect(await Promise.all(coming.map((one) => one.finish()))).toEqual([null, null, null]);
    expect([asked, store.size]).toEqual([["keep a"], 4]);
  });
});
