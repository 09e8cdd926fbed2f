/** Verifies a whole journal from its text alone: the chain, the books and every signature. */
import { postingsOf } from "../protocol/facts.ts";
import { brokenEntry, GENESIS, openEntry } from "./entry.ts";
import type { Entry, Head } from "./journal.ts";
import { newWitness, witness } from "./witness.ts";

export type Verified = {
  /** How many entries hold: all of them. */
  readonly held: number;
  readonly signatures: number;
  readonly head: Head;
};

/**
 * Recomputes every hash, decodes every fact, and checks that indices have no gap, that the postings of each record
 * sum to zero, and that each signature is its signer's over the terms that the earlier facts give.
 *
 * Streams: memory grows with open tasks and devices. A cut-off tail is a shorter journal that holds: compare the
 * head with one kept elsewhere.
 *
 * @param entries - from the first one on; only `index`, `hash` and `text` are read
 * @param onProgress - called after each entry with how many hold
 * @throws {@link Fault} `journal_broken` with the facts `{ index, why }` of the first entry that does not hold
 */
export function verifyJournal(
  entries: Iterable<Pick<Entry, "index" | "hash" | "text">>,
  onProgress?: (held: number) => void,
): Verified {
  const memory = newWitness();
  let head: Head = GENESIS;
  for (const stored of entries) {
    const entry = openEntry(stored, head);
    const sum = postingsOf(entry.facts).reduce((total, { change }) => total + change, 0n);
    if (sum !== 0n) throw brokenEntry(entry.index, `its postings sum to ${sum}, not to zero`);
    const why = witness(memory, entry.facts);
    if (why !== null) throw brokenEntry(entry.index, why);
    head = { index: entry.index, hash: entry.hash };
    onProgress?.(entry.index);
  }
  return { held: head.index, signatures: memory.signatures, head };
}
