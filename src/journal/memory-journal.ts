/** A journal that lives as long as its process: for tests and simulations. Same chain, no disk. */
import { Fault } from "../base/fault.ts";
import { GENESIS, openEntry, sealEntry } from "./entry.ts";
import type { Draft, Entry, Journal, Snapshot } from "./journal.ts";

/**
 * A journal that ends with the process, for tests and rehearsals. It hashes and checks as the one on disk does.
 *
 * Keeps the two newest snapshots.
 */
export function memoryJournal(): Journal {
  const stored: Entry[] = [];
  let snapshots: Snapshot[] = [];
  const head = () => stored.at(-1) ?? GENESIS;
  return {
    head: () => ({ index: head().index, hash: head().hash }),
    append(drafts: readonly Draft[]) {
      const sealed: Entry[] = [];
      for (const draft of drafts) sealed.push(sealEntry(sealed.at(-1) ?? head(), draft));
      stored.push(...sealed);
      return sealed;
    },
    *entries(after = 0) {
      for (let index = after + 1; index <= stored.length; index++) {
        const entry = stored[index - 1];
        if (entry) yield openEntry(entry, stored[index - 2] ?? GENESIS);
      }
    },
    entry: (index) => stored[index - 1] ?? null,
    saveSnapshot(index, bytes) {
      if (index > head().index) throw new Fault("impossible", `snapshot ${index} is ahead of the journal`);
      const others = snapshots.filter((snapshot) => snapshot.index !== index);
      const all = [...others, { index, bytes: bytes.slice() }].sort((a, b) => b.index - a.index);
      snapshots = all.slice(0, 2);
    },
    newestSnapshot: () => snapshots[0] ?? null,
    close() {},
  };
}
