/**
 * Snapshots of the state beside a journal, a file each: they are large and soon replaced, and in the journal's file they
 * would be written twice. Each names the entry that it was made at, so that one of another journal is passed over.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { sha256 } from "../kernels/digest.ts";
import type { Head, Snapshot } from "./journal.ts";
import { guarded } from "./sqlite-fault.ts";

const NAME = /^snapshot-(\d{1,15})$/;

/** What a file begins with: a line of JSON no longer than this. */
const HEADER_BYTES = 400;

/** How many are kept: the newest, and one before it in case that one rots. */
const KEPT = 2;

/**
 * Keeps a snapshot, and the newest other one.
 *
 * @param at - the entry that it was made at
 * @throws {@link Fault} `disk_full`, `disk_failed`; then those before are as they were
 */
export function writeSnapshot(folder: string, at: Head, bytes: Uint8Array): void {
  const header = `${JSON.stringify({ ...at, sha256: sha256(bytes) })}\n`;
  const file = join(folder, `snapshot-${at.index}`);
  const draft = join(folder, "snapshot.new");
  guarded(() => {
    try {
      writeFileSync(draft, Buffer.concat([Buffer.from(header), bytes]), { mode: 0o600, flush: true });
      renameSync(draft, file);
    } catch (cause) {
      // a part of it would keep the last free bytes from the journal
      rmSync(draft, { force: true });
      throw cause;
    }
    syncFolder(folder);
    for (const index of indices(folder).slice(KEPT))
      rmSync(join(folder, `snapshot-${index}`), { force: true });
  });
}

/**
 * The newest snapshot whose bytes are those that were saved.
 *
 * @param hashOf - the hash of an entry of the journal; null where it has none of that index, or it cannot be read
 */
export function readSnapshot(folder: string, hashOf: (index: number) => string | null): Snapshot | null {
  for (const index of guarded(() => indices(folder))) {
    const bytes = bytesOf(join(folder, `snapshot-${index}`), index, hashOf);
    if (bytes) return { index, bytes };
  }
  return null;
}

/** A file's renaming is on disk only once its folder is. */
export function syncFolder(folder: string): void {
  const directory = openSync(folder, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** The newest first. */
function indices(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => NAME.exec(name)?.slice(1) ?? [])
    .map(Number)
    .toSorted((a, b) => b - a);
}

function bytesOf(file: string, index: number, hashOf: (index: number) => string | null): Uint8Array | null {
  try {
    const content = readFileSync(file);
    const end = content.subarray(0, HEADER_BYTES).indexOf("\n");
    const header: unknown = JSON.parse(content.toString("utf8", 0, end));
    const bytes = new Uint8Array(content.buffer, content.byteOffset + end + 1, content.length - end - 1);
    const hash = hashOf(index);
    const isSame = hash !== null && isObject(header) && header["index"] === index && header["hash"] === hash;
    return isSame && header["sha256"] === sha256(bytes) ? bytes : null;
  } catch {
    // A snapshot only saves time: what cannot be read is replayed.
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
