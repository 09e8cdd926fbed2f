/** Walks the journal of a folder for the command line, beside its writer. */
import type { Clock } from "../../base/clock.ts";
import { isFault } from "../../base/fault.ts";
import { openJournal, type StoredJournal } from "../../journal/sqlite-journal.ts";
import { JournalWalk, type Verified } from "../../journal/verify.ts";
import type { CommandIo } from "../io.ts";
import { poolFor } from "../verify/share.ts";

/** Exit code of a journal that does not hold. */
export const BROKEN = 3;

/** Entries between two lines of progress. */
const PROGRESS = 1_000;

/**
 * Verifies a whole journal, with progress on standard error.
 *
 * @param folder - the gateway's
 * @returns the exit code: 0, or 3 when an entry does not hold, which is named
 * @throws {@link Fault} `config_missing`, `file_format`, `disk_failed`
 */
export async function walkFolder(
  folder: string,
  json: boolean,
  io: CommandIo,
  clock: Clock,
): Promise<number> {
  try {
    const journal = openJournal(folder, { readOnly: true });
    try {
      const { held, signatures, head } = await walkAll(journal, io, clock);
      const text = `${count(held)} entries hold, ${count(signatures)} signatures; newest hash ${head.hash}`;
      io.write(json ? `${JSON.stringify({ holds: true, held, signatures, head })}\n` : `${text}\n`);
      return 0;
    } finally {
      journal.close();
    }
  } catch (error) {
    if (!isFault(error, "journal_broken")) throw error;
    const { facts, message } = error;
    io.write(json ? `${JSON.stringify({ holds: false, ...facts, message })}\n` : `${message}\n`);
    return BROKEN;
  }
}

async function walkAll(journal: StoredJournal, io: CommandIo, clock: Clock): Promise<Verified> {
  const entries = journal.head().index;
  const total = count(entries);
  const pool = await poolFor(entries, clock);
  let told = 0;
  try {
    return await new JournalWalk().follow(
      journal.stored(),
      (checks) => pool.check(checks),
      ({ held }) => {
        for (; told + PROGRESS <= held; told += PROGRESS) {
          io.warn(`${count(told + PROGRESS)} of ${total} entries hold\n`);
        }
      },
    );
  } finally {
    await pool.close();
  }
}

/** A count with commas between thousands. */
export function count(many: number): string {
  return many.toLocaleString("en-US");
}
