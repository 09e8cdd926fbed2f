import { mkdtemp, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hashBlob } from "../../src/blob/blob.ts";
import { folderStore } from "../../src/blob/folder-store.ts";
import { openPack } from "../../src/blob/pack.ts";
import type { StoreOptions } from "../../src/blob/shelf-store.ts";
import { ManualClock } from "../devices/robot/manual-clock.ts";
import { unwaiting } from "./unwaiting.ts";

const DAY = 86_400_000;

let folder = "";
let clock = new ManualClock();
let faults: unknown[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pack-"));
  clock = new ManualClock();
  faults = [];
});
afterEach(() => rm(folder, { recursive: true }));

const file = () => join(folder, "pack.sqlite");
const onFault = (fault: unknown) => faults.push(fault);
const blob = (at: number, length = 100) => new Uint8Array(length).fill(at);
const options = (more: Partial<StoreOptions> = {}): StoreOptions => ({
  ...{ quota: 1e9, ownerQuota: 1e9, retentionMs: DAY, clock: unwaiting(clock), onFault, ...more },
});

/** A pack, and what came of each blob that was given to it, in order. */
function packed(maxBytes?: number) {
  const { pack, found } = openPack(file(), { clock, onFault, ...(maxBytes ? { maxBytes } : {}) });
  const kept: (number | string)[] = [];
  const keep = (at: number, length?: number) => {
    const bytes = blob(at, length);
    const done = () => kept.push(at);
    pack.keep(hashBlob(bytes), bytes, clock.now()).then(done, (fault) => kept.push(fault.code));
  };
  return { pack, found, kept, keep };
}
const settled = () => new Promise<void>((done) => setImmediate(done));

describe("a pack's groups", () => {
  it("keep the first blob after a pause at once, and those soon after it together", async () => {
    const { pack, kept, keep } = packed();
    keep(1);
    await settled();
    expect(kept).toEqual([1]);
    clock.advance(40);
    keep(2);
    clock.advance(59);
    keep(3);
    await settled();
    expect([kept, pack.has(hashBlob(blob(2)))]).toEqual([[1], false]);
    clock.advance(1);
    await settled();
    expect(kept).toEqual([1, 2, 3]);
    clock.advance(100);
    keep(4);
    await settled();
    expect(kept).toEqual([1, 2, 3, 4]);
    pack.close();
  });

  it("have 64 blobs at most", async () => {
    const { pack, kept, keep } = packed();
    for (let at = 0; at < 70; at++) keep(at);
    await settled();
    expect(kept).toHaveLength(1 + 64);
    pack.close();
    await settled();
    expect(kept).toHaveLength(70);
  });

  it("cost a disk little more than their bytes", async () => {
    const { pack, keep } = packed();
    for (let group = 0; group < 25; group++) {
      for (let at = 0; at < 40; at++) keep(group * 40 + at);
      clock.advance(100);
    }
    const log = (await stat(`${file()}-wal`)).size;
    expect(log).toBeLessThan(1_000 * 300);
    pack.close();
    expect((await stat(file())).size).toBeLessThan(1_000 * 200);
    expect(await readdir(folder)).toEqual(["pack.sqlite"]);
  });

  it("do not wait at the end", async () => {
    const { pack, kept, keep } = packed();
    for (const at of [1, 2]) keep(at);
    pack.hurry();
    keep(3);
    await settled();
    expect(kept).toEqual([1, 2, 3]);
    pack.close();
    keep(4);
    await settled();
    expect(kept).toEqual([1, 2, 3, "disk_failed"]);
  });

  it("take along what leaves and what was used, which goes by itself after some seconds", async () => {
    const first = packed();
    for (const at of [1, 2, 3]) first.keep(at);
    clock.advance(100);
    first.pack.remove(hashBlob(blob(1)));
    first.pack.touch(hashBlob(blob(2)), clock.now());
    expect([first.pack.has(hashBlob(blob(1))), first.pack.read(hashBlob(blob(1)))]).toEqual([false, null]);
    const before = (await stat(`${file()}-wal`)).size;
    clock.advance(4_999);
    expect((await stat(`${file()}-wal`)).size).toBe(before);
    clock.advance(1);
    expect((await stat(`${file()}-wal`)).size).toBeGreaterThan(before);
    const touched = clock.now() - 5_000;
    first.pack.close();
    const again = packed();
    expect(again.found).toEqual([
      { hash: hashBlob(blob(2)), length: 100, lastUse: touched },
      { hash: hashBlob(blob(3)), length: 100, lastUse: touched - 100 },
    ]);
    again.pack.close();
  });

  it("let a blob come back in the group in which it leaves", async () => {
    const { pack, keep, kept } = packed();
    keep(1);
    await settled();
    pack.remove(hashBlob(blob(1)));
    keep(1);
    clock.advance(100);
    await settled();
    expect([kept, pack.read(hashBlob(blob(1)))]).toEqual([[1, 1], blob(1)]);
    pack.close();
    const again = packed();
    expect(again.found).toHaveLength(1);
    again.pack.close();
  });
});

