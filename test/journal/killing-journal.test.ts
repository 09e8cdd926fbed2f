import { describe, expect, it } from "vitest";
import { memoryJournal } from "../../src/journal/memory-journal.ts";
import { journalContract } from "../ports/journal.contract.ts";
import { KillSignal, killingJournal } from "./killing-journal.ts";
import { draftOf } from "./life.ts";

journalContract("journal that nobody kills", () => killingJournal(memoryJournal()));

describe("killingJournal", () => {
  it("loses the group at an odd boundary, keeps it at an even one, and is dead after it", () => {
    for (let killAt = 1; killAt <= 6; killAt++) {
      const disk = memoryJournal();
      const journal = killingJournal(disk, killAt);
      let told = 0;
      const work = () => {
        for (;;) told += journal.append([draftOf([]), draftOf([])]).length;
      };
      expect(work).toThrow(KillSignal);
      expect(told).toBe(2 * Math.floor((killAt - 1) / 2));
      expect(disk.head().index).toBe(2 * Math.floor(killAt / 2));
      expect(journal.isDead).toBe(true);
      expect(journal.passed).toBe(killAt);
      for (const use of [() => journal.head(), () => journal.append([]), () => journal.entry(1)]) {
        expect(use).toThrow(KillSignal);
      }
      expect(disk.append([draftOf([])])).toHaveLength(1);
    }
  });
});
