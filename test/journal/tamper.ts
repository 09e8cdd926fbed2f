/** Changes in a journal's file behind its back: what a bad card, or a forger with half the knowledge, would do. */
import { DatabaseSync } from "node:sqlite";
import { type Block, linesOf } from "../../src/journal/block.ts";
import { compress, Dictionary } from "../../src/journal/compression.ts";
import { journalFile } from "../../src/journal/sqlite-journal.ts";

/** A block with its lines open. */
type OpenBlock = {
  readonly first: number;
  readonly lines: readonly string[];
  readonly marks: Uint8Array;
  readonly hash: Uint8Array;
};

/** Runs SQL over a folder's journal. Blocks are in `block (first, count, key, marks, hash, bytes)`. */
export function tamper(folder: string, sql: string): void {
  const database = new DatabaseSync(journalFile(folder));
  database.exec(sql);
  database.close();
}

/**
 * Changes the text of entries, and leaves every hash as it was.
 *
 * @param change - of a text without the hash that it begins with
 */
export function changeTexts(folder: string, change: (line: string, index: number) => string): void {
  rewrite(folder, (block) => ({
    ...block,
    lines: block.lines.map((line, at) => change(line, block.first + at)),
  }));
}

/** {@link changeTexts} of one entry. */
export function changeText(folder: string, index: number, change: (line: string) => string): void {
  changeTexts(folder, (line, at) => (at === index ? change(line) : line));
}

/** Removes all entries after one, as if they had never been: what is left holds. */
export function cutAfter(folder: string, index: number, hash: string): void {
  rewrite(folder, (block) => {
    const left = index - block.first + 1;
    if (left >= block.lines.length) return block;
    if (left <= 0) return null;
    const newest = Buffer.from(hash.slice(2), "hex");
    return {
      ...block,
      lines: block.lines.slice(0, left),
      marks: block.marks.subarray(0, 8 * left),
      hash: newest,
    };
  });
}

/** Writes every block anew, each of them a key block: null removes it. */
function rewrite(folder: string, change: (block: OpenBlock) => OpenBlock | null): void {
  const database = new DatabaseSync(journalFile(folder));
  const blocks = database.prepare("SELECT * FROM block ORDER BY first").all() as unknown as Block[];
  const insert = database.prepare("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?)");
  database.exec("BEGIN; DELETE FROM block");
  const dictionary = new Dictionary();
  for (const block of blocks) {
    if (block.key === block.first) dictionary.clear();
    const open = change({ ...block, lines: linesOf(block, dictionary) });
    if (!open) continue;
    const { first, lines, marks, hash } = open;
    const bytes = compress(Buffer.from(lines.join("\n")), null, 1);
    insert.run(first, lines.length, first, marks, hash, bytes);
  }
  database.exec("COMMIT");
  database.close();
}