describe("a pack on a full disk", () => {
  it("tells whoever waits, loses nothing, and goes on once there is room", async () => {
    const { pack, kept, keep } = packed(20_000);
    for (let at = 0; at < 8; at++) {
      keep(at, 4_000);
      clock.advance(100);
    }
    await settled();
    expect(kept).toEqual([0, 1, 2, 3, "disk_full", "disk_full", "disk_full", "disk_full"]);
    for (const at of [0, 1, 2, 3]) expect(pack.read(hashBlob(blob(at, 4_000)))).toEqual(blob(at, 4_000));
    pack.remove(hashBlob(blob(0, 4_000)));
    keep(9, 4_000);
    await settled();
    expect(kept.at(-1)).toBe(9);
    pack.close();
    const again = packed();
    expect(again.found.map(({ hash }) => hash)).toEqual([1, 2, 3, 9].map((at) => hashBlob(blob(at, 4_000))));
    again.pack.close();
    expect(faults).toEqual([]);
  });
});

describe("a store with a pack", () => {
  it("reads the small files of an older store, and adds none", async () => {
    const old = blob(1);
    await writeFile(join(folder, hashBlob(old).slice(2)), old);
    const store = await folderStore(folder, options());
    expect(await store.get(hashBlob(old))).toEqual(old);
    expect(await store.put(old, "anna")).toBe(hashBlob(old));
    await store.put(blob(2, 4_096), "anna");
    await store.put(blob(3, 4_097), "anna");
    await store.close();
    const names = [hashBlob(old), hashBlob(blob(3, 4_097))].map((hash) => hash.slice(2));
    expect((await readdir(folder)).sort()).toEqual([...names, "pack.sqlite"].sort());
  });

  it("is there again after a restart, the blob used longest ago first to go", async () => {
    const store = await folderStore(folder, options({ retentionMs: 64_000 }));
    store.hold("task", [{ hash: hashBlob(blob(1)), owner: "anna" }]);
    for (const at of [1, 2]) await store.put(blob(at), "anna");
    clock.advance(1_001);
    store.release("task");
    await store.close();
    const again = await folderStore(folder, options({ quota: 200 }));
    expect(again.size).toBe(200);
    await again.put(blob(3), "anna");
    expect([1, 2, 3].map((at) => again.sizeOf(hashBlob(blob(at))))).toEqual([100, null, 100]);
    await again.close();
  });

  it("keeps at its end what waits for company", async () => {
    const store = await folderStore(folder, options({ clock }));
    await store.put(blob(1), "anna");
    const second = store.put(blob(2), "anna");
    for (let turn = 0; turn < 5; turn++) await settled();
    expect(store.sizeOf(hashBlob(blob(2)))).toBeNull();
    await store.close();
    expect(await second).toBe(hashBlob(blob(2)));
  });

  it("is one process's alone", async () => {
    const store = await folderStore(folder, options());
    await expect(folderStore(folder, options())).rejects.toMatchObject({
      code: "disk_failed",
      message: expect.stringContaining("another process has it"),
    });
    await store.close();
  });

  it("is refused where a newer hirewire has made it", async () => {
    await (await folderStore(folder, options())).close();
    const database = new DatabaseSync(file());
    database.exec("PRAGMA user_version = 2");
    database.close();
    await expect(folderStore(folder, options())).rejects.toMatchObject({ code: "file_format" });
  });

  it("takes a blob whose bytes were changed for missing, and takes it again", async () => {
    const store = await folderStore(folder, options());
    await store.put(blob(1), "anna");
    await store.close();
    const database = new DatabaseSync(file());
    database.prepare("UPDATE blob SET bytes = ?").run(blob(2));
    database.close();
    const again = await folderStore(folder, options());
    expect(await again.chunk(hashBlob(blob(1)), 0, 4)).toBeNull();
    expect([again.size, await again.put(blob(1), "anna")]).toEqual([0, hashBlob(blob(1))]);
    expect(await again.get(hashBlob(blob(1)))).toEqual(blob(1));
    await again.close();
    expect(faults).toEqual([]);
  });

  const DAMAGES = [
    ["is no database", 0, 64],
    ["has a torn page of names", 1_024, 1_024],
    ["has lost its table", 100, 900],
  ] as const;
  it.for(DAMAGES)("begins a pack anew that %s, and tells it", async ([, from, length]) => {
    const store = await folderStore(folder, options());
    for (let at = 0; at < 40; at++) await store.put(blob(at), "anna");
    await store.close();
    await overwrite(from, length);
    const again = await folderStore(folder, options());
    expect(faults).toMatchObject([{ code: "disk_failed", message: expect.stringContaining("begun anew") }]);
    expect([again.size, await again.put(blob(1), "anna")]).toEqual([0, hashBlob(blob(1))]);
    expect(await again.get(hashBlob(blob(1)))).toEqual(blob(1));
    await again.close();
  });

  async function overwrite(from: number, length: number): Promise<void> {
    const handle = await open(file(), "r+");
    await handle.write(new Uint8Array(length).fill(0xee), 0, length, from);
    await handle.close();
  }
});
