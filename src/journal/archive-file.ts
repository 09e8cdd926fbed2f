/**
 * A file of the archive: entries of a closed period, which is never changed again.
 *
 * A line that says what it is, a line of JSON that says which entries it has, blocks that need no other, where each of
 * them begins, and a footer with the SHA-256 of all but the blocks, which have the hashes of their entries.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { diskCode, diskReason } from "../base/disk-error.ts";
import { Fault } from "../base/fault.ts";
import { sha256 } from "../kernels/digest.ts";
import type { Period } from "./archived-table.ts";
import { type Block, entriesOf, linesOf, MARK, MAX_BYTES, MAX_COUNT, packTightly } from "./block.ts";
import { brokenEntry, type StoredEntry } from "./entry.ts";
import type { Head } from "./journal.ts";

const MAGIC = "hirewire archive 1\n";

/** Of a block before its marks: how many entries, how many compressed bytes, the hash of the newest entry. */
const BLOCK_HEAD = 40;

/** Of the index: where a block begins in the journal, and in the file. */
const INDEX_ROW = 12;

/** Where the index begins, how many blocks there are, and a hash. */
const FOOTER = 42;

/** What a file is to have in it. */
export type Contents = Omit<Period, "file" | "bytes">;

/**
 * Writes a file and flushes it.
 *
 * @param entries - those of the period, in order
 * @returns its length in bytes
 * @throws {@link Fault} `disk_full`, `disk_failed`, and whatever reading the entries throws
 */
export function writeArchive(path: string, contents: Contents, entries: Iterable<StoredEntry>): number {
  const file = onDisk(path, () => openSync(path, "w", 0o600));
  try {
    const header = headerOf(contents);
    let at = put(path, file, header);
    const rows: Uint8Array[] = [];
    for (const block of blocksOf(entries)) {
      rows.push(rowOf(block.first, at));
      at += put(path, file, recordOf(block));
    }
    const index = Buffer.concat(rows);
    const footer = Buffer.alloc(FOOTER);
    footer.writeUIntBE(at, 0, 6);
    footer.writeUInt32BE(rows.length, 6);
    footer.set(checksum(header, index, footer), 10);
    at += put(path, file, Buffer.concat([index, footer]));
    onDisk(path, () => fsyncSync(file));
    return at;
  } finally {
    closeSync(file);
  }
}

function put(path: string, file: number, bytes: Uint8Array): number {
  return onDisk(path, () => {
    for (let from = 0; from < bytes.length; ) from += writeSync(file, bytes, from);
    return bytes.length;
  });
}

function headerOf({ first, last, previous, hash }: Contents): Buffer {
  return Buffer.from(`${MAGIC}${JSON.stringify({ first, last, previous, hash })}\n`);
}

function checksum(header: Uint8Array, index: Uint8Array, footer: Uint8Array): Buffer {
  const all = Buffer.concat([header, index, footer.subarray(0, 10)]);
  return Buffer.from(sha256(all).slice(2), "hex");
}

function* blocksOf(entries: Iterable<StoredEntry>): Iterable<Block> {
  let open: StoredEntry[] = [];
  let length = 0;
  for (const entry of entries) {
    open.push(entry);
    length += entry.text.length;
    if (open.length < MAX_COUNT && length < MAX_BYTES) continue;
    yield packTightly(open);
    open = [];
    length = 0;
  }
  if (open.length > 0) yield packTightly(open);
}

function rowOf(first: number, at: number): Buffer {
  const row = Buffer.alloc(INDEX_ROW);
  row.writeUIntBE(first, 0, 6);
  row.writeUIntBE(at, 6, 6);
  return row;
}

function recordOf({ count, marks, hash, bytes }: Block): Buffer {
  const head = Buffer.alloc(BLOCK_HEAD);
  head.writeUInt32BE(count, 0);
  head.writeUInt32BE(bytes.length, 4);
  head.set(hash, 8);
  return Buffer.concat([head, marks, bytes]);
}

/**
 * The records in a file of an archive, by itself: JSON of each without the hash of the record before, checked in nothing,
 * as far as they can be read.
 *
 * @returns null for any other file
 * @throws {@link Fault} `disk_failed`
 */
export function salvagedArchive(path: string): readonly string[] | null {
  const content = onDisk(path, () => readFileSync(path));
  if (!content.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC))) return null;
  const lines: string[] = [];
  for (let at = content.indexOf("\n", MAGIC.length) + 1; at + BLOCK_HEAD <= content.length; ) {
    const from = at + BLOCK_HEAD + MARK * content.readUInt32BE(at);
    at = from + content.readUInt32BE(at + 4);
    for (const line of readableLines(content.subarray(from, at))) lines.push(`[${line}`);
  }
  return lines;
}

/** None of the index, and of a block that was torn: those after it need it for nothing. */
function readableLines(bytes: Uint8Array): readonly string[] {
  try {
    return linesOf({ first: 0, bytes }, null);
  } catch {
    return [];
  }
}

/** A file of the archive, open. */
export class ArchiveFile {
  readonly #path: string;
  readonly #period: Period;
  readonly #file: number;
  /** Where blocks begin: rows of the index, and the end of the last block. */
  readonly #index: Buffer;
  readonly #end: number;
  /** The block that was read last, by its place. */
  #newest: { readonly at: number; readonly block: Block; readonly lines: readonly string[] } | null = null;

