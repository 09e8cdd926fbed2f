/**
 * Blobs in one folder: the small ones in a pack, the others as files, each named by the 64 digits of its hash, its time
 * being when it was last used. Small ones that an older store has left as files are read as well.
 *
 * A file is written under another name, flushed, and renamed: a power cut leaves a whole blob or none. What a read
 * finds changed is removed and counts as missing, because the sender still has it.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Hex } from "../base/bytes.ts";
import { type Instant, instant } from "../base/clock.ts";
import { diskCode, diskReason } from "../base/disk-error.ts";
import { Fault } from "../base/fault.ts";
import type { BlobStore } from "./blob.ts";
import { memoryDraft, memoryReading } from "./draft.ts";
import type { Draft, Medium, Reading } from "./medium.ts";
import { openPack, type Pack } from "./pack.ts";
import { type Found, ShelfStore, type StoreOptions } from "./shelf-store.ts";
import type { Read } from "./slices.ts";

const BLOB_NAME = /^[0-9a-f]{64}$/;
const UNFINISHED = ".tmp";
const PACK = "pack.sqlite";

/** Largest blob that goes into the pack, bytes, unless told: as a file it takes no less than that of a disk. */
const MAX_PACKED = 4_096;

type FolderOptions = StoreOptions & {
  /** Largest blob that goes into the pack, bytes; 4,096 unless told. */
  readonly maxPacked?: number;
};

/**
 * Opens a folder as a store, and makes it when it is not there. What was on its way when the last process ended is
 * removed. Two processes may not share a folder.
 *
 * @throws {@link Fault} `disk_full`, `disk_failed`; `file_format` for one of a newer hirewire
 */
export async function folderStore(folder: string, options: FolderOptions): Promise<BlobStore> {
  const found = await onDisk("open", folder, async () => {
    await mkdir(folder, { recursive: true });
    return await findIn(folder);
  });
  const { pack, found: packed } = openPack(join(folder, PACK), options);
  const medium = sorted(pack, files(folder), options.maxPacked ?? MAX_PACKED);
  return new ShelfStore(medium, [...found, ...packed], options);
}

/** The small ones into the pack, the others into files. */
function sorted(pack: Pack, files: Files, maxPacked: number): Medium {
  return {
    draft: (total) =>
      total > maxPacked
        ? files.draft()
        : Promise.resolve(memoryDraft(total, (hash, whole, at) => pack.keep(hash, whole, at))),
    open: async (hash) => (pack.has(hash) ? memoryReading(pack.read(hash)) : await files.open(hash)),
    remove: async (hash) => (pack.has(hash) ? pack.remove(hash) : await files.remove(hash)),
    touch: async (hash, at) => (pack.has(hash) ? pack.touch(hash, at) : await files.touch(hash, at)),
    hurry: () => pack.hurry(),
    close: async () => pack.close(),
  };
}

async function findIn(folder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.endsWith(UNFINISHED)) await rm(path, { force: true });
    if (!BLOB_NAME.test(name)) continue;
    const { size, mtimeMs } = await stat(path);
    found.push({ hash: `0x${name}`, length: size, lastUse: instant(Math.floor(mtimeMs)) });
  }
  return found;
}

type Files = Pick<Medium, "open" | "remove" | "touch"> & { readonly draft: () => Promise<Draft> };

function files(folder: string): Files {
  let drafts = 0;
  const pathOf = (hash: Hex) => join(folder, hash.slice(2));
  return {
    draft: async () => {
      const path = join(folder, `${drafts++}${UNFINISHED}`);
      const file = await onDisk("write", path, () => open(path, "w+", 0o600));
      return draftOf(file, path, folder, pathOf);
    },
    open: (hash) => onDisk("read", pathOf(hash), () => readingOf(pathOf(hash))),
    remove: (hash) => onDisk("remove", pathOf(hash), () => rm(pathOf(hash), { force: true })),
    touch: (hash, at) => onDisk("touch", pathOf(hash), () => touch(pathOf(hash), at)),
  };
}

function draftOf(file: FileHandle, path: string, folder: string, pathOf: (hash: Hex) => string): Draft {
  const discard = async () => {
    await file.close();
    await rm(path, { force: true });
  };
  const keep = async (hash: Hex, at: Instant) => {
    await file.utimes(at / 1_000, at / 1_000);
    await file.close();
    await rename(path, pathOf(hash));
    await flushFolder(folder);
  };
  return {
    write: (offset, bytes) => onDisk("write", path, () => writeAll(file, offset, bytes)),
    read: (into, offset) => onDisk("read", path, () => readOf(file)(into, offset)),
    flush: () => onDisk("flush", path, () => file.sync()),
    keep: (hash, at) =>
      onDisk("keep", path, async () => {
        try {
          await keep(hash, at);
        } catch (error) {
          await discard().catch(() => {});
          throw error;
        }
      }),
    discard: () => onDisk("remove", path, discard),
  };
}

async function readingOf(path: string): Promise<Reading | null> {
  try {
    const file = await open(path, "r");
    const read = readOf(file);
    return {
      read: (into, offset) => onDisk("read", path, () => read(into, offset)),
      close: () => file.close(),
    };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function readOf(file: FileHandle): Read {
  return async (into, offset) => {
    let filled = 0;
    while (filled < into.length) {
      const { bytesRead } = await file.read(into, filled, into.length - filled, offset + filled);
      if (bytesRead === 0) return false;
      filled += bytesRead;
    }
    return true;
  };
}

/** A full disk may take a part of the bytes before it takes no more. */
async function writeAll(file: FileHandle, offset: number, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, offset + written);
    written += bytesWritten;
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

async function touch(path: string, at: Instant): Promise<void> {
  try {
    await utimes(path, at / 1_000, at / 1_000);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

async function onDisk<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot ${what} ${path}: ${diskReason(cause)}`, {
      cause,
      facts: { path },
    });
  }
}
