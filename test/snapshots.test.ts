import { expect, it } from "vitest";
import { Fault } from "../src/base/fault.ts";
import { SNAPSHOT_EVERY } from "../src/exchange/replay.ts";
import { emptyState } from "../src/exchange/state.ts";
import { memoryJournal } from "../src/journal/memory-journal.ts";
import { Snapshots } from "../src/snapshots.ts";

it("goes on without a snapshot that does not fit, tells it, and tries again after as many records", () => {
  const disk: { isFull: boolean } = { isFull: true };
  const kept = memoryJournal();
  const saved: number[] = [];
  const journal = {
    ...kept,
    saveSnapshot(index: number, bytes: Uint8Array) {
      if (disk.isFull) throw new Fault("disk_full", "there is no room");
      saved.push(index);
      kept.saveSnapshot(index, bytes);
    },
  };
  const told: unknown[] = [];
  const snapshots = new Snapshots({ journal, state: emptyState(), onFault: (fault) => told.push(fault) });
  snapshots.note(SNAPSHOT_EVERY - 1);
  expect(told).toEqual([]);
  snapshots.note(1);
  snapshots.note(SNAPSHOT_EVERY - 1);
  expect(told).toMatchObject([{ code: "disk_full" }]);
  disk.isFull = false;
  snapshots.note(1);
  expect([saved, told.length]).toEqual([[0], 1]);
});
