/** State from the journal: the newest snapshot, and every record after it. */
import { deserialize, serialize } from "node:v8";
import { Fault } from "../base/fault.ts";
import type { Journal } from "../journal/journal.ts";
import type { Market } from "../protocol/typed-data.ts";
import { apply, emptyState, type State } from "./state.ts";

/** Raised whenever the shape of the state changes: older snapshots are then passed over, not misread. */
const SNAPSHOT_VERSION = 9;

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
  journal.saveSnapshot(journal.head().index, serialize({ version: SNAPSHOT_VERSION, state }));
}

function newestSnapshot(journal: Journal): { index: number; state: State } | null {
  const saved = journal.newestSnapshot();
  if (!saved || saved.index > journal.head().index) return null;
  try {
    const { version, state } = deserialize(saved.bytes) as { version: number; state: State };
    return version === SNAPSHOT_VERSION ? { index: saved.index, state } : null;
  } catch {
    // A snapshot only saves time: what it lacks is replayed.
    return null;
  }
}
