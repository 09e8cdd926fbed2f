/** One link of the hash chain: a record as text, and back. */
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { sha256 } from "../kernels/digest.ts";
import { decodeCause, decodeFact, encodeFact } from "../protocol/facts.ts";
import type { Draft, Entry, Head } from "./journal.ts";

/** What stands before the first entry. */
export const GENESIS: Head = { index: 0, hash: `0x${"00".repeat(32)}` };

/** An entry as it was stored. */
export type StoredEntry = {
  readonly index: number;
  readonly hash: string;
  readonly text: string;
  /** Set by whoever has made `hash` out of this very `text`, so that nobody does it again. */
  readonly isHashed?: true;
};

/**
 * Gives a draft its place after `head`.
 *
 * The entry is decoded from the text that was hashed, so what the caller applies is what a replay will apply.
 *
 * @throws {@link Fault} `impossible` for a draft that the schema refuses
 */
export function sealEntry(head: Head, draft: Draft): Entry {
  const index = head.index + 1;
  try {
    const cause = decodeCause(draft.cause);
    const text = JSON.stringify([head.hash, index, draft.at, cause, draft.facts.map(encodeFact)]);
    return decodeEntry({ index, hash: sha256(text), text });
  } catch (cause) {
    throw unfit(index, cause);
  }
}

/**
 * Reads a stored entry, and checks that it is what was written.
 *
 * @param before - the entry that must stand before it, when known
 * @throws {@link Fault} `journal_broken`
 */
export function openEntry(stored: StoredEntry, before?: Head): Entry {
  const { index } = stored;
  if (before && index !== before.index + 1) {
    throw brokenEntry(before.index + 1, `it is missing; the next one is ${index}`);
  }
  if (!stored.isHashed && sha256(stored.text) !== stored.hash)
    throw brokenEntry(index, "its text does not have its hash");
  let entry: Entry;
  try {
    entry = decodeEntry(stored);
  } catch (cause) {
    throw brokenEntry(index, "its text is no record", cause);
  }
  if (entry.index !== index) throw brokenEntry(index, `it was written as entry ${entry.index}`);
  if (before && entry.previous !== before.hash) {
    throw brokenEntry(index, `it does not follow entry ${before.index}`);
  }
  return entry;
}

/** The fault that names the first entry which does not hold; `facts` are `{ index, why }`. */
export function brokenEntry(index: number, why: string, cause?: unknown): Fault {
  return new Fault("journal_broken", `journal entry ${index} does not hold: ${why}`, {
    cause,
    facts: { index, why },
  });
}

function unfit(index: number, cause: unknown): Fault {
  const message = `journal draft ${index} does not fit its schema`;
  return new Fault("impossible", message, { cause, facts: { index } });
}

/**
 * Reads a stored entry and checks no hash: whoever calls this says what does not hold.
 *
 * @throws SyntaxError, TypeError or ZodError when its text is no record
 */
export function decodeEntry(stored: StoredEntry): Entry {
  const fields: unknown = JSON.parse(stored.text);
  if (!Array.isArray(fields) || fields.length !== 5) throw new TypeError("expected five fields");
  const [previous, index, at, cause, facts]: unknown[] = fields;
  if (typeof previous !== "string" || !Number.isSafeInteger(index) || !Number.isSafeInteger(at)) {
    throw new TypeError("expected previous, index and at");
  }
  if (!Array.isArray(facts)) throw new TypeError("expected a list of facts");
  return {
    index: Number(index),
    at: Number(at),
    cause: decodeCause(cause),
    facts: facts.map(decodeFact),
    previous: previous as Hex,
    hash: stored.hash as Hex,
    text: stored.text,
  };
}
