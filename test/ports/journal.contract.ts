/** What every journal must do. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Journal } from "../../src/journal/journal.ts";
import { buildLife, draftOf, START, voucherFact } from "../journal/life.ts";

const ZEROS = `0x${"00".repeat(32)}`;
const TRANSACTION = `0x${"ab".repeat(32)}` as const;
const life = await buildLife();

export function journalContract(name: string, make: () => Journal): void {
  describe(name, () => {
    let journal: Journal;
    beforeEach(() => {
      journal = make();
    });
    afterEach(() => journal.close());

    it("is empty at first", () => {
      expect(journal.head()).toEqual({ index: 0, hash: ZEROS });
      expect([...journal.entries()]).toEqual([]);
      expect(journal.entry(0)).toBeNull();
      expect(journal.entry(1)).toBeNull();
      expect(journal.append([])).toEqual([]);
    });

    it("gives back what was appended, in order", () => {
      const appended = journal.append(life.drafts);
      expect(appended.map(({ at, cause, facts }) => ({ at, cause, facts }))).toEqual(life.drafts);
      expect([...journal.entries()]).toEqual(appended);
      expect(journal.entry(2)).toEqual(appended[1]);
      expect([...journal.entries(3)]).toEqual(appended.slice(3));
      expect([...journal.entries(appended.length)]).toEqual([]);
      expect([...journal.entries(appended.length + 5)]).toEqual([]);
    });

    it("chains each entry to the one before by SHA-256 of the stored text", () => {
      const entries = [
        ...journal.append(life.drafts.slice(0, 2)),
        ...journal.append(life.drafts.slice(2, 4)),
      ];
      let previous = ZEROS;
      for (const [i, entry] of entries.entries()) {
        expect(entry.index).toBe(i + 1);
        expect(entry.previous).toBe(previous);
        expect(entry.hash).toBe(`0x${createHash("sha256").update(entry.text).digest("hex")}`);
        expect(JSON.parse(entry.text).slice(0, 3)).toEqual([previous, entry.index, entry.at]);
        previous = entry.hash;
      }
      expect(journal.head()).toEqual({ index: 4, hash: previous });
    });

    it("has one text for one record", () => {
      // printf '["0x%064d",1,1795341600000,{"by":null,"topic":"test","id":"1","digest":"","refused":null},[]]' 0 | sha256sum
      const [entry] = journal.append([draftOf([], START)]);
      expect(entry?.hash).toBe("0x2d2897f9fd6d0522f78ba9aa74d2a83a38171352427cb192956169745ef4efe6");
    });

    it("appends all drafts or none", async () => {
      const good = draftOf([await voucherFact(5n, 5n)]);
      const bad = draftOf([{ kind: "announced", task: "0x12", bidBy: good.at as never }]);
      expect(() => journal.append([good, bad])).toThrow(expect.objectContaining({ code: "impossible" }));
      expect(journal.head().index).toBe(0);
      expect([...journal.entries()]).toEqual([]);
      expect(journal.append([good])[0]?.index).toBe(1);
    });

    it("may be appended to while it is read, and reads no gap", () => {
      journal.append(life.drafts.slice(0, 2));
      const seen: number[] = [];
      for (const entry of journal.entries()) {
        seen.push(entry.index);
        if (entry.index <= 2) journal.append(life.drafts.slice(3, 4));
      }
      expect(seen.slice(0, 2)).toEqual([1, 2]);
      expect(seen).toEqual(seen.map((_, i) => i + 1));
      expect(journal.head().index).toBe(4);
    });

    it("keeps the newest two snapshots and gives the newest", () => {
      journal.append(life.drafts.slice(0, 4));
      expect(journal.newestSnapshot()).toBeNull();
      for (const index of [1, 3, 2, 4]) journal.saveSnapshot(index, new Uint8Array([index]));
      expect(journal.newestSnapshot()).toEqual({ index: 4, bytes: new Uint8Array([4]) });
      journal.saveSnapshot(4, new Uint8Array([44]));
      expect(journal.newestSnapshot()).toEqual({ index: 4, bytes: new Uint8Array([44]) });
      expect(() => journal.saveSnapshot(5, new Uint8Array())).toThrow(
        expect.objectContaining({ code: "impossible" }),
      );
    });

    it("holds any text that a cause or a reason brings", () => {
      fc.assert(
        fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (id, reason) => {
          const cause = { by: null, topic: "test", id, digest: reason, refused: null };
          const facts = [
            {
              kind: "transactionDropped" as const,
              transaction: TRANSACTION,
              reason,
            },
          ];
          const [entry] = journal.append([{ at: START, cause, facts }]);
          expect(journal.entry(entry?.index ?? 0)).toEqual(entry);
          expect(entry?.facts).toEqual(facts);
          expect(entry?.cause.id).toBe(id);
        }),
        { numRuns: 50 },
      );
    });
  });
}
