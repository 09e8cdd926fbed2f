/** State from the journal: the newest snapshot, and every record after it. */
import { deserialize, serialize } from "node:v8";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { Fault } from "../base/fault.ts";
import type { Journal } from "../journal/journal.ts";
import type { Market } from "../protocol/typed-data.ts";
import { apply, emptyState, type State } from "./state.ts";

/**
 * Records between two snapshots of the state: what a start may have to replay, about half a second's work, against what the
 * disk has to take.
 */
export const SNAPSHOT_EVERY = 10_000;

/** Raised whenever the shape of the state changes: older snapshots are then passed over, not misread. */
const SNAPSHOT_VERSION = 10;

/** Of a snapshot once it is unpacked, bytes: one that claims more is none of ours. */
const MOST_BYTES = 1_073_741_824;

/** Rebuilds the state as it was at the journal's head. */
export function replay(journal: Journal, market: Market): State {
  const snapshot = newestSnapshot(journal);
  const state = snapshot?.state ?? emptyState();
  for (const entry of journal.entries(snapshot?.index ?? 0)) apply(state, market, entry);
  return state;
}

/**
 * A data folder's money lives in one vault, under one key: with any other, its books would be somebody else's.
 *
 * @throws {@link Fault} `chain_mismatch` when the journal in `folder` is of another key, chain, vault or token
 */
export function requireHome({ home }: State, market: Market, folder: string): void {
  if (!home) return;
  for (const key of ["gateway", "chainId", "vault", "token"] as const) {
    if (home[key] === market[key]) continue;
    throw new Fault(
      "chain_mismatch",
      `${folder} is of ${key} ${home[key]}, not ${market[key]}; use another data folder`,
    );
  }
}

/** Saves the state at the journal's head. */
export function saveSnapshot(journal: Journal, state: State): void {
  const bytes = serialize({ version: SNAPSHOT_VERSION, state });
  // the quickest level: it holds the gateway up, and the next ones save little
  const params = { [constants.ZSTD_c_compressionLevel]: 1 };
  journal.saveSnapshot(journal.head().index, zstdCompressSync(bytes, { params }));
}

function newestSnapshot(journal: Journal): { index: number; state: State } | null {
  const saved = journal.newestSnapshot();
  if (!saved || saved.index > journal.head().index) return null;
  try {
    const bytes = zstdDecompressSync(saved.bytes, { maxOutputLength: MOST_BYTES });
    const { version, state } = deserialize(bytes) as { version: number; state: State };
    return version === SNAPSHOT_VERSION ? { index: saved.index, state } : null;
  } catch {
    // A snapshot only saves time: what it lacks is replayed.
    return null;
  }
}
