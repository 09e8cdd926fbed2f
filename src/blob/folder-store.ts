/**
 * Blobs as files of one folder, each named by the 64 digits of its hash.
 *
 * A file is written under another name, flushed, and renamed: a power cut leaves a whole blob or none. What a read
 * finds changed is removed and counts as missing, because the sender still has it.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Hex } from "../base/bytes.ts";
import { isRefusal, type Refusal } from "../base/refusal.ts";
import { type BlobStore, hashBlob } from "./blob.ts";
import { add, emptyShelf, remove, roomFor, type Shelf } from "./shelf.ts";

const BLOB_NAME = /^[0-9a-f]{64}$/;
const UNFINISHED = ".tmp";

/**
 * Opens a folder as a store of at most `quota` bytes, and makes it when it is not there.
 *
 * Blobs that a smaller quota has no room for stay until the next put. Two processes may not share a folder.
 */
export async function folderStore(folder: string, quota: number): Promise<BlobStore> {
  await mkdir(folder, { recursive: true });
  const shelf = emptyShelf(quota);
  await readShelf(folder, shelf);
  let last: Promise<unknown> = Promise.resolve();
  return {
    has: (hash) => Promise.resolve(shelf.lengths.has(hash)),
    get: (hash) => read(folder, shelf, hash),
    put: (bytes) => {
      const copy = new Uint8Array(bytes);
      const kept = last.then(() => write(folder, shelf, copy));
      // one write at a time, and a failed one is its caller's to hear of, not the next one's
      last = kept.catch(() => {});
      return kept;
    },
    pin: (hash) => {
      if (!shelf.lengths.has(hash)) return false;
      shelf.pinned.add(hash);
      return true;
    },
    unpin: (hash) => {
      shelf.pinned.delete(hash);
    },
    get size() {
      return shelf.size;
    },
  };
}

async function readShelf(folder: string, shelf: Shelf): Promise<void> {
  const found: { hash: Hex; length: number; writtenMs: number }[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.endsWith(UNFINISHED)) await rm(path, { force: true });
    if (!BLOB_NAME.test(name)) continue;
    const { size, mtimeMs } = await stat(path);
    found.push({ hash: `0x${name}`, length: size, writtenMs: mtimeMs });
  }
  found.sort((a, b) => a.writtenMs - b.writtenMs);
  for (const { hash, length } of found) add(shelf, hash, length);
}

async function read(folder: string, shelf: Shelf, hash: Hex): Promise<Uint8Array | null> {
  if (!shelf.lengths.has(hash)) return null;
  const bytes = await readOrNull(pathOf(folder, hash));
  if (bytes !== null && hashBlob(bytes) === hash) return bytes;
  remove(shelf, hash);
  await rm(pathOf(folder, hash), { force: true });
  return null;
}

async function readOrNull(path: string): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

async function write(folder: string, shelf: Shelf, bytes: Uint8Array): Promise<Hex | Refusal> {
  const hash = hashBlob(bytes);
  if (shelf.lengths.has(hash)) return hash;
  const leaving = roomFor(shelf, bytes.length);
  if (isRefusal(leaving)) return leaving;
  for (const old of leaving) {
    remove(shelf, old);
    await rm(pathOf(folder, old), { force: true });
  }
  const path = pathOf(folder, hash);
  await writeFlushed(path + UNFINISHED, bytes);
  await rename(path + UNFINISHED, path);
  await flushFolder(folder);
  add(shelf, hash, bytes.length);
  return hash;
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The rename itself is on disk only after this. */
async function flushFolder(folder: string): Promise<void> {
  const directory = await open(folder, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function pathOf(folder: string, hash: Hex): string {
  return join(folder, hash.slice(2));
}
