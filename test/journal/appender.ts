/** Appends to the journal in the given folder for ever, and prints each index once it is acknowledged. */
import { writeSync } from "node:fs";
import { openJournal } from "../../src/journal/sqlite-journal.ts";

const [folder = "", group = "1"] = process.argv.slice(2);
const journal = openJournal(folder);
const facts = [
  { kind: "transactionDropped", transaction: `0x${"ab".repeat(32)}`, reason: "x".repeat(200) },
] as const;
const cause = { by: null, topic: "test", id: "1", digest: "", refused: null };
const drafts = Array.from({ length: Number(group) }, (_, i) => ({ at: i, cause, facts }));

try {
  for (;;) {
    for (const entry of journal.append(drafts)) writeSync(1, `${entry.index}\n`);
  }
} catch (error) {
  writeSync(1, `fault ${error instanceof Error && "code" in error ? error.code : error}\n`);
  writeSync(1, `head ${journal.head().index}\n`);
}
