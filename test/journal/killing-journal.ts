/**
 * A journal whose process dies at a chosen boundary, over one that stands for the disk.
 *
 * Each append has two: before the group is on disk, where it is lost, and after, before the caller hears of it, where
 * it is kept. There is none in between, since SQLite commits a group as a whole; that is for real kills to show.
 */
import type { Draft, Entry, Journal } from "../../src/journal/journal.ts";

/** Thrown in place of everything that the process would have done after its death. */
export class KillSignal extends Error {
  override readonly name = "KillSignal";
}

export type KillingJournal = Journal & {
  /** Boundaries passed so far: how many points there are to die at. */
  readonly passed: number;
  readonly isDead: boolean;
};

/**
 * @param disk - survives: open another one over it, or read it; never closed by the killed process
 * @param killAt - the boundary to die at, counted from 1; infinity for none. Odd ones lose the group, even ones keep it
 */
export function killingJournal(disk: Journal, killAt: number = Number.POSITIVE_INFINITY): KillingJournal {
  let passed = 0;
  let isDead = false;
  const alive = () => {
    if (isDead) throw new KillSignal(`killed at boundary ${killAt}`);
  };
  const boundary = () => {
    passed += 1;
    isDead = passed >= killAt;
    alive();
  };
  return {
    get passed() {
      return passed;
    },
    get isDead() {
      return isDead;
    },
    head: () => {
      alive();
      return disk.head();
    },
    append(drafts: readonly Draft[]): readonly Entry[] {
      alive();
      boundary();
      const entries = disk.append(drafts);
      boundary();
      return entries;
    },
    entries: (after) => {
      alive();
      return disk.entries(after);
    },
    entry: (index) => {
      alive();
      return disk.entry(index);
    },
    saveSnapshot: (index, bytes) => {
      alive();
      disk.saveSnapshot(index, bytes);
    },
    newestSnapshot: () => {
      alive();
      return disk.newestSnapshot();
    },
    // a process that dies closes nothing, and one that ends well leaves the disk to the next
    close: () => undefined,
  };
}
