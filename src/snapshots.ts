/** Saves the state from time to time, so that a start need not replay all of the journal. */
import { isFault } from "./base/fault.ts";
import { SNAPSHOT_EVERY, saveSnapshot } from "./exchange/replay.ts";
import type { State } from "./exchange/state.ts";
import type { Journal } from "./journal/journal.ts";

export type SnapshotsOptions = {
  readonly journal: Journal;
  readonly state: State;
  /** A snapshot could not be saved: a start then takes longer, and nothing is lost. */
  readonly onFault: (fault: unknown) => void;
};

export class Snapshots {
  readonly #options: SnapshotsOptions;
  /** Records since the newest one. */
  #unsaved: number;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    const { journal } = options;
    // lives that end early must not leave ever more for the next one to replay
    this.#unsaved = journal.head().index - (journal.newestSnapshot()?.index ?? 0);
  }

  /** So many records more are in the state. */
  note(records: number): void {
    this.#unsaved += records;
    if (this.#unsaved >= SNAPSHOT_EVERY) this.save();
  }

  /** Saves the state at the journal's head, or tells why not and tries again after as many records. */
  save(): void {
    const { journal, state, onFault } = this.#options;
    this.#unsaved = 0;
    try {
      saveSnapshot(journal, state);
    } catch (fault) {
      if (!isFault(fault)) throw fault;
      onFault(fault);
    }
  }
}
