/** The command line of `hirewire log`: reads the arguments, opens the journal beside its writer, shows a view. */
import { type Clock, systemClock } from "../../base/clock.ts";
import { isFault } from "../../base/fault.ts";
import { openJournal } from "../../journal/sqlite-journal.ts";
import { verifyJournal } from "../../journal/verify.ts";
import type { CommandIo } from "../io.ts";
import { listFacts } from "./list.ts";
import { HELP, type LogRequest, parseLogRequest } from "./options.ts";
import { showEntry } from "./show.ts";

/** Exit code of a journal that does not hold. */
const BROKEN = 3;

/** Entries between two lines of progress: about a second of signatures. */
const PROGRESS = 1_000;

/**
 * Runs `hirewire log …` and gives its exit code: 0, or 3 when `log verify` finds a broken journal.
 *
 * @param args - what stands after `log`
 * @param defaultData - the gateway's folder where `--data` is not given
 * @throws {@link Fault} `usage`, `config_missing`, `journal_broken` (from a listing), `disk_failed`
 */
export function logCommand(
  args: string[],
  io: CommandIo,
  defaultData: string | null,
  clock: Clock = systemClock,
): Promise<number> {
  return Promise.try(() => run(parseLogRequest(args, defaultData), io, clock));
}

function run(request: LogRequest, io: CommandIo, clock: Clock): number {
  if (request.view === "help") {
    io.write(HELP);
    return 0;
  }
  if (request.view === "verify") return verify(request.data, request.json, io);
  const journal = openJournal(request.data, { readOnly: true });
  try {
    if (request.view === "list") listFacts(journal, request.list, io, clock.now());
    else showEntry(journal, request.index, request.json, io);
    return 0;
  } finally {
    journal.close();
  }
}

function verify(folder: string, json: boolean, io: CommandIo): number {
  try {
    const journal = openJournal(folder, { readOnly: true });
    try {
      const total = count(journal.head().index);
      const { held, signatures, head } = verifyJournal(journal.entries(), (done) => {
        if (done % PROGRESS === 0) io.warn(`${count(done)} of ${total} entries hold\n`);
      });
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

function count(many: number): string {
  return many.toLocaleString("en-US");
}