  /**
   * @param folder - of the archive
   * @throws {@link Fault} `not_found` when the file is not there, `journal_broken` when it is not the one that the
   * journal has written, `disk_failed`
   */
  constructor(folder: string, period: Period) {
    this.#period = period;
    this.#path = join(folder, period.file);
    this.#file = this.#open();
    try {
      const { end, index } = this.#layout();
      this.#end = end;
      this.#index = index;
    } catch (fault) {
      closeSync(this.#file);
      throw fault;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /**
   * The entries after index `after` up to the end of the period.
   *
   * @param read - the entry of index `after` when it was read just before: these must follow it
   * @throws {@link Fault} `journal_broken` at the first entry that is not what was written
   */
  *entries(after: number, read: Head | null): Iterable<StoredEntry> {
    const { first, last, previous, hash } = this.#period;
    if (read && read.index === first - 1 && read.hash !== previous) {
      throw brokenEntry(first, `${this.#path} does not follow entry ${read.index}`);
    }
    let before: string | null = null;
    for (let at = this.#placeOf(after + 1); at < this.#count; at++) {
      const { block, lines } = this.#block(at);
      before ??= this.#hashBefore(at);
      for (const stored of entriesOf(block, lines, before)) {
        before = stored.hash;
        if (stored.index > after) yield stored;
      }
    }
    if (before !== hash) throw brokenEntry(last, `${this.#path} does not end as it was written`);
  }

  /** One entry of the period. @throws {@link Fault} as {@link entries} */
  entry(index: number): StoredEntry | null {
    const at = this.#placeOf(index);
    const { block, lines } = this.#block(at);
    for (const stored of entriesOf(block, lines, this.#hashBefore(at))) {
      if (stored.index === index) return stored;
    }
    return null;
  }

  get #count(): number {
    return this.#index.length / INDEX_ROW;
  }

  #open(): number {
    const { first, last } = this.#period;
    try {
      return openSync(this.#path, "r");
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT"))
        throw unread(this.#path, cause);
      const words = `entries ${first} to ${last} are in ${this.#path}, which is not there`;
      throw new Fault("not_found", `${words}: put it back, from a backup's folder archive say`, {
        cause,
        facts: { file: this.#path },
      });
    }
  }

  /** Reads header, index and footer; they must be those of the period. */
  #layout(): { end: number; index: Buffer } {
    const { bytes, first } = this.#period;
    const { size } = onDisk(this.#path, () => fstatSync(this.#file));
    if (size !== bytes) throw this.#changed(first, `it has ${size} bytes, and was written with ${bytes}`);
    const header = headerOf(this.#period);
    if (size < header.length + FOOTER) throw this.#changed(first, "it is too short");
    const footer = this.#bytes(size - FOOTER, FOOTER);
    const end = footer.readUIntBE(0, 6);
    const count = footer.readUInt32BE(6);
    const isPlaced = count > 0 && end + count * INDEX_ROW + FOOTER === size;
    const index = isPlaced ? this.#bytes(end, count * INDEX_ROW) : Buffer.alloc(0);
    const isSame = this.#bytes(0, header.length).equals(header);
    if (!isPlaced || !isSame || !checksum(header, index, footer).equals(footer.subarray(10))) {
      throw this.#changed(first, "its header, index or footer is not what was written");
    }
    return { end, index };
  }

  #changed(index: number, why: string): Fault {
    return brokenEntry(index, `${this.#path} was changed: ${why}`);
  }

  #firstOf(at: number): number {
    return this.#index.readUIntBE(at * INDEX_ROW, 6);
  }

  #offsetOf(at: number): number {
    return at < this.#count ? this.#index.readUIntBE(at * INDEX_ROW + 6, 6) : this.#end;
  }

  /** The place of the block that has an entry. */
  #placeOf(index: number): number {
    let [low, high] = [0, this.#count];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#firstOf(middle) <= index) low = middle;
      else high = middle;
    }
    return low;
  }

  #block(at: number): { readonly block: Block; readonly lines: readonly string[] } {
    if (this.#newest?.at === at) return this.#newest;
    const first = this.#firstOf(at);
    const record = this.#bytes(this.#offsetOf(at), this.#offsetOf(at + 1) - this.#offsetOf(at));
    const count = record.readUInt32BE(0);
    const next = at + 1 < this.#count ? this.#firstOf(at + 1) : this.#period.last + 1;
    const marked = BLOCK_HEAD + MARK * count;
    if (count !== next - first || marked + record.readUInt32BE(4) !== record.length) {
      throw this.#changed(first, "a block of it makes no sense");
    }
    const hash = record.subarray(8, BLOCK_HEAD);
    const [marks, bytes] = [record.subarray(BLOCK_HEAD, marked), record.subarray(marked)];
    const block = { first, count, key: first, marks, hash, bytes };
    this.#newest = { at, block, lines: linesOf(block, null) };
    return this.#newest;
  }

  #hashBefore(at: number): string {
    if (at === 0) return this.#period.previous;
    return `0x${this.#bytes(this.#offsetOf(at - 1) + 8, BLOCK_HEAD - 8).toString("hex")}`;
  }

  #bytes(from: number, length: number): Buffer {
    return onDisk(this.#path, () => {
      const bytes = Buffer.alloc(length);
      for (let read = 0; read < length; ) {
        const more = readSync(this.#file, bytes, read, length - read, from + read);
        if (more === 0) throw this.#changed(this.#period.first, "it is too short");
        read += more;
      }
      return bytes;
    });
  }
}

function unread(path: string, cause: unknown): Fault {
  const words = `the archive's file ${path} cannot be read or written: ${diskReason(cause)}`;
  return new Fault(diskCode(cause), words, { cause, facts: { file: path } });
}

function onDisk<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw cause instanceof Fault ? cause : unread(path, cause);
  }
}
