/**
 * Blobs as files of one folder, each named by the 64 digits of its hash.
 *
 * A file is written under another name, flushed, and renamed: a power cut leaves a whole blob or none. What a read
 * finds changed is removed and counts as missing, because the sender still has it.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Hex } from "../base/bytes.ts";
import { isRefusal, type Refusal } from "../base/refusal.ts";
import { type BlobRange, type BlobStore, hashBlob } from "./blob.ts";
import { add, emptyShelf, remove, roomFor, type Shelf } from "./shelf.ts";

const BLOB_NAME = /^[0-9a-f]{64}$/;
const UNFINISHED = ".tmp";

interface Files {
  readonly folder: string;
  readonly shelf: Shelf;
  /** Whether a file is the blob it is named for, for those that a chunk was read of. */
  readonly checks: Map<Hex, Promise<boolean>>;
}

/**
 * Opens a folder as a store of at most `quota` bytes, and makes it when it is not there.
 *
 * Blobs that a smaller quota has no room for stay until the next put. Two processes may not share a folder.
 */
export async function folderStore(folder: string, quota: number): Promise<BlobStore> {
  await mkdir(folder, { recursive: true });
  const shelf = emptyShelf(quota);
  await readShelf(folder, shelf);
  const files: Files = { folder, shelf, checks: new Map() };
  let last: Promise<unknown> = Promise.resolve();
  return {
    has: (hash) => Promise.resolve(shelf.lengths.has(hash)),
    get: (hash) => read(files, hash),
    chunk: (hash, offset, length) => readChunk(files, hash, offset, length),
    put: (bytes) => {
      const copy = new Uint8Array(bytes);
      const kept = last.then(() => write(files, copy));
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

async function read(files: Files, hash: Hex): Promise<Uint8Array | null> {
  if (!files.shelf.lengths.has(hash)) return null;
  const bytes = await readOrNull(pathOf(files.folder, hash));
  if (bytes !== null && hashBlob(bytes) === hash) return bytes;
  await drop(files, hash);
  return null;
}

async function readChunk(files: Files, hash: Hex, offset: number, length: number): Promise<BlobRange | null> {
  const total = files.shelf.lengths.get(hash);
  if (total === undefined || !(await isWhole(files, hash))) return null;
  const count = Math.max(0, Math.min(length, total - offset));
  const bytes = await readRange(pathOf(files.folder, hash), offset, count);
  if (bytes !== null) return { total, bytes };
  // cut or removed since it was checked
  await drop(files, hash);
  return null;
}

/** Checks a file once, however many ask meanwhile; a check that could not be made is made again. */
function isWhole(files: Files, hash: Hex): Promise<boolean> {
  const known = files.checks.get(hash);
  if (known !== undefined) return known;
  const check = read(files, hash).then((bytes) => bytes !== null);
  files.checks.set(hash, check);
  check.catch(() => files.checks.delete(hash));
  return check;
}

async function drop({ folder, shelf, checks }: Files, hash: Hex): Promise<void> {
  remove(shelf, hash);
  checks.delete(hash);
  await rm(pathOf(folder, hash), { force: true });
}

/** `count` bytes from `offset`; null when the file has them not. */
async function readRange(path: string, offset: number, count: number): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(count);
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    let filled = 0;
    while (filled < count) {
      const { bytesRead } = await file.read(bytes, filled, count - filled, offset + filled);
      if (bytesRead === 0) return null;
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

async function readOrNull(path: string): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

async function write(files: Files, bytes: Uint8Array): Promise<Hex | Refusal> {
  const { folder, shelf } = files;
  const hash = hashBlob(bytes);
  if (shelf.lengths.has(hash)) return hash;
  const leaving = roomFor(shelf, bytes.length);
  if (isRefusal(leaving)) return leaving;
  for (const old of leaving) await drop(files, old);
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
