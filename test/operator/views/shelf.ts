/** A journal in a folder of its own, and the views of it without a thread. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { onTestFinished } from "vitest";
import { type Clock, instant, systemClock } from "../../../src/base/clock.ts";
import type { Draft } from "../../../src/journal/journal.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { Librarian } from "../../../src/operator/views/librarian.ts";
import { Reader } from "../../../src/operator/views/reader.ts";
import { viewsFile } from "../../../src/operator/views/store.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import { draftOf, START } from "../../journal/signed-facts.ts";

/** Stands still: nothing is written but at the close, or after many entries. */
export const STILL: Clock = { ...systemClock, now: () => instant(START + 3_600_000) };

/** A folder that is gone when the test is over. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-views-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes records to the end of a folder's journal. */
export function append(folder: string, drafts: readonly Draft[]): void {
  const journal = openJournal(folder);
  journal.append(drafts);
  journal.close();
}

/** Records a second apart. */
export function drafted(records: readonly (readonly Fact[])[]): Draft[] {
  return records.map((facts, at) => draftOf(facts, START + at * 1_000));
}

export type Shelf = { readonly reader: Reader; readonly library: Librarian };

/** Reads a folder's journal to its end; the views are closed when the test is over, unless that was done before. */
export function readAll(folder: string, clock: Clock = STILL): Shelf & { readonly close: () => void } {
  const reader = new Reader(folder, clock);
  let isOpen = true;
  const close = () => {
    if (isOpen) reader.close();
    isOpen = false;
  };
  onTestFinished(close);
  while (reader.follow());
  return { reader, library: new Librarian(reader, () => clock.now(), ""), close };
}

/** Turns one bit of a stored column, as a card does that is wearing out. */
export function changePart(folder: string, id: number): void {
  const database = new DatabaseSync(viewsFile(folder));
  const bytes = database.prepare("SELECT bytes FROM part WHERE id = ?").get(id)?.["bytes"] as Uint8Array;
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  database.prepare("UPDATE part SET bytes = ? WHERE id = ?").run(bytes, id);
  database.close();
}
